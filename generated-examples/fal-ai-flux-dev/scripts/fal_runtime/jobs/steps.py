"""One step of one job: what is done in each of its states, and when the next step is due."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Literal

import httpx

from fal_runtime.errors import (
    FalError,
    LocalError,
    NotAcceptedError,
    NotCollectedError,
    UnconfirmedError,
)
from fal_runtime.fal.http import Connection
from fal_runtime.fal.platform import PastRequest, ask_history
from fal_runtime.fal.protocol import (
    JobReply,
    RequestUrls,
    SubmitReply,
    failure,
    read_cancel,
    read_result,
    read_status,
    read_submit,
    read_sync,
)
from fal_runtime.fal.queue import ask, submit
from fal_runtime.fal.storage import upload_all
from fal_runtime.fal.stream import status_events
from fal_runtime.input.prepare import with_links
from fal_runtime.jobs.job import (
    CANCELLED,
    Job,
    JobState,
    call_result,
    job_deadline,
    progress,
    unfinished,
)
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.jobs.recovery import in_time, next_look, own_request
from fal_runtime.output.files import links
from fal_runtime.output.folder import open_output_folder, save_lines
from fal_runtime.output.save import Naming, in_a_file, save_result
from fal_runtime.paths import safe_name
from fal_runtime.settings import LONGEST_WAIT

_SILENT_STREAM = 10.0
_FIRST_PAUSE = 0.2
_GROWTH = 1.5
_SUBMIT_TRIES = 4
_SUBMIT_TIMEOUT = 120.0
_LONGEST_SUBMIT_PAUSE = 30.0
_LONGEST_RETRY_AFTER = 60.0
# So much of the history before a job was sent is asked for as well.
_EARLIER = 60.0
# Replies of no use in a row, after which what is known of a job all the same is taken.
_MOST_TROUBLES = 5
# By so many doublings the pauses grow after the first trouble with a result: 8 and 16 seconds.
_LONGER = 3

# A job, and when its next step is due.
Next = tuple[Job, float | None]


def advance(
    ledger: Ledger,
    job: Job,
    connection: Connection,
    now: float,
    until: float = math.inf,
    *,
    stream: bool = False,
) -> Next:
    """Do one step of an own job, write down and report what it became: the only way a job goes on.

    With `stream` the step may last until the job ends: its status is then read as it changes.
    What cannot be written is not acted on, as long as nothing was sent. Afterwards the job goes on
    without the ledger, and without an ID: what was paid for is worth more than its entry. Whoever
    ends it tries once more to write it down.
    """
    if stream and job.state == "submitted" and job.streams:
        steps = _watch(job, connection, ledger, now, until)
    else:
        steps = iter([step(job, connection, ledger, now, until)])
    following: Next = job, None
    for reached, due in steps:
        after = replace(reached, changed=connection.clock.date().timestamp())
        try:
            if not ledger.save(after, job):
                # Another command cancelled it before it was sent.
                return ledger.job(str(job.id)) or after, None
        except LocalError as error:
            if after.state in ("accepted", "submitting"):
                return replace(after, state="refused", error=error), None
            connection.report(f"warning: {error}")
            after = replace(after, id=None)
        for line in progress(job, after):
            connection.report(line)
        job = after
        following = job, due
    return following


def step(
    job: Job, connection: Connection, ledger: Ledger, now: float, until: float = math.inf
) -> Next:
    """Do the next thing that a job needs, one request at most, and return what it became.

    Also returned is when the next step is due, None where there is none: the job is saved or has
    ended otherwise, or `error` is what this command cannot get over. The ledger is asked which
    requests other jobs have and keeps the links of uploads; the job is not written down. `now`,
    the due time and `until`, beyond which no question about the job goes on, are those of the
    connection's clock.
    """
    following: Next = job, None
    try:
        match job.state:
            case "accepted":
                following = _prepare(job, connection, ledger, now)
            case "submitting":
                following = _submit(job, connection, now)
            case "unknown":
                following = _recover(job, connection, ledger, now, until)
            case "cancelling":
                following = _cancel(job, connection, now, until)
            case "submitted":
                following = _poll(job, connection, now, until)
            case "finished":
                following = _fetch(job, connection, now, until)
            case "completed":
                following = _save(job, connection)
    except FalError as error:
        unsent = job.state in ("accepted", "submitting")
        following = replace(job, state="refused" if unsent else job.state, error=error), None
    return following


def _prepare(job: Job, connection: Connection, ledger: Ledger, now: float) -> Next:
    """Upload the local files; a job without any may be submitted."""
    if not job.local_files or job.request is None:
        sent = connection.clock.date().timestamp()
        return replace(job, state="submitting", attempts=job.attempts + 1, sent=sent), now
    uploaded = upload_all(connection, [file.path for file in job.local_files], ledger)
    body = with_links(job.request.body, job.local_files, uploaded)
    return replace(job, request=replace(job.request, body=body), local_files=()), now


def _submit(job: Job, connection: Connection, now: float) -> Next:
    """Send the one request that costs money."""
    assert job.request is not None, "a job that is submitted has a request"
    queue, timeout = connection.config.origins.queue, _SUBMIT_TIMEOUT
    read: Callable[[httpx.Response], SubmitReply] = partial(
        read_submit, queue=queue, model_id=job.model_id
    )
    if job.is_sync:
        read, (_, timeout) = read_sync, job_deadline(connection.config, job.options)
    reply = submit(connection, job.request, read, timeout)
    job = replace(
        job,
        request_id=reply.request_id,
        urls=reply.urls,
        content=reply.content,
        billable_units=reply.billable_units,
        trouble=None,
    )
    if reply.decision == "accepted":
        return replace(job, state="submitted", status="IN_QUEUE", submitted_here=True), now
    if reply.decision == "completed":
        return replace(job, state="completed"), now
    if reply.decision == "undecided":
        return replace(job, state="unknown", error=reply.error, polls=0), now
    if reply.decision == "busy" and job.attempts < _SUBMIT_TRIES:
        growing = connection.clock.growing_pause(job.attempts)
        pause = growing if reply.retry_after is None else reply.retry_after
        if pause <= _LONGEST_SUBMIT_PAUSE:
            return replace(job, state="accepted", trouble=reply.error), now + pause
    assert reply.error is not None, "whatever was not accepted has its error"
    state: JobState = "refused"
    if reply.error.code in ("job_failed", "cancelled"):
        state = "failed" if reply.error.code == "job_failed" else "cancelled"
    return replace(job, state=state, error=reply.error), None


def _recover(job: Job, connection: Connection, ledger: Ledger, now: float, until: float) -> Next:
    """Look for a job whose answer did not come: by the ID it carried, then in fal's history."""
    queue, sent, reply = connection.config.origins.queue, job.sent or job.created, None
    if job.request_id is not None and not job.is_sync:
        urls = RequestUrls.of_id(queue, job.model_id, job.request_id)
        reply = ask(connection, "GET", f"{urls.status}?logs=0", read_status, until)
        if reply.state in ("queued", "running", "completed", "failed", "cancelled"):
            return _found(job, urls), now
    history = ask_history(connection, job.model_id, sent - _EARLIER, until)
    found = own_request(ledger, job, history.requests, history.ahead)
    if found is not None and not job.is_sync:
        job = replace(job, request_id=found.request_id)
        return _found(job, RequestUrls.of_id(queue, job.model_id, found.request_id)), now
    if found is not None and found.status_code is not None:
        return _recovered(replace(job, request_id=found.request_id), found, now)
    trouble, is_open = history.error, history.state != "closed"
    alike = in_time(job, history.requests, history.ahead)
    if alike and all(each.body is None for each in alike):
        trouble, is_open = NotCollectedError("wait_over", "fal's history keeps no inputs"), False
    if reply is not None and not is_open:
        # What fal said it did not take is asked for by its ID until an accepted job is known.
        is_open = reply.state == "unclear" or isinstance(job.error, NotAcceptedError)
        trouble = None if reply.state == "missing" else trouble
    job = replace(job, polls=job.polls + 1, trouble=trouble)
    _, seconds = job_deadline(connection.config, job.options)
    pause = next_look(job.polls)
    if is_open and connection.clock.date().timestamp() + pause <= sent + seconds:
        return job, now + pause
    return unfinished(job), None


