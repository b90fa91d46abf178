"""A job as a value: its state, what is known of it, and the result that a caller gets."""

import math
import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from fal_runtime.config import Config
from fal_runtime.errors import (
    FalError,
    JobError,
    NotAcceptedError,
    NotCollectedError,
    Retry,
    UnconfirmedError,
    stopped_by,
)
from fal_runtime.fal.clock import REAL_CLOCK, Clock
from fal_runtime.fal.protocol import ModelRequest, RequestUrls, unconfirmed
from fal_runtime.input.files import LocalFile
from fal_runtime.input.options import CallOptions
from fal_runtime.json_text import ReceivedJson, read_json
from fal_runtime.output.result import CallResult, SavedResult, Status
from fal_runtime.settings import LONGEST_WAIT, SHORTEST_INTERVAL

if TYPE_CHECKING:
    import httpx

    from fal_runtime.fal.http import Connection

JobState = Literal[
    "accepted",
    "submitting",
    "unknown",
    "submitted",
    "cancelling",
    "finished",
    "completed",
    "saved",
    "failed",
    "cancelled",
    "refused",
]

_STATUS_OF_STATE: dict[JobState, Status] = {
    "accepted": "IN_QUEUE",
    "submitting": "UNKNOWN",
    "unknown": "UNKNOWN",
    "finished": "COMPLETED",
    "completed": "COMPLETED",
    "saved": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
    "refused": "REFUSED",
}
# After so many looks at fal's history, which are half a minute, what is not there is not coming.
_ENOUGH_LOOKS = 5
# A server may not know of a new job yet, or have a bad moment: that passes, and nobody is told.
_LASTING_TROUBLE = 2
_ENDED: tuple[JobState, ...] = ("failed", "cancelled", "refused")
# The exit statuses of errors that leave a job which can be gone on with.
_LASTING = (3, 5, 7, 9, 130)


# What is told of a job that was cancelled on request.
CANCELLED = JobError("cancelled", "the job was cancelled")


