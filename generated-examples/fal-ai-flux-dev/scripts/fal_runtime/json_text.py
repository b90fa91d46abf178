"""The one reader of JSON: strict for what people write, forgiving for what came over a wire."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias, Union

# A JSON value of an input: what it holds is checked where it is read.
Value: TypeAlias = Any

# A JSON value of an answer: what it holds is not known before it is looked at.
ReceivedJson: TypeAlias = Union[
    bool, int, float, str, "list[ReceivedJson]", "dict[str, ReceivedJson]", None
]

# No model's input is nested this deep, and every walk over an input may then recurse.
_DEEPEST = 64
# Far deeper than any answer, and shallow enough for every recursive walk of this package.
_DEEPEST_ANSWER = 200
# The catalogue's 1,080 documents have 150,000 together; of two bytes each makes a hundred.
_MOST_CONTAINERS = 1_000_000
# More than a double can hold: no JSON number of a model.
_MOST_DIGITS = 310


class JsonTextError(ValueError):
    """A text is not the JSON that is wanted: `reason` on one line, the place below it."""

    def __init__(self, reason: str, excerpt: str = "") -> None:
        super().__init__(reason + excerpt)
        self.reason = reason


def parse_json(
    text: str | bytes,
    *,
    deepest: int = _DEEPEST,
    duplicates: bool = False,
    outside: Callable[[str], Value] | None = None,
) -> Value:
    """Return the value of a JSON text (RFC 8259), whole numbers exact.

    Args:
        text: The text; bytes are UTF-8, with or without a byte order mark.
        deepest: How many levels of lists and objects there may be.
        duplicates: Whether a name may stand twice in one object; the last one counts.
        outside: Returns what stands for NaN, Infinity and numbers beyond a double's range, by their
            digits; without it they are refused.

    Raises:
        JsonTextError: It is no such JSON; the message says where and why.

    """
    content = _decoded(text)
    containers = content.count("[") + content.count("{")
    if containers > _MOST_CONTAINERS:
        raise JsonTextError(f"it holds more than {_MOST_CONTAINERS:,} lists and objects")
    number = outside or _refuse
    try:
        value = json.loads(
            content,
            parse_constant=number,
            parse_float=lambda digits: x if math.isfinite(x := float(digits)) else number(digits),
            parse_int=lambda digits: int(digits) if len(digits) < _MOST_DIGITS else number(digits),
            object_pairs_hook=None if duplicates else _unique,
        )
    except json.JSONDecodeError as error:
        raise _syntax_error(error) from None
    except RecursionError:
        raise _too_deep(deepest) from None
    if containers > deepest and _is_deeper(value, deepest):
        raise _too_deep(deepest)
    return value


def read_json(text: str | bytes) -> ReceivedJson:
    """Return the value of a JSON text that came over a wire; what JSON lacks becomes None.

    Raises JsonTextError for a text that is no JSON or is nested deeper than any real answer.
    """
    value: ReceivedJson = parse_json(
        text, deepest=_DEEPEST_ANSWER, duplicates=True, outside=lambda _digits: None
    )
    return value


def unsendable(value: Value) -> str | None:
    """Return why a Python value cannot be sent as JSON in UTF-8, None when it can."""
    if _is_deeper(value, _DEEPEST):
        return f"it nests more than {_DEEPEST} levels deep"
    return next((reason for part in walk(value) if (reason := _unsendable_alone(part))), None)


def walk(value: Value) -> Iterator[Any]:
    """Yield a value and everything in it: the names of its objects too."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part


def put(whole: Value, location: Sequence[str | int], new: Value) -> None:
    """Replace the value that stands at a place inside a JSON value."""
    for step in location[:-1]:
        whole = whole[step]
    whole[location[-1]] = new


def _unsendable_alone(part: Value) -> str | None:
    if isinstance(part, float) and not math.isfinite(part):
        return f"{part} is no JSON number"
    if isinstance(part, int) and part.bit_length() > 1024:
        return f"the number has more than {_MOST_DIGITS - 2} digits"
    if isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part):
        return "it holds half a character (a lone surrogate), which UTF-8 cannot carry"
    if isinstance(part, dict) and not all(isinstance(name, str) for name in part):
        return "an object's names must be texts"
    sendable = part is None or isinstance(part, str | int | float | list | dict)
    return None if sendable else f"a {type(part).__name__} is no JSON value"


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonTextError(f"byte {error.start} is not UTF-8 text") from None


def _syntax_error(error: json.JSONDecodeError) -> JsonTextError:
    """Return the error with line, column and the place itself with a caret under it.

    A text that is cut off is shown where it ends, before the line breaks that follow.
    """
    text = error.doc.rstrip()
    if not text:
        return JsonTextError("it is empty, JSON was expected")
    place = min(error.pos, len(text))
    before, after = text[:place].rpartition("\n")[2], text[place:].partition("\n")[0]
    shown = "".join(c if c.isprintable() else " " for c in before[-30:] + after[:30])
    caret = " " * len(before[-30:]) + "^"
    is_cut = place == len(text) or error.msg.startswith("Unterminated string")
    wrong = "the JSON is cut off" if is_cut else "it is not valid JSON"
    message = error.msg.removesuffix(" at")
    hint = " (JSON needs double quotes)" if after[:1] == "'" else ""
    where = f"line {text.count(chr(10), 0, place) + 1}, column {len(before) + 1}"
    return JsonTextError(f"{wrong}: {message}{hint} at {where}", f":\n  {shown}\n  {caret}")


def _too_deep(deepest: int) -> JsonTextError:
    return JsonTextError(f"it nests more than {deepest} levels deep")


def _refuse(digits: str) -> NoReturn:
    if not digits[-1].isdigit():
        raise JsonTextError(f"{digits} is no JSON number")
    of = f"..., of {len(digits):,} digits," if len(digits) > 40 else ""
    raise JsonTextError(f"the number {digits[:40]}{of} is too large")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise JsonTextError(f"the name {json.dumps(name)[:60]} stands twice in one object")
        members[name] = value
    return members


def _is_deeper(value: Value, limit: int) -> bool:
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(limit):
        # A tuple of types, and one loop: this runs over every document of a catalogue.
        layer = [
            part
            for each in layer
            for part in (each.values() if isinstance(each, dict) else each)
            if isinstance(part, (dict, list))
        ]
        if not layer:
            return False
    return bool(layer)
