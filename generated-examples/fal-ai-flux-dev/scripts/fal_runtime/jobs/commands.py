"""The commands of a skill, as functions: run, preview, status, result, cancel, upload.

Each returns a CallResult; an error, an interrupt or a fault of this program is part of it, with
the job as far as it had come. Importing this module imports httpx, so a command line does it when
a call is made and not before.
"""

import math
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fal_runtime.config import Config
from fal_runtime.errors import FalError, NotCollectedError
from fal_runtime.fal.http import Connection, new_client
from fal_runtime.fal.protocol import RequestUrls, checked_request_id
from fal_runtime.fal.queue import ModelRequest
from fal_runtime.fal.storage import upload_all
from fal_runtime.file_kinds import content_type_of
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import (
    Job,
    Services,
    broken_off,
    call_result,
    collect_command,
    job_deadline,
    progress,
    unfinished,
)
from fal_runtime.jobs.steps import step
from fal_runtime.model_id import checked_model_id
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.result import CallResult

if TYPE_CHECKING:
    from fal_runtime.input.prepare import PreparedInput

__all__ = ["cancel_job", "job_result", "job_status", "preview_job", "run_job", "upload_files"]

# For how long a command asks that wants one answer and no result.
_ONE_ANSWER = 30.0


def run_job(
    services: Services, model_id: str, prepared: "PreparedInput", options: CallOptions
) -> CallResult:
    """Call the model once and return what came of it.

    Key and output folder are checked first, files are uploaded next, and the one request that
    costs money goes out last. Raises UsageError for a malformed model ID.
    """
    request = _model_request(services.config, model_id, prepared, options)
    is_sync = _is_sync(services.config, options)
    job = Job(model_id, options, "accepted", request, is_sync, prepared.local_files)
    return call_result(*_follow(services, job))


def preview_job(
    services: Services, model_id: str, prepared: "PreparedInput", options: CallOptions
) -> CallResult:
    """Return the exact request that `run_job` would send, without key and network.

    Raises UsageError for a malformed model ID.
    """
    request = _model_request(services.config, model_id, prepared, options)
    shown = {
        "method": "POST",
        "url": request.url,
        "headers": dict(request.headers),
        "body": dict(request.body),
    }
    return CallResult("DRY_RUN", model_id, platform_request=shown, sources=prepared.sources)


