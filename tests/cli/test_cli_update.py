"""`falsmith update`: what is printed, and its exit status."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.emulator import Emulator
from falsmith.generate import generate, share_runtime
from falsmith.render import Options

Capture = pytest.CaptureFixture[str]
Made = Callable[..., Documents]


def model(build: Made, name: str = "demo", count: int = 4) -> Documents:
    """Return a model of which at most so many pictures may be asked for."""
    number = {"type": "integer", "maximum": count}
    metadata = {"display_name": f"Demo {name}", "category": "text-to-image"}
    schema = {"type": "object", "properties": {"prompt": {"type": "string"}, "count": number}}
    return build(schema, model_id=f"acme/{name}", metadata=metadata)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what runs the command against a platform that has some models."""

    def ask(models: list[Documents], *words: str | Path) -> int:
        with Emulator(models) as emulator:
            monkeypatch.setenv("FAL_PLATFORM_URL", emulator.environment["FAL_PLATFORM_URL"])
            return run(["update", *map(str, words)])

    return ask


@pytest.fixture
def stale(model_documents: Made, tmp_path: Path) -> Path:
    """Return a folder of a linked, a standalone and a fresh skill; one text was edited."""
    share_runtime(tmp_path / "skills")
    folder = generate(model(model_documents, "one"), Options(), tmp_path / "skills").folder
    generate(model(model_documents, "two"), Options("standalone", lazy=True), tmp_path / "skills")
    generate(model(model_documents, "three", 2), Options(), tmp_path / "skills")
    text = folder / "SKILL.md"
    text.write_text(f"{text.read_text()}Mine.\n")
    return tmp_path / "skills"


@pytest.fixture
def now(model_documents: Made) -> list[Documents]:
    """Return the models as they are today."""
    return [model(model_documents, name, 2) for name in ("one", "two", "three")]


def test_people_read_what_was_updated_what_stayed_and_what_is_to_be_merged(
    stale: Path,
    now: list[Documents],
    live: Callable[..., int],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert live(now, stale) == 0
    change = "  breaking: input count takes at most 2 now, at most 4 before"
    assert capsys.readouterr().out.splitlines() == [
        f"{stale}/acme-one (acme/one): updated, 3 files",
        change,
        "  kept: SKILL.md, which you edited; merge its new version, SKILL.md.new, and remove that",
        f"{stale}/acme-three (acme/three): unchanged",
        f"{stale}/acme-two (acme/two): updated, 3 files",
        change,
        "3 skills: 2 updated, 1 unchanged",
        f"  to merge: {stale}/acme-one/SKILL.md.new",
    ]
    assert live(now, stale, "--quiet") == 0
    assert capsys.readouterr().out.splitlines()[0] == "3 skills: 3 unchanged"
    assert run(["verify", str(stale / "acme-one"), str(stale / "acme-two")]) == 0


def test_programs_get_one_object_and_a_dry_run_its_diff(
    stale: Path, now: list[Documents], live: Callable[..., int], capsys: Capture
) -> None:
    assert live(now, stale / "acme-one", "--dry-run") == 0
    (one,) = json.loads(capsys.readouterr().out)["skills"]
    assert (one["status"], one["model_id"]) == ("would update", "acme/one")
    assert one["kept"] == [{"path": "SKILL.md", "new": "SKILL.md.new", "gained": []}]
    assert one["files"] == [
        "SKILL.md.new",
        "references/input.schema.json",
        "references/provenance.json",
    ]
    assert "--- SKILL.md\n+++ SKILL.md.new\n" in one["diff"]
    assert not (stale / "acme-one/SKILL.md.new").exists()


def test_one_failure_stops_no_other_skill(
    stale: Path, now: list[Documents], live: Callable[..., int], capsys: Capture
) -> None:
    assert live(now[1:], stale) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["status"] for one in told["skills"]] == ["failed", "unchanged", "updated"]
    assert told["skills"][0]["error"]["code"] == "model_not_found"
    assert told["error"]["message"] == "1 of 3 failed"


def test_a_failure_alone_has_its_own_status(
    stale: Path, now: list[Documents], live: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live(now[1:], stale / "acme-one") == 2
    (stale / "acme-one/SKILL.md.new").write_text("mine")
    assert live(now, stale / "acme-one") == 1
    monkeypatch.setenv("FAL_PLATFORM_URL", "http://127.0.0.1:9")
    assert run(["update", str(stale)]) == 6


def test_a_folder_that_is_no_skill_is_refused_before_anything_is_written(
    stale: Path, now: list[Documents], live: Callable[..., int], tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "none").mkdir()
    assert live(now, stale, tmp_path / "none") == 2
    assert "is no skill of falsmith and holds none" in capsys.readouterr().err
    assert live(now, stale / "acme-two", "--quiet") == 0
    assert json.loads(capsys.readouterr().out)["skills"][0]["status"] == "updated"


def test_a_skill_is_updated_from_inside_its_folder(
    stale: Path,
    now: list[Documents],
    live: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.chdir(stale / "acme-two")
    assert live(now, ".") == 0
    (one,) = json.loads(capsys.readouterr().out)["skills"]
    assert (one["name"], one["status"]) == ("acme-two", "updated")


def test_nothing_to_update_is_told(tmp_path: Path, capsys: Capture, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["update", "--offline"]) == 0
    assert "nothing was updated" in capsys.readouterr().err
