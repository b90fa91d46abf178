"""The folder of real documents that FALSMITH_CORPUS names, read once for all its tests."""

import os
from pathlib import Path

import pytest

from falsmith.catalog.saved import SavedSource
from falsmith.documents import Documents


@pytest.fixture(scope="session")
def corpus_folder() -> Path:
    """Return the folder of real documents; skip where there is none."""
    folder = os.environ.get("FALSMITH_CORPUS")
    if not folder:
        pytest.skip("FALSMITH_CORPUS is not set: it names the folder of real documents")
    return Path(folder)


@pytest.fixture(scope="session")
def corpus_documents(corpus_folder: Path) -> tuple[Documents, ...]:
    """Return the documents of every model, with their list metadata; none may be unreadable."""
    found = SavedSource(corpus_folder)
    listed = {
        one.model_id
        for one in SavedSource(corpus_folder / "openapi").all()
        if isinstance(one, Documents)
    }
    documents = [one for one in found.all() if isinstance(one, Documents)]
    assert {one.model_id for one in documents} == listed
    assert len(documents) >= 1_080
    return tuple(documents)
