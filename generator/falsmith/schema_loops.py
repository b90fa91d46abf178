"""References that no reader could follow to their end: loops, and unions of unions of unions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["cut_loops", "escaped", "expands_without_end", "unescaped"]

POINTER = "#/$defs/"
# The catalogue's widest place takes fewer than 100; a validator takes seconds for 100,000.
MOST_EXPANSIONS = 10_000


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
    """Tell whether one value has to be held against more schemas than anyone could wait for.

    Args:
        schema: The outermost schema.
        definitions: What its references name, all of them, without loops.

    """
    counts = _counts(definitions)
    if max(counts.values(), default=1) == 1:
        # No definition refers to another: every place holds as many schemas as stand there.
        return False
    places = (part for root in (schema, *definitions.values()) for part in _parts(root))
    return any(_count(part, counts) > MOST_EXPANSIONS for part in places)


def _counts(definitions: dict[str, Any]) -> dict[str, int]:
    """Return for each definition how many schemas it and its references hold for one value."""
    counts: dict[str, int] = {}
    waiting = list(definitions)
    while waiting:
        definition = definitions[waiting[-1]]
        targets = {unescaped(one["$ref"]) for one in _references(definition)} - counts.keys()
        if targets:
            waiting += sorted(targets)
        else:
            # A chain of doubling definitions would count beyond any number.
            counts[waiting.pop()] = min(_count(definition, counts), MOST_EXPANSIONS + 1)
    return counts


def _count(schema: dict[str, Any], counts: Mapping[str, int]) -> int:
    return 1 + sum(counts[unescaped(one["$ref"])] for one in _references(schema))


def _parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield `schema` and every schema that is written inside it."""
    yield schema
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        yield from _all_parts(schema.get(keyword, ()))
    inner = (schema.get("items"), schema.get("additionalProperties"))
    yield from _all_parts(part for part in inner if isinstance(part, dict))
    yield from _all_parts(schema.get("properties", {}).values())


def _all_parts(schemas: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for schema in schemas:
        yield from _parts(schema)


def _references(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each schema with a reference that speaks of the same value as `schema`."""
    if "$ref" in schema:
        yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _references(branch)
