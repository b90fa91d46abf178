"""Skills to hand on: two that link to the creator's runtime, one of them a collection, and one
that carries its own.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.documents import CollectionDocuments, Documents
from falsmith.generate import generate, share_runtime
from falsmith.publish.bundle import BundleRequest
from falsmith.publish.details import Details
from falsmith.render import Options

LINKED, ALONE, CREATOR = "acme-linked", "acme-alone", "fal-skill-creator"
COLLECTION = "acme-twenty"
DETAILS = Details("acme-media", "1.2.0", "Acme Studio")


@pytest.fixture(scope="session")
def pristine(
    model_documents: Callable[..., Documents],
    twenty: CollectionDocuments,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder of four skills, made once and changed by nobody."""
    skills = tmp_path_factory.mktemp("pristine")
    assert share_runtime(skills) is not None
    generate(model_documents(model_id="acme/linked"), Options(), skills)
    generate(model_documents(model_id="acme/alone"), Options("standalone", lazy=True), skills)
    generate(twenty, Options(name=COLLECTION), skills)
    return skills


@pytest.fixture(scope="session")
def twenty(model_documents: Callable[..., Documents]) -> CollectionDocuments:
    """The documents of twenty models that become one skill."""
    names = [f"model-{number}" for number in range(20)]
    return CollectionDocuments({one: model_documents(model_id=f"acme/{one}") for one in names})


@pytest.fixture
def skills(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the skills in a project, which is the current folder."""
    folder = tmp_path / "project/.claude/skills"
    shutil.copytree(pristine, folder, symlinks=True)
    monkeypatch.chdir(tmp_path / "project")
    return folder


@pytest.fixture
def request_for(skills: Path, tmp_path: Path) -> Callable[..., BundleRequest]:
    """Return what makes a request for a bundle of the collection and the two models' skills."""

    def make(*formats: str, **changes: object) -> BundleRequest:
        asked: dict[str, object] = {
            "folders": (skills / ALONE, skills / LINKED, skills / COLLECTION),
            "output": tmp_path / "dist",
            "formats": formats,
            "details": DETAILS,
            "handed_on": frozenset(),
            "allow_edited": False,
            "generate": None,
        }
        return BundleRequest(**(asked | changes))  # type: ignore[arg-type]

    return make
