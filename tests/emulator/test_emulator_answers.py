"""Answers of real models: they fit the output schema, and their files are there."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from falsmith.catalog.bundled import bundled_documents, bundled_ids
from falsmith.documents import Documents
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.media import produce
from falsmith.emulator.order import Order
from falsmith.emulator.responses import completed
from falsmith.emulator.state import open_state
from falsmith.emulator.storage import FileStore
from falsmith.example.sample import Sampler

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


def answer(model_id: str, kind: str, fields: dict[str, Any], **inputs: Any) -> Any:
    """Return what a model answers that makes one file of `kind` with these fields, and a seed."""

    def content(schema: dict[str, Any]) -> dict[str, Any]:
        return {"application/json": {"schema": schema}}

    whole = {"type": "integer"}
    wanted = {"prompt": {"type": "string"}, "seed": whole, "video_url": {"type": "string"}}
    made = {"type": "object", "properties": {"url": {"type": "string"}, **fields}}
    body = content({"type": "object", "properties": wanted})
    result = content({"type": "object", "properties": {kind: made, "seed": whole}})
    paths = {
        f"/{model_id}": {"post": {"requestBody": {"content": body}}},
        f"/{model_id}/requests/{{request_id}}": {
            "get": {"responses": {"200": {"content": result}}}
        },
    }
    metadata = {"category": f"{kind}-to-{kind}"}
    endpoint = Endpoint(Documents(model_id, metadata, {"openapi": "3.0.4", "paths": paths}))
    with closing(open_state(None)) as rows:
        files = FileStore(rows, ORIGIN)
        film = produce("video", "video", Order(64, 48, 3.0), bytes(32))
        inputs |= {"video_url": files.publish(film, "film")} if kind == "video" else {}
        return completed(endpoint, inputs, files.publish, files.load, os.urandom(8)).body


def test_pictures_leave_open_what_real_answers_leave_open_if_the_document_lets_them() -> None:
    loose = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    fields = dict.fromkeys(("width", "height", "file_size"), loose)
    found = set()
    for number in range(20):
        shown = answer(f"acme/model-{number}", "image", fields)["image"]
        found.add(tuple(sorted(name for name in fields if shown[name] is None)))
    assert found == {(), ("height", "width"), ("file_size", "height", "width"), ("file_size",)}


def test_without_a_seed_each_answer_has_another_seed() -> None:
    def seeds(**inputs: Any) -> set[int]:
        return {answer("acme/paint", "image", {}, **inputs)["seed"] for _ in range(4)}

    assert len(seeds()) == len(seeds(seed=None)) == len(seeds(seed=-1)) == 4
    assert seeds(seed=7) == {7}


def test_a_video_lasts_as_long_as_the_one_that_went_in() -> None:
    told = answer("acme/film", "video", {"duration": {"type": "number"}})
    assert told["video"]["duration"] == 3.0
