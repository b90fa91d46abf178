"""The requests of a job, each sent once: the one that runs a model, and questions about a job.

What a response means is in `protocol`; when to ask again is the caller's to decide.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import httpx

from fal_runtime.errors import InputError, NotCollectedError
from fal_runtime.fal.http import (
    NEVER_SENT,
    Connection,
    TooLargeError,
    exchange,
    retry_after,
    unreachable,
)
from fal_runtime.fal.protocol import JobReply, ModelRequest, SubmitReply, unconfirmed
from fal_runtime.text import one_line


def submit(
    connection: Connection,
    request: ModelRequest,
    read: Callable[[httpx.Response], SubmitReply],
    timeout: float,
) -> SubmitReply:
    """Send the request that costs money, and return what its response means to `read`.

    Raises InputError for a body that is no JSON: nothing is sent then. A connection that breaks
    after sending leaves a job that may run and be billed.
    """
    try:
        content = json.dumps(request.body, allow_nan=False).encode("ascii")
    except ValueError as error:
        raise InputError("invalid_input", f"the input is no JSON: {error}") from None
    headers = {**request.headers, **connection.config.authorization(request.url)}
    try:
        response = exchange(
            connection,
            "POST",
            request.url,
            headers=headers,
            content=content,
            attempts=1,
            silence=timeout,
        )
    except NEVER_SENT as error:
        return SubmitReply("busy", error=unreachable(error, request.url))
    except httpx.RequestError as error:
        why = one_line(str(error), 300) or type(error).__name__
        return SubmitReply("undecided", error=unconfirmed(why))
    return replace(read(response), retry_after=retry_after(response, connection.clock))


def ask(
    connection: Connection,
    method: Literal["GET", "PUT"],
    url: str,
    read: Callable[[httpx.Response], JobReply],
    deadline: float,
) -> JobReply:
    """Ask about a job, and return what the response means to `read`.

    Trouble on the way there is the state unclear; what is too large would be so again: closed.
    """
    headers = connection.config.authorization(url)
    try:
        response = exchange(connection, method, url, headers=headers, attempts=1, deadline=deadline)
    except TooLargeError as error:
        text = f"{error}, more than is read here: fetch it with the key, as platform_request says"
        return JobReply("closed", NotCollectedError("result_endpoint_only", text))
    except httpx.RequestError as error:
        text = unreachable(error, url).message
        return JobReply("unclear", NotCollectedError("wait_over", text))
    return replace(read(response), retry_after=retry_after(response, connection.clock))
