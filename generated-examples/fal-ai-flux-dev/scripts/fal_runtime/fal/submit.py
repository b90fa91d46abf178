"""The requests that cost money: each is sent once, and its fate is told exactly."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from fal_runtime.errors import FalError, InputError, NotAcceptedError, UnconfirmedError, UsageError
from fal_runtime.fal.http import Connection, Reply, exchange, unreachable
from fal_runtime.fal.protocol import failure, is_page, json_object, refusal, told
from fal_runtime.fal.queue import RequestUrls, is_known

__all__ = ["Submission", "Submitted", "run_sync", "submit"]

# Errors of making a connection: the request itself was surely not sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
# 408 and 499 tell of a broken connection, not of a decision.
_UNDECIDED = (408, 499)
_SUBMIT_TIMEOUT = 120.0
_SUBMIT_TRIES = 4
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Submission:
    """One POST that runs a model; `headers` hold no key."""

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that fal accepted."""

    request_id: str
    urls: RequestUrls


def submit(connection: Connection, model_id: str, submission: Submission) -> Submitted:
    """Submit a job to the queue, once, and return what identifies it.

    It is sent again only where fal surely did not take it: no connection, or 429. Raises
    UnconfirmedError where nobody can tell, other errors where nothing was accepted. An error's
    `outcome` carries the request ID where there is one.
    """
    response = _post(connection, submission, _SUBMIT_TIMEOUT)
    answer = json_object(response) or {}
    request_id = answer.get("request_id")
    if response.is_success and isinstance(request_id, str) and request_id:
        queue = connection.config.origins.queue
        return Submitted(request_id, RequestUrls.of_answer(queue, model_id, request_id, answer))
    if response.is_success or _is_undecided(response) or response.status_code == 405:
        return _confirmed(connection, model_id, response)
    raise _refused(response)


def run_sync(connection: Connection, submission: Submission, timeout: float) -> httpx.Response:
    """Run a model on one connection and return its answer, whatever the model says.

    Raises as `submit` does; a connection that breaks after sending leaves a job that may be billed
    and cannot be collected: UnconfirmedError.
    """
    response = _post(connection, submission, timeout)
    if response.is_success or _is_models_own(response):
        return response
    if _is_undecided(response):
        raise _unconfirmed(told(response), response.headers.get("x-fal-request-id"))
    raise _refused(response)


def _post(connection: Connection, submission: Submission, timeout: float) -> httpx.Response:
    try:
        return exchange(
            connection,
            "POST",
            submission.url,
            headers={**submission.headers, **connection.config.authorization()},
            content=_encoded(submission.body),
            attempts=_SUBMIT_TRIES,
            silence=timeout,
            longest_pause=_LONGEST_PAUSE,
            again=_was_not_taken,
        )
    except _NEVER_SENT as error:
        raise unreachable(error, submission.url) from None
    except httpx.RequestError as error:
        raise _unconfirmed(str(error) or type(error).__name__, None) from None


def _was_not_taken(reply: Reply, _tries: int) -> bool:
    if isinstance(reply, httpx.Response):
        return reply.status_code == 429
    return isinstance(reply, _NEVER_SENT)


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode("ascii")
    except ValueError as error:
        raise InputError("invalid_input", f"the input is no JSON: {error}") from None


def _is_models_own(response: httpx.Response) -> bool:
    ours = "x-fal-request-id" in response.headers and not is_page(response)
    refused = response.is_redirect or response.status_code in (401, 403, 404, 429)
    return ours and not refused


def _is_undecided(response: httpx.Response) -> bool:
    return response.status_code >= 500 or response.status_code in _UNDECIDED


def _confirmed(connection: Connection, model_id: str, response: httpx.Response) -> Submitted:
    """Ask for the job of an answer that does not say what became of the submit."""
    request_id = response.headers.get("x-fal-request-id", "")
    if request_id:
        urls = RequestUrls.of_id(connection.config.origins.queue, model_id, request_id)
        if is_known(connection, urls):
            return Submitted(request_id, urls)
    if response.status_code == 405:
        raise _refused(response)
    raise _unconfirmed(told(response), request_id or None)


def _unconfirmed(why: str, request_id: str | None) -> UnconfirmedError:
    return UnconfirmedError(
        "unconfirmed",
        f"the job was sent and fal did not confirm it ({why}): it may run and be billed. It is not "
        "sent again; look at https://fal.ai/dashboard/requests before you do",
        outcome={"request_id": request_id} if request_id else None,
    )


def _refused(response: httpx.Response) -> FalError:
    """Return the error of a submit that was surely not accepted."""
    key_error = refusal(response)
    if key_error is not None:
        return key_error
    text = told(response)
    if is_page(response) or response.is_redirect:
        return NotAcceptedError(
            "network_blocked", f"not fal, but a proxy or a wrong address answered ({text})"
        )
    if response.status_code == 404:
        return UsageError("model_not_found", f"fal does not know this model ({text})")
    if response.status_code in (405, 429):
        return NotAcceptedError("platform_down", f"fal did not accept the job ({text})")
    error = failure(response)
    error.charged = "no"
    return error
