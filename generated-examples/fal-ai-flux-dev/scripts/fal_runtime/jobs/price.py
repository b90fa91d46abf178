"""Prices: what an input would cost, counted from it and never guessed, and what the jobs did."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from fal_runtime.errors import FalError, OverLimitError
from fal_runtime.fal.http import Connection
from fal_runtime.fal.platform import list_prices
from fal_runtime.fal.protocol import IMAGE_SIZES, Price
from fal_runtime.input.prepare import PreparedInput
from fal_runtime.jobs.job import Services
from fal_runtime.jobs.ledger import Ledger, Spending
from fal_runtime.json_text import ReceivedJson
from fal_runtime.model import CalledModel
from fal_runtime.output.result import CallResult
from fal_runtime.schema.document import SchemaDocument

_DAY = 24 * 3600.0
# The currency of --max-cost and FAL_MAX_COST.
_LIMITED = "USD"

_COUNTS = {
    "image": ("num_images", "num_outputs", "num_samples", "number_of_images", "batch_size"),
    "video": ("num_videos", "num_outputs", "num_samples"),
}
# What a run is billed as, whatever comes of it.
_RUNS = ("request", "generation", "call")
_TEXTS = ("text", "script", "input", "gen_text", "prompt")
# Fields whose values are often billed apart, which the price list does not show.
_TIERS = re.compile(
    r"(^|_)(resolution|quality|audio|sound|tier|mode|fps|hd|upscal\w*|turbo|variant|model)(_|$)"
)
_MEGAPIXEL = 1 << 20
_NUMBER = re.compile(r"(\d+(?:\.\d+)?) ?(?:s|sec|seconds)?")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an input would cost, None where that cannot be told; `basis` says how or why not."""

    cost: float | None
    basis: str
    units: float | None = None


def known_prices(
    connection: Connection, ledger: Ledger, model_ids: Sequence[str]
) -> dict[str, Price | None]:
    """Return the unit prices of models, which are asked once a day; None where fal lists none.

    Raises KeyMissingError, NotAcceptedError where fal does not tell them, and LocalError.
    """
    identity, now = connection.config.identity, connection.clock.date().timestamp()
    known = ledger.prices(identity, now - _DAY)
    asked = [model_id for model_id in dict.fromkeys(model_ids) if model_id not in known]
    if asked:
        listed = list_prices(connection, asked)
        answered = {model_id: listed.get(model_id) for model_id in asked}
        ledger.keep_prices(identity, answered, now)
        known |= answered
    return {model_id: known[model_id] for model_id in model_ids}


def price_job(
    services: Services, ledger: Ledger, model: CalledModel, prepared: PreparedInput | None
) -> CallResult:
    """Return the unit price of a model, and what an input would cost; raises as `known_prices`."""
    price = _price(services, ledger, model)
    shown: dict[str, Any] = {"unit_price": None, "unit": None, "currency": None}
    shown = asdict(price) if price is not None else shown
    if prepared is not None:
        found = estimate(price, prepared.value, model.document)
        known = {"cost": found.cost, "currency": shown["currency"], "units": found.units}
        cost = known if found.cost is not None else {"cost": "unknown"}
        shown["estimate"] = {**cost, "basis": found.basis}
    return CallResult("COMPLETED", model.model_id, result=shown)


def check_cost(
    services: Services, ledger: Ledger, model: CalledModel, prepared: PreparedInput, limit: float
) -> None:
    """Raise OverLimitError where a call would cost more US dollars than `limit`, or nobody knows.

    Raises as `known_prices` where the price cannot be asked.
    """
    price = _price(services, ledger, model)
    found = estimate(price, prepared.value, model.document)
    cost, why = found.cost, found.basis
    if price is not None and price.currency != _LIMITED:
        cost, why = None, f"fal lists it in {price.currency}"
    if cost is None:
        text = f"what this call would cost cannot be told: {why}. Nothing was sent: --max-cost"
        raise OverLimitError("over_limit", f"{text} (FAL_MAX_COST) refuses what it cannot judge")
    if cost > limit:
        text = f"this call would cost {cost:g} {_LIMITED} ({why}), more than --max-cost"
        raise OverLimitError("over_limit", f"{text} (FAL_MAX_COST) {limit:g}: nothing was sent")


def _price(services: Services, ledger: Ledger, model: CalledModel) -> Price | None:
    model_id = str(model.model_id)
    with services.connected() as connection:
        return known_prices(connection, ledger, [model_id])[model_id]


def spent(
    connection: Connection,
    ledger: Ledger,
    since: float,
    by: Literal["model", "day"],
    model_ids: Collection[str] | None = None,
) -> list[Spending]:
    """Return what the jobs cost that were begun after a time (UTC seconds), by model or by day.

    `model_ids` leaves out other models' jobs. Jobs whose unit price nobody has asked yet get
    today's, which is written down with them. Where fal does not tell prices, the report says so
    and they stay unpriced. Raises LocalError.
    """
    open_models = ledger.unpriced_models(since, model_ids)
    try:
        prices = known_prices(connection, ledger, open_models) if open_models else {}
    except FalError as error:
        if error.exit_status == 9:
            raise
        connection.report(f"no prices: {error}")
        prices = {}
    for priced, price in prices.items():
        if price is not None:
            ledger.keep_unit_price(priced, price)
    return ledger.spent(since, by, model_ids)


