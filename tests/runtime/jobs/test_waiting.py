"""A job in the queue: how it is waited for, and what its end is taken for."""

from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"


def test_collecting_command_is_shown_before_waiting(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_QUEUE", "COMPLETED")
    job = fal.run().job
    assert "req-1" in fal.lines[0]
    assert f"python skill.py --result {job} --output {fal.options.output}" in fal.lines[0]


def test_wait_that_is_over_leaves_the_job_and_says_how_to_collect(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    outcome = fal.run(wait=30)
    assert (outcome.status, outcome.exit_status) == ("IN_PROGRESS", 5)
    assert outcome.error is not None
    assert outcome.error.code == "wait_over"
    assert outcome.as_json()["error"]["next"] == (
        f"python skill.py --result {outcome.job} --output {fal.options.output}"
    )
    assert 29.9 < outcome.elapsed_s < 31
    assert len(fal.script.calls(POST)) == 1


def test_polls_begin_fast_and_back_off_to_the_interval(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    fal.run(wait=60, poll_interval=3.0)
    assert fal.time.slept[0] == pytest.approx(0.2)
    assert fal.time.slept[:5] == sorted(fal.time.slept[:5])
    assert max(fal.time.slept) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({"wait": 0, "poll_interval": 2.0, "max_polls": 10}, 20),
        ({"wait": 0, "poll_interval": 7.0}, 602),
        ({"wait": 0, "max_polls": 3}, 15),
        ({"wait": 10, "max_polls": 100}, 10),
        ({"wait": 100, "max_polls": 1}, 5),
    ],
)
def test_waiting_ends_with_the_job_s_deadline_or_the_command_s(
    fal: "Fal", options: dict[str, Any], seconds: int
) -> None:
    fal.queue(fal.answer({}), "IN_QUEUE")
    assert fal.run(**options).elapsed_s == pytest.approx(seconds)


def test_completed_with_an_error_is_a_failure(fal: "Fal") -> None:
    detail = {"detail": [{"loc": ["body", "prompt"], "msg": "unsafe", "type": "content"}]}
    fal.queue(fal.answer(detail, 422))
    fal.script.on(f"GET {JOB}/status", fal.status("COMPLETED", error="Invalid status code: 422"))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)
    assert outcome.error is not None
    assert outcome.error.problems[0].path == "prompt"


def test_completed_with_an_error_fails_even_if_a_result_is_handed_out(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": []}))
    fal.script.on(f"GET {JOB}/status", fal.status("COMPLETED", error="boom"))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)
    assert "boom" in str(outcome.error)


def test_result_s_own_status_decides(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "Internal Server Error"}, 500))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)


def test_result_that_says_in_progress_is_waited_for(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    early = fal.answer({"detail": "Request is still in progress"}, 400)
    fal.script.on(f"GET {JOB}", early, fal.answer({"a": 1}))
    assert fal.run().result == {"a": 1}


def test_result_endpoint_that_refuses_is_reported_without_a_second_submit(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "Method Not Allowed"}, 405))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("RESULT_ENDPOINT_ONLY", 5)
    assert outcome.platform_request == {"method": "GET", "url": JOB}
    assert len(fal.script.calls(POST)) == 1


def test_account_locked_while_waiting_keeps_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    locked = fal.answer({"detail": "User is locked. Reason: TOP_UP."}, 403)
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), locked)
    outcome = fal.run()
    assert (outcome.exit_status, outcome.request_id) == (3, "req-1")
    assert outcome.error is not None
    assert outcome.error.as_json()["charged"] == "unknown"
    assert f"--result {outcome.job}" in outcome.as_json()["error"]["next"]


def test_network_lost_while_waiting_keeps_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), httpx.ConnectError("gone"))
    outcome = fal.run(wait=20)
    assert (outcome.status, outcome.exit_status) == ("IN_PROGRESS", 5)


