"""Where a JSON Schema holds schemas, and how many of them speak of one value."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from fal_runtime.schema.document import SchemaDocument
from fal_runtime.schema.steps import children, in_place

__all__ = ["MOST_EXPANSIONS", "defined", "expansion", "subschemas"]

# Where definitions stand; none of them speaks of a value by itself.
DEFINITIONS = ("$defs", "definitions")
MOST_EXPANSIONS = 100_000
DEEPEST = 60


def subschemas(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and every schema inside it, definitions included."""
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += children(part)
            waiting += [one for named in DEFINITIONS for one in _values(part.get(named))]


def defined(root: Mapping[str, Any], reference: object) -> object:
    """Return the schema that `#/$defs/NAME` or `#` names in the document, None for any other."""
    if reference == "#":
        return root
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    name = unquote(reference.removeprefix("#/$defs/")).replace("~1", "/").replace("~0", "~")
    definitions = root.get("$defs")
    return definitions.get(name) if isinstance(definitions, Mapping) else None


def expansion(
    root: Mapping[str, Any], known: dict[int, int], schema: object, depth: int = 0
) -> int:
    """Return how many schemas speak of the same value once `$ref` and unions are followed.

    `known` remembers results between calls. A schema that refers to itself without moving into
    the value has no end: that, like any count above MOST_EXPANSIONS, is
    returned as MOST_EXPANSIONS + 1.
    """
    if not isinstance(schema, Mapping):
        return 1
    if depth > DEEPEST:
        return MOST_EXPANSIONS + 1
    if id(schema) not in known:
        known[id(schema)] = MOST_EXPANSIONS + 1
        parts = in_place(SchemaDocument(root), schema)
        inside = (expansion(root, known, part, depth + 1) for part in parts)
        known[id(schema)] = min(1 + sum(inside), MOST_EXPANSIONS + 1)
    return known[id(schema)]


def _values(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, Mapping) else []
