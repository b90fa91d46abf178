"""What is known of one model, and the strict reader that every JSON from outside goes through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NoReturn, TypeAlias

from falsmith.errors import DocumentError

__all__ = ["SIZE_LIMIT", "Documents", "Json", "load_json"]

# Any, because the shape of upstream JSON is never known: who uses a value checks it there.
Json: TypeAlias = Any

# The largest document of the catalogue has 66 KB, a list page of 50 documents less than 1 MB.
SIZE_LIMIT = 32 * 1024 * 1024
# Real documents nest about 20 levels; the limit keeps every recursive reader behind it safe.
DEPTH_LIMIT = 100
DIGITS_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Documents:
    """A model's two documents: its list metadata, which may be empty, and its OpenAPI document."""

    model_id: str
    metadata: Mapping[str, Json]
    openapi: Mapping[str, Json]


def load_json(data: bytes, origin: str) -> Json:
    """Return the value of a JSON text, or raise DocumentError saying what is wrong with `origin`.

    UTF-8 with or without a byte order mark; at most 32 MiB, 100 levels, finite numbers only.
    """
    if len(data) > SIZE_LIMIT:
        raise _refusal(origin, f"{len(data) >> 20} MiB are too many, {SIZE_LIMIT >> 20} are read")
    value = _parse(_decode(data, origin), origin)
    if _is_too_deep(value):
        raise _too_deep(origin)
    return value


def _decode(data: bytes, origin: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(origin, f"byte {error.start} is not UTF-8 text") from None
    if not text.strip():
        raise _refusal(origin, "it is empty, JSON was expected")
    return text


def _parse(text: str, origin: str) -> Json:
    try:
        return json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise _refusal(origin, _place(error, text)) from None
    except RecursionError:
        raise _too_deep(origin) from None
    except ValueError as error:
        raise _refusal(origin, f"a number in it cannot be read: {error}") from None


def _place(error: json.JSONDecodeError, text: str) -> str:
    reason = "it is not valid JSON"
    if not text[error.pos :].strip() or error.msg.startswith("Unterminated string"):
        reason = "the JSON is cut off"
    return f"{reason}: {error.msg}, line {error.lineno}, column {error.colno}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if isfinite(number):
        return number
    raise ValueError(f"{digits[:40]} is too large")


def _integer(digits: str) -> int:
    # Exact beyond 2^53, but never so large that comparing it with a float would overflow.
    if len(digits) <= DIGITS_LIMIT:
        return int(digits)
    raise ValueError(f"an integer of {len(digits)} digits is too large")


def _is_too_deep(value: Json) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEPTH_LIMIT):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
    return bool(level)


def _too_deep(origin: str) -> DocumentError:
    return _refusal(origin, f"it nests more than {DEPTH_LIMIT} levels deep")


def _refusal(origin: str, reason: str) -> DocumentError:
    return DocumentError(f"{origin} cannot be used: {reason}. Fetch the document again.")
