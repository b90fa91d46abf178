"""What a removal takes, what it leaves, and what it refuses."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fal_runtime.errors import UsageError
from falsmith.errors import TargetError
from falsmith.skill.installed import Installed, find
from falsmith.skill.provenance import read_provenance
from falsmith.skill.remove import plan_removal, remove

if TYPE_CHECKING:
    from tests.skill.conftest import Project


Contents = Callable[[Path], dict[str, bytes | str]]


def test_an_untouched_skill_goes_with_its_folder_and_nothing_else(
    project: "Project", contents: Contents
) -> None:
    creator = contents(project.creator)
    (project.linked / "scripts/__pycache__").mkdir()
    (project.linked / "scripts/__pycache__/x.pyc").write_bytes(b"")
    (project.linked / ".DS_Store").write_bytes(b"")
    (project.linked / "references/.falsmith-1-SKILL.md").write_bytes(b"")
    remove(plan_removal(project.linked))

    assert not project.linked.exists()
    assert contents(project.creator) == creator
    assert project.alone.is_dir()


def test_what_the_user_edited_and_added_stays(project: "Project", contents: Contents) -> None:
    (project.alone / "SKILL.md").write_text("Mine.")
    (project.alone / "references/guide.md").write_text("Mine.")
    (project.alone / "references/defaults.yaml").write_text("defaults: {}")
    (project.alone / "assets").mkdir()
    (project.alone / "assets/notes.txt").write_text("Mine.")
    removal = plan_removal(project.alone)
    remove(removal)

    assert {str(one.path): one.why for one in removal.kept} == {
        "SKILL.md": "edited",
        "assets/notes.txt": "added",
        "references/defaults.yaml": "added",
        "references/guide.md": "added",
    }
    assert contents(project.alone).keys() == {str(one.path) for one in removal.kept}
    assert not (project.alone / "scripts").exists()
    names = [one.folder.name for one in find([project.alone.parent]) if isinstance(one, Installed)]
    assert "acme-alone" not in names


def test_copies_in_the_place_of_links_are_no_work_of_the_user(
    project: "Project", tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project.creator.parent, copy)
    skill = copy / project.linked.name
    (found,) = [one for one in find([skill]) if isinstance(one, Installed)]

    assert (found.freshness, plan_removal(skill).kept) == ("current", ())
    (skill / "scripts/fal_runtime/model.py").write_text("Mine.")
    (skill / "scripts/fal_runtime/own.py").write_text("Mine.")
    (skill / "scripts/fal_runtime/config.py").unlink()
    (found,) = [one for one in find([skill]) if isinstance(one, Installed)]
    assert list(map(str, found.edited)) == ["scripts/fal_runtime/model.py"]
    assert list(map(str, found.missing)) == ["scripts/fal_runtime/config.py"]
    removal = plan_removal(skill)
    remove(removal)
    assert {str(one.path): one.why for one in removal.kept} == {
        "scripts/fal_runtime/model.py": "edited",
        "scripts/fal_runtime/own.py": "added",
    }


@pytest.mark.parametrize("part", ["files", "writing", "links"])
@pytest.mark.parametrize(
    "told",
    [
        {"SKILL.md": "../alone\0"},
        {"SKILL.md\0": "../acme-alone"},
        {"SKILL.md\ud800": "../acme\ud800"},
        {"x" * 5000: "../acme-alone"},
        {"SKILL.md": f"../{'x' * 5000}"},
        {"SKILL.md": "/etc/passwd", "scripts": "../../..", "references": ".."},
    ],
)
def test_a_record_of_odd_names_leads_to_no_crash(
    project: "Project", part: str, told: dict[str, str]
) -> None:
    record = project.alone / "references/provenance.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {part: told}))
    before = read_provenance(project.alone)

    assert before is not None
    assert [path for path in before.contents if "\0" in path or "\ud800" in path] == []
    assert len(list(find([project.alone]))) == 1
    remove(plan_removal(project.alone, force=True))
    assert not project.alone.exists()


def test_force_takes_all_of_it(project: "Project") -> None:
    (project.alone / "SKILL.md").write_text("Mine.")
    (project.alone / "references/guide.md").write_text("Mine.")
    (project.alone / "empty/folder").mkdir(parents=True)
    removal = plan_removal(project.alone, force=True)
    remove(removal)

    assert removal.kept == ()
    assert not project.alone.exists()


@pytest.mark.parametrize("force", [False, True])
def test_links_are_never_followed(
    project: "Project", contents: Contents, tmp_path: Path, force: bool
) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(project.alone / "scripts", outside)
    before = contents(outside)
    shutil.rmtree(project.alone / "scripts")
    (project.alone / "scripts").symlink_to(outside)
    (project.alone / "more").symlink_to(outside)
    remove(plan_removal(project.alone, force=force))

    assert contents(outside) == before
    assert (project.alone / "scripts").is_symlink() is not force
    assert project.alone.exists() is not force


@pytest.mark.parametrize("part", ["", "references", "references/provenance.json"])
def test_a_link_in_the_place_of_the_skill_or_its_record_is_refused(
    project: "Project", contents: Contents, tmp_path: Path, part: str
) -> None:
    place = project.alone / part
    place.rename(tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    before = contents(tmp_path)

    with pytest.raises(UsageError, match="symbolic link"):
        plan_removal(project.alone, force=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_foreign_folder_is_refused(project: "Project", force: bool) -> None:
    foreign = project.folder / "foreign"
    foreign.mkdir()
    (foreign / "SKILL.md").write_text("---\nname: foreign\n---\n")

    with pytest.raises(UsageError, match="not a skill of falsmith"):
        plan_removal(foreign, force=force)
    with pytest.raises(UsageError, match="not a skill of falsmith"):
        plan_removal(project.folder, force=force)
    with pytest.raises(UsageError, match="is no folder"):
        plan_removal(foreign / "SKILL.md", force=force)


def test_an_empty_folder_is_foreign_too(project: "Project") -> None:
    (project.folder / "empty").mkdir()

    with pytest.raises(UsageError, match="not a skill of falsmith"):
        plan_removal(project.folder / "empty")


def test_the_creator_stays_while_skills_link_to_it(project: "Project") -> None:
    with pytest.raises(UsageError, match=r"1 skill through links: acme-linked\. .*--force"):
        plan_removal(project.creator)
    assert plan_removal(project.creator, force=True).linked_by == ("acme-linked",)
    remove(plan_removal(project.linked))
    remove(plan_removal(project.creator))

    assert not project.creator.exists()


def test_planning_alone_changes_nothing(project: "Project", contents: Contents) -> None:
    before = contents(project.folder)
    plan_removal(project.linked, force=True)

    assert contents(project.folder) == before


class KilledError(Exception):
    """Stands for the end of the process."""


def test_a_removal_that_is_killed_anywhere_can_be_run_again(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.linked / "references/guide.md").write_text("Mine.")
    steps = {"unlink": Path.unlink, "rmtree": shutil.rmtree}
    left = 0

    def allowed(name: str) -> Callable[..., None]:
        def step(*arguments: object, **options: object) -> None:
            nonlocal left
            if left == 0:
                raise KilledError
            left -= 1
            steps[name](*arguments, **options)  # type: ignore[operator]

        return step

    monkeypatch.setattr(Path, "unlink", allowed("unlink"))
    monkeypatch.setattr(shutil, "rmtree", allowed("rmtree"))
    killed = 0
    for budget in range(100):
        left = budget % 3
        try:
            remove(plan_removal(project.linked))
            break
        except KilledError:
            killed += 1

    assert killed > 3
    assert [path.name for path in project.linked.rglob("*")] == ["references", "guide.md"]


def test_a_removal_killed_before_its_last_folders_can_be_run_again(project: "Project") -> None:
    remove(plan_removal(project.linked))
    (project.linked / "references").mkdir(parents=True)
    remove(plan_removal(project.linked))

    assert not project.linked.exists()


def test_trouble_with_the_disk_is_one_error_that_says_what_to_do(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TargetError, match=r"cannot remove .*acme-linked/.*: Permission denied"):
        remove(plan_removal(project.linked))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anywhere")
def test_a_skill_that_cannot_go_as_a_whole_stays_as_a_whole(
    project: "Project", contents: Contents
) -> None:
    before = contents(project.linked)
    project.linked.parent.chmod(0o555)
    try:
        with pytest.raises(TargetError, match=r"skills is read-only. Nothing was removed"):
            remove(plan_removal(project.linked))
    finally:
        project.linked.parent.chmod(0o755)
    assert contents(project.linked) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write anywhere")
@pytest.mark.parametrize("closed", [".", "references/provenance.json"])
def test_a_skill_that_cannot_be_read_is_reported_and_left_alone(
    project: "Project", closed: str
) -> None:
    place = project.linked / closed
    place.chmod(0)
    try:
        found = [one for one in find([project.linked.parent]) if isinstance(one, TargetError)]
        assert [str(one) for one in found] == [f"cannot read {place}: Permission denied"]
        with pytest.raises(UsageError, match=r"provenance.json cannot be read"):
            plan_removal(project.linked)
    finally:
        place.chmod(0o755)
