"""Where a JSON Schema holds schemas, and how much work one of them can make."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["MOST_STEPS", "defined", "expansion", "steps", "subschemas"]

# JSON Schema 2020-12, applicator vocabulary: by what stands under the keyword, and what it is for.
IN_PLACE = ("not", "if", "then", "else")
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
OF_PARTS = (
    "items", "additionalProperties", "contains", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
OF_PARTS_LISTS = ("prefixItems",)
OF_PARTS_MAPS = ("properties", "patternProperties")
IN_PLACE_MAPS = ("dependentSchemas",)
DEFINITIONS = ("$defs", "definitions")
# A catalogue's largest example takes some thousand steps.
MOST_STEPS = 100_000
DEEPEST = 60


def subschemas(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and every schema inside it, definitions included."""
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += _under(part, IN_PLACE + OF_PARTS, IN_PLACE_LISTS + OF_PARTS_LISTS)
            waiting += _in_maps(part, OF_PARTS_MAPS + IN_PLACE_MAPS + DEFINITIONS)


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
    the value has no end: that, like any count above MOST_STEPS, is returned as MOST_STEPS + 1.
    """
    if not isinstance(schema, Mapping):
        return 1
    if depth > DEEPEST:
        return MOST_STEPS + 1
    if id(schema) not in known:
        known[id(schema)] = MOST_STEPS + 1
        inside = (expansion(root, known, part, depth + 1) for part in _in_place(root, schema))
        known[id(schema)] = min(1 + sum(inside), MOST_STEPS + 1)
    return known[id(schema)]


def steps(root: Mapping[str, Any], value: object) -> int:
    """Return how many pairs of schema and value a validator visits, MOST_STEPS + 1 at most."""
    waiting: list[tuple[object, object]] = [(root, value)]
    count = 0
    while waiting and count <= MOST_STEPS:
        schema, part = waiting.pop()
        if isinstance(schema, Mapping):
            count += 1 + _pairs(schema, part)
            waiting += [(other, part) for other in _in_place(root, schema)]
            waiting += _of_parts(schema, part)
    return min(count, MOST_STEPS + 1)


def _in_place(root: Mapping[str, Any], schema: Mapping[str, Any]) -> list[object]:
    found = [defined(root, schema["$ref"])] if "$ref" in schema else []
    return found + _under(schema, IN_PLACE, IN_PLACE_LISTS) + _in_maps(schema, IN_PLACE_MAPS)


def _of_parts(schema: Mapping[str, Any], value: object) -> Iterator[tuple[object, object]]:
    named = schema.get("properties")
    named = named if isinstance(named, Mapping) else {}
    others = _under(schema, OF_PARTS, OF_PARTS_LISTS) + _in_maps(schema, ("patternProperties",))
    entries = value.items() if isinstance(value, dict) else enumerate(_list(value))
    for name, part in entries:
        if name in named:
            yield named[name], part
        for other in others:
            yield other, part


def _pairs(schema: Mapping[str, Any], value: object) -> int:
    return len(value) ** 2 if schema.get("uniqueItems") and isinstance(value, list) else 0


def _under(
    schema: Mapping[str, Any], single: tuple[str, ...], lists: tuple[str, ...]
) -> list[object]:
    found = [schema[name] for name in single if name in schema]
    return found + [part for name in lists for part in _list(schema.get(name))]


def _in_maps(schema: Mapping[str, Any], names: tuple[str, ...]) -> list[object]:
    maps = [schema[name] for name in names if isinstance(schema.get(name), Mapping)]
    return [part for inside in maps for part in inside.values()]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
