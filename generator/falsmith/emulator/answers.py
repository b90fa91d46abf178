"""What a request ends with: the model's answer with real files, or the error that fal replays."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from falsmith.documents import Json
from falsmith.emulator.composer import Composer
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.media import Product
from falsmith.emulator.wishes import wish_of

__all__ = ["Reply", "cancelled", "completed", "invalid", "timed_out"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer as a value, so that it can be given again; `error` is the status's view."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str | None = None


def completed(
    endpoint: Endpoint, inputs: Mapping[str, Json], publish: Callable[[Product], str]
) -> Reply:
    """Return the model's answer to valid `inputs`; `publish` gives a file its link.

    The same model and inputs give the same files, byte for byte.
    """
    told = {name: value for name, value in inputs.items() if name != "sync_mode"}
    text = json.dumps([endpoint.model_id, told], sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    seen = endpoint.with_defaults(inputs)
    composer = Composer(endpoint, seen, wish_of(seen, endpoint.category), digest, publish)
    body = composer.answer()
    return Reply(200, body, {"x-fal-billable-units": billable_units(composer.products)})


def invalid(problems: list[Json]) -> Reply:
    """Return the 422 of an input that the model refuses; nothing is billed."""
    headers = {"x-fal-billable-units": "0"}
    first = problems[0]
    return Reply(422, {"detail": problems}, headers, first["msg"], first["type"])


def cancelled() -> Reply:
    """Return what the result of a cancelled request replays."""
    return _request_error(499, "client_cancelled", "Request was cancelled by the client", {})


def timed_out() -> Reply:
    """Return what a request replays that did not start within the caller's own limit."""
    headers = {"X-Fal-Request-Timeout-Type": "user"}
    return _request_error(504, "request_timeout", "Request timed out", headers)


def _request_error(status: int, kind: str, message: str, headers: dict[str, str]) -> Reply:
    told = {"X-Fal-Error-Type": kind, "x-fal-billable-units": "0"} | headers
    return Reply(status, {"detail": message, "error_type": kind}, told, message, kind)


def billable_units(products: list[Product]) -> str:
    """Return how many units the answer costs: images, else seconds of media, else one request."""
    images = sum(product.kind == "image" for product in products)
    seconds = max((product.facts.get("duration", 0) for product in products), default=0)
    return f"{seconds:g}" if seconds else str(images or 1)
