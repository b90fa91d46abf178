"""The user's own defaults.yaml, judged as the wrapper reads it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.verify import verify

DEFAULTS = "references/defaults.yaml"
GOOD = "defaults:\n  count: 2\npresets:\n  wide:\n    size: wide\n    image_url: photo.png\n"
# What the file holds, and what its one problem must say.
BAD: dict[str, tuple[str, str]] = {
    "a value out of its range": ("defaults:\n  count: 9\n", "line 2: defaults.count: got 9"),
    "an unknown field": (
        "presets:\n  a:\n    cuont: 1\n",
        "line 3: presets.a.cuont: got an unknown",
    ),
    "several": ("defaults:\n  count: 9\n  prompt: null\n", "line 3: defaults.prompt: got null"),
    "an unknown section": ("default:\n  count: 1\n", "line 1: default: got an unknown name"),
    "no mapping": ("- count\n", "line 1: `name: value` lines are expected"),
    "no YAML": ("defaults: [\n", "this is not valid YAML"),
    "an alias": ("defaults: &a\n  count: 1\n", "line 1: write out in full"),
    "a number without end": (f"defaults:\n  count: {'9' * 5000}\n", "is not valid YAML"),
    "too much": ("# x\n" * 30_000, f"{DEFAULTS} has more than 100 kB"),
    "a file of the machine": ("defaults:\n  image_url: /etc/hosts\n", "line 2: defaults.image_url"),
    "a hidden file": ("presets:\n  a:\n    image_url: ../../.env\n", "line 3: presets.a.image_url"),
    "a file that is not there": ("defaults:\n  image_url: none.png\n", "there is no file"),
}


def write(skill: Path, text: str, path: str = DEFAULTS) -> None:
    (skill / path).write_text(text, encoding="utf-8")


def test_good_defaults_are_no_problem(skill: Path) -> None:
    write(skill, GOOD)
    assert verify(skill) == []


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_told_with_its_line_and_the_reason(skill: Path, case: str) -> None:
    text, told = BAD[case]
    write(skill, text)
    (problem,) = verify(skill)
    assert (problem.path, problem.severity) == (DEFAULTS, "problem")
    assert told in problem.message
    assert "\n" not in problem.message


def test_files_of_the_project_are_no_problem_until_the_defaults_are_handed_on(
    skill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(skill.parent.parent)
    Path("brand.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    write(skill, "defaults:\n  image_url: ../../../brand.png\n")
    assert verify(skill) == []
    (problem,) = verify(skill, public=True, handed_on=["defaults.yaml"])
    assert "line 2: defaults.image_url" in problem.message


def test_a_link_is_not_followed(skill: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text("count: 1\n", encoding="utf-8")
    (skill / DEFAULTS).symlink_to(tmp_path / "elsewhere.yaml")
    assert ["symbolic link" in one.message for one in verify(skill)] == [True]


def test_a_model_whose_schema_is_broken_is_judged_by_nothing(
    skill: Path, seal: Callable[..., None]
) -> None:
    write(skill, "defaults:\n  count: 9\n")
    write(skill, "{", "references/input.schema.json")
    seal(skill)
    assert {one.path for one in verify(skill)} == {"references/input.schema.json"}


@pytest.mark.skipif(os.name != "posix", reason="a folder in use cannot be removed")
def test_a_working_folder_that_is_gone_is_told(
    skill: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(skill, GOOD)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    (problem,) = verify(skill)
    assert "cannot be checked" in problem.message