def _found(job: Job, urls: RequestUrls) -> Job:
    """Return a job that fal has after all."""
    job = replace(job, state="submitted", status="IN_QUEUE", urls=urls, polls=0, trouble=None)
    return replace(job, submitted_here=True, error=None)


def _recovered(job: Job, found: PastRequest, now: float) -> Next:
    """Return a synchronous run as the history has it, which ended without our hearing of it."""
    code = found.status_code or 0
    if code >= 400:
        answer = httpx.Response(code, json=found.output, headers={"x-fal-request-id": "history"})
        return replace(job, state="failed", error=failure(answer)), None
    if found.output is None:
        text = "fal ran the model, and its request history keeps no results"
        return replace(job, error=UnconfirmedError("unconfirmed", text, charged="yes")), None
    content = json.dumps(found.output).encode()
    return replace(job, state="completed", content=content, error=None, trouble=None), now


def _poll(job: Job, connection: Connection, now: float, until: float) -> Next:
    """Ask how the job stands."""
    assert job.urls is not None, "a job that is at fal has its addresses"
    url = f"{job.urls.status}?logs={int(job.options.shows_logs)}"
    reply = ask(connection, "GET", url, read_status, until)
    if reply.state in ("unclear", "missing", "closed"):
        return _without_answer(job, reply, connection, now)
    return _with_status(job, reply, connection, now)


