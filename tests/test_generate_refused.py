"""Places that are not ours: refused by name, and left as they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.documents import Documents
from falsmith.errors import TargetError
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
