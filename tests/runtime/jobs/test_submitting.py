"""A job is sent once or not at all: to the queue, or by one synchronous call."""

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.jobs.commands import job_result, preview_job

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
RUN = f"POST https://fal.run/{MODEL}"


def test_submit_returns_at_once_with_the_collecting_command(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_QUEUE")
    outcome = fal.run(submit=True, output_file="my cat.png", save_logs=True)
    assert (outcome.status, outcome.request_id, outcome.exit_status) == ("IN_QUEUE", "req-1", 0)
    assert len(fal.script.requests) == 1
    assert outcome.as_json()["next"] == (
        f"python skill.py --result {outcome.job} --output {fal.options.output} "
        "--output-file 'my cat.png' --save-logs"
    )


def test_lost_submit_is_unknown_and_never_repeated(fal: "Fal") -> None:
    fal.script.on(POST, httpx.ReadTimeout("t"))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status, outcome.request_id) == ("UNKNOWN", 7, None)
    assert outcome.as_json()["error"]["retry"] == "never"
    assert len(fal.script.calls(POST)) == 1


def test_doubtful_submit_names_the_id_and_how_to_look(fal: "Fal") -> None:
    fal.script.on(POST, fal.answer({"detail": "x"}, 500))
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    outcome = fal.run()
    assert (outcome.status, outcome.request_id) == ("UNKNOWN", "req-1")
    command = f"python skill.py --result {outcome.job} --output {fal.options.output}"
    assert outcome.as_json()["error"]["next"] == command


@pytest.mark.parametrize(
    ("answer", "exit_status"),
    [(httpx.ConnectError("no"), 6), (httpx.Response(401), 3), (httpx.Response(404), 2)],
)
def test_submit_that_is_not_accepted_is_refused(
    fal: "Fal", answer: httpx.Response | Exception, exit_status: int
) -> None:
    fal.script.on(POST, answer)
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("REFUSED", exit_status)


@pytest.mark.parametrize("code", [500, 503, 405, 408, 499])
def test_doubtful_submit_that_fal_knows_is_a_job(fal: "Fal", code: int) -> None:
    fal.queue(fal.answer({"a": 1}), "IN_QUEUE", "COMPLETED")
    fal.script.on(POST, fal.answer({"detail": "x"}, code))
    result = fal.run()
    assert (result.status, result.request_id, result.result) == ("COMPLETED", "req-1", {"a": 1})
    assert len(fal.script.calls(POST)) == 1


def test_doubtful_submit_is_looked_up_through_a_moment_s_trouble(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}))
    fal.script.on(POST, fal.answer({"detail": "x"}, 503))
    fal.script.on(f"GET {JOB}/status", httpx.Response(502), fal.status("COMPLETED"))
    assert fal.run().status == "COMPLETED"


@pytest.mark.parametrize("request_id", ["x;touch p;exit", "\x1b[31mred", "a b", "-rf", "", 7])
def test_request_id_that_cannot_be_one_is_an_unconfirmed_submit(
    fal: "Fal", request_id: object
) -> None:
    body = json.dumps({"request_id": request_id}).encode()
    fal.script.on(POST, httpx.Response(200, content=body))
    result = fal.run()
    assert (result.status, result.exit_status, result.request_id) == ("UNKNOWN", 7, None)
    assert result.request_id is None
    assert f"--result {result.job}" in result.as_json()["error"]["next"]
    assert "\x1b" not in str(result.error)
    assert f"--result {result.job} " in fal.lines[0]


@pytest.mark.parametrize("error", [httpx.ConnectError("dns"), httpx.ProxyError("407")])
def test_submit_without_a_connection_is_tried_again(fal: "Fal", error: Exception) -> None:
    fal.queue(fal.answer({}))
    fal.script.on(POST, error, error, fal.accepted())
    assert fal.run().status == "COMPLETED"
    fal.script.on(POST, error)
    result = fal.run()
    assert (result.exit_status, result.as_json()["error"]["code"]) == (6, "network_blocked")


