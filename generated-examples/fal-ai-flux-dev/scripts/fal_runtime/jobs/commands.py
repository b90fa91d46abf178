"""The commands of a skill, as functions: run, preview, status, result, cancel, upload.

Each returns a CallResult; an error, an interrupt or a fault of this program is part of it, with
the job as far as it had come. What talks to fal is imported where a command does it: httpx takes
longer to load than a daemon to be handed a job.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fal_runtime.config import Config
from fal_runtime.errors import (
    Charged,
    FalError,
    LocalError,
    NotCollectedError,
    OverLimitError,
    UsageError,
    stopped_by,
)
from fal_runtime.fal.clock import utc_text
from fal_runtime.fal.protocol import ModelRequest, RequestUrls, checked_request_id
from fal_runtime.file_kinds import content_type_of
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import (
    Job,
    JobDaemon,
    Services,
    broken_off,
    call_result,
    command_wait,
    progress,
    unfinished,
)
from fal_runtime.jobs.ledger import JobSummary, Ledger, is_job_id
from fal_runtime.json_text import ReceivedJson
from fal_runtime.model_id import checked_model_id
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.result import CallResult
from fal_runtime.text import one_line

if TYPE_CHECKING:
    from fal_runtime.input.prepare import PreparedInput

# For how long a command asks that wants one answer and no result.
_ONE_ANSWER = 30.0
# How often a job of another process is looked at in the ledger.
_LOOK = 0.5
_MOST_LISTED = 20


def run_job(
    services: Services,
    ledger: Ledger,
    model_id: str,
    prepared: "PreparedInput",
    options: CallOptions,
) -> CallResult:
    """Call the model once and return what came of it.

    Key and output folder are checked first, files are uploaded next, and the one request that
    costs money goes out last. Raises UsageError for a malformed model ID.
    """
    config, clock = services.config, services.clock
    started, now = clock.now(), clock.date().timestamp()
    job = Job(
        model_id,
        options,
        "accepted",
        _model_request(config, model_id, prepared, options),
        _is_sync(config, options),
        prepared.local_files,
        identity=config.identity,
        created=now,
        changed=now,
    )
    if services.daemon is not None and ledger.keeps_inputs:
        job = _handed_over(services, services.daemon, ledger, job)
    else:
        job = _follow(services, ledger, job, started)
    return call_result(job, clock.now() - started)


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
    services: Services, ledger: Ledger, model_id: str, name: str, options: CallOptions
) -> CallResult:
    """Tell how a job stands; of a failed one also its result, which says why.

    `name` is our ID or fal's. Raises UsageError for a malformed or unknown one, or another model's,
    as do the next two.
    """
    started = services.clock.now()
    job, own = _known_job(services, ledger, model_id, name, options)
    # Only fal knows how far a job is; of one that another process works on it is asked as well.
    if job.state in ("submitted", "finished") or (own and job.state == "unknown"):
        job = _follow(services, ledger, job, started, once=True, own=own)
    elif own and job.state == "accepted":
        services.report("The job was not sent: its command was ended. --result sends it")
    return call_result(job, services.clock.now() - started)


def job_result(
    services: Services, ledger: Ledger, model_id: str, name: str, options: CallOptions
) -> CallResult:
    """Wait for a job that was begun before, then collect it: free of charge.

    One that was never sent is sent now.
    """
    clock = services.clock
    started = clock.now()
    job, own = _known_job(services, ledger, model_id, name, options)
    until = started + command_wait(services.config, options)
    if not own:
        job, own = _watched(services, ledger, job, options, until)
    if own and job.state == "saved" and not _is_saved_here(job):
        job = _saved_again(services, ledger, job, started)
    elif own and job.state != "saved" and not job.has_ended:
        if job.state == "accepted":
            _check_unsent(services, ledger, job, options)
        job = _follow(services, ledger, job, started)
    return call_result(job, clock.now() - started)


def cancel_job(
    services: Services, ledger: Ledger, model_id: str, name: str, options: CallOptions
) -> CallResult:
    """Cancel a job: at fal, where one that runs already may still complete, or before it is sent.

    Where fal's reply does not say what became of it, the job's status does.
    """
    started = services.clock.now()
    job, own = _known_job(services, ledger, model_id, name, options)
    named = str(job.name)
    if job.id is not None and ledger.cancel(job.id):
        job = replace(job, state="cancelled")
    else:
        if own and job.state in ("unknown", "submitting"):
            job = _follow(services, ledger, job, started, once=True)
        if job.is_at_fal and job.state in ("submitted", "cancelling", "finished"):
            job = replace(job, state="cancelling")
            job = _follow(services, ledger, job, started, once=True, own=own)
    charged: Charged | None = None
    if job.state == "cancelled":
        job, charged = replace(job, error=None), "no"
    elif job.state in ("finished", "completed", "saved") and job.error is None:
        text = "too late to cancel: the job is completed"
        job = replace(job, error=NotCollectedError("already_completed", text))
    elif job.state == "submitted" and job.cancel_confirmed:
        services.report("Cancelling was asked for; the job runs and may still complete")
        charged = "unknown"
    elif job.state in ("submitting", "submitted") and (
        job.error is None or job.error.code == "wait_over"
    ):
        again = (*options.command, "--cancel", named)
        text = f"fal did not confirm the cancelling ({job.error or job.status}): the job stands"
        job = replace(job, error=NotCollectedError("wait_over", text, next=again))
    return replace(call_result(job, services.clock.now() - started), charged=charged)


def list_jobs(ledger: Ledger, model_ids: Sequence[str], now: datetime) -> CallResult:
    """Return the newest jobs of models as the ledger knows them; nothing is asked at fal."""
    entries = ledger.jobs(model_ids, limit=_MOST_LISTED)
    listed = [listed_job(entry, now.timestamp()) for entry in entries]
    return CallResult("COMPLETED", model_ids[0] if len(model_ids) == 1 else None, result=listed)


def upload_files(services: Services, ledger: Ledger, paths: Sequence[Path]) -> CallResult:
    """Upload local files and return their links: `result` is a list of `{path, url, ...}`."""
    from fal_runtime.fal.storage import upload_all

    started = services.clock.now()
    result = CallResult("REFUSED", None)
    try:
        with services.connected() as connection:
            uploaded = upload_all(connection, [path.absolute() for path in paths], ledger)
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


def listed_job(entry: JobSummary, now: float) -> dict[str, ReceivedJson]:
    """Return a job as lists of jobs show it."""
    job = entry.job
    listed: dict[str, ReceivedJson] = {
        "job": job.id,
        "request_id": job.request_id,
        "model_id": job.model_id,
        "when": utc_text(job.created),
        "age_s": round(max(now - job.created, 0)),
        "state": job.state,
        "prompt": entry.prompt,
        "files": [str(file.path) for file in job.saved.files] if job.saved is not None else [],
    }
    error = {"error": one_line(str(job.error), 200)} if job.error is not None else {}
    return listed | error


def _follow(
    services: Services,
    ledger: Ledger,
    job: Job,
    started: float,
    *,
    once: bool = False,
    own: bool = True,
) -> Job:
    """Step a job to its end, or as far as it comes while the command waits, which began `started`.

    `once` is for one answer about the job. One that another process owns is asked about and not
    written down. Returned is what the job became, whatever ended it.
    """
    options, clock, job_id = job.options, services.clock, job.id
    began = clock.now()
    try:
        from fal_runtime.jobs.steps import advance, step

        job = _begun(services, ledger, job, once=once)
        job_id = job.id
        wait = max(command_wait(services.config, options) - (began - started), 0.0)
        wait = _ONE_ANSWER if once else wait
        until = math.inf if job.state == "accepted" else began + wait
        with services.connected() as connection:
            due: float | None = began
            while due is not None:
                now = clock.now()
                # What is due at once is no waiting: a result that is there is still collected.
                if due > began and now >= until:
                    job = unfinished(job)
                    break
                if due > now:
                    clock.sleep(min(due, until) - now)
                before, began = job, clock.now()
                if own:
                    job, due = advance(ledger, job, connection, began, until, stream=not once)
                else:
                    job, due = step(job, connection, ledger, began, until)
                if before.state == "submitting" != job.state != "accepted":
                    until = clock.now() + wait
                is_answered = once and job.trouble is None and job.failure is None
                if is_answered or (options.submit and job.is_at_fal):
                    break
    except FalError as error:
        job = replace(job, error=error)
    except (KeyboardInterrupt, Exception) as cause:
        job = broken_off(job, cause)
    if own and job_id is not None:
        # With its end the job is anybody's.
        known = replace(job, id=job_id)
        try:
            job = known if ledger.save(known) else job
        except LocalError as error:
            services.report(f"warning: {error}")
    return job


def _handed_over(services: Services, daemon: JobDaemon, ledger: Ledger, job: Job) -> Job:
    """Have the daemon run a new job, and wait for it; where no daemon can, run it here."""
    started, options = services.clock.now(), job.options
    try:
        job = _begun(services, ledger, job, own=False)
        until = started + command_wait(services.config, options)
        if not daemon.run(job, until, services.report):
            own = ledger.claim(str(job.id))
            if own is not None:
                return _follow(services, ledger, own, started)
        job = ledger.job(str(job.id)) or job
        if job.error is None and not (job.has_ended or options.submit):
            job = unfinished(job)
    except FalError as error:
        job = _failed_hand_over(ledger, job, error)
    except (KeyboardInterrupt, Exception) as cause:
        job = _broken_hand_over(ledger, job, cause)
    return job


def _failed_hand_over(ledger: Ledger, job: Job, error: FalError) -> Job:
    """Return the job with the daemon's error, or why nobody knows whether the daemon has it."""
    try:
        known = ledger.job(job.id) if job.id is not None else None
    except LocalError:
        text = f"the daemon may have the job, and what became of it cannot be read: {error}"
        return replace(job, error=NotCollectedError("wait_over", text))
    return replace(known or job, options=job.options, error=error)


