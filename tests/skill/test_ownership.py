"""Whose a file in a skill's folder is, and what is never opened, followed or taken for ours."""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from falsmith.cli import run
from falsmith.skill.ownership import owner
from falsmith.skill.provenance import read_provenance
from falsmith.skill.remove import plan_removal, remove

if TYPE_CHECKING:
    from tests.skill.conftest import Project


Falsmith = Callable[..., tuple[int, str, str]]
FLUX = ("generate", "--offline", "-m", "fal-ai/flux/schnell", "--standalone", "-o")
OURS = ("SKILL.md", "references/provenance.json", "agents/.falsmith-12-openai.yaml")
LINKED = ("scripts/fal_runtime", "scripts/fal_api_call.py")
ADDED = ("references/guide.md", ".falsmith-notes", ".falsmith-notes/x.md", "scripts/new.py")


def place(skill: Path, path: str) -> Path:
    (skill / path).parent.mkdir(parents=True, exist_ok=True)
    return skill / path


def owners(skill: Path, *paths: str) -> list[str]:
    provenance = read_provenance(skill)
    return [owner(skill, PurePosixPath(path), provenance) for path in paths]


def test_each_file_has_one_owner(project: "Project") -> None:
    place(project.alone, OURS[2]).touch()
    assert owners(project.alone, *OURS) == ["ours"] * 3
    assert owners(project.linked, *LINKED) == ["ours"] * 2
    for path in (*ADDED[2:], ADDED[0]):
        place(project.alone, path).write_text("Mine.")
    assert owners(project.alone, *ADDED) == ["added"] * 4
    (project.alone / "SKILL.md").write_text("Mine.")
    (project.alone / "agents/openai.yaml").unlink()
    assert owners(project.alone, "SKILL.md", "agents/openai.yaml") == ["edited", "missing"]


@pytest.mark.parametrize(
    "path", ["../.falsmith-1-victim", "../victim", "out/victim", "out/.falsmith-1-victim"]
)
def test_nothing_outside_of_a_skill_is_ours(project: "Project", path: str) -> None:
    skills = project.alone.parent
    (project.alone / "out").symlink_to(skills)
    victim = skills / PurePosixPath(path).name
    victim.write_text("precious")
    record = project.alone / "references/provenance.json"
    digest = hashlib.sha256(b"precious").hexdigest()
    for known in (digest, "outside of the skill", "a folder"):
        record.write_text(json.dumps(json.loads(record.read_text()) | {"files": {path: known}}))
        assert owners(project.alone, path) == ["edited"]
    remove(plan_removal(project.alone, force=True))
    assert victim.read_text() == "precious"


def test_notes_of_the_user_are_not_taken_for_remains_of_a_write(project: "Project") -> None:
    skills = project.alone.parent
    notes = place(skills, ".falsmith-notes/todo.md")
    inside = project.alone / ".falsmith-notes.md"
    for mine in (notes, inside):
        mine.write_text("Mine.")
        os.utime(mine, (0, 0))
    os.utime(notes.parent, (0, 0))
    (skills / ".falsmith-1-acme").mkdir()
    os.utime(skills / ".falsmith-1-acme", (0, 0))

    assert run([*FLUX, str(skills)]) == 0
    assert run(["remove", str(project.alone)]) == 0
    assert (notes.read_text(), inside.read_text()) == ("Mine.", "Mine.")
    assert not (skills / ".falsmith-1-acme").exists()


@pytest.fixture
def falsmith(capsys: pytest.CaptureFixture[str]) -> Iterator[Falsmith]:
    """Return a function that runs a command, and ends the test where it waits on a pipe."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        status = run([str(word) for word in arguments])
        return status, *capsys.readouterr()

    def give_up(*_: object) -> None:
        raise TimeoutError("a pipe was opened")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield call
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


PIPES: dict[str, tuple[int, str, str]] = {
    "SKILL.md": (1, "SKILL.md (now a pipe, socket or device)", "edited"),
    "scripts/fal_runtime/model.py": (1, "model.py (now a pipe, socket or device)", "edited"),
    "references/provenance.json": (2, "not a skill of falsmith", ""),
    "notes": (0, "", "current"),
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("path", PIPES)
def test_a_pipe_in_a_skill_is_named_and_never_opened(
    tmp_path: Path, falsmith: Falsmith, path: str
) -> None:
    status, message, freshness = PIPES[path]
    assert falsmith(*FLUX, tmp_path)[0] == 0
    skill = tmp_path / "fal-ai-flux-schnell"
    (skill / path).unlink(missing_ok=True)
    os.mkfifo(skill / path)

    made, _, notes = falsmith(*FLUX, tmp_path)
    assert (made, message in notes) == (status, True), notes
    listed = json.loads(falsmith("list", tmp_path)[1])["skills"]
    assert [one["freshness"] for one in listed] == [freshness] * bool(freshness)
    removed, answer, _ = falsmith("remove", skill)
    assert removed == (0 if freshness else 2)
    if freshness:
        why = "edited" if freshness == "edited" else "added"
        assert json.loads(answer)["kept"] == [{"path": path, "why": why}]
    assert (skill / path).is_fifo()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_among_the_skills_stop_nothing(project: "Project", falsmith: Falsmith) -> None:
    skills = project.alone.parent
    os.mkfifo(skills / "pipe")
    (skills / "other/references").mkdir(parents=True)
    os.mkfifo(skills / "other/references/provenance.json")

    assert falsmith(*FLUX, skills)[0] == 0
    assert len(json.loads(falsmith("list", skills)[1])["skills"]) == 4
    assert falsmith("remove", project.alone)[0] == 0
    assert falsmith(*FLUX, skills / "pipe")[0] == 9
