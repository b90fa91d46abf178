"""Following the references of a self-contained schema."""

from collections.abc import Mapping
from typing import Any

from fal_runtime.schema.document import COMBINING
from falsmith.schema.loops import unescaped

__all__ = ["Schema", "branches", "follow"]

Schema = Mapping[str, Any]
# Real chains have two links; one that leads back to itself has no end.
LONGEST_CHAIN = 12


def follow(schema: Schema, root: Schema) -> Schema:
    """Return `schema` with its `$ref` into `root` followed; its own keywords win.

    A chain that leads back to itself says nothing: `{}`.
    """
    for _ in range(LONGEST_CHAIN):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        target = root.get("$defs", {}).get(unescaped(reference), {})
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return {}


def branches(schema: Schema, root: Schema) -> tuple[Schema, ...]:
    """Return the schemas that a value may satisfy, unions flattened, null left out.

    A definition is entered once, so that one which refers to itself comes to an end.
    """
    if COMBINING.isdisjoint(schema):
        # Most fields are plain: nothing to flatten.
        return (schema,) if _says_something(schema) else ()
    found: list[Schema] = []
    waiting, entered = [schema], set[str]()
    while waiting:
        part = waiting.pop()
        if part.get("$ref") in entered:
            continue
        entered |= {part["$ref"]} if "$ref" in part else set()
        part = follow(part, root)
        nested = [branch for key in ("anyOf", "oneOf", "allOf") for branch in part.get(key, ())]
        waiting += reversed(nested)
        if not nested and _says_something(part):
            found.append(part)
    return tuple(found)


def _says_something(schema: Schema) -> bool:
    return schema.get("type") != "null" and schema.get("const", "") is not None