def _broken_hand_over(ledger: Ledger, job: Job, cause: BaseException) -> Job:
    """Return the job after an interrupt: a daemon that has it goes on, any other is not sent."""
    if job.id is None:
        return broken_off(job, cause)
    claimed = ledger.claim(job.id)
    if claimed is not None and ledger.cancel(job.id):
        return broken_off(job, cause)
    return _broken_wait(claimed or ledger.job(job.id) or job, cause)


def _watched(
    services: Services, ledger: Ledger, job: Job, options: CallOptions, until: float
) -> tuple[Job, bool]:
    """Wait for a job that another process works on; return it, and whether it is our own by then.

    One that is not has the error that ended the wait, and goes on.
    """
    clock, own = services.clock, False
    try:
        if services.daemon is not None:
            services.daemon.watch(job, until, services.report)
            job, own = _known_job(services, ledger, job.model_id, str(job.id), options)
        while not own and clock.now() < until:
            before = job
            clock.sleep(min(_LOOK, until - clock.now()))
            job, own = _known_job(services, ledger, job.model_id, str(job.id), options)
            for line in progress(before, job):
                services.report(line)
        if not own and (job.error is None or job.state == "unknown"):
            job = unfinished(job)
    except FalError as error:
        # Since the job was read, the other process may have sent it.
        return _failed_hand_over(ledger, job, error), False
    except (KeyboardInterrupt, Exception) as cause:
        with suppress(LocalError):
            job = replace(ledger.job(str(job.id)) or job, options=job.options)
        return _broken_wait(job, cause), False
    return job, own


