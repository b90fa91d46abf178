"""What each response of fal means: one row a case of its wire contract, and of what proxies do."""

import json
from typing import Any

import httpx
import pytest

from fal_runtime.errors import FalError
from fal_runtime.fal.protocol import (
    JobReply,
    SubmitReply,
    checked_request_id,
    described,
    read_cancel,
    read_result,
    read_status,
    read_submit,
    read_sync,
)

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
LINKS = {"status_url": f"{JOB}/status", "response_url": JOB, "cancel_url": f"{JOB}/cancel"}
ACCEPTED = {"status": "IN_QUEUE", "request_id": "req-1", "queue_position": 0, **LINKS}
LOCKED = {"detail": "User is locked. Reason: Exhausted balance."}
HTML = {"content-type": "text/html"}
FROM_FAL = {"x-fal-request-id": "req-1"}


def reply(code: int, body: Any = None, **headers: str) -> httpx.Response:
    """Return a response of fal's own servers."""
    named = FROM_FAL | {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    return httpx.Response(code, headers=named, content=content)


def bare(code: int, body: Any) -> httpx.Response:
    """Return a JSON response without fal's request ID."""
    return httpx.Response(code, content=json.dumps(body).encode())


def page(code: int = 200, text: str = "<html>nginx</html>") -> httpx.Response:
    return httpx.Response(code, headers=HTML, content=text.encode())


def typed(code: int, error_type: str, **headers: str) -> httpx.Response:
    """Return a request error of the platform."""
    return reply(code, {"detail": "why", "error_type": error_type}, **headers)


def refused(code: int, *types: str, **headers: str) -> httpx.Response:
    """Return a model error: `detail` is a list."""
    detail = [{"loc": ["body", "image_url"], "msg": "m", "type": each} for each in types]
    return reply(code, {"detail": detail}, **headers)


def meaning(read: SubmitReply | JobReply) -> str:
    """Return a reply as `state code exit charged retry`, as far as there is an error."""
    state = read.decision if isinstance(read, SubmitReply) else read.state
    if read.error is None:
        return state
    told = read.error.as_json()
    return f"{state} {told['code']} {read.error.exit_status} {told['charged']} {told['retry']}"


NO_KEY = "refused key_refused 3 no after_fix"
BLOCKED = "refused network_blocked 6 no later"
IN_DOUBT = "undecided unconfirmed 7 unknown never"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        # Accepted: any 2xx with a usable ID, links or not.
        (reply(200, ACCEPTED), "accepted"),
        (reply(202, ACCEPTED | {"gateway_request_id": "other"}), "accepted"),
        (bare(201, {"request_id": "0197aaaa-bbbb-7ccc-8ddd-eeeeffff0000"}), "accepted"),
        # A 2xx that names no usable job.
        (bare(200, {}), IN_DOUBT),
        (bare(200, {"request_id": 7}), IN_DOUBT),
        (bare(200, {"request_id": ""}), IN_DOUBT),
        (bare(200, {"request_id": "x;touch p;exit"}), IN_DOUBT),
        (bare(200, {"request_id": "\x1b[31mred"}), IN_DOUBT),
        (bare(200, ["req-1"]), IN_DOUBT),
        (page(200, "<html>welcome</html>"), IN_DOUBT),
        (httpx.Response(200, content=b'{"request_id": "re'), IN_DOUBT),
        (httpx.Response(200, content=b"[" * 100_000), IN_DOUBT),
        (httpx.Response(204), IN_DOUBT),
        # Trouble after the request was sent.
        (page(502), IN_DOUBT),
        (page(504), IN_DOUBT),
        (reply(500, {"detail": "Internal Server Error"}), IN_DOUBT),
        (typed(503, "runner_scheduling_failure"), IN_DOUBT),
        (reply(408), IN_DOUBT),
        (typed(499, "client_disconnected"), IN_DOUBT),
        # The contract's 405 of a variant path: refused, unless fal knows the ID.
        (reply(405, {"detail": "Method Not Allowed"}), "undecided platform_down 6 no later"),
        # Refused at the gate.
        (reply(401, {"detail": "invalid key credentials"}), NO_KEY),
        (reply(401, {"detail": 'Cannot access application "acme/demo".'}), NO_KEY),
        (reply(401, {"detail": "bearer: unable to decode issuer"}), NO_KEY),
        (httpx.Response(401), NO_KEY),
        (reply(403, LOCKED), NO_KEY),
        (reply(403, {"detail": "User is locked. Reason: TOP_UP."}), NO_KEY),
        (
            reply(404, {"detail": 'Application "demo" not found'}),
            "refused model_not_found 2 no after_fix",
        ),
        (
            reply(404, {"detail": "Path /x not found"}, x_fal_billable_units="0"),
            "refused model_not_found 2 no after_fix",
        ),
        (reply(429, {"detail": "queue too long"}), "busy platform_down 6 no later"),
        (
            typed(429, "concurrent_requests_limit", x_fal_needs_retry="1"),
            "busy platform_down 6 no later",
        ),
        (typed(400, "bad_request"), "refused job_failed 4 no after_fix"),
        (bare(413, {"detail": "too large"}), "refused job_failed 4 no after_fix"),
        (refused(422, "missing"), "refused job_failed 4 no after_fix"),
        (reply(422, {"detail": "one text"}), "refused job_failed 4 no after_fix"),
        # Not fal at all.
        (page(403), BLOCKED),
        (page(401), BLOCKED),
        (page(404), BLOCKED),
        (httpx.Response(407), BLOCKED),
        (httpx.Response(302, headers={"location": "https://login.example/"}), BLOCKED),
        (httpx.Response(307, headers={"location": "https://evil.example/"}), BLOCKED),
    ],
)
def test_submit(response: httpx.Response, expected: str) -> None:
    assert meaning(read_submit(response, QUEUE, MODEL)) == expected


