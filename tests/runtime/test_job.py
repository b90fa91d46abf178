import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.arguments import LocalFile, PreparedInput
from fal_runtime.config import load_config
from fal_runtime.job import (
    cancel_job,
    job_result,
    job_status,
    preview_job,
    run_job,
    upload_files,
)
from fal_runtime.outcome import Outcome

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
RUN = f"POST https://fal.run/{MODEL}"
INITIATE = "POST https://rest.fal.ai/storage/upload/initiate"
PUT = "PUT https://store.example/put"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def prepared(*files: LocalFile, **value: Any) -> PreparedInput:
    return PreparedInput(value or {"prompt": "a cat"}, files, ())


def picture(name: str = "a.png") -> dict[str, Any]:
    return {"url": f"https://cdn.example/{name}", "content_type": "image/png", "width": 4}


def serve(fal: "Fal", *names: str) -> None:
    for name in names:
        response = httpx.Response(200, headers={"content-type": "image/png"}, content=PNG)
        fal.script.on(f"GET https://cdn.example/{name}", response)


def run(fal: "Fal", value: PreparedInput | None = None, **options: Any) -> Outcome:
    chosen = replace(fal.options, **options)
    return run_job(MODEL, value or prepared(), chosen, fal.config, **fal.wiring)


def code(outcome: Outcome) -> str:
    assert outcome.error is not None
    return outcome.error.code


def test_job_runs_from_input_to_saved_file(fal: "Fal") -> None:
    body = {"images": [picture()], "seed": 42}
    fal.queue(
        fal.answer(body, headers={"x-fal-billable-units": "1.5"}),
        "IN_QUEUE",
        "IN_PROGRESS",
        "COMPLETED",
    )
    serve(fal, "a.png")
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status, outcome.request_id) == ("COMPLETED", 0, "req-1")
    assert (outcome.seed, outcome.billable_units, outcome.result) == (42, 1.5, body)
    (file,) = outcome.files
    assert file.path == fal.options.output.resolve() / "images_req-1.png"
    assert file.path.read_bytes() == PNG
    assert (file.kind, file.width, file.size) == ("image", 4, len(PNG))
    assert outcome.elapsed_s > 0


def test_key_goes_to_fal_and_to_no_download_host(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": [picture()]}))
    serve(fal, "a.png")
    run(fal)
    keyed = {
        request.url.host for request in fal.script.requests if "authorization" in request.headers
    }
    assert keyed == {"queue.fal.run"}


def test_collecting_command_is_told_before_waiting(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_QUEUE", "COMPLETED")
    run(fal)
    assert "req-1" in fal.lines[0]
    assert f"python skill.py --result req-1 --output {fal.options.output}" in fal.lines[0]


def test_wait_that_is_over_leaves_the_job_and_says_how_to_collect(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    outcome = run(fal, wait=30)
    assert (outcome.status, outcome.exit_status, code(outcome)) == ("IN_PROGRESS", 5, "wait_over")
    assert outcome.error is not None
    assert outcome.error.next == f"python skill.py --result req-1 --output {fal.options.output}"
    assert 29.9 < outcome.elapsed_s < 31
    assert len(fal.script.calls(POST)) == 1


def test_polls_begin_fast_and_back_off_to_the_interval(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    run(fal, wait=60, poll_interval=3.0)
    assert fal.time.slept[0] == 0.2
    assert fal.time.slept[:5] == sorted(fal.time.slept[:5])
    assert max(fal.time.slept) == 3.0


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
    assert run(fal, **options).elapsed_s == pytest.approx(seconds)


def test_submit_returns_at_once(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_QUEUE")
    outcome = run(fal, submit=True)
    assert (outcome.status, outcome.job, outcome.exit_status) == ("IN_QUEUE", "req-1", 0)
    assert len(fal.script.requests) == 1


def test_completed_with_an_error_is_a_failure(fal: "Fal") -> None:
    detail = {"detail": [{"loc": ["body", "prompt"], "msg": "unsafe", "type": "content"}]}
    fal.queue(fal.answer(detail, 422))
    fal.script.on(f"GET {JOB}/status", fal.status("COMPLETED", error="Invalid status code: 422"))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)
    assert outcome.error is not None
    assert outcome.error.problems[0].path == "prompt"


def test_completed_with_an_error_fails_even_if_a_result_is_handed_out(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": []}))
    fal.script.on(f"GET {JOB}/status", fal.status("COMPLETED", error="boom"))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)
    assert "boom" in str(outcome.error)


def test_result_s_own_status_decides(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "Internal Server Error"}, 500))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)


def test_result_that_says_in_progress_is_waited_for(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), "COMPLETED")
    early = fal.answer({"detail": "Request is still in progress"}, 400)
    fal.script.on(f"GET {JOB}", early, fal.answer({"a": 1}))
    assert run(fal).result == {"a": 1}


