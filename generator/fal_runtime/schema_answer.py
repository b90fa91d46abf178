"""What `--schema` prints: the whole input schema while it is short, one field always in full."""

import json
from collections.abc import Mapping
from typing import Any

from .errors import UsageError
from .schema_walk import Schema, SchemaDocument
from .wording import closest, describe, shortened

__all__ = ["schema_answer"]

_LONGEST = 10_000


def schema_answer(document: SchemaDocument, field: str) -> dict[str, Any]:
    """Return the input schema, or with `field` that field's schema and the definitions it uses.

    A schema that would pass 10,000 characters is given as an outline, and its `$comment` says so.
    Raises UsageError for a field that the schema does not have.
    """
    if not field:
        whole = dict(document.root)
        return whole if len(json.dumps(whole, indent=2)) < _LONGEST else _outline(document)
    fields = document.fields()
    name = next((n for n in (field, field.replace("-", "_")) if n in fields), None)
    if name is None:
        near = closest(field, fields)
        hint = f" Did you mean {near}?" if near else ""
        raise UsageError(
            "usage", f"the input has no field {field[:60]!r}.{hint} Its fields: {', '.join(fields)}"
        )
    return _in_full(fields[name], document)


def _in_full(schema: Schema, document: SchemaDocument) -> dict[str, Any]:
    given = document.root.get("$defs")
    definitions: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        found = [name for name in definitions if json.dumps(f"#/$defs/{name}") in text]
        waiting += [definitions[name] for name in found if name not in used]
        used |= {name: definitions[name] for name in found}
    whole = dict(schema) if isinstance(schema, Mapping) else {"$comment": "any value"}
    return whole | ({"$defs": used} if used else {})


def _outline(document: SchemaDocument) -> dict[str, Any]:
    fields = document.fields()
    for length in (300, 150, 80):
        told = {
            "$comment": "shortened: --schema FIELD prints one field in full",
            "required": list(document.required()),
            "properties": {
                name: {"$comment": shortened(describe(schema, document), length)}
                for name, schema in fields.items()
            },
        }
        if len(json.dumps(told, indent=2)) < _LONGEST:
            break
    return told
