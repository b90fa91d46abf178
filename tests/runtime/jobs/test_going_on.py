"""A job whose command ended, was killed or is elsewhere is gone on with from the ledger."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import OverLimitError, UsageError
from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.jobs.commands import cancel_job, job_result, job_status, list_jobs
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger, open_ledger
from fal_runtime.jobs.steps import advance
from fal_runtime.output.result import CallResult

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
REQUEST = ModelRequest(f"{QUEUE}/{MODEL}", {}, {"prompt": "a cat"})


@pytest.fixture
def elsewhere(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """Return the same ledger, open in another process."""
    assert ledger
    with closing(open_ledger({"FAL_STATE_DIR": "state"}, tmp_path, print)) as opened:
        yield opened


def begun(fal: "Fal", ledger: Ledger) -> Job:
    """Return a new job of another process."""
    identity = fal.config.identity
    new = Job(MODEL, fal.options, "accepted", REQUEST, identity=identity, created=1.0)
    return ledger.add(new, own=True)


@pytest.mark.parametrize("steps", [0, 2, 3, 4, 5, 6])
def test_a_job_whose_process_was_killed_is_finished_by_the_next_command(
    fal: "Fal", elsewhere: Ledger, steps: int
) -> None:
    fal.queue(fal.answer({"image": fal.picture()}), "IN_PROGRESS", "COMPLETED")
    fal.serve("a.png")
    job = begun(fal, elsewhere)
    for _ in range(steps):
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)
    elsewhere.close()
    result = fal.ask(job_result, str(job.id))
    assert (result.status, result.job, len(result.files)) == ("COMPLETED", job.id, 1)
    assert result.files[0].path.exists()
    assert len(fal.script.calls(POST)) == 1
    assert len(fal.script.calls("GET https://cdn.example/a.png")) == 1


def test_what_is_saved_is_told_again_without_a_request(fal: "Fal") -> None:
    fal.queue(fal.answer({"image": fal.picture()}))
    fal.serve("a.png")
    first = fal.run()
    before = len(fal.script.requests)
    again = fal.ask(job_result, str(first.job))
    assert (again.files, again.result) == (first.files, first.result)
    assert fal.ask(job_status, "req-1").status == "COMPLETED"
    assert len(fal.script.requests) == before


def test_a_saved_file_that_was_lost_is_fetched_again_by_what_the_ledger_holds(
    fal: "Fal", tmp_path: Path
) -> None:
    fal.queue(fal.answer({"image": fal.picture()}))
    fal.serve("a.png")
    first = fal.run()
    fal.script.on(f"GET {JOB}", fal.answer({"detail": "gone"}, 404))
    first.files[0].path.unlink()
    assert fal.ask(job_result, str(first.job)).files == first.files
    moved = fal.ask(job_result, str(first.job), output=tmp_path / "other", output_file="x.png")
    assert moved.files[0].path == tmp_path / "other" / "x.png"


def test_the_end_of_a_job_is_known_without_fal(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "boom"}, 500))
    failed = fal.run()
    before = len(fal.script.requests)
    for command in (job_status, job_result):
        again = fal.ask(command, str(failed.job))
        assert (again.status, again.exit_status) == ("FAILED", 4)
        assert str(again.error) == str(failed.error)
    assert len(fal.script.requests) == before


def test_a_job_that_another_process_works_on_is_watched(fal: "Fal", elsewhere: Ledger) -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    job = begun(fal, elsewhere)
    other = fal.connection
    goes_on = fal.time.sleep

    def sleep(seconds: float) -> None:
        nonlocal job
        goes_on(seconds)
        job, _ = advance(elsewhere, job, other, fal.time.seconds)

    fal.time.sleep = sleep  # type: ignore[method-assign] # while we sleep, the other works
    result = fal.ask(job_result, str(job.id))
    assert (result.status, result.result) == ("COMPLETED", {"a": 1})
    assert len(fal.script.calls(POST)) == 1


def test_a_job_that_another_process_does_not_finish_in_time_is_left_to_it(
    fal: "Fal", elsewhere: Ledger
) -> None:
    job = begun(fal, elsewhere)
    result = fal.ask(job_result, str(job.id), wait=20)
    assert (result.status, result.exit_status) == ("IN_QUEUE", 5)
    assert f"--result {job.id}" in result.as_json()["error"]["next"]
    assert fal.script.requests == []
    assert sum(fal.time.slept) == pytest.approx(20)
    assert fal.ask(job_status, str(job.id)).status == "IN_QUEUE"
    elsewhere.close()
    assert fal.ask(job_status, str(job.id)).status == "IN_QUEUE"
    assert fal.script.requests == []
    assert "--result sends it" in fal.lines[-1]


@pytest.mark.parametrize(
    ("steps", "status", "words"),
    [(0, "IN_QUEUE", "sends it when its turn comes"), (2, "IN_QUEUE", "goes on at fal"),
     (4, "COMPLETED", "after the job had ended")],
)  # fmt: skip
def test_an_interrupted_wait_for_another_process_names_the_job(
    fal: "Fal", elsewhere: Ledger, steps: int, status: str, words: str
) -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    job = begun(fal, elsewhere)
    for _ in range(steps):
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)

    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    fal.time.sleep = sleep  # type: ignore[method-assign] # Ctrl-C
    result = fal.ask(job_result, str(job.id))
    assert (result.status, result.exit_status, result.job) == (status, 130, job.id)
    assert words in str(result.error)
    assert f"--result {job.id}" in result.as_json()["error"]["next"]


def test_an_interrupted_wait_tells_of_the_job_as_it_is_by_then(
    fal: "Fal", elsewhere: Ledger
) -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    job = begun(fal, elsewhere)

    def sleep(seconds: float) -> None:
        going_on = job
        while not going_on.is_at_fal:
            going_on, _ = advance(elsewhere, going_on, fal.connection, fal.time.seconds)
        raise KeyboardInterrupt

    fal.time.sleep = sleep  # type: ignore[method-assign] # the other sends it, then Ctrl-C
    result = fal.ask(job_result, str(job.id))
    assert (result.exit_status, result.as_json()["request_id"]) == (130, "req-1")
    assert "goes on at fal" in str(result.error)


def test_a_result_that_another_process_still_saves_is_told_as_done(
    fal: "Fal", elsewhere: Ledger
) -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    job = begun(fal, elsewhere)
    while job.state != "completed":
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)
    result = fal.ask(job_result, str(job.id))
    assert (result.status, result.exit_status) == ("COMPLETED", 5)
    assert "still being saved" in str(result.error)


def test_what_was_waited_for_another_process_counts_when_the_job_is_taken_over(
    fal: "Fal", elsewhere: Ledger
) -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    job = begun(fal, elsewhere)
    for _ in range(2):
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)
    goes_on = fal.time.sleep

    def sleep(seconds: float) -> None:
        goes_on(seconds)
        if sum(fal.time.slept) >= 15:
            elsewhere.close()

    fal.time.sleep = sleep  # type: ignore[method-assign] # the other one dies while we wait
    result = fal.ask(job_result, str(job.id), wait=20)
    assert (result.status, result.exit_status) == ("IN_PROGRESS", 5)
    assert sum(fal.time.slept) == pytest.approx(20)
    assert result.elapsed_s == pytest.approx(20)


def test_how_far_another_process_s_job_is_only_fal_knows(fal: "Fal", elsewhere: Ledger) -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    fal.script.on(f"PUT {JOB}/cancel", fal.answer({"status": "CANCELLATION_REQUESTED"}, 202))
    job = begun(fal, elsewhere)
    for _ in range(2):
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)
    assert fal.ask(job_status, str(job.id)).status == "IN_PROGRESS"
    assert fal.ask(cancel_job, str(job.id)).charged == "unknown"
    written = elsewhere.job(str(job.id))
    assert written is not None
    assert (written.state, written.status) == ("submitted", "IN_QUEUE")
    assert elsewhere.save(job)


def test_a_job_that_is_just_being_sent_cannot_be_cancelled_yet(
    fal: "Fal", elsewhere: Ledger
) -> None:
    job = begun(fal, elsewhere)
    advance(elsewhere, job, fal.connection, fal.time.seconds)
    result = fal.ask(cancel_job, str(job.id))
    assert result.exit_status == 5
    assert f"--cancel {job.id}" in result.as_json()["error"]["next"]
    assert fal.script.requests == []


@pytest.mark.parametrize("command", [job_status, job_result, cancel_job])
def test_a_job_that_another_process_still_looks_for_is_not_told_as_refused(
    fal: "Fal", elsewhere: Ledger, command: Callable[..., CallResult]
) -> None:
    fal.script.on(POST, httpx.Response(405, json={"detail": "Method Not Allowed"}))
    job = begun(fal, elsewhere)
    for _ in range(2):
        job, _ = advance(elsewhere, job, fal.connection, fal.time.seconds)
    result = fal.ask(command, str(job.id), wait=1)
    error = result.as_json()["error"]
    assert (result.status, result.exit_status) == ("UNKNOWN", 7)
    assert (error["charged"], error["retry"]) == ("unknown", "never")
    assert f"--result {job.id}" in error["next"]


def test_a_job_that_is_not_sent_yet_is_cancelled_here(fal: "Fal", elsewhere: Ledger) -> None:
    job = begun(fal, elsewhere)
    cancelled = fal.ask(cancel_job, str(job.id))
    assert (cancelled.status, cancelled.exit_status, cancelled.charged) == ("CANCELLED", 0, "no")
    job, due = advance(elsewhere, job, fal.connection, 0.0)
    assert (job.state, due) == ("cancelled", None)
    for command in (job_status, job_result):
        again = fal.ask(command, str(job.id))
        assert (again.status, again.exit_status) == ("CANCELLED", 4)
        assert again.as_json()["error"]["charged"] == "no"
    assert fal.script.requests == []


def test_a_job_of_another_key_is_not_sent_with_this_one(fal: "Fal", elsewhere: Ledger) -> None:
    job = begun(fal, elsewhere)
    elsewhere.close()
    fal.config = load_config(None, {"FAL_KEY": "another:key"})
    with pytest.raises(UsageError, match="another key"):
        fal.ask(job_result, str(job.id))
    assert fal.script.requests == []


def test_a_job_that_no_spending_limit_has_judged_is_not_sent_where_there_is_one(
    fal: "Fal", elsewhere: Ledger
) -> None:
    job = begun(fal, elsewhere)
    elsewhere.close()
    with pytest.raises(OverLimitError, match="without this spending limit"):
        fal.ask(job_result, str(job.id), max_cost=0.5)
    assert fal.script.requests == []
    fal.queue(fal.answer({}), "COMPLETED")
    assert fal.ask(job_result, str(job.id)).status == "COMPLETED"


def test_a_job_of_another_address_is_asked_for_at_the_one_of_today(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    job = fal.run(submit=True).job
    near = "http://127.0.0.1:9"
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_QUEUE_URL": near})
    fal.script.on(f"GET {near}/acme/demo/requests/req-1/status", fal.status("IN_PROGRESS"))
    assert fal.ask(job_status, str(job)).status == "IN_PROGRESS"


@pytest.mark.parametrize("name", ["abcdefgh", "a0000000", "last"])
def test_an_id_of_ours_that_the_ledger_does_not_know_reaches_no_network(
    fal: "Fal", name: str
) -> None:
    with pytest.raises(UsageError, match="the ledger has no job"):
        fal.ask(job_result, name)


def test_a_ledger_that_fails_before_the_submit_stops_it(fal: "Fal") -> None:
    fal.ledger.close()
    result = fal.run()
    assert (result.status, result.exit_status) == ("REFUSED", 9)
    assert fal.script.requests == []


def test_a_ledger_that_fails_while_fal_is_busy_stops_the_next_try(fal: "Fal") -> None:
    def busy(_request: httpx.Request) -> httpx.Response:
        fal.ledger.close()
        return httpx.Response(429, headers={"retry-after": "1"})

    fal.script.on(POST, busy)
    result = fal.run()
    assert (result.status, result.exit_status) == ("REFUSED", 9)
    assert len(fal.script.calls(POST)) == 1


def test_a_ledger_that_fails_after_the_submit_costs_no_result(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), "IN_PROGRESS", "COMPLETED")

    def accepted(_request: httpx.Request) -> httpx.Response:
        fal.ledger.close()
        return fal.accepted()

    fal.script.on(POST, accepted)
    result = fal.run()
    assert (result.status, result.result, result.exit_status) == ("COMPLETED", {"a": 1}, 0)
    assert any("warning: the ledger" in line for line in fal.lines)
    assert any("--result req-1" in line for line in fal.lines)


def test_a_ledger_that_fails_for_a_time_has_the_job_in_the_end(fal: "Fal", tmp_path: Path) -> None:
    fal.queue(fal.answer({"a": 1}, headers={"x-fal-billable-units": "2"}), "COMPLETED")
    ledger = sqlite3.connect(tmp_path / "state" / "ledger.sqlite3")
    ledger.isolation_level = None

    def accepted(_request: httpx.Request) -> httpx.Response:
        fails = "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(ABORT, 'full'); END"
        ledger.execute(fails)
        return fal.accepted()

    def completed(_request: httpx.Request) -> httpx.Response:
        ledger.execute("DROP TRIGGER IF EXISTS full")
        return fal.answer({"a": 1}, headers={"x-fal-billable-units": "2"})

    fal.script.on(POST, accepted).on(f"GET {JOB}", completed)
    result = fal.run()
    ledger.close()
    assert any("warning: the ledger" in line for line in fal.lines)
    written = fal.ledger.job(str(result.job))
    assert written is not None
    assert (written.request_id, written.state) == ("req-1", "saved")
    assert [each.units for each in fal.ledger.spent(0, "model")] == [2]


def test_the_jobs_of_a_model_are_listed(fal: "Fal") -> None:
    fal.queue(fal.answer({"image": fal.picture()}), "COMPLETED")
    fal.serve("a.png")
    done = fal.run()
    fal.script.on(POST, httpx.Response(422, json={"detail": "no such size"}))
    refused = fal.run()
    moment = fal.time.clock.date()
    listed = list_jobs(fal.ledger, [MODEL], moment.replace(second=35)).result
    assert [(one["job"], one["state"], one["age_s"]) for one in listed] == [
        (refused.job, "failed", 30),
        (done.job, "saved", 30),
    ]
    assert listed[1] == {
        "job": done.job,
        "request_id": "req-1",
        "model_id": MODEL,
        "when": "2026-01-02T03:04:05Z",
        "age_s": 30,
        "state": "saved",
        "prompt": "a cat",
        "files": [str(done.files[0].path)],
    }
    assert "no such size" in listed[0]["error"]
    assert list_jobs(fal.ledger, ["acme/other"], moment).result == []