def _broken_wait(job: Job, cause: BaseException) -> Job:
    """Return a job that another process works on, after an interrupt of the wait for it."""
    if job.state != "accepted":
        return broken_off(job, cause)
    text = f"{stopped_by(cause)}: the daemon has the job, and sends it when its turn comes"
    error = FalError("interrupted" if isinstance(cause, KeyboardInterrupt) else "wait_over", text)
    error.__cause__ = cause
    return replace(job, error=error)


def _begun(
    services: Services, ledger: Ledger, job: Job, *, once: bool = False, own: bool = True
) -> Job:
    """Check what a job needs before anything is sent, and write a new one down.

    Raises KeyMissingError, UsageError and LocalError.
    """
    options = job.options
    if job.state == "accepted" and job.request is not None:
        services.config.authorization(job.request.url)
    else:
        services.config.required_key()
    if not once:
        open_output_folder(options.output, options.output_file).make_ready()
    if job.is_sync and options.logs:
        services.report("There are no logs to save: only the queue has them")
    new = job.state == "accepted" and job.id is None
    return ledger.add(job, own=own) if new else job


def _known_job(
    services: Services, ledger: Ledger, model_id: str, name: str, options: CallOptions
) -> tuple[Job, bool]:
    """Return a job of the ledger, or one of which only fal's ID is known.

    Also returned is whether it is this process's own now: another one may work on it.
    """
    known_model, queue = checked_model_id(model_id), services.config.origins.queue
    job = ledger.job(name, known_model)
    if job is None or job.id is None:
        # `last` is a word of from:last alone: another session's job may come between.
        if is_job_id(name) or name == "last":
            raise UsageError(
                "usage",
                f"the ledger has no job {name}: --jobs lists this model's, and a job of another "
                "machine is named by fal's request ID",
            )
        urls = RequestUrls.of_id(queue, known_model, checked_request_id(name))
        return Job(known_model, options, "submitted", request_id=name, urls=urls), True
    claimed = ledger.claim(job.id)
    kept = job.options
    if not options.output.is_absolute():
        # Nothing else was asked for: its files go where the call wanted them.
        named = options if options.output_file or options.auto_filename else kept
        options = replace(
            options,
            output=kept.output,
            output_file=named.output_file,
            auto_filename=named.auto_filename,
        )
    options = replace(
        options,
        words=kept.words,
        poll_interval=options.poll_interval or kept.poll_interval,
        max_polls=options.max_polls or kept.max_polls,
    )
    job = replace(claimed or job, options=options)
    # A key goes to the addresses of today only, wherever the job was made.
    if job.urls is not None and job.request_id is not None:
        links = {"status_url": job.urls.status, "cancel_url": job.urls.cancel}
        links |= {"response_url": job.urls.result}
        urls = RequestUrls.of_reply(queue, job.model_id, job.request_id, links)
        job = replace(job, urls=urls)
    return job, claimed is not None


