"""The commands of a skill, as functions: run, preview, status, result, cancel, upload.

Every function returns an outcome; an error is part of it. Importing this module imports httpx, so
a command line does it when a call is made and not before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_runtime.config import Config
from fal_runtime.fal.storage import upload_all
from fal_runtime.fal.submit import Submission
from fal_runtime.file_kinds import content_type_of
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import with_links
from fal_runtime.jobs.call import Call
from fal_runtime.jobs.job import Services
from fal_runtime.model_id import checked_model_id
from fal_runtime.output.files import links
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.result import CallResult

if TYPE_CHECKING:
    from fal_runtime.input.prepare import PreparedInput

__all__ = [
    "cancel_job",
    "job_result",
    "job_status",
    "preview_job",
    "run_job",
    "upload_files",
]


def run_job(
    services: Services, model_id: str, prepared: "PreparedInput", options: CallOptions
) -> CallResult:
    """Call the model once and return what came of it.

    Key, model ID and output folder are checked first, files are uploaded next, and the one request
    that costs money goes out last.
    """
    call = Call(services, model_id, options)

    def work() -> CallResult:
        preview = _submission(services.config, model_id, prepared.value, options)
        services.config.authorization()
        folder = open_output_folder(options.output, options.output_file)
        uploaded = upload_all(call.connection, [file.path for file in prepared.local_files])
        body = with_links(prepared, uploaded)
        submission = replace(preview, body=body)
        sent = frozenset(links(body))
        if _is_sync(services.config, options):
            return call.run_sync(submission, folder, sent)
        accepted = call.submit(submission)
        if options.submit:
            return accepted
        return call.wait_and_collect(folder, sent)

    return call.answer(work)


def preview_job(
    services: Services, model_id: str, prepared: "PreparedInput", options: CallOptions
) -> CallResult:
    """Return the exact request that `run_job` would send, without key and network.

    Raises UsageError for a malformed model ID.
    """
    submission = _submission(services.config, model_id, prepared.value, options)
    request: dict[str, Any] = {
        "method": "POST",
        "url": submission.url,
        "headers": dict(submission.headers),
        "body": dict(submission.body),
    }
    return CallResult("DRY_RUN", model_id, platform_request=request, sources=prepared.sources)


def job_status(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Ask once how a job stands."""
    call = Call(services, model_id, options)

    def work() -> CallResult:
        call.take_up(request_id)
        return call.look()

    return call.answer(work)


def job_result(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Wait for a job that was submitted before, then collect it: free of charge."""
    call = Call(services, model_id, options)

    def work() -> CallResult:
        call.take_up(request_id)
        folder = open_output_folder(options.output, options.output_file)
        return call.wait_and_collect(folder)

    return call.answer(work)


def cancel_job(
    services: Services, model_id: str, request_id: str, options: CallOptions
) -> CallResult:
    """Ask fal to cancel a job; one that runs already may still complete."""
    call = Call(services, model_id, options)

    def work() -> CallResult:
        call.take_up(request_id)
        return call.cancel()

    return call.answer(work)


def upload_files(services: Services, paths: Sequence[Path]) -> CallResult:
    """Upload local files and return their links: `result` is a list of `{path, url, ...}`."""
    call = Call(services)

    def work() -> CallResult:
        uploaded = upload_all(call.connection, [path.absolute() for path in paths])
        told = [
            {"path": str(path), "url": url, "content_type": content_type_of(path.name)}
            for path, url in uploaded.items()
        ]
        return CallResult("COMPLETED", None, result=told)

    return call.answer(work)


def _is_sync(config: Config, options: CallOptions) -> bool:
    """Tell the flow: an explicit `--submit` needs the queue, whatever the settings say."""
    return options.sync_only or (config.settings.sync_only and not options.submit)


def _submission(
    config: Config, model_id: str, body: Mapping[str, Any], options: CallOptions
) -> Submission:
    sync = _is_sync(config, options)
    origin = config.origins.run if sync else config.origins.queue
    return Submission(f"{origin}/{checked_model_id(model_id)}", _headers(options, sync), body)


def _headers(options: CallOptions, sync: bool) -> dict[str, str]:
    """Return the headers of a submit but the key's; priority is a matter of the queue only."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if options.priority is not None and not sync:
        headers["X-Fal-Queue-Priority"] = options.priority
    if options.start_timeout is not None:
        headers["X-Fal-Request-Timeout"] = f"{options.start_timeout:g}"
    if options.no_retry:
        headers["X-Fal-No-Retry"] = "1"
    return headers
