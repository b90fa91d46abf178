"""Following the references of a self-contained schema."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Schema", "followed"]

Schema = Mapping[str, Any]
CHAIN = 12


def followed(schema: Schema, root: Schema) -> Schema:
    """Return `schema` with its reference into `root` followed; the keywords beside it win.

    A chain that leads back to itself says nothing: `{}`.
    """
    for _ in range(CHAIN):
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return schema
        name = reference.removeprefix("#/$defs/").replace("%25", "%")
        name = name.replace("~1", "/").replace("~0", "~")
        target = root.get("$defs", {}).get(name, {})
        schema = {**target, **{key: schema[key] for key in schema if key != "$ref"}}
    return {}
