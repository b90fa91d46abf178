"""A job that was submitted before: its status, its result, its end."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.errors import UsageError
from fal_runtime.jobs.commands import cancel_job, job_result, job_status
from fal_runtime.output.result import CallResult

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
STATUS = f"GET {JOB}/status"
CANCEL = f"PUT {JOB}/cancel"
HTML = {"content-type": "text/html"}

Command = Callable[..., CallResult]


def page(code: int) -> httpx.Response:
    return httpx.Response(code, headers=HTML, content=b"<html>no</html>")


def told(result: CallResult) -> dict[str, Any]:
    """Return the error that is printed."""
    error: dict[str, Any] = result.as_json()["error"]
    return error


def test_status_of_a_job_is_given_without_collecting(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    result = fal.ask(job_status)
    assert (result.status, result.exit_status, result.job) == ("IN_PROGRESS", 0, "req-1")
    assert len(fal.script.requests) == 1


def test_status_of_a_completed_job_is_no_result(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "COMPLETED")
    assert (fal.ask(job_status).status, len(fal.script.requests)) == ("COMPLETED", 1)


def test_status_of_a_failed_job_says_why_as_its_result_does(fal: "Fal") -> None:
    detail = [{"loc": ["body", "prompt"], "msg": "unsafe", "type": "x"}]
    fal.queue(fal.answer({"detail": detail}, 422, {"x-fal-billable-units": "0"}))
    fal.script.on(STATUS, fal.status("COMPLETED", error="Invalid status code: 422"))
    for command in (job_status, job_result):
        result = fal.ask(command)
        assert (result.status, result.exit_status) == ("FAILED", 4)
        assert (told(result)["charged"], told(result)["problems"][0]["path"]) == ("no", "prompt")


@pytest.mark.parametrize("command", [job_status, job_result])
def test_unknown_job_is_reported(fal: "Fal", command: Command) -> None:
    fal.script.on(STATUS, fal.answer({"status": "NOT_FOUND"}, 404))
    result = fal.ask(command)
    assert (result.status, result.exit_status) == ("UNKNOWN", 2)
    assert told(result)["charged"] == "unknown"


@pytest.mark.parametrize("command", [job_status, job_result, cancel_job])
def test_request_id_that_is_none_reaches_no_network(fal: "Fal", command: Command) -> None:
    with pytest.raises(UsageError, match="no request ID"):
        fal.ask(command, "../../x")
    assert fal.script.requests == []


@pytest.mark.parametrize("command", [job_status, job_result])
@pytest.mark.parametrize("answer", [page(403), page(404), httpx.Response(302), page(200)])
def test_proxy_in_fal_s_place_leaves_the_job_to_be_collected(
    fal: "Fal", command: Command, answer: httpx.Response
) -> None:
    fal.script.on(STATUS, answer)
    result = fal.ask(command)
    assert (result.exit_status, result.job) == (5, "req-1")
    assert "--result req-1" in told(result)["next"]
    assert (told(result)["charged"], told(result)["retry"]) == ("unknown", "same_job")


def test_missing_key_leaves_a_known_job_to_be_collected(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "invalid key credentials"}, 401))
    fal.script.on(STATUS, fal.answer({"detail": "invalid key credentials"}, 401))
    result = fal.ask(job_result)
    assert (result.exit_status, result.job) == (3, "req-1")
    assert "--result req-1" in told(result)["next"]
    assert (told(result)["charged"], told(result)["retry"]) == ("unknown", "same_job")


@pytest.mark.parametrize(
    ("code", "body", "status", "exit_status"),
    [
        (200, {"status": "OK"}, "CANCELLED", 0),
        (202, {"status": "CANCELLATION_REQUESTED"}, "IN_PROGRESS", 0),
        (200, {"status": "CANCELLATION_REQUESTED"}, "IN_PROGRESS", 0),
        (404, {"status": "NOT_FOUND"}, "UNKNOWN", 2),
    ],
)
def test_cancel_says_what_became_of_the_job(
    fal: "Fal", code: int, body: object, status: str, exit_status: int
) -> None:
    fal.script.on(CANCEL, fal.answer(body, code))
    result = fal.ask(cancel_job)
    assert (result.status, result.exit_status) == (status, exit_status)
    assert len(fal.script.requests) == 1


UNCLEAR = [
    page(200),
    httpx.Response(200),
    httpx.Response(202),
    httpx.Response(200, content=b'{"success": false}'),
    httpx.Response(302),
    httpx.Response(405, content=b'{"detail": "Method Not Allowed"}'),
]


@pytest.mark.parametrize("code", [200, 400])
def test_cancel_that_comes_too_late_says_how_the_job_ended(fal: "Fal", code: int) -> None:
    fal.script.on(CANCEL, fal.answer({"status": "ALREADY_COMPLETED"}, code))
    fal.script.on(STATUS, fal.status("COMPLETED"))
    result = fal.ask(cancel_job)
    assert (result.status, told(result)["code"]) == ("COMPLETED", "already_completed")
    assert told(result)["charged"] == "yes"
    fal.script.on(STATUS, fal.status("COMPLETED", error="c", error_type="client_cancelled"))
    fal.script.on(f"GET {JOB}", fal.answer({"detail": "c"}, 499))
    again = fal.ask(cancel_job)
    assert (again.status, again.exit_status, again.charged) == ("CANCELLED", 0, "no")
    fal.script.on(STATUS, fal.status("COMPLETED", error="boom"))
    fal.script.on(f"GET {JOB}", fal.answer({"detail": "boom"}, 500))
    failed = fal.ask(cancel_job)
    assert (failed.status, told(failed)["charged"]) == ("FAILED", "no")


@pytest.mark.parametrize("answer", UNCLEAR)
def test_cancel_with_an_unclear_answer_is_judged_by_the_status(
    fal: "Fal", answer: httpx.Response
) -> None:
    fal.script.on(CANCEL, answer)
    fal.script.on(STATUS, fal.status("IN_PROGRESS"))
    result = fal.ask(cancel_job)
    assert (result.status, result.exit_status) == ("IN_PROGRESS", 5)
    assert told(result)["next"] == "python skill.py --cancel req-1"
    fal.script.on(STATUS, fal.status("COMPLETED"))
    result = fal.ask(cancel_job)
    assert (result.status, told(result)["code"]) == ("COMPLETED", "already_completed")
    fal.script.on(STATUS, fal.status("COMPLETED", error="c", error_type="client_cancelled"))
    fal.script.on(f"GET {JOB}", fal.answer({"detail": "c"}, 499))
    result = fal.ask(cancel_job)
    assert (result.status, result.exit_status) == ("CANCELLED", 0)


def test_cancel_that_nobody_answers_can_be_given_again(fal: "Fal") -> None:
    fal.script.on(CANCEL, httpx.ConnectError("gone"))
    fal.script.on(STATUS, httpx.ConnectError("gone"))
    result = fal.ask(cancel_job)
    assert (result.exit_status, told(result)["next"]) == (5, "python skill.py --cancel req-1")


def test_cancelling_says_what_it_costs(fal: "Fal") -> None:
    fal.script.on(CANCEL, fal.answer({"status": "OK"}))
    assert fal.ask(cancel_job).as_json()["charged"] == "no"
    fal.script.on(CANCEL, fal.answer({"status": "CANCELLATION_REQUESTED"}, 202))
    assert fal.ask(cancel_job).as_json()["charged"] == "unknown"


@pytest.mark.parametrize("units", [{}, {"x-fal-billable-units": "0"}])
def test_status_and_result_of_a_cancelled_job_agree(fal: "Fal", units: dict[str, str]) -> None:
    gone = fal.answer({"detail": "c", "error_type": "client_cancelled"}, 499, units)
    fal.script.on(f"GET {JOB}", gone)
    for ending in (
        fal.status("COMPLETED", error="cancelled", error_type="client_cancelled"),
        fal.status("COMPLETED", error="Invalid status code: 499"),
        fal.status("COMPLETED", error=True),
        fal.status("CANCELLED"),
    ):
        fal.script.on(STATUS, ending)
        for command in (job_status, job_result):
            result = fal.ask(command)
            assert (result.status, result.exit_status) == ("CANCELLED", 4)
            assert (told(result)["charged"], told(result)["retry"]) == ("no", "never")