def test_network_that_comes_back_is_no_trouble(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(
        f"GET {JOB}/status",
        httpx.ConnectError("gone"),
        httpx.Response(502),
        httpx.Response(429),
        fal.status("COMPLETED"),
    )
    assert fal.run().status == "COMPLETED"


def test_interrupt_while_waiting_names_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), fal.interrupt)
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status, outcome.request_id) == (
        "IN_PROGRESS",
        130,
        "req-1",
    )
    assert outcome.error is not None
    assert f"--result {outcome.job}" in outcome.as_json()["error"]["next"]
    assert outcome.error.as_json()["retry"] == "same_job"


def test_job_that_was_just_submitted_is_never_called_unknown(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("IN_QUEUE", 5)
    assert f"--result {outcome.job}" in outcome.as_json()["error"]["next"]


def test_queue_places_are_reported_when_they_change(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    places = [fal.status("IN_QUEUE", queue_position=n) for n in (2, 2, 0)]
    fal.script.on(f"GET {JOB}/status", *places, fal.status("COMPLETED"))
    fal.run()
    told = [line for line in fal.lines if "ahead" in line]
    assert told == ["In the queue, 2 ahead", "In the queue, 0 ahead"]


def page(code: int) -> httpx.Response:
    html = {"content-type": "text/html"}
    return httpx.Response(code, headers=html, content=b"<html>no</html>")


UNREADABLE = [
    httpx.Response(200, content=b'{"message": "busy"}'),
    httpx.Response(200, content=b'{"status": "whatever"}'),
    httpx.Response(200, content=b"[]"),
    page(200),
    page(403),
    page(404),
    httpx.Response(302, headers={"location": "https://login.example/"}),
    httpx.Response(407),
    httpx.Response(404, content=b'{"status": "NOT_FOUND"}'),
    httpx.Response(400, content=b'{"detail": "bad"}'),
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_status_that_cannot_be_read_does_not_end_the_wait(
    fal: "Fal", answer: httpx.Response
) -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(f"GET {JOB}/status", *[answer] * 4, fal.status("COMPLETED"))
    result = fal.run()
    assert (result.status, result.exit_status, result.result) == ("COMPLETED", 0, {"a": 1})
    assert ["asking again" in line for line in fal.lines] == [False, True]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_status_that_can_never_be_read_leaves_the_job_to_be_collected(
    fal: "Fal", answer: httpx.Response
) -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", answer)
    result = fal.run(wait=20)
    error = result.as_json()["error"]
    assert (result.status, result.exit_status, result.request_id) == ("IN_QUEUE", 5, "req-1")
    assert (error["code"], error["charged"], error["retry"]) == ("wait_over", "unknown", "same_job")
    assert f"--result {result.job}" in error["next"]
    assert 19.9 < result.elapsed_s < 21


@pytest.mark.parametrize(
    "answer",
    [page(200), page(403), page(404), httpx.Response(302), httpx.Response(200, content=b"no")],
)
def test_result_that_cannot_be_read_is_asked_for_again(fal: "Fal", answer: httpx.Response) -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}", answer, fal.answer({"a": 1}))
    assert fal.run().result == {"a": 1}
    fal.script.on(f"GET {JOB}", answer)
    result = fal.run(wait=20)
    assert (result.status, result.exit_status) == ("COMPLETED", 5)
    assert f"--result {result.job}" in result.as_json()["error"]["next"]


def test_next_gives_what_this_call_would_have_given(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    result = fal.run(
        wait=1, output_file="a b.png", save_logs=True, save_logs_inline=True, quiet=True
    )
    assert result.as_json()["error"]["next"] == (
        f"python skill.py --result {result.job} --output {fal.options.output} "
        "--output-file 'a b.png' --save-logs --save-logs-inline --quiet"
    )
    result = fal.run(wait=1, auto_filename=True, print="paths")
    assert result.as_json()["error"]["next"].endswith("--auto-filename --print paths")


@pytest.mark.parametrize(
    "options",
    [
        {"poll_interval": 1e-310, "max_polls": 3},
        {"poll_interval": 1e-310},
        {"poll_interval": 1e308, "max_polls": 9},
        {"wait": 1e308},
        {"max_polls": 10**9},
    ],
)
def test_absurd_times_end_no_paid_job(fal: "Fal", options: dict[str, Any]) -> None:
    fal.queue(fal.answer({"a": 1}), "IN_QUEUE", "COMPLETED")
    assert fal.run(**options).result == {"a": 1}
    fal.script.on("POST https://fal.run/acme/demo/fast", fal.answer({"a": 1}))
    assert fal.run(sync_only=True, **options).result == {"a": 1}


@pytest.mark.parametrize(
    "retry_after", ["9" * 400, "Fri, 31 Dec 99999 23:59:59 GMT", "-5", "never", "1e400"]
)
def test_absurd_retry_after_ends_no_paid_job(fal: "Fal", retry_after: str) -> None:
    fal.queue(fal.answer({"a": 1}))
    slow = fal.answer({"detail": "x"}, 429, {"retry-after": retry_after})
    fal.script.on(f"GET {JOB}/status", slow, fal.status("COMPLETED"))
    assert fal.run().result == {"a": 1}
    fal.script.on(f"GET {JOB}/status", slow)
    assert fal.run(wait=10).exit_status == 5


def test_retry_after_is_followed(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    slow = fal.answer({"detail": "x"}, 429, {"retry-after": "17"})
    fal.script.on(f"GET {JOB}/status", slow, fal.status("COMPLETED"))
    fal.run()
    assert fal.time.slept == [pytest.approx(17)]


def test_nothing_that_fal_says_steers_the_terminal(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "\x1b[31mno"}, 422))
    logs = [{"message": "\x1b[2Jlog"}]
    failed = fal.status("COMPLETED", error="\x1b]0;title\x07", logs=logs)
    fal.script.on(f"GET {JOB}/status", fal.status("\x1b[1mODD"), failed)
    result = fal.run(save_logs=True)
    assert result.status == "FAILED"
    shown = [*fal.lines, str(result.error)]
    assert not [text for text in shown if "\x1b" in text or "\x07" in text]


def test_server_error_of_a_job_may_pass(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "Internal Server Error"}, 500))
    error = fal.run().as_json()["error"]
    assert (error["charged"], error["retry"]) == ("no", "later")
    assert len(fal.script.calls(f"GET {JOB}")) == 4


