"""Say in a few words what a schema expects, what came instead, and where."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from fal_runtime.json_text import Value
from fal_runtime.schema.document import Location, Schema, SchemaDocument
from fal_runtime.text import cut, one_line, short_json

__all__ = ["describe", "few", "path_text"]

# By identity and depth, each schema and its words: unions of lists of unions hold the same ones
# again and again. The schema itself keeps its identity from passing to another.
_Descriptions: TypeAlias = dict[tuple[int, int], tuple[Schema, str]]

_FILE = "http(s) URL, data: URI or local path"


def describe(schema: Schema, document: SchemaDocument, *, choices: int = 8) -> str:
    """Return what a schema expects, such as `integer, 1 to 4` or `one of 3 choices: a, b, c`."""
    return _describe(schema, document, choices, 0, {})


def _describe(
    schema: Schema, document: SchemaDocument, choices: int, depth: int, known: _Descriptions
) -> str:
    if not isinstance(schema, Mapping) or depth > 3:
        return "any value"
    key = (id(schema), depth)
    if key not in known:
        known[key] = (schema, _describe_whole(schema, document, choices, depth, known))
    return known[key][1]


def _describe_whole(
    schema: Mapping[str, Any],
    document: SchemaDocument,
    choices: int,
    depth: int,
    known: _Descriptions,
) -> str:
    branches = _branches(schema, document)
    if branches:
        words = [_describe(b, document, choices, depth + 1, known) for b in branches]
        return " or ".join(dict.fromkeys(words))
    merged: dict[str, Any] = {}
    for part in document.parts(schema):
        merged = dict(part) | merged
    return cut(_described(merged, document, choices, depth, known), 400)


def few(values: Sequence[Any], count: int = 8) -> str:
    """Return the first values, and how many there are when some are left out."""
    shown = ", ".join(short_json(value, 40) for value in values[:count])
    return shown if len(values) <= count else f"{len(values):,} choices: {shown}, ..."


def path_text(location: Location) -> str:
    """Return a place in the input as it is written in messages, such as `images[0].width`."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "_").isidentifier():
            text += f".{step}" if text else step
        else:
            text += f"[{short_json(step)}]"
    return text or "the input"


def _branches(schema: Mapping[str, Any], document: SchemaDocument) -> list[Any]:
    """Return the alternatives of a union without null, which only JSON can say."""
    for part in document.parts(schema):
        found = part.get("anyOf") or part.get("oneOf")
        if isinstance(found, list):
            return [b for b in found if document.types(b) != {"null"}]
    return []


def _described(
    merged: Mapping[str, Any],
    document: SchemaDocument,
    choices: int,
    depth: int,
    known: _Descriptions,
) -> str:
    if isinstance(merged.get("enum"), list):
        return f"one of {few(merged['enum'], choices)}"
    if "const" in merged:
        return f"the value {short_json(merged['const'])}"
    if isinstance(merged.get("x-file"), str):
        kind = "" if merged["x-file"] == "file" else f"{merged['x-file']} "
        return f"{kind}file ({_FILE})"
    named = sorted(document.types(merged) - {"null"})
    if "number" in named:
        named.remove("integer")
    if len(named) != 1:
        return "any value" if len(named) > 5 else " or ".join(named)
    if named == ["array"]:
        return _array(merged, document, choices, depth, known)
    return _plain_type(merged, named[0])


def _plain_type(schema: Mapping[str, Any], name: str) -> str:
    words = {"string": _string, "integer": _number, "number": _number, "object": _object}
    return words[name](schema, name) if name in words else name


def _string(schema: Mapping[str, Any], name: str) -> str:
    words = _span(schema.get("minLength") or None, schema.get("maxLength"), " characters")
    pattern = f", matching {schema['pattern']}" if "pattern" in schema else ""
    return f"{name}{words}{one_line(pattern)}"


def _number(schema: Mapping[str, Any], name: str) -> str:
    words = _span(schema.get("minimum"), schema.get("maximum"), "")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    words += f", above {_figure(above)}" if above is not None else ""
    words += f", below {_figure(below)}" if below is not None else ""
    step = schema.get("multipleOf")
    return f"{name}{words}" + (f", a multiple of {_figure(step)}" if step is not None else "")


def _array(
    schema: Mapping[str, Any],
    document: SchemaDocument,
    choices: int,
    depth: int,
    known: _Descriptions,
) -> str:
    items = document.item_schema(schema)
    inside = _describe(items, document, choices, depth + 1, known) if items else "values"
    words = _span(schema.get("minItems") or None, schema.get("maxItems"), " items")
    return f"array of {inside}{words}"


def _object(schema: Mapping[str, Any], name: str) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return name
    return f"{name} with {one_line(', '.join(properties), 120)}"


def _span(low: Value, high: Value, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f", at most {_figure(high)}{unit}"
    if high is None:
        return f", {_figure(low)}{unit} or more" if unit else f", {_figure(low)} or more"
    return f", {_figure(low)} to {_figure(high)}{unit}"


def _figure(value: Value) -> str:
    return str(value) if isinstance(value, int | float) else short_json(value)