def test_accepted_submit_has_its_addresses_below_the_configured_queue() -> None:
    read = read_submit(reply(200, ACCEPTED), "https://gateway.example/fal-ai", MODEL)
    assert read.request_id == "req-1"
    assert read.urls is not None
    assert read.urls.result == "https://gateway.example/fal-ai/acme/demo/requests/req-1"


def test_undecided_submit_has_the_id_of_its_header_where_it_can_be_one() -> None:
    assert read_submit(reply(500, {}), QUEUE, MODEL).request_id == "req-1"
    crooked = httpx.Response(500, headers={"x-fal-request-id": "x;touch p"})
    assert read_submit(crooked, QUEUE, MODEL).request_id is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (reply(200, {"images": []}), "completed"),
        (bare(200, {"images": []}), "completed"),
        (httpx.Response(200, headers=FROM_FAL, content=b"not json"), "completed"),
        # The model's or the platform's own failure.
        (refused(422, "image_too_small"), "failed job_failed 4 unknown after_fix"),
        (refused(422, "x", x_fal_billable_units="0"), "failed job_failed 4 no after_fix"),
        (reply(500, {"detail": "Internal Server Error"}), "failed job_failed 4 no later"),
        (typed(504, "request_timeout"), "failed job_failed 4 no later"),
        (
            typed(504, "request_timeout", x_fal_request_timeout_type="user"),
            "failed job_failed 4 no later",
        ),
        (typed(499, "client_cancelled"), "failed cancelled 4 no never"),
        # A captive portal has run no model, and nobody knows what became of the request.
        (page(200, "<html>Please log in</html>"), IN_DOUBT),
        (httpx.Response(200, content=b"welcome"), IN_DOUBT),
        (page(502), IN_DOUBT),
        (httpx.Response(503), IN_DOUBT),
        (httpx.Response(408), IN_DOUBT),
        (typed(429, "concurrent_requests_limit"), "busy platform_down 6 no later"),
        (reply(401, {"detail": "invalid key credentials"}), NO_KEY),
        (reply(403, LOCKED), NO_KEY),
        (
            reply(404, {"detail": "Path /x not found"}, x_fal_billable_units="0"),
            "refused model_not_found 2 no after_fix",
        ),
        (page(403), BLOCKED),
        (httpx.Response(302), BLOCKED),
        (httpx.Response(407, headers=FROM_FAL), BLOCKED),
    ],
)
def test_synchronous_run(response: httpx.Response, expected: str) -> None:
    assert meaning(read_sync(response)) == expected


def test_an_unknown_model_is_said_with_where_to_look() -> None:
    error = read_sync(reply(404, {"detail": "Path /x not found"})).error
    assert error is not None
    assert "https://fal.ai/models" in error.message
    assert "falsmith search" in error.message


