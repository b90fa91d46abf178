"""A submit whose answer did not come is looked for in fal's history, and never sent again."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.jobs.commands import cancel_job, job_result, job_status
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import open_ledger
from fal_runtime.jobs.record import digested
from fal_runtime.jobs.recovery import holds

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
RUN = f"POST https://fal.run/{MODEL}"
HISTORY = "GET https://api.fal.ai/v1/models/requests/by-endpoint"
NOT_FOUND = {"status": "NOT_FOUND"}
DETAIL = {"detail": "x"}

CUT = httpx.ReadError("cut")
LATE = httpx.ReadTimeout("late")


def page(code: int) -> httpx.Response:
    return httpx.Response(code, headers={"content-type": "text/html"}, content=b"<html>")


# Every answer to a submit that leaves it open whether fal accepted the job, without an ID.
DOUBTFUL = [
    CUT,
    LATE,
    httpx.WriteError("cut"),
    httpx.RemoteProtocolError("no answer"),
    page(502),
    httpx.Response(500, json=DETAIL),
    httpx.Response(503),
    httpx.Response(405, json=DETAIL),
    httpx.Response(408),
    httpx.Response(499),
    httpx.Response(200, content=b"<html>"),
]


@pytest.mark.parametrize("answer", DOUBTFUL)
def test_a_submit_in_doubt_that_the_history_has_is_the_job(
    fal: "Fal", answer: httpx.Response | Exception
) -> None:
    fal.queue(fal.answer({"a": 1}), "IN_QUEUE", "COMPLETED")
    fal.script.on(POST, answer).on(HISTORY, fal.history(fal.past()))
    result = fal.run()
    assert (result.status, result.request_id, result.result) == ("COMPLETED", "req-1", {"a": 1})
    assert len(fal.script.calls(POST)) == 1
    assert "looking for the job there" in fal.lines[0]
    assert f"--result {result.job}" in fal.lines[0]


@pytest.mark.parametrize("answer", DOUBTFUL)
def test_a_submit_in_doubt_without_a_history_is_unconfirmed_at_once(
    fal: "Fal", answer: httpx.Response | Exception
) -> None:
    fal.script.on(POST, answer)
    result = fal.run()
    assert (result.status, result.exit_status, result.elapsed_s) == ("UNKNOWN", 7, 0)
    error = result.as_json()["error"]
    assert "history answered 403" in error["message"]
    assert (error["charged"], error["retry"]) == ("unknown", "never")
    assert f"--result {result.job}" in error["next"]
    assert len(fal.script.calls(POST)) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(401, json={"error": {"message": "bad key"}}), "bad key"),
        (httpx.Response(501, json={"error": {"message": "not here"}}), "not here"),
        ("no payloads", "keeps no inputs"),
        ("no key", "is not sent to api.fal.ai"),
    ],
)
def test_a_history_that_cannot_tell_is_not_waited_for(
    fal: "Fal", answer: httpx.Response | str, words: str
) -> None:
    fal.script.on(POST, LATE)
    if isinstance(answer, httpx.Response):
        fal.script.on(HISTORY, answer)
    elif answer == "no payloads":
        fal.script.on(HISTORY, fal.history(fal.past(json_input=None)))
    else:
        near = "http://127.0.0.1:9"
        fal.config = load_config(None, {"FAL_KEY": "k", "FAL_QUEUE_URL": near})
        fal.script.on(f"POST {near}/{MODEL}", LATE)
    result = fal.run()
    assert (result.exit_status, fal.time.slept) == (7, [])
    assert words in str(result.error)


def test_the_history_is_asked_more_and_more_seldom_to_the_deadline(fal: "Fal") -> None:
    fal.script.on(POST, LATE).on(HISTORY, fal.history())
    result = fal.run(wait=0, max_polls=24)
    assert fal.time.slept == [2, 3, 10, 15, 30, 30, 30]
    assert (result.exit_status, len(fal.script.calls(HISTORY))) == (7, 8)


def test_a_history_that_lags_behind_is_waited_for(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    past = fal.past()
    fal.script.on(POST, LATE)
    fal.script.on(HISTORY, fal.history(), httpx.Response(502), CUT, fal.history(past))
    assert fal.run().result == {"a": 1}
    assert fal.time.slept == [2, 3, 10]


def test_a_command_that_stops_waiting_says_how_to_look_again(fal: "Fal") -> None:
    fal.script.on(POST, LATE).on(HISTORY, fal.history())
    result = fal.run(wait=10)
    assert (result.status, result.exit_status) == ("UNKNOWN", 7)
    fal.queue(fal.answer({"a": 1})).script.on(POST, AssertionError("sent again"))
    early = fal.past(sent_at="2026-01-02T03:04:06Z")
    fal.script.on(HISTORY, fal.history(early))
    assert fal.ask(job_result, str(result.job)).result == {"a": 1}


def test_a_method_that_is_not_allowed_and_no_match_means_refused(fal: "Fal") -> None:
    fal.script.on(POST, httpx.Response(405, json=DETAIL)).on(HISTORY, fal.history())
    result = fal.run()
    assert (result.status, result.exit_status, result.request_id) == ("REFUSED", 6, None)
    assert result.as_json()["error"]["charged"] == "no"
    short = fal.run(wait=10)
    assert (short.status, short.exit_status) == ("UNKNOWN", 7)


@pytest.mark.parametrize(("code", "status"), [(405, "REFUSED"), (500, "UNKNOWN")])
def test_an_id_that_fal_does_not_know_decides_where_fal_said_no(
    fal: "Fal", code: int, status: str
) -> None:
    fal.script.on(POST, fal.answer(DETAIL, code))
    fal.script.on(f"GET {JOB}/status", fal.answer(NOT_FOUND, 404))
    assert fal.run().status == status
    fal.script.on(f"GET {JOB}/status", httpx.Response(502))
    assert fal.run().status == "UNKNOWN"


def test_the_id_of_a_doubtful_answer_is_the_job_that_the_history_has(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(POST, fal.answer(DETAIL, 500))
    unknown = fal.answer(NOT_FOUND, 404)
    fal.script.on(f"GET {JOB}/status", unknown, fal.status("COMPLETED"))
    fal.script.on(HISTORY, fal.history(fal.past(json_input=None), fal.past("req-2")))
    assert fal.run().request_id == "req-1"


@pytest.mark.parametrize(
    ("item", "is_it"),
    [
        ({}, True),
        ({"json_input": '{"prompt": "a cat", "num_images": 1}'}, True),
        ({"json_input": {"prompt": "a dog"}}, False),
        ({"json_input": {}}, False),
        ({"sent_at": "2026-01-02T03:03:05Z"}, False),
        ({"sent_at": "2026-01-02T03:09:55Z"}, False),
        ({"sent_at": None}, True),
        ({"sent_at": "yesterday"}, False),
        ({"request_id": "../x"}, False),
    ],
)
def test_a_request_is_the_job_s_by_its_input_and_its_time(
    fal: "Fal", item: Mapping[str, Any], is_it: bool
) -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(POST, LATE).on(HISTORY, fal.history(fal.past(**item)))
    assert (fal.run(wait=20).status == "COMPLETED") is is_it


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
def test_times_are_compared_by_fal_s_clock(fal: "Fal", ahead: int) -> None:
    fal.queue(fal.answer({"a": 1}))
    by_fal = fal.time.clock.date().timestamp() + ahead
    past = fal.past(sent_at=_iso(by_fal), started_at=_iso(by_fal))
    old = fal.past("req-0", sent_at=_iso(by_fal - 30))
    fal.script.on(POST, LATE).on(HISTORY, fal.history(past, old, ahead=ahead))
    assert fal.run().request_id == "req-1"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_two_requests_that_may_be_the_job_are_no_answer(fal: "Fal") -> None:
    fal.script.on(POST, LATE).on(HISTORY, fal.history(fal.past(), fal.past("req-2")))
    assert fal.run(wait=20).exit_status == 7


def test_two_equal_inputs_at_once_get_a_request_each(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.run(submit=True)
    second = f"{QUEUE}/acme/demo/requests/req-2"
    fal.script.on(f"GET {second}/status", fal.status("COMPLETED"))
    fal.script.on(f"GET {second}", fal.answer({"a": 2}))
    fal.script.on(POST, LATE).on(HISTORY, fal.history(fal.past(), fal.past("req-2")))
    assert fal.run().result == {"a": 2}
    assert fal.run(wait=20).exit_status == 7


def test_as_many_requests_as_equal_jobs_are_looked_for_are_theirs(fal: "Fal") -> None:
    fal.script.on(POST, LATE).on(HISTORY, fal.history())
    names = [str(fal.run(wait=1).job) for _ in range(2)]
    both = [
        fal.past(name, sent_at=_iso(fal.time.clock.date().timestamp() - 1))
        for name in ("req-1", "req-2")
    ]
    fal.script.on(HISTORY, fal.history(*both))
    for number in ("1", "2"):
        url = f"{QUEUE}/acme/demo/requests/req-{number}"
        fal.script.on(f"GET {url}/status", fal.status("COMPLETED"))
        fal.script.on(f"GET {url}", fal.answer({"a": number}))
    results = [fal.ask(job_result, name) for name in names]
    assert sorted(str(result.request_id) for result in results) == ["req-1", "req-2"]
    assert [result.status for result in results] == ["COMPLETED"] * 2


def test_a_history_of_many_pages_is_read_from_the_time_of_the_submit_on(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    other = fal.past("req-9", json_input={"prompt": "a dog"})
    first, second = fal.history(other), fal.history(fal.past())
    more = httpx.Response(
        200, headers=first.headers, json={**first.json(), "has_more": True, "next_cursor": "Mg"}
    )
    fal.script.on(POST, LATE).on(HISTORY, more, more, second)
    assert fal.run().result == {"a": 1}
    asked = [dict(request.url.params) for request in fal.script.calls(HISTORY)]
    common = {"endpoint_id": MODEL, "expand": "payloads", "limit": "100"}
    start = {"start": "2026-01-02T03:03:05+00:00"}
    assert asked == [common, common | start, common | start | {"cursor": "Mg"}]


@pytest.mark.parametrize(
    "date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0100 00:00:00 +2359", "soon"]
)
def test_a_history_that_tells_no_usable_time_is_asked_on(fal: "Fal", date: str) -> None:
    page = {"items": [], "next_cursor": "Mg", "has_more": True}
    endless = httpx.Response(200, json=page, headers={"date": date})
    fal.script.on(POST, LATE).on(HISTORY, endless)
    result = fal.run(wait=0, max_polls=24)
    assert (result.error.code if result.error else None, result.exit_status) == ("unconfirmed", 7)
    assert "error of its own" not in str(result.error)
    assert len(fal.script.calls(HISTORY)) == 80


REFUSED_WITH_ID = httpx.Response(405, headers={"x-fal-request-id": "req-1"}, json=DETAIL)


@pytest.mark.parametrize("answer", [CUT, LATE, page(502), httpx.Response(504), REFUSED_WITH_ID])
def test_a_synchronous_run_in_doubt_is_recovered_from_the_history(
    fal: "Fal", answer: httpx.Response | Exception
) -> None:
    running = fal.past()
    done = fal.past(status_code=200, json_output={"image": fal.picture()})
    fal.script.on(RUN, answer).on(HISTORY, fal.history(running), fal.history(done))
    fal.serve("a.png")
    result = fal.run(sync_only=True)
    assert (result.status, result.request_id, len(result.files)) == ("COMPLETED", "req-1", 1)
    assert len(fal.script.calls(RUN)) == 1


def test_a_synchronous_run_that_is_not_allowed_and_in_no_history_is_refused(fal: "Fal") -> None:
    fal.script.on(RUN, REFUSED_WITH_ID).on(HISTORY, fal.history())
    result = fal.run(sync_only=True)
    assert (result.status, result.exit_status, result.request_id) == ("REFUSED", 6, None)


def test_a_synchronous_run_that_failed_unheard_says_why(fal: "Fal") -> None:
    detail = {"detail": [{"loc": ["body", "prompt"], "msg": "unsafe", "type": "x"}]}
    failed = fal.past(status_code=422, json_output=detail)
    fal.script.on(RUN, CUT).on(HISTORY, fal.history(failed))
    result = fal.run(sync_only=True)
    assert (result.status, result.exit_status) == ("FAILED", 4)
    assert result.as_json()["error"]["problems"][0]["path"] == "prompt"


def test_a_synchronous_run_whose_output_is_kept_nowhere_is_paid_for(fal: "Fal") -> None:
    fal.script.on(RUN, CUT).on(HISTORY, fal.history(fal.past(status_code=200)))
    result = fal.run(sync_only=True)
    assert (result.status, result.exit_status) == ("UNKNOWN", 7)
    assert result.as_json()["error"]["charged"] == "yes"


@pytest.mark.parametrize("command", [job_result, job_status, cancel_job])
@pytest.mark.parametrize("inputs", ["1", "0"])
def test_a_command_killed_while_it_sent_its_job_is_recovered_and_not_repeated(
    fal: "Fal", tmp_path: Path, command: Any, inputs: str
) -> None:
    environ = {"FAL_STATE_DIR": "state", "FAL_LEDGER_INPUTS": inputs}
    request = ModelRequest(f"{QUEUE}/{MODEL}", {}, {"prompt": "a cat"})
    sent = fal.time.clock.date().timestamp()
    with closing(open_ledger(environ, tmp_path, print)) as killed:
        new = killed.add(Job(MODEL, fal.options, "accepted", request, created=sent), own=True)
        assert killed.save(replace(new, state="submitting", sent=sent))
    fal.queue(fal.answer({"a": 1}), "IN_PROGRESS", "COMPLETED")
    fal.script.on(HISTORY, fal.history(fal.past()))
    fal.script.on(f"PUT {JOB}/cancel", fal.answer({"status": "OK"}))
    result = fal.ask(command, str(new.id))
    assert (result.request_id, result.exit_status) == ("req-1", 0)
    assert fal.script.calls(POST) == []


def test_an_interrupted_submit_can_be_looked_for(fal: "Fal") -> None:
    fal.script.on(POST, fal.interrupt)
    stopped = fal.run()
    assert (stopped.status, stopped.exit_status) == ("UNKNOWN", 130)
    again = fal.ask(job_result, str(stopped.job))
    assert (again.status, again.exit_status) == ("UNKNOWN", 7)
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(HISTORY, fal.history(fal.past()))
    assert fal.ask(job_result, str(stopped.job)).result == {"a": 1}


@pytest.mark.parametrize(
    ("found", "sent", "inside"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1.0}, {"a": 1}, True),
        ({"a": True}, {"a": 1}, False),
        ({"a": {"b": [1, {"c": 2, "d": 3}]}}, {"a": {"b": [1, {"c": 2}]}}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": None}, {"a": None}, True),
        (None, {"a": 1}, False),
    ],
)
def test_an_input_holds_what_was_sent(found: Any, sent: Any, inside: bool) -> None:
    assert holds(found, sent) is inside


def test_digests_hold_what_their_values_hold() -> None:
    sent, found = {"a": {"b": ["x", 1]}}, {"a": {"b": ["x", 1], "c": 2}, "d": 3}
    assert holds(digested(found), digested(sent))
    assert not holds(digested({"a": {"b": ["y", 1]}}), digested(sent))
