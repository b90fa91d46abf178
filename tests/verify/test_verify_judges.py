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


def _generated(output: Path, options: list[str]) -> list[Path]:
    models = [word for model in MODELS for word in ("-m", model)]
    assert run(["generate", "--offline", "--quiet", *models, *options, "-o", str(output)]) == 0
    return sorted(output.iterdir())


@pytest.fixture(params=[*MODES, *(["--lazy", *mode] for mode in MODES)], ids=" ".join)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> list[Path]:
    return _generated(tmp_path / "generated", request.param)


def _errors_of_skillcheck(folder: Path) -> list[str]:
    pytest.importorskip("skillcheck", reason="skillcheck is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "skillcheck", "--format", "json", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    judged = json.loads(done.stdout)["results"]
    assert judged
    found = [(one["path"], told) for one in judged for told in one["diagnostics"]]
    return [f"{path}: {told['message']}" for path, told in found if told["severity"] == "error"]


def _errors_of_skills_ref(folder: Path) -> list[str]:
    judge = pytest.importorskip("skills_ref", reason="skills-ref is not installed")
    return list(judge.validate(folder))


def test_validators_accept_the_skills_that_verify_is_tested_with(
    skill: Path, linked_skill: Path, creator: Path
) -> None:
    assert verify(linked_skill) == verify(creator) == []
    assert _errors_of_skills_ref(skill) == _errors_of_skills_ref(creator) == []
    assert _errors_of_skillcheck(skill.parent) == []


def test_validators_and_verify_accept_generated_skills(made: list[Path]) -> None:
    assert len(made) >= len(MODELS)
    assert [problem for folder in made for problem in verify(folder, generate=generate)] == []
    assert [error for folder in made for error in _errors_of_skills_ref(folder)] == []
    assert _errors_of_skillcheck(made[0].parent) == []


def test_verify_sees_what_a_validator_sees(skill: Path) -> None:
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    (skill / "SKILL.md").write_text(text.replace("license:", "licence:"), encoding="utf-8")
    assert _errors_of_skills_ref(skill)
    assert verify(skill)
