"""The commands of a skill, as functions: run, preview, status, result, cancel, upload.

Every function returns an outcome; an error is part of it. Importing this module imports httpx, so
a command line does it when a call is made and not before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from .call import Call, JobOptions
from .config import Config
from .file_types import content_type_of
from .http import REAL_CLOCK, Clock
from .media import upload_all, with_links
from .model import checked_model_id
from .outcome import Outcome
from .output_folder import open_output_folder
from .result_files import links
from .submitting import Submission

if TYPE_CHECKING:
    from .arguments import PreparedInput

__all__ = [
    "JobOptions",
    "cancel_job",
    "job_result",
    "job_status",
    "preview_job",
    "run_job",
    "upload_files",
]

Report: TypeAlias = Callable[[str], None]


def run_job(
    model_id: str,
    prepared: "PreparedInput",
    options: JobOptions,
    config: Config,
    *,
    report: Report,
    client: httpx.Client | None = None,
    clock: Clock = REAL_CLOCK,
) -> Outcome:
    """Call the model once and return what came of it.

    Key, model ID and output folder are checked first, files are uploaded next, and the one request
    that costs money goes out last.
    """
    call = Call(model_id, options, config, report, clock)

    def work() -> Outcome:
        preview = _submission(model_id, prepared.value, options, config)
        config.authorization()
        folder = open_output_folder(options.output, options.output_file)
        uploaded = upload_all(call.connection, [file.path for file in prepared.local_files])
        body = with_links(prepared, uploaded)
        submission = replace(preview, body=body)
        sent = frozenset(links(body))
        if _is_sync(options, config):
            return call.run_sync(submission, folder, sent)
        accepted = call.submit(submission)
        if options.submit:
            return accepted
        return call.wait_and_collect(folder, sent)

    return call.answer(work, client)


def preview_job(
    model_id: str, prepared: "PreparedInput", options: JobOptions, config: Config
) -> Outcome:
    """Return the exact request that `run_job` would send, without key and network.

    Raises UsageError for a malformed model ID.
    """
    submission = _submission(model_id, prepared.value, options, config)
    request: dict[str, Any] = {
        "method": "POST",
        "url": submission.url,
        "headers": dict(submission.headers),
        "body": dict(submission.body),
    }
    return Outcome("DRY_RUN", model_id, platform_request=request)


def job_status(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Report,
    client: httpx.Client | None = None,
    clock: Clock = REAL_CLOCK,
) -> Outcome:
    """Ask once how a job stands."""
    call = Call(model_id, options, config, report, clock)

    def work() -> Outcome:
        call.take_up(request_id)
        return call.look()

    return call.answer(work, client)


def job_result(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Report,
    client: httpx.Client | None = None,
    clock: Clock = REAL_CLOCK,
) -> Outcome:
    """Wait for a job that was submitted before, then collect it: free of charge."""
    call = Call(model_id, options, config, report, clock)

    def work() -> Outcome:
        call.take_up(request_id)
        folder = open_output_folder(options.output, options.output_file)
        return call.wait_and_collect(folder)

    return call.answer(work, client)


def cancel_job(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Report,
    client: httpx.Client | None = None,
    clock: Clock = REAL_CLOCK,
) -> Outcome:
    """Ask fal to cancel a job; one that runs already may still complete."""
    call = Call(model_id, options, config, report, clock)

    def work() -> Outcome:
        call.take_up(request_id)
        return call.cancel()

    return call.answer(work, client)


def upload_files(
    paths: Sequence[Path],
    config: Config,
    *,
    report: Report,
    client: httpx.Client | None = None,
    clock: Clock = REAL_CLOCK,
) -> Outcome:
    """Upload local files and return their links: `result` is a list of `{path, url, ...}`."""
    call = Call(None, JobOptions(), config, report, clock)

    def work() -> Outcome:
        uploaded = upload_all(call.connection, [path.absolute() for path in paths])
        told = [
            {"path": str(path), "url": url, "content_type": content_type_of(path.name)}
            for path, url in uploaded.items()
        ]
        return Outcome("COMPLETED", None, result=told)

    return call.answer(work, client)


def _is_sync(options: JobOptions, config: Config) -> bool:
    """Tell the flow: an explicit `--submit` needs the queue, whatever the settings say."""
    return options.sync_only or (config.settings.sync_only and not options.submit)


def _submission(
    model_id: str, body: Mapping[str, Any], options: JobOptions, config: Config
) -> Submission:
    sync = _is_sync(options, config)
    origin = config.origins.run if sync else config.origins.queue
    return Submission(f"{origin}/{checked_model_id(model_id)}", _headers(options, sync), body)


def _headers(options: JobOptions, sync: bool) -> dict[str, str]:
    """Return the headers of a submit but the key's; priority is a matter of the queue only."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if options.priority is not None and not sync:
        headers["X-Fal-Queue-Priority"] = options.priority
    if options.start_timeout is not None:
        headers["X-Fal-Request-Timeout"] = f"{options.start_timeout:g}"
    if options.no_retry:
        headers["X-Fal-No-Retry"] = "1"
    return headers
