"""Sending an input: once and no more, whatever the answer is."""

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError, InputError, UnconfirmedError
from fal_runtime.fal.queue import RequestUrls
from fal_runtime.fal.submit import Submission, run_sync, submit

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
SUBMISSION = Submission(f"{QUEUE}/{MODEL}", {"Content-Type": "application/json"}, {"prompt": "é"})
RUN = Submission("https://fal.run/acme/demo", {}, {"prompt": "x"})
URLS = RequestUrls(f"{JOB}/status", JOB, f"{JOB}/cancel")
NGINX = httpx.Response(502, headers={"content-type": "text/html"}, content=b"<html>nginx</html>")


def refused(fal: "Fal", *answers: httpx.Response | Exception) -> FalError:
    fal.script.on(POST, *answers)
    with pytest.raises(FalError) as caught:
        submit(fal.connection, MODEL, SUBMISSION)
    return caught.value


def test_submit_sends_the_bare_input_and_the_key(fal: "Fal") -> None:
    fal.script.on(POST, fal.accepted())
    submitted = submit(fal.connection, MODEL, SUBMISSION)
    request = fal.script.requests[0]
    assert json.loads(request.content) == {"prompt": "é"}
    assert request.headers["authorization"] == "Key id-1:secret-1"
    assert (submitted.request_id, submitted.urls) == ("req-1", URLS)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("t"),
        httpx.ReadError("reset"),
        httpx.WriteError("pipe"),
        httpx.RemoteProtocolError("gone"),
        httpx.WriteTimeout("t"),
    ],
)
def test_lost_submit_is_never_sent_again(fal: "Fal", error: Exception) -> None:
    caught = refused(fal, error)
    assert (caught.code, caught.exit_status) == ("unconfirmed", 7)
    assert len(fal.script.requests) == 1


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("dns"), httpx.ConnectTimeout("t"), httpx.ProxyError("407")]
)
def test_submit_without_a_connection_is_tried_again(fal: "Fal", error: Exception) -> None:
    fal.script.on(POST, error, error, fal.accepted())
    assert submit(fal.connection, MODEL, SUBMISSION).request_id == "req-1"
    caught = refused(fal, error)
    assert (caught.code, caught.exit_status) == ("network_blocked", 6)


def test_busy_queue_is_tried_again_and_then_told(fal: "Fal") -> None:
    busy = fal.answer({"detail": "busy"}, 429, {"retry-after": "3"})
    fal.script.on(POST, busy, fal.accepted())
    submit(fal.connection, MODEL, SUBMISSION)
    assert fal.time.slept == [3.0]
    long = fal.answer({"detail": "busy"}, 429, {"retry-after": "50"})
    assert refused(fal, long).code == "platform_down"
    assert fal.time.slept == [3.0]
    caught = refused(fal, busy)
    assert (caught.code, caught.exit_status, caught.as_json()["charged"]) == (
        "platform_down",
        6,
        "no",
    )


@pytest.mark.parametrize(
    ("code", "body", "error_code", "exit_status"),
    [
        (401, {"detail": "invalid key credentials"}, "key_refused", 3),
        (403, {"detail": "User is locked. Reason: Exhausted balance."}, "key_refused", 3),
        (404, {"detail": 'Application "demo" not found'}, "model_not_found", 2),
        (400, {"detail": "bad"}, "job_failed", 4),
        (413, {"detail": "too large"}, "job_failed", 4),
        (422, {"detail": [{"loc": ["body", "a"], "msg": "m", "type": "t"}]}, "job_failed", 4),
    ],
)
def test_refused_submit_costs_nothing(
    fal: "Fal", code: int, body: object, error_code: str, exit_status: int
) -> None:
    caught = refused(fal, fal.answer(body, code))
    assert (caught.code, caught.exit_status) == (error_code, exit_status)
    assert caught.as_json()["charged"] == "no"
    assert len(fal.script.requests) == 1


def test_locked_account_is_told_apart_from_a_wrong_key(fal: "Fal") -> None:
    locked = refused(fal, fal.answer({"detail": "User is locked. Reason: TOP_UP."}, 403))
    assert "locked the account" in locked.message
    assert "TOP_UP" in locked.message


