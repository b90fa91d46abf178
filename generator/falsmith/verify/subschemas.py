"""Where a JSON Schema holds schemas, and how many of them speak of one value."""

from collections.abc import Iterator, Mapping
from typing import Any

from fal_runtime.schema.document import SchemaDocument

__all__ = ["MOST_EXPANSIONS", "defined", "expansion", "subschemas"]

# The keywords under which schemas stand: one, a list of them, or several by name.
HOLDERS = (
    "$defs", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "definitions",
    "dependentSchemas", "else", "if", "items", "not", "oneOf", "patternProperties", "prefixItems",
    "properties", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
BY_NAME = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
MOST_EXPANSIONS = 100_000
DEEPEST = 60


def subschemas(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and every schema inside it, definitions included."""
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            yield part
            waiting += [
                part[keyword] for keyword in HOLDERS if keyword in part and keyword not in BY_NAME
            ]
            named = [part[keyword] for keyword in BY_NAME if isinstance(part.get(keyword), Mapping)]
            waiting += [one for schemas in named for one in schemas.values()]


def defined(root: Mapping[str, Any], reference: object) -> object:
    """Return the schema that `#/$defs/NAME` or `#` names in the document, None for any other."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/$defs/")):
        return None
    found = SchemaDocument(root).target({"$ref": reference})
    return found if isinstance(found, Mapping) else None


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
        parts = SchemaDocument(root).in_place(schema)
        inside = (expansion(root, known, part, depth + 1) for part in parts)
        known[id(schema)] = min(1 + sum(inside), MOST_EXPANSIONS + 1)
    return known[id(schema)]
