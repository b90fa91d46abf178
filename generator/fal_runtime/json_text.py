"""Read JSON: what a person or an agent wrote strictly, what came over a wire forgivingly."""

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias, Union

__all__ = ["Json", "JsonTextError", "Value", "parse_json", "read_json", "unsendable"]

# A JSON value of an input: what it holds is checked where it is read.
Value: TypeAlias = Any

# A JSON value of an answer: what it holds is not known before it is looked at.
Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]

# No model's input is nested this deep, and every walk over an input may then recurse.
_DEEPEST = 64
# Far deeper than any answer, and shallow enough for every recursive walk of this package.
_DEEPEST_ANSWER = 200


class JsonTextError(ValueError):
    """A text is not the JSON that can be sent; its message says where and why."""


def parse_json(text: str) -> Value:
    """Return the value of a JSON text, whole numbers exact however large.

    Raises JsonTextError for what is not JSON (RFC 8259), for NaN and Infinity, numbers beyond a
    double's range, a name that stands twice in one object, and nesting deeper than 64 levels.
    """
    try:
        value = json.loads(
            text.removeprefix("\ufeff"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_unique,
        )
    except json.JSONDecodeError as error:
        raise JsonTextError(_excerpt(error)) from None
    except RecursionError:
        raise JsonTextError(f"it is nested deeper than {_DEEPEST} levels") from None
    if _is_deeper(value, _DEEPEST):
        raise JsonTextError(f"it is nested deeper than {_DEEPEST} levels")
    return value


def read_json(text: str | bytes) -> Json:
    """Return the value of a JSON text; NaN and the infinities, which JSON lacks, become None.

    Raises ValueError for a text that is no JSON or is nested deeper than any real answer.
    """
    try:
        value: Json = json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _is_deeper(value, _DEEPEST_ANSWER):
        raise ValueError("nested too deeply")
    return value


def unsendable(value: Value) -> str | None:
    """Return why a Python value cannot be sent as JSON in UTF-8, None when it can."""
    if _is_deeper(value, _DEEPEST):
        return f"it is nested deeper than {_DEEPEST} levels"
    return next((reason for part in _walk(value) if (reason := _unsendable_alone(part))), None)


def _unsendable_alone(part: Value) -> str | None:
    if isinstance(part, float) and not math.isfinite(part):
        return f"{part} is no JSON number"
    if isinstance(part, int) and part.bit_length() > 14_000:
        return "the number has more than 4,000 digits"
    if isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part):
        return "it holds half a character (a lone surrogate), which UTF-8 cannot carry"
    if isinstance(part, dict) and not all(isinstance(name, str) for name in part):
        return "an object's names must be texts"
    sendable = part is None or isinstance(part, str | int | float | list | dict)
    return None if sendable else f"a {type(part).__name__} is no JSON value"


def _excerpt(error: json.JSONDecodeError) -> str:
    """Return line, column and the place itself with a caret under it."""
    line = error.doc.split("\n")[error.lineno - 1]
    start = max(error.colno - 31, 0)
    shown = "".join(c if c.isprintable() else " " for c in line[start : error.colno + 29])
    caret = " " * (error.colno - 1 - start) + "^"
    hint = " (JSON needs double quotes)" if line[error.colno - 1 : error.colno] == "'" else ""
    where = f"line {error.lineno}, column {error.colno}"
    return f"{error.msg}{hint} at {where}:\n  {shown}\n  {caret}"


def _refuse_constant(name: str) -> NoReturn:
    raise JsonTextError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise JsonTextError(f"the number {text[:40]} is too large")
    return value


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise JsonTextError(f"the number {text[:40]}... has {len(text):,} digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise JsonTextError(f"the name {json.dumps(name)[:60]} stands twice in one object")
        found[name] = value
    return found


def _is_deeper(value: Value, limit: int) -> bool:
    layer = [value]
    for _ in range(limit + 1):
        layer = [part for each in layer for part in _inside(each)]
    return bool(layer)


def _walk(value: Value) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(_inside(part))
        waiting.extend(part if isinstance(part, dict) else ())


def _inside(value: Value) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