def test_proxy_page_is_not_taken_for_fal(fal: "Fal") -> None:
    page = httpx.Response(403, headers={"content-type": "text/html"}, content=b"<html>no</html>")
    assert refused(fal, page).code == "network_blocked"
    moved = httpx.Response(307, headers={"location": "https://evil.example/"})
    assert refused(fal, moved).code == "network_blocked"


@pytest.mark.parametrize("code", [500, 503, 405, 408, 499])
def test_doubtful_submit_with_an_id_is_looked_up(fal: "Fal", code: int) -> None:
    fal.script.on(POST, fal.answer({"detail": "x"}, code))
    fal.script.on(f"GET {JOB}/status", fal.status("IN_QUEUE"))
    assert submit(fal.connection, MODEL, SUBMISSION).request_id == "req-1"
    assert len(fal.script.calls(POST)) == 1


def test_doubtful_submit_that_is_not_found_stays_in_doubt(fal: "Fal") -> None:
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    caught = refused(fal, fal.answer({"detail": "x"}, 500))
    assert isinstance(caught, UnconfirmedError)
    assert caught.outcome == {"request_id": "req-1"}


def test_method_that_is_not_allowed_and_no_job_means_refused(fal: "Fal") -> None:
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    assert refused(fal, fal.answer({"detail": "Method Not Allowed"}, 405)).exit_status == 6


@pytest.mark.parametrize(
    "answer",
    [
        NGINX,
        httpx.Response(200, content=b"<html>welcome</html>"),
        httpx.Response(200, content=b'{"request_id": 7'),
        httpx.Response(200, content=b'{"request_id": 7}'),
        httpx.Response(200, content=b"[" * 100_000),
    ],
)
def test_answer_that_confirms_nothing_is_in_doubt(fal: "Fal", answer: httpx.Response) -> None:
    assert refused(fal, answer).exit_status == 7
    assert len(fal.script.requests) == 1


@pytest.mark.parametrize("code", [200, 201, 202])
def test_any_success_status_is_accepted(fal: "Fal", code: int) -> None:
    fal.script.on(POST, fal.answer({"request_id": "req-1"}, code))
    assert submit(fal.connection, MODEL, SUBMISSION).urls == URLS


def test_number_that_json_lacks_is_refused_before_sending(fal: "Fal") -> None:
    with pytest.raises(InputError):
        submit(fal.connection, MODEL, Submission(QUEUE, {}, {"a": float("nan")}))
    assert fal.script.requests == []


def run(fal: "Fal", answer: httpx.Response | Exception) -> FalError:
    fal.script.on("POST https://fal.run/acme/demo", answer)
    with pytest.raises(FalError) as caught:
        run_sync(fal.connection, RUN, 600)
    return caught.value


def test_sync_answer_of_the_model_is_returned_whatever_it_says(fal: "Fal") -> None:
    for code in (200, 422, 500, 504):
        fal.script.on("POST https://fal.run/acme/demo", fal.answer({"detail": "x"}, code))
        assert run_sync(fal.connection, RUN, 600).status_code == code


def test_sync_over_the_limit_was_not_accepted(fal: "Fal") -> None:
    body = {"detail": "x", "error_type": "concurrent_requests_limit"}
    caught = run(fal, fal.answer(body, 429, {"X-Fal-needs-retry": "1"}))
    assert (caught.exit_status, caught.as_json()["charged"]) == (6, "no")


@pytest.mark.parametrize("answer", [httpx.ReadError("gone"), NGINX, httpx.ReadTimeout("t")])
def test_lost_sync_run_is_in_doubt(fal: "Fal", answer: httpx.Response | Exception) -> None:
    assert run(fal, answer).exit_status == 7
    assert len(fal.script.requests) == 1


def test_key_goes_as_bearer_where_a_gateway_wants_it(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_AUTH_SCHEME": "Bearer"})
    fal.script.on(POST, fal.accepted())
    submit(fal.connection, MODEL, SUBMISSION)
    assert fal.script.requests[0].headers["authorization"] == "Bearer k"
