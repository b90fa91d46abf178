import json
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.api import RequestUrls, cancel, checked_request_id, job_result, job_state
from fal_runtime.config import load_config, rewritten
from fal_runtime.errors import FalError, InputError, UnconfirmedError
from fal_runtime.model import checked_model_id
from fal_runtime.submitting import Submission, run_sync, submit

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


def test_returned_links_are_followed_below_the_configured_queue(fal: "Fal") -> None:
    told = {
        "request_id": "req-1",
        "response_url": f"{QUEUE}/other/app/requests/req-1/response",
        "status_url": "https://evil.example/other/app/requests/req-1/status?a=1",
    }
    gateway = "https://gateway.example/fal-ai"
    urls = RequestUrls.of_answer(gateway, MODEL, "req-1", dict(told))
    assert urls.result == f"{gateway}/other/app/requests/req-1/response"
    assert urls.status == f"{gateway}/other/app/requests/req-1/status?a=1"
    assert urls.cancel == f"{gateway}/other/app/requests/req-1/cancel"


@pytest.mark.parametrize(
    ("url", "origin", "expected"),
    [
        ("https://q.run/a/b/requests/1", "https://q.run", "https://q.run/a/b/requests/1"),
        ("http://q.run/a/b/requests/1", "https://q.run", "https://q.run/a/b/requests/1"),
        (
            "https://q.run/fal-ai/b/requests/1",
            "https://g/fal-ai",
            "https://g/fal-ai/fal-ai/b/requests/1",
        ),
        ("https://g/fal-ai/a/b/requests/1", "https://g/fal-ai", "https://g/fal-ai/a/b/requests/1"),
        (
            "http://localhost:1/q/a/b/requests/1",
            "http://127.0.0.1:1/q",
            "http://127.0.0.1:1/q/a/b/requests/1",
        ),
        (
            "http://localhost:2/a/requests/1",
            "http://127.0.0.1:1/q",
            "http://127.0.0.1:1/q/a/requests/1",
        ),
        ("https://u:p@q.run/a/b/requests/1", "https://q.run", None),
        ("https://q.run/account", "https://q.run", None),
        ("https://q.run/a/../requests/1", "https://q.run", None),
        ("https://q.run/a/%2e%2E/requests/1", "https://q.run", None),
        ("file:///requests/1", "https://q.run", None),
        ("https://q.run\\@evil/requests/1", "https://q.run", None),
        ("", "https://q.run", None),
    ],
)
def test_returned_link_never_leaves_the_configured_origin(
    url: str, origin: str, expected: str | None
) -> None:
    assert rewritten(url, origin) == expected


@pytest.mark.parametrize(
    ("model_id", "app"),
    [
        ("acme/demo/fast/lora", "acme/demo"),
        ("acme/demo", "acme/demo"),
        ("workflows/acme/demo/x", "workflows/acme/demo"),
        ("comfy/acme/demo", "comfy/acme/demo"),
    ],
)
def test_bare_request_id_is_asked_for_below_owner_and_app(model_id: str, app: str) -> None:
    assert RequestUrls.of_id(QUEUE, model_id, "r").result == f"{QUEUE}/{app}/requests/r"


@pytest.mark.parametrize(
    "model_id", ["demo", "", "/a", "a/", "a//b", "a/../b", "a/b?x", "a b/c", "é/b"]
)
def test_malformed_model_id_is_refused(model_id: str) -> None:
    with pytest.raises(FalError, match="no model ID"):
        checked_model_id(model_id)


def test_old_model_id_gets_its_slash() -> None:
    assert checked_model_id("123-my-app") == "123/my-app"


@pytest.mark.parametrize("request_id", ["", "../x", "a/b", "a b", "x" * 200, "a?b"])
def test_malformed_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(FalError, match="no request ID"):
        checked_request_id(request_id)


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