UNCLEAR = "unclear wait_over 5 unknown same_job"
CLOSED_TO_KEY = "closed key_refused 3 unknown same_job"
MISSING = "missing usage 2 unknown never"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (reply(202, {"status": "IN_QUEUE", "queue_position": 3}), "queued"),
        (reply(202, {"status": "IN_PROGRESS", "logs": None}), "running"),
        (reply(200, {"status": "COMPLETED", "logs": []}), "completed"),
        # Any 2xx: only the word counts.
        (reply(200, {"status": "IN_QUEUE"}), "queued"),
        (reply(202, {"status": "COMPLETED"}), "completed"),
        # COMPLETED is not success.
        (
            reply(200, {"status": "COMPLETED", "error": "Invalid status code: 422"}),
            "failed job_failed 4 unknown after_fix",
        ),
        (
            reply(200, {"status": "COMPLETED", "error": "e", "error_type": "runner_disconnected"}),
            "failed job_failed 4 unknown later",
        ),
        (
            reply(200, {"status": "COMPLETED", "error": "e", "error_type": "client_cancelled"}),
            "cancelled cancelled 4 no never",
        ),
        # Words that fal does not have and gateways do.
        (reply(200, {"status": "FAILED"}), "failed job_failed 4 unknown after_fix"),
        (reply(200, {"status": "ERROR"}), "failed job_failed 4 unknown after_fix"),
        (reply(200, {"status": "TIMEOUT"}), "failed job_failed 4 unknown after_fix"),
        (reply(200, {"status": "CANCELED"}), "cancelled cancelled 4 no never"),
        (reply(200, {"status": "CANCELLED"}), "cancelled cancelled 4 no never"),
        # No word that is known.
        (reply(200, {"message": "busy"}), UNCLEAR),
        (reply(200, {"status": "whatever"}), UNCLEAR),
        (reply(200, {"status": ""}), UNCLEAR),
        (reply(200, {"status": 200}), UNCLEAR),
        (reply(200, []), UNCLEAR),
        (page(200), UNCLEAR),
        (httpx.Response(200), UNCLEAR),
        # A proxy in fal's place.
        (page(403), UNCLEAR),
        (page(404), UNCLEAR),
        (page(405), UNCLEAR),
        (page(502), UNCLEAR),
        (httpx.Response(302, headers={"location": "https://login.example/"}), UNCLEAR),
        (httpx.Response(407), UNCLEAR),
        (httpx.Response(401), UNCLEAR),
        # Passing trouble, and answers that are none about the job.
        (reply(429, {"detail": "slow down"}), UNCLEAR),
        (reply(503, {"detail": "x"}), UNCLEAR),
        (reply(500, {"detail": "Internal Server Error"}), UNCLEAR),
        (reply(400, {"detail": "bad"}), UNCLEAR),
        (reply(422, {"detail": []}), UNCLEAR),
        # fal itself.
        (bare(404, {"status": "NOT_FOUND"}), MISSING),
        (reply(401, {"detail": "invalid key credentials"}), CLOSED_TO_KEY),
        (reply(403, LOCKED), CLOSED_TO_KEY),
        (
            reply(405, {"detail": "Method Not Allowed"}),
            "closed result_endpoint_only 5 unknown same_job",
        ),
    ],
)
def test_status(response: httpx.Response, expected: str) -> None:
    assert meaning(read_status(response)) == expected