def test_result_that_fal_cannot_hand_out_for_twenty_seconds_is_collected(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    headers = {"x-fal-error-type": "internal_error"}
    down = [fal.answer({"detail": "no"}, code, headers) for code in (500, 502, 503)]
    fal.script.on(f"GET {JOB}", *down, fal.answer({"a": 1}))
    outcome = fal.run()
    assert (outcome.status, outcome.result) == ("COMPLETED", {"a": 1})
    assert sum(fal.time.slept) > 20


def test_fault_of_this_program_while_waiting_names_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fault = RuntimeError("bug")
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), fault)
    result = fal.run()
    assert (result.status, result.exit_status, result.request_id) == ("IN_PROGRESS", 5, "req-1")
    assert f"--result {result.job}" in result.as_json()["error"]["next"]
    assert result.error is not None
    assert result.error.__cause__ is fault


def test_failure_whose_details_do_not_come_in_time_is_a_failure(fal: "Fal") -> None:
    fal.queue(page(502))
    fal.script.on(f"GET {JOB}/status", fal.status("COMPLETED", error="boom"))
    result = fal.run(wait=0.5)
    assert (result.status, result.exit_status) == ("FAILED", 4)
    assert "boom" in str(result.error)


def test_job_that_has_ended_at_the_last_look_is_collected(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), *["IN_PROGRESS"] * 4, "COMPLETED")
    result = fal.run(wait=1)
    assert (result.status, result.result) == ("COMPLETED", {"a": 1})
    assert result.elapsed_s == pytest.approx(1)


