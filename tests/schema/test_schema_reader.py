"""One schema, keyword by keyword: every odd shape of the catalogue in sound JSON Schema."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from falsmith.schema.resolve import ResolvedSchema, input_schema

OpenApi = Callable[..., dict[str, Any]]


@pytest.fixture
def field(openapi_document: OpenApi) -> Callable[..., Any]:
    """Return the reader of one input field."""

    def read(schema: Any, **components: Any) -> Any:
        resolved = read_input(openapi_document, {"a": schema}, **components)
        return resolved.schema["properties"]["a"]

    return read


def read_input(
    openapi_document: OpenApi, properties: dict[str, Any], **components: Any
) -> ResolvedSchema:
    root = {"type": "object", "properties": properties}
    resolved = input_schema(openapi_document(root, components=components), "acme/demo")
    Draft202012Validator.check_schema(resolved.schema)
    assert sorted(references(resolved.schema)) == sorted(
        one for one in references(resolved.schema) if resolves(one, resolved.schema)
    )
    return resolved


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def resolves(reference: str, schema: dict[str, Any]) -> bool:
    name = reference.removeprefix("#/$defs/").replace("%25", "%")
    return name.replace("~1", "/").replace("~0", "~") in schema["$defs"]


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_reference_keeps_its_siblings(field: Callable[..., Any]) -> None:
    schema = field(ref("Size") | {"description": "How large.", "default": {"width": 1}}, Size={})

    assert schema == {
        "$ref": "#/$defs/Size",
        "description": "How large.",
        "default": {"width": 1},
    }


def test_an_all_of_of_one_stands_beside_its_siblings(field: Callable[..., Any]) -> None:
    size = {"type": "object", "properties": {"w": {"type": "integer"}}}

    assert field({"allOf": [ref("Size")], "default": {"w": 1}}, Size=size) == {
        "$ref": "#/$defs/Size",
        "default": {"w": 1},
    }


def test_an_all_of_whose_keywords_would_clash_stays(field: Callable[..., Any]) -> None:
    both = field({"description": "Outer.", "allOf": [{"description": "Inner.", "type": "string"}]})

    assert both["allOf"] == [{"description": "Inner.", "type": "string"}]
    assert both["description"] == "Outer."


def test_required_names_in_a_branch_without_properties_are_kept(field: Callable[..., Any]) -> None:
    schema = field({"allOf": [{"type": "object"}, {"required": ["b", "b", 3]}]})

    assert schema["allOf"][1] == {"required": ["b"]}


@pytest.mark.parametrize(
    "spelling",
    [
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        {"type": "integer", "minimum": 1, "nullable": True},
    ],
    ids=["anyOf", "nullable"],
)
def test_both_spellings_of_nullable_let_null_through(
    spelling: dict[str, Any], field: Callable[..., Any]
) -> None:
    extra = {"default": None, "description": "Maybe.", "examples": [None, 3], "deprecated": True}

    assert field(extra | spelling) == extra | {
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]
    }


def test_nullable_false_changes_nothing(field: Callable[..., Any]) -> None:
    assert field({"type": "string", "nullable": False}) == {"type": "string"}


@pytest.mark.parametrize(
    "tuple_schema",
    [
        {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
        {"items": [{"type": "integer"}, {"type": "string"}]},
        {"items": {"1": {"type": "string"}, "0": {"type": "integer"}}},
    ],
    ids=["prefixItems", "list of items", "object of items"],
)
def test_a_tuple_has_one_spelling_out_of_three(
    tuple_schema: dict[str, Any], field: Callable[..., Any]
) -> None:
    schema = field({"type": "array"} | tuple_schema)

    assert schema == {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}


def test_names_that_only_look_like_numbers_are_no_tuple(field: Callable[..., Any]) -> None:
    assert "prefixItems" not in field({"type": "array", "items": {"\xb2": {"type": "string"}}})
    assert field({"type": "array", "items": {}}) == {"type": "array", "items": {}}


def test_digit_strings_numbers_and_truth_stay_different_choices(field: Callable[..., Any]) -> None:
    schema = field({"enum": ["1", 1, 1.0, True, "", None, "1"], "default": 1})

    assert [(type(one), one) for one in schema["enum"]] == [
        (str, "1"),
        (int, 1),
        (float, 1.0),
        (bool, True),
        (str, ""),
        (type(None), None),
    ]
    assert schema["default"] == 1


def test_a_long_enum_is_kept_whole_and_in_order(field: Callable[..., Any]) -> None:
    names = [f"Avatar {number}, \u98de " for number in range(1286)]

    assert field({"type": "string", "enum": names})["enum"] == names


def test_numbers_beyond_two_to_the_53_stay_exact(field: Callable[..., Any]) -> None:
    limits = {"minimum": 2**53 + 1, "maximum": 9223372036854776000, "default": 2**63 - 1}

    assert field({"type": "integer"} | limits) == {"type": "integer"} | limits


def test_the_limits_of_a_draft_4_document_become_numbers(field: Callable[..., Any]) -> None:
    draft_4 = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "exclusiveMaximum": False}

    assert field(draft_4) == {"type": "number", "exclusiveMinimum": 0}


@pytest.mark.parametrize(
    "broken",
    [
        {"minimum": "0"},
        {"minimum": True},
        {"multipleOf": 0},
        {"minLength": -1},
        {"maxItems": 1.5},
        {"uniqueItems": "yes"},
        {"pattern": "("},
        {"pattern": "[[a]"},
        {"pattern": 7},
        {"format": None},
        {"enum": []},
        {"enum": "a"},
        {"anyOf": []},
        {"anyOf": {"type": "string"}},
        {"properties": ["a"]},
        {"required": "a"},
        {"additionalProperties": "no"},
        {"items": "string"},
        {"prefixItems": {}},
        {"description": 5},
        {"examples": {"a": 1}},
        {"examples": []},
        {"deprecated": "yes"},
        {"nullable": "yes"},
        {"ge": 1, "le": 2, "x-fal": {}, "ui": "image", "title": "T", "_fal_ui_field": 5},
    ],
    ids=str,
)
def test_a_keyword_of_a_wrong_type_is_left_out(
    broken: dict[str, Any], field: Callable[..., Any]
) -> None:
    assert field({"type": "string"} | broken) == {"type": "string"}


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(?:[a-z]*_?)*$",
        "(a|aa)+$",
        r"^(a*)\1\1$",
        "^a*[a-c]*[a-z]*$",
        "a{0,5000}a{0,5000}b",
        f"{'a?' * 30}{'a' * 30}",
        "^#([0-9A-Fa-f]{3}){1,2}$",
        f"^[{'a' * 100}]$",
    ],
)
def test_a_pattern_of_many_ways_is_left_to_the_server(
    pattern: str, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": {"type": "string", "pattern": pattern}})

    assert resolved.schema["properties"]["a"] == {"type": "string"}
    assert resolved.warnings == ()


@pytest.mark.parametrize("pattern", [r"^\w+$", r"^\d{4}-\d{2}$", "^[a-z]{2,8}$", "^(ab|cd)e$", "a"])
def test_a_pattern_that_ends_soon_is_kept(pattern: str, field: Callable[..., Any]) -> None:
    assert field({"type": "string", "pattern": pattern})["pattern"] == pattern


@pytest.mark.parametrize("kind", ["text", 5, None, [], ["string", "text"], {"a": 1}], ids=str)
def test_an_unknown_type_allows_anything_and_is_reported(
    kind: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": {"type": kind}})

    assert resolved.schema["properties"]["a"] == {}
    assert resolved.warnings == ("input.a: has an unknown type; any type is allowed",)


def test_a_list_of_types_is_kept_without_repetitions(field: Callable[..., Any]) -> None:
    assert field({"type": ["string", "null", "string"]}) == {"type": ["string", "null"]}


@pytest.mark.parametrize("node", [None, 5, "string", ["string"]], ids=str)
def test_what_is_no_schema_allows_anything_and_is_reported(
    node: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": node})

    assert resolved.schema["properties"]["a"] == {}
    assert resolved.warnings == ("input.a: not a schema; anything is allowed here",)


@pytest.mark.parametrize(
    "name",
    ["x" * 65, "`" * 198, "\x7f" * 198, "half \ud800", "é", "a b", "1st", "--help", "", "a\n"],
    ids=ascii,
)
def test_a_field_that_no_flag_can_be_named_after_is_left_out_with_a_warning(
    name: str, openapi_document: OpenApi
) -> None:
    inner = {"properties": {name: {}, "b": {}}, "required": [name, "b"]}
    resolved = read_input(openapi_document, {"a": inner, "x" * 64: {}})

    assert resolved.schema["properties"]["a"] == {"properties": {"b": {}}, "required": ["b"]}
    assert "x" * 64 in resolved.schema["properties"]
    assert len(resolved.warnings) == 1
    assert "input.a: has a field that no flag can be named after" in resolved.warnings[0]


def test_truth_values_are_schemas(field: Callable[..., Any]) -> None:
    assert field(True) == {}
    assert field(False) == {"not": {}}


def test_texts_are_cleaned_and_values_that_are_sent_are_not(field: Callable[..., Any]) -> None:
    schema = field(
        {
            "description": "  Say <|im_end|>it.\n            Twice.\u200b",
            "limit_description": "At most 10 MB.",
            "examples": ["a\x00b<|im_end|>"],
            "enum": ["Trailing ", "b<|im_end|>"],
        }
    )

    assert schema == {
        "description": "Say it.\nTwice.\n\nAt most 10 MB.",
        "examples": ["ab"],
        "enum": ["Trailing ", "b<|im_end|>"],
    }


def test_the_singular_example_counts_as_the_first(field: Callable[..., Any]) -> None:
    assert field({"example": "a"}) == {"examples": ["a"]}
    assert field({"example": "a", "examples": ["b"]}) == {"examples": ["b"]}
