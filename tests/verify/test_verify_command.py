"""`falsmith verify`: what it prints and with which status it ends."""

import json
import sys
from pathlib import Path

import pytest

from falsmith.cli import run


def test_good_skills_end_with_status_0(skill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(skill), "--public", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"skills": [{"path": str(skill), "problems": []}]}


def test_problems_end_with_status_1_and_are_one_json_object(
    skill: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (skill / "SKILL.md").unlink()
    assert run(["verify", str(skill), str(tmp_path / "none"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in told["skills"]] == [str(skill), str(tmp_path / "none")]
    assert "SKILL.md" in {one["path"] for one in told["skills"][0]["problems"]}
    assert told["error"]["code"] == "problems_found"
    assert "2 of 2 skills" in told["error"]["message"]


def test_people_read_a_line_a_problem(
    skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["verify", str(skill)]) == 0
    assert capsys.readouterr().out == f"{skill}: no problems\n"
    (skill / "queue_config.yaml").write_text("speed: 1\n", encoding="utf-8")
    assert run(["verify", str(skill), "--quiet"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{skill}/queue_config.yaml: ")
    assert "speed is no setting" in line


def test_a_folder_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify"]) == 2
    assert "DIR" in capsys.readouterr().err
