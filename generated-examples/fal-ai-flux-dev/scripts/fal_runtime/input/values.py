"""The JSON values of a command line's texts, as the schema of their place wants them."""

import math
import re
from collections.abc import Sequence
from typing import Any

from fal_runtime.errors import InputError, Problem
from fal_runtime.json_text import JsonTextError, Value, parse_json
from fal_runtime.schema.describe import describe
from fal_runtime.schema.document import AnySchema, Location, SchemaDocument, json_type, same
from fal_runtime.text import short_json

_NOT_JSON = object()

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_STARTED_LIST = re.compile(r'\s*\[\s*["{\[]')


def field_value(texts: Sequence[str], schema: AnySchema, document: SchemaDocument) -> Value:
    """Return the value of a field that was given once or, for an array, several times.

    A single text that is a JSON array is the whole array. Raises JsonTextError for a text that
    must be JSON and is not, and where one value was expected and several came.
    """
    if "array" not in document.types(schema):
        if len(texts) > 1:
            raise JsonTextError("it takes one value: give it once")
        return _single_value(texts[0], schema, document)
    if len(texts) == 1:
        return _whole_array(texts[0], schema, document)
    items = document.item_schema(schema)
    values: list[Any] = []
    for text in texts:
        parsed = _parsed(text, frozenset({"array"}))
        whole = isinstance(parsed, list) and not document.accepts(parsed, items)
        values += parsed if whole else [_single_value(text, items, document)]
    return values


def digit_texts(value: Value, document: SchemaDocument) -> list[tuple[Location, str]]:
    """Return where a number stands whose text alone is a choice, and that text.

    Choices such as "5" and "10" are texts upstream, and 5 is what is easily written for them.
    """
    return [
        (location, str(number))
        for location, number, schemas in document.visit(value)
        if isinstance(number, int | float) and not isinstance(number, bool)
        if not any(document.accepts(number, schema) for schema in schemas)
        if any(same(str(number), choice) for choice in document.choices(schemas))
    ]


def set_nested(value: dict[str, Any], path: str, text: str, document: SchemaDocument) -> None:
    """Set the value at a path such as `a.0.b`, making the objects and lists on the way.

    Raises InputError for a path or a text that does not fit.
    """
    steps = path.split(".")
    schemas: list[Any] = [document.root]
    place: Value = value
    for number, step in enumerate(steps):
        where = ".".join(steps[: number + 1])
        key = _key(place, step, where)
        schemas = document.members(schemas, key)
        if number + 1 == len(steps):
            _put(place, key, _nested_value(text, schemas, document, where))
        else:
            place = _entered(place, key, schemas, document, steps[number + 1])


def _single_value(text: str, schema: AnySchema, document: SchemaDocument) -> Value:
    """Return the text as the value its schema wants: JSON where that fits, else the text itself.

    Raises JsonTextError when only an array or an object fits and the text is no JSON.
    """
    types = document.types(schema) - {"null"}
    if types <= {"string"}:
        return text
    parsed = _parsed(text, types)
    if parsed is not _NOT_JSON and document.accepts(parsed, schema):
        return parsed
    if "string" in types and document.accepts(text, schema):
        return text
    if parsed is not _NOT_JSON and (json_type(parsed) in types or isinstance(parsed, float)):
        return parsed
    if types & {"array", "object"} and text.lstrip()[:1] in ("[", "{"):
        parse_json(text)
    return text


def _whole_array(text: str, schema: AnySchema, document: SchemaDocument) -> Value:
    parsed = _parsed(text, frozenset({"array"}))
    if isinstance(parsed, list):
        return parsed
    if _STARTED_LIST.match(text):
        parse_json(text)
    if document.types(schema) - {"null"} != {"array"}:
        return _single_value(text, schema, document)
    return [_single_value(text, document.item_schema(schema), document)]


def _parsed(text: str, types: frozenset[str]) -> Value:
    """Return the JSON value of a text, _NOT_JSON where there is none; null is for --args."""
    if "boolean" in types and text.strip().lower() in ("true", "false"):
        return text.strip().lower() == "true"
    if "string" not in types and "integer" in types and _NUMBER.fullmatch(text.strip()):
        return _number(text.strip())
    try:
        parsed = parse_json(text)
    except JsonTextError:
        return _NOT_JSON
    return _NOT_JSON if parsed is None else parsed


def _number(text: str) -> Value:
    """Return a number also where JSON would spell it otherwise, such as `.5` or `+3`."""
    try:
        value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    except ValueError:  # more digits than Python converts
        return _NOT_JSON
    return value if math.isfinite(value) else _NOT_JSON


def _key(place: Value, step: str, where: str) -> str | int:
    if isinstance(place, dict):
        return step
    if not isinstance(place, list):
        raise _refused(where, short_json(place), "an object or a list to set a value in")
    if not (step.isascii() and step.isdecimal() and len(step) < 10 and int(step) <= len(place)):
        raise _refused(where, step, f"an index from 0 to {len(place)} (the next free one)")
    return int(step)


def _entered(
    place: Value, key: str | int, schemas: list[Any], document: SchemaDocument, following: str
) -> Value:
    """Return the member to go on in, made where it is absent, null or past the list's end."""
    there = place.get(key) if isinstance(place, dict) else place[key] if key != len(place) else None
    if there is None:
        types = frozenset[str]().union(*(document.types(schema) for schema in schemas))
        containers = types & {"array", "object"}
        is_list = containers == {"array"} or (containers != {"object"} and following.isdecimal())
        there = [] if is_list else {}
        _put(place, key, there)
    return there


def _nested_value(text: str, schemas: list[Any], document: SchemaDocument, where: str) -> Value:
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {}
    try:
        return _single_value(text, schema, document)
    except JsonTextError as error:
        raise _refused(where, short_json(text), f"{describe(schema, document)}; {error}") from None


def _put(place: Value, key: str | int, new: Value) -> None:
    if isinstance(place, list) and key == len(place):
        place.append(new)
    else:
        place[key] = new


def _refused(where: str, got: str, expected: str) -> InputError:
    problem = Problem(where, got, expected)
    return InputError("invalid_input", f"{where}: got {got}, expected {expected}", [problem])
