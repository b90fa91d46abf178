"""The one JSON object that every command prints: complete, short, and JSON indeed."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import FalError, InputError, NotCollectedError, Problem
from fal_runtime.output.result import CallResult, SavedFile


def saved(index: int) -> SavedFile:
    path = Path(f"/home/me/output/images_{index}.png")
    return SavedFile("images", "image", path, f"https://cdn/{index}.png", 7, "ab", "image/png", 4)


def long_file(index: int) -> SavedFile:
    return replace(saved(index), path=Path("/home/me") / ("p" * 300) / f"{index}.png")


def printed(outcome: CallResult) -> str:
    return json.dumps(outcome.as_json(), indent=2)


def test_answer_names_the_job_and_every_file() -> None:
    outcome = CallResult("COMPLETED", "acme/demo", "req-1", "req-1", {"a": 1}, (saved(1), saved(2)))
    told = outcome.as_json()
    assert (told["status"], told["job"], told["request_id"]) == ("COMPLETED", "req-1", "req-1")
    assert told["saved_path"] == "/home/me/output/images_1.png"
    assert told["saved_paths"] == ["/home/me/output/images_1.png", "/home/me/output/images_2.png"]
    assert told["files"][0]["width"] == 4
    assert "height" not in told["files"][0]
    assert "error" not in told
    assert outcome.exit_status == 0


def test_saved_path_is_null_without_files() -> None:
    told = CallResult("REFUSED", "acme/demo").as_json()
    assert told["saved_path"] is None
    assert told["saved_paths"] == []
    assert told["job"] is None


def test_next_stands_in_the_error_and_without_one_at_the_top() -> None:
    words = ("python", "my skill.py", "--result", "req-1;x")
    error = NotCollectedError("wait_over", "not finished")
    failed = CallResult("IN_PROGRESS", "m", "req-1", "req-1", error=error, next=words).as_json()
    assert shlex.split(failed["error"]["next"]) == list(words)
    assert "next" not in failed
    submitted = CallResult("IN_QUEUE", "m", "req-1", "req-1", next=words).as_json()
    assert shlex.split(submitted["next"]) == list(words)


def test_error_gives_its_exit_status_and_what_to_do_next() -> None:
    error = NotCollectedError(
        "wait_over", "not finished", next=("python", "x.py", "--result", "req-1")
    )
    outcome = CallResult("IN_PROGRESS", "acme/demo", "req-1", "req-1", error=error)
    assert outcome.exit_status == 5
    assert outcome.as_json()["error"]["next"] == "python x.py --result req-1"
    assert outcome.as_json()["error"]["charged"] == "unknown"


@pytest.mark.parametrize(
    "result",
    [
        {"image": {"url": "data:image/png;base64," + "A" * 50}},
        {"deep": [[{"url": "DATA:image/png;base64," + "A" * 50}]]},
        {"text": "look: data:image/png;base64," + "A" * 50 + " and so on"},
        {"data:image/png;base64," + "A" * 50: 1},
    ],
)
def test_content_of_data_uris_is_never_printed(result: dict[str, Any]) -> None:
    assert "AAAA" not in printed(CallResult("COMPLETED", "acme/demo", result=result))


def test_plain_text_that_mentions_data_stays() -> None:
    result = {"text": "The data: a, b and c; metadata:x,y"}
    assert CallResult("COMPLETED", "acme/demo", result=result).as_json()["result"] == result


def test_numbers_that_json_lacks_are_null() -> None:
    infinite = float("inf")
    found = CallResult(
        "COMPLETED", "m", result={"a": [infinite, float("nan")]}, billable_units=infinite
    )
    shown = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (shown["result"], shown["billable_units"]) == ({"a": [None, None]}, None)


def test_the_path_of_a_long_result_is_never_cut() -> None:
    place = Path("/" + "/".join(["folder"] * 100)) / "result_req-1.json"
    files = tuple(replace(saved(n), path=place.with_name(f"{n}.png")) for n in range(400))
    shown = CallResult("COMPLETED", "m", result_path=place, files=files, text="t" * 9000).as_json()
    assert shown["result"] == {"saved_to": str(place)}


def test_a_file_with_a_long_link_is_still_named() -> None:
    file = replace(saved(1), url="https://cdn/" + "a" * 50_000)
    shown = CallResult("COMPLETED", "m", result={"seed": 1}, files=(file,)).as_json()
    assert shown["files"][0]["path"] == shown["saved_path"] == str(file.path)
    assert shown["files"][0]["url"].startswith("https://cdn/aaa")
    assert shown["result"] == {"seed": 1}


@pytest.mark.parametrize(
    "outcome",
    [
        CallResult("COMPLETED", "m", files=(replace(saved(1), url="https://c/" + "a" * 50_000),)),
        CallResult("COMPLETED", "m", files=tuple(long_file(n) for n in range(60))),
        CallResult(
            "COMPLETED",
            "m",
            files=(replace(saved(1), path=Path("/" + "é" * 4000)),),
            result_path=Path("/" + "r" * 4000),
            logs_path=Path("/" + "l" * 4000),
        ),
        CallResult("IN_QUEUE", "m", next=("python", "x" * 12_000)),
        CallResult("UNKNOWN", "m", error=FalError("usage", "m", next=("python", "x" * 12_000))),
        CallResult("COMPLETED", "acme/demo", result={"text": "x" * 200_000}),
        CallResult("COMPLETED", "acme/demo", result={"text": "\U0001f600" * 9_000}),
        CallResult("COMPLETED", "acme/demo", result=[[[[["y" * 30] * 50] * 50]]]),
        CallResult("COMPLETED", "acme/demo", result={f"key{n}" * 20: n for n in range(5000)}),
        CallResult("COMPLETED", "acme/demo", files=tuple(saved(n) for n in range(400))),
        CallResult("COMPLETED", "acme/demo", text="t" * 60_000),
        CallResult("DRY_RUN", "acme/demo", platform_request={"body": {"prompt": "p" * 60_000}}),
        CallResult("REFUSED", "m", error=InputError("invalid_input", "m" * 30_000)),
        CallResult(
            "REFUSED",
            "m",
            error=InputError("invalid_input", "m", [Problem("p" * 99, "g" * 999, "e")] * 500),
        ),
    ],
)
def test_every_answer_stays_below_ten_thousand_characters(outcome: CallResult) -> None:
    assert len(printed(outcome)) < 10_000


def test_files_that_are_not_shown_are_counted() -> None:
    told = CallResult("COMPLETED", "m", files=tuple(saved(n) for n in range(400))).as_json()
    assert told["not_shown"]["files"] == 400 - len(told["files"])
    assert len(told["saved_paths"]) == len(told["files"])
