"""The whole real catalogue: synced from a local platform, then searched with it stopped."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_runtime.config import load_config
from falsmith.catalog.cache import Cache
from falsmith.catalog.query import Query
from falsmith.catalog.sync import sync
from falsmith.documents import Documents, ListEntry
from falsmith.emulator import Emulator
from falsmith.platform import Platform
from falsmith.sources import Cached

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def documents(corpus_documents: tuple[Documents, ...]) -> dict[str, Documents]:
    return {one.model_id: one for one in corpus_documents}


@pytest.fixture(scope="module")
def cache(documents: dict[str, Documents], tmp_path_factory: pytest.TempPathFactory) -> Cache:
    """Return what a sync leaves; the platform that it asked is stopped."""
    cache = Cache(tmp_path_factory.mktemp("cache") / "catalog.db", pytest.fail)
    with Emulator(list(documents.values())) as emulator:
        config = load_config(None, emulator.environment)
        with httpx.Client(trust_env=False) as client:
            last = [*sync(Platform(client, config), cache, pytest.fail)][-1]
    assert (last.done, last.models, last.broken) == (True, len(documents), 0)
    return cache


def test_every_document_comes_back_exactly(cache: Cache, documents: dict[str, Documents]) -> None:
    assert cache.ids() == tuple(sorted(documents))
    changed = []
    for model_id, expected in documents.items():
        found = cache.documents(model_id)
        assert found is not None
        same = {**found.metadata, "is_favorited": None} == (
            {**expected.metadata, "is_favorited": None}
            if expected.metadata
            else {"is_favorited": None}
        )
        if not same or json.dumps(found.openapi) != json.dumps(expected.openapi):
            changed.append(model_id)
    assert changed == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flux schnell", "fal-ai/flux/schnell"),
        ("whisper", "fal-ai/whisper"),
        ("clarity upscaler", "fal-ai/clarity-upscaler"),
        ("kling v3 image to video", "fal-ai/kling-video/v3/pro/image-to-video"),
    ],
)
def test_a_model_is_found_by_its_name(cache: Cache, text: str, expected: str) -> None:
    assert expected in [one.model_id for one in cache.search(Query(text))[:5]]


def test_every_category_is_counted_and_found(cache: Cache) -> None:
    counts = cache.categories()
    assert len(counts) > 20
    for name, count in counts.items():
        found = cache.search(Query(category=name))
        assert len(found) == count
        assert [one.date for one in found] == sorted((one.date for one in found), reverse=True)


def test_an_ability_is_found_in_every_document_that_has_it(
    cache: Cache, documents: dict[str, Documents]
) -> None:
    found = {one.model_id for one in cache.search(Query(status="all", inputs=("end_image_url",)))}
    named = {
        model_id
        for model_id, one in documents.items()
        if '"end_image_url":' in json.dumps(one.openapi)
    }
    assert found <= named
    assert len(found) > 0.9 * len(named)
    hd = Query(choices=(("resolution", "1080p"),), output_kinds=("video",), inputs=("image_url",))
    categories = {
        one.category for one in Cached(cache).search(hd) if not isinstance(one, Exception)
    }
    assert "image-to-video" in categories


@pytest.mark.parametrize("name", ["models-search.json", "models-search-query.json"])
def test_recorded_answers_are_read(corpus_folder: Path, name: str) -> None:
    exchange: dict[str, Any] = json.loads((corpus_folder / "recorded" / name).read_bytes())[0]
    asked = httpx.URL(exchange["url"]).params
    answer = httpx.Response(exchange["status"], json=exchange["response_body"])
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        platform = Platform(client, load_config(None, {}))
        limit = int(asked["limit"])
        found = [*platform.search(asked.get("q", ""), limit=limit)]
    assert all(isinstance(one, ListEntry) for one in found)
    assert len(found) == limit
