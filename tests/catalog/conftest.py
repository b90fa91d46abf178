"""A platform that lists invented models page by page, and a cache in the test's own folder."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.fal.clock import Clock
from falsmith.catalog.cache import Cache
from falsmith.documents import Documents
from falsmith.platform import Platform

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def document(
    model_id: str, inputs: dict[str, Any] | None = None, outputs: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return an OpenAPI document in the mould of the platform's."""

    def content(name: str) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    result = {"get": {"responses": {"200": {"content": content("Out")}}}}
    return {
        "openapi": "3.0.4",
        "info": {"title": model_id},
        "components": {
            "schemas": {
                "In": {"type": "object", "properties": inputs or {"prompt": {"type": "string"}}},
                "Out": {"type": "object", "properties": outputs or {}},
                "File": {"type": "object", "properties": {"url": {"type": "string"}}},
            }
        },
        "paths": {
            f"/{model_id}": {"post": {"requestBody": {"content": content("In")}}},
            f"/{model_id}/requests/{{request_id}}": result,
        },
    }


def entry(model_id: str, **metadata: Any) -> dict[str, Any]:
    """Return a list entry with its document."""
    name = model_id.rpartition("/")[2].title()
    told = {"display_name": name, "category": "text-to-image", "status": "active"} | metadata
    return {"endpoint_id": model_id, "metadata": told, "openapi": document(model_id)}


@dataclass
class FakePlatform:
    """Lists `models` in pages of `size`; `answers` stand before what it would answer itself.

    They are named by the cursor that is asked for: "first" without one, "price" for a price.
    It cannot be reached for the page of the cursor `unreachable`.
    """

    models: list[Any] = field(default_factory=list)
    size: int = 2
    requests: list[httpx.QueryParams] = field(default_factory=list)
    answers: dict[str, httpx.Response | Exception] = field(default_factory=dict)
    unreachable: str = ""
    slept: list[float] = field(default_factory=list)
    now: datetime = START

    def answer(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        self.requests.append(params)
        if params.get("cursor") == self.unreachable:
            raise httpx.ConnectError("down", request=request)
        priced = request.url.path.endswith("/pricing")
        told = self.answers.pop("price" if priced else params.get("cursor", "first"), None)
        if isinstance(told, Exception):
            raise told
        return told or self.page(params)

    def page(self, params: httpx.QueryParams) -> httpx.Response:
        start = int(params.get("cursor", "at-0").removeprefix("at-"))
        size = min(self.size, int(params.get("limit", self.size)))
        shown = [
            {key: one[key] for key in one if key != "openapi" or "expand" in params}
            if isinstance(one, dict)
            else one
            for one in self.models[start : start + size]
        ]
        more = start + size < len(self.models)
        cursor = f"at-{start + size}" if more else None
        answer = {"models": shown, "next_cursor": cursor, "has_more": more}
        return httpx.Response(200, content=json.dumps(answer))

    @property
    def cursors(self) -> list[str | None]:
        return [params.get("cursor") for params in self.requests]

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def platform(self) -> Platform:
        client = httpx.Client(transport=httpx.MockTransport(self.answer))
        clock = Clock(sleep=self.slept.append, random=lambda: 0.5, date=lambda: self.now)
        return Platform(client, load_config(None, {}), clock)


@pytest.fixture
def fake() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "catalog.db"


@pytest.fixture
def cache(path: Path, notices: list[str]) -> Cache:
    return Cache(path, notices.append)


@pytest.fixture
def make_entry() -> Callable[..., dict[str, Any]]:
    return entry


@pytest.fixture
def five(fake: FakePlatform, make_entry: Callable[..., dict[str, Any]]) -> FakePlatform:
    """Return a platform that has five models, two on a page."""
    fake.models = [make_entry(f"acme/m{number}") for number in range(5)]
    return fake


@pytest.fixture
def make_documents() -> Callable[..., Documents]:
    """Return what makes the documents of a model from metadata, inputs and outputs."""

    def make(
        model_id: str,
        inputs: dict[str, Any] | None = None,
        outputs: dict[str, Any] | None = None,
        **metadata: Any,
    ) -> Documents:
        told = entry(model_id, **metadata)["metadata"]
        return Documents(model_id, told, document(model_id, inputs, outputs))

    return make


@pytest.fixture
def filled(cache: Cache, make_documents: Callable[..., Documents]) -> Cache:
    """Return a cache of four models."""
    frames = {"end_image_url": {"type": "string"}, "resolution": {"enum": ["720p", "1080p"]}}
    steps = {"steps": {"enum": [4, 8]}, "voices": {"type": "array", "items": {"enum": ["Ann"]}}}
    file = {"$ref": "#/components/schemas/File"}
    clip = {"video": file}
    cache.add(
        [
            make_documents("acme/paint", date="2025-01-01", description="Paints a red bicycle"),
            make_documents("acme/film", frames, clip, category="image-to-video", date="2026-01-01"),
            make_documents("acme/bicycle", steps, {"images": {"type": "array", "items": file}}),
            make_documents("acme/old", status="deprecated", date="2020-01-01"),
        ]
    )
    return cache


class Server:
    """Serves a fake platform on loopback; the page of the cursor `hold` waits for its release."""

    def __init__(self, fake: FakePlatform) -> None:
        self.fake = fake
        self.hold = ""
        self.asked = threading.Event()
        self.over = threading.Event()
        handler = type("Handler", (_Handler,), {"state": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def release(self) -> None:
        """Drop the request that is held; the next one is answered."""
        self.hold = ""
        self.over.set()

    def __exit__(self, *_: object) -> None:
        self.release()
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: Server

    def do_GET(self) -> None:
        state, request = self.state, httpx.Request("GET", self.state.url + self.path)
        if request.url.params.get("cursor", "first") == state.hold:
            state.fake.requests.append(request.url.params)
            state.asked.set()
            state.over.wait(60)
            return
        answer = state.fake.answer(request)
        # As the server wrote it, whatever that is.
        self.send_response(answer.status_code, answer.reason_phrase)
        if "content-type" in answer.headers:
            self.send_header("Content-Type", answer.headers["content-type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(fake: FakePlatform) -> Iterator[Server]:
    """Return the fake platform on loopback."""
    with Server(fake) as server:
        yield server
