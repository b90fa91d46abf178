"""What a skill that is handed on may not tell of its author, nor share with a place elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.verify import verify

GUIDE = "references/guide.md"
PRIVATE = {
    "/home/jane/work/brand.png": "a path of somebody's machine",
    "see /Users/jane.doe/Desktop": "a path of somebody's machine",
    r"C:\Users\jane\input.png": "a path of somebody's machine",
    '"C:\\\\Users\\\\jane\\\\input.png"': "a path of somebody's machine",
    "/mnt/c/Users/jane/x": "a path of somebody's machine",
    "file:///home/jane/x.png": "a path of somebody's machine",
    "/root/.ssh": "a path of somebody's machine",
    "/private/var/folders/zz/x": "a path of somebody's machine",
    "Ask jane.doe@studio.co.uk first.": "an e-mail address",
    "<Jane+fal@Mail.Studio.com>": "an e-mail address",
}
HARMLESS = (
    "/home/user/x.png and /Users/you/x.png",
    r"C:\Users\YourName\x.png",
    "https://docs.fal.ai/home/pages/a.html",
    "~/.cache/fal-queue and $HOME/home/x",
    "/home, /rooted/x, root/x",
    "jane@example.com, x@test.example, help@fal.ai, git@github.com:owner/name.git",
    "@Image1 and @click.option, a@b, 5@2.0",
)


@pytest.mark.parametrize(("text", "told"), PRIVATE.items())
def test_what_tells_of_the_author_is_a_problem_of_what_is_handed_on(
    skill: Path, text: str, told: str
) -> None:
    (skill / GUIDE).write_text(f"# House rules\n\n{text}\n", encoding="utf-8")
    assert verify(skill) == []
    (problem,) = verify(skill, public=True, handed_on=["guide.md"])
    assert problem.path == GUIDE
    assert problem.message.startswith(f"line 3: {told}")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_manuals_write_tells_of_nobody(skill: Path, text: str) -> None:
    (skill / GUIDE).write_text(f"{text}\n", encoding="utf-8")
    assert verify(skill, public=True, handed_on=["guide.md"]) == []


def test_the_users_own_files_go_along_by_name_only(skill: Path) -> None:
    for name in ("guide.md", "defaults.yaml"):
        (skill / "references" / name).write_text("# Mine\n", encoding="utf-8")
    (problem,) = verify(skill, public=True, handed_on=["guide.md"])
    assert problem.path == "references/defaults.yaml"


def test_a_hard_link_is_a_problem_of_what_is_handed_on(skill: Path, tmp_path: Path) -> None:
    try:
        os.link(skill / "SKILL.md", tmp_path / "elsewhere.md")
    except OSError:
        pytest.skip("hard links cannot be made here")
    assert verify(skill) == []
    (problem,) = verify(skill, public=True)
    assert problem.path == "SKILL.md"
    assert "is a hard link" in problem.message


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("references/nul.md", "a name that Windows refuses"),
        ("references/COM1", "a name that Windows refuses"),
        ("aux/x.md", "a name that Windows refuses"),
        ("references/x.", "a name that Windows refuses"),
    ],
)
def test_a_name_that_another_system_cannot_hold_is_a_problem(
    skill: Path, seal: Callable[..., None], path: str, told: str
) -> None:
    (skill / path).parent.mkdir(exist_ok=True)
    (skill / path).write_text("x\n", encoding="utf-8")
    seal(skill)
    assert any(one.path == path and told in one.message for one in verify(skill))


def test_a_folder_that_is_there_in_capitals_too_is_a_problem_named_once(
    skill: Path, seal: Callable[..., None]
) -> None:
    (skill / "References").mkdir()
    if (skill / "References/provenance.json").exists():
        pytest.skip("capitals make no difference on this disk")
    for name in ("a.md", "guide.md"):
        (skill / "References" / name).write_text("x\n", encoding="utf-8")
    seal(skill)
    clashes = [one for one in verify(skill) if "in capitals only" in one.message]
    assert [one.path for one in clashes] == ["References", "references"]
