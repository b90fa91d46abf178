"""A job that was submitted before: its status, its result, its end."""

from typing import TYPE_CHECKING

import pytest

from fal_runtime.jobs.commands import cancel_job, job_result, job_status

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
JOB = f"{QUEUE}/acme/demo/requests/req-1"


def test_status_of_a_job_is_told_without_collecting(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    outcome = fal.ask(job_status)
    assert (outcome.status, outcome.exit_status, outcome.job) == ("IN_PROGRESS", 0, "req-1")
    assert len(fal.script.requests) == 1


def test_unknown_job_is_told(fal: "Fal") -> None:
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    for ask in (job_status, job_result):
        outcome = fal.ask(ask)
        assert (outcome.status, outcome.exit_status) == ("UNKNOWN", 2)
        assert outcome.as_json()["error"]["charged"] == "unknown"


def test_request_id_that_is_none_reaches_no_network(fal: "Fal") -> None:
    outcome = fal.ask(job_result, "../../x")
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 2)


@pytest.mark.parametrize(
    ("code", "body", "status", "exit_status"),
    [
        (200, {"status": "OK"}, "CANCELLED", 0),
        (202, {"status": "CANCELLATION_REQUESTED"}, "IN_PROGRESS", 0),
        (400, {"status": "ALREADY_COMPLETED"}, "COMPLETED", 5),
        (404, {"status": "NOT_FOUND"}, "UNKNOWN", 2),
    ],
)
def test_cancel_tells_what_became_of_the_job(
    fal: "Fal", code: int, body: object, status: str, exit_status: int
) -> None:
    fal.script.on(f"PUT {JOB}/cancel", fal.answer(body, code))
    outcome = fal.ask(cancel_job)
    assert (outcome.status, outcome.exit_status) == (status, exit_status)