def job_status(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Ask how a job stands; of a failed one also its result, which says why.

    Raises UsageError for a malformed model or request ID, as do the next two.
    """
    job = _submitted_before(services.config, model_id, request_id, options)
    return call_result(*_follow(services, job, once=True))


def job_result(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Wait for a job that was submitted before, then collect it: free of charge."""
    job = _submitted_before(services.config, model_id, request_id, options)
    return call_result(*_follow(services, job))


def cancel_job(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Ask fal to cancel a job; one that runs already may still complete.

    Where fal's reply does not say what became of it, the job's status does.
    """
    known = _submitted_before(services.config, model_id, request_id, options)
    job, elapsed = _follow(services, replace(known, state="cancelling"), once=True)
    if job.state == "cancelled":
        return replace(call_result(replace(job, error=None), elapsed), charged="no")
    if job.state == "finished" and job.error is None:
        text = "too late to cancel: the job is completed"
        job = replace(job, error=NotCollectedError("already_completed", text))
    elif job.state == "submitted" and job.cancel_confirmed:
        services.report("Cancelling was asked for; the job runs and may still complete")
        return replace(call_result(job, elapsed), charged="unknown")
    elif job.state == "submitted" and (job.error is None or job.error.code == "wait_over"):
        again = (*options.command, "--cancel", known.request_id or "")
        text = f"fal did not confirm the cancelling ({job.error or job.status}): the job stands"
        job = replace(job, error=NotCollectedError("wait_over", text, next=again))
    return call_result(job, elapsed)


def upload_files(services: Services, paths: Sequence[Path]) -> CallResult:
    """Upload local files and return their links: `result` is a list of `{path, url, ...}`."""
    started = services.clock.now()
    result = CallResult("REFUSED", None)
    try:
        with ExitStack() as stack:
            uploaded = upload_all(_connected(services, stack), [path.absolute() for path in paths])
        links = [
            {"path": str(path), "url": url, "content_type": content_type_of(path.name)}
            for path, url in uploaded.items()
        ]
        result = CallResult("COMPLETED", None, result=links)
    except FalError as error:
        result = replace(result, error=error)
    except KeyboardInterrupt:
        text = "interrupted before every file was uploaded"
        stopped = FalError("interrupted", text, charged="no", retry="later")
        result = replace(result, error=stopped)
    return replace(result, elapsed_s=services.clock.now() - started)


def _follow(services: Services, job: Job, *, once: bool = False) -> tuple[Job, float]:
    """Step a job to its end, or as far as it comes while the command waits.

    `once` is for one answer about the job. Returned are what the job became, whatever ended it,
    and the seconds that it took.
    """
    options, clock, report = job.options, services.clock, services.report
    started, until = clock.now(), math.inf
    try:
        _, seconds = job_deadline(services.config, options)
        wait = _ONE_ANSWER if once else min(options.wait or seconds, seconds)
        services.config.authorization()
        if not once:
            open_output_folder(options.output, options.output_file)
        if job.is_sync and options.logs:
            report("There are no logs to save: only the queue has them")
        if job.is_at_fal:
            until = started + wait
        with ExitStack() as stack:
            connection = _connected(services, stack)
            due: float | None = started
            began = started
            while due is not None:
                now = clock.now()
                # What is due at once is no waiting: a result that is there is still collected.
                if due > began and now >= until:
                    job = unfinished(job)
                    break
                if due > now:
                    clock.sleep(min(due, until) - now)
                before, began = job, clock.now()
                job, due = step(job, connection, began, until)
                for line in progress(before, job):
                    report(line)
                if job.is_at_fal and not before.is_at_fal:
                    command = collect_command(job)
                    report(
                        f"Submitted as {job.request_id}. To collect it later, free of charge: "
                        f"{shlex.join(command)}"
                    )
                    if options.submit:
                        break
                    until = clock.now() + wait
                if once and job.trouble is None and job.failure is None:
                    break
    except FalError as error:
        job = replace(job, error=error)
    except (KeyboardInterrupt, Exception) as cause:
        job = broken_off(job, cause)
    return job, clock.now() - started


def _connected(services: Services, stack: ExitStack) -> Connection:
    client = services.client or stack.enter_context(new_client(services.config))
    return Connection(client, services.config, services.report, services.clock)


def _submitted_before(config: Config, model_id: str, request_id: str, options: CallOptions) -> Job:
    """Return a job of which only the ID is known."""
    known, checked = checked_model_id(model_id), checked_request_id(request_id)
    urls = RequestUrls.of_id(config.origins.queue, known, checked)
    return Job(known, options, "submitted", request_id=checked, urls=urls)


def _is_sync(config: Config, options: CallOptions) -> bool:
    """Whether the flow is synchronous: `--submit` needs the queue, whatever the settings say."""
    return options.sync_only or (config.settings.sync_only and not options.submit)


def _model_request(
    config: Config, model_id: str, prepared: "PreparedInput", options: CallOptions
) -> ModelRequest:
    """Return the request that runs the model; priority is a matter of the queue only."""
    is_sync = _is_sync(config, options)
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if options.priority is not None and not is_sync:
        headers["X-Fal-Queue-Priority"] = options.priority
    if options.start_timeout is not None:
        headers["X-Fal-Request-Timeout"] = f"{options.start_timeout:g}"
    if options.no_retry:
        headers["X-Fal-No-Retry"] = "1"
    origin = config.origins.run if is_sync else config.origins.queue
    return ModelRequest(f"{origin}/{checked_model_id(model_id)}", headers, prepared.value)
