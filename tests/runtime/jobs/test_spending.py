"""What the jobs of the ledger cost: booked units times unit price, and nothing that is guessed."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.jobs.ledger import Spending
from fal_runtime.jobs.price import spent

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

MODEL = "acme/demo/fast"
PRICING = "GET https://api.fal.ai/v1/models/pricing"


def book(fal: "Fal", *units: float) -> None:
    """Run a job for each number of units."""
    for each in units:
        fal.queue(fal.answer({}, headers={"x-fal-billable-units": str(each)}))
        assert fal.run().exit_status == 0


def listed(fal: "Fal", **changes: Any) -> None:
    row = {"endpoint_id": MODEL, "unit_price": 0.1, "unit": "image", "currency": "USD"} | changes
    fal.script.on(PRICING, fal.answer({"prices": [row]}))


def test_booked_units_are_added_up_by_model_and_by_day(fal: "Fal") -> None:
    listed(fal)
    book(fal, 1, 2.5)
    total = Spending(MODEL, "USD", jobs=2, units=3.5, cost=0.35, unpriced=0)
    assert spent(fal.connection, fal.ledger, 0, "model") == [total]
    assert spent(fal.connection, fal.ledger, 0, "day") == [replace(total, name="2026-01-02")]
    assert len(fal.script.calls(PRICING)) == 1
    begun = fal.connection.clock.date().timestamp()
    assert spent(fal.connection, fal.ledger, begun + 1, "model") == []


def test_a_job_keeps_the_price_that_was_asked_for_it(fal: "Fal") -> None:
    listed(fal)
    book(fal, 1)
    spent(fal.connection, fal.ledger, 0, "model")
    listed(fal, unit_price=9)
    (row,) = spent(fal.connection, fal.ledger, 0, "model")
    assert row.cost == 0.1


def test_jobs_without_a_price_are_counted_apart(fal: "Fal") -> None:
    book(fal, 2)
    fal.script.on(PRICING, httpx.ConnectError("no"))
    (row,) = spent(fal.connection, fal.ledger, 0, "model")
    assert (row.units, row.cost, row.unpriced) == (2, 0, 1)
    assert any("no prices" in line for line in fal.lines)
    listed(fal, endpoint_id="acme/other")
    (row,) = spent(fal.connection, fal.ledger, 0, "model")
    assert row.unpriced == 1


@pytest.mark.parametrize("units", ["-1", "nan", "inf", "1e999", "many"])
def test_units_that_are_no_number_are_not_booked(fal: "Fal", units: str) -> None:
    fal.queue(fal.answer({}, headers={"x-fal-billable-units": units}))
    assert fal.run().billable_units is None
    assert spent(fal.connection, fal.ledger, 0, "model") == []


@pytest.mark.parametrize("unit_price", [-1, 10**30, 1e300, "1"])
def test_a_price_that_is_none_leaves_its_jobs_unpriced(fal: "Fal", unit_price: Any) -> None:
    book(fal, 2)
    listed(fal, unit_price=unit_price)
    assert [row.unpriced for row in spent(fal.connection, fal.ledger, 0, "model")] == [1]
