"""The Platform API's client: finds one model with its document, and its price."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from fal_runtime.config import Config
from fal_runtime.errors import KeyMissingError
from fal_runtime.http import Clock, get, unreachable
from falsmith.documents import Documents, Json, load_json
from falsmith.errors import DocumentError, ModelNotFoundError, PlatformError
from falsmith.text import one_line

__all__ = ["Platform", "Price"]

EXCERPT = 120


@dataclass(frozen=True, slots=True)
class Price:
    """What one `unit` of a model costs; tiers by resolution or duration are not told by fal."""

    unit_price: float
    unit: str
    currency: str


@dataclass(frozen=True, slots=True)
class Platform:
    """Asks `/v1/models` and `/v1/models/pricing`; GETs are repeated when they fail in passing.

    A key is sent where there is one, and only raises the platform's limits for models.
    """

    client: httpx.Client
    config: Config
    clock: Clock = field(default_factory=Clock)

    def find(self, model_id: str) -> Documents:
        """Return the documents of one model.

        Raises:
            ModelNotFoundError: The platform knows no such model.
            KeyMissingError: The key is refused.
            PlatformError: The answer cannot be used, or has no document of the model.
            NotAcceptedError: The platform cannot be reached.

        """
        answer = self._ask("/v1/models", {"endpoint_id": model_id, "expand": "openapi-3.0"})
        entry = _entry(answer, "models", model_id)
        if entry is None:
            raise _not_found(model_id)
        openapi = entry.get("openapi")
        error = openapi.get("error") if isinstance(openapi, Mapping) else None
        if not isinstance(openapi, Mapping) or error is not None:
            raise PlatformError("platform_down", _no_document(model_id, error))
        metadata = entry.get("metadata")
        return Documents(model_id, metadata if isinstance(metadata, Mapping) else {}, openapi)

    def price(self, model_id: str) -> Price | None:
        """Return the model's unit price, or None where no key is set or none is told.

        Raises: as `find`.
        """
        if self.config.key is None:
            return None
        answer = self._ask("/v1/models/pricing", {"endpoint_id": model_id})
        told = _entry(answer, "prices", model_id) or {}
        match told:
            case {
                "unit_price": int() | float() as price,
                "unit": str(unit),
                "currency": str(money),
            }:
                return Price(price, one_line(unit), one_line(money))
        return None

    def _ask(self, path: str, params: Mapping[str, str]) -> Mapping[str, Json]:
        url = self.config.origins.platform + path
        headers = self.config.authorization() if self.config.key is not None else {}
        try:
            response = get(self.client, url, params=params, headers=headers, clock=self.clock)
        except httpx.RequestError as error:
            raise unreachable(error, url) from error
        return _body(response, params["endpoint_id"], has_key=self.config.key is not None)


def _body(response: httpx.Response, model_id: str, *, has_key: bool) -> Mapping[str, Json]:
    """Return the JSON object of a good answer; raise what a bad one means."""
    if response.status_code in (401, 403):
        why = "refuses the key: check FAL_KEY" if has_key else "asks for a key: set FAL_KEY"
        raise KeyMissingError("key_refused", f"the platform {why} ({_said(response)})")
    if response.status_code == 404:
        raise _not_found(model_id)
    if not response.is_success:
        raise PlatformError(
            "platform_down",
            f"the platform answered {response.status_code} ({_said(response)}): try again later, "
            "or use a saved document with --source PATH",
        )
    return _object(response)


def _object(response: httpx.Response) -> Mapping[str, Json]:
    origin = f"the answer of {response.url.host}"
    try:
        value = load_json(response.content, origin)
    except DocumentError as error:
        kind = response.headers.get("content-type", "no content type")
        hint = "a proxy or a login page may have answered in its place"
        reason = hint if "html" in kind else str(error)
        raise PlatformError("platform_down", f"{origin} is not JSON but {kind}: {reason}") from None
    if not isinstance(value, dict):
        raise PlatformError("platform_down", f"{origin} is not a JSON object: try again later")
    return value


def _entry(answer: Mapping[str, Json], key: str, model_id: str) -> Mapping[str, Json] | None:
    entries = answer.get(key)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("endpoint_id") == model_id:
            return entry
    return None


def _not_found(model_id: str) -> ModelNotFoundError:
    return ModelNotFoundError(
        f"fal knows no model {model_id}: check the spelling, capitals count; "
        "IDs stand at https://fal.ai/models"
    )


def _no_document(model_id: str, error: Json) -> str:
    said = error.get("message") if isinstance(error, Mapping) else None
    reason = f" ({one_line(said)[:EXCERPT]})" if isinstance(said, str) else ""
    return (
        f"fal has no document of {model_id} at the moment{reason}: try again later, "
        "or use a saved one with --source PATH"
    )


def _said(response: httpx.Response) -> str:
    """Return the platform's own message, of its error envelope, or its status in words."""
    try:
        match load_json(response.content, "the answer"):
            case {"error": {"message": str(message)}}:
                return one_line(message)[:EXCERPT]
    except DocumentError:
        pass
    return response.reason_phrase or "no reason given"
