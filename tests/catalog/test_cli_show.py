"""`falsmith show` against a platform that tells a model and has trouble with its price."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import httpx
import pytest

from falsmith.cli import run

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform, Server

Show = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def show(
    fake: "FakePlatform",
    server: "Server",
    make_entry: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Show:
    fake.models = [make_entry("acme/one")]
    monkeypatch.setenv("FAL_PLATFORM_URL", server.url)
    monkeypatch.setenv("FAL_KEY", "key:secret")

    def call(*arguments: str) -> tuple[int, Any, str]:
        status = run(["show", *arguments])
        printed = capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    return call


@pytest.fixture
def people(show: Show, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """Return what shows a model with a key on a terminal."""

    def call(key: str, *arguments: str) -> tuple[int, Any, str]:
        monkeypatch.setenv("FAL_KEY", key)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        status = run(["show", *arguments])
        printed = capsys.readouterr()
        return status, click.unstyle(printed.out), printed.err

    return call


def test_a_price_is_shown_where_the_platform_gives_it(fake: "FakePlatform", show: Show) -> None:
    price = {"endpoint_id": "acme/one", "unit_price": 0.5, "unit": "image", "currency": "USD"}
    fake.answers["price"] = httpx.Response(200, json={"prices": [price]})
    status, answer, told = show("acme/one")
    assert (status, told) == (0, "")
    assert answer["price"] == {"unit_price": 0.5, "unit": "image", "currency": "USD"}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((0.5, "key:secret"), "0.5 USD per image"),
        ((0.00001667, "key:secret"), "0.00001667 USD per image"),
        ((None, "key:secret"), "unknown (the platform names none)"),
        ((0.5, ""), "unknown (set FAL_KEY to see it)"),
    ],
)
def test_people_read_the_price_or_why_there_is_none(
    answer: tuple[float | None, str], told: str, fake: "FakePlatform", people: Show
) -> None:
    amount, key = answer
    price = {"endpoint_id": "acme/one", "unit_price": amount, "unit": "image", "currency": "USD"}
    fake.answers["price"] = httpx.Response(200, json={"prices": [price] if amount else []})
    status, shown, _ = people(key, "acme/one")
    assert status == 0
    assert f"price    {told}" in shown


def test_a_model_is_shown_with_what_the_list_says_of_it(
    fake: "FakePlatform", show: Show, make_entry: Callable[..., dict[str, Any]]
) -> None:
    told = {"description": "Paints", "license_type": "commercial", "date": "2026-01-01"}
    fake.models = [make_entry("acme/one", status="deprecated", **told)]
    _, answer, _ = show("acme/one")
    shown = {name: answer[name] for name in ("description", "license", "date", "status")}
    assert shown == {
        "description": "Paints",
        "license": "commercial",
        "date": "2026-01-01",
        "status": "deprecated",
    }


@pytest.mark.parametrize(
    ("code", "notice"), [(404, ""), (403, "note: no price: fal refuses the key")]
)
def test_a_price_that_is_refused_takes_nothing_from_the_model(
    fake: "FakePlatform", show: Show, code: int, notice: str
) -> None:
    fake.answers["price"] = httpx.Response(code, json={"error": {"message": "no"}})
    status, answer, told = show("acme/one")
    assert (status, answer["model_id"], answer["price"]) == (0, "acme/one", None)
    assert told.startswith(notice)
    assert bool(told) == bool(notice)


@pytest.mark.parametrize("model_id", ["", "../x", "\udcff", "x" * 10_000, "a/b c"])
def test_what_is_no_id_is_not_asked_for(fake: "FakePlatform", show: Show, model_id: str) -> None:
    status, answer, _ = show(model_id)
    assert (status, fake.requests) == (2, [])
    assert "is not a model ID" in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 300
