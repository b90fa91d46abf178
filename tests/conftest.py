"""What every test shares: an environment without keys, and folders of its own."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from falsmith.documents import Documents

KEY_VARIABLES = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_VARIABLE", "FAL_AUTH_SCHEME")
ADDRESS_VARIABLES = (
    "FAL_RUN_URL",
    "FAL_QUEUE_URL",
    "FAL_REST_URL",
    "FAL_PLATFORM_URL",
    "FAL_RUN_HOST",
    "FAL_QUEUE_RUN_HOST",
    "FAL_ALLOW_API_KEY_ARG",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove every key and address, and keep home, state and cache inside the test's own folder."""
    for name in KEY_VARIABLES + ADDRESS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, folder in {
        "HOME": "home",
        "XDG_CACHE_HOME": "home/.cache",
        "XDG_STATE_HOME": "home/.local/state",
        "FAL_STATE_DIR": "state",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / folder))


@pytest.fixture(scope="session")
def openapi_document() -> Callable[..., dict[str, Any]]:
    """Return a builder of small documents in the platform's mould."""
    return build_openapi


@pytest.fixture(scope="session")
def model_documents() -> Callable[..., Documents]:
    """Return a builder of a model's documents: `input_schema`, `output_schema`, `components` ..."""

    def build(
        input_schema: Any = None,
        output_schema: Any = None,
        *,
        components: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        model_id: str = "acme/demo",
    ) -> Documents:
        openapi = build_openapi(input_schema, output_schema, components, model_id)
        return Documents(model_id, metadata or {}, openapi)

    return build


def build_openapi(
    input_schema: Any = None,
    output_schema: Any = None,
    components: Mapping[str, Any] | None = None,
    model_id: str = "acme/demo",
) -> dict[str, Any]:
    """Return an OpenAPI document whose POST takes DemoInput and whose result is DemoOutput."""
    prompt = {"type": "object", "properties": {"prompt": {"type": "string"}}}
    image = {"type": "object", "properties": {"url": {"type": "string"}}}
    schemas = {
        "DemoInput": prompt if input_schema is None else input_schema,
        "DemoOutput": {"type": "object", "properties": {"image": image}}
        if output_schema is None
        else output_schema,
        **(components or {}),
    }
    return {
        "openapi": "3.0.4",
        "info": {"title": "Queue", "x-fal-metadata": {"endpointId": model_id}},
        "paths": {
            f"/{model_id}": {"post": {"requestBody": _content("DemoInput")}},
            f"/{model_id}/requests/{{request_id}}": {
                "get": {"responses": {"200": _content("DemoOutput")}}
            },
        },
        "components": {"schemas": schemas},
    }


def _content(name: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
