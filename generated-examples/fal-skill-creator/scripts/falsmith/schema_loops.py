"""References that lead back to themselves without entering the value: no reader could end them."""

from collections.abc import Iterator
from typing import Any

__all__ = ["cut_loops", "escaped", "unescaped"]

POINTER = "#/$defs/"


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


def _references(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield each schema with a reference that speaks of the same value as `schema`."""
    if "$ref" in schema:
        yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            yield from _references(branch)