def test_result_endpoint_that_refuses_is_told_without_a_second_submit(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "Method Not Allowed"}, 405))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("RESULT_ENDPOINT_ONLY", 5)
    assert outcome.platform_request == {"method": "GET", "url": JOB}
    assert len(fal.script.calls(POST)) == 1


def test_account_locked_while_waiting_keeps_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    locked = fal.answer({"detail": "User is locked. Reason: TOP_UP."}, 403)
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), locked)
    outcome = run(fal)
    assert (outcome.exit_status, outcome.request_id) == (3, "req-1")
    assert outcome.error is not None
    assert outcome.error.as_json()["charged"] == "unknown"
    assert "--result req-1" in str(outcome.error.next)


def test_network_lost_while_waiting_keeps_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), httpx.ConnectError("gone"))
    outcome = run(fal, wait=20)
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
    assert run(fal).status == "COMPLETED"


def test_lost_submit_is_unknown_and_never_repeated(fal: "Fal") -> None:
    fal.script.on(POST, httpx.ReadTimeout("t"))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status, outcome.job) == ("UNKNOWN", 7, None)
    assert outcome.as_json()["error"]["retry"] == "never"
    assert len(fal.script.calls(POST)) == 1


def test_doubtful_submit_names_the_id_and_how_to_look(fal: "Fal") -> None:
    fal.script.on(POST, fal.answer({"detail": "x"}, 500))
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    outcome = run(fal)
    assert (outcome.status, outcome.request_id) == ("UNKNOWN", "req-1")
    assert outcome.as_json()["error"]["next"] == "python skill.py --status req-1"


@pytest.mark.parametrize(
    ("answer", "exit_status"),
    [(httpx.ConnectError("no"), 6), (httpx.Response(401), 3), (httpx.Response(404), 2)],
)
def test_submit_that_is_not_accepted_is_refused(
    fal: "Fal", answer: httpx.Response | Exception, exit_status: int
) -> None:
    fal.script.on(POST, answer)
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("REFUSED", exit_status)


def test_missing_key_is_told_before_anything_is_done(fal: "Fal") -> None:
    fal.config = load_config(None, {})
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 3)
    assert fal.script.requests == []
    assert not fal.options.output.exists()


@pytest.mark.parametrize("output_file", ["../out.png", "/elsewhere/out.png", "a/", "", "a\nb.png"])
def test_output_file_outside_the_folder_is_refused_before_submit(
    fal: "Fal", output_file: str
) -> None:
    outcome = run(fal, output_file=output_file)
    assert (outcome.exit_status, code(outcome)) == (2, "usage")
    assert fal.script.requests == []


def test_output_that_is_a_file_is_told_before_submit(fal: "Fal") -> None:
    fal.options.output.write_text("here first")
    assert run(fal, output=fal.options.output / "below").exit_status == 9
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 9)
    assert str(fal.options.output) in str(outcome.error)
    assert fal.script.requests == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_output_that_cannot_be_written_is_told_before_submit(fal: "Fal") -> None:
    fal.options.output.mkdir(mode=0o500)
    assert run(fal).exit_status == 9
    assert fal.script.requests == []


def interrupt(request: httpx.Request) -> httpx.Response:
    raise KeyboardInterrupt


def test_interrupt_while_waiting_names_the_job(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.status("IN_PROGRESS"), interrupt)
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status, outcome.job) == ("IN_PROGRESS", 130, "req-1")
    assert outcome.error is not None
    assert "--result req-1" in str(outcome.error.next)
    assert outcome.error.as_json()["retry"] == "same_job"


