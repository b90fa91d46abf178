"""What fal tells about a job that it accepted: where to ask, its status, its result, its end."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import httpx

from fal_runtime.config import rewritten
from fal_runtime.errors import FalError, JobError, NotCollectedError, UsageError
from fal_runtime.fal.http import Connection, Reply, exchange, is_passing, is_transient, unreachable
from fal_runtime.fal.protocol import failure, is_page, json_object, refusal, told
from fal_runtime.json_text import Json
from fal_runtime.model_id import app_of
from fal_runtime.text import one_line

__all__ = [
    "JobState",
    "RequestUrls",
    "cancel",
    "checked_request_id",
    "is_known",
    "job_result",
    "job_state",
]

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


@dataclass(frozen=True, slots=True)
class RequestUrls:
    """The three addresses of one job, all below the configured queue."""

    status: str
    result: str
    cancel: str

    @classmethod
    def of_id(cls, queue: str, model_id: str, request_id: str) -> "RequestUrls":
        """Return the addresses of a bare request ID: below the app, never the whole model ID."""
        result = f"{queue}/{app_of(model_id)}/requests/{quote(request_id, safe='')}"
        return cls(f"{result}/status", result, f"{result}/cancel")

    @classmethod
    def of_answer(
        cls, queue: str, model_id: str, request_id: str, answer: dict[str, Json]
    ) -> "RequestUrls":
        """Return the addresses that a submit's answer names, each where it is usable.

        A model ID can be another app's second name: then only the returned links are right.
        """
        built = cls.of_id(queue, model_id, request_id)
        result = _link(answer, "response_url", queue)
        if result is not None:
            stem = result.removesuffix("/response")
            built = cls(f"{stem}/status", result, f"{stem}/cancel")
        return cls(
            _link(answer, "status_url", queue) or built.status,
            built.result,
            _link(answer, "cancel_url", queue) or built.cancel,
        )


@dataclass(frozen=True, slots=True)
class JobState:
    """A job's status; `logs` are all lines so far, `error` is set for a job that failed."""

    status: Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    error: str | None = None


def checked_request_id(request_id: str) -> str:
    """Return the request ID, or raise UsageError for a text that cannot be one."""
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise UsageError("usage", f"{request_id[:200]!r} is no request ID of fal")
    return request_id


def job_state(
    connection: Connection, urls: RequestUrls, *, logs: bool, deadline: float
) -> JobState:
    """Return how a job stands, asking until the deadline where the network or fal is in trouble.

    Raises NotCollectedError when no answer came, JobError for a status that means failure,
    UsageError for a job that fal does not know.
    """
    response = _collect(connection, f"{urls.status}?logs={int(logs)}", deadline)
    answer = json_object(response)
    if not response.is_success:
        raise _not_collected(response, urls.status)
    if answer is None:
        raise NotCollectedError("wait_over", f"the status cannot be read ({told(response)})")
    return _state(answer)


def is_known(connection: Connection, urls: RequestUrls) -> bool:
    """Tell whether fal has the job."""
    try:
        response = _collect(connection, urls.status, connection.clock.now() + 30.0)
    except NotCollectedError:
        return False
    answer = json_object(response)
    return response.is_success and answer is not None and isinstance(answer.get("status"), str)


def job_result(
    connection: Connection, urls: RequestUrls, *, failed: bool, deadline: float
) -> httpx.Response | None:
    """Return the answer that holds a job's result, or None while the job is not finished.

    `failed` tells that the status named an error: the answer then repeats the failure, so its 5xx
    is no passing trouble. Raises JobError for a job that failed, NotCollectedError where the
    result exists and did not come.
    """

    def again(reply: Reply, tries: int) -> bool:
        headers = reply.headers if isinstance(reply, httpx.Response) else {}
        told_by_fal = "x-fal-request-id" in headers
        final = told_by_fal and (failed or "x-fal-error-type" in headers or tries > 3)
        return is_passing(reply) and not final

    response = _collect(connection, urls.result, deadline, again)
    if response.status_code == 202:
        return None
    if response.is_success:
        return response
    if "still in progress" in told(response):
        return None
    if response.status_code >= 500 and "x-fal-request-id" in response.headers:
        raise failure(response)
    raise _not_collected(response, urls.result)