def _with_status(job: Job, reply: JobReply, connection: Connection, now: float) -> Next:
    """Return the job as fal says that it stands."""
    job = replace(
        job,
        logs=_grown(job.logs, reply.logs),
        queue_position=reply.queue_position,
        trouble=None,
        troubles=0,
    )
    if reply.state == "cancelled":
        return _ended(replace(job, state="cancelled", error=reply.error), connection)
    if reply.state in ("completed", "failed"):
        return replace(job, state="finished", failure=reply.error), now
    status: Literal["IN_QUEUE", "IN_PROGRESS"]
    status = "IN_QUEUE" if reply.state == "queued" else "IN_PROGRESS"
    pause = _pause(job, reply, connection)
    return replace(job, status=status, polls=job.polls + 1), now + pause


def _grown(logs: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Return all lines so far: a status has them all, an event of a stream those since the last."""
    if new[: len(logs)] == logs:
        return new
    return logs if logs[len(logs) - len(new) :] == new else logs + new


def _watch(
    job: Job, connection: Connection, ledger: Ledger, now: float, until: float
) -> Iterator[Next]:
    """Yield what a job becomes as its status changes; where nothing streams, it is asked for."""
    assert job.urls is not None, "a job that is at fal has its addresses"
    interval, _ = job_deadline(connection.config, job.options)
    url = f"{job.urls.status}/stream?logs={int(job.options.shows_logs)}"
    # A line that was cut may look like a silent one: then the status is asked for.
    silence = max(interval, _SILENT_STREAM)
    job = replace(job, streams=False)
    for reply in status_events(connection, url, silence, until):
        if reply.state in ("unclear", "missing", "closed"):
            break
        job, due = _with_status(replace(job, streams=True), reply, connection, now)
        yield job, due
        if job.state != "submitted":
            return
    # From when the stream was begun: what the status lets follow at once is no waiting.
    yield step(job, connection, ledger, now, until)


def _cancel(job: Job, connection: Connection, now: float, until: float) -> Next:
    """Ask fal to cancel the job; where the reply does not say how it ended, its status does."""
    assert job.urls is not None, "a job that is at fal has its addresses"
    reply = ask(connection, "PUT", job.urls.cancel, read_cancel, until)
    if reply.state == "cancelled":
        return replace(job, state="cancelled", error=CANCELLED), None
    if reply.state == "running":
        return replace(job, state="submitted", status="IN_PROGRESS", cancel_confirmed=True), None
    # Failed and cancelled jobs are "already completed" too: only the status tells which.
    if reply.state in ("unclear", "completed"):
        return replace(job, state="submitted", trouble=reply.error), now
    return replace(job, state="submitted", error=reply.error), None


def _fetch(job: Job, connection: Connection, now: float, until: float) -> Next:
    """Ask for the result of a job that has ended: a failed one's result says why."""
    assert job.urls is not None, "a job that is at fal has its addresses"
    failed = job.failure is not None
    read = partial(read_result, failed=failed, errors=job.troubles)
    reply = ask(connection, "GET", job.urls.result, read, until)
    if reply.state in ("failed", "cancelled"):
        state: JobState = "failed" if reply.state == "failed" else "cancelled"
        return _ended(replace(job, state=state, error=reply.error), connection)
    if reply.state == "completed" and not failed:
        content, units = reply.content, reply.billable_units
        job = replace(job, state="completed", content=content, billable_units=units, trouble=None)
        return job, now
    if failed and (reply.state not in ("unclear", "running") or job.troubles + 1 >= _MOST_TROUBLES):
        return _ended(replace(job, state="failed", error=job.failure), connection)
    job, due = _without_answer(job, reply, connection, now)
    if due is not None and job.troubles > 1 and not failed:
        # It ended well, and one failing server of fal is no reason to give its result up.
        due = max(due, now + connection.clock.growing_pause(min(job.troubles, 3) + _LONGER))
    return job, due


def _without_answer(job: Job, reply: JobReply, connection: Connection, now: float) -> Next:
    """Return the job after a reply that leaves it where it was: mostly it is asked for again.

    fal's servers learn of a new job one after the other: that one does not know it is no end.
    """
    if reply.state == "closed" or (reply.state == "missing" and not job.submitted_here):
        return replace(job, error=reply.error), None
    troubles = job.troubles + 1 if reply.error is not None else 0
    pause = _pause(job, reply, connection)
    job = replace(job, trouble=reply.error, troubles=troubles, polls=job.polls + 1)
    return job, now + pause


def _pause(job: Job, reply: JobReply, connection: Connection) -> float:
    """Return the seconds to the next question: few at first, then up to the interval."""
    interval, _ = job_deadline(connection.config, job.options)
    pause = min(_FIRST_PAUSE * _GROWTH ** min(job.polls, 50), interval)
    return max(pause, min(reply.retry_after or 0.0, _LONGEST_RETRY_AFTER))


def _save(job: Job, connection: Connection) -> Next:
    """Save the files of the result, which is here."""
    options = job.options
    folder = open_output_folder(options.output, options.output_file)
    stamp = f"{connection.clock.date().astimezone(UTC):%Y%m%dT%H%M%SZ}"
    naming = Naming(job.request_id or stamp, stamp if options.auto_filename else None)
    sent = links(dict(job.request.body)) if job.request is not None else frozenset()
    content, earlier = job.content or b"", job.saved.files if job.saved is not None else ()
    saved = save_result(connection, folder, naming, content, sent, earlier=earlier)
    error = None
    if saved.lost:
        text = f"the job is done, but not every file came: {'; '.join(saved.lost)}"
        error = NotCollectedError("download_failed", text)
    job, due = _ended(replace(job, state="saved", saved=saved, error=error), connection)
    # With the most that can stand where the seconds will.
    if saved.result is not None and call_result(job, LONGEST_WAIT).is_too_long:
        job = replace(job, saved=in_a_file(saved, folder, naming))
    return job, due


def _ended(job: Job, connection: Connection) -> Next:
    """Return a job that has ended, with its log lines saved where the options want them.

    What cannot be written then is the error of a job without another one.
    """
    options, places = job.options, list[Path]()
    if job.is_sync or not options.logs:
        return job, None
    try:
        folder = open_output_folder(options.output, options.output_file)
        stem = safe_name(job.request_id or "job")
        if options.save_logs:
            places.append(save_lines(folder, folder.below("logs"), stem, "log", job.logs))
        if options.save_logs_inline:
            first = job.saved.files[0].path if job.saved and job.saved.files else folder.path / stem
            places.append(save_lines(folder, first.parent, first.stem, "log", job.logs))
    except LocalError as error:
        if job.error is not None:
            connection.report(f"The log was not saved: {error}")
        return replace(job, error=job.error or error), None
    return replace(job, logs_path=places[0]), None
