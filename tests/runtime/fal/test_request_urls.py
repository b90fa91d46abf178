"""Addresses, model IDs and request IDs: what they may be, and where they may lead."""

import pytest

from fal_runtime.config import rewritten
from fal_runtime.errors import FalError
from fal_runtime.fal.protocol import RequestUrls
from fal_runtime.model_id import checked_model_id

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"


def test_returned_links_are_followed_below_the_configured_queue() -> None:
    told = {
        "request_id": "req-1",
        "response_url": f"{QUEUE}/other/app/requests/req-1/response",
        "status_url": "https://evil.example/other/app/requests/req-1/status?a=1",
    }
    gateway = "https://gateway.example/fal-ai"
    urls = RequestUrls.of_reply(gateway, MODEL, "req-1", dict(told))
    assert urls.result == f"{gateway}/other/app/requests/req-1/response"
    assert urls.status == f"{gateway}/other/app/requests/req-1/status?a=1"
    assert urls.cancel == f"{gateway}/other/app/requests/req-1/cancel"


@pytest.mark.parametrize(
    ("url", "origin", "expected"),
    [
        ("https://q.run/a/b/requests/1", "https://q.run", "https://q.run/a/b/requests/1"),
        ("http://q.run/a/b/requests/1", "https://q.run", "https://q.run/a/b/requests/1"),
        (
            "https://q.run/fal-ai/b/requests/1",
            "https://g/fal-ai",
            "https://g/fal-ai/fal-ai/b/requests/1",
        ),
        ("https://g/fal-ai/a/b/requests/1", "https://g/fal-ai", "https://g/fal-ai/a/b/requests/1"),
        (
            "http://localhost:1/q/a/b/requests/1",
            "http://127.0.0.1:1/q",
            "http://127.0.0.1:1/q/a/b/requests/1",
        ),
        (
            "http://localhost:2/a/requests/1",
            "http://127.0.0.1:1/q",
            "http://127.0.0.1:1/q/a/requests/1",
        ),
        ("https://u:p@q.run/a/b/requests/1", "https://q.run", None),
        ("https://q.run/account", "https://q.run", None),
        ("https://q.run/a/../requests/1", "https://q.run", None),
        ("https://q.run/a/%2e%2E/requests/1", "https://q.run", None),
        ("file:///requests/1", "https://q.run", None),
        ("https://q.run\\@evil/requests/1", "https://q.run", None),
        ("", "https://q.run", None),
    ],
)
def test_returned_link_never_leaves_the_configured_origin(
    url: str, origin: str, expected: str | None
) -> None:
    assert rewritten(url, origin) == expected


@pytest.mark.parametrize(
    ("model_id", "app"),
    [
        ("acme/demo/fast/lora", "acme/demo"),
        ("acme/demo", "acme/demo"),
        ("workflows/acme/demo/x", "workflows/acme/demo"),
        ("comfy/acme/demo", "comfy/acme/demo"),
    ],
)
def test_bare_request_id_is_asked_for_below_owner_and_app(model_id: str, app: str) -> None:
    assert RequestUrls.of_id(QUEUE, model_id, "r").result == f"{QUEUE}/{app}/requests/r"


@pytest.mark.parametrize(
    "model_id", ["demo", "", "/a", "a/", "a//b", "a/../b", "a/b?x", "a b/c", "é/b"]
)
def test_malformed_model_id_is_refused(model_id: str) -> None:
    with pytest.raises(FalError, match="no model ID"):
        checked_model_id(model_id)


def test_old_model_id_gets_its_slash() -> None:
    assert checked_model_id("123-my-app") == "123/my-app"