def test_status_has_the_place_in_the_queue_and_the_log_lines() -> None:
    logs = [{"timestamp": "T", "level": "INFO", "message": "a\nb"}, "plain", {"message": "\x1b[2J"}]
    read = read_status(reply(202, {"status": "IN_QUEUE", "queue_position": 3, "logs": logs}))
    assert (read.queue_position, read.logs) == (3, ("T INFO a b", "plain", "[2J"))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (reply(200, {"images": []}), "completed"),
        (reply(200, ["text"]), "completed"),
        (reply(200, {"detail": "Request is still in progress"}), "completed"),
        # Not finished yet.
        (reply(400, {"detail": "Request is still in progress"}), "running"),
        (reply(202, {"status": "IN_PROGRESS"}), "running"),
        # The failure of the model or the platform, replayed.
        (refused(422, "content_policy_violation"), "failed job_failed 4 unknown after_fix"),
        (refused(422, "x", x_fal_billable_units="2"), "failed job_failed 4 yes after_fix"),
        (refused(422, "x", x_fal_billable_units="0"), "failed job_failed 4 no after_fix"),
        (refused(422, "x", x_fal_retryable="true"), "failed job_failed 4 unknown later"),
        (refused(422, "x", x_fal_needs_retry="1"), "failed job_failed 4 unknown later"),
        (reply(422, {"detail": "one text"}), "failed job_failed 4 unknown after_fix"),
        (refused(400, "downstream_service_error"), "failed job_failed 4 unknown later"),
        (typed(400, "bad_request"), "failed job_failed 4 unknown after_fix"),
        (typed(499, "client_cancelled"), "cancelled cancelled 4 no never"),
        (httpx.Response(499, headers=FROM_FAL), "cancelled cancelled 4 no never"),
        (
            reply(404, {"detail": "Path /x not found"}, x_fal_billable_units="0"),
            "failed job_failed 4 no after_fix",
        ),
        # The status named no error: a 5xx is asked for again, also where it has a type.
        (
            typed(503, "runner_disconnected", x_fal_error_type="runner_disconnected"),
            UNCLEAR,
        ),
        (reply(500, {"detail": "Internal Server Error"}), UNCLEAR),
        (page(502), UNCLEAR),
        (httpx.Response(503), UNCLEAR),
        # Nothing that could be the result.
        (httpx.Response(200, content=b"not json"), "unclear download_failed 5 yes same_job"),
        (page(200), UNCLEAR),
        (page(403), UNCLEAR),
        (page(404), UNCLEAR),
        (page(405), UNCLEAR),
        (httpx.Response(302), UNCLEAR),
        (httpx.Response(407), UNCLEAR),
        (httpx.Response(400, content=b"no"), UNCLEAR),
        (reply(429, {"detail": "slow down"}), UNCLEAR),
        (reply(408, {}), UNCLEAR),
        # fal itself.
        (bare(404, {"status": "NOT_FOUND"}), MISSING),
        (reply(403, LOCKED), CLOSED_TO_KEY),
        (reply(401, {"detail": "invalid key credentials"}), CLOSED_TO_KEY),
        (
            reply(405, {"detail": "Method Not Allowed"}),
            "closed result_endpoint_only 5 yes same_job",
        ),
    ],
)
def test_result(response: httpx.Response, expected: str) -> None:
    assert meaning(read_result(response)) == expected


def test_server_error_is_the_job_s_own_where_its_status_named_one_or_it_comes_a_fourth_time() -> (
    None
):
    response = typed(503, "runner_disconnected", x_fal_error_type="runner_disconnected")
    failed = "failed job_failed 4 no later"
    assert meaning(read_result(response, failed=True)) == failed
    told = [meaning(read_result(response, errors=errors)) for errors in range(4)]
    assert told == [UNCLEAR, UNCLEAR, UNCLEAR, failed]


def test_result_of_fal_that_is_no_json_is_taken_when_it_comes_a_fourth_time() -> None:
    response = httpx.Response(200, headers=FROM_FAL, content=b"not json")
    unclear, taken = "unclear download_failed 5 yes same_job", "completed"
    told = [meaning(read_result(response, errors=errors)) for errors in range(4)]
    assert told == [unclear, unclear, unclear, taken]
    # It may be a proxy's.
    nobodys = httpx.Response(200, content=b"not json")
    assert meaning(read_result(nobodys, errors=99)) == unclear


@pytest.mark.parametrize(
    "error_type",
    [
        "request_timeout",
        "startup_timeout",
        "runner_scheduling_failure",
        "runner_connection_timeout",
        "runner_disconnected",
        "runner_connection_refused",
        "runner_connection_error",
        "runner_incomplete_response",
        "runner_server_error",
        "internal_error",
        "internal_server_error",
        "generation_timeout",
        "downstream_service_unavailable",
    ],
)
def test_replayed_failure_of_the_platform_costs_nothing_and_may_pass(error_type: str) -> None:
    response = reply(500, {"detail": "x", "error_type": error_type})
    assert meaning(read_result(response, failed=True)) == "failed job_failed 4 no later"