def cancel(connection: Connection, urls: RequestUrls) -> str:
    """Ask to cancel a job; return OK, CANCELLATION_REQUESTED or ALREADY_COMPLETED."""
    headers = connection.config.authorization()
    try:
        deadline = connection.clock.now() + 30.0
        response = exchange(connection, "PUT", urls.cancel, headers=headers, deadline=deadline)
    except httpx.RequestError as error:
        raise unreachable(error, urls.cancel) from None
    word = str((json_object(response) or {}).get("status", ""))
    if response.is_success:
        return "CANCELLATION_REQUESTED" if response.status_code == 202 else "OK"
    if word == "ALREADY_COMPLETED":
        return word
    raise _not_collected(response, urls.cancel)


def _link(answer: dict[str, Json], name: str, queue: str) -> str | None:
    url = answer.get(name)
    return rewritten(url, queue) if isinstance(url, str) else None


def _collect(
    connection: Connection,
    url: str,
    deadline: float,
    again: Callable[[Reply, int], bool] = is_passing,
) -> httpx.Response:
    try:
        return exchange(
            connection,
            "GET",
            url,
            headers=connection.config.authorization(),
            attempts=None,
            deadline=deadline,
            again=again,
        )
    except httpx.RequestError as error:
        raise NotCollectedError("wait_over", unreachable(error, url).message) from None


def _not_collected(response: httpx.Response, url: str) -> FalError:
    """Return the error of an answer about a job that fal accepted before."""
    key_error = refusal(response)
    if key_error is not None:
        key_error.charged, key_error.retry = "unknown", "same_job"
        return key_error
    status = response.status_code
    if status == 405:
        return NotCollectedError(
            "result_endpoint_only",
            f"the queue does not hand out this job ({told(response)} for {url})",
        )
    if is_page(response) or response.is_redirect or is_transient(response):
        return NotCollectedError("wait_over", f"fal did not answer about the job: {told(response)}")
    if status == 404 and not response.headers.get("x-fal-billable-units"):
        return UsageError(
            "usage",
            f"fal has no such job ({told(response)}): the model and the ID must belong together, "
            "and a result is kept for about an hour",
            charged="unknown",
            retry="never",
        )
    return failure(response)


def _state(answer: dict[str, Json]) -> JobState:
    word, error = answer.get("status"), answer.get("error")
    lines = tuple(_log_lines(answer.get("logs")))
    if word == "IN_QUEUE":
        position = answer.get("queue_position")
        return JobState("IN_QUEUE", position if isinstance(position, int) else None, lines)
    if word == "IN_PROGRESS":
        return JobState("IN_PROGRESS", None, lines)
    if word == "COMPLETED":
        return JobState("COMPLETED", None, lines, one_line(str(error), 600) if error else None)
    shown = one_line(str(word), 40)
    if shown.upper() in ("CANCELLED", "CANCELED"):
        raise JobError("cancelled", f"the job was cancelled (its status is {shown})")
    why = f": {one_line(str(error), 600)}" if error else ""
    raise JobError("job_failed", f"the job failed (its status is {shown}{why})")


def _log_lines(logs: Json) -> Iterator[str]:
    """Yield each entry as one line: `timestamp level message`, as far as they are there."""
    for entry in logs if isinstance(logs, list) else []:
        if isinstance(entry, dict):
            parts = [entry.get(name) for name in ("timestamp", "level", "message")]
            yield one_line(" ".join(str(part) for part in parts if part is not None), 2000)
        else:
            yield one_line(str(entry), 2000)
