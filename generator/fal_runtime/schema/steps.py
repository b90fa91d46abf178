"""How much work it is to hold a value against a schema."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from fal_runtime.schema.document import Schema, SchemaDocument

__all__ = ["MOST_STEPS", "children", "in_place", "steps"]

# A catalogue's largest example takes some thousand steps; for this many, seconds are enough.
MOST_STEPS = 500_000
# A validator takes so many times longer for it than for another schema.
_STEPS_OF_REFERENCE = 10

# Returns the schemas that stand under a keyword.
_Reader: TypeAlias = Callable[[Any], list[Schema]]


def _one(schema: Schema) -> list[Schema]:
    return [schema]


def _listed(schemas: object) -> list[Schema]:
    return schemas if isinstance(schemas, list) else []


def _named(schemas: object) -> list[Schema]:
    return list(schemas.values()) if isinstance(schemas, Mapping) else []


# JSON Schema 2020-12, applicator vocabulary: what stands under the keyword, by what it is for.
_IN_PLACE: dict[str, _Reader] = {
    "allOf": _listed,
    "anyOf": _listed,
    "oneOf": _listed,
    "dependentSchemas": _named,
}
_IN_PLACE |= dict.fromkeys(("not", "if", "then", "else"), _one)
_OF_ANY_PART: dict[str, _Reader] = {"prefixItems": _listed, "patternProperties": _named}
_OF_ANY_PART |= dict.fromkeys(
    (
        "items", "additionalProperties", "contains", "propertyNames",
        "unevaluatedItems", "unevaluatedProperties", "contentSchema",
    ),
    _one,
)  # fmt: skip
_ALL = {**_IN_PLACE, **_OF_ANY_PART, "properties": _named}
_COSTLY = frozenset({"$ref", "enum", "uniqueItems", *_ALL})


def steps(document: SchemaDocument, value: object) -> int:
    """Return how many pairs of schema and value a validator visits, MOST_STEPS + 1 at most.

    Definitions that refer to one another can make that grow without bound with each level of the
    value, while schema and value stay small.
    """
    waiting: list[tuple[Schema, object]] = [(document.root, value)]
    count = 0
    while waiting and count <= MOST_STEPS:
        schema, part = waiting.pop()
        if not isinstance(schema, Mapping):
            continue
        count += _STEPS_OF_REFERENCE if "$ref" in schema else 1
        if not _COSTLY.isdisjoint(schema):
            count += _comparisons(schema, part)
            waiting += [(other, part) for other in in_place(document, schema)]
            if isinstance(part, dict | list):
                waiting += _of_parts(schema, part)
    return min(count, MOST_STEPS + 1)


def children(schema: Mapping[str, Any]) -> list[Schema]:
    """Return the schemas that are written directly inside `schema`, but for its definitions."""
    return _inside(schema, _ALL)


def in_place(document: SchemaDocument, schema: Mapping[str, Any]) -> list[Schema]:
    """Return the schemas that speak of the same value as `schema`, which names them."""
    found = [document.target(schema)] if "$ref" in schema else []
    return found + _inside(schema, _IN_PLACE)


def _inside(schema: Mapping[str, Any], keywords: Mapping[str, _Reader]) -> list[Schema]:
    found = []
    for keyword in schema:
        if keyword in keywords:
            found += keywords[keyword](schema[keyword])
    return found


def _of_parts(
    schema: Mapping[str, Any], value: dict[Any, Any] | list[Any]
) -> Iterator[tuple[Schema, object]]:
    named = schema.get("properties")
    named = named if isinstance(named, Mapping) else {}
    others = _inside(schema, _OF_ANY_PART)
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for name, part in entries:
        if name in named:
            yield named[name], part
        for other in others:
            yield other, part


def _comparisons(schema: Mapping[str, Any], value: object) -> int:
    choices = len(_listed(schema.get("enum")))
    pairs = len(value) ** 2 if isinstance(value, list) and schema.get("uniqueItems") else 0
    return choices + pairs
