"""What an app of fal says about an input that does not fit its schema: the items of a 422."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from falsmith.documents import Json
from falsmith.schema.references import Schema, follow
from falsmith.schema.resolve import ResolvedSchema

__all__ = ["problems"]

# jsonschema's keyword: the item's type, its context key, and the message before the limit.
LIMITS = {
    "minimum": ("greater_than_equal", "ge", "Input should be greater than or equal to"),
    "maximum": ("less_than_equal", "le", "Input should be less than or equal to"),
    "exclusiveMinimum": ("greater_than", "gt", "Input should be greater than"),
    "exclusiveMaximum": ("less_than", "lt", "Input should be less than"),
    "multipleOf": ("multiple_of", "multiple_of", "Input should be a multiple of"),
    "minLength": ("string_too_short", "min_length", "The text should have at least this length:"),
    "maxLength": ("string_too_long", "max_length", "The text should have at most this length:"),
    "minItems": ("sequence_too_short", "min_length", "The list should have at least this length:"),
    "maxItems": ("sequence_too_long", "max_length", "The list should have at most this length:"),
}
TYPES = {
    "string": ("string_type", "Input should be a valid string"),
    "integer": ("int_type", "Input should be a valid integer"),
    "number": ("float_type", "Input should be a valid number"),
    "boolean": ("bool_type", "Input should be a valid boolean"),
    "array": ("list_type", "Input should be a valid list"),
    "object": ("dict_type", "Input should be a valid dictionary"),
}


def problems(inputs: Json, schema: ResolvedSchema) -> list[Json]:
    """Return one item per problem, `loc`, `msg`, `type` and where known `ctx`; none where it fits.

    Unknown fields are no problem: the apps ignore them.
    """
    validator = Draft202012Validator(schema.schema)
    items = [item for error in validator.iter_errors(inputs) for item in _items(error)]
    links = _unusable_links(inputs, schema.schema, schema.schema)
    return items + [item for item in links if item not in items]


def _items(error: ValidationError) -> list[Json]:
    location: list[Json] = ["body", *error.absolute_path]
    keyword, expected = str(error.validator), _expected(error)
    if keyword == "required":
        return [_missing(location, error)]
    if keyword in ("anyOf", "oneOf"):
        return _branches(location, error)
    kind, message, context = _told(keyword, expected)
    item = {"loc": location, "msg": message, "type": kind, "input": error.instance}
    return [item | ({"ctx": context} if context else {})]


def _missing(location: list[Json], error: ValidationError) -> Json:
    required: list[str] = _expected(error)
    given: Json = error.instance
    absent = [name for name in required if name not in given]
    # jsonschema reports each absent name on its own; the message begins with that name.
    name = next((name for name in absent if error.message.startswith(repr(name))), absent[0])
    place = [*location, name]
    return {"loc": place, "msg": "Field required", "type": "missing", "input": given}


def _branches(location: list[Json], error: ValidationError) -> list[Json]:
    """Return the problems of the only branch that is not null, else one for the whole union."""
    branches: list[Mapping[str, Any]] = _expected(error)
    real = [at for at, branch in enumerate(branches) if branch.get("type") != "null"]
    if len(real) == 1:
        inner = [cause for cause in error.context or () if cause.schema_path[0] == real[0]]
        return [item for cause in inner for item in _items(cause)]
    message = "Input does not fit any of the allowed forms"
    return [{"loc": location, "msg": message, "type": "value_error", "input": error.instance}]


def _expected(error: ValidationError) -> Json:
    """Return the keyword's value; every error of a validator has one."""
    return error.validator_value


def _told(keyword: str, expected: Json) -> tuple[str, str, Mapping[str, Json]]:
    if keyword in LIMITS:
        kind, name, message = LIMITS[keyword]
        return kind, f"{message} {expected}", {name: expected}
    if keyword in ("enum", "const"):
        choices = expected if keyword == "enum" else [expected]
        told = " or ".join(repr(choice) for choice in choices[:20])
        return "literal_error", f"Input should be {told}", {"expected": told}
    if keyword == "type":
        kind, message = TYPES.get(str(expected), ("value_error", f"Input should be {expected}"))
        return kind, message, {}
    return "value_error", f"Input breaks the rule {keyword}", {}


def _unusable_links(
    value: Json, schema: Schema, root: Schema, location: tuple[Json, ...] = ()
) -> Iterator[Json]:
    """Yield an item for each link, at any depth, that no server could download."""
    resolved = follow(schema, root)
    if isinstance(value, str):
        if "x-file" in resolved and not value.startswith(("http://", "https://", "data:")):
            message = "Failed to download the file: the value is neither a link nor a data URI"
            item = {"loc": ["body", *location], "msg": message, "type": "file_download_error"}
            yield item | {"input": value}
    elif isinstance(value, dict):
        properties = resolved.get("properties", {})
        for name in [name for name in value if name in properties]:
            yield from _unusable_links(value[name], properties[name], root, (*location, name))
    elif isinstance(value, list) and isinstance(resolved.get("items"), Mapping):
        for number, item in enumerate(value):
            yield from _unusable_links(item, resolved["items"], root, (*location, number))
    branches = resolved.get("anyOf", ())
    # A choice beside a link, such as "auto", is no link.
    is_choice = any(value in branch.get("enum", ()) for branch in branches)
    for branch in () if is_choice else branches:
        yield from _unusable_links(value, branch, root, location)
