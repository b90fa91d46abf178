"""Symbolic links: none in what is handed on, exactly the listed ones in a linked skill."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.verify import verify

NAME = "fal-ai-sketch-fast"
PROVENANCE = "references/provenance.json"
CALL = "scripts/fal_api_call.py"
RUNTIME = "scripts/fal_runtime"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")


def _link(place: Path, target: Path | str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def _told(folder: Path, *, public: bool | None = None) -> dict[str, str]:
    return {one.path: one.message for one in verify(folder, public=public)}


@pytest.mark.parametrize("target", ["SKILL.md", "/etc/hosts", "nowhere", ".", "again"])
@pytest.mark.parametrize("place", ["again", "scripts/fal_runtime/again", "__pycache__/again"])
@pytest.mark.parametrize("mode", ["public", "standalone", "default"])
def test_a_link_that_is_not_listed_is_a_problem_in_every_mode(
    skill: Path, seal: Callable[..., None], mode: str, place: str, target: str
) -> None:
    seal(skill, mode=mode)
    _link(skill / place, target)
    told = {path: text for path, text in _told(skill).items() if "symbolic link" in text}
    assert list(told) == [place]


def test_a_linked_folder_is_not_read(skill: Path) -> None:
    shutil.move(skill / "agents", skill.parent / "agents")
    _link(skill / "agents", "../agents")
    assert set(_told(skill, public=True)) == {"agents"}
    assert set(_told(skill)) == {"agents"}


def test_the_folder_of_a_public_skill_is_no_link(
    skill: Path, tmp_path: Path, seal: Callable[..., None]
) -> None:
    linked = tmp_path / "linked" / NAME
    _link(linked, skill)
    assert verify(linked) == []
    assert set(_told(linked, public=True)) == {"."}
    seal(skill, mode="public")
    assert set(_told(linked)) == {"."}


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("../../outside.txt", "leaves the folder of the skills"),
        ("gone", "leads nowhere"),
        ("SKILL.md", "does not list"),
    ],
)
def test_the_message_says_where_a_link_leads_and_not_what_is_there(
    skill: Path, tmp_path: Path, target: str, told: str
) -> None:
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    _link(skill / "out.txt", target)
    (problem,) = verify(skill)
    assert problem.path == "out.txt"
    assert told in problem.message
    assert "secret" not in problem.message


def test_a_linked_skill_has_no_problem_and_is_not_public(linked_skill: Path) -> None:
    assert verify(linked_skill) == []
    assert set(_told(linked_skill, public=True)) == {CALL, RUNTIME}


def test_a_linked_skill_may_be_reached_through_a_link(linked_skill: Path, tmp_path: Path) -> None:
    _link(tmp_path / "elsewhere" / NAME, linked_skill)
    assert verify(tmp_path / "elsewhere" / NAME) == []


def test_a_listed_link_whose_target_is_gone_is_a_problem(linked_skill: Path) -> None:
    shutil.rmtree(linked_skill.parent / "fal-skill-creator")
    told = _told(linked_skill)
    assert set(told) == {CALL, RUNTIME}
    assert all("leads nowhere" in message for message in told.values())


def test_a_listed_link_with_another_target_is_a_problem(linked_skill: Path) -> None:
    (linked_skill / CALL).unlink()
    _link(linked_skill / CALL, "../../fal-skill-creator/scripts/generate_fal_skill.py")
    told = _told(linked_skill)
    assert set(told) == {CALL}
    assert "not to '../../fal-skill-creator/scripts/fal_api_call.py'" in told[CALL]


def test_an_absolute_link_to_the_right_place_is_a_problem(linked_skill: Path) -> None:
    (linked_skill / CALL).unlink()
    _link(linked_skill / CALL, linked_skill.parent / "fal-skill-creator" / CALL)
    assert set(_told(linked_skill)) == {CALL}


def test_a_copy_in_place_of_a_listed_link_is_a_problem(linked_skill: Path) -> None:
    (linked_skill / CALL).unlink()
    shutil.copy(linked_skill.parent / "fal-skill-creator" / CALL, linked_skill / CALL)
    messages = [one.message for one in verify(linked_skill) if one.path == CALL]
    assert any("is no symbolic link" in message for message in messages)


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ([], "must be an object"),
        ({"SKILL.md": "../other/SKILL.md"}, "must lead to '../fal-skill-creator/SKILL.md'"),
        ({CALL: 7}, "not to 7"),
    ],
)
def test_links_that_share_no_runtime_may_not_be_listed(
    linked_skill: Path, links: object, told: str
) -> None:
    record = json.loads((linked_skill / PROVENANCE).read_text(encoding="utf-8"))
    record["links"] = links
    (linked_skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    found = _told(linked_skill)
    assert told in found[PROVENANCE]
    assert {CALL, RUNTIME} <= set(found)


@pytest.mark.parametrize("mode", ["public", "standalone"])
def test_only_a_skill_in_default_mode_may_list_links(linked_skill: Path, mode: str) -> None:
    record = json.loads((linked_skill / PROVENANCE).read_text(encoding="utf-8"))
    record["options"]["mode"] = mode
    (linked_skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    found = _told(linked_skill)
    assert set(found) == {PROVENANCE, CALL, RUNTIME}
    assert f"a skill in the mode '{mode}' has none" in found[PROVENANCE]