class _UncountableError(Exception):
    """The units of an input cannot be told; the text says why."""


def estimate(price: Price | None, body: Mapping[str, Any], document: SchemaDocument) -> Estimate:
    """Return what an input would cost by the unit price.

    A field that the body leaves out counts with its default. Where a field may be billed by tiers,
    which the price list does not show, the cost is unknown.
    """
    if price is None:
        return Estimate(None, "fal lists no price of this model")
    if not document.known:
        return Estimate(
            None, "the model's input is not known here, so nothing can be counted in it"
        )
    fields = document.fields().items()
    given = {name: found[0] for name, field in fields if (found := document.defaults([field]))}
    given |= body
    unit = price.unit.lower().replace(",", "").replace("1k ", "1000 ")
    unit = re.sub(r"[^a-z0-9]+", " ", unit).strip().removesuffix("s")
    unit = re.sub(r"^(generated|output|video) (?=.)", "", unit)
    try:
        units, basis = _counted(unit, given)
    except _UncountableError as error:
        return Estimate(None, str(error))
    flat = round(units * price.unit_price, 6)
    tiers = _tiers(unit, given, document)
    if tiers:
        return Estimate(
            None,
            f"{basis} would be {flat:g} {price.currency} at the listed price, but "
            f"{', '.join(tiers)} may change what is billed",
        )
    return Estimate(flat, f"{basis} at {price}", units)


def _counted(unit: str, given: Mapping[str, Any]) -> tuple[float, str]:
    """Return how many units an input is billed for, and what was counted."""
    if unit in _RUNS:
        return 1, "1 request"
    if unit in _COUNTS:
        count = _pieces(given, unit)
        return count, _words(count, unit)
    if unit == "megapixel":
        images, (width, height) = _pieces(given, "image"), _size(given)
        each = -(-width * height // _MEGAPIXEL)
        size = f"{width} x {height}, {_words(each, 'megapixel')} each"
        return images * each, f"{_words(images, 'image')} of {size} (one that is begun counts)"
    if unit in ("second", "minute"):
        seconds, basis = _seconds(given)
        return (seconds if unit == "second" else seconds / 60), basis
    if unit in ("character", "1000 character"):
        name = next((each for each in _TEXTS if isinstance(given.get(each), str)), None)
        if name is None:
            raise _UncountableError("which text is counted cannot be told from the input")
        count = len(given[name])
        basis = f"{count:,} characters of {name}"
        return (count if unit == "character" else count / 1000), basis
    units = f"{unit or 'unit'}s"
    raise _UncountableError(f"how many {units} an input is billed for cannot be told from it")


def _pieces(given: Mapping[str, Any], kind: str) -> int:
    """Return how many results are asked for: 1 where no field says so."""
    counts = [given[name] for name in _COUNTS[kind] if given.get(name) is not None]
    if _whole(given.get("max_images")) not in (None, 1):
        raise _UncountableError("max_images leaves open how many images there will be")
    count = _whole(counts[0]) if counts else 1
    if count is None or len(counts) > 1:
        raise _UncountableError("how many results there will be cannot be told from the input")
    return count


def _size(given: Mapping[str, Any]) -> tuple[int, int]:
    asked = given.get("image_size")
    if isinstance(asked, str) and asked in IMAGE_SIZES:
        return IMAGE_SIZES[asked]
    if asked is not None and not isinstance(asked, dict):
        raise _UncountableError("how large the image will be cannot be told from image_size")
    place = given if asked is None else asked
    width, height = (_whole(place.get(side)) for side in ("width", "height"))
    if width is None or height is None:
        raise _UncountableError("how large the image will be cannot be told from the input")
    return width, height


def _seconds(given: Mapping[str, Any]) -> tuple[float, str]:
    for name in ("duration", "duration_seconds", "seconds", "video_length", "seconds_total"):
        found = _NUMBER.fullmatch(str(given[name])) if given.get(name) is not None else None
        if found is not None:
            seconds = float(found[1])
            return seconds, f"{seconds:g} seconds ({name})"
    frames = _whole(given.get("num_frames"))
    rate = _whole(given.get("frames_per_second")) or _whole(given.get("fps"))
    if frames is not None and rate:
        return frames / rate, f"{frames} frames at {rate} a second"
    raise _UncountableError("how long it will be cannot be told from the input")


def _tiers(unit: str, given: Mapping[str, Any], document: SchemaDocument) -> list[str]:
    """Return the fields that may change what is billed, by more than what was counted.

    A length does not change what a second costs, and may well change what a video or a run does.
    Where time is billed, that of a film or a sound that goes in may be billed as well.
    """
    by_piece, by_time = unit in ("video", *_RUNS), unit in ("second", "minute")
    found = []
    for name, field in document.fields().items():
        has_choice = bool(document.types(field) & {"boolean", "number", "integer"})
        has_choice = has_choice or len(document.choices([field])) > 1
        is_tier = _TIERS.search(name) is not None or (by_piece and name == "duration")
        goes_in = name in given and document.file_kind([field]) in ("video", "audio")
        if name not in document.hidden() and ((is_tier and has_choice) or (by_time and goes_in)):
            found.append(name)
    return found


def _whole(value: ReceivedJson) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return None


def _words(count: float, noun: str) -> str:
    return f"{count:g} {noun}{'s' if count != 1 else ''}"
