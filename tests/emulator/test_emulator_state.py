"""A folder keeps what an emulator knows: the next one goes on where it was killed."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from fal_runtime.errors import UsageError
from falsmith.emulator import Emulator

Start = Callable[..., Emulator]
PAINT = "acme/paint/turbo"


def test_jobs_results_books_and_addresses_survive_a_restart(
    start: Start, client: httpx.Client, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "state"
    with start(delay=60.0, state=folder) as emulator:
        origins = emulator.origins
        told = client.post(f"{origins.queue}/{PAINT}", json={"prompt": "a fox"}).json()
        before = emulator.books
    with start(delay=60.0, state=folder) as emulator:
        assert emulator.origins == origins
        assert emulator.books == before
        assert client.get(told["status_url"]).status_code == 202
        emulator.clock.advance(60)
        result = client.get(told["response_url"])
        picture = client.get(result.json()["images"][0]["url"])
    assert picture.content.startswith(b"\xff\xd8")


def test_what_is_accepted_is_on_disk_before_it_is_answered(
    start: Start, client: httpx.Client, tmp_path: Path
) -> None:
    with start(delay=60.0, state=tmp_path) as emulator:
        told = client.post(f"{emulator.origins.queue}/{PAINT}", json={"prompt": "a fox"}).json()
        with sqlite3.connect(f"file:{tmp_path}/emulator.sqlite?mode=ro", uri=True) as other:
            rows = other.execute("SELECT request_id FROM jobs").fetchall()
        other.close()
    assert rows == [(told["request_id"],)]


def test_a_folder_that_is_no_use_is_refused(start: Start, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("mine")
    other = tmp_path / "other"
    other.mkdir()
    (other / "emulator.sqlite").write_bytes(b"not a database at all, but long enough" * 10)
    newer = tmp_path / "newer"
    newer.mkdir()
    with sqlite3.connect(newer / "emulator.sqlite") as rows:
        rows.execute("PRAGMA user_version=99")
    rows.close()
    for folder in (taken, other, newer):
        with pytest.raises(UsageError, match="--state"), start(state=folder):
            pass


def test_ports_that_are_taken_are_refused(start: Start, tmp_path: Path) -> None:
    with start(state=tmp_path):
        second = start(state=tmp_path)
        with pytest.raises(UsageError, match="cannot have the ports"), second:
            pass
