"""What a job's result becomes: saved files, text, logs."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.jobs.commands import job_result

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
RUN = "POST https://fal.run/acme/demo/fast"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def test_job_runs_from_input_to_saved_file(fal: "Fal") -> None:
    body = {"images": [fal.picture()], "seed": 42}
    fal.queue(
        fal.answer(body, headers={"x-fal-billable-units": "1.5"}),
        "IN_QUEUE",
        "IN_PROGRESS",
        "COMPLETED",
    )
    fal.serve("a.png")
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status, outcome.request_id) == ("COMPLETED", 0, "req-1")
    assert (outcome.seed, outcome.billable_units, outcome.result) == (42, 1.5, body)
    (file,) = outcome.files
    assert file.path == fal.options.output.resolve() / "images_req-1.png"
    assert file.path.read_bytes() == PNG
    assert (file.kind, file.width, file.size) == ("image", 4, len(PNG))
    assert outcome.elapsed_s > 0


def test_key_goes_to_fal_and_to_no_download_host(fal: "Fal") -> None:
    fal.queue(fal.answer({"images": [fal.picture()]}))
    fal.serve("a.png")
    fal.run()
    keyed = {
        request.url.host for request in fal.script.requests if "authorization" in request.headers
    }
    assert keyed == {"queue.fal.run"}


def test_link_of_the_input_is_not_downloaded_again(fal: "Fal") -> None:
    fal.queue(fal.answer({"media": {"url": "https://cdn.example/in.mp4"}}))
    outcome = fal.run(fal.prepared(media_url="https://cdn.example/in.mp4"))
    assert (outcome.status, outcome.files) == ("COMPLETED", ())


def test_file_that_cannot_be_had_costs_no_other_file(fal: "Fal") -> None:
    pictures = [fal.picture(name) for name in ("a.png", "b.png", "c.png")]
    fal.queue(fal.answer({"images": pictures}))
    fal.serve("a.png", "c.png")
    fal.script.on("GET https://cdn.example/b.png", httpx.Response(404))
    outcome = fal.run()
    assert (outcome.status, outcome.exit_status, outcome.as_json()["error"]["code"]) == (
        "COMPLETED",
        5,
        "download_failed",
    )
    assert [file.path.name for file in outcome.files] == [
        "images_req-1_1.png",
        "images_req-1_3.png",
    ]
    assert outcome.as_json()["error"]["charged"] == "yes"
    assert f"--result {outcome.job}" in outcome.as_json()["error"]["next"]
    fal.serve("b.png")
    again = fal.ask(job_result)
    assert again.exit_status == 0
    assert len(list(fal.options.output.iterdir())) == 3


def test_embedded_file_is_saved_and_never_printed(fal: "Fal") -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    fal.queue(fal.answer({"image": {"url": uri}}))
    outcome = fal.run()
    assert outcome.files[0].path.read_bytes() == PNG
    assert outcome.files[0].url is None
    assert base64.b64encode(PNG).decode() not in json.dumps(outcome.as_json())


def test_long_result_goes_to_a_file(fal: "Fal") -> None:
    body = {"words": [{"word": "w" * 20, "at": n} for n in range(1000)], "text": "short"}
    fal.queue(fal.answer(body))
    outcome = fal.run()
    saved = Path(outcome.as_json()["result"]["saved_to"])
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
    assert fal.run().text == text


def test_result_that_cannot_be_read_can_be_collected_again(fal: "Fal") -> None:
    fal.queue(httpx.Response(200, content=b"not json"))
    outcome = fal.run()
    assert (outcome.exit_status, outcome.as_json()["error"]["code"]) == (5, "download_failed")
    assert f"--result {outcome.job}" in outcome.as_json()["error"]["next"]


@pytest.mark.parametrize("flow", [{}, {"sync_only": True}])
@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"\0\0\0\4" * 2, ["result_req-1.png"]),
        (b"[" * 300 + b"]" * 300, ["result_req-1.json"]),
        (b"a text", ["result_req-1.txt"]),
        (b"caf\xe9", ["result_req-1.bin"]),
        (b"", []),
    ],
)
def test_result_that_is_not_read_as_json_was_paid_for_and_is_saved_as_it_came(
    fal: "Fal", flow: dict[str, Any], content: bytes, names: list[str]
) -> None:
    fal.queue(httpx.Response(200, headers={"x-fal-request-id": "req-1"}, content=content))
    fal.script.on(RUN, *fal.script.answers[f"GET {JOB}"])
    outcome = fal.run(**flow)
    assert (outcome.status, outcome.exit_status, outcome.result) == ("COMPLETED", 0, None)
    assert [file.path.name for file in outcome.files] == names
    assert all(file.path.read_bytes() == content for file in outcome.files)


def test_result_that_is_too_large_is_not_fetched_again_and_again(fal: "Fal") -> None:
    fal.queue(httpx.Response(200, content=b" " * ((64 << 20) + 1)))
    answer = fal.run().as_json()
    assert (answer["status"], answer["error"]["retry"]) == ("RESULT_ENDPOINT_ONLY", "same_job")
    assert "larger than 64 MB" in answer["error"]["message"]
    assert answer["platform_request"] == {"method": "GET", "url": JOB}
    assert len(fal.script.calls(f"GET {JOB}")) == 1


def test_logs_are_reported_as_they_grow_and_saved(fal: "Fal") -> None:
    lines = [{"message": f"step {n}"} for n in range(3)]
    fal.queue(fal.answer({}))
    fal.script.on(
        f"GET {JOB}/status",
        fal.status("IN_PROGRESS", logs=lines[:1]),
        fal.status("IN_PROGRESS", logs=lines[:2]),
        fal.status("COMPLETED", logs=lines),
    )
    outcome = fal.run(save_logs=True)
    assert outcome.logs_path == fal.options.output.resolve() / "logs" / "req-1.log"
    assert outcome.logs_path.read_text() == "step 0\nstep 1\nstep 2\n"
    assert [line for line in fal.lines if line.startswith("step")] == ["step 0", "step 1", "step 2"]
    assert fal.script.calls(f"GET {JOB}/status")[0].url.query == b"logs=1"


def test_logs_of_a_failed_job_are_saved(fal: "Fal") -> None:
    fal.queue(fal.answer({"detail": "x"}, 500))
    failed = fal.status("COMPLETED", error="x", logs=[{"message": "why"}])
    fal.script.on(f"GET {JOB}/status", failed)
    outcome = fal.run(save_logs=True)
    assert outcome.status == "FAILED"
    assert outcome.logs_path is not None
    assert outcome.logs_path.read_text() == "why\n"


def test_logs_stand_beside_the_first_file(fal: "Fal") -> None:
    fal.queue(fal.answer({"image": fal.picture()}))
    fal.serve("a.png")
    outcome = fal.run(save_logs_inline=True)
    assert outcome.logs_path == outcome.files[0].path.with_suffix(".log")


def test_logs_folder_that_leads_out_is_not_followed(fal: "Fal", tmp_path: Path) -> None:
    fal.queue(fal.answer({}))
    fal.options.output.mkdir()
    (tmp_path / "outside").mkdir()
    (fal.options.output / "logs").symlink_to(tmp_path / "outside")
    outcome = fal.run(save_logs=True)
    assert outcome.exit_status == 9
    assert list((tmp_path / "outside").iterdir()) == []
    assert outcome.as_json()["error"]["retry"] == "same_job"


def test_result_of_a_synchronous_run_survives_an_interrupted_download(fal: "Fal") -> None:
    body = {"image": {"url": "https://cdn.example/a.png"}}
    fal.script.on("POST https://fal.run/acme/demo/fast", fal.answer(body))
    fal.script.on("GET https://cdn.example/a.png", fal.interrupt)
    outcome = fal.run(sync_only=True)
    assert (outcome.exit_status, outcome.result) == (130, body)
    assert outcome.as_json()["error"]["charged"] == "yes"


@pytest.mark.parametrize("pictures", [1, 12, 14, 16, 18, 20])
def test_result_is_shown_whole_or_saved_whole(fal: "Fal", pictures: int) -> None:
    names = [f"{number}.png" for number in range(pictures)]
    body = {"images": [fal.picture(name) for name in names]}
    fal.queue(fal.answer(body))
    fal.serve(*names)
    shown = fal.run().as_json()
    result = shown["result"]
    if "saved_to" in result:
        assert pictures > 1
        result = json.loads(Path(result["saved_to"]).read_text())
    assert result == body
    assert len(json.dumps(shown, indent=2)) < 10_000
