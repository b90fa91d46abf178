"""`falsmith bundle`: what it prints and with which status it ends."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from falsmith.cli import run

LINKED, ALONE, CREATOR = "acme-linked", "acme-alone", "fal-skill-creator"
GUIDE = "references/guide.md"


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_report_names_each_skill_format_and_archive(
    skills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [str(skills / name) for name in (LINKED, ALONE, CREATOR)]
    details = ["--name", "acme", "--version", "1.0.0", "--author", "Acme"]
    output = tmp_path / "dist"
    assert run(["bundle", *named, "-o", str(output), "--format", "all", *details]) == 0
    report = told(capsys)
    assert [one["path"] for one in report["skills"]] == named
    assert all(one["problems"] == one["notices"] == [] for one in report["skills"])
    assert "error" not in report
    for one in report["formats"]:
        assert sum(place.is_file() for place in Path(one["path"]).rglob("*")) == one["files"]
        for archive in one["archives"]:
            content = (Path(one["path"]) / archive["path"]).read_bytes()
            assert archive["size"] == len(content)
            assert archive["sha256"] == hashlib.sha256(content).hexdigest()


def test_problems_end_with_status_1_and_nothing_is_written(
    skills: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (skills / ALONE / "notes.txt").write_text("mine", encoding="utf-8")
    words = ["bundle", str(skills / ALONE), "-o", str(tmp_path / "dist"), "--format", "skill"]
    assert run(words) == 1
    report = told(capsys)
    (problem,) = report["skills"][0]["problems"]
    assert problem["path"] == "notes.txt"
    assert report["formats"] == []
    assert report["error"]["code"] == "problems_found"
    assert "1 problem in 1 of 1 skill; nothing was written" in report["error"]["message"]
    assert not (tmp_path / "dist").exists()


def test_people_read_what_was_written_and_how_it_is_used(
    skills: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["bundle", f".claude/skills/{ALONE}", "-o", "dist", "--format", "folder"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f"{ALONE}: no problems")
    assert lines[1].startswith("wrote: dist (")
    assert lines[2].strip().startswith("npx skills add ./dist")


def test_bad_usage_ends_with_status_2(
    skills: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["bundle", str(skills / ALONE), "-o", "dist"]
    assert run(words) == 2
    assert run([*words, "--format", "zip"]) == 2
    assert run([*words, "--format", "claude-plugin", "--version", "v1", "--author", "A"]) == 2
    assert "--version: " in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", None)
    assert run([*words, "--format", "skill", "--include", "notes.md"]) == 2


def test_details_and_own_files_are_taken_from_the_table_and_by_name(
    skills: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = '[tool.falsmith]\nname = "acme"\nversion = "1.0.0"\nauthor = "Acme"\n'
    Path("pyproject.toml").write_text(table, encoding="utf-8")
    (skills / ALONE / GUIDE).write_text("Warm.\n", encoding="utf-8")
    words = ["bundle", str(skills / ALONE), "-o", "dist", "--format", "codex-plugin"]
    assert run([*words, "--version", "2.0.0", "--include", "guide.md"]) == 0
    plugin = Path("dist/plugins/acme")
    assert (plugin / "skills" / ALONE / GUIDE).read_text(encoding="utf-8") == "Warm.\n"
    manifest = json.loads((plugin / ".codex-plugin/plugin.json").read_text(encoding="utf-8"))
    assert (manifest["version"], manifest["author"]) == ("2.0.0", {"name": "Acme"})
    capsys.readouterr()
