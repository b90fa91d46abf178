"""What fal says of a job that it has: its status, its result, its cancellation."""

from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.errors import FalError
from fal_runtime.fal.queue import RequestUrls, cancel, job_result, job_state

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

JOB = "https://queue.fal.run/acme/demo/requests/req-1"
URLS = RequestUrls(f"{JOB}/status", JOB, f"{JOB}/cancel")
NGINX = httpx.Response(502, headers={"content-type": "text/html"}, content=b"<html>nginx</html>")


def ask(fal: "Fal", *answers: httpx.Response | Exception) -> FalError:
    fal.script.on(f"GET {JOB}/status", *answers)
    with pytest.raises(FalError) as caught:
        job_state(fal.connection, URLS, logs=False, deadline=fal.time.seconds + 20)
    return caught.value


def test_status_tells_place_and_logs(fal: "Fal") -> None:
    logs = [{"timestamp": "T", "level": "INFO", "message": "a\nb"}, "plain", {"message": "c"}]
    fal.script.on(f"GET {JOB}/status", fal.status("IN_QUEUE", queue_position=3, logs=logs))
    state = job_state(fal.connection, URLS, logs=True, deadline=fal.time.seconds)
    assert (state.status, state.queue_position) == ("IN_QUEUE", 3)
    assert state.logs == ("T INFO a b", "plain", "c")
    assert fal.script.requests[0].url.query == b"logs=1"


@pytest.mark.parametrize("word", ["FAILED", "ERROR", "TIMEOUT", "whatever", ""])
def test_unknown_status_word_is_a_failure(fal: "Fal", word: str) -> None:
    assert ask(fal, fal.status(word)).code == "job_failed"


def test_cancelled_word_is_a_cancellation(fal: "Fal") -> None:
    assert ask(fal, fal.status("CANCELED")).code == "cancelled"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (httpx.ConnectError("no"), "wait_over"),
        (httpx.Response(503), "wait_over"),
        (NGINX, "wait_over"),
        (httpx.Response(200, content=b"<html>"), "wait_over"),
        (httpx.Response(200, content=b"[]"), "wait_over"),
        (httpx.Response(404, content=b'{"status": "NOT_FOUND"}'), "usage"),
        (httpx.Response(405, content=b'{"detail": "Method Not Allowed"}'), "result_endpoint_only"),
        (httpx.Response(403, content=b'{"detail": "User is locked."}'), "key_refused"),
    ],
)
def test_trouble_with_the_status_leaves_the_job_standing(
    fal: "Fal", answer: httpx.Response | Exception, code: str
) -> None:
    caught = ask(fal, answer)
    assert caught.code == code
    assert caught.as_json()["charged"] != "no"


def collect(fal: "Fal", *answers: httpx.Response, failed: bool = False) -> httpx.Response | None:
    fal.script.on(f"GET {JOB}", *answers)
    return job_result(fal.connection, URLS, failed=failed, deadline=fal.time.seconds + 50)


def test_result_that_is_not_there_yet_is_no_error(fal: "Fal") -> None:
    assert collect(fal, fal.answer({"detail": "Request is still in progress"}, 400)) is None
    assert collect(fal, fal.answer({"status": "IN_PROGRESS"}, 202)) is None


def test_result_that_talks_of_progress_is_a_result(fal: "Fal") -> None:
    response = collect(fal, fal.answer({"detail": "Request is still in progress"}))
    assert response is not None


def test_failed_job_tells_every_complaint(fal: "Fal") -> None:
    detail = [
        {"loc": ["body", "loras", 0, "scale"], "msg": "too big", "type": "less_than", "input": 9},
        {"loc": ["body"], "msg": "no", "type": "value_error"},
    ]
    with pytest.raises(FalError) as caught:
        collect(fal, fal.answer({"detail": detail}, 422, {"x-fal-billable-units": "0"}))
    problems = [problem.as_json() for problem in caught.value.problems]
    assert problems[0] == {"path": "loras[0].scale", "got": "9", "expected": "too big"}
    assert problems[1]["path"] == "(input)"
    assert (caught.value.exit_status, caught.value.charged) == (4, "no")


@pytest.mark.parametrize(
    ("headers", "charged"), [({}, "unknown"), ({"x-fal-billable-units": "2"}, "yes")]
)
def test_refused_input_may_be_billed(fal: "Fal", headers: dict[str, str], charged: str) -> None:
    with pytest.raises(FalError) as caught:
        collect(fal, fal.answer({"detail": [{"msg": "m"}]}, 422, headers))
    assert caught.value.charged == charged


def test_replayed_server_error_is_not_asked_for_again(fal: "Fal") -> None:
    lost = fal.answer({"detail": "x", "error_type": "runner_disconnected"}, 503)
    with pytest.raises(FalError) as caught:
        collect(fal, lost, failed=True)
    assert (caught.value.code, caught.value.charged, caught.value.retry) == (
        "job_failed",
        "no",
        "later",
    )
    assert len(fal.script.requests) == 1


def test_server_error_without_a_failed_job_is_asked_a_few_times(fal: "Fal") -> None:
    with pytest.raises(FalError) as caught:
        collect(fal, fal.answer({"detail": "Internal Server Error"}, 500))
    assert caught.value.code == "job_failed"
    assert len(fal.script.requests) == 4


def test_ingress_error_is_asked_to_the_deadline(fal: "Fal") -> None:
    assert collect(fal, NGINX, NGINX, NGINX, NGINX, NGINX, fal.answer({"a": 1})) is not None
    with pytest.raises(FalError) as caught:
        collect(fal, NGINX)
    assert caught.value.code == "wait_over"


@pytest.mark.parametrize(
    ("header", "retry"),
    [({"X-Fal-Retryable": "true"}, "later"), ({"X-Fal-Needs-Retry": "0"}, "after_fix")],
)
def test_retry_headers_of_both_names_are_read(
    fal: "Fal", header: dict[str, str], retry: str
) -> None:
    with pytest.raises(FalError) as caught:
        collect(fal, fal.answer({"detail": "x"}, 422, header))
    assert caught.value.retry == retry


def test_cancelled_job_is_no_failed_one(fal: "Fal") -> None:
    with pytest.raises(FalError) as caught:
        collect(fal, fal.answer({"detail": "c"}, 499, {"x-fal-error-type": "client_cancelled"}))
    assert caught.value.code == "cancelled"


@pytest.mark.parametrize(
    ("code", "body", "word"),
    [
        (200, {"status": "OK"}, "OK"),
        (200, {"success": True}, "OK"),
        (202, {"status": "CANCELLATION_REQUESTED"}, "CANCELLATION_REQUESTED"),
        (400, {"status": "ALREADY_COMPLETED"}, "ALREADY_COMPLETED"),
    ],
)
def test_cancel_tells_what_fal_did(fal: "Fal", code: int, body: object, word: str) -> None:
    fal.script.on(f"PUT {JOB}/cancel", fal.answer(body, code))
    assert cancel(fal.connection, URLS) == word
    assert fal.script.requests[0].headers["authorization"] == "Key id-1:secret-1"
