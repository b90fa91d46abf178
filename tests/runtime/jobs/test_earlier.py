"""Earlier jobs as inputs: the same call again, and the files of one in the fields of another."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.errors import InputError, UsageError
from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.jobs.earlier import call_like, with_earlier_files
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger, open_ledger
from fal_runtime.output.result import SavedFile, SavedResult
from fal_runtime.schema.document import SchemaDocument

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

MODEL = "acme/demo/fast"
FILE = {"type": "string", "x-file": "image"}
DOCUMENT = SchemaDocument(
    {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "image_url": FILE,
            "video_url": {"type": "string", "x-file": "video"},
            "images": {"type": "array", "items": {"type": "object", "properties": {"url": FILE}}},
        },
    }
)


def saved(ledger: Ledger, folder: Path, *files: tuple[str, str, str | None]) -> str:
    """Add a job with these files (field, kind, link), whose copies are in the folder."""
    made = []
    for number, (field, kind, url) in enumerate(files):
        path = folder / f"{number}-{kind}"
        path.write_text("x")
        made.append(SavedFile(field, kind, path, url, 1, "", ""))
    request = ModelRequest("u", {}, {"prompt": "a cat", "seed": 1})
    result = SavedResult({}, None, tuple(made), (), None, None)
    job = Job(MODEL, _options(), "saved", request, saved=result)
    return str(ledger.add(job).id)


def _options(**given: Any) -> Any:
    from fal_runtime.input.options import CallOptions

    return CallOptions(command=("python", "x.py"), **given)


PICTURES = (
    ("video", "video", "https://cdn.example/v.mp4"),
    ("images[0]", "image", "https://cdn.example/a.png"),
    ("images[1]", "image", "https://cdn.example/b.png"),
)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("from:{job}", "a.png"),
        ("from:last", "a.png"),
        ("from:{job}#images", "a.png"),
        ("from:{job}#images[1]", "b.png"),
        ("from:last#images[1]", "b.png"),
    ],
)
def test_a_file_of_an_earlier_job_is_named_in_a_file_field(
    fal: "Fal", tmp_path: Path, reference: str, expected: str
) -> None:
    job = saved(fal.ledger, tmp_path, *PICTURES)
    link = f"https://cdn.example/{expected}"
    fal.script.on(f"HEAD {link}", httpx.Response(200))
    text = reference.format(job=job)
    value = {"prompt": text, "image_url": text, "images": [{"url": text}]}
    found = with_earlier_files(value, DOCUMENT, fal.ledger, fal.connection)
    assert found == {"prompt": text, "image_url": link, "images": [{"url": link}]}
    assert "authorization" not in fal.script.requests[0].headers


def test_the_first_file_of_the_field_s_kind_is_taken(fal: "Fal", tmp_path: Path) -> None:
    saved(fal.ledger, tmp_path, *PICTURES)
    value = {"video_url": "from:last"}
    assert with_earlier_files(value, DOCUMENT, fal.ledger, None) == {
        "video_url": "https://cdn.example/v.mp4"
    }


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.ConnectError("gone")])
def test_the_saved_copy_stands_in_for_a_link_that_does_not_answer(
    fal: "Fal", tmp_path: Path, answer: httpx.Response | Exception
) -> None:
    saved(fal.ledger, tmp_path, PICTURES[1])
    fal.script.on("HEAD https://cdn.example/a.png", answer)
    value = {"image_url": "from:last"}
    found = with_earlier_files(value, DOCUMENT, fal.ledger, fal.connection)
    assert found == {"image_url": str(tmp_path / "0-image")}
    (tmp_path / "0-image").unlink()
    with pytest.raises(InputError, match="is gone"):
        with_earlier_files(value, DOCUMENT, fal.ledger, fal.connection)


def test_a_file_that_was_in_the_answer_itself_is_its_saved_copy(fal: "Fal", tmp_path: Path) -> None:
    saved(fal.ledger, tmp_path, ("image", "image", None))
    found = with_earlier_files({"image_url": "from:last"}, DOCUMENT, fal.ledger, None)
    assert found == {"image_url": str(tmp_path / "0-image")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from:nobody00", "no job nobody00"),
        ("from:", "it reads from:JOB"),
        ("from:last#nothing", r"has video \(video\)"),
        ("from:last#video", r"images\[0\] \(image\)"),
        ("from:{running}", "has no saved files"),
    ],
)
def test_a_reference_that_leads_to_no_file_is_a_problem_of_its_field(
    fal: "Fal", tmp_path: Path, text: str, words: str
) -> None:
    request = ModelRequest("u", {}, {})
    running = fal.ledger.add(Job(MODEL, _options(), "submitted", request))
    saved(fal.ledger, tmp_path, *PICTURES)
    value = {"image_url": text.format(running=running.id)}
    with pytest.raises(InputError, match=words) as raised:
        with_earlier_files(value, DOCUMENT, fal.ledger, None)
    assert raised.value.problems[0].path == "image_url"


def test_the_same_call_again_has_its_input_and_how_it_was_run(fal: "Fal") -> None:
    fal.queue(fal.answer({}))
    first = fal.run(fal.prepared(prompt="a cat", seed=7), priority="low", no_retry=True)
    given = replace(fal.options, priority="normal")
    value, options = call_like(fal.ledger, str(first.job), MODEL, given)
    assert value == {"prompt": "a cat", "seed": 7}
    assert (options.priority, options.no_retry) == ("normal", True)


def test_a_call_that_is_not_known_cannot_be_made_again(fal: "Fal", tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no job nobody00"):
        call_like(fal.ledger, "nobody00", MODEL, fal.options)
    digests = open_ledger({"FAL_STATE_DIR": "state", "FAL_LEDGER_INPUTS": "0"}, tmp_path, print)
    fal.ledger = digests
    fal.queue(fal.answer({}))
    job = fal.run().job
    with pytest.raises(UsageError, match="was not kept"):
        call_like(digests, str(job), MODEL, fal.options)
    digests.close()
