"""The jobs of the queue and how they go on: queued, in progress, completed, cancelled, too late."""

import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from falsmith.documents import Json
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.responses import Reply, cancelled, invalid, timed_out

__all__ = ["Job", "Jobs", "Phase", "Timing"]

Phase = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
LOG_LINES = 5


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a job takes: so many polls, and so many seconds; half of both in the queue."""

    polls: int = 2
    delay: float = 0.0


@dataclass(slots=True)
class Job:
    """One submitted request; the only thing in the emulator that changes as time goes by."""

    endpoint: Endpoint
    problems: list[Json]
    make: Callable[[], Reply]
    timing: Timing
    clock: Callable[[], float]
    start_timeout: float | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    polls: int = 0
    ended: Reply | None = None
    submitted: float = field(init=False)
    submitted_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.submitted = self.clock()
        self.submitted_at = datetime.now(UTC)

    def poll(self) -> Phase:
        """Return the phase as a client sees it now; each poll brings the job forward."""
        phase = self.phase()
        self.polls += 1
        return phase

    def phase(self) -> Phase:
        """Return the phase without bringing the job forward."""
        if self.ended is None and self._is_late():
            self.ended = timed_out()
        if self.ended is not None or self.progress() >= 1:
            return "COMPLETED"
        return "IN_QUEUE" if self.progress() < 0.5 else "IN_PROGRESS"

    def progress(self) -> float:
        """Return how much of the way to completion the job has gone, from 0 to 1."""
        by_polls = self.polls / self.timing.polls if self.timing.polls else 1.0
        elapsed = self.clock() - self.submitted
        by_time = elapsed / self.timing.delay if self.timing.delay else 1.0
        return min(by_polls, by_time, 1.0)

    def queue_position(self) -> int:
        """Return how many jobs are said to wait before this one; falls to 0."""
        return max(0, math.ceil((0.5 - self.progress()) * self.timing.polls) - 1)

    def logs(self) -> list[Json]:
        """Return the log so far: whole every time, and longer as the job goes on."""
        count = min(LOG_LINES, int((self.progress() - 0.5) * 2 * LOG_LINES) + 1)
        return [self._log_line(number) for number in range(1, count + 1)]

    def reply(self) -> Reply:
        """Return what the result answers once the job is completed, every time the same."""
        if self.ended is None:
            self.ended = invalid(self.problems) if self.problems else self.make()
        return self.ended

    def cancel(self) -> None:
        """End the job as cancelled."""
        self.ended = cancelled()

    def _is_late(self) -> bool:
        in_queue = self.timing.delay / 2
        if self.start_timeout is None or self.start_timeout >= in_queue:
            return False
        return self.clock() - self.submitted >= self.start_timeout

    def _log_line(self, number: int) -> Json:
        moment = self.submitted_at + timedelta(milliseconds=100 * number)
        stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = f"step {number} of {LOG_LINES}"
        return {"timestamp": stamp, "level": "INFO", "source": "USER", "message": message}


@dataclass(slots=True)
class Jobs:
    """All jobs by request id; they are kept as long as the emulator runs."""

    timing: Timing
    clock: Callable[[], float] = time.monotonic
    by_id: dict[str, Job] = field(default_factory=dict)

    def submit(
        self,
        endpoint: Endpoint,
        problems: list[Json],
        make: Callable[[], Reply],
        start_timeout: float | None = None,
    ) -> Job:
        """Queue a request; `make` makes its result when somebody asks for it."""
        job = Job(endpoint, problems, make, self.timing, self.clock, start_timeout)
        self.by_id[job.request_id] = job
        return job

    def find(self, app: str, request_id: str) -> Job | None:
        """Return the job of this id if it belongs to `app`, which may be another app's path."""
        job = self.by_id.get(request_id)
        return job if job is not None and job.endpoint.app == app else None