def test_interrupt_while_submitting_is_in_doubt(fal: "Fal") -> None:
    fal.script.on(POST, interrupt)
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("UNKNOWN", 130)
    assert outcome.as_json()["error"]["retry"] == "never"


def test_interrupt_while_uploading_costs_nothing(fal: "Fal", tmp_path: Path) -> None:
    fal.script.on(INITIATE, interrupt)
    (tmp_path / "a.png").write_bytes(PNG)
    file = LocalFile(("image_url",), tmp_path / "a.png", "image")
    outcome = run(fal, prepared(file, image_url="<upload:a>"))
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 130)
    assert outcome.as_json()["error"]["charged"] == "no"


def test_options_become_the_platform_s_headers(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    run(fal, priority="low", start_timeout=30.0, no_retry=True)
    headers = fal.script.calls(POST)[0].headers
    assert headers["x-fal-queue-priority"] == "low"
    assert headers["x-fal-request-timeout"] == "30"
    assert headers["x-fal-no-retry"] == "1"


def test_preview_is_the_request_that_is_sent(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    run(fal, priority="low")
    chosen = replace(fal.options, priority="low")
    preview = preview_job(MODEL, prepared(), chosen, load_config(None, {}))
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


def storage(fal: "Fal") -> None:
    told = {
        "upload_url": "https://store.example/put?sig=1",
        "file_url": "https://cdn.example/in.png",
    }
    fal.script.on(INITIATE, fal.answer(told))
    fal.script.on(PUT, httpx.Response(200))


def test_each_local_file_is_uploaded_once_and_linked_everywhere(fal: "Fal", tmp_path: Path) -> None:
    fal.queue(fal.answer({}))
    storage(fal)
    path = tmp_path / "my cat.png"
    path.write_bytes(PNG)
    files = [LocalFile(("image_url",), path, "image"), LocalFile(("list", 1, "url"), path, "image")]
    value = {"image_url": "<upload:x>", "list": ["a", {"url": "<upload:x>"}]}
    assert run(fal, prepared(*files, **value)).status == "COMPLETED"
    body = json.loads(fal.script.calls(POST)[0].content)
    link = "https://cdn.example/in.png"
    assert body == {"image_url": link, "list": ["a", {"url": link}]}
    assert value["image_url"] == "<upload:x>"
    (put,) = fal.script.calls(PUT)
    assert put.content == PNG
    assert put.headers["content-length"] == str(len(PNG))
    assert put.headers["content-type"] == "image/png"
    assert "authorization" not in put.headers
    (initiate,) = fal.script.calls(INITIATE)
    assert json.loads(initiate.content) == {"content_type": "image/png", "file_name": "my_cat.png"}
    assert initiate.headers["authorization"] == "Key id-1:secret-1"


@pytest.mark.parametrize(
    ("place", "answer", "exit_status"),
    [
        (INITIATE, httpx.Response(500), 6),
        (INITIATE, httpx.Response(401), 3),
        (INITIATE, httpx.Response(200, content=b"{}"), 6),
        (INITIATE, httpx.ConnectError("no"), 6),
        (PUT, httpx.Response(403), 6),
        (PUT, httpx.WriteError("pipe"), 6),
    ],
)
def test_failed_upload_submits_nothing(
    fal: "Fal", tmp_path: Path, place: str, answer: httpx.Response | Exception, exit_status: int
) -> None:
    storage(fal)
    fal.script.on(place, answer)
    (tmp_path / "a.png").write_bytes(PNG)
    file = LocalFile(("image_url",), tmp_path / "a.png", "image")
    outcome = run(fal, prepared(file, image_url="<upload:a>"))
    assert (outcome.status, outcome.exit_status) == ("REFUSED", exit_status)
    assert outcome.as_json()["error"]["charged"] == "no"


def test_file_that_vanished_before_its_upload_is_local_trouble(fal: "Fal", tmp_path: Path) -> None:
    storage(fal)
    file = LocalFile(("image_url",), tmp_path / "gone.png", "image")
    assert run(fal, prepared(file, image_url="<upload:a>")).exit_status == 9


def test_passing_upload_trouble_is_tried_again(fal: "Fal", tmp_path: Path) -> None:
    storage(fal)
    fal.script.on(PUT, httpx.Response(503), httpx.Response(200))
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    outcome = upload_files([tmp_path / "a.wav"], fal.config, **fal.wiring)
    assert (outcome.status, outcome.exit_status) == ("COMPLETED", 0)
    assert outcome.result[0]["url"] == "https://cdn.example/in.png"
    assert [request.content for request in fal.script.calls(PUT)] == [b"RIFF", b"RIFF"]


def test_link_of_the_input_is_not_downloaded_again(fal: "Fal") -> None:
    fal.queue(fal.answer({"media": {"url": "https://cdn.example/in.mp4"}}))
    outcome = run(fal, prepared(media_url="https://cdn.example/in.mp4"))
    assert (outcome.status, outcome.files) == ("COMPLETED", ())


def test_file_that_cannot_be_had_costs_no_other_file(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": [picture("a.png"), picture("b.png"), picture("c.png")]}))
    serve(fal, "a.png", "c.png")
    fal.script.on("GET https://cdn.example/b.png", httpx.Response(404))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status, code(outcome)) == (
        "COMPLETED",
        5,
        "download_failed",
    )
    assert [file.path.name for file in outcome.files] == [
        "images_req-1_1.png",
        "images_req-1_3.png",
    ]
    assert outcome.as_json()["error"]["charged"] == "yes"
    assert "--result req-1" in outcome.as_json()["error"]["next"]
    serve(fal, "b.png")
    again = job_result(MODEL, "req-1", fal.options, fal.config, **fal.wiring)
    assert again.exit_status == 0
    assert len(list(fal.options.output.iterdir())) == 3


def test_embedded_file_is_saved_and_never_printed(fal: "Fal") -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    fal.queue(fal.answer({"image": {"url": uri}}))
    outcome = run(fal)
    assert outcome.files[0].path.read_bytes() == PNG
    assert outcome.files[0].url is None
    assert base64.b64encode(PNG).decode() not in json.dumps(outcome.as_json())


def test_long_result_goes_to_a_file(fal: "Fal") -> None:
    body = {"words": [{"word": "w" * 20, "at": n} for n in range(1000)], "text": "short"}
    fal.queue(fal.answer(body))
    outcome = run(fal)
    saved = Path(outcome.result["saved_to"])
    assert saved.is_absolute()
    assert json.loads(saved.read_text()) == body
    assert outcome.text == "short"
    assert len(json.dumps(outcome.as_json(), indent=2)) < 10_000


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"text": "hello"}, "hello"),
        ({"output": "a caption", "images": []}, "a caption"),
        ({"text": ""}, None),
        ({"output": "https://cdn.example/a"}, None),
        (["text"], None),
    ],
)
def test_text_of_a_result_is_lifted(fal: "Fal", body: Any, text: str | None) -> None:
    fal.queue(fal.answer(body))
    assert run(fal).text == text


