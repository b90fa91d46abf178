"""Every real document becomes a public skill that passes falsmith's own rules and skills-ref's."""

import os
from pathlib import Path

import pytest
from skills_ref import validate

from falsmith.catalog.saved import SavedSource
from falsmith.documents import Documents
from falsmith.generate import generate
from falsmith.render import Options
from falsmith.verify import verify

CORPUS = os.environ.get("FALSMITH_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(CORPUS is None, reason="FALSMITH_CORPUS names no folder of documents"),
]


@pytest.mark.parametrize("lazy", [False, True], ids=["full", "lazy"])
def test_every_public_skill_is_sound(tmp_path: Path, lazy: bool) -> None:
    wrong: list[str] = []
    made = 0
    for documents in SavedSource(Path(str(CORPUS)) / "openapi").all():
        assert isinstance(documents, Documents)
        skill = generate(documents, Options("public", lazy), tmp_path)
        wrong += [f"{skill.name}/{one.path}: {one.message}" for one in verify(skill.folder)]
        wrong += [f"{skill.name}: {problem}" for problem in validate(skill.folder)]
        made += 1

    assert wrong == []
    assert made >= 1_000
