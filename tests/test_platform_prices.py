"""What the Platform API says of prices: told as it is, or nothing."""

from typing import Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.fal.clock import Clock
from fal_runtime.fal.protocol import Price
from falsmith.platform import Platform

KEY = "key-for-tests:0123"


def priced(
    value: Any, *, status: int = 200, key: str | None = KEY
) -> tuple[Price | None, list[httpx.Request]]:
    """Return the price that an answer tells, and what was asked for it."""
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, json=value)

    slept: list[float] = []
    clock = Clock(now=lambda: sum(slept), sleep=slept.append, random=lambda: 0.5)
    environ = {"FAL_PLATFORM_URL": "https://platform.test"} | ({"FAL_KEY": key} if key else {})
    client = httpx.Client(transport=httpx.MockTransport(respond))
    platform = Platform(client, load_config(None, environ), clock)
    return platform.prices(["acme/demo"]).get("acme/demo"), asked


def test_a_price_needs_a_key() -> None:
    assert priced({}, key=None) == (None, [])


def test_a_price_has_its_unit_and_currency() -> None:
    told = {"endpoint_id": "acme/demo", "unit_price": 0.025, "unit": "image\n", "currency": "USD"}
    price, asked = priced({"prices": [told]})

    assert price == Price(0.025, "image", "USD")
    assert asked[0].url.path == "/v1/models/pricing"
    assert dict(asked[0].url.params) == {"endpoint_id": "acme/demo"}


@pytest.mark.parametrize(
    "prices",
    [
        [],
        None,
        [{"endpoint_id": "acme/other", "unit_price": 1, "unit": "image", "currency": "USD"}],
        [{"endpoint_id": "acme/demo", "unit_price": "1", "unit": "image", "currency": "USD"}],
        [{"endpoint_id": "acme/demo"}],
    ],
)
def test_a_price_that_is_not_given_is_none(prices: Any) -> None:
    assert priced({"prices": prices})[0] is None


def test_a_model_without_a_price_is_no_unknown_model() -> None:
    assert priced({"error": {"message": "No pricing found"}}, status=404)[0] is None
