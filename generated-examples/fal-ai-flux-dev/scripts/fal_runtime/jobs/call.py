"""One call in progress: what is known of it at any moment, so that every ending tells it."""

import shlex
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import httpx

from fal_runtime.errors import (
    FalError,
    JobError,
    LocalError,
    NotCollectedError,
    UnconfirmedError,
    UsageError,
)
from fal_runtime.fal.http import Connection, new_client
from fal_runtime.fal.protocol import billable_units, failure, told
from fal_runtime.fal.queue import RequestUrls, cancel, checked_request_id, job_state
from fal_runtime.fal.submit import Submission, run_sync, submit
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Services
from fal_runtime.jobs.waiting import Patience, Watch
from fal_runtime.model_id import checked_model_id
from fal_runtime.output.folder import OutputFolder, save_lines
from fal_runtime.output.result import CallResult, Status
from fal_runtime.output.save import Naming, save_result
from fal_runtime.paths import safe_name

__all__ = ["Call"]

_STATUS_OF_CODE: dict[str, Status] = {
    "cancelled": "CANCELLED",
    "job_failed": "FAILED",
    "result_endpoint_only": "RESULT_ENDPOINT_ONLY",
    "unconfirmed": "UNKNOWN",
}


class Call:
    """One run of a command; `outcome` is what would be told if it ended now."""

    def __init__(
        self, services: Services, model_id: str | None = None, options: CallOptions | None = None
    ) -> None:
        self.services = services
        self.options, self.config = options or CallOptions(), services.config
        self.report, self.clock = services.report, services.clock
        self.outcome = CallResult("REFUSED", model_id)
        self.is_new = False

    def answer(self, work: Callable[[], CallResult]) -> CallResult:
        """Return what the work came to; an error or Ctrl-C becomes part of the outcome."""
        started = self.clock.now()
        with ExitStack() as stack:
            try:
                usable = self.services.client or stack.enter_context(new_client(self.config))
                self.connection = Connection(usable, self.config, self.report, self.clock)
                self.outcome = work()
            except FalError as error:
                self.outcome = self._ended_by(error)
            except KeyboardInterrupt:
                self.outcome = self._ended_by(self._interrupted())
        return replace(self.outcome, elapsed_s=self.clock.now() - started)

    def submit(self, submission: Submission) -> CallResult:
        """Submit the job, once, and say how it can be collected before anything else happens."""
        self.outcome = replace(self.outcome, status="UNKNOWN")
        submitted = submit(self.connection, self.outcome.model_id or "", submission)
        self._is_job(submitted.request_id, submitted.urls, "IN_QUEUE")
        self.is_new = True
        self.report(
            f"Submitted as {submitted.request_id}. To collect it later, free of charge: "
            f"{shlex.join(self._collect_command())}"
        )
        return replace(self.outcome, next=self._collect_command())

    def take_up(self, request_id: str) -> None:
        """Turn to a job that was submitted before, of which only the ID is known."""
        model_id = checked_model_id(self.outcome.model_id or "")
        checked = checked_request_id(request_id)
        urls = RequestUrls.of_id(self.config.origins.queue, model_id, checked)
        self._is_job(checked, urls, "UNKNOWN")

    def look(self) -> CallResult:
        """Ask once how the job stands."""
        deadline = self.clock.now() + 30.0
        state = job_state(self.connection, self.urls, logs=self.options.logs, deadline=deadline)
        if state.error is not None:
            raise JobError("job_failed", f"the job failed ({state.error})")
        for line in state.logs:
            self.report(line)
        if state.queue_position is not None:
            self.report(f"In the queue, {state.queue_position} ahead")
        return replace(self.outcome, status=state.status)

    def wait_and_collect(self, folder: OutputFolder, sent: Collection[str] = ()) -> CallResult:
        """Wait for the job, then save its files and its logs."""
        watch = Watch(self.connection, self.urls, self._patience(self.options.wait))
        watch.logs = self.options.logs
        try:
            response = watch.result()
        except JobError:
            self._save_logs(folder, watch.lines)
            raise
        except UsageError as error:
            raise self._not_shown_yet(error) from None
        finally:
            if watch.state is not None:
                self.outcome = replace(self.outcome, status=watch.state.status)
        try:
            self.outcome = self._saved(response, folder, sent)
        except ValueError:
            raise NotCollectedError(
                "download_failed", f"the result cannot be read ({told(response)})"
            ) from None
        self._save_logs(folder, watch.lines)
        return self._finished()

    def run_sync(
        self, submission: Submission, folder: OutputFolder, sent: Collection[str]
    ) -> CallResult:
        """Run the model on one connection and save its files: nothing can be collected again."""
        timeout = self._patience(0).until - self.clock.now()
        self.outcome = replace(self.outcome, status="UNKNOWN")
        if self.options.logs:
            self.report("There are no logs to save: only the queue has them")
        response = run_sync(self.connection, submission, timeout)
        request_id = response.headers.get("x-fal-request-id")
        self.outcome = replace(self.outcome, request_id=request_id)
        if not response.is_success:
            raise failure(response)
        try:
            self.outcome = self._saved(response, folder, sent)
        except ValueError:
            raise UnconfirmedError(
                "unconfirmed",
                f"fal ran the model, and its answer cannot be read ({told(response)})",
                charged="yes",
            ) from None
        return self._finished()

    def cancel(self) -> CallResult:
        """Ask fal to cancel the job and return what it says."""
        word = cancel(self.connection, self.urls)
        if word == "ALREADY_COMPLETED":
            self.outcome = replace(self.outcome, status="COMPLETED")
            raise NotCollectedError("already_completed", "too late to cancel: the job is completed")
        if word == "OK":
            return replace(self.outcome, status="CANCELLED")
        self.report("Cancelling was asked for; the job runs and may still complete")
        return replace(self.outcome, status="IN_PROGRESS")

    def _is_job(self, request_id: str, urls: RequestUrls, status: Status) -> None:
        self.urls = urls
        self.outcome = replace(self.outcome, status=status, request_id=request_id, job=request_id)

    def _not_shown_yet(self, error: UsageError) -> FalError:
        """Return the error of a job that fal does not know: one submitted just now does exist."""
        if not self.is_new:
            return error
        return NotCollectedError("wait_over", f"fal accepted the job and hides it: {error}")

    def _patience(self, wait: float) -> Patience:
        settings, options = self.config.settings, self.options
        interval = options.poll_interval or settings.poll_interval
        now = self.clock.now()
        return Patience.of(now, interval, settings.job_timeout, options.max_polls, wait)

    def _saved(
        self, response: httpx.Response, folder: OutputFolder, sent: Collection[str]
    ) -> CallResult:
        stamp = f"{self.clock.date().astimezone(UTC):%Y%m%dT%H%M%SZ}"
        naming = Naming(
            self.outcome.request_id or stamp, stamp if self.options.auto_filename else None
        )
        saved = save_result(self.connection, folder, naming, response.content, sent)
        error = None
        if saved.lost:
            text = f"the job is done, but not every file came: {'; '.join(saved.lost)}"
            error = NotCollectedError("download_failed", text)
        return replace(
            self.outcome,
            status="COMPLETED",
            result=saved.result,
            result_path=saved.path,
            files=saved.files,
            error=error,
            seed=saved.seed,
            text=saved.text,
            billable_units=billable_units(response),
        )

    def _save_logs(self, folder: OutputFolder, lines: Collection[str]) -> None:
        """Save the job's log lines where the options want them; the first place is told."""
        stem, places = safe_name(self.outcome.request_id or "job"), list[Path]()
        if self.options.save_logs:
            parent = folder.below("logs")
            places.append(save_lines(folder, parent, stem, "log", [*lines]))
        if self.options.save_logs_inline:
            first = self.outcome.files[0].path if self.outcome.files else folder.path / stem
            places.append(save_lines(folder, first.parent, first.stem, "log", [*lines]))
        if places:
            self.outcome = replace(self.outcome, logs_path=places[0])

    def _finished(self) -> CallResult:
        """Return the outcome; files that did not come end it as an error does."""
        error = self.outcome.error
        return self.outcome if error is None else self._ended_by(error)

    def _collect_command(self) -> tuple[str, ...]:
        words = (*self.options.command, "--result", str(self.outcome.job))
        default = self.options.output == Path("output")
        return words if default else (*words, "--output", str(self.options.output))

    def _interrupted(self) -> FalError:
        if self.outcome.job is not None:
            return FalError("interrupted", "interrupted: the job goes on at fal")
        if self.outcome.status == "REFUSED":
            message = "interrupted before anything was submitted"
            return FalError("interrupted", message, charged="no", retry="later")
        message = "interrupted while the job was being sent: it may run and be billed"
        return FalError("interrupted", message, charged="unknown", retry="never")

    def _ended_by(self, error: FalError) -> CallResult:
        """Return the outcome that the error makes of what is known, with the command that helps."""
        found = (error.outcome or {}).get("request_id")
        outcome = replace(
            self.outcome, next=None, error=error, request_id=found or self.outcome.request_id
        )
        if outcome.job is not None:
            if error.exit_status in (3, 5, 9, 130):
                error.next = error.next or self._collect_command()
            if isinstance(error, LocalError):
                error.charged, error.retry = "unknown", "same_job"
        elif found is not None:
            error.next = (*self.options.command, "--status", found)
        elif isinstance(error, NotCollectedError):
            error.retry = "never"
        return self._with_status(outcome, error)

    def _with_status(self, outcome: CallResult, error: FalError) -> CallResult:
        if error.code == "result_endpoint_only":
            request = {"method": "GET", "url": self.urls.result}
            outcome = replace(outcome, platform_request=request)
        if error.code in _STATUS_OF_CODE:
            return replace(outcome, status=_STATUS_OF_CODE[error.code])
        never_accepted = outcome.request_id is None and error.code != "interrupted"
        return replace(outcome, status="REFUSED") if never_accepted else outcome
