"""Which skills are found, and what is said of each."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import falsmith
from fal_runtime.errors import UsageError
from falsmith.errors import TargetError
from falsmith.skill.installed import Installed, find, linked_by, locate
from falsmith.skill.remove import plan_removal, remove

if TYPE_CHECKING:
    from tests.skill.conftest import Project


Contents = Callable[[Path], dict[str, bytes | str]]


def found_in(*folders: Path) -> dict[str, Installed]:
    skills = [one for one in find(folders) if isinstance(one, Installed)]
    return {one.folder.name: one for one in skills}


def change_record(skill: Path, **changes: object) -> None:
    record = skill / "references/provenance.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | changes))


def test_each_skill_is_found_with_model_mode_and_version(project: "Project") -> None:
    skills = found_in(project.linked.parent)

    assert list(skills) == ["acme-alone", "acme-linked", "fal-skill-creator"]
    told = [(one.model_id, one.mode, one.lazy, one.version) for one in skills.values()]
    assert told == [
        ("acme/alone", "public", False, falsmith.__version__),
        ("acme/linked", "default", True, falsmith.__version__),
        (None, None, False, falsmith.__version__),
    ]
    assert {one.freshness for one in skills.values()} == {"current"}


def test_what_users_add_leaves_a_skill_current(project: "Project") -> None:
    (project.alone / "references/guide.md").write_text("Ours.")
    (project.alone / "notes.txt").write_text("Ours.")
    (project.alone / "scripts/__pycache__").mkdir()

    assert found_in(project.alone.parent)["acme-alone"].freshness == "current"


@pytest.mark.parametrize(
    ("version", "freshness"),
    [("0.0.9", "older version"), ("99.0.0", "newer version"), ("", "older version")],
)
def test_another_version_is_reported(project: "Project", version: str, freshness: str) -> None:
    change_record(project.alone, falsmith=version)

    assert found_in(project.alone.parent)["acme-alone"].freshness == freshness


def test_edited_files_are_named(project: "Project") -> None:
    (project.alone / "SKILL.md").write_text("Mine.")
    wrapper = project.alone / "scripts/acme_alone.py"
    wrapper.unlink()
    wrapper.symlink_to("fal_api_call.py")
    skill = found_in(project.alone.parent)["acme-alone"]

    assert skill.freshness == "edited"
    assert list(map(str, skill.edited)) == ["SKILL.md", "scripts/acme_alone.py"]


def test_missing_files_make_a_skill_incomplete(project: "Project") -> None:
    (project.alone / "SKILL.md").unlink()
    skill = found_in(project.alone.parent)["acme-alone"]

    assert (skill.freshness, list(map(str, skill.missing))) == ("incomplete", ["SKILL.md"])


def test_links_into_a_creator_that_is_gone_are_broken(project: "Project") -> None:
    shutil.rmtree(project.creator)
    skills = found_in(project.linked.parent)

    assert skills["acme-linked"].freshness == "broken link"
    assert list(map(str, skills["acme-linked"].broken_links)) == [
        "scripts/fal_api_call.py",
        "scripts/fal_runtime",
        "scripts/queue_client.py",
        "scripts/queue_daemon.py",
        "scripts/queue_protocol.py",
    ]
    assert skills["acme-alone"].freshness == "current"


def test_a_link_that_was_led_elsewhere_is_edited(project: "Project") -> None:
    link = project.linked / "scripts/fal_runtime"
    link.unlink()
    link.symlink_to("../references")

    assert found_in(project.linked.parent)["acme-linked"].freshness == "edited"


@pytest.mark.parametrize("path", ["../outside.txt", "{}/outside.txt", "linked/outside.txt"])
def test_a_record_leads_nobody_out_of_the_folder(project: "Project", path: str) -> None:
    skills = project.alone.parent
    (skills / "outside.txt").write_text("secret")
    (project.alone / "linked").symlink_to(skills)
    told = path.format(skills)
    change_record(project.alone, files={told: hashlib.sha256(b"secret").hexdigest()})

    assert list(map(str, found_in(skills)["acme-alone"].edited)) == [told]
    remove(plan_removal(project.alone, force=True))
    assert (skills / "outside.txt").read_text() == "secret"


def test_a_device_in_the_place_of_a_file_is_not_read(project: "Project") -> None:
    (project.alone / "SKILL.md").unlink()
    os.mkfifo(project.alone / "SKILL.md")

    assert found_in(project.alone.parent)["acme-alone"].freshness == "edited"


def test_foreign_folders_and_broken_records_are_not_skills_of_falsmith(project: "Project") -> None:
    foreign = project.alone.parent / "foreign"
    foreign.mkdir()
    (foreign / "SKILL.md").write_text("---\nname: foreign\n---\n")
    (project.alone / "references/provenance.json").write_text("{")

    assert list(found_in(project.alone.parent)) == ["acme-linked", "fal-skill-creator"]


def test_a_folder_may_be_a_skill_itself(project: "Project") -> None:
    assert list(found_in(project.alone)) == ["acme-alone"]


def test_a_skill_that_two_folders_reach_comes_once(project: "Project", tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "acme-alone").symlink_to(project.alone)

    found = [
        one.folder for one in find([second, project.alone.parent]) if isinstance(one, Installed)
    ]
    assert found[0] == second / "acme-alone"
    assert [folder.name for folder in found].count("acme-alone") == 1


def test_no_folder_holds_no_skills(tmp_path: Path) -> None:
    assert list(find([tmp_path / "none"])) == []


def test_a_place_that_cannot_be_read_is_named_and_the_others_come(
    project: "Project",
) -> None:
    # Permissions do not hold for every user that runs tests: a name too long fails for all.
    change_record(project.alone, files={"x" * 300 + "/file": "0" * 64})

    results = list(find([Path("y" * 300), project.alone.parent]))
    errors = [str(one) for one in results if isinstance(one, TargetError)]
    assert ["cannot read yyy" in errors[0], "acme-alone/xxx" in errors[1]] == [True, True]
    assert list(found_in(project.alone.parent)) == ["acme-linked", "fal-skill-creator"]
    assert linked_by(project.creator) == ["acme-linked"]


def test_a_name_is_looked_for_in_every_folder(project: "Project") -> None:
    skills = Path(".claude/skills")

    assert locate("acme-alone", [Path(".agents/skills"), skills]) == project.alone
    assert locate(".claude/skills/acme-alone/", []) == project.alone
    assert locate("./.claude/../.claude/skills/acme-alone", []) == project.alone.resolve()


def test_a_path_through_a_link_means_what_the_system_means(
    project: "Project", tmp_path: Path
) -> None:
    (tmp_path / "elsewhere/skills").mkdir(parents=True)
    (project.folder / "away").symlink_to(tmp_path / "elsewhere/skills")
    (tmp_path / "elsewhere/acme-alone").mkdir()

    assert locate("away/../acme-alone", []) == (tmp_path / "elsewhere/acme-alone").resolve()


def test_a_name_in_two_folders_must_be_made_clear(project: "Project") -> None:
    Path(".agents/skills/acme-alone").mkdir(parents=True)

    with pytest.raises(UsageError, match="--agent") as error:
        locate("acme-alone", [Path(".claude/skills"), Path(".agents/skills")])
    assert ".claude/skills, .agents/skills" in str(error.value)


@pytest.mark.parametrize(
    ("skill", "told"),
    [
        ("acme-alonee", "close to it: acme-alone"),
        ("acme-alonee", "--output names another folder"),
        ("", "falsmith list"),
        ("x" * 400, "falsmith list"),
        ("fal-ai/flux/dev", "nothing at fal-ai/flux/dev"),
    ],
)
def test_what_is_not_there_is_said_with_a_way_on(project: "Project", skill: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        locate(skill, [Path(".claude/skills")])


def test_the_skills_that_link_to_another_are_known(project: "Project") -> None:
    assert linked_by(project.creator) == ["acme-linked"]
    assert linked_by(Path(".claude/skills/fal-skill-creator")) == ["acme-linked"]
    assert linked_by(project.alone) == []
    for place in (project.linked / "scripts").iterdir():
        if place.is_symlink():
            place.unlink()
    assert linked_by(project.creator) == []
