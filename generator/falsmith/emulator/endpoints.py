"""The models that the emulator serves, and what an app of fal says about an input to one."""

import copy
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from fal_runtime.json_text import put
from fal_runtime.model_id import app_of
from fal_runtime.schema.document import Schema
from falsmith.documents import Documents, Json
from falsmith.schema.branches import follow
from falsmith.schema.resolve import ResolvedSchema, input_schema, output_schema

__all__ = ["ERROR_PAGE", "Endpoint", "Endpoints"]

# As fal's own apps write it.
ERROR_PAGE = "https://docs.fal.ai/errors#"
# The page of the errors that come from pydantic, which checks the inputs of fal's apps.
PYDANTIC_PAGE = "https://errors.pydantic.dev/2.11/v/"
PYDANTIC_TYPES = ("missing", "literal_error", "string_too_short", "string_too_long", "value_error")

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
# Of a value that is sent back.
LONGEST_ECHO = 1000
# The texts that pydantic takes for truth values.
TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "t": True, "y": True}
TRUTHS |= {"false": False, "0": False, "no": False, "off": False, "f": False, "n": False}


class Endpoint:
    """One model: its documents, and its schemas once they are needed."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.model_id = documents.model_id
        self.app = app_of(documents.model_id)

    @cached_property
    def input(self) -> ResolvedSchema:
        """The schema of what the model takes."""
        return input_schema(self.documents.openapi, self.model_id)

    @cached_property
    def output(self) -> ResolvedSchema:
        """The schema of what the model returns."""
        return output_schema(self.documents.openapi, self.model_id)

    @property
    def category(self) -> str:
        """The model's category, from its list entry or from its document; may be empty."""
        category = self.documents.metadata.get("category") or self._about().get("category")
        return category if isinstance(category, str) else ""

    def with_defaults(self, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """Return `inputs` as the model sees them: with the defaults of the fields left out."""
        properties: Mapping[str, Any] = self.input.schema.get("properties", {})
        defaults = {name: part["default"] for name, part in properties.items() if "default" in part}
        return defaults | dict(inputs)

    def read(self, inputs: Json) -> Json:
        """Return `inputs` with the numbers and truth values that stand in texts, as apps read them.

        What no app would take for one stays as it is.
        """
        schema = self.input.schema
        validator = Draft202012Validator(schema)
        value = copy.deepcopy(inputs)
        for error in [leaf for one in validator.iter_errors(inputs) for leaf in _leaves(one)]:
            read = _read(str(error.validator_value), error.instance)
            # pydantic compares choices with what was sent.
            has_choices = isinstance(error.schema, Mapping) and {"enum", "const"} & set(
                error.schema
            )
            if read is not None and error.absolute_path and not has_choices:
                put(value, tuple(error.absolute_path), read)
        return value

    def problems(self, inputs: Json, can_load: Callable[[str], bool]) -> list[Json]:
        """Return the items of a 422, one a problem: `loc`, `msg`, `type`; none where it fits.

        `can_load` says whether a link leads to a file. Unknown fields are no problem: the apps
        ignore them.
        """
        schema = self.input.schema
        errors = Draft202012Validator(schema).iter_errors(inputs)
        items = [item for error in errors for item in _items(error)]
        for item in _bad_links(inputs, schema, schema, can_load):
            if item not in items:
                items.append(item)
        return [item | {"url": _page(item["type"])} for item in items]

    def _about(self) -> Mapping[str, Json]:
        info = self.documents.openapi.get("info")
        about = info.get("x-fal-metadata") if isinstance(info, Mapping) else None
        return about if isinstance(about, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All models by ID, in the order in which they came."""

    by_id: Mapping[str, Endpoint]
    apps: frozenset[str]

    @classmethod
    def of(cls, documents: Iterable[Documents]) -> "Endpoints":
        """Return the endpoints of `documents`; of two with one ID the later counts."""
        by_id = {one.model_id: Endpoint(one) for one in documents}
        return cls(by_id, frozenset(endpoint.app for endpoint in by_id.values()))

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.by_id.values())

    def get(self, model_id: str) -> Endpoint | None:
        """Return the endpoint with exactly this ID; IDs are case-sensitive."""
        return self.by_id.get(model_id)


def _items(error: ValidationError) -> list[Json]:
    location: list[Json] = ["body", *error.absolute_path]
    keyword, expected = str(error.validator), _expected(error)
    if keyword == "required":
        return [_missing(location, error)]
    if keyword in ("anyOf", "oneOf"):
        return _branches(location, error)
    kind, message, context = _described(keyword, expected)
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


def _described(keyword: str, expected: Json) -> tuple[str, str, Mapping[str, Json]]:
    if keyword in LIMITS:
        kind, name, message = LIMITS[keyword]
        return kind, f"{message} {expected}", {name: expected}
    if keyword in ("enum", "const"):
        choices = expected if keyword == "enum" else [expected]
        listed = " or ".join(repr(choice) for choice in choices[:20])
        return "literal_error", f"Input should be {listed}", {"expected": listed}
    if keyword == "type":
        kind, message = TYPES.get(str(expected), ("value_error", f"Input should be {expected}"))
        return kind, message, {}
    return "value_error", f"Input breaks the rule {keyword}", {}


def _page(kind: str) -> str:
    is_pydantic = kind in PYDANTIC_TYPES or kind.endswith("_type")
    return f"{PYDANTIC_PAGE if is_pydantic else ERROR_PAGE}{kind}"


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Yield the errors of type inside an error, those of the branches of a union included."""
    if error.validator == "type":
        yield error
    for cause in error.context or ():
        yield from _leaves(cause)


def _read(wanted: str, value: Json) -> Json:
    """Return the number or the truth value that a text, or each other, can be read as, or None."""
    text = str(value).strip().lower() if isinstance(value, str | bool | int | float) else ""
    if wanted == "boolean":
        return TRUTHS.get(text.removesuffix(".0"))
    if wanted not in ("integer", "number"):
        return None
    if isinstance(value, bool):
        return int(value)
    if wanted == "integer":
        whole = re.fullmatch(r"([+-]?\d{1,300})(?:\.0+)?", text)
        return int(whole[1]) if whole else None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bad_links(
    value: Json,
    schema: Schema,
    root: Schema,
    can_load: Callable[[str], bool],
    location: tuple[Json, ...] = (),
) -> Iterator[Json]:
    """Yield an item for each link, at any depth, that no server could download."""
    resolved = follow(schema, root)
    if isinstance(value, str):
        if "x-file" in resolved and not can_load(value):
            what, kind = "download the file", "file_download_error"
            if value.startswith("data:") and resolved["x-file"] == "image":
                what, kind = "load the image", "image_load_error"
            message = f"Failed to {what}. Please check that the link is public and leads to one."
            item = {"loc": ["body", *location], "msg": message, "type": kind}
            yield item | {"input": value[:LONGEST_ECHO]}
    elif isinstance(value, dict):
        properties = resolved.get("properties", {})
        for name in [name for name in value if name in properties]:
            yield from _bad_links(value[name], properties[name], root, can_load, (*location, name))
    elif isinstance(value, list) and isinstance(resolved.get("items"), Mapping):
        for number, item in enumerate(value):
            yield from _bad_links(item, resolved["items"], root, can_load, (*location, number))
    branches = resolved.get("anyOf", ())
    # A choice beside a link, such as "auto", is no link.
    is_choice = any(value in branch.get("enum", ()) for branch in branches)
    for branch in () if is_choice else branches:
        yield from _bad_links(value, branch, root, can_load, location)