def test_busy_queue_is_tried_again_and_then_reported(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    busy = fal.answer({"detail": "busy"}, 429, {"retry-after": "3"})
    fal.script.on(POST, busy, fal.accepted())
    assert fal.run(submit=True).request_id == "req-1"
    assert fal.time.slept == [3.0]
    assert "busy" in fal.lines[0]
    fal.script.on(POST, fal.answer({"detail": "busy"}, 429, {"retry-after": "50"}))
    assert fal.run().exit_status == 6
    assert fal.time.slept == [3.0]
    fal.script.on(POST, busy)
    result = fal.run()
    assert (result.exit_status, result.as_json()["error"]["charged"]) == (6, "no")


def test_missing_key_is_reported_before_anything_is_done(fal: "Fal") -> None:
    fal.config = load_config(None, {})
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 3)
    assert fal.script.requests == []
    assert not fal.options.output.exists()


@pytest.mark.parametrize("output_file", ["../out.png", "/elsewhere/out.png", "a/", "", "a\nb.png"])
def test_output_file_outside_the_folder_is_refused_before_submit(
    fal: "Fal", output_file: str
) -> None:
    outcome = fal.run(output_file=output_file)
    assert (outcome.exit_status, outcome.as_json()["error"]["code"]) == (2, "usage")
    assert fal.script.requests == []


def test_output_that_is_a_file_is_reported_before_submit(fal: "Fal") -> None:
    fal.options.output.write_text("here first")
    assert fal.run(output=fal.options.output / "below").exit_status == 9
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 9)
    assert str(fal.options.output) in str(outcome.error)
    assert fal.script.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_that_cannot_be_written_is_reported_before_submit(fal: "Fal") -> None:
    fal.options.output.mkdir(mode=0o500)
    assert fal.run().exit_status == 9
    assert fal.script.requests == []


def test_interrupt_while_submitting_is_in_doubt(fal: "Fal") -> None:
    fal.script.on(POST, fal.interrupt)
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status) == ("UNKNOWN", 130)
    assert outcome.as_json()["error"]["retry"] == "never"


