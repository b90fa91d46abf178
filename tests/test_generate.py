"""One model, once through: what is written, and what is left alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fal_runtime.errors import FalError
from falsmith.documents import Documents
from falsmith.errors import SkillNameError, TargetError
from falsmith.generate import generate
from falsmith.render import Options
from falsmith.skill.remove import plan_removal, remove

Build = Callable[..., Documents]


@pytest.fixture
def documents(model_documents: Build) -> Documents:
    """Return the documents of a small model."""
    return model_documents()


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_skill_is_written_and_a_second_run_changes_nothing(
    documents: Documents, tmp_path: Path
) -> None:
    first = generate(documents, Options("standalone"), tmp_path / "new/skills")
    before = contents(first.folder)
    second = generate(documents, Options("standalone"), tmp_path / "new/skills")

    assert first.folder == tmp_path / "new/skills/acme-demo"
    assert {one.kind for one in first.drift} == {"missing"}
    assert second.drift == ()
    assert contents(first.folder) == before
    assert before.keys() == {str(path) for path in first.files}
    assert [path.name for path in (tmp_path / "new/skills").iterdir()] == ["acme-demo"]


def test_a_changed_document_makes_the_skill_stale_and_the_next_run_renews_it(
    documents: Documents, model_documents: Build, tmp_path: Path
) -> None:
    generate(documents, Options("standalone"), tmp_path)
    changed = model_documents({"type": "object", "properties": {"text": {"type": "string"}}})
    checked = generate(changed, Options("standalone"), tmp_path, action="check")
    generate(changed, Options("standalone"), tmp_path)

    assert {one.kind for one in checked.drift} == {"stale"}
    assert "references/input.schema.json" in {str(one.path) for one in checked.drift}
    assert generate(changed, Options("standalone"), tmp_path, action="check").drift == ()


def test_leaving_lazy_mode_removes_the_reference_that_only_it_has(
    documents: Documents, tmp_path: Path
) -> None:
    folder = generate(documents, Options("standalone", lazy=True), tmp_path).folder
    reference = folder / "references/tools/acme-demo.yaml"
    assert reference.is_file()

    generate(documents, Options("standalone"), tmp_path)

    assert not reference.exists()


@pytest.mark.parametrize("inside", ["scripts", "SKILL.md"])
def test_a_wrong_kind_of_thing_inside_a_skill_is_an_edit(
    inside: str, documents: Documents, tmp_path: Path
) -> None:
    folder = generate(documents, Options("standalone"), tmp_path).folder
    if inside == "scripts":
        (folder / inside).rename(folder / "gone")
        (folder / inside).write_text("a file")
    else:
        (folder / inside).unlink()
        (folder / inside).mkdir()
        (folder / inside / "mine").touch()

    with pytest.raises(TargetError, match=inside) as caught:
        generate(documents, Options("standalone"), tmp_path)
    assert caught.value.code == "edited"
    with pytest.raises(FalError) as forced:
        generate(documents, Options("standalone"), tmp_path, force=True)
    assert forced.value.code == ("local_trouble" if inside == "scripts" else "edited")


def test_a_name_that_cannot_be_used_writes_nothing(documents: Documents, tmp_path: Path) -> None:
    with pytest.raises(SkillNameError):
        generate(documents, Options("standalone", name="../escape"), tmp_path / "skills")

    assert list(tmp_path.iterdir()) == []


def test_warnings_about_the_document_are_passed_on(model_documents: Build, tmp_path: Path) -> None:
    odd = model_documents({"type": "object", "properties": {"a": {"type": "text"}}})

    assert generate(odd, Options("standalone"), tmp_path).warnings == (
        "input.a: has an unknown type; any type is allowed",
    )


@pytest.mark.parametrize("lazy", [False, True])
def test_the_users_own_files_are_linked_and_never_written(
    documents: Documents, tmp_path: Path, lazy: bool
) -> None:
    options = Options("standalone", lazy=lazy)
    folder = generate(documents, options, tmp_path).folder
    mine = {name: folder / "references" / name for name in ("guide.md", "defaults.yaml")}
    for place in mine.values():
        place.write_text("mine\n")
    before = generate(documents, options, tmp_path, action="check").drift
    generate(documents, options, tmp_path, force=True)
    text = (folder / "SKILL.md").read_text()

    assert [(one.kind, str(one.path)) for one in before] == [
        ("stale", "SKILL.md"),
        ("stale", "references/provenance.json"),
    ]
    assert all(f"(references/{name})" in text for name in mine)
    assert [place.read_text() for place in mine.values()] == ["mine\n", "mine\n"]


def test_changed_settings_stay_as_they_are(documents: Documents, tmp_path: Path) -> None:
    settings = generate(documents, Options("standalone"), tmp_path).folder / "queue_config.yaml"
    settings.write_text("max_concurrent: 1\n")
    checked = generate(documents, Options("standalone"), tmp_path, action="check")
    generate(documents, Options("standalone", lazy=True), tmp_path, force=True)

    assert checked.drift == ()
    assert settings.read_text() == "max_concurrent: 1\n"


def test_what_a_removal_left_of_the_users_is_in_no_ones_way(
    documents: Documents, tmp_path: Path
) -> None:
    folder = generate(documents, Options("standalone"), tmp_path).folder
    mine = {"queue_config.yaml": "max_concurrent: 1\n", "references/guide.md": "Mine.\n"}
    for path, text in mine.items():
        (folder / path).write_text(text)
    remove(plan_removal(folder))
    generate(documents, Options("standalone"), tmp_path)

    assert {path: (folder / path).read_text() for path in mine} == mine
    assert generate(documents, Options("standalone"), tmp_path, action="check").drift == ()


def test_a_folder_of_someone_else_is_refused_and_left_as_it_is(
    documents: Documents, tmp_path: Path
) -> None:
    folder = tmp_path / "acme-demo"
    folder.mkdir()
    (folder / "SKILL.md").write_text("hand made")

    with pytest.raises(TargetError, match="not a skill of falsmith") as caught:
        generate(documents, Options("standalone"), tmp_path)
    assert caught.value.exit_status == 2
    assert contents(folder) == {"SKILL.md": b"hand made"}


def test_the_skill_of_another_model_is_refused_and_named(
    documents: Documents, model_documents: Build, tmp_path: Path
) -> None:
    folder = generate(documents, Options("standalone"), tmp_path).folder
    before = contents(folder)

    with pytest.raises(TargetError, match="the skill of acme/demo"):
        generate(
            model_documents(model_id="acme-demo/x"),
            Options("standalone", name="acme-demo"),
            tmp_path,
        )
    assert contents(folder) == before


def test_force_takes_a_folder_over(
    documents: Documents, model_documents: Build, tmp_path: Path
) -> None:
    generate(documents, Options("standalone"), tmp_path)
    other = model_documents(model_id="acme/other")
    generate(other, Options("standalone", name="acme-demo"), tmp_path, force=True)

    assert (
        generate(other, Options("standalone", name="acme-demo"), tmp_path, action="check").drift
        == ()
    )


def test_an_empty_folder_and_the_users_guide_alone_are_no_obstacle(
    documents: Documents, tmp_path: Path
) -> None:
    (tmp_path / "acme-demo/references").mkdir(parents=True)
    (tmp_path / "acme-demo/references/guide.md").write_text("mine")
    folder = generate(documents, Options("standalone"), tmp_path).folder

    assert (folder / "references/guide.md").read_text() == "mine"
    assert (folder / "SKILL.md").is_file()


@pytest.mark.parametrize("force", [False, True])
def test_a_link_in_the_skills_place_is_refused_even_by_force(
    force: bool, documents: Documents, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "acme-demo").symlink_to(tmp_path / "outside", target_is_directory=True)

    with pytest.raises(TargetError, match="symbolic link"):
        generate(documents, Options("standalone"), tmp_path, force=force)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_linked_folder_inside_is_refused_and_by_force_replaced_not_followed(
    documents: Documents, tmp_path: Path
) -> None:
    skills, outside = tmp_path / "skills", tmp_path / "outside"
    folder = generate(documents, Options("standalone"), skills).folder
    (folder / "agents").rename(outside)
    (folder / "agents").symlink_to(outside, target_is_directory=True)
    before = contents(outside)

    with pytest.raises(TargetError, match=r"agents/openai\.yaml"):
        generate(documents, Options("standalone"), skills)
    generate(documents, Options("standalone"), skills, force=True)

    assert contents(outside) == before
    assert not (folder / "agents").is_symlink()


def test_a_link_in_a_public_skill_is_refused(documents: Documents, tmp_path: Path) -> None:
    folder = generate(documents, Options("public"), tmp_path).folder
    (folder / "notes").symlink_to(tmp_path, target_is_directory=True)

    with pytest.raises(TargetError, match=r"no symbolic links.*notes"):
        generate(documents, Options("public"), tmp_path)
    assert generate(documents, Options("standalone"), tmp_path).drift


def test_a_public_skill_is_not_made_around_a_link_in_the_place_of_its_settings(
    documents: Documents, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text("max_concurrent: 1\n")
    settings = tmp_path / "acme-demo" / "queue_config.yaml"
    settings.parent.mkdir()
    settings.symlink_to(tmp_path / "mine.yaml")

    with pytest.raises(TargetError, match=r"no symbolic links.*queue_config"):
        generate(documents, Options("public"), tmp_path)
    assert [*settings.parent.iterdir()] == [settings]
