"""Answers of real models: they fit the output schema, and their files are there."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from falsmith.catalog.bundled import bundled_documents, bundled_ids
from falsmith.documents import Documents
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.responses import completed
from falsmith.emulator.state import open_state
from falsmith.emulator.storage import FileStore
from falsmith.sample import Sampler

ORIGIN = "http://cdn.test"


def links(value: Any) -> Iterator[str]:
    """Yield every text of an answer that is a link."""
    if isinstance(value, str) and value.startswith(("http://", "https://")):
        yield value
    for part in value.values() if isinstance(value, dict) else ():
        yield from links(part)
    for part in value if isinstance(value, list) else ():
        yield from links(part)


def check_answer(documents: Documents) -> None:
    """Check the answer to a sample input: valid, and every link in it leads to bytes."""
    endpoint, files = Endpoint(documents), FileStore(open_state(None), ORIGIN)
    inputs = Sampler(endpoint.input.schema).value(endpoint.input.schema)
    body = completed(
        endpoint, inputs if isinstance(inputs, dict) else {}, files.publish, files.load, b"chance"
    ).body
    problems = list(Draft202012Validator(endpoint.output.schema).iter_errors(body))
    assert not problems, (documents.model_id, problems[0].message)
    found, contents = list(links(body)), set()
    assert len(found) == len(set(found)), (documents.model_id, found)
    for link in found:
        stored = files.find(link.removeprefix(ORIGIN))
        assert stored is not None and stored.data, (documents.model_id, link)
        contents.add(stored.data)
    assert len(contents) == len(found), (documents.model_id, found)
    files.rows.close()


@pytest.mark.parametrize("model_id", bundled_ids())
def test_a_bundled_model_answers_by_its_own_schema(model_id: str) -> None:
    documents = bundled_documents(model_id)
    assert documents is not None
    check_answer(documents)


@pytest.mark.corpus
def test_every_model_of_the_corpus_answers_by_its_own_schema() -> None:
    folder = os.environ.get("FALSMITH_CORPUS")
    if not folder:
        pytest.skip("FALSMITH_CORPUS does not name a folder")
    files = sorted(Path(folder, "openapi").glob("*.json"))
    assert files
    for file in files:
        document = json.loads(file.read_bytes())
        check_answer(Documents(file.stem.replace("__", "/"), {}, document))