def test_result_that_cannot_be_read_can_be_collected_again(fal: "Fal") -> None:
    fal.queue(httpx.Response(200, content=b"not json"))
    outcome = run(fal)
    assert (outcome.exit_status, code(outcome)) == (5, "download_failed")
    assert "--result req-1" in outcome.as_json()["error"]["next"]


def test_logs_are_reported_as_they_grow_and_saved(fal: "Fal") -> None:
    lines = [{"message": f"step {n}"} for n in range(3)]
    fal.queue(fal.answer({}))
    fal.script.on(
        f"GET {JOB}/status",
        fal.status("IN_PROGRESS", logs=lines[:1]),
        fal.status("IN_PROGRESS", logs=lines[:2]),
        fal.status("COMPLETED", logs=lines),
    )
    outcome = run(fal, save_logs=True)
    assert outcome.logs_path == fal.options.output.resolve() / "logs" / "req-1.log"
    assert outcome.logs_path.read_text() == "step 0\nstep 1\nstep 2\n"
    assert [line for line in fal.lines if line.startswith("step")] == ["step 0", "step 1", "step 2"]
    assert fal.script.calls(f"GET {JOB}/status")[0].url.query == b"logs=1"


def test_logs_of_a_failed_job_are_saved(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "x"}, 500))
    failed = fal.status("COMPLETED", error="x", logs=[{"message": "why"}])
    fal.script.on(f"GET {JOB}/status", failed)
    outcome = run(fal, save_logs=True)
    assert outcome.status == "FAILED"
    assert outcome.logs_path is not None
    assert outcome.logs_path.read_text() == "why\n"


