"""The jobs of a daemon: which may start, when each is due, and the threads that step them."""

import heapq
import logging
import socket
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, takewhile
from threading import Condition, local
from typing import Literal

import httpx

from fal_runtime.config import Config
from fal_runtime.daemon.limits import Limits
from fal_runtime.daemon.protocol import Event, HeldJob, HeldJobs
from fal_runtime.errors import FalError, LocalError
from fal_runtime.fal.clock import REAL_CLOCK, Clock
from fal_runtime.fal.http import Connection, new_client, trusted_certificates
from fal_runtime.jobs.job import Job, broken_off, job_deadline
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.jobs.steps import advance

# A daemon ends so many seconds after its last job.
_IDLE = 15 * 60.0
_MOST_STREAMS = 32
_MORE_THREADS = 2
# So often a download that failed is tried again, after pauses that grow from two seconds on: half
# a minute, for a client may be waiting.
_DOWNLOADS = 4
_LONGER = 2
# For how many seconds a job's status is read as it changes, before the daemon looks up.
_WATCH = 5.0

# How a daemon leaves: with every job that it holds ended, or as soon as no step is under way.
Leave = Literal["finish", "stop"]


class Outbox:
    """Messages on their way from other threads to the one that writes to clients.

    It can be waited for as a socket can; putting something in is safe in a signal's handler too.
    """

    def __init__(self) -> None:
        self._messages = deque[Event | Leave]()
        self._is_signalled = False
        self._read_end, self._write_end = socket.socketpair()
        self._read_end.setblocking(False)
        self._write_end.setblocking(False)

    def fileno(self) -> int:
        """Return what becomes readable when there are messages."""
        return self._read_end.fileno()

    def put(self, message: Event | Leave) -> None:
        """Add a message: one for the clients that watch its job, or a wish to leave."""
        self._messages.append(message)
        # Once told that there are some, the reader takes them all.
        if not self._is_signalled:
            self._is_signalled = True
            with suppress(OSError):  # full: it is readable anyway; closed: nobody reads any more
                self._write_end.send(b"\0")

    def taken(self) -> Iterator[Event | Leave]:
        """Yield the messages that are there."""
        with suppress(BlockingIOError):
            self._read_end.recv(4096)
        self._is_signalled = False
        while self._messages:
            yield self._messages.popleft()

    def close(self) -> None:
        """Close both ends."""
        self._read_end.close()
        self._write_end.close()


@dataclass(slots=True)
class _Held:
    """A job that the daemon holds.

    `job` is None until it is claimed, `until` its deadline, None until it has started. `waits` is
    why it waits, as its clients were told. `downloads` counts the tries of its files that failed.
    """

    job_id: str
    job: Job | None = None
    until: float | None = None
    waits: str | None = None
    downloads: int = 0


