"""A schema in a few words, and a place in the input as messages write it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fal_runtime.json_text import Value
from fal_runtime.schema.document import AnySchema, Location, Schema, SchemaDocument
from fal_runtime.text import cut, one_line, short_json

_FILE = "http(s) URL, data: URI or local path"


def describe(schema: AnySchema, document: SchemaDocument, *, choices: int = 8) -> str:
    """Return what a schema expects, such as `integer, 1 to 4` or `one of 3 choices: a, b, c`."""
    return _Words(document, choices).of(schema, 0)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words for the schemas of a document.

    `known` has them by identity and depth: unions of lists of unions hold the same schemas again
    and again. The schema itself is kept, so that its identity does not pass to another.
    """

    document: SchemaDocument
    choices: int
    known: dict[tuple[int, int], tuple[AnySchema, str]] = field(default_factory=dict)

    def of(self, schema: AnySchema, depth: int) -> str:
        if not isinstance(schema, Mapping) or depth > 3:
            return "any value"
        key = (id(schema), depth)
        if key not in self.known:
            branches = self._branches(schema)
            words = " or ".join(dict.fromkeys(self.of(each, depth + 1) for each in branches))
            self.known[key] = (schema, words if branches else self._plain(schema, depth))
        return self.known[key][1]

    def _branches(self, schema: Schema) -> list[Any]:
        """Return the alternatives of a union without null, which only JSON can say."""
        for part in self.document.parts(schema):
            union = part.get("anyOf") or part.get("oneOf")
            if isinstance(union, list):
                return [each for each in union if self.document.types(each) != {"null"}]
        return []

    def _plain(self, schema: Schema, depth: int) -> str:
        """Return the words for a schema without alternatives, all its parts taken together."""
        merged: dict[str, Any] = {}
        for part in self.document.parts(schema):
            merged = dict(part) | merged
        types = sorted(self.document.types(merged) - {"null"})
        if "number" in types:
            types.remove("integer")
        if isinstance(merged.get("enum"), list):
            words = f"one of {_few(merged['enum'], self.choices)}"
        elif "const" in merged:
            words = f"the value {short_json(merged['const'])}"
        elif isinstance(merged.get("x-file"), str):
            kind = "" if merged["x-file"] == "file" else f"{merged['x-file']} "
            words = f"{'text, or ' if merged.get('x-words') is True else ''}{kind}file ({_FILE})"
        elif len(types) != 1:
            words = "any value" if len(types) > 5 else " or ".join(types)
        elif types == ["array"]:
            items = self.document.item_schema(merged)
            inside = self.of(items, depth + 1) if items else "values"
            span = _span(merged.get("minItems") or None, merged.get("maxItems"), " items")
            words = f"array of {inside}{span}"
        else:
            words = f"{types[0]}{_LIMITS.get(types[0], lambda _: '')(merged)}"
        return cut(words, 400)


def _few(values: Sequence[Any], count: int) -> str:
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


def _string(schema: Schema) -> str:
    words = _span(schema.get("minLength") or None, schema.get("maxLength"), " characters")
    pattern = f", matching {schema['pattern']}" if "pattern" in schema else ""
    return words + one_line(pattern)


def _number(schema: Schema) -> str:
    words = _span(schema.get("minimum"), schema.get("maximum"), "")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    words += f", above {_figure(above)}" if above is not None else ""
    words += f", below {_figure(below)}" if below is not None else ""
    step = schema.get("multipleOf")
    return words + (f", a multiple of {_figure(step)}" if step is not None else "")


def _object(schema: Schema) -> str:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        return ""
    return f" with {one_line(', '.join(properties), 120)}"


_LIMITS = {"string": _string, "integer": _number, "number": _number, "object": _object}


def _span(low: Value, high: Value, unit: str) -> str:
    if low is None:
        return f", at most {_figure(high)}{unit}" if high is not None else ""
    if high is None:
        return f", {_figure(low)}{unit} or more"
    return f", {_figure(low)} to {_figure(high)}{unit}"


def _figure(value: Value) -> str:
    return str(value) if isinstance(value, int | float) else short_json(value)