def test_logs_stand_beside_the_first_file(fal: "Fal") -> None:
    fal.queue(fal.answer({"image": picture()}))
    serve(fal, "a.png")
    outcome = run(fal, save_logs_inline=True)
    assert outcome.logs_path == outcome.files[0].path.with_suffix(".log")


def test_logs_folder_that_leads_out_is_not_followed(fal: "Fal", tmp_path: Path) -> None:
    fal.queue(fal.answer({}))
    fal.options.output.mkdir()
    (tmp_path / "outside").mkdir()
    (fal.options.output / "logs").symlink_to(tmp_path / "outside")
    outcome = run(fal, save_logs=True)
    assert outcome.exit_status == 9
    assert list((tmp_path / "outside").iterdir()) == []
    assert outcome.as_json()["error"]["retry"] == "same_job"


def test_queue_places_are_reported_when_they_change(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    places = [fal.status("IN_QUEUE", queue_position=n) for n in (2, 2, 0)]
    fal.script.on(f"GET {JOB}/status", *places, fal.status("COMPLETED"))
    run(fal)
    told = [line for line in fal.lines if "ahead" in line]
    assert told == ["In the queue, 2 ahead", "In the queue, 0 ahead"]


def test_status_of_a_job_is_told_without_collecting(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_PROGRESS")
    outcome = job_status(MODEL, "req-1", fal.options, fal.config, **fal.wiring)
    assert (outcome.status, outcome.exit_status, outcome.job) == ("IN_PROGRESS", 0, "req-1")
    assert len(fal.script.requests) == 1


def test_unknown_job_is_told(fal: "Fal") -> None:
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    for ask in (job_status, job_result):
        outcome = ask(MODEL, "req-1", fal.options, fal.config, **fal.wiring)
        assert (outcome.status, outcome.exit_status) == ("UNKNOWN", 2)
        assert outcome.as_json()["error"]["charged"] == "unknown"


def test_job_that_was_just_submitted_is_never_called_unknown(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    fal.script.on(f"GET {JOB}/status", fal.answer({"status": "NOT_FOUND"}, 404))
    outcome = run(fal)
    assert (outcome.status, outcome.exit_status) == ("IN_QUEUE", 5)
    assert "--result req-1" in outcome.as_json()["error"]["next"]


def test_request_id_that_is_none_reaches_no_network(fal: "Fal") -> None:
    outcome = job_result(MODEL, "../../x", fal.options, fal.config, **fal.wiring)
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
    outcome = cancel_job(MODEL, "req-1", fal.options, fal.config, **fal.wiring)
    assert (outcome.status, outcome.exit_status) == (status, exit_status)


def test_sync_run_saves_its_files_without_a_queue(fal: "Fal") -> None:
    serve(fal, "a.png")
    fal.script.on(RUN, fal.answer({"images": [picture()]}))
    outcome = run(fal, sync_only=True, priority="low")
    assert (outcome.status, outcome.request_id, outcome.job) == ("COMPLETED", "req-1", None)
    assert outcome.files[0].path.exists()
    assert "x-fal-queue-priority" not in fal.script.calls(RUN)[0].headers


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
def test_sync_run_that_ends_badly_is_told(
    fal: "Fal", answer: httpx.Response | Exception, status: str, exit_status: int
) -> None:
    fal.script.on(RUN, answer)
    outcome = run(fal, sync_only=True)
    assert (outcome.status, outcome.exit_status) == (status, exit_status)


def test_settings_choose_the_sync_flow_unless_the_queue_is_asked_for(fal: "Fal") -> None:
    fal.config = load_config(None, {"FAL_KEY": "k", "FAL_QUEUE_SYNC_ONLY": "true"})
    fal.script.on(RUN, fal.answer({}))
    assert run(fal).status == "COMPLETED"
    fal.queue(fal.answer({}))
    assert run(fal, submit=True).job == "req-1"
