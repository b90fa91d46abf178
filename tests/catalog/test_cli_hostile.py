"""No document and no server steers the terminal."""

import io
import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from falsmith.cli import run
from falsmith.documents import Documents

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform, Server

# Renames the window, rings, and colours what follows: none of it is what click itself takes away.
STEERING = "\x1b]0;owned\x07\x9b31m"
Shown = Callable[..., str]


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return what runs a command on a terminal without styles, and returns all that it shows."""

    def call(*arguments: str) -> str:
        stream = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setenv("TERM", "dumb")
            patch.setenv("COLUMNS", "200")
            patch.setattr(sys, "stdout", Terminal(stream, encoding="utf-8", write_through=True))
            run(arguments)
            printed = stream.getvalue().decode()
        return printed + capsys.readouterr().err

    return call


def steering(text: str) -> list[str]:
    """Return the control characters of a text, but for its line ends."""
    return [char for char in text if unicodedata.category(char) == "Cc" and char != "\n"]


@pytest.fixture
def page(tmp_path: Path, make_documents: Callable[..., Documents]) -> Path:
    """Return a list page in which every name and text of a model, and an ID, is hostile."""
    field = {"type": "string", "enum": [STEERING, "b"], "default": STEERING, "title": STEERING}
    metadata = dict.fromkeys(
        ("display_name", "category", "description", "date", "license_type", "kind"),
        f"words {STEERING}",
    )
    model = make_documents(
        "acme/one",
        {f"field{STEERING}": field | {"description": f"Does this. {STEERING}"}},
        {f"video{STEERING}": {"$ref": "#/components/schemas/File"}, STEERING: {"type": 5}},
        **metadata,
        tags=[STEERING],
    )
    entry = {"endpoint_id": "acme/one", "metadata": model.metadata, "openapi": model.openapi}
    odd = [{"endpoint_id": f"acme/{STEERING}"}, {"endpoint_id": STEERING, "metadata": STEERING}]
    path = tmp_path / "page.json"
    path.write_text(json.dumps({"models": [entry, *odd]}))
    return path


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["show", "acme/one"], "field"),
        (["search"], "acme/one"),
        (["search", "words"], "words"),
        (["categories"], "words"),
    ],
)
def test_a_hostile_document_is_shown_without_what_steers_a_terminal(
    shown: Shown, page: Path, command: list[str], expected: str
) -> None:
    text = shown(*command, "--source", str(page))
    assert steering(text) == []
    assert expected in text


@pytest.fixture
def live(server: "Server", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_PLATFORM_URL", server.url)


COMMANDS = [["show", "acme/one"], ["search"], ["categories", "--source", "live"]]
COMMANDS += [["catalog", "sync"]]


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_hostile_server_does_not_steer_the_terminal(
    shown: Shown,
    fake: "FakePlatform",
    page: Path,
    command: list[str],
) -> None:
    reason = {"reason_phrase": f"Sorry {STEERING}".encode("latin-1")}
    refusals = [
        httpx.Response(403, extensions=reason),
        httpx.Response(403, json={"error": {"message": f"Sorry {STEERING}"}}),
        httpx.Response(
            200,
            content=b"no",
            headers=[(b"content-type", f"text/Sorry {STEERING}".encode("latin-1"))],
        ),
    ]
    for refusal in refusals:
        fake.answers["first"] = refusal
        text = shown(*command)
        assert steering(text) == []
        assert "Sorry" in text
    fake.models = json.loads(page.read_bytes())["models"]
    assert steering(shown(*command)) == []
    assert steering(shown("catalog", "info")) == []
    assert steering(shown("search", "--offline")) == []


@pytest.mark.usefixtures("live")
def test_a_key_that_the_platform_echoes_is_neither_kept_nor_shown(
    shown: Shown,
    fake: "FakePlatform",
    make_documents: Callable[..., Documents],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = "0123-key-id:4567-secret"
    monkeypatch.setenv("FAL_KEY", key)
    model = make_documents(
        "acme/one",
        {"prompt": {"type": "string", "default": key}},
        display_name=f"One {key}",
        tags=[key],
        description=key,
    )
    entry = {"endpoint_id": "acme/one", "metadata": model.metadata, "openapi": model.openapi}
    fake.models = [entry, {"endpoint_id": key}]
    for command in (["catalog", "sync"], ["search"], ["search", "one"], ["show", "acme/one"]):
        assert key not in shown(*command)
    assert "acme/one" in shown("search", "--offline")
    assert key not in shown("show", "acme/one", "--offline")
    files = [path for path in tmp_path.rglob("catalog*") if path.is_file()]
    assert files
    assert all(key.encode() not in path.read_bytes() for path in files)
    fake.answers["first"] = httpx.Response(403, json={"error": {"message": f"not {key}"}})
    refused = shown("search")
    assert "not [key]" in refused
    assert key not in refused
