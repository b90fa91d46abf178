"""One model, once through: what is written, and what is left alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fal_runtime.errors import FalError
from falsmith.documents import Documents
from falsmith.errors import SkillNameError, TargetError
from falsmith.generate import generate
from falsmith.render import Options

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
