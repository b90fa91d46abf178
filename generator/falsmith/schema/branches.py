"""The schemas that a place of a self-contained schema comes down to."""

from collections.abc import Mapping

from fal_runtime.schema.document import COMBINING, Schema, SchemaDocument

__all__ = ["branches", "follow"]

# Real chains have two links, and a generated schema none of more than 30.
_LONGEST_CHAIN = 40


def follow(schema: Schema, root: Schema) -> Schema:
    """Return `schema` with its `$ref` into `root` followed; its own keywords win.

    A chain that leads back to itself says nothing: `{}`.
    """
    if "$ref" not in schema:
        return schema
    document = SchemaDocument(root)
    for _ in range(_LONGEST_CHAIN):
        if not isinstance(schema.get("$ref"), str):
            return schema
        target = document.target(schema)
        own = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
        schema = {**target, **own} if isinstance(target, Mapping) else own
    return {}


def branches(schema: Schema, root: Schema) -> tuple[Schema, ...]:
    """Return the schemas that a value may satisfy: `$ref` followed, unions flattened, no null.

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
        if "enum" in part or "const" in part:
            # Beside a union it says all that the union does, and more.
            nested = []
        waiting += reversed(nested)
        if not nested and _says_something(part):
            found.append(part)
    return tuple(found)


def _says_something(schema: Schema) -> bool:
    return schema.get("type") != "null" and schema.get("const", "") is not None
