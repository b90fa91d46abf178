"""The requests of a job: what is sent, once each, and what lost ones are taken for."""

import json
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import InputError
from fal_runtime.fal.protocol import (
    ModelRequest,
    read_cancel,
    read_result,
    read_status,
    read_submit,
    read_sync,
)
from fal_runtime.fal.queue import ask, submit

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
REQUEST = ModelRequest(f"{QUEUE}/{MODEL}", {"Content-Type": "application/json"}, {"prompt": "é"})
READ = partial(read_submit, queue=QUEUE, model_id=MODEL)
LOST = [
    httpx.ReadTimeout("t"),
    httpx.ReadError("reset"),
    httpx.WriteError("pipe"),
    httpx.WriteTimeout("t"),
    httpx.RemoteProtocolError("gone"),
]
NEVER_SENT = [httpx.ConnectError("dns"), httpx.ConnectTimeout("t"), httpx.ProxyError("407")]


def test_submit_sends_the_bare_input_and_the_key(fal: "Fal") -> None:
    fal.script.on(POST, fal.accepted())
    reply = submit(fal.connection, REQUEST, READ, 120)
    (request,) = fal.script.requests
    assert json.loads(request.content) == {"prompt": "é"}
    assert request.headers["authorization"] == "Key id-1:secret-1"
    assert (reply.decision, reply.request_id) == ("accepted", "req-1")


def test_key_goes_as_bearer_where_a_gateway_wants_it(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_AUTH_SCHEME": "Bearer"})
    fal.script.on(POST, fal.accepted())
    submit(fal.connection, REQUEST, READ, 120)
    assert fal.script.requests[0].headers["authorization"] == "Bearer k"


@pytest.mark.parametrize("error", LOST)
def test_lost_request_is_in_doubt_and_sent_once(fal: "Fal", error: Exception) -> None:
    fal.script.on(POST, error)
    reply = submit(fal.connection, REQUEST, READ, 120)
    assert reply.decision == "undecided"
    assert reply.error is not None
    assert reply.error.exit_status == 7
    assert len(fal.script.requests) == 1


@pytest.mark.parametrize("error", NEVER_SENT)
def test_request_that_was_never_sent_may_be_sent_again(fal: "Fal", error: Exception) -> None:
    fal.script.on(POST, error)
    reply = submit(fal.connection, REQUEST, READ, 120)
    assert reply.decision == "busy"
    assert reply.error is not None
    assert (reply.error.code, reply.error.exit_status) == ("network_blocked", 6)


def test_number_that_json_lacks_is_refused_before_sending(fal: "Fal") -> None:
    with pytest.raises(InputError):
        submit(fal.connection, ModelRequest(QUEUE, {}, {"a": float("nan")}), read_sync, 120)
    assert fal.script.requests == []


def test_question_about_a_job_is_asked_once_with_the_key(fal: "Fal") -> None:
    fal.script.on(f"PUT {JOB}/cancel", httpx.Response(503, headers={"retry-after": "7"}))
    reply = ask(fal.connection, "PUT", f"{JOB}/cancel", read_cancel, fal.time.seconds + 9)
    (request,) = fal.script.requests
    assert request.headers["authorization"] == "Key id-1:secret-1"
    assert request.content == b""
    assert (reply.state, reply.retry_after) == ("unclear", 7)


@pytest.mark.parametrize("error", [*LOST, *NEVER_SENT])
def test_network_trouble_about_a_job_leaves_it_standing(fal: "Fal", error: Exception) -> None:
    fal.script.on(f"GET {JOB}/status", error)
    reply = ask(fal.connection, "GET", f"{JOB}/status", read_status, fal.time.seconds + 9)
    assert reply.state == "unclear"
    assert reply.error is not None
    assert (reply.error.exit_status, reply.error.as_json()["charged"]) == (5, "unknown")


def test_result_is_the_response_s_own_bytes_with_its_units(fal: "Fal") -> None:
    fal.script.on(f"GET {JOB}", fal.answer({"a": 1}, headers={"x-fal-billable-units": "1.5"}))
    reply = ask(fal.connection, "GET", JOB, read_result, fal.time.seconds + 9)
    assert (reply.content, reply.billable_units) == (b'{"a": 1}', 1.5)
