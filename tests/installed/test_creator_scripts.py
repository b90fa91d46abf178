"""The creator skill's scripts, run as subprocesses from a copy of the skills' folder."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest


class Project(Protocol):
    folder: Path
    creator: Path


WHISPER = ["-m", "fal-ai/whisper", "--offline"]
Contents = Callable[[Path], dict[str, bytes | str]]


def script(skills: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = str(skills.parent / "home")
    return subprocess.run(
        [sys.executable, str(skills / "fal-skill-creator/scripts" / name), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": home, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def skills(project: Project) -> Path:
    """Return the folder of the skills; the current folder is another one."""
    return project.creator.parent


@pytest.mark.parametrize("symlinks", [True, False])
def test_a_copy_of_the_folder_makes_skills_beside_it(
    skills: Path, tmp_path: Path, symlinks: bool
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(skills, copy, symlinks=symlinks)
    made = script(copy, "generate_fal_skill.py", *WHISPER)

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["skills"][0]["path"] == str(copy / "fal-ai-whisper")
    assert "creator" not in json.loads(made.stdout)
    assert (copy / "fal-ai-whisper/scripts/fal_runtime").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["-lo", "chosen"], "chosen"),
        (["--agent", "codex"], ".agents/skills"),
        (["--description", "-o is an option"], ".claude/skills"),
        (["--"], ".claude/skills"),
    ],
)
def test_an_option_chooses_another_folder(
    project: Project, skills: Path, arguments: list[str], place: str
) -> None:
    made = script(skills, "generate_fal_skill.py", *WHISPER, *arguments)

    assert made.returncode == 0, made.stderr
    assert list(project.folder.rglob("fal-ai-whisper")) == [
        project.folder / place / "fal-ai-whisper"
    ]


def test_any_model_can_be_called_without_a_skill_of_its_own(skills: Path) -> None:
    chosen = ["-m", "acme/unheard-of", "--args", '{"a": 1}', "--dry-run"]
    called = script(skills, "fal_api_call.py", *chosen)

    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout)["platform_request"]["body"] == {"a": 1}
    assert "not checked" in called.stderr


CHANGES: dict[str, Callable[[Path], object]] = {
    "scripts/fal_runtime/model.py": lambda file: file.write_text("# mine\n"),
    "scripts/falsmith/templates/skill/SKILL.md.jinja": Path.unlink,
    "scripts/falsmith/mine.py": lambda file: file.write_text(""),
    "scripts/httpx.pyc": lambda file: file.write_bytes(b""),
    "references/provenance.json": lambda file: file.write_text("["),
    "scripts/fal_runtime/__init__.py": lambda file: shutil.rmtree(file.parent),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_changed_program_is_not_handed_on(skills: Path, contents: Contents, changed: str) -> None:
    CHANGES[changed](skills / "fal-skill-creator" / changed)
    before = contents(skills)
    for arguments in (WHISPER, [*WHISPER, "--standalone"], [*WHISPER, "--force"]):
        made = script(skills, "generate_fal_skill.py", *arguments)

        assert (made.returncode, made.stdout) == (9, "")
        assert f"not as falsmith wrote it: {changed}" in made.stderr
    assert contents(skills) == before


def test_a_creator_whose_writing_was_cut_short_makes_nothing(skills: Path) -> None:
    record = skills / "fal-skill-creator/references/provenance.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"writing": told["files"]}))
    made = script(skills, "generate_fal_skill.py", *WHISPER)

    assert made.returncode == 9
    assert "references/provenance.json" in made.stderr


def test_ends_of_lines_and_files_of_no_program_change_nothing(skills: Path) -> None:
    module = skills / "fal-skill-creator/scripts/fal_runtime/model.py"
    module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
    (module.parent / "notes.txt").write_text("Mine.")
    made = script(skills, "generate_fal_skill.py", *WHISPER, "--standalone")

    assert made.returncode == 0, made.stderr
