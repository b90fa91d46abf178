"""The commands of a skill, as functions: run, preview, status, result, cancel, upload.

Every function returns an outcome; an error is part of it. Importing this module imports httpx, so
a command line does it when a call is made and not before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_runtime.fal.storage import upload_all
from fal_runtime.fal.submit import Submission
from fal_runtime.file_kinds import content_type_of
from fal_runtime.input.prepare import with_links
from fal_runtime.jobs.call import Call, JobOptions, Session
from fal_runtime.model import checked_model_id
from fal_runtime.output.find import links
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.result import Outcome

if TYPE_CHECKING:
    from fal_runtime.input.prepare import PreparedInput

__all__ = [
    "JobOptions",
    "Session",
    "cancel_job",
    "job_result",
    "job_status",
    "preview_job",
    "run_job",
    "upload_files",
]


def run_job(session: Session, prepared: "PreparedInput") -> Outcome:
    """Call the model once and return what came of it.

    Key, model ID and output folder are checked first, files are uploaded next, and the one request
    that costs money goes out last.
    """
    call, options = Call(session), session.options

    def work() -> Outcome:
        preview = _submission(session, prepared.value)
        session.config.authorization()
        folder = open_output_folder(options.output, options.output_file)
        uploaded = upload_all(call.connection, [file.path for file in prepared.local_files])
        body = with_links(prepared, uploaded)
        submission = replace(preview, body=body)
        sent = frozenset(links(body))
        if _is_sync(session):
            return call.run_sync(submission, folder, sent)
        accepted = call.submit(submission)
        if options.submit:
            return accepted
        return call.wait_and_collect(folder, sent)

    return call.answer(work)


def preview_job(session: Session, prepared: "PreparedInput") -> Outcome:
    """Return the exact request that `run_job` would send, without key and network.

    Raises UsageError for a malformed model ID.
    """
    submission = _submission(session, prepared.value)
    request: dict[str, Any] = {
        "method": "POST",
        "url": submission.url,
        "headers": dict(submission.headers),
        "body": dict(submission.body),
    }
    return Outcome("DRY_RUN", session.model_id, platform_request=request, sources=prepared.sources)


def job_status(session: Session, request_id: str) -> Outcome:
    """Ask once how a job stands."""
    call = Call(session)

    def work() -> Outcome:
        call.take_up(request_id)
        return call.look()

    return call.answer(work)


def job_result(session: Session, request_id: str) -> Outcome:
    """Wait for a job that was submitted before, then collect it: free of charge."""
    call = Call(session)

    def work() -> Outcome:
        call.take_up(request_id)
        folder = open_output_folder(session.options.output, session.options.output_file)
        return call.wait_and_collect(folder)

    return call.answer(work)


def cancel_job(session: Session, request_id: str) -> Outcome:
    """Ask fal to cancel a job; one that runs already may still complete."""
    call = Call(session)

    def work() -> Outcome:
        call.take_up(request_id)
        return call.cancel()

    return call.answer(work)


def upload_files(session: Session, paths: Sequence[Path]) -> Outcome:
    """Upload local files and return their links: `result` is a list of `{path, url, ...}`."""
    call = Call(session)

    def work() -> Outcome:
        uploaded = upload_all(call.connection, [path.absolute() for path in paths])
        told = [
            {"path": str(path), "url": url, "content_type": content_type_of(path.name)}
            for path, url in uploaded.items()
        ]
        return Outcome("COMPLETED", None, result=told)

    return call.answer(work)


def _is_sync(session: Session) -> bool:
    """Tell the flow: an explicit `--submit` needs the queue, whatever the settings say."""
    options, settings = session.options, session.config.settings
    return options.sync_only or (settings.sync_only and not options.submit)


def _submission(session: Session, body: Mapping[str, Any]) -> Submission:
    origins, sync = session.config.origins, _is_sync(session)
    model_id = checked_model_id(session.model_id or "")
    url = f"{origins.run if sync else origins.queue}/{model_id}"
    return Submission(url, _headers(session.options, sync), body)


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
