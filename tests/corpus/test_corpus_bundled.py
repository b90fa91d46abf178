"""The bundled documents say what the platform's own documents say, and in other words."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from falsmith.catalog.bundled import bundled_documents, bundled_ids
from falsmith.documents import Documents, load_json

pytestmark = pytest.mark.corpus

TEXTS = frozenset({"description", "title", "examples", "limit_description"})
PAGES = frozenset({"about", "thumbnailUrl", "playgroundUrl", "documentationUrl"})
LITERAL = frozenset({"default", "enum", "const", "x-fal", "ui"})
METADATA = ("display_name", "category", "status", "kind", "license_type", "date", "tags", "group")
COPIED_LENGTH = 30


@pytest.fixture(scope="module")
def listed(corpus_folder: Path) -> dict[str, dict[str, Any]]:
    entries = _read(corpus_folder / "models.json")
    return {entry["endpoint_id"]: entry["metadata"] for entry in entries}


@pytest.fixture(params=bundled_ids())
def documents(request: pytest.FixtureRequest) -> Documents:
    found = bundled_documents(request.param)
    assert found is not None
    return found


def test_the_facts_of_the_document_are_the_platforms(
    documents: Documents, corpus_folder: Path
) -> None:
    theirs = _original(documents, corpus_folder)
    assert _facts(documents.openapi) == _facts(theirs)
    assert len(str(_facts(theirs))) > 2000


def test_no_sentence_is_the_platforms(
    documents: Documents, corpus_folder: Path, listed: dict[str, dict[str, Any]]
) -> None:
    theirs = _text(_original(documents, corpus_folder)) + _text(listed.get(documents.model_id, {}))
    ours = {text for text in _sentences(documents.openapi) if len(text) > COPIED_LENGTH}
    ours.add(_plain(documents.metadata["description"]))
    assert len(ours) > 10
    assert [text for text in sorted(ours) if text in theirs] == []


def test_the_facts_of_the_metadata_are_the_platforms(
    documents: Documents, listed: dict[str, dict[str, Any]]
) -> None:
    theirs = listed.get(documents.model_id)
    if theirs is None:
        pytest.skip(f"the corpus has no list entry of {documents.model_id}")
    ours = {name: documents.metadata.get(name) for name in METADATA}
    assert ours == {name: theirs.get(name) for name in METADATA}


def _original(documents: Documents, corpus_folder: Path) -> Any:
    path = corpus_folder / "openapi" / f"{documents.model_id.replace('/', '__')}.json"
    if not path.is_file():
        pytest.skip(f"the corpus has no document of {documents.model_id}")
    return _read(path)


def _read(path: Path) -> Any:
    return load_json(path.read_bytes(), path.name)


def _facts(value: Any) -> Any:
    """Return the value without prose; inside `properties` the keys are names, not keywords."""
    if isinstance(value, list):
        return [_facts(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: item for key, item in value.items() if key not in TEXTS | PAGES}
    return {key: _fact(key, item) for key, item in kept.items()}


def _fact(key: str, value: Any) -> Any:
    if key in LITERAL:
        return value
    if key == "properties":
        return {name: _facts(schema) for name, schema in value.items()}
    return _facts(value)


def _sentences(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in LITERAL:
                yield from _sentences(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _sentences(item, key)
    elif isinstance(value, str) and " " in value:
        yield _plain(value)


def _text(value: Any) -> str:
    return "\n".join(_sentences(value))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()
