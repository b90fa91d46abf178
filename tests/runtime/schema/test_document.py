"""Which values fit a self-contained schema."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fal_runtime.input.values import field_value
from fal_runtime.schema.document import SchemaDocument


@pytest.mark.parametrize(
    ("schema", "fitting", "other"),
    [
        ({"const": "auto"}, "auto", "other"),
        ({"const": 1}, 1, True),
        ({"exclusiveMinimum": 0}, 0.5, 0),
        ({"exclusiveMaximum": 1}, 0.5, 1),
        ({"minimum": 0, "maximum": 1}, 1, 2),
        ({"enum": ["a", 1]}, 1, True),
    ],
    ids=str,
)
def test_a_value_fits_by_constant_choice_and_both_kinds_of_limits(
    schema: dict[str, Any], fitting: Any, other: Any
) -> None:
    document = SchemaDocument({})
    for part in (schema, {"anyOf": [{"type": "null"}, schema]}):
        assert document.accepts(fitting, part)
        assert not document.accepts(other, part)


def test_a_text_is_read_as_the_branch_of_a_union_that_takes_it() -> None:
    document = SchemaDocument({})
    ratio = {"anyOf": [{"type": "number", "exclusiveMinimum": 5}, {"type": "string"}]}
    switch = {"anyOf": [{"type": "boolean", "const": True}, {"type": "string"}]}

    assert field_value(["5"], ratio, document) == "5"
    assert field_value(["6"], ratio, document) == 6
    assert field_value(["false"], switch, document) == "false"


TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
        "steps": {"type": "integer", "multipleOf": 8},
        "parts": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/Tree"}},
        "ratio": {"anyOf": [{"type": "number", "maximum": 1}, {"type": "null"}]},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        "point": {"type": "object", "properties": {"x": {}}, "additionalProperties": False},
    },
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"name": "ab", "steps": 16, "parts": [{"name": "cd"}], "ratio": None}, True),
        ({"name": "ab", "unlisted": 1}, True),
        ({"steps": 16}, False),
        ({"name": "a"}, False),
        ({"name": "AB"}, False),
        ({"name": "ab", "steps": 12}, False),
        ({"name": "ab", "parts": [{"name": "cd", "ratio": 2}]}, False),
        ({"name": "ab", "parts": [{"name": "cd"}] * 3}, False),
        ({"name": "ab", "notes": {"any": "text"}}, True),
        ({"name": "ab", "notes": {"any": 1}}, False),
        ({"name": "ab", "point": {"x": 1}}, True),
        ({"name": "ab", "point": {"y": 1}}, False),
    ],
    ids=str,
)
def test_objects_and_references_are_judged_without_a_validator(value: Any, fits: bool) -> None:
    document = SchemaDocument({"$ref": "#/$defs/Tree", "$defs": {"Tree": TREE}})

    assert document.fits_plainly(value, document.root) is fits


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"oneOf": [{}, {}]}, 1),
        ({"enum": [[1]]}, [True]),
        ({"pattern": "(a+)+"}, "a"),
        ({"pattern": "["}, "a"),
        ({"multipleOf": 0.1}, 0.3),
        ({"multipleOf": 0}, 1),
        ({"$ref": "#/$defs/Missing"}, 1),
        ({"$ref": "#anchor"}, 1),
        ({"$ref": "#/$defs/Loop"}, 1),
    ],
    ids=str,
)
def test_what_is_not_plain_is_left_to_a_validator(schema: dict[str, Any], value: Any) -> None:
    root = {"type": "string", "$defs": {"Loop": {"anyOf": [{"$ref": "#/$defs/Loop"}]}}}

    assert SchemaDocument(root).fits_plainly(value, schema) is None


NAMES = st.sampled_from("ab")
SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 0.5, 1.0, "", "a", "ab"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=6,
)
KEYWORDS = {
    "type": st.sampled_from(
        ["string", "integer", "number", "array", "object", ["null", "boolean"]]
    ),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": st.sampled_from([0, 1.5]),
    "exclusiveMaximum": st.sampled_from([1, 2]),
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "pattern": st.sampled_from(["a", "^b?$", "(a+)+"]),
    "minItems": st.integers(0, 2),
    "maxItems": st.integers(0, 2),
    "uniqueItems": st.booleans(),
    "required": st.lists(NAMES, max_size=2, unique=True),
}
REFERENCES = {"$ref": st.sampled_from(["#/$defs/One", "#/$defs/Two"])}


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    holding = {
        "items": inner,
        "additionalProperties": st.booleans() | inner,
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        **dict.fromkeys(("anyOf", "oneOf", "allOf"), st.lists(inner, min_size=1, max_size=2)),
    }
    return st.fixed_dictionaries({}, optional={**KEYWORDS, **REFERENCES, **holding})


FLAT = st.fixed_dictionaries({}, optional=KEYWORDS)
SCHEMAS = st.recursive(FLAT, _nested, max_leaves=4)


@given(schema=SCHEMAS, one=FLAT, value=VALUES)
def test_a_plain_verdict_is_that_of_the_validator(
    schema: dict[str, Any], one: dict[str, Any], value: Any
) -> None:
    definitions = {"One": one, "Two": {"items": {"$ref": "#/$defs/Two"}, "type": ["array", "null"]}}
    whole = {**schema, "$defs": definitions}
    verdict = SchemaDocument(whole).fits_plainly(value, whole)

    assert verdict in (None, Draft202012Validator(whole).is_valid(value))
