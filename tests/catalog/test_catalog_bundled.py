"""The bundled catalogue is complete, valid by itself, and points nowhere but to placeholders."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from falsmith.catalog.bundled import bundled_all, bundled_documents, bundled_ids
from falsmith.documents import Documents

NEEDED = (
    "fal-ai/clarity-upscaler",
    "fal-ai/elevenlabs/tts/turbo-v2.5",
    "fal-ai/f5-tts",
    "fal-ai/fast-sdxl",
    "fal-ai/flux-pro/v1.1",
    "fal-ai/flux-pro/v1.1-ultra",
    "fal-ai/flux/dev",
    "fal-ai/flux/schnell",
    "fal-ai/kling-video/v3/pro/image-to-video",
    "fal-ai/kling-video/v3/pro/text-to-video",
    "fal-ai/lcm-sd15-i2i",
    "fal-ai/minimax/speech-2.8-hd",
    "fal-ai/minimax/video-01",
    "fal-ai/recraft/v4/text-to-image",
    "fal-ai/whisper",
)
REFERENCE = "#/components/schemas/"
OWN_LINKS = re.compile(r"https://(example\.com/|fal\.ai/models/|fal\.run/|queue\.fal\.run$)")


@pytest.fixture(params=NEEDED)
def documents(request: pytest.FixtureRequest) -> Documents:
    found = bundled_documents(request.param)
    assert found is not None
    return found


def test_the_bundled_ids_are_the_promised_ones_sorted() -> None:
    assert bundled_ids() == NEEDED


def test_an_unknown_model_is_none() -> None:
    assert bundled_documents("fal-ai/no-such-model") is None
    assert bundled_documents("../models") is None


def test_all_yields_every_model_once_in_order() -> None:
    assert tuple(found.model_id for found in bundled_all()) == NEEDED


def test_a_document_names_its_own_model_everywhere(documents: Documents) -> None:
    model_id = documents.model_id
    assert documents.openapi["info"]["x-fal-metadata"]["endpointId"] == model_id
    request = f"/{model_id}/requests/{{request_id}}"
    expected = {f"/{model_id}": "post", request: "get"}
    expected |= {f"{request}/status": "get", f"{request}/cancel": "put"}
    methods = {path: "".join(item) for path, item in documents.openapi["paths"].items()}
    assert methods == expected


def test_every_reference_has_a_target(documents: Documents) -> None:
    schemas = documents.openapi["components"]["schemas"]
    references = [value for key, value in _pairs(documents.openapi) if key == "$ref"]
    assert len(references) >= 4
    assert {reference.removeprefix(REFERENCE) for reference in references} <= set(schemas)


def test_every_component_is_ordered_required_and_described(documents: Documents) -> None:
    for name, schema in documents.openapi["components"]["schemas"].items():
        properties = schema["properties"]
        Draft202012Validator.check_schema(schema)
        assert set(schema.get("required", ())) <= set(properties), name
        assert schema.get("x-fal-order-properties", list(properties)) == list(properties), name
        assert all(field["description"].endswith((".", ")")) for field in properties.values()), name


def test_examples_and_defaults_fit_their_own_field(documents: Documents) -> None:
    root = {"components": documents.openapi["components"]}
    checked = 0
    for name, schema in documents.openapi["components"]["schemas"].items():
        for field, value in schema["properties"].items():
            validator = Draft202012Validator({**root, **value})
            defaults = [value["default"]] if "default" in value else []
            for sample in [*value.get("examples", ()), *defaults]:
                assert not [*validator.iter_errors(sample)], (name, field, sample)
                checked += 1
    assert checked > 3


def test_links_are_placeholders_or_the_models_own_pages(documents: Documents) -> None:
    texts = [value for _, value in _pairs(documents.openapi) if isinstance(value, str)]
    texts += [value for _, value in _pairs(documents.metadata) if isinstance(value, str)]
    links = [text for text in texts if text.startswith("http")]
    assert links
    assert [link for link in links if not OWN_LINKS.match(link)] == []


def test_metadata_says_what_a_list_entry_says(documents: Documents) -> None:
    metadata = documents.metadata
    assert metadata["category"] == documents.openapi["info"]["x-fal-metadata"]["category"]
    assert metadata["status"] == "active"
    assert metadata["display_name"]
    assert metadata["model_url"] == f"https://fal.run/{documents.model_id}"
    assert 40 < len(metadata["description"]) <= 250


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    items = value.items() if isinstance(value, dict) else ()
    for key, child in items:
        yield key, child
        yield from _pairs(child)
    for child in value if isinstance(value, list) else ():
        yield "", child
        yield from _pairs(child)
