"""The Platform API: models to list, find and search, and their prices."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from falsmith.documents import Json
from falsmith.emulator.access import Access, platform_error
from falsmith.emulator.billing import unit_of
from falsmith.emulator.bodies import sent_json
from falsmith.emulator.endpoints import Endpoint, Endpoints
from falsmith.emulator.history import History
from falsmith.emulator.paging import BadParameterError, asked_ids, page_of

__all__ = ["PlatformHost"]

STATUSES = ("active", "deprecated")
EXPANSIONS = ("openapi-3.0", "enterprise_status")
ESTIMATE = "/v1/models/pricing/estimate"
# What an estimate multiplies, by its type.
QUANTITIES = {"unit_price": "unit_quantity", "historical_api_price": "call_quantity"}
PUBLIC = ("/v1/models", "/v1/meta")
# Paths that fal's own OpenAPI document has and the emulator does not serve.
KNOWN = re.compile(
    r"/v1/(?:models/(?:usage|analytics|billing-events|requests/search|requests/[^/]+/payloads)"
    r"|workflows(?:/[^/]+/[^/]+)?|assets(?:/.+)?|storage/(?:files/(?:acl|sign)|settings)"
    r"|serverless/.+|compute/instances(?:/[^/]+)?|keys(?:/[^/]+)?"
    r"|account/(?:billing|focus|model-access-controls)"
    r"|organization/(?:billing-events|focus|teams|usage))"
)


@dataclass(frozen=True, slots=True)
class PlatformHost:
    """api.fal.ai, whose paths begin with /v1."""

    endpoints: Endpoints
    access: Access
    history: History

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path = request.url.path.rstrip("/")
        serve = {
            "/v1/meta": _meta,
            "/v1/models": self._models,
            "/v1/models/pricing": self._pricing,
            "/v1/models/requests/by-endpoint": self._history,
            ESTIMATE: self._estimate,
        }.get(path)
        if serve is None:
            return _unserved(path)
        if request.method != ("POST" if path == ESTIMATE else "GET"):
            return platform_error(405, "validation_error", "Method Not Allowed")
        refusal = self.access.refuse_platform(request, optional=path in PUBLIC)
        if refusal is not None:
            return refusal
        try:
            return await serve(request)
        except BadParameterError as error:
            return platform_error(400, "validation_error", str(error))

    async def _models(self, request: Request) -> Response:
        ids, expand = asked_ids(request, split=False), _list(request, "expand")
        for name, values, known in (
            ("expand", expand, EXPANSIONS),
            ("status", _list(request, "status"), STATUSES),
        ):
            if any(value not in known for value in values):
                raise BadParameterError(f"{name} must be one of {', '.join(known)}")
        found = [endpoint for endpoint in self.endpoints if not ids or endpoint.model_id in ids]
        if ids and not found:
            return platform_error(404, "not_found", f"No endpoint found for {', '.join(ids)}")
        chosen = [endpoint for endpoint in found if _matches(endpoint, request)]
        rows, rest = page_of(request, chosen)
        signed_in = "authorization" in request.headers
        models = [_entry(endpoint, expand, signed_in=signed_in) for endpoint in rows]
        return JSONResponse({"models": models, **rest})

    async def _pricing(self, request: Request) -> Response:
        ids = asked_ids(request, split=True)
        if not ids:
            raise BadParameterError("endpoint_id is required")
        unknown = self._unknown(ids)
        if unknown is not None:
            return unknown
        prices = [_price(endpoint) for endpoint in self.endpoints if endpoint.model_id in ids]
        return JSONResponse({"prices": prices, "next_cursor": None, "has_more": False})

    async def _history(self, request: Request) -> Response:
        return self.history.respond(request)

    async def _estimate(self, request: Request) -> Response:
        """Return what so many units, or so many calls, of some models cost."""
        try:
            body = await sent_json(request)
        except ValueError:
            body = None
        kind, asked = (
            (body.get("estimate_type"), body.get("endpoints"))
            if isinstance(body, dict)
            else (None, None)
        )
        name = QUANTITIES.get(kind) if isinstance(kind, str) else None
        if name is None or not isinstance(asked, dict) or not asked:
            known = " or ".join(QUANTITIES)
            raise BadParameterError(f"estimate_type must be {known}, with endpoints to each model")
        unknown = self._unknown(list(asked))
        if unknown is not None:
            return unknown
        total = 0.0
        for model_id, told in asked.items():
            quantity = told.get(name) if isinstance(told, dict) else None
            if not isinstance(quantity, int | float) or isinstance(quantity, bool) or quantity <= 0:
                raise BadParameterError(f"{name} of {model_id} must be a number above 0")
            units = 1.0 if name == "unit_quantity" else self.history.units_of_a_call(model_id)
            total += quantity * units * _unit_price(model_id)
        return JSONResponse(
            {"estimate_type": kind, "total_cost": round(total, 9), "currency": "USD"}
        )

    def _unknown(self, ids: Sequence[str]) -> Response | None:
        unknown = [model_id for model_id in ids if self.endpoints.get(model_id) is None]
        if not unknown:
            return None
        return platform_error(404, "not_found", f"No endpoint found for {', '.join(unknown)}")


async def _meta(_request: Request) -> Response:
    # Of a range that is kept for documentation: RFC 5737.
    return JSONResponse({"webhook_ip_ranges": ["203.0.113.0/32"]})


def _unserved(path: str) -> Response:
    if KNOWN.fullmatch(path):
        message = f"The falsmith emulator does not serve {path} of the Platform API"
        return platform_error(501, "not_implemented", message)
    hint = "" if path.startswith("/v1/") else ": paths begin with /v1/"
    return platform_error(404, "not_found", f"There is no {path or '/'}{hint}")


def _list(request: Request, name: str) -> list[str]:
    return request.query_params.getlist(name)


def _matches(endpoint: Endpoint, request: Request) -> bool:
    """Return whether the endpoint fits category, status and every word of `q`."""
    metadata, query = endpoint.documents.metadata, request.query_params
    if query.get("category", endpoint.category) != endpoint.category:
        return False
    status = metadata.get("status", "active")
    if query.get("status", status) != status:
        return False
    texts = (metadata.get("display_name"), metadata.get("description"))
    text = " ".join([endpoint.model_id, endpoint.category, *(str(part or "") for part in texts)])
    return all(word in text.lower() for word in query.get("q", "").lower().split())


def _entry(endpoint: Endpoint, expand: Sequence[str], *, signed_in: bool) -> Json:
    """Return one list entry; endpoints that have no registry entry come without metadata."""
    documents = endpoint.documents
    entry: dict[str, Json] = {"endpoint_id": endpoint.model_id}
    if documents.metadata:
        favorite = documents.metadata.get("is_favorited") or False
        entry["metadata"] = {**documents.metadata, "is_favorited": favorite if signed_in else None}
    if "openapi-3.0" in expand:
        entry["openapi"] = dict(documents.openapi)
    if "enterprise_status" in expand:
        entry["enterprise_status"] = "pending"
    return entry


def _price(endpoint: Endpoint) -> Json:
    """Return an invented price, marked as such, which is the same on every run."""
    unit = unit_of(endpoint.model_id, endpoint.category)
    row = {"endpoint_id": endpoint.model_id, "unit_price": _unit_price(endpoint.model_id)}
    return row | {"unit": unit, "currency": "USD", "invented": True}


def _unit_price(model_id: str) -> float:
    return (1 + hashlib.sha256(model_id.encode()).digest()[0] % 50) / 100
