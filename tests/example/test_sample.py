"""Sampled values: the first that is valid, and always one that ends."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from falsmith.example.sample import Sampler


def only(schema: dict[str, Any], name: str = "", **defs: Any) -> Any:
    """Return the sample of one schema, which must be valid."""
    root = {"$defs": defs}
    value = Sampler(root).value(schema, name)
    assert Draft202012Validator(root | schema).is_valid(value)
    return value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "examples": ["b", "c"], "default": "a"}, "b"),
        ({"type": "integer", "examples": ["b", 7], "default": 3}, 7),
        ({"type": "integer", "examples": ["b"], "default": 3}, 3),
        ({"type": "string", "enum": ["x", "y"]}, "x"),
        ({"type": "string", "enum": ["129", "85"], "default": 129}, "129"),
        ({"const": "auto"}, "auto"),
        ({"type": "integer", "examples": [None]}, 1),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}], "examples": [None]}, None),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, False),
        ({"oneOf": [{"type": "null"}, {"const": 4}]}, 4),
        ({"type": ["null", "integer"]}, None),
        ({"type": "null"}, None),
    ],
    ids=str,
)
def test_the_first_valid_of_examples_default_and_choices_is_taken(
    schema: dict[str, Any], value: Any
) -> None:
    assert only(schema) == value


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minimum": 3, "maximum": 3.5},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
        {"type": "integer", "minimum": 64, "multipleOf": 8},
        {"type": "integer", "minimum": 65, "multipleOf": 8},
        {"type": "integer", "maximum": -3},
        {"type": "integer", "minimum": 2**63},
        {"type": "integer", "exclusiveMaximum": 0},
        {"type": "string", "minLength": 3000},
        {"type": "string", "maxLength": 0},
        {"type": "string", "minLength": 30, "maxLength": 31},
        {"type": "string", "pattern": r"^\w+$"},
        {"type": "string", "pattern": r"^#([0-9A-Fa-f]{3}){1,2}$"},
        {"type": "array", "minItems": 3, "items": {"type": "integer"}},
        {"type": "array", "maxItems": 0, "items": {"type": "integer"}},
        {"type": "array", "items": False},
        {"type": "array"},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        {"type": "array", "prefixItems": [{"type": "integer"}], "items": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {
            "allOf": [
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"properties": {"b": {"type": "string"}}, "required": ["b"]},
            ]
        },
    ],
    ids=str,
)
def test_a_sample_keeps_the_limits(schema: dict[str, Any]) -> None:
    assert Draft202012Validator(schema).is_valid(only(schema))


def test_a_file_of_an_input_is_a_local_name_and_of_an_answer_a_link() -> None:
    schema = {"type": "string", "x-file": "image"}

    assert Sampler({}, subject="").value(schema) == "input.png"
    assert Sampler({}).value(schema) == "https://example.com/input.png"


def test_the_files_of_a_list_have_names_of_their_own() -> None:
    schema = {"type": "array", "minItems": 2, "items": {"type": "string", "x-file": "image"}}

    assert Sampler({}, subject="").value(schema, "image_urls") == ["input_1.png", "input_2.png"]


def test_a_length_in_milliseconds_is_a_thousand_times_that_in_seconds() -> None:
    sampler = Sampler({}, subject="")
    for unit, length in (("seconds", 5), ("milliseconds", 5000)):
        schema = {"type": "number", "description": f"The length in {unit}."}
        assert sampler.value(schema, "duration") == length


def test_a_text_of_which_nothing_is_known_asks_to_be_filled_in() -> None:
    assert Sampler({}, subject="").value({"type": "string"}, "style_id") == "YOUR_STYLE_ID"


def test_a_list_is_sampled_for_what_its_own_description_says() -> None:
    schema = {"type": "array", "description": "Voice descriptions", "items": {"type": "string"}}

    (text,) = Sampler({}, subject="text-to-speech acme/demo").value(schema, "prompts")
    assert "voice" in text


@pytest.mark.parametrize(
    ("schema", "name", "value"),
    [
        ({"type": "string", "default": ""}, "note", "YOUR_NOTE"),
        ({"type": "array", "default": [], "items": {"type": "integer"}}, "counts", [1]),
        ({"type": "integer", "default": 0}, "x_max", 400),
        ({"type": "integer", "default": 0}, "seed", 0),
    ],
    ids=str,
)
def test_a_default_that_says_nothing_is_no_sample(
    schema: dict[str, Any], name: str, value: Any
) -> None:
    assert Sampler({}, subject="").value(schema, name) == value


def test_a_brief_sample_takes_no_example_of_the_document() -> None:
    schema = {"type": "string", "examples": ["long" * 50]}

    assert Sampler({}, brief=True).value(schema, "prompt") != "long" * 50


def test_only_the_required_members_of_an_object_are_given() -> None:
    parts = {"a": {"type": "integer"}, "b": {"type": "integer"}}

    assert only({"type": "object", "properties": parts, "required": ["b"]}) == {"b": 1}


def test_references_are_followed_and_their_siblings_win() -> None:
    size = {"type": "object", "properties": {"w": {"type": "integer"}}, "default": {"w": 1}}

    assert only({"$ref": "#/$defs/Size"}, Size=size) == {"w": 1}
    assert only({"$ref": "#/$defs/Size", "default": {"w": 9}}, Size=size) == {"w": 9}
    assert Sampler({"$defs": {"a/b": {"const": 3}}}).value({"$ref": "#/$defs/a~1b"}) == 3


@pytest.mark.parametrize("fields", [1, 2, 5])
def test_an_object_that_requires_itself_is_given_up(fields: int) -> None:
    names = [f"f{number}" for number in range(fields)]
    node = {"properties": {key: {"$ref": "#/$defs/Node"} for key in names}, "required": names}
    root = {"$defs": {"Node": {"type": "object"} | node}}
    sampler = Sampler(root)

    value = sampler.value({"$ref": "#/$defs/Node"})

    assert not sampler.fits(value, {"$ref": "#/$defs/Node"})
    assert json.dumps(value)


def test_a_schema_that_is_only_itself_fits_nothing_and_ends() -> None:
    loops: dict[str, Any] = {"A": {"$ref": "#/$defs/A"}, "B": {"anyOf": [{"$ref": "#/$defs/B"}]}}
    root = {"$defs": loops}
    sampler = Sampler(root)

    for name in ("A", "B"):
        assert not sampler.fits(sampler.value({"$ref": f"#/$defs/{name}"}), loops[name])


def test_an_optional_recursion_costs_nothing() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}

    assert only({"$ref": "#/$defs/Node"}, Node=node) == {}


def test_a_dangling_reference_fits_nothing_and_raises_nothing() -> None:
    assert not Sampler({}).fits("a", {"$ref": "#/$defs/Gone"})


def test_a_value_with_an_unknown_member_does_not_fit() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    assert Sampler({}).fits({"a": 1}, schema)
    assert not Sampler({}).fits({"b": 1}, schema)


LIMITS = st.one_of(
    st.integers(-(10**299), 10**299), st.floats(allow_nan=False, allow_infinity=False)
)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": LIMITS,
            "maximum": LIMITS,
            "exclusiveMinimum": LIMITS,
            "exclusiveMaximum": LIMITS,
            "multipleOf": LIMITS.filter(lambda step: step > 0),
        },
    )
)
@settings(max_examples=200, deadline=None)
def test_a_sampled_number_is_always_finite(schema: dict[str, Any]) -> None:
    value = Sampler({}).value(schema)

    assert isinstance(value, int | float)
    assert math.isfinite(value)


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf"])
def test_an_example_that_multiplies_through_members_is_given_up(keyword: str) -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"next": deep}
    both = {keyword: [{"$ref": "#/$defs/B"}, {"$ref": "#/$defs/C"}]}
    sampler = Sampler({"$defs": {"A": both, "B": tree, "C": tree | {"required": ["next"]}}})

    assert not sampler.fits(deep, {"$ref": "#/$defs/A"})
    assert sampler.value({"$ref": "#/$defs/A", "examples": [deep] * 1000}) != deep


PLAIN = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 3), "maxLength": st.integers(0, 3)},
    ),
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.integers(0, 3)}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", 1, True]), min_size=1)}),
)
FLAT = st.one_of(
    PLAIN,
    st.fixed_dictionaries(
        {"type": st.just("array"), "items": PLAIN},
        optional={"minItems": st.integers(0, 2), "maxItems": st.integers(0, 2)},
    ),
    st.fixed_dictionaries({"anyOf": st.lists(PLAIN | st.just({"type": "null"}), min_size=1)}),
)
ANY = st.sampled_from(["", "a", "abcd", 0, 1, 2.0, True, None])


@given(FLAT, ANY | st.lists(ANY, max_size=3))
@settings(max_examples=300, deadline=None)
def test_a_plain_value_is_judged_as_by_a_validator(schema: dict[str, Any], value: Any) -> None:
    assert Sampler({}).fits(value, schema) == Draft202012Validator(schema).is_valid(value)