class JobDaemon(Protocol):
    """What runs jobs of the ledger in a process of its own."""

    def run(self, job: "Job", until: float, report: Callable[[str], None]) -> bool:
        """Have a job run; return when it has ended, or at `until`: the ledger says how it stands.

        For a job with `--submit` that is when fal has it, or a limit makes it wait. False where no
        daemon can be used: `report` was told why. Raises FalError where the daemon fails at it.
        """

    def watch(self, job: "Job", until: float, report: Callable[[str], None]) -> None:
        """Tell of a job until it has ended, or `until`; return at once where no daemon has it.

        Raises FalError as `run`.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """What every command works with; `client` is None where one is opened for the command.

    `report` takes lines about progress. `daemon` is None where a command runs its job itself.
    """

    config: Config
    report: Callable[[str], None]
    client: "httpx.Client | None" = None
    clock: Clock = REAL_CLOCK
    daemon: JobDaemon | None = None

    @contextmanager
    def connected(self) -> Iterator["Connection"]:
        """Yield what talks to fal; httpx takes longer to load than a daemon to be handed a job."""
        from fal_runtime.fal.http import Connection, new_client

        with ExitStack() as stack:
            client = self.client or stack.enter_context(new_client(self.config))
            yield Connection(client, self.config, self.report, self.clock)


@dataclass(frozen=True, slots=True)
class Job:
    """One call of a model, from its accepted input to its saved files.

    States, each of which can be written down before it is acted on:

    accepted    nothing is sent; local files wait for their upload
    submitting  the one request that costs money is on its way
    unknown     it was sent, and whether fal accepted it is not known
    submitted   fal has the job; `status` is its last word
    cancelling  fal is to be asked to cancel it; `cancel_confirmed`: it agreed
    finished    the job has ended; its result is at fal
    completed   the result is here, as `content`
    saved       the files are here too
    failed, cancelled, refused: why is in `error`; refused means that nothing ran

    `id` is the ledger's name of the job, None where it keeps none; `identity` is for whose key and
    address it was made (Config.identity). `created`, `changed` and `sent` are UTC seconds:
    when it was accepted, when its state changed, when the request that costs money went out.
    `error` ends a command, `trouble` (the last reply was of no use) does not. `failure` is what
    the status said of a job that failed, until its result says more. `streams`: its status may
    come as a stream. `submitted_here`: by this
    command, where of other jobs only the ID was given. Times are those of the clock.
    """

    model_id: str
    options: CallOptions
    state: JobState
    request: ModelRequest | None = None
    is_sync: bool = False
    local_files: tuple[LocalFile, ...] = ()
    attempts: int = 0
    request_id: str | None = None
    urls: RequestUrls | None = None
    submitted_here: bool = False
    cancel_confirmed: bool = False
    status: Literal["UNKNOWN", "IN_QUEUE", "IN_PROGRESS"] = "UNKNOWN"
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    polls: int = 0
    streams: bool = True
    troubles: int = 0
    trouble: FalError | None = None
    failure: FalError | None = None
    content: bytes | None = None
    billable_units: float | None = None
    saved: SavedResult | None = None
    logs_path: Path | None = None
    error: FalError | None = None
    id: str | None = None
    identity: str = ""
    created: float = 0.0
    changed: float = 0.0
    sent: float | None = None

    @property
    def name(self) -> str | None:
        """What `--status`, `--result` and `--cancel` take: our ID, else fal's."""
        return self.id or (self.request_id if self.is_at_fal else None)

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing left to do: also nothing to collect again."""
        return self.state in _ENDED or (self.state == "saved" and self.error is None)

    @property
    def is_at_fal(self) -> bool:
        """Whether fal accepted the job and can be asked for it."""
        return self.urls is not None and self.state not in ("accepted", "submitting", "unknown")


def job_deadline(config: Config, options: CallOptions) -> tuple[float, float]:
    """Return the most seconds between two polls, and for how many seconds a job is waited for.

    The deadline is the interval times the polls, which are ceil(job_timeout / interval) unless
    they are given.
    """
    interval = max(options.poll_interval or config.settings.poll_interval, SHORTEST_INTERVAL)
    polls = options.max_polls or math.ceil(config.settings.job_timeout / interval)
    return interval, min(interval * polls, LONGEST_WAIT)


def command_wait(config: Config, options: CallOptions) -> float:
    """Return for how many seconds a command waits for its job, which goes on without it."""
    _, seconds = job_deadline(config, options)
    return min(options.wait or seconds, seconds)


def collect_command(job: Job) -> tuple[str, ...]:
    """Return the words of the command that gives what this call would have given."""
    options = job.options
    words = [*options.command, "--result", str(job.name)]
    if options.output != Path("output"):
        words += ["--output", str(options.output)]
    if options.output_file is not None:
        words += ["--output-file", options.output_file]
    flags = {
        "--auto-filename": options.auto_filename,
        "--save-logs": options.save_logs,
        "--save-logs-inline": options.save_logs_inline,
        "--quiet": options.quiet,
    }
    words += [name for name, is_set in flags.items() if is_set]
    return (*words, "--print", "paths") if options.print_paths else tuple(words)


def progress(before: Job, after: Job) -> list[str]:
    """Return the lines that say what became of a job between two of its values."""
    lines = []
    if after.state == "accepted" and after.trouble is not before.trouble:
        lines.append(f"Not accepted yet ({after.trouble}): trying again")
    command = shlex.join(collect_command(after))
    if after.is_sync and after.state == "submitting" != before.state and after.id is not None:
        lines.append(f"Running. If this command is ended before the answer comes: {command}")
    if after.state == "unknown" and before.state == "submitting":
        lines.append(
            "fal's answer did not come: looking for the job there, without sending it again. To "
            f"look later: {command}"
        )
    if after.is_at_fal and not before.is_at_fal and not after.is_sync:
        lines.append(
            f"Submitted as {after.request_id}. To collect it later, free of charge: {command}"
        )
    if after.troubles == _LASTING_TROUBLE != before.troubles and after.trouble is not None:
        lines.append(f"{after.trouble}: asking again")
    if after.queue_position not in (None, before.queue_position):
        lines.append(f"In the queue, {after.queue_position} ahead")
    if after.status == "IN_PROGRESS" != before.status and not after.cancel_confirmed:
        lines.append("Running")
    return [*lines, *after.logs[len(before.logs) :]]


def unfinished(job: Job) -> Job:
    """Return the job with the error that ends the wait for it."""
    if job.state == "unknown":
        return _unconfirmed(job)
    if job.failure is not None:
        return replace(job, state="failed", error=job.failure)
    if job.trouble is not None:
        if isinstance(job.trouble, NotCollectedError):
            return replace(job, error=job.trouble)
        text = f"fal accepted the job and hides it: {job.trouble}"
        return replace(job, error=NotCollectedError("wait_over", text))
    queued = f", {job.queue_position} ahead" if job.queue_position is not None else ""
    status = "COMPLETED" if job.state == "finished" else job.status
    text = f"the job is not finished yet ({status}{queued}): it goes on at fal"
    if job.state == "completed":
        text = "the job is done: its files are still being saved"
    if job.state == "accepted":
        text = "the job waits for its turn: the daemon sends it, and saves its files"
    return replace(job, error=NotCollectedError("wait_over", text))


def _unconfirmed(job: Job) -> Job:
    """Return a job that was looked for and not found.

    What fal said it did not take is refused, if it does not turn up for long enough.
    """
    error = job.error
    if isinstance(error, NotAcceptedError) and job.trouble is None and job.polls >= _ENOUGH_LOOKS:
        return replace(job, state="refused", request_id=None)
    if not isinstance(error, UnconfirmedError):
        error = unconfirmed(str(error))
    why = str(job.trouble) if job.trouble is not None else ""
    text = error.message if why in error.message else f"{error.message} ({why})"
    return replace(job, error=replace(error, message=text))


def call_result(job: Job, elapsed: float) -> CallResult:
    """Return the job as it stands in the form that callers get."""
    unsaved: ReceivedJson = None
    if job.is_sync and job.state == "completed" and job.content is not None:
        # The result of a synchronous run that could not be saved: nobody has it but us.
        with suppress(ValueError):
            unsaved = read_json(job.content)
    saved = job.saved or SavedResult(unsaved, None, (), (), None, None)
    error = _with_consequences(job, job.error) if job.error is not None else None
    status: Status = _STATUS_OF_STATE.get(job.state) or job.status
    # Who stops waiting leaves the job to another process, which sends it.
    if job.state == "accepted" and error and error.code not in ("wait_over", "interrupted"):
        status = "REFUSED"
    request = None
    if error is not None and error.code == "result_endpoint_only" and job.urls is not None:
        status = "RESULT_ENDPOINT_ONLY"
        request = {"method": "GET", "url": job.urls.result}
    return CallResult(
        status,
        job.model_id,
        job.request_id,
        job.name,
        saved.result,
        saved.files,
        error=error,
        seed=saved.seed,
        text=saved.text,
        logs_path=job.logs_path,
        billable_units=job.billable_units,
        elapsed_s=elapsed,
        platform_request=request,
        next=_next_words(job, error),
        result_path=saved.path,
    )


def broken_off(job: Job, cause: BaseException) -> Job:
    """Return the job with the error of an interrupt, or of a fault of this program."""
    stopped, what = isinstance(cause, KeyboardInterrupt), stopped_by(cause)
    error: FalError
    if job.state in ("accepted", "refused"):
        job = replace(job, state="refused")
        code = "interrupted" if stopped else "internal_error"
        retry: Retry = "later" if stopped else "after_fix"
        error = FalError(code, f"{what} before anything was submitted", charged="no", retry=retry)
    elif job.state in ("submitting", "unknown"):
        job = replace(job, state="unknown")
        code = "interrupted" if stopped else "unconfirmed"
        text = f"{what} while the job was being sent: it may run and be billed"
        error = FalError(code, text, charged="unknown", retry="never")
    else:
        goes_on = job.state in ("submitted", "cancelling")
        where = ": the job goes on at fal" if goes_on else " after the job had ended"
        error = FalError("interrupted" if stopped else "wait_over", what + where)
    error.__cause__ = cause
    return replace(job, error=error)


def _next_words(job: Job, error: FalError | None) -> tuple[str, ...] | None:
    """Return the command that goes on where this one ended, None where there is none."""
    if job.state in _ENDED:
        return None
    if job.name is not None:
        goes_on = job.options.submit if error is None else error.exit_status in _LASTING
        return collect_command(job) if goes_on else None
    if job.state == "unknown" and job.request_id is not None and not job.is_sync:
        return (*job.options.command, "--status", job.request_id)
    return None


def _with_consequences(job: Job, error: FalError) -> FalError:
    """Return the error with what the job's state says of who pays and whether to try again.

    Trouble with the key or this machine, which is free before a job is sent, does not end one.
    """
    known = error
    if job.state in ("completed", "saved"):
        # The result of a synchronous run is in the ledger, or nowhere.
        retry: Retry = "never" if job.is_sync and job.id is None else "same_job"
        known = replace(error, charged="yes", retry=retry)
    elif (job.is_at_fal or job.state in ("submitting", "unknown")) and error.exit_status in (3, 9):
        known = replace(error, charged="unknown", retry="same_job")
    elif job.state == "unknown" and isinstance(error, NotAcceptedError):
        # It is still looked for: fal has run jobs that it said it did not take.
        known = unconfirmed(str(error))
    known.__cause__ = error.__cause__
    return known
