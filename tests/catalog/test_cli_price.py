"""`falsmith price`: what the platform lists, and what it does not."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from falsmith.cli import run

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform, Server

Tell = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def tell(
    fake: "FakePlatform",
    server: "Server",
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Tell:
    row = {"endpoint_id": "acme/one", "unit_price": 0.5, "unit": "image", "currency": "USD"}
    fake.answers["price"] = httpx.Response(200, json={"prices": [row]})
    monkeypatch.setenv("FAL_PLATFORM_URL", server.url)
    monkeypatch.setenv("FAL_KEY", "key:secret")

    def call(*arguments: str) -> tuple[int, Any, str]:
        status = run(["price", *arguments])
        printed = capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    return call


def test_prices_are_told_for_each_model_and_missing_ones_named(tell: Tell) -> None:
    status, answer, told = tell("acme/one", "acme/two", "acme/one")
    assert status == 0
    assert answer["prices"] == [
        {"model_id": "acme/one", "unit_price": 0.5, "unit": "image", "currency": "USD"},
        {"model_id": "acme/two", "unit_price": None, "unit": None, "currency": None},
    ]
    assert "no price of acme/two" in told


def test_a_price_needs_a_key_and_an_id(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tell("no id")[0] == 2
    monkeypatch.delenv("FAL_KEY")
    status, answer, _ = tell("acme/one")
    assert (status, answer["error"]["code"]) == (3, "key_missing")
