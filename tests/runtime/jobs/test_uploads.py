"""Local files of an input are uploaded before the job is sent."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.input.files import LocalFile
from fal_runtime.jobs.commands import upload_files

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
POST = f"POST {QUEUE}/{MODEL}"
INITIATE = "POST https://rest.fal.ai/storage/upload/initiate"
PUT = "PUT https://store.example/put"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


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
    files = [LocalFile(("image_url",), path), LocalFile(("list", 1, "url"), path)]
    value = {"image_url": "<upload:x>", "list": ["a", {"url": "<upload:x>"}]}
    assert fal.run(fal.prepared(*files, **value)).status == "COMPLETED"
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
    file = LocalFile(("image_url",), tmp_path / "a.png")
    outcome = fal.run(fal.prepared(file, image_url="<upload:a>"))
    assert (outcome.status, outcome.exit_status) == ("REFUSED", exit_status)
    assert outcome.as_json()["error"]["charged"] == "no"


def test_file_that_vanished_before_its_upload_is_local_trouble(fal: "Fal", tmp_path: Path) -> None:
    storage(fal)
    file = LocalFile(("image_url",), tmp_path / "gone.png")
    assert fal.run(fal.prepared(file, image_url="<upload:a>")).exit_status == 9


def test_passing_upload_trouble_is_tried_again(fal: "Fal", tmp_path: Path) -> None:
    storage(fal)
    fal.script.on(PUT, httpx.Response(503), httpx.Response(200))
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    outcome = upload_files(fal.services, fal.ledger, [tmp_path / "a.wav"])
    assert (outcome.status, outcome.exit_status) == ("COMPLETED", 0)
    assert outcome.result[0]["url"] == "https://cdn.example/in.png"
    assert [request.content for request in fal.script.calls(PUT)] == [b"RIFF", b"RIFF"]


def test_interrupt_while_uploading_costs_nothing(fal: "Fal", tmp_path: Path) -> None:
    fal.script.on(INITIATE, fal.interrupt)
    (tmp_path / "a.png").write_bytes(PNG)
    file = LocalFile(("image_url",), tmp_path / "a.png")
    outcome = fal.run(fal.prepared(file, image_url="<upload:a>"))
    assert (outcome.status, outcome.exit_status) == ("REFUSED", 130)
    assert outcome.as_json()["error"]["charged"] == "no"
