"""Wait for a job: ask often at first, then less, and stop in time."""

import math
from dataclasses import dataclass

import httpx

from fal_runtime.errors import FalError, JobError, NotCollectedError
from fal_runtime.fal.http import Connection
from fal_runtime.fal.queue import JobState, RequestUrls, job_result, job_state

__all__ = ["Patience", "Watch"]

_FIRST_PAUSE = 0.2
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How a job is waited for, in seconds: most between polls, and until when (`Clock.now`)."""

    poll_interval: float
    until: float

    @classmethod
    def of(
        cls,
        now: float,
        poll_interval: float,
        job_timeout: float,
        max_polls: int | None,
        wait: float,
    ) -> "Patience":
        """Return the patience of a command that begins to wait now.

        The job's deadline is interval times polls, which are ceil(job_timeout / interval) unless
        given. `wait` ends the command's own waiting earlier; 0 waits to the deadline.
        """
        polls = max_polls if max_polls is not None else math.ceil(job_timeout / poll_interval)
        deadline = poll_interval * polls
        return cls(poll_interval, now + (min(wait, deadline) if wait > 0 else deadline))


@dataclass(slots=True)
class Watch:
    """One job being waited for; `state` and log `lines` stay there also when waiting ends badly."""

    connection: Connection
    urls: RequestUrls
    patience: Patience
    logs: bool = False
    state: JobState | None = None
    lines: tuple[str, ...] = ()

    def result(self) -> httpx.Response:
        """Return the answer that holds the job's result.

        Raises NotCollectedError when the patience is over, and as `job_state` and `job_result` do.
        """
        clock, pause = self.connection.clock, _FIRST_PAUSE
        while True:
            response = self._look()
            if response is not None:
                return response
            left = self.patience.until - clock.now()
            if left <= 0:
                raise NotCollectedError("wait_over", self._not_yet())
            clock.sleep(min(pause, left))
            pause = min(pause * _GROWTH, self.patience.poll_interval)

    def _look(self) -> httpx.Response | None:
        before, until = self.state, self.patience.until
        state = job_state(self.connection, self.urls, logs=self.logs, deadline=until)
        self.state = state
        self._tell(state, before)
        if state.status != "COMPLETED":
            return None
        if state.error is not None:
            raise self._failure(state.error)
        return job_result(self.connection, self.urls, failed=False, deadline=until)

    def _failure(self, error: str) -> FalError:
        """Return the error of a job whose status names one; the result's own answer says more."""
        try:
            job_result(
                self.connection, self.urls, failed=True, deadline=self.connection.clock.now() + 30.0
            )
        except JobError as told:
            return told
        except FalError as lost:
            return JobError("job_failed", f"the job failed ({error}; {lost})")
        return JobError("job_failed", f"the job failed ({error})")

    def _tell(self, state: JobState, before: JobState | None) -> None:
        report = self.connection.report
        told = before.queue_position if before is not None else None
        if state.queue_position not in (None, told):
            report(f"In the queue, {state.queue_position} ahead")
        if state.status == "IN_PROGRESS" and (before is None or before.status != "IN_PROGRESS"):
            report("Running")
        for line in state.logs[len(self.lines) :]:
            report(line)
        self.lines = max(self.lines, state.logs, key=len)

    def _not_yet(self) -> str:
        state = self.state or JobState("IN_QUEUE")
        queued = f", {state.queue_position} ahead" if state.queue_position is not None else ""
        return f"the job is not finished yet ({state.status}{queued}): it goes on at fal"