def test_options_become_the_platform_s_headers(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.run(priority="low", start_timeout=30.0, no_retry=True, runner_hint="mine")
    headers = fal.script.calls(POST)[0].headers
    assert headers["x-fal-queue-priority"] == "low"
    assert headers["x-fal-request-timeout"] == "30"
    assert headers["x-fal-no-retry"] == "1"
    assert headers["x-fal-runner-hint"] == "mine"


def test_preview_is_the_request_that_is_sent(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.run(priority="low")
    without_key = replace(fal.services, config=load_config(None, {}))
    options = replace(fal.options, priority="low")
    preview = preview_job(without_key, MODEL, fal.prepared(), options)
    sent = fal.script.calls(POST)[0]
    shown = preview.platform_request
    assert shown is not None
    assert preview.status == "DRY_RUN"
    assert (shown["method"], shown["url"]) == (sent.method, str(sent.url))
    assert shown["body"] == json.loads(sent.content)
    assert (
        shown["headers"].items()
        <= {name.title(): value for name, value in sent.headers.items()}.items()
    )
    assert "authorization" not in {name.lower() for name in shown["headers"]}


def test_sync_run_saves_its_files_without_a_queue(fal: "Fal") -> None:
    fal.serve("a.png")
    fal.script.on(RUN, fal.answer({"images": [fal.picture()]}))
    outcome = fal.run(sync_only=True, priority="low")
    assert (outcome.status, outcome.request_id) == ("COMPLETED", "req-1")
    assert outcome.files[0].path.exists()
    assert "x-fal-queue-priority" not in fal.script.calls(RUN)[0].headers
    assert f"before the answer comes: python skill.py --result {outcome.job}" in fal.lines[0]


@pytest.mark.parametrize(
    ("answer", "status", "exit_status"),
    [
        (httpx.ReadError("gone"), "UNKNOWN", 7),
        (httpx.ConnectError("no"), "REFUSED", 6),
        (httpx.Response(200, content=b"<html>"), "UNKNOWN", 7),
        (httpx.Response(429), "REFUSED", 6),
        (httpx.Response(422, headers={"x-fal-request-id": "r"}, content=b"{}"), "FAILED", 4),
        (httpx.Response(401), "REFUSED", 3),
    ],
)
def test_sync_run_that_ends_badly_is_reported(
    fal: "Fal", answer: httpx.Response | Exception, status: str, exit_status: int
) -> None:
    fal.script.on(RUN, answer)
    outcome = fal.run(sync_only=True)
    assert (outcome.status, outcome.exit_status) == (status, exit_status)


def test_settings_choose_the_sync_flow_unless_the_queue_is_asked_for(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_QUEUE_SYNC_ONLY": "true"})
    fal.script.on(RUN, fal.answer({}))
    assert fal.run().status == "COMPLETED"
    fal.queue(fal.answer({}))
    assert fal.run(submit=True).request_id == "req-1"


def test_captive_portal_has_not_run_the_model(fal: "Fal") -> None:
    html = {"content-type": "text/html"}
    fal.script.on(RUN, httpx.Response(200, headers=html, content=b"<html>Log in</html>"))
    error = fal.run(sync_only=True).as_json()["error"]
    assert (error["charged"], error["retry"]) == ("unknown", "never")
    assert "ran the model" not in error["message"]


def test_files_of_a_synchronous_run_that_are_lost_are_paid_for(fal: "Fal") -> None:
    fal.script.on(RUN, fal.answer({"images": [fal.picture()]}))
    fal.script.on("GET https://cdn.example/a.png", httpx.Response(404))
    result = fal.run(sync_only=True)
    error = result.as_json()["error"]
    assert (error["code"], error["charged"], error["retry"]) == (
        "download_failed",
        "yes",
        "same_job",
    )
    fal.serve("a.png")
    assert len(fal.ask(job_result, str(result.job)).files) == 1
    assert len(fal.script.calls(RUN)) == 1


@pytest.mark.parametrize("failure", [RuntimeError("bug"), KeyError("bug")])
def test_fault_of_this_program_while_submitting_is_in_doubt(fal: "Fal", failure: Exception) -> None:
    fal.script.on(POST, failure)
    result = fal.run()
    assert (result.status, result.exit_status) == ("UNKNOWN", 7)
    assert result.error is not None
    assert result.error.__cause__ is failure


def test_fault_of_this_program_after_a_synchronous_run_is_reported_as_paid_for(fal: "Fal") -> None:
    fault = RuntimeError("bug")
    fal.script.on(RUN, fal.answer({"images": [fal.picture()]}))
    fal.script.on("GET https://cdn.example/a.png", fault)
    result = fal.run(sync_only=True)
    error = result.as_json()["error"]
    assert (result.status, result.exit_status) == ("COMPLETED", 5)
    assert (error["charged"], error["retry"]) == ("yes", "same_job")
    assert result.error is not None
    assert result.error.__cause__ is fault


def test_doubtful_synchronous_run_is_in_no_queue_to_be_asked_for(fal: "Fal") -> None:
    html = {"content-type": "text/html", "x-fal-request-id": "req-1"}
    fal.script.on(RUN, httpx.Response(502, headers=html, content=b"<html>"))
    result = fal.run(sync_only=True)
    assert (result.exit_status, result.request_id) == (7, "req-1")


def test_input_that_is_no_json_is_refused_before_it_is_sent(fal: "Fal") -> None:
    result = fal.run(fal.prepared(strength=float("nan")))
    assert (result.status, result.exit_status) == ("REFUSED", 2)
    assert fal.script.requests == []
