"""Independent validators find no error in what verify calls good, and the other way round."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from falsmith.cli import run
from falsmith.cli.generate import generate
from falsmith.verify import verify

MODELS = ("fal-ai/flux/schnell", "fal-ai/whisper")
MODES: tuple[list[str], ...] = ([], ["--standalone"], ["--public"])


@pytest.fixture
def made(tmp_path: Path) -> dict[str, list[Path]]:
    """Return the folders of skills in each mode."""
    models = [word for model in MODELS for word in ("-m", model)]
    made = dict[str, list[Path]]()
    for options in (*MODES, *(["--lazy", *mode] for mode in MODES)):
        folder = tmp_path / f"made{''.join(options)}"
        assert run(["generate", "--offline", "--quiet", *models, *options, "-o", str(folder)]) == 0
        made[" ".join(options)] = sorted(folder.iterdir())
    return made


def _errors_of_skillcheck(*folders: Path) -> list[str]:
    pytest.importorskip("skillcheck", reason="skillcheck is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "skillcheck", "--format", "json", *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    judged = json.loads(done.stdout)["results"]
    assert len(judged) >= 2 * len(folders)
    found = [(one["path"], each) for one in judged for each in one["diagnostics"]]
    return [f"{path}: {each['message']}" for path, each in found if each["severity"] == "error"]


def _errors_of_skills_ref(folder: Path) -> list[str]:
    judge = pytest.importorskip("skills_ref", reason="skills-ref is not installed")
    return list(judge.validate(folder))


def test_validators_accept_the_skills_that_verify_is_tested_with(
    skill: Path, linked_skill: Path, creator: Path
) -> None:
    assert verify(linked_skill) == verify(creator) == []
    assert _errors_of_skills_ref(skill) == _errors_of_skills_ref(creator) == []
    assert _errors_of_skillcheck(skill.parent) == []


def test_validators_and_verify_accept_generated_skills(made: dict[str, list[Path]]) -> None:
    for mode, folders in made.items():
        assert len(folders) >= len(MODELS), mode
        problems = [each for folder in folders for each in verify(folder, generate=generate)]
        assert problems == [], mode
        assert [error for folder in folders for error in _errors_of_skills_ref(folder)] == [], mode
    assert _errors_of_skillcheck(*(folders[0].parent for folders in made.values())) == []


def test_verify_sees_what_a_validator_sees(skill: Path) -> None:
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    (skill / "SKILL.md").write_text(text.replace("license:", "licence:"), encoding="utf-8")
    assert _errors_of_skills_ref(skill)
    assert verify(skill)