class Runner:
    """Runs jobs of the ledger: `schedule` is its loop, for a thread of its own."""

    def __init__(
        self,
        config: Config,
        model_id: str,
        ledger: Ledger,
        *,
        outbox: Outbox,
        log: logging.Logger,
        clock: Clock = REAL_CLOCK,
        idle: float = _IDLE,
    ) -> None:
        """Prepare to run a model's jobs; `idle` is after how many seconds without one it ends."""
        self._config = config
        self._model_id = model_id
        self._ledger = ledger
        self._outbox = outbox
        self._log = log
        self._clock = clock
        self._idle = idle
        self._limits = Limits(config.settings)
        self._held: dict[str, _Held] = {}
        self._waiting: deque[_Held] = deque()
        self._due: list[tuple[float, int, _Held]] = []
        self._numbers = count()
        self._running = set[str]()
        self._busy_until = clock.now()
        self._leaving: Leave | None = None
        self._changed = Condition()
        self._most_streams = min(config.settings.max_concurrent, _MOST_STREAMS)
        self._streams = 0
        self._pool = ThreadPoolExecutor(self._most_streams + _MORE_THREADS, "step")
        self._certificates = trusted_certificates()
        self._of_thread = local()
        self._clients: list[httpx.Client] = []

    @property
    def is_leaving(self) -> bool:
        """Whether no more jobs are taken."""
        return self._leaving is not None

    @property
    def is_done(self) -> bool:
        """Whether it is leaving and holds nothing any more."""
        return self._leaving is not None and not self._held

    def resume(self) -> None:
        """Take the unfinished jobs that other processes of this user and key have left."""
        for job_id in self._ledger.unfinished(self._config.identity, self._model_id):
            self._log.info("job %s is resumed", job_id)
            self.take(job_id)

    def take(self, job_id: str) -> None:
        """Hold a job from now on; what becomes of it comes out of the outbox."""
        with self._changed:
            held = self._held.get(job_id)
            if held is not None:
                if held.job is not None:
                    self._outbox.put(Event("taken", job_id))
                if held.waits is not None:
                    self._outbox.put(Event("waiting", job_id, held.waits))
            elif self._leaving is not None:
                self._outbox.put(Event("refused", job_id, "the daemon is leaving"))
            else:
                self._held[job_id] = _Held(job_id)
                self._pool.submit(self._claim, self._held[job_id])

    def jobs(self) -> HeldJobs:
        """Return what is held."""
        with self._changed:
            rows = [(held, held.job) for held in self._held.values()]
        return HeldJobs(
            tuple(
                HeldJob(
                    held.job_id,
                    job.state if job is not None else "accepted",
                    job.request_id if job is not None else None,
                    held.waits,
                )
                for held, job in rows
            )
        )

    def leave(self, how: Leave) -> int:
        """Take no more jobs; return how many are still held."""
        with self._changed:
            self._leaving = "stop" if self._leaving == "stop" else how
            self._changed.notify()
            return len(self._held)

    def schedule(self) -> None:
        """Start and step what is due until the daemon leaves, or nothing is left to do."""
        with self._changed:
            while not self.is_done:
                now = self._clock.now()
                if self._held:
                    self._busy_until = now
                elif now >= self._busy_until + self._idle:
                    self._leaving = self._leaving or "finish"
                    continue
                # What is only looked for, the next daemon looks for as well: it need not wait.
                only_looks = not (self._running or self._waiting)
                if self._leaving == "stop" or (self._leaving and only_looks):
                    self._let_go()
                pause = min(self._start_waiting(now), self._step_due(now), self._idle)
                if not self.is_done:
                    self._changed.wait(pause)
        # Whoever reads the outbox sees that it is over.
        self._outbox.put("finish")

    def close(self) -> None:
        """Wait for the steps that are under way, and close their connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def _let_go(self) -> None:
        """Forget the jobs of which no step is under way: a later process goes on with them."""
        idle = [held.job_id for _, _, held in self._due]
        idle += [held.job_id for held in self._waiting]
        self._due.clear()
        self._waiting.clear()
        for job_id in idle:
            del self._held[job_id]
            self._outbox.put(Event("released", job_id))

    def _start_waiting(self, now: float) -> float:
        """Start the waiting jobs that may, and return the seconds until the next one may."""
        while self._waiting:
            wait = self._limits.wait(self._model_id, len(self._running), now)
            if wait is not None:
                self._report_waiting(now)
                return wait.seconds if wait.seconds is not None else self._idle
            self._limits = self._limits.started(self._model_id, now)
            self._begin(self._waiting.popleft(), now)
        return self._idle

    def _begin(self, held: _Held, now: float) -> None:
        """Have a job stepped from now to its deadline."""
        assert held.job is not None, "a job that begins is claimed"
        held.until, held.waits = self._deadline(held.job, now), None
        self._running.add(held.job_id)
        self._push(now, held)

    def _report_waiting(self, now: float) -> None:
        """Tell the first for what it waits, where that has changed, and those that were not told.

        The last that were told stand before them: nobody begins to wait in the middle.
        """
        unreported = takewhile(lambda held: held.waits is None, reversed(self._waiting))
        last = len(self._waiting) - 1
        for place, held in [*zip(count(last, -1), unreported), (0, self._waiting[0])]:
            wait = self._limits.wait(self._model_id, len(self._running), now, place)
            if wait is not None and held.waits != wait.why:
                held.waits = wait.why
                self._outbox.put(Event("waiting", held.job_id, str(wait)))

    def _deadline(self, job: Job, now: float) -> float:
        """Return until when a job is followed: one that was sent long ago is looked at once."""
        _, seconds = job_deadline(self._config, job.options)
        age = self._clock.date().timestamp() - job.sent if job.sent is not None else 0.0
        return now + min(max(seconds - age, 0.0), seconds)

    def _step_due(self, now: float) -> float:
        """Hand what is due to the threads, and return the seconds until more is."""
        while self._due and self._due[0][0] <= now:
            _, _, held = heapq.heappop(self._due)
            self._pool.submit(self._step, held)
        return self._due[0][0] - now if self._due else self._idle

    def _push(self, due: float, held: _Held) -> None:
        heapq.heappush(self._due, (due, next(self._numbers), held))

    def _claim(self, held: _Held) -> None:
        """Make the job the daemon's own; a thread of the pool does this."""
        reply: Event = Event("taken", held.job_id)
        job = None
        try:
            job = self._ledger.claim(held.job_id)
            if job is not None and job.has_ended:
                # As long as this process had it, nobody else could save its files once more.
                job = None
                self._ledger.release(held.job_id)
            if job is None:
                known = self._ledger.job(held.job_id)
                ended = known is not None and known.has_ended
                why = "is not in the daemon's ledger" if known is None else "is run by another"
                reply = (
                    Event("ended", held.job_id)
                    if ended
                    else Event("refused", held.job_id, f"the job {why}")
                )
        except FalError as error:
            reply = Event("refused", held.job_id, error.message)
        except Exception as cause:
            self._log.exception("job %s cannot be claimed", held.job_id)
            reply = Event("refused", held.job_id, f"{type(cause).__name__}: {cause}")
        with self._changed:
            held.job = job
            self._outbox.put(reply)
            if job is None:
                del self._held[held.job_id]
            elif job.state == "accepted":
                self._waiting.append(held)
            else:  # it was sent before, and no limit of starts has a say
                self._begin(held, self._clock.now())
            self._changed.notify()

    def _step(self, held: _Held) -> None:
        """Step the job as far as it comes without a pause; a thread of the pool does this."""
        job, until = held.job, held.until
        assert job is not None and until is not None, "a job that is stepped has started"
        ended: Event | None = None
        try:
            job, due = self._advanced(held, job, until)
            if due is None and job.saved is not None and job.saved.may_come:
                job, due = self._downloaded_again(held, job, until)
            if due is None and job.id is None:
                job, due = self._written_down(held, job, until)
            if due is None:
                ended = Event("ended", held.job_id)
        except Exception as cause:
            job, due = held.job or job, None
            failure = cause if isinstance(cause, FalError) else broken_off(job, cause).error
            assert failure is not None, "what is broken off has its error"
            if failure is not cause:
                self._log.exception("job %s is broken off", held.job_id)
            ended = Event("failed", held.job_id, failure.message, failure.code)
        if ended is not None and (job.id is None or not job.has_ended):
            self._release(held.job_id)
        with self._changed:
            held.job = job
            if ended is not None:
                del self._held[held.job_id]
                self._running.discard(held.job_id)
                self._outbox.put(ended)
                self._log.info("job %s: %s, request %s", held.job_id, job.state, job.request_id)
            elif due is not None:
                self._push(due, held)
                if job.state in ("unknown", "completed"):
                    # What most likely does not run, or has ended, makes no other job wait.
                    self._running.discard(held.job_id)
                else:
                    self._running.add(held.job_id)
            self._changed.notify()

    def _downloaded_again(self, held: _Held, job: Job, until: float) -> tuple[Job, float | None]:
        """Return a job of which not all files came, as it goes on after a pause; at last it ends.

        The ledger has it as it is: were this process killed, it would be left to `--result`.
        """
        held.downloads += 1
        pause = self._clock.growing_pause(held.downloads + _LONGER)
        due = self._clock.now() + pause
        if held.downloads > _DOWNLOADS or due >= until or self._leaving is not None:
            return job, None
        self._report(held.job_id, f"{job.error}: trying again in {pause:.0f} s")
        return replace(job, state="completed", error=None), due

    def _written_down(self, held: _Held, job: Job, until: float) -> tuple[Job, float | None]:
        """Return a job that went on without the ledger, which may take it by now.

        Of a synchronous run nobody else has the result: where neither the ledger nor a file takes
        it, that is tried again to the job's deadline. Raises LocalError.
        """
        job = replace(job, id=held.job_id)
        try:
            self._ledger.save(job)
        except LocalError:
            held.downloads += 1
            pause = self._clock.growing_pause(held.downloads + _LONGER)
            due = self._clock.now() + pause
            is_lost = job.is_sync and job.state == "completed"
            if not is_lost or due >= until or self._leaving is not None:
                raise
            self._report(held.job_id, f"{job.error}: trying again in {pause:.0f} s")
            return job, due
        return job, None

    def _advanced(self, held: _Held, job: Job, until: float) -> tuple[Job, float | None]:
        """Return the job after the steps that need no pause, and when its next one is due.

        That is None as well where it would be after the job's deadline.
        """
        report = partial(self._report, held.job_id)
        connection = Connection(self._client(), self._config, report, self._clock)
        with self._streaming() as stream:
            while True:
                before, now = job, self._clock.now()
                # A short job has ended by the first question, which costs less than a stream.
                watches = stream and job.state == "submitted" and job.streams and job.polls > 0
                # What watches cannot be told to leave before its time is over.
                ends = min(until, now + _WATCH) if watches else until
                job, due = advance(self._ledger, job, connection, now, ends, stream=watches)
                held.job = job
                if job.is_at_fal and not before.is_at_fal:
                    self._outbox.put(Event("submitted", held.job_id))
                if due is None or (due > now and max(due, self._clock.now()) >= until):
                    return job, None
                goes_on = stream and job.state == "submitted" and job.streams
                if self._leaving == "stop" or not (goes_on or due <= self._clock.now()):
                    return job, due

    @contextmanager
    def _streaming(self) -> Iterator[bool]:
        """Yield whether a job may keep a thread to itself, to read its status as it changes."""
        with self._changed:
            may = self._streams < self._most_streams
            self._streams += may
        try:
            yield may
        finally:
            with self._changed:
                self._streams -= may

    def _release(self, job_id: str) -> None:
        try:
            self._ledger.release(job_id)
        except FalError as error:
            self._log.warning("job %s is not released: %s", job_id, error)
            # What it owns is free when it has ended, and a new one may find the disk emptier.
            self.leave("finish")

    def _report(self, job_id: str, line: str) -> None:
        self._outbox.put(Event("progress", job_id, line))

    def _client(self) -> httpx.Client:
        """Return the HTTP client of this thread."""
        client: httpx.Client | None = getattr(self._of_thread, "client", None)
        if client is None:
            client = self._of_thread.client = new_client(self._config, self._certificates)
            self._clients.append(client)
        return client
