"""References that no reader could follow to their end: loops, and unions of unions of unions."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

__all__ = ["cut_loops", "escaped", "expands_without_end", "unescaped"]

POINTER = "#/$defs/"
# The catalogue's widest place takes fewer than 100; a validator takes seconds for 100,000.
MOST_EXPANSIONS = 10_000
# Each place is read a few times.
MOST_OF_ALL_PLACES = 200_000


def escaped(name: str) -> str:
    """Return a definition's name as it stands in a reference (RFC 6901, RFC 3986)."""
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")


def unescaped(reference: str) -> str:
    """Return the name of the definition that a reference names."""
    name = reference.removeprefix(POINTER).replace("%25", "%")
    return name.replace("~1", "/").replace("~0", "~")


def cut_loops(definitions: dict[str, Any]) -> list[str]:
    """Remove each reference that speaks of the same value as a definition it stands in.

    A tree that holds trees stays: its reference stands in a member. Returns the names of the
    definitions that such references named; what is left there allows anything.
    """
    cut: list[str] = []
    done: set[str] = set()
    for first, definition in definitions.items():
        way = {first: _references(definition)}
        while way:
            name, references = next(reversed(way.items()))
            schema = next(references, None)
            target = unescaped(schema["$ref"]) if schema is not None else ""
            if schema is None:
                done.add(name)
                del way[name]
            elif target in way:
                del schema["$ref"]
                cut.append(target)
            elif target not in done:
                way[target] = _references(definitions[target])
    return cut


def expands_without_end(schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Tell whether values have to be held against more schemas than anyone could wait for.

    Args:
        schema: The outermost schema.
        definitions: What its references name, all of them, without loops.

    """
    counts = _counts(definitions)
    if max(counts.values(), default=1) == 1:
        # No definition holds several: every place holds as many schemas as stand there.
        return False
    inside = (place for root in (schema, *definitions.values()) for place in _places(root))
    all_places = 0
    for place in chain([schema], inside):
        count = _count(place, counts)
        all_places += count
        if count > MOST_EXPANSIONS or all_places > MOST_OF_ALL_PLACES:
            return True
    return False


def _counts(definitions: dict[str, Any]) -> dict[str, int]:
    """Return for each definition how many schemas it and its references hold for one value."""
    counts: dict[str, int] = {}
    waiting = list(definitions)
    while waiting:
        name = waiting[-1]
        found = () if name in counts else _references(definitions[name])
        targets = {unescaped(one["$ref"]) for one in found} - counts.keys()
        waiting += sorted(targets)
        if not targets:
            # A chain of doubling definitions would count beyond any number.
            count = counts.get(name) or _count(definitions[name], counts)
            counts[waiting.pop()] = min(count, MOST_EXPANSIONS + 1)
    return counts


def _count(schema: dict[str, Any], counts: Mapping[str, int]) -> int:
    parts = _together(schema)
    return sum(1 + (counts[unescaped(one["$ref"])] if "$ref" in one else 0) for one in parts)


def _places(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every schema that is written inside `schema` and speaks of another value."""
    for part in _together(schema):
        inner = [part.get("items"), part.get("additionalProperties")]
        inner += [*part.get("prefixItems", ()), *part.get("properties", {}).values()]
        for place in inner:
            if isinstance(place, dict):
                yield place
                yield from _places(place)


def _references(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each schema with a reference that speaks of the same value as `schema`."""
    return (part for part in _together(schema) if "$ref" in part)


def _together(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield `schema` and every schema that is written inside it and speaks of the same value."""
    yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _together(branch)
