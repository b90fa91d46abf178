"""What fal lists as the unit prices of models: one price a model, without tiers."""

from collections.abc import Sequence

import httpx

from fal_runtime.errors import NotAcceptedError
from fal_runtime.fal.http import Connection, exchange, unreachable
from fal_runtime.fal.protocol import Price, described, json_object, key_error
from fal_runtime.text import one_line

# The most that one request may name (`GET /v1/models/pricing`).
_MOST_MODELS = 50


def list_prices(connection: Connection, model_ids: Sequence[str]) -> dict[str, Price]:
    """Return the unit prices of these models, as far as fal lists one.

    Raises KeyMissingError without a usable key, and NotAcceptedError where no answer came.
    """
    url = f"{connection.config.origins.platform}/v1/models/pricing"
    headers = connection.config.authorization()
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
                } if model_id in asked and unit_price >= 0:
                    prices[model_id] = Price(unit_price, one_line(unit), one_line(currency))
    return prices
