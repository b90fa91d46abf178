"""What the lists of the Platform API have in common: IDs, limits, cursors, refused parameters."""

import base64
from collections.abc import Mapping, Sequence
from typing import TypeVar

from starlette.requests import Request

from falsmith.documents import Json

__all__ = ["BadParameterError", "asked_ids", "page_of"]

Row = TypeVar("Row")
MOST_IDS = 50
DEFAULT_LIMIT = 50
# The maximum of the history; that of the models is not documented. A longer page is cut to this.
MOST_ROWS = 100


class BadParameterError(Exception):
    """A query parameter that the Platform API refuses with 400."""


def asked_ids(request: Request, *, split: bool) -> list[str]:
    """Return the endpoint IDs that are asked for; `split` where commas part them as well."""
    values = request.query_params.getlist("endpoint_id")
    ids = [part.strip() for one in values for part in (one.split(",") if split else [one])]
    if len(ids) > MOST_IDS or not all(ids):
        raise BadParameterError(f"endpoint_id must name 1 to {MOST_IDS} endpoints")
    return ids


def page_of(request: Request, found: Sequence[Row]) -> tuple[Sequence[Row], dict[str, Json]]:
    """Return the rows of the page that is asked for, and the keys that lead to the next."""
    page, limit = _page(request.query_params.get("cursor")), _limit(request.query_params)
    has_more = page * limit < len(found)
    # As fal's own: without padding.
    cursor = base64.b64encode(str(page + 1).encode()).decode().rstrip("=") if has_more else None
    rest: dict[str, Json] = {"next_cursor": cursor, "has_more": has_more}
    return found[(page - 1) * limit : page * limit], rest


def _limit(query: Mapping[str, str]) -> int:
    value = query.get("limit")
    if value is None:
        return DEFAULT_LIMIT
    if not value.isascii() or not value.isdigit() or int(value[:9]) < 1:
        raise BadParameterError("limit must be a whole number of at least 1")
    return min(int(value[:9]), MOST_ROWS)


def _page(cursor: str | None) -> int:
    """Return the page that an opaque cursor names: the base64 text of its number, from 1."""
    if cursor is None:
        return 1
    try:
        page = int(base64.b64decode(cursor.rstrip("=") + "=" * (-len(cursor.rstrip("=")) % 4)))
    except ValueError:
        page = 0
    if page < 1:
        raise BadParameterError("cursor is not one that this API gave out")
    return page
