"""The jobs of the emulator, as values that only time changes, and the books of what it accepted."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from fal_runtime.model_id import app_of
from falsmith.documents import Json
from falsmith.emulator.clock import stamp
from falsmith.emulator.responses import Reply, cancelled

__all__ = ["Book", "Job", "Jobs", "Phase"]

Phase = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
LOG_LINES = 5
FIRST_POSITION = 2
COLUMNS = (
    "request_id, model_id, host, inputs, accepted, started, ended, kept, payloads, reply, collected"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted request. When it starts and ends, and with what, is settled from the start.

    Attributes:
        host: Where it came in: `queue` or `run`.
        kept: How many seconds after its end the queue still has its result.
        payloads: Whether the history keeps what went in and what came out.
        collected: How often its result was given out.

    """

    request_id: str
    model_id: str
    host: str
    inputs: Json
    accepted: float
    started: float
    ended: float
    kept: float
    payloads: bool
    reply: Reply
    collected: int = 0

    @property
    def app(self) -> str:
        """Owner and app, below which the queue has this request."""
        return app_of(self.model_id)

    def phase(self, now: float) -> Phase:
        """Return how far the job is."""
        if now >= self.ended:
            return "COMPLETED"
        return "IN_PROGRESS" if now >= self.started else "IN_QUEUE"

    def queue_position(self, now: float) -> int:
        """Return how many jobs are said to wait before this one; falls to 0 as it waits."""
        waits = self.started - self.accepted
        left = (self.started - now) / waits if waits > 0 and math.isfinite(waits) else 0.0
        return max(0, min(FIRST_POSITION, math.ceil(left * (FIRST_POSITION + 1)) - 1))

    def logs(self, now: float) -> list[Json]:
        """Return the log up to now: whole every time, and longer as the job goes on."""
        ran = self.ended - self.started
        step = ran / LOG_LINES if math.isfinite(ran) else 1.0
        moments = [self.started + step * number for number in range(LOG_LINES)]
        return [
            {
                "timestamp": stamp(moment),
                "level": "INFO",
                "source": "USER",
                "message": f"step {number} of {LOG_LINES}",
            }
            for number, moment in enumerate(moments, 1)
            if moment <= now
        ]

    def row(self) -> tuple[Json, ...]:
        """Return the job as the database has it."""
        inputs, reply = json.dumps(self.inputs), json.dumps(asdict(self.reply))
        times = self.accepted, self.started, self.ended, self.kept
        first = self.request_id, self.model_id, self.host, inputs
        return *first, *times, self.payloads, reply, self.collected


@dataclass(frozen=True, slots=True)
class Book:
    """One input to one model, and every request for it that was accepted, the oldest first."""

    model_id: str
    inputs: Json
    jobs: tuple[Job, ...]


class Jobs:
    """All jobs, in the database."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def add(self, job: Job) -> None:
        """Keep a job that was accepted."""
        marks = ", ".join("?" * len(job.row()))
        self._rows.execute(f"INSERT INTO jobs ({COLUMNS}) VALUES ({marks})", job.row())

    def find(self, app: str, request_id: str) -> Job | None:
        """Return the job of this id if it belongs to `app`, which may be another app's path."""
        found = next(self._read("WHERE request_id = ?", request_id), None)
        return found if found is not None and found.app == app else None

    def of_models(self, model_ids: Sequence[str]) -> list[Job]:
        """Return the jobs of these models, the oldest first."""
        marks = ", ".join("?" * len(model_ids))
        return list(self._read(f"WHERE model_id IN ({marks}) ORDER BY rowid", *model_ids))

    def cancel(self, job: Job, now: float) -> None:
        """End the job now, as cancelled."""
        ended = replace(job, ended=now, started=min(job.started, now), reply=cancelled())
        change = "UPDATE jobs SET started = ?, ended = ?, reply = ? WHERE request_id = ?"
        reply = json.dumps(asdict(ended.reply))
        self._rows.execute(change, (ended.started, ended.ended, reply, job.request_id))

    def collect(self, job: Job) -> None:
        """Count that the job's result was given out."""
        change = "UPDATE jobs SET collected = collected + 1 WHERE request_id = ?"
        self._rows.execute(change, (job.request_id,))

    def books(self) -> list[Book]:
        """Return every accepted request, by model and input, in the order of the first of each."""
        found: dict[tuple[str, str], list[Job]] = {}
        for job in self._read("ORDER BY rowid"):
            key = job.model_id, json.dumps(job.inputs, sort_keys=True)
            found.setdefault(key, []).append(job)
        return [Book(jobs[0].model_id, jobs[0].inputs, tuple(jobs)) for jobs in found.values()]

    def _read(self, which: str, *values: Json) -> Iterator[Job]:
        for row in self._rows.execute(f"SELECT {COLUMNS} FROM jobs {which}", values).fetchall():
            request_id, model_id, host, inputs, accepted, started, ended, kept = row[:8]
            payloads, reply, collected = row[8:]
            yield Job(
                request_id,
                model_id,
                host,
                json.loads(inputs),
                accepted,
                started,
                ended,
                kept,
                bool(payloads),
                Reply(**json.loads(reply)),
                collected,
            )
