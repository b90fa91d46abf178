"""The Platform API: what became of the requests of a model, and what models cost.

Source: https://api.fal.ai/v1/openapi.json, `GET /models/requests/by-endpoint` (the history) and
`GET /models/pricing` (one price a model, without tiers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import httpx

from fal_runtime.errors import (
    FalError,
    KeyMissingError,
    NotAcceptedError,
    NotCollectedError,
    UsageError,
)
from fal_runtime.fal.http import Connection, Params, exchange, seconds_until, unreachable
from fal_runtime.fal.protocol import (
    Price,
    checked_request_id,
    described,
    is_page,
    json_object,
    key_error,
)
from fal_runtime.json_text import ReceivedJson, read_json
from fal_runtime.text import one_line

_PATH = "/v1/models/requests/by-endpoint"
_PAGE = "100"
_MOST_PAGES = 10
# The most that one request for prices may name.
_MOST_MODELS = 50
# What no unit costs, and more than a ledger can add up.
_NO_PRICE = 1e9
# No answer of the API, but one to this question: it will be the same the next time.
_DECIDED = (400, 401, 403, 404, 405, 501)


@dataclass(frozen=True, slots=True)
class PastRequest:
    """A request in the history; `sent` is UTC seconds of fal's clock.

    `body` and `output` are None where the account keeps no payloads, `status_code` before the end.
    """

    request_id: str
    sent: float
    status_code: int | None
    body: ReceivedJson
    output: ReceivedJson


@dataclass(frozen=True, slots=True)
class HistoryReply:
    """What the history says: answered, closed (it never will to this key), unclear (not now).

    `ahead` is by how many seconds fal's clock is ahead of ours.
    """

    state: Literal["answered", "closed", "unclear"]
    requests: tuple[PastRequest, ...] = ()
    ahead: float = 0.0
    error: FalError | None = None


def ask_history(
    connection: Connection, model_id: str, since: float, deadline: float
) -> HistoryReply:
    """Ask for the requests of a model, with their payloads.

    `since` (UTC seconds by our clock) bounds them where they are more than a page.
    """
    found: list[PastRequest] = []
    ahead, bounds, cursor = 0.0, dict[str, str](), dict[str, str]()
    for _ in range(_MOST_PAGES):
        asked = {"endpoint_id": model_id, "expand": "payloads", "limit": _PAGE}
        reply = _page(connection, asked | bounds | cursor, deadline)
        if isinstance(reply, HistoryReply):
            return reply
        page, ahead = reply
        found += _requests(page.get("items"))
        if page.get("has_more") is not True:
            break
        if not bounds:
            # The server's clock is known only now: the pages are those since then, from the first.
            bounds = {"start": datetime.fromtimestamp(since + ahead, UTC).isoformat()}
            found = []
            continue
        cursor = {"cursor": str(page.get("next_cursor"))}
    return HistoryReply("answered", tuple(found), ahead)


def list_prices(connection: Connection, model_ids: Sequence[str]) -> dict[str, Price]:
    """Return the unit prices of these models, as far as fal lists one.

    Raises KeyMissingError without a usable key, and NotAcceptedError where no answer came.
    """
    url = f"{connection.config.origins.platform}/v1/models/pricing"
    headers = connection.config.authorization(url)
    prices: dict[str, Price] = {}
    for start in range(0, len(model_ids), _MOST_MODELS):
        asked = list(model_ids[start : start + _MOST_MODELS])
        try:
            params = {"endpoint_id": asked}
            response = exchange(connection, "GET", url, params=params, headers=headers)
        except httpx.RequestError as error:
            raise unreachable(error, url) from None
        if response.status_code == httpx.codes.NOT_FOUND:
            # One that has no price hides the others.
            for model_id in asked if len(asked) > 1 else ():
                prices |= list_prices(connection, [model_id])
            continue
        answer = json_object(response)
        if not response.is_success or answer is None:
            why = described(response)
            text = f"fal does not tell prices at the moment ({why}): try again later"
            raise key_error(response) or NotAcceptedError("platform_down", text)
        rows = answer.get("prices")
        for row in rows if isinstance(rows, list) else ():
            match row:
                case {
                    "endpoint_id": str(model_id),
                    "unit_price": int() | float() as unit_price,
                    "unit": str(unit),
                    "currency": str(currency),
                } if model_id in asked and 0 <= unit_price < _NO_PRICE:
                    prices[model_id] = Price(unit_price, one_line(unit), one_line(currency))
    return prices


def _page(
    connection: Connection, params: Params, deadline: float
) -> tuple[dict[str, ReceivedJson], float] | HistoryReply:
    """Return one page and by how much fal's clock is ahead, or why there is none."""
    url = connection.config.origins.platform + _PATH
    try:
        headers = connection.config.authorization(url)
        response = exchange(
            connection, "GET", url, params=params, headers=headers, attempts=1, deadline=deadline
        )
    except KeyMissingError as error:
        return HistoryReply("closed", error=error)
    except httpx.RequestError as error:
        return HistoryReply("unclear", error=unreachable(error, url))
    page = json_object(response)
    if response.is_success and page is not None and isinstance(page.get("items"), list):
        ahead = seconds_until(response.headers.get("date", ""), connection.clock)
        return page, ahead or 0.0
    text = f"fal's request history answered {described(response)}"
    decided = response.status_code in _DECIDED and not is_page(response)
    return HistoryReply(
        "closed" if decided else "unclear", error=NotCollectedError("wait_over", text)
    )


def _requests(items: ReceivedJson) -> Iterator[PastRequest]:
    """Yield the requests that can be read."""
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        try:
            request_id = checked_request_id(str(item.get("request_id")))
            sent = datetime.fromisoformat(str(item.get("sent_at") or item.get("started_at")))
        except (UsageError, ValueError):
            continue
        code = item.get("status_code")
        yield PastRequest(
            request_id,
            sent.replace(tzinfo=sent.tzinfo or UTC).timestamp(),
            code if isinstance(code, int) else None,
            _payload(item.get("json_input")),
            _payload(item.get("json_output")),
        )


def _payload(value: ReceivedJson) -> ReceivedJson:
    """Return a payload, which may be written as a text of JSON."""
    if not isinstance(value, str):
        return value
    try:
        return read_json(value.encode())
    except ValueError:
        return value
