"""What an input would cost: counted from it where that can be, and unknown everywhere else."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import FalError, KeyMissingError, OverLimitError
from fal_runtime.fal.platform import list_prices
from fal_runtime.fal.protocol import Price
from fal_runtime.jobs.price import check_cost, estimate, price_job
from fal_runtime.model import CalledModel
from fal_runtime.schema.document import SchemaDocument

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

PRICING = "GET https://api.fal.ai/v1/models/pricing"
MODEL = "acme/demo"
SIZE = {"anyOf": [{"enum": ["square", "square_hd"]}, {"type": "object"}], "default": "square_hd"}
COUNT = {"type": "integer", "default": 1}
FILM = {"type": "string", "x-file": "video"}
CHOICE = {"enum": ["5", "10"], "default": "5"}


def called(**fields: Any) -> CalledModel:
    known = {"prompt": {"type": "string"}, "sync_mode": {"type": "boolean"}, **fields}
    return CalledModel(MODEL, document=SchemaDocument({"properties": known}))


def cost(unit: str, body: dict[str, Any], unit_price: float = 0.1, **fields: Any) -> float | None:
    price = Price(unit_price, unit, "USD")
    return estimate(price, {"prompt": "x", **body}, called(**fields).document).cost


@pytest.mark.parametrize(
    ("unit", "body", "fields", "expected"),
    [
        ("image", {}, {}, 0.1),
        ("images", {}, {"num_images": COUNT}, 0.1),
        ("Image", {"num_images": 3}, {"num_images": COUNT}, 0.3),
        ("megapixels", {"num_images": 2}, {"num_images": COUNT, "image_size": SIZE}, 0.2),
        ("megapixel", {"image_size": {"width": 2048, "height": 1536}}, {"image_size": SIZE}, 0.3),
        ("second", {}, {"duration": CHOICE}, 0.5),
        ("seconds", {"duration": "10s"}, {"duration": {"type": "string"}}, 1.0),
        ("video seconds", {"num_frames": 81, "fps": 16}, {"num_frames": {}}, 0.50625),
        ("minute", {"duration": 30}, {"duration": {}}, 0.05),
        ("video", {}, {}, 0.1),
        ("request", {}, {}, 0.1),
        ("1000 characters", {"text": "a" * 1500}, {"text": {}}, 0.15),
        ("1,000 characters", {"prompt": "a" * 500}, {}, 0.05),
        ("image", {"output_format": "png"}, {"output_format": {"enum": ["png", "jpeg"]}}, 0.1),
        ("second", {}, {"duration": CHOICE, "resolution": {"enum": ["720p"]}}, 0.5),
    ],
)
def test_what_can_be_counted_is_multiplied(
    unit: str, body: dict[str, Any], fields: dict[str, Any], expected: float
) -> None:
    assert cost(unit, body, **fields) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "body", "fields", "why"),
    [
        ("compute second", {}, {}, "compute second"),
        ("1000 tokens", {}, {}, "1000 tokens"),
        ("", {}, {}, "cannot be told"),
        ("image", {"num_images": "many"}, {"num_images": COUNT}, "how many results"),
        ("image", {"max_images": 4}, {"max_images": COUNT}, "max_images"),
        ("megapixels", {}, {}, "how large"),
        ("megapixels", {"image_size": "auto"}, {"image_size": SIZE}, "image_size"),
        ("second", {}, {}, "how long"),
        ("second", {"duration": "auto"}, {"duration": {}}, "how long"),
        ("second", {"duration": -1}, {"duration": {}}, "how long"),
        ("1000 characters", {"prompt": None}, {}, "which text"),
        ("second", {}, {"duration": CHOICE, "resolution": CHOICE}, "0.5 USD .* resolution may"),
        ("second", {}, {"duration": CHOICE, "generate_audio": {"type": "boolean"}}, "audio may"),
        ("second", {"video_url": "x"}, {"duration": CHOICE, "video_url": FILM}, "video_url may"),
        ("image", {}, {"quality": {"enum": ["low", "high"]}}, "quality may"),
        ("video", {}, {"duration": CHOICE}, "duration may"),
    ],
)
def test_what_cannot_be_told_is_unknown_with_the_reason(
    unit: str, body: dict[str, Any], fields: dict[str, Any], why: str
) -> None:
    price = Price(0.1, unit, "USD")
    found = estimate(price, {"prompt": "x", **body}, called(**fields).document)
    assert (found.cost, found.units) == (None, None)
    assert re.search(why, found.basis)


def test_nothing_is_counted_without_a_price_or_without_a_schema() -> None:
    assert estimate(None, {}, called().document).cost is None
    assert estimate(Price(1, "image", "USD"), {}, SchemaDocument({})).cost is None


def listed(fal: "Fal", **changes: Any) -> None:
    row = {"endpoint_id": MODEL, "unit_price": 0.1, "unit": "image", "currency": "USD"} | changes
    fal.script.on(PRICING, fal.answer({"prices": [row], "next_cursor": None, "has_more": False}))


def test_a_price_is_asked_once_a_day(fal: "Fal") -> None:
    listed(fal)
    for _ in range(2):
        told = price_job(fal.services, fal.ledger, called(), fal.prepared(prompt="x")).result
        assert told == {
            "unit_price": 0.1,
            "unit": "image",
            "currency": "USD",
            "estimate": {
                "cost": 0.1,
                "currency": "USD",
                "units": 1,
                "basis": "1 image at 0.1 USD per image",
            },
        }
    (asked,) = fal.script.calls(PRICING)
    assert asked.headers["authorization"] == "Key id-1:secret-1"
    assert asked.url.params["endpoint_id"] == MODEL
    later = fal.services.clock.date().replace(day=4)
    clock = replace(fal.services.clock, date=lambda: later)
    price_job(replace(fal.services, clock=clock), fal.ledger, called(), None)
    assert len(fal.script.calls(PRICING)) == 2


def test_a_model_without_a_price_is_asked_once_as_well(fal: "Fal") -> None:
    fal.script.on(PRICING, fal.answer({"error": {"message": "No pricing found"}}, 404))
    for _ in range(2):
        told = price_job(fal.services, fal.ledger, called(), fal.prepared(prompt="x")).result
        assert (told["unit_price"], told["estimate"]["cost"]) == (None, "unknown")
    assert len(fal.script.calls(PRICING)) == 1


@pytest.mark.parametrize(
    ("row", "fields", "limit", "told"),
    [
        ({}, {}, 0.05, r"would cost 0\.1 USD \(1 image at 0\.1 USD per image\), more than"),
        ({"currency": "EUR"}, {}, 5, "cannot be told: fal lists it in EUR"),
        ({}, {"quality": CHOICE}, 5, "cannot be told: 1 image would be 0.1 USD"),
        ({"endpoint_id": "acme/other"}, {}, 5, "lists no price"),
    ],
)
def test_a_limit_refuses_what_costs_more_or_what_nobody_can_tell(
    fal: "Fal", row: dict[str, Any], fields: dict[str, Any], limit: float, told: str
) -> None:
    listed(fal, **row)
    with pytest.raises(OverLimitError, match=told) as caught:
        check_cost(fal.services, fal.ledger, called(**fields), fal.prepared(), limit)
    error = caught.value.as_json()
    assert (caught.value.exit_status, error["charged"]) == (8, "no")
    assert "othing was sent" in error["message"]


def test_a_limit_lets_through_what_costs_as_much(fal: "Fal") -> None:
    listed(fal)
    check_cost(fal.services, fal.ledger, called(), fal.prepared(), 0.1)


def test_one_model_without_a_price_hides_no_other(fal: "Fal") -> None:
    rows = [
        {"endpoint_id": name, "unit_price": price, "unit": "image\n", "currency": "USD"}
        for name, price in (("a/b", 1), ("x/y", 2), ("c/d", "free"), ("e/f", -1))
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        names = request.url.params.get_list("endpoint_id")
        if "none/none" in names:
            return fal.answer({"error": {"message": "not found"}}, 404)
        return fal.answer({"prices": rows})

    fal.script.on(PRICING, answer)
    names = ["a/b", "none/none", "c/d", "e/f"]
    assert list_prices(fal.connection, names) == {"a/b": Price(1, "image", "USD")}


@pytest.mark.parametrize(
    ("answer", "exit_status"),
    [(httpx.Response(401), 3), (httpx.Response(500), 6), (httpx.Response(200, content=b"<"), 6),
     (httpx.ConnectError("no"), 6)],
)  # fmt: skip
def test_prices_that_fal_does_not_tell_are_an_error(
    fal: "Fal", answer: httpx.Response | Exception, exit_status: int
) -> None:
    fal.script.on(PRICING, answer)
    with pytest.raises(FalError) as caught:
        list_prices(fal.connection, [MODEL])
    assert caught.value.exit_status == exit_status


def test_prices_need_a_key(fal: "Fal") -> None:
    connection = replace(fal.connection, config=replace(fal.config, key=None))
    with pytest.raises(KeyMissingError):
        list_prices(connection, [MODEL])
    assert fal.script.requests == []


def test_a_gateway_s_key_is_not_sent_to_where_prices_are_told(fal: "Fal") -> None:
    gateway = {"FAL_KEY": "managed", "FAL_QUEUE_URL": "https://gateway.example/fal-ai"}
    connection = replace(fal.connection, config=load_config(None, gateway))
    with pytest.raises(KeyMissingError, match=r"not sent to api\.fal\.ai"):
        list_prices(connection, [MODEL])
    assert fal.script.requests == []