def _check_unsent(services: Services, ledger: Ledger, job: Job, options: CallOptions) -> None:
    """Raise FalError where a job that was never sent may not be sent by this command."""
    if job.identity != services.config.identity:
        raise UsageError(
            "usage",
            f"job {job.id} was never sent, and was made with another key or another address "
            "(FAL_KEY, FAL_QUEUE_URL): set those, or call the model again",
        )
    made = ledger.job(str(job.id))
    judged = made.options.max_cost if made is not None else None
    if options.max_cost is not None and (judged is None or judged > options.max_cost):
        text = f"job {job.id} was never sent, and was made without this spending limit"
        raise OverLimitError("over_limit", f"{text} (--max-cost, FAL_MAX_COST): call it again")


def _saved_again(services: Services, ledger: Ledger, saved: Job, started: float) -> Job:
    """Save the files of a saved job once more, elsewhere or because some are gone.

    Where that comes to nothing, what was saved before stays known.
    """
    job = replace(saved, id=None, state="completed", saved=None, error=None)
    job = replace(_follow(services, ledger, job, started), id=saved.id)
    if job.state == "saved" and job.error is None:
        ledger.save(job)
    else:
        ledger.release(str(saved.id))
    return job


def _is_saved_here(job: Job) -> bool:
    """Whether every file of a saved job is still there, and where its options want it."""
    if job.saved is None or job.error is not None:
        return False
    folder, wanted = job.options.output.resolve(), job.options.output_file
    paths = [file.path for file in job.saved.files]
    try:
        is_whole = all(file.path.stat().st_size == file.size for file in job.saved.files)
    except OSError:
        return False
    if job.saved.path is not None:
        is_whole, paths = is_whole and job.saved.path.exists(), [*paths, job.saved.path]
    named = wanted is None or paths[:1] == [folder / wanted]
    return is_whole and named and all(path.is_relative_to(folder) for path in paths)


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
    if options.runner_hint is not None:
        headers["X-Fal-Runner-Hint"] = options.runner_hint
    if options.no_retry:
        headers["X-Fal-No-Retry"] = "1"
    origin = config.origins.run if is_sync else config.origins.queue
    return ModelRequest(f"{origin}/{checked_model_id(model_id)}", headers, prepared.value)
