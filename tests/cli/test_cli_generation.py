"""One run of `generate` over many models: a failure of one, or of the source, loses no other."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from falsmith.cli import run
from falsmith.cli.generation import FoundModel, Plan, run_plan
from falsmith.cli.report import Report
from falsmith.documents import Documents
from falsmith.errors import PlatformError
from falsmith.render import Options

Build = Callable[..., Documents]
# From here on, the work is done by several processes.
MANY = 120


class UnforeseenDocuments(Documents):
    """Documents that nobody was prepared for."""

    def read(self) -> Documents:
        raise RecursionError("a circle of schemas")


def test_a_source_that_ends_early_is_one_failure_and_loses_no_other(
    tmp_path: Path, model_documents: Build
) -> None:
    def found() -> Iterator[FoundModel]:
        for number in range(MANY):
            model_id = f"acme/m{number}"
            yield FoundModel(model_id, model_documents({"type": "object"}, model_id=model_id))
        yield FoundModel("", PlatformError("platform_down", "the list is cut off"))

    report = Report("write", as_json=True, quiet=True)
    run_plan(found(), Plan(Options(), tmp_path, "write", False), report, many=True)

    assert report.counts["wrote"] == MANY
    assert [(error.code, error.message) for _, error in report.failures] == [
        ("platform_down", "the list is cut off")
    ]
    assert len(list(tmp_path.glob("acme-m*/SKILL.md"))) == MANY


@pytest.mark.parametrize("count", [2, MANY])
def test_an_error_that_nobody_expected_is_one_models_failure_with_its_traceback(
    tmp_path: Path, model_documents: Build, capfd: pytest.CaptureFixture[str], count: int
) -> None:
    sound = [model_documents(model_id=f"acme/m{number}") for number in range(count)]
    broken = UnforeseenDocuments("acme/broken", {}, {})
    found = [FoundModel(one.model_id, one) for one in (sound[0], broken, *sound[1:])]
    report = Report("write", as_json=True, quiet=True)
    run_plan(found, Plan(Options(), tmp_path, "write", False), report, many=True)

    assert report.counts["wrote"] == count
    ((model_id, error),) = report.failures
    assert (model_id, error.code) == ("acme/broken", "internal_error")
    assert "RecursionError: a circle of schemas" in error.message
    assert "in read" in capfd.readouterr().err


def checked(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = run(["generate", "--check", "--source", "bundled", *arguments])
    return status, json.loads(capsys.readouterr().out)


@pytest.fixture
def skills(tmp_path: Path) -> Path:
    """Return a folder of three bundled models' skills, each made in another way."""
    made = tmp_path / "skills"
    for options in (
        ("-m", "fal-ai/flux/dev", "--lazy"),
        ("-m", "fal-ai/whisper", "--public", "--name", "hear"),
        ("-m", "fal-ai/f5-tts", "--license", "MIT", "--description", "Speaks."),
    ):
        assert run(["generate", "--source", "bundled", "-o", str(made), *options]) == 0
    return made


def test_a_check_without_models_compares_each_skill_with_how_it_was_made(
    skills: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = checked(capsys, "-o", str(skills))
    assert (status, answer["failed"]) == (0, [])
    names = ["fal-ai-f5-tts", "fal-ai-flux-dev", "hear"]
    assert [one["name"] for one in answer["skills"]] == names

    (skills / "hear/SKILL.md").write_text("Mine.")
    (skills / "fal-ai-flux-dev/agents/openai.yaml").unlink()
    (skills / "fal-skill-creator/SKILL.md").write_text("Mine.")
    status, answer = checked(capsys, "-o", str(skills))
    assert status == 1
    assert [one["drift"] for one in answer["skills"]] == [
        [],
        [{"kind": "missing", "path": "agents/openai.yaml"}],
        [{"kind": "edited", "path": "SKILL.md"}],
    ]
    assert answer["creator"]["drift"] == [{"kind": "edited", "path": "SKILL.md"}]


def test_a_check_without_models_names_what_it_cannot_compare(
    skills: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "hear": {"options": {"mode": "odd"}},
        "fal-ai-f5-tts": {"model_id": "acme/gone"},
    }
    for name, change in changes.items():
        place = skills / name / "references/provenance.json"
        place.write_text(json.dumps(json.loads(place.read_text()) | change))
    (skills / "fal-ai-flux-dev").rename(skills / "renamed")

    status, answer = checked(capsys, "-o", str(skills))
    assert status == 1
    failed = {one["model_id"]: one["error"]["message"] for one in answer["failed"]}
    assert failed.keys() == {"acme/gone", "fal-ai/whisper"}
    assert "does not say how the skill was made" in failed["fal-ai/whisper"]
    assert [one["name"] for one in answer["skills"]] == ["renamed"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("-o", "."), "no skill of falsmith stands in ."), (("--lazy",), "drop the others")],
)
def test_a_check_of_nothing_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, answer = checked(capsys, *arguments)
    assert (status, message in answer["error"]["message"]) == (2, True)
