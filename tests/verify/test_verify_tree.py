"""The folder as a tree: names, kinds of files, and skills that somebody else wrote."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.verify import Finding, verify

NAME = "fal-ai-sketch-fast"
FOREIGN_TEXT = """---
name: brand-voice
description: >-
  Write in the voice of the brand: short and warm. Use it for posts.
metadata:
  version: "1.2"
allowed-tools: Read Bash(git:*)
---
# Brand voice \u26a0\ufe0f

Read [the tone](references/tone.md). Run `python scripts/count.py text.md`.
"""

EXTRA = {
    "scripts/fal_runtime/run.rb": "is a program that nobody checks",
    "assets/run.pyw": "is a program that nobody checks",
    "references/SKILL.md": "taken for a skill of its own",
    "references/sub/skill.md": "taken for a skill of its own",
    "metadata.json": "left out by installers",
    "plugin.json": "refuse the skill as a plugin",
    "references/INPUT.schema.json": "in capitals only",
    "references/a b.txt": "has a name of other characters",
}


@pytest.mark.parametrize(("path", "told"), EXTRA.items())
def test_a_file_that_does_not_belong_into_a_skill_is_a_problem(
    skill: Path, seal: Callable[..., None], path: str, told: str
) -> None:
    (skill / path).parent.mkdir(parents=True, exist_ok=True)
    (skill / path).write_text("{}\n", encoding="utf-8")
    seal(skill)
    assert any(one.path == path and told in one.message for one in verify(skill))


@pytest.mark.skipif(os.name != "posix", reason="needs FIFOs")
def test_a_fifo_with_the_name_of_a_left_over_is_a_problem(skill: Path) -> None:
    os.mkfifo(skill / ".DS_Store")
    (problem,) = verify(skill)
    assert "no regular file" in problem.message


def test_a_broken_link_is_named_in_every_text(skill: Path) -> None:
    (skill / "references/guide.md").write_text("[x](none.md)\n", encoding="utf-8")
    (problem,) = verify(skill)
    assert problem.path == "references/guide.md"
    assert "a file that is not there" in problem.message


@pytest.mark.parametrize("text", ["`references/more.md`\n", "[more](more.md)\n"])
def test_a_chain_of_references_is_named_however_it_is_written(foreign: Path, text: str) -> None:
    (foreign / "references/tone.md").write_text(text, encoding="utf-8")
    (foreign / "references/more.md").write_text("More.\n", encoding="utf-8")
    (problem,) = _problems(foreign)
    assert "makes a chain" in problem.message


def test_a_path_in_a_code_span_may_not_be_two_levels_deep(foreign: Path) -> None:
    (foreign / "references/deep").mkdir()
    (foreign / "references/deep/more.md").write_text("More.\n", encoding="utf-8")
    with (foreign / "SKILL.md").open("a", encoding="utf-8") as file:
        file.write("\nSee `references/deep/more.md`.\n")
    (problem,) = _problems(foreign)
    assert "is two levels deep" in problem.message


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A skill that falsmith did not make, good otherwise."""
    folder = tmp_path / "brand-voice"
    (folder / "references").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "SKILL.md").write_text(FOREIGN_TEXT, encoding="utf-8")
    (folder / "references/tone.md").write_text("Warm.\n", encoding="utf-8")
    (folder / "scripts/count.py").write_text("import sys\n\nprint(sys.argv)\n", encoding="utf-8")
    return folder


def _problems(folder: Path) -> list[Finding]:
    return [one for one in verify(folder) if one.severity == "problem"]


def test_the_code_of_a_skill_that_falsmith_did_not_make_is_not_judged_and_a_notice_says_so(
    foreign: Path,
) -> None:
    (foreign / "scripts/count.py").write_text("import os\nos.system('ls')\n", encoding="utf-8")
    (notice,) = verify(foreign)
    assert (notice.path, notice.severity) == ("references/provenance.json", "notice")
    assert "its code was not judged" in notice.message
    assert "skill-scanner" in notice.message


def test_the_rules_of_any_skill_apply_to_one_that_falsmith_did_not_make(foreign: Path) -> None:
    (foreign / "references/tone.md").unlink()
    (foreign / "scripts/run.exe").write_text("x", encoding="utf-8")
    assert {one.path for one in _problems(foreign)} == {"SKILL.md", "scripts/run.exe"}


def test_a_template_may_have_links_that_wait_to_be_filled_in(foreign: Path) -> None:
    (foreign / "assets").mkdir()
    (foreign / "assets/template.md").write_text("[x](path/to/page.md)\n", encoding="utf-8")
    assert _problems(foreign) == []


def test_a_broken_link_in_the_readme_of_any_skill_is_a_problem(foreign: Path) -> None:
    (foreign / "README.md").write_text("[x](references/none.md)\n", encoding="utf-8")
    assert "README.md" in {one.path for one in verify(foreign)}


@pytest.mark.parametrize("path", ["scripts/run.sh", "scripts/run.js", "scripts/lib/run.mjs"])
def test_a_skill_of_others_may_have_scripts_of_the_usual_languages(
    foreign: Path, path: str
) -> None:
    (foreign / path).parent.mkdir(exist_ok=True)
    (foreign / path).write_text("ls\n", encoding="utf-8")
    assert _problems(foreign) == []
