"""A project with a skill that links to the creator skill, and one that stands alone."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from falsmith.documents import Documents
from falsmith.generate import generate, share_runtime
from falsmith.render import Options


@dataclass(frozen=True, slots=True)
class Project:
    """Where the skills of a project stand."""

    folder: Path
    linked: Path
    alone: Path
    creator: Path


@pytest.fixture(scope="session")
def pristine(
    model_documents: Callable[..., Documents], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a folder of three skills, made once and changed by nobody."""
    skills = tmp_path_factory.mktemp("pristine")
    assert share_runtime(skills) is not None
    generate(model_documents(model_id="acme/linked"), Options(lazy=True), skills)
    generate(model_documents(model_id="acme/alone"), Options("public"), skills)
    return skills


@pytest.fixture
def project(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project whose `.claude/skills` holds the skills; it is the current folder."""
    skills = tmp_path / "project/.claude/skills"
    shutil.copytree(pristine, skills, symlinks=True)
    monkeypatch.chdir(tmp_path / "project")
    return Project(
        tmp_path / "project",
        skills / "acme-linked",
        skills / "acme-alone",
        skills / "fal-skill-creator",
    )


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes | str]]:
    """Return what reads a folder: the bytes of each file, the target of each link."""

    def read(folder: Path) -> dict[str, bytes | str]:
        return {
            path.relative_to(folder).as_posix(): str(path.readlink())
            if path.is_symlink()
            else path.read_bytes()
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }

    return read
