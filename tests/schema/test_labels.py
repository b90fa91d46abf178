"""A schema in people's words."""

import json
from typing import Any

import pytest

from fal_runtime.schema.document import Schema
from falsmith.documents import Json
from falsmith.schema import labels
from falsmith.schema.branches import branches

NULL = {"type": "null"}
TEXT = {"type": "string"}
SIZE = {"type": "object", "properties": {"width": {}, "height": {}}}


def type_label(schema: Schema, root: Schema) -> str:
    return labels.type_label(branches(schema, root), root)


def choices(schema: Schema, root: Schema) -> tuple[Json, ...]:
    return labels.choices(branches(schema, root), root)


@pytest.mark.parametrize(
    ("schema", "label"),
    [
        (TEXT, "string"),
        ({"type": ["string", "null"]}, "string"),
        ({"type": ["string", "integer"]}, "string or integer"),
        ({"enum": ["a"]}, "enum"),
        ({"const": "a"}, "enum"),
        ({"anyOf": [{"type": "integer"}, NULL]}, "integer"),
        ({"anyOf": [{"enum": ["a"]}, SIZE]}, "enum or object {width, height}"),
        ({"anyOf": [{"const": "auto"}, {"type": "integer"}, NULL]}, "enum or integer"),
        ({"type": "array", "items": TEXT}, "list of string"),
        (
            {"type": "array", "items": {"type": "array", "items": SIZE}},
            "list of list of object {width, height}",
        ),
        ({"type": "array"}, "list of any"),
        ({"type": "array", "items": False}, "list of any"),
        ({"type": "object"}, "object"),
        ({"properties": {name: {} for name in "abcdefgh"}}, "object {a, b, c, d, e, f, ...}"),
        ({}, "any"),
        (NULL, "any"),
        ({"anyOf": [TEXT, {"type": "string", "maxLength": 3}]}, "string"),
    ],
    ids=str,
)
def test_a_type_is_put_into_words(schema: dict[str, Any], label: str) -> None:
    assert type_label(schema, {}) == label


def test_a_list_that_holds_itself_and_a_wide_union_of_itself_end() -> None:
    within = {"type": "array", "items": {"$ref": "#/$defs/A"}}
    union = {"anyOf": [{"$ref": "#/$defs/B"}] * 30 + [within] * 8 + [TEXT]}
    root = {"$defs": {"A": within, "B": union}}

    assert type_label(within, root) == "list of list of list of array"
    assert choices(within, root) == ()
    assert type_label({"$ref": "#/$defs/B"}, root).endswith(" or string")


def test_the_first_items_of_a_list_name_its_type_and_integers_are_numbers() -> None:
    color = {"type": "array", "prefixItems": [{"type": "integer"}] * 3}
    either = {"anyOf": [{"type": "number"}, {"type": "integer"}, NULL]}

    assert type_label(color, {}) == "list of integer"
    assert type_label(either, {}) == "number"


def test_recursion_ends() -> None:
    wide = {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/B"}}, {"$ref": "#/$defs/B"}]}
    root = {"$defs": {"B": wide}}

    assert type_label({"$ref": "#/$defs/B"}, root).startswith("list of ")
    assert choices({"$ref": "#/$defs/B"}, root) == ()


def test_null_is_no_choice() -> None:
    assert choices({"anyOf": [{"enum": ["a", None]}, {"const": None}]}, {}) == ("a",)


def test_choices_of_every_branch_and_of_a_lists_items_are_listed() -> None:
    assert choices({"anyOf": [{"enum": ["1", 1]}, {"const": "auto"}, SIZE]}, {}) == ("1", 1, "auto")
    assert choices({"type": "array", "items": {"enum": ["a", ""]}}, {}) == ("a", "")
    assert choices(TEXT, {}) == ()


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"minimum": 1, "maximum": 4}, "1..4"),
        ({"minimum": 0}, ">= 0"),
        ({"maximum": 0}, "<= 0"),
        ({"exclusiveMinimum": 0, "exclusiveMaximum": 1}, "> 0, < 1"),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}, "1..9"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 9}, "<= 9, > 0"),
        ({"maximum": 9223372036854776000}, "<= 9223372036854776000"),
        ({"multipleOf": 8}, "multiple of 8"),
        ({"maxLength": 2500}, "up to 2500 characters"),
        ({"minLength": 1}, ""),
        ({"minLength": 2}, "at least 2 characters"),
        ({"minItems": 1, "maxItems": 3}, "1..3 items"),
        ({"minItems": 3, "maxItems": 3}, "3 items"),
        ({"maxItems": 1}, "up to 1 item"),
        ({"anyOf": [{"minimum": 1}, {"minimum": 1}, NULL]}, ">= 1"),
        (TEXT, ""),
    ],
    ids=str,
)
def test_limits_are_put_into_words(schema: dict[str, Any], text: str) -> None:
    assert labels.limits(branches(schema, {})) == text


@pytest.mark.parametrize(
    ("data", "description", "words"),
    [
        ({"max_bytes": 100_000_000}, "A clip.", "<= 100 MB"),
        ({"max_bytes": 10 * 1024 * 1024, "max_duration": 30}, "A clip.", "<= 10 MB, <= 30 s"),
        ({"max_bytes": 10 * 1024 * 1024, "max_duration": 30}, "Max 10MB.", "<= 30 s"),
        (
            {"min_width": 9, "max_width": 64, "min_height": 9, "max_height": 64},
            "A picture.",
            "each side 9..64 px",
        ),
        ({"max_width": 64, "max_pixels": 2_000_000}, "", "width <= 64 px, <= 2 megapixels"),
        ({"min_aspect_ratio": 0.4, "max_aspect_ratio": 2.5}, "", "width : height 0.4..2.5"),
        ({"formats": ["png"]}, "Must be PNG.", ""),
        ({}, "", ""),
    ],
)
def test_what_a_file_must_keep_to_is_told_once(
    data: dict[str, Any], description: str, words: str
) -> None:
    assert labels.file_limits_label({"x-file-limits": data}, description) == words


def test_the_length_of_a_link_is_no_limit_of_a_file() -> None:
    assert labels.limits([TEXT | {"x-file": "image", "maxLength": 2083}]) == ""


def test_unions_of_many_lists_are_not_looked_into() -> None:
    defs: dict[str, Any] = {
        f"N{n}": {"anyOf": [{"type": "array", "items": {"$ref": f"#/$defs/N{n + 1}"}}] * 300}
        for n in range(5)
    }
    root = {"$defs": json.loads(json.dumps(defs | {"N5": {"enum": ["a"]}}))}

    assert type_label({"$ref": "#/$defs/N0"}, root) == "array"
    assert choices({"$ref": "#/$defs/N0"}, root) == ()
