"""`falsmith list`, `falsmith remove` and `--agent`: what is printed, and the exit status."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from falsmith.cli import run
from falsmith.hosts import HOST_FOLDERS

if TYPE_CHECKING:
    from tests.skill.conftest import Project


Capture = pytest.CaptureFixture[str]


def answer(capsys: Capture) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_list_names_what_stands_in_every_host_folder(project: "Project", capsys: Capture) -> None:
    moved = Path(".windsurf/skills/acme-alone")
    moved.parent.mkdir(parents=True)
    project.alone.rename(moved)
    (moved / "SKILL.md").write_text("Mine.")

    assert run(["list", "--json"]) == 0
    skills = answer(capsys)["skills"]
    assert [one["name"] for one in skills] == ["acme-linked", "fal-skill-creator", "acme-alone"]
    assert skills[2] == {
        "name": "acme-alone",
        "path": str(moved.absolute()),
        "model_id": "acme/alone",
        "mode": "public",
        "lazy": False,
        "falsmith": skills[0]["falsmith"],
        "freshness": "edited",
        "edited": ["SKILL.md"],
        "missing": [],
        "broken_links": [],
        "unmerged": [],
    }


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--agent", "claude"], ["acme-alone", "acme-linked", "fal-skill-creator"]),
        (["--agent", "codex"], []),
        (["-o", ".claude/skills/acme-alone"], ["acme-alone"]),
        ([".claude/skills/acme-linked", "-o", ".claude/skills/acme-alone"], 2 * ["acme"]),
    ],
)
def test_list_looks_in_the_named_folders(
    project: "Project", capsys: Capture, arguments: list[str], names: list[str]
) -> None:
    assert run(["list", *arguments]) == 0
    found = [one["name"] for one in answer(capsys)["skills"]]
    assert found == (["acme-linked", "acme-alone"] if names == 2 * ["acme"] else names)


def test_list_asks_for_folders_that_are_there(project: "Project", capsys: Capture) -> None:
    for arguments in (["none"], ["-o", "none"], ["-o", ".", "--agent", "claude"]):
        assert run(["list", *arguments]) == 2
        assert answer(capsys)["error"]["code"] == "usage"


def test_people_read_a_table_that_hides_nothing(
    project: "Project", capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = project.alone / "references/provenance.json"
    changed = json.loads(record.read_text()) | {"model_id": "acme/[red]\x1b[2Jalone"}
    record.write_text(json.dumps(changed))
    (project.linked / "SKILL.md").write_text("Mine.")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")

    assert run(["list"]) == 0
    told = click.unstyle(capsys.readouterr().out)
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert lines[0] == ".claude/skills"
    assert "acme-alone acme/[red][2Jalone public 0.1.0 current" in lines
    assert "acme-linked acme/linked default, lazy 0.1.0 edited (1)" in lines
    assert run(["list", "--agent", "cursor"]) == 0
    assert ".cursor/skills" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["generate", "--check", "--offline"],
        ["check", "--offline"],
        ["remove", "acme-alone"],
    ],
    ids=lambda command: command[0],
)
def test_names_in_a_skill_are_shown_and_never_steer_the_terminal(
    project: "Project", capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    record = project.alone / "references/provenance.json"
    model_id = "acme/\x1b[2Jalone" if command[0] != "remove" else "acme/alone"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"model_id": model_id}))
    (project.alone / "\x1b[2Jnotes").write_text("Mine.")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    run(command)
    told = "".join(capsys.readouterr())
    assert "\x1b[2J" not in told
    assert "\\x1b[2J" in told


def test_remove_says_what_went_and_what_stays(project: "Project", capsys: Capture) -> None:
    (project.alone / "SKILL.md").write_text("Mine.")

    assert run(["remove", "acme-alone", "--dry-run"]) == 0
    rehearsed = answer(capsys)
    assert (rehearsed["status"], project.alone.is_dir()) == ("would remove", True)
    assert run(["remove", "acme-alone"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told == rehearsed | {"status": "removed"}
    assert told["kept"] == [{"path": "SKILL.md", "why": "edited"}]
    assert "kept is yours" in captured.err
    assert "agents still find the skill by its SKILL.md" in captured.err
    assert [path.name for path in project.alone.iterdir()] == ["SKILL.md"]


def test_people_read_a_line_a_file_that_stays(
    project: "Project", capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(14):
        (project.alone / f"{number:02}.txt").write_text("Mine.")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert run(["remove", ".claude/skills/acme-alone", "--quiet"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith(f"removed: {project.alone} (")
    assert lines[1] == "  kept, because added: 00.txt"
    assert lines[-1] == "  ... and 2 more"
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fal-skill-creator"], "acme-linked"),
        (["acme-alon"], "close to it: acme-alone"),
        (["acme-alone", "--agent", "codex"], ".agents/skills"),
        (["./acme-alone", "--agent", "claude"], "is a path"),
        (["acme-alone", "-o", ".claude/skills", "--agent", "claude"], "drop one"),
        (["../project"], "not a skill of falsmith"),
        ([], "SKILL"),
    ],
)
def test_remove_refuses_what_is_not_clear_and_not_falsmiths(
    project: "Project", capsys: Capture, arguments: list[str], told: str
) -> None:
    assert run(["remove", *arguments]) == 2
    error = answer(capsys)["error"]
    assert (error["code"], told in error["message"]) == ("usage", True)
    assert all(each.is_dir() for each in (project.alone, project.linked, project.creator))


def test_forcing_the_creator_away_names_the_skills_that_break(
    project: "Project", capsys: Capture
) -> None:
    assert run(["remove", "fal-skill-creator", "--force"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["broken_links_in"] == ["acme-linked"]
    assert "acme-linked" in captured.err
    assert run(["list"]) == 0
    assert {one["freshness"] for one in answer(capsys)["skills"]} == {"current", "broken link"}


def test_each_host_has_the_folder_that_it_reads() -> None:
    assert {agent: str(folder) for agent, folder in HOST_FOLDERS.items()} == {
        "claude": ".claude/skills",
        "codex": ".agents/skills",
        "agents": ".agents/skills",
        "cursor": ".cursor/skills",
        "gemini": ".agents/skills",
        "copilot": ".github/skills",
        "windsurf": ".windsurf/skills",
    }


@pytest.mark.parametrize("agent", [None, "gemini", "copilot"])
def test_generate_writes_where_the_host_reads(
    agent: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = ["--agent", agent] if agent else []

    assert run(["generate", "--offline", "-m", "fal-ai/flux/dev", "--public", *chosen]) == 0
    (made,) = [path.parent for path in tmp_path.rglob("SKILL.md")]
    assert made.parent == tmp_path / HOST_FOLDERS[agent or "claude"]


@pytest.mark.parametrize("output", ["skills", ".claude/skills"])
def test_generate_takes_a_folder_or_a_host_but_not_both(
    output: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--offline", "-m", "fal-ai/flux/dev", "-o", output, "--agent", "claude"]

    assert run(["generate", *arguments]) == 2
    assert "--output and --agent" in answer(capsys)["error"]["message"]
    assert run(["generate", *arguments[:3], "--agent", "emacs"]) == 2
    assert "windsurf" in answer(capsys)["error"]["message"]
    assert list(tmp_path.iterdir()) == []