def test_untyped_server_error_is_the_job_s_own_after_a_failed_status_or_the_fourth_time() -> None:
    response = reply(500, {"detail": "Internal Server Error"})
    assert meaning(read_result(response, failed=True)) == "failed job_failed 4 no later"
    assert meaning(read_result(response, errors=2)) == UNCLEAR
    assert meaning(read_result(response, errors=3)) == "failed job_failed 4 no later"
    assert meaning(read_result(page(502), failed=True, errors=9)) == UNCLEAR


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (reply(200, {"status": "OK"}), "cancelled"),
        (reply(200, {"success": True}), "cancelled"),
        (reply(202, {"status": "CANCELLATION_REQUESTED"}), "running"),
        (reply(200, {"status": "CANCELLATION_REQUESTED"}), "running"),
        (
            reply(400, {"status": "ALREADY_COMPLETED"}),
            "completed already_completed 5 yes same_job",
        ),
        (
            reply(200, {"status": "ALREADY_COMPLETED"}),
            "completed already_completed 5 yes same_job",
        ),
        (reply(404, {"status": "NOT_FOUND"}), MISSING),
        # What does not say what became of the job.
        (reply(200, {"success": False}), UNCLEAR),
        (reply(200, {}), UNCLEAR),
        (httpx.Response(200), UNCLEAR),
        (httpx.Response(202), UNCLEAR),
        (page(200), UNCLEAR),
        (page(403), UNCLEAR),
        (reply(500, {"status": "OK"}), UNCLEAR),
        (reply(400, {"detail": "x"}), UNCLEAR),
        (httpx.Response(302), UNCLEAR),
        (reply(403, LOCKED), CLOSED_TO_KEY),
    ],
)
def test_cancel(response: httpx.Response, expected: str) -> None:
    assert meaning(read_cancel(response)) == expected


def failed(response: httpx.Response) -> FalError:
    error = read_result(response).error
    assert error is not None
    return error


def test_a_job_that_did_not_start_in_time_says_whose_time_it_was() -> None:
    late = typed(504, "request_timeout", x_fal_request_timeout_type="user")
    assert "within --start-timeout" in str(read_result(late, failed=True).error)


def test_failed_job_has_every_complaint_with_its_value_as_json() -> None:
    detail = [
        {"loc": ["body", "loras", 0, "scale"], "msg": "too big", "type": "less_than", "input": 9},
        {"loc": ["body", "size"], "msg": "no", "type": "x", "input": {"wide": True, "high": None}},
        {"loc": ["body"], "msg": "no", "type": "value_error"},
        {"loc": ["body", "image"], "msg": "no", "type": "x", "input": "data:image/png;base64,AA"},
    ]
    found = [problem.as_json() for problem in failed(reply(422, {"detail": detail})).problems]
    assert found[0] == {"path": "loras[0].scale", "got": "9", "expected": "too big"}
    assert found[1]["got"] == '{"wide": true, "high": null}'
    assert (found[2]["path"], found[2]["got"]) == ("(input)", "")
    assert "base64" not in found[3]["got"]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (reply(422, {"detail": "one text"}), "422 Unprocessable Entity: one text"),
        (reply(400, {"error": {"message": "nested"}}), "400 Bad Request: nested"),
        (reply(400, {"error": "flat"}), "400 Bad Request: flat"),
        (reply(400, {"message": "m"}), "400 Bad Request: m"),
        (reply(404, {"status": "NOT_FOUND"}), "404 Not Found: NOT_FOUND"),
        (refused(422, "x"), "422 Unprocessable Entity: image_url: m"),
        (page(403), "403 Forbidden, with a web page instead of JSON"),
        (httpx.Response(599), "599"),
        (reply(400, {"detail": "a\x1b[31mb\r\nc"}), "400 Bad Request: a[31mb c"),
    ],
)
def test_error_response_in_words(response: httpx.Response, expected: str) -> None:
    assert described(response) == expected


def test_reason_phrase_cannot_steer_a_terminal() -> None:
    response = httpx.Response(500, extensions={"reason_phrase": b"a\x1b[31mb"})
    assert described(response) == "500 a[31mb"


@pytest.mark.parametrize("request_id", ["", "../x", "a/b", "a b", "x" * 200, "a?b", "-r", "x;y"])
def test_malformed_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(FalError, match="no request ID"):
        checked_request_id(request_id)
