"""References that no reader could follow to their end: loops, long chains, unions of unions."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

__all__ = ["cut_loops", "expands_without_end"]

POINTER = "#/$defs/"
# Real chains have two links. Recursive readers take several calls for each level of a schema.
DEEPEST = 30
# The catalogue's widest place takes fewer than 100; a validator takes seconds for 100,000.
MOST_EXPANSIONS = 10_000
# Each place is read a few times.
MOST_OF_ALL_PLACES = 200_000


def cut_loops(definitions: dict[str, Any]) -> list[str]:
    """Remove each reference that leads back to where it stands, or further than DEEPEST levels.

    Only references that speak of the same value count: a tree that holds trees stays, because its
    reference stands in a member. Returns the names of the definitions that the removed references
    named; what is left there allows anything.
    """
    cut: list[str] = []
    # How many levels a finished definition has, from itself to the last one that it leads to.
    heights: dict[str, int] = {}
    for first, definition in definitions.items():
        way = {} if first in heights else {first: list(_references(definition))}
        while way:
            name, references = next(reversed(way.items()))
            if not references:
                heights[name] = _height(definitions[name], heights)
                del way[name]
                continue
            level, schema = references[-1]
            target = _named(schema)
            if target not in heights and target not in way:
                # Its reference is looked at again, when it is known how far the target leads.
                way[target] = list(_references(definitions[target]))
                continue
            references.pop()
            if target in way or level + heights[target] > DEEPEST:
                del schema["$ref"]
                cut.append(target)
    return cut


def expands_without_end(schema: dict[str, Any], definitions: dict[str, Any]) -> bool:
    """Return whether values have to be held against more schemas than anyone could wait for.

    Args:
        schema: The outermost schema.
        definitions: What its references name, all of them, without loops.

    """
    counts: dict[str, int] = {}
    for name in definitions:
        _count_definition(name, definitions, counts)
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


def _height(schema: dict[str, Any], heights: Mapping[str, int]) -> int:
    return max((level + heights[_named(one)] for level, one in _references(schema)), default=1)


def _count_definition(name: str, definitions: dict[str, Any], counts: dict[str, int]) -> int:
    """Return how many schemas a definition and its references hold for one value.

    A chain of doubling definitions would count beyond any number.
    """
    if name not in counts:
        for _, reference in _references(definitions[name]):
            _count_definition(_named(reference), definitions, counts)
        counts[name] = min(_count(definitions[name], counts), MOST_EXPANSIONS + 1)
    return counts[name]


def _count(schema: dict[str, Any], counts: Mapping[str, int]) -> int:
    parts = (part for _, part in _together(schema))
    return sum(1 + (counts[_named(part)] if "$ref" in part else 0) for part in parts)


def _places(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every schema that is written inside `schema` and speaks of another value."""
    for _, part in _together(schema):
        inner = [part.get("items"), part.get("additionalProperties")]
        inner += [*part.get("prefixItems", ()), *part.get("properties", {}).values()]
        for place in inner:
            if isinstance(place, dict):
                yield place
                yield from _places(place)


def _references(schema: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each schema with a reference that speaks of the same value as `schema`."""
    return ((level, part) for level, part in _together(schema) if "$ref" in part)


def _together(schema: dict[str, Any], level: int = 1) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield, with its level, every schema inside `schema` that speaks of the same value."""
    yield level, schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _together(branch, level + 1)


def _named(schema: Mapping[str, Any]) -> str:
    """Return the name of the definition that a schema refers to."""
    name: str = schema["$ref"].removeprefix(POINTER).replace("%25", "%")
    return name.replace("~1", "/").replace("~0", "~")
