"""The record of what was generated: its form, and that the folder still is that."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from falsmith.verify import verify

NAME = "fal-ai-sketch-fast"
INPUT = "references/input.schema.json"
REFERENCE = f"references/tools/{NAME}.yaml"
QUEUE = "queue_config.yaml"
PROVENANCE = "references/provenance.json"


def test_an_interrupted_write_is_a_problem(skill: Path) -> None:
    record = json.loads((skill / PROVENANCE).read_text(encoding="utf-8"))
    record["writing"] = record["files"]
    record["files"] = {path: [digest] for path, digest in record["files"].items()}
    (skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    (problem,) = verify(skill)
    assert problem.path == PROVENANCE
    assert "interrupted" in problem.message


def test_every_edited_text_is_a_notice_and_a_problem_where_edits_are_not_allowed(
    skill: Path,
) -> None:
    edited = [INPUT, "SKILL.md", QUEUE, "agents/openai.yaml", REFERENCE]
    for path in edited:
        with (skill / path).open("a", encoding="utf-8") as file:
            file.write("\n")
    found = verify(skill)
    assert {(one.path, one.severity) for one in found} == {(path, "notice") for path in edited}
    assert all("was edited" in one.message for one in found)
    found = verify(skill, allow_edited=False)
    assert {(one.path, one.severity) for one in found} == {(path, "problem") for path in edited}
    assert all("--allow-edited" in one.message for one in found)


PROVENANCE_CASES: list[tuple[str, Any, str]] = [
    ("falsmith", 1, "falsmith must be text"),
    ("falsmith", "latest", "falsmith must be a version"),
    ("model_id", "fal-ai/other", "model_id is not 'fal-ai/sketch/fast'"),
    ("options", [], "options must be an object"),
    ("options", {"mode": "secret", "lazy": False, "license": "x"}, "options.mode must be one of"),
    ("options", {"mode": "default", "lazy": 0, "license": "x"}, "options.lazy"),
    ("options", {"mode": "default", "lazy": False}, "options.license"),
    ("options", {"mode": "default", "lazy": False, "license": "x", "name": 1}, "options.name"),
    (
        "options",
        {"mode": "default", "lazy": False, "license": "x", "name": "other"},
        "options.name is 'other'",
    ),
    ("source", {"sha256": "abc"}, "source.sha256"),
    ("files", {}, "files must be an object"),
    ("files", {"SKILL.md": "abc"}, "64 hex digits"),
]


@pytest.mark.parametrize(("field", "value", "told"), PROVENANCE_CASES)
def test_a_malformed_record_is_a_problem(skill: Path, field: str, value: Any, told: str) -> None:
    record = json.loads((skill / PROVENANCE).read_text(encoding="utf-8"))
    record[field] = value
    (skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    assert any(one.path == PROVENANCE and told in one.message for one in verify(skill))


def test_a_lazy_skill_needs_its_reference(skill: Path, seal: Callable[..., None]) -> None:
    (skill / REFERENCE).unlink()
    seal(skill, lazy=True)
    assert any(one.path == REFERENCE and "is missing" in one.message for one in verify(skill))
