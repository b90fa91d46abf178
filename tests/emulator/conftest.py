"""An emulator with two invented models, and a client that carries its key."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from falsmith.documents import Documents
from falsmith.emulator import KEY, Emulator

PICTURE = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string"},
        "content_type": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": "image/jpeg"},
        "file_name": {"type": "string"},
        "file_size": {"type": "integer"},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
    },
}
FILE = {
    "type": "object",
    "required": ["url"],
    "properties": {
        name: PICTURE["properties"][name]  # type: ignore[index]
        for name in ("url", "content_type", "file_name", "file_size")
    },
}
SIZE = {
    "type": "object",
    "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
}
PAINT_INPUT = {
    "prompt": {"type": "string"},
    "image_size": {
        "default": "landscape_4_3",
        "anyOf": [
            {"$ref": "#/components/schemas/Size"},
            {"type": "string", "enum": ["square_hd", "square", "landscape_4_3"]},
        ],
    },
    "num_images": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1},
    "seed": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "image_url": {"type": "string"},
    "cover_url": {"anyOf": [{"type": "string"}, {"type": "string", "enum": ["auto"]}]},
    "loras": {"type": "array", "items": {"$ref": "#/components/schemas/Look"}},
    "output_format": {"type": "string", "enum": ["jpeg", "png"], "default": "jpeg"},
    "sync_mode": {"type": "boolean", "default": False},
}
PAINT_OUTPUT = {
    "images": {"type": "array", "items": {"$ref": "#/components/schemas/Picture"}},
    "has_nsfw_concepts": {"type": "array", "items": {"type": "boolean"}},
    "prompt": {"type": "string"},
    "seed": {"type": "integer"},
}
OFFERED = ("video", "audio", "model_mesh", "archive_zip", "lora_file", "config_file", "notes")


def document(
    model_id: str, inputs: dict[str, Any], outputs: dict[str, Any], required: list[str]
) -> dict[str, Any]:
    """Return an OpenAPI document in the mould of the platform's."""

    def content(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    schemas = {
        "In": {"type": "object", "properties": inputs, "required": required},
        "Out": {"type": "object", "properties": outputs, "required": list(outputs)},
        "Picture": PICTURE,
        "File": FILE,
        "Size": SIZE,
        "Look": {"type": "object", "properties": {"mask_url": {"type": "string"}}},
    }
    result = {"get": {"responses": {"200": {"content": content("Out")}}}}
    return {
        "openapi": "3.0.4",
        "components": {"schemas": schemas},
        "paths": {
            f"/{model_id}": {"post": {"requestBody": {"content": content("In")}}},
            f"/{model_id}/requests/{{request_id}}": result,
        },
    }


def metadata(name: str, category: str, status: str = "active") -> dict[str, Any]:
    told = {"display_name": name, "category": category, "status": status}
    return told | {"description": f"Makes things: {category}", "is_favorited": False}


def models() -> list[Documents]:
    """Return four models: pictures, one of each file, one without metadata, one broken."""
    files = {name: {"$ref": "#/components/schemas/File"} for name in OFFERED}
    duration = {"duration": {"type": "string", "enum": ["3", "5"], "default": "3"}}
    return [
        Documents(
            "acme/paint/turbo",
            metadata("Paint Turbo", "text-to-image"),
            document("acme/paint/turbo", PAINT_INPUT, PAINT_OUTPUT, ["prompt"]),
        ),
        Documents(
            "acme/studio",
            metadata("Studio", "text-to-video", "deprecated"),
            document("acme/studio", duration, files, []),
        ),
        Documents(
            "workflows/acme/story/long",
            {},
            document("workflows/acme/story/long", {}, {"output": {"type": "string"}}, []),
        ),
        Documents(
            "acme/lost",
            metadata("Lost", "image-to-image"),
            {"error": {"code": "expansion_failed", "message": "The document is not available"}},
        ),
    ]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Return an emulator that a module's tests share, whose jobs take no time."""
    with Emulator(models(), delay=0.0) as running:
        yield running


@pytest.fixture(scope="session")
def start() -> Callable[..., Emulator]:
    """Return what makes an emulator of other settings; the test enters its context."""
    return lambda **settings: Emulator(models(), **settings)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Return a client that sends the emulator's key."""
    headers = {"Authorization": f"Key {KEY}"}
    with httpx.Client(headers=headers, trust_env=False, timeout=20) as sending:
        yield sending


@pytest.fixture(scope="module")
def stranger() -> Iterator[httpx.Client]:
    """Return a client without a key."""
    with httpx.Client(trust_env=False, timeout=20) as sending:
        yield sending
