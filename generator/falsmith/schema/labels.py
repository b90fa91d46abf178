"""A schema in people's words: its type, its choices and its limits, each short.

`parts` are the schema's branches, as `branches.branches` gives them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fal_runtime.schema.document import Schema
from falsmith.documents import Json
from falsmith.schema.branches import branches

__all__ = ["choices", "has_few_lists", "limits", "type_label"]

# Lists of lists of lists are named; the catalogue has none that go deeper.
DEPTH = 3
# The catalogue's unions have two lists at most.
MOST_LISTS = 4
FIELDS_SHOWN = 6
LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
LIMITS |= {"minLength", "maxLength", "minItems", "maxItems"}


def type_label(parts: Sequence[Schema], root: Schema, depth: int = 0) -> str:
    """Return the type in words: `integer`, `enum or object {width, height}`, `list of string`."""
    if len(parts) == 1:
        return _plain_label(parts[0], root, depth) or "any"
    depth = depth if has_few_lists(parts) else DEPTH
    labels = dict.fromkeys(_plain_label(part, root, depth) for part in parts)
    if "number" in labels:
        labels.pop("integer", None)
    return " or ".join(labels) or "any"


def choices(parts: Sequence[Schema], root: Schema, depth: int = 0) -> tuple[Json, ...]:
    """Return the allowed values of a schema or a union's branches, or of a list's items."""
    found: list[Json] = []
    depth = depth if has_few_lists(parts) else DEPTH
    for part in parts:
        if "const" in part:
            found.append(part["const"])
        found += [value for value in part.get("enum", ()) if value is not None]
        if isinstance(part.get("items"), Mapping) and depth < DEPTH:
            found += choices(branches(part["items"], root), root, depth + 1)
    return tuple(found)


def limits(parts: Sequence[Schema]) -> str:
    """Return the limits in words: `1..4`, `up to 2500 characters`, `1..3 items`."""
    found = [limit for part in parts if not LIMITS.isdisjoint(part) for limit in _limits(part)]
    return ", ".join(dict.fromkeys(found))


def file_limits_label(schema: Schema, description: str) -> str:
    """Return in words what a file must keep to, as far as its description does not say it."""
    data = schema.get("x-file-limits")
    if not data:
        return ""
    found = (words(data) for words, stated in FILE_LIMITS if not stated.search(description))
    return ", ".join(filter(None, found))


def has_few_lists(parts: Sequence[Schema]) -> bool:
    """Return whether a union has so few lists that each can be looked into."""
    return len(parts) <= MOST_LISTS or sum("items" in part for part in parts) <= MOST_LISTS


def _plain_label(schema: Schema, root: Schema, depth: int) -> str:
    if "enum" in schema or "const" in schema:
        return "enum"
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(str(one) for one in kind if one != "null")
    if kind == "array" and depth < DEPTH:
        items = schema.get("items", {})
        first = schema.get("prefixItems", [items if isinstance(items, Mapping) else {}])
        parts = [branch for part in first[:MOST_LISTS] for branch in branches(part, root)]
        return "list of " + type_label(parts, root, depth + 1)
    if "properties" in schema:
        names = list(schema["properties"])
        more = ", ..." if len(names) > FIELDS_SHOWN else ""
        return f"object {{{', '.join(names[:FIELDS_SHOWN])}{more}}}"
    return kind if isinstance(kind, str) else "any"


def _limits(schema: Schema) -> Iterator[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if schema.get("type") == "integer" and least is None and isinstance(above, int):
        least, above = above + 1, None
    if least is not None and most is not None:
        yield f"{least}..{most}"
    elif least is not None or most is not None:
        yield f">= {least}" if most is None else f"<= {most}"
    yield from (f"> {above}" for _ in (above,) if above is not None)
    yield from (f"< {below}" for _ in (below,) if below is not None)
    yield from (f"multiple of {schema[key]}" for key in ("multipleOf",) if key in schema)
    if "x-file" not in schema:
        yield from _span(schema.get("minLength"), schema.get("maxLength"), "character")
    yield from _span(schema.get("minItems"), schema.get("maxItems"), "item")


def _size(data: Mapping[str, Any]) -> str:
    size = data.get("max_bytes")
    # The platform counts 1,000 or 1,024 to a kilobyte, and shows 100 MB for both.
    unit = 1e6 if size and size % 1_000_000 == 0 else 1024**2
    return f"<= {size / unit:.3g} MB" if size else ""


def _pixels(data: Mapping[str, Any]) -> str:
    sides = [_between(data, f"min_{side}", f"max_{side}") for side in ("width", "height")]
    named = [
        f"{side} {span}" for side, span in zip(("width", "height"), sides, strict=True) if span
    ]
    words = f"each side {sides[0]}" if sides[0] and sides[0] == sides[1] else ", ".join(named)
    area = f"<= {data['max_pixels'] / 1e6:.3g} megapixels" if "max_pixels" in data else ""
    return ", ".join(filter(None, (words and f"{words} px", area)))


def _shape(data: Mapping[str, Any]) -> str:
    ratio = _between(data, "min_aspect_ratio", "max_aspect_ratio")
    return f"width : height {ratio}" if ratio else ""


def _length(data: Mapping[str, Any]) -> str:
    seconds = _between(data, "min_duration", "max_duration")
    return f"{seconds} s" if seconds else ""


def _between(data: Mapping[str, Any], least: str, most: str) -> str:
    low, high = data.get(least), data.get(most)
    if low is not None and high is not None:
        return f"{low}..{high}"
    return f"<= {high}" if high is not None else f">= {low}" if low is not None else ""


# The words for each kind of limit, and what a description has where it speaks of it.
FILE_LIMITS: tuple[tuple[Callable[[Mapping[str, Any]], str], re.Pattern[str]], ...] = (
    (_size, re.compile(r"\d ?[kmg]b", re.IGNORECASE)),
    (
        _pixels,
        re.compile(r"\d ?(?:px|pixels|mp\b|megapixels)|\d ?x ?\d|width|resolution", re.IGNORECASE),
    ),
    (_shape, re.compile(r"aspect ratio", re.IGNORECASE)),
    (_length, re.compile(r"duration|second|\d ?s\b", re.IGNORECASE)),
)


def _span(least: int | None, most: int | None, noun: str) -> Iterator[str]:
    unit = noun if most == 1 else f"{noun}s"
    if least and least == most:
        yield f"{least} {unit}"
    elif least and most is not None:
        yield f"{least}..{most} {unit}"
    elif most is not None:
        yield f"up to {most} {unit}"
    elif least and least > 1:
        yield f"at least {least} {unit}"