@pytest.mark.parametrize("word", ["IN_PROGRESS", "no word of fal's"])
def test_replies_that_take_longer_than_the_pause_do_not_stretch_the_wait(
    fal: "Fal", word: str
) -> None:
    fal.queue(fal.answer({}))

    def slow(_request: httpx.Request) -> httpx.Response:
        fal.time.seconds += 3
        return fal.status(word)

    fal.script.on(f"GET {JOB}/status", *[slow] * 10, AssertionError("asked after the deadline"))
    outcome = fal.run(wait=7, poll_interval=1.0)
    assert (outcome.exit_status, outcome.request_id) == (5, "req-1")
    assert outcome.elapsed_s < 15


STREAM = f"GET {JOB}/status/stream"


def events(*told: httpx.Response) -> httpx.Response:
    """Return a status stream of these answers to a status request."""
    content = b"".join(b"data: " + each.content + b"\n\n" for each in told)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)


def test_a_status_that_streams_is_not_polled(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    words = ("IN_QUEUE", "IN_PROGRESS", "COMPLETED")
    fal.script.on(STREAM, events(*[fal.status(word) for word in words]))
    assert fal.run().result == {"a": 1}
    assert fal.script.calls(f"GET {JOB}/status") == []
    assert (fal.time.slept, fal.lines[1:]) == ([], ["Running"])
    assert fal.script.calls(STREAM)[0].url.query == b"logs=1"


def test_a_stream_that_breaks_off_is_taken_up_again_after_a_question(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), "IN_PROGRESS")
    running, done = fal.status("IN_PROGRESS"), fal.status("COMPLETED")
    fal.script.on(STREAM, events(running), events(running, done))
    assert fal.run().result == {"a": 1}
    assert len(fal.script.calls(f"GET {JOB}/status")) == 1


@pytest.mark.parametrize(
    "stream", [httpx.Response(404), httpx.ReadTimeout("t"), events(), httpx.Response(200, json={})]
)
def test_where_nothing_streams_the_status_is_asked_for(
    fal: "Fal", stream: httpx.Response | Exception
) -> None:
    fal.queue(fal.answer({"a": 1}), "IN_QUEUE", "IN_PROGRESS", "COMPLETED")
    fal.script.on(STREAM, stream)
    assert fal.run().result == {"a": 1}
    assert len(fal.script.calls(STREAM)) == 1
    assert len(fal.script.calls(f"GET {JOB}/status")) == 3


def test_a_result_that_is_there_when_the_wait_is_over_is_collected(fal: "Fal") -> None:
    def silent(_request: httpx.Request) -> httpx.Response:
        fal.time.seconds += 10
        return httpx.Response(404)

    fal.queue(fal.answer({"a": 1}), "COMPLETED").script.on(STREAM, silent)
    assert fal.run(wait=5).result == {"a": 1}


def test_a_failure_is_told_by_a_stream_as_well(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "boom"}, 500))
    fal.script.on(STREAM, events(fal.status("COMPLETED", error="boom")))
    result = fal.run()
    assert (result.status, result.exit_status) == ("FAILED", 4)


@pytest.mark.parametrize("whole", [True, False])
def test_logs_are_shown_once_as_a_stream_brings_them(fal: "Fal", whole: bool) -> None:
    lines = [{"message": f"step {n}"} for n in range(3)]
    fal.queue(fal.answer({}))
    parts = [lines[:1], lines[:2], lines] if whole else [lines[:1], lines[1:2], lines[2:]]
    told = [fal.status("IN_PROGRESS", logs=part) for part in parts]
    fal.script.on(STREAM, events(*told, fal.status("COMPLETED", logs=None)))
    outcome = fal.run(save_logs=True)
    assert [line for line in fal.lines if "step" in line] == ["step 0", "step 1", "step 2"]
    assert outcome.logs_path is not None
    assert outcome.logs_path.read_text() == "step 0\nstep 1\nstep 2\n"
