"""What the jobs of the ledger cost: the units that fal billed, times what a unit costs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from fal_runtime.errors import FalError
from fal_runtime.fal.http import Connection
from fal_runtime.jobs.ledger import Booking, Ledger
from fal_runtime.jobs.price import known_prices


@dataclass(frozen=True, slots=True)
class Spent:
    """What the jobs of one model or day cost; `unpriced` jobs are not in `cost`."""

    name: str
    currency: str
    jobs: int
    units: float
    cost: float
    unpriced: int


def spent(
    connection: Connection,
    ledger: Ledger,
    since: float,
    by: Literal["model", "day"],
    model_ids: Collection[str] | None = None,
) -> list[Spent]:
    """Return what the jobs cost that were begun after a time (UTC seconds), by model or by day.

    `model_ids` leaves out other models' jobs. Jobs whose unit price nobody has asked yet get
    today's, which is written down with them. Where fal does not tell prices, the report says so
    and they stay unpriced. Raises LocalError.
    """
    bookings = ledger.booked(since, model_ids)
    open_models = sorted({each.model_id for each in bookings if each.unit_price is None})
    if open_models:
        try:
            prices = known_prices(connection, ledger, open_models)
        except FalError as error:
            if error.exit_status == 9:
                raise
            connection.report(f"no prices: {error}")
            prices = {}
        for priced, price in prices.items():
            if price is not None:
                ledger.keep_unit_price(priced, price)
        bookings = ledger.booked(since, model_ids)
    groups: dict[tuple[str, str], list[Booking]] = {}
    for each in bookings:
        day = f"{datetime.fromtimestamp(each.created, UTC):%Y-%m-%d}"
        name = each.model_id if by == "model" else day
        groups.setdefault((name, each.currency or ""), []).append(each)
    rows = []
    for (name, currency), group in sorted(groups.items()):
        units = sum(each.units for each in group)
        costs = [each.units * each.unit_price for each in group if each.unit_price is not None]
        sums, unpriced = (round(units, 6), round(sum(costs), 6)), len(group) - len(costs)
        rows.append(Spent(name, currency, len(group), *sums, unpriced))
    return rows
