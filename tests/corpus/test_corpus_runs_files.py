import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.output.files import links, result_files
from falsmith.schema.resolve import output_schema

CORPUS = os.environ.get("FALSMITH_CORPUS", "")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS, reason="FALSMITH_CORPUS does not name the corpus"),
]


def recorded() -> list[dict[str, Any]]:
    runs = sorted(Path(CORPUS, "runs").glob("*.json")) if CORPUS else []
    return [call for run in runs for call in json.loads(run.read_text(encoding="utf-8"))]


def schema_of(model_id: str) -> dict[str, Any] | None:
    document = Path(CORPUS, "openapi", f"{model_id.replace('/', '__')}.json")
    if not document.exists():
        return None
    schema: Any = output_schema(json.loads(document.read_text(encoding="utf-8")), model_id).schema
    return schema if isinstance(schema, dict) else None


def urls(value: Any) -> Iterator[str]:
    """Yield every link of fal's file hosts in its order: the files, found another way."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from urls(part)
    elif isinstance(value, str) and "fal.media/" in value and value.startswith("https://"):
        yield value


@pytest.mark.parametrize("call", recorded(), ids=lambda call: str(call["url"]))
@pytest.mark.parametrize("guided", [True, False])
def test_every_recorded_output_yields_its_files(call: dict[str, Any], guided: bool) -> None:
    model_id = call["url"].removeprefix("https://fal.run/")
    body, sent = call["response_body"], frozenset(links(call["request_body"]))
    files = result_files(body, schema_of(model_id) if guided else None, sent)
    assert [file.url for file in files] == [
        url for url in dict.fromkeys(urls(body)) if url not in sent
    ]
    expected = {"-to-image": "image", "-to-video": "video", "image-edit": "image"}
    for ending, kind in expected.items():
        if model_id.endswith(ending):
            assert kind in {file.kind for file in files}


def test_recordings_are_there() -> None:
    assert len(recorded()) >= 25
