"""`falsmith verify`: what it prints and with which status it ends."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from falsmith.cli import run


def test_good_skills_end_with_status_0(skill: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(skill), "--public", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"skills": [{"path": str(skill), "problems": [], "notices": []}]}


def test_a_folder_that_holds_skills_stands_for_each_of_them(
    skill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = skill.with_name("other")
    shutil.copytree(skill, other)

    status = run(["verify", str(skill.parent)])

    judged = {Path(one["path"]).name for one in json.loads(capsys.readouterr().out)["skills"]}
    # The copy is called by another name than it says.
    assert (status, judged) == (1, {skill.name, "other"})


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


def test_the_name_of_a_folder_does_nothing_to_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["verify", str(tmp_path / "é\x1b[31m\u202e\udcff")]) == 1
    assert "/é\\x1b[31m\\u202e\\udcff: is no folder" in capsys.readouterr().out


def test_a_folder_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify"]) == 2
    assert "DIR" in capsys.readouterr().err


def test_a_closed_standard_output_ends_every_command_with_9(
    skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    for words in (["verify", str(skill)], ["show", "fal-ai/flux/dev", "--source", "bundled"]):
        assert run(words) == 9
        assert capsys.readouterr().err == "error: standard output cannot be written: it is closed\n"
    assert sys.stdout is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["verify", "."], ["search", "--offline"], ["verify", "--help"]])
def test_a_full_standard_output_ends_with_9_and_one_line(tmp_path: Path, words: list[str]) -> None:
    asked = [sys.executable, "-m", "falsmith", *words]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            asked, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 9
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: standard output cannot be written: ")
