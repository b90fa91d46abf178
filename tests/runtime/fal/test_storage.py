"""Uploads: whole or in parts, each content once while its link lives."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError
from fal_runtime.fal.storage import upload_all
from fal_runtime.jobs.ledger import Ledger

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

REST = "https://rest.fal.ai/storage/upload"
INITIATE = f"POST {REST}/initiate"
INITIATE_PARTS = f"POST {REST}/initiate-multipart"
PLACE = "https://store.example/put"
LINK = "https://cdn.example/in.png"
MEGABYTE = 1 << 20


@pytest.fixture
def picture(fal: "Fal", tmp_path: Path) -> Path:
    """Return a file, in front of a storage that takes whole files."""
    told = fal.answer({"upload_url": f"{PLACE}?sig=1", "file_url": LINK})
    fal.script.on(INITIATE, told).on(f"PUT {PLACE}", httpx.Response(200))
    path = tmp_path / "in.png"
    path.write_bytes(b"picture")
    return path


@pytest.fixture
def film(fal: "Fal", tmp_path: Path) -> Path:
    """Return a file of eleven parts, in front of a storage that takes parts."""
    told = fal.answer({"upload_url": f"{PLACE}?sig=1", "file_url": LINK})
    fal.script.on(INITIATE_PARTS, told).on(f"POST {PLACE}/complete", fal.answer({}))
    for number in range(1, 12):
        confirmed = fal.answer({"partNumber": number, "etag": f"etag-{number}"})
        fal.script.on(f"PUT {PLACE}/{number}", confirmed)
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(100 * MEGABYTE)
        file.seek(100 * MEGABYTE)
        file.write(b"the end")
    return path


def test_a_file_above_100_megabytes_goes_in_parts(fal: "Fal", film: Path) -> None:
    fal.script.on(f"PUT {PLACE}/3", httpx.Response(503), fal.answer({"etag": "etag-3"}))
    headers = httpx.Response(200, headers={"etag": "etag-4"})
    fal.script.on(f"PUT {PLACE}/4", httpx.WriteError("gone"), headers)
    assert upload_all(fal.connection, [film], fal.ledger) == {film: LINK}
    sizes = [len(fal.script.calls(f"PUT {PLACE}/{n}")[-1].content) for n in range(1, 12)]
    assert sizes == [10 * MEGABYTE] * 10 + [7]
    assert fal.script.calls(f"PUT {PLACE}/11")[0].content == b"the end"
    (completed,) = fal.script.calls(f"POST {PLACE}/complete")
    parts = [{"partNumber": n, "etag": f"etag-{n}"} for n in range(1, 12)]
    assert json.loads(completed.content) == {"parts": parts}
    sent = [request for request in fal.script.requests if request.url.host == "store.example"]
    assert all(request.url.query == b"sig=1" for request in sent)
    assert not any("authorization" in request.headers for request in sent)
    assert [line.rpartition(": ")[2] for line in fal.lines[1:]] == [
        "27 of 105 MB (25%)",
        "55 of 105 MB (51%)",
        "82 of 105 MB (77%)",
    ]


def test_an_upload_whose_completion_was_answered_into_the_void_is_there(
    fal: "Fal", film: Path
) -> None:
    lost = httpx.ReadError("gone")
    fal.script.on(f"POST {PLACE}/complete", lost, httpx.Response(404))
    fal.script.on(f"HEAD {LINK}", httpx.Response(200))
    assert upload_all(fal.connection, [film], fal.ledger) == {film: LINK}
    fal.script.on(f"HEAD {LINK}", httpx.Response(404))
    with pytest.raises(FalError, match="could not be uploaded"):
        upload_all(fal.connection, [film], fal.ledger)


@pytest.mark.parametrize(
    "answer", [httpx.Response(403), httpx.Response(200, content=b"{}")], ids=["403", "no etag"]
)
def test_a_part_that_is_not_taken_ends_the_upload(
    fal: "Fal", film: Path, answer: httpx.Response
) -> None:
    fal.script.on(f"PUT {PLACE}/2", answer)
    with pytest.raises(FalError, match="nothing was submitted") as caught:
        upload_all(fal.connection, [film], fal.ledger)
    assert caught.value.exit_status == 6
    assert fal.script.calls(f"POST {PLACE}/complete") == []


def test_the_same_content_is_uploaded_once_while_its_link_lives(fal: "Fal", picture: Path) -> None:
    again = picture.with_name("copy.png")
    again.write_bytes(b"picture")
    fal.script.on(f"HEAD {LINK}", httpx.Response(200))
    both = upload_all(fal.connection, [picture, again], fal.ledger)
    assert both == {picture: LINK, again: LINK}
    assert len(fal.script.calls(INITIATE)) == 1
    (looked,) = fal.script.calls(f"HEAD {LINK}")
    assert "authorization" not in looked.headers
    fal.script.on(f"HEAD {LINK}", httpx.Response(404))
    upload_all(fal.connection, [picture], fal.ledger)
    assert len(fal.script.calls(INITIATE)) == 2


def test_another_content_and_another_type_are_uploaded(fal: "Fal", picture: Path) -> None:
    upload_all(fal.connection, [picture], fal.ledger)
    picture.with_name("in.webp").write_bytes(b"picture")
    upload_all(fal.connection, [picture.with_name("in.webp")], fal.ledger)
    picture.write_bytes(b"Picture")
    upload_all(fal.connection, [picture], fal.ledger)
    assert len(fal.script.calls(INITIATE)) == 3


def test_a_file_that_changes_meanwhile_is_not_taken_for_what_it_was(
    fal: "Fal", picture: Path
) -> None:
    def change(_request: httpx.Request) -> httpx.Response:
        picture.write_bytes(b"another picture")
        return httpx.Response(200)

    fal.script.on(f"PUT {PLACE}", change)
    with pytest.raises(FalError, match="was changed while it was uploaded") as caught:
        upload_all(fal.connection, [picture], fal.ledger)
    assert caught.value.exit_status == 9
    picture.write_bytes(b"picture")
    fal.script.on(f"PUT {PLACE}", httpx.Response(200))
    upload_all(fal.connection, [picture], fal.ledger)
    assert len(fal.script.calls(INITIATE)) == 2


def test_a_file_that_became_shorter_is_said(fal: "Fal", picture: Path) -> None:
    told = fal.answer({"upload_url": f"{PLACE}?sig=1", "file_url": LINK})

    def shorten(_request: httpx.Request) -> httpx.Response:
        picture.write_bytes(b"p")
        return told

    fal.script.on(INITIATE, shorten)
    with pytest.raises(FalError, match="became shorter") as caught:
        upload_all(fal.connection, [picture], fal.ledger)
    assert caught.value.exit_status == 9


def test_an_empty_file_is_not_sent(fal: "Fal", picture: Path) -> None:
    picture.write_bytes(b"")
    with pytest.raises(FalError, match=r"is empty \(0 bytes\)"):
        upload_all(fal.connection, [picture], fal.ledger)
    assert fal.script.requests == []


def test_a_link_is_no_other_users_and_is_not_kept_where_inputs_are_not(
    fal: "Fal", picture: Path, tmp_path: Path
) -> None:
    fal.script.on(f"HEAD {LINK}", httpx.Response(200))
    upload_all(fal.connection, [picture], fal.ledger)
    other = replace(fal.connection, config=load_config(None, {"FAL_KEY": "id-2:secret-2"}))
    upload_all(other, [picture], fal.ledger)
    assert len(fal.script.calls(INITIATE)) == 2
    forgetful = Ledger(tmp_path, keeps_inputs=False)
    for _ in range(2):
        upload_all(fal.connection, [picture], forgetful)
    forgetful.close()
    assert len(fal.script.calls(INITIATE)) == 4
