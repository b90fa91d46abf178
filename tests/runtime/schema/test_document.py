"""Following the references of a self-contained schema, and which values fit."""

from typing import Any

import pytest

from fal_runtime.input.values import field_value
from fal_runtime.schema.document import SchemaDocument, branches, follow

TEXT = {"type": "string"}


def test_a_reference_is_followed_and_its_siblings_win() -> None:
    root = {"$defs": {"A": {"$ref": "#/$defs/B", "title": "a"}, "B": TEXT | {"title": "b"}}}

    assert follow({"$ref": "#/$defs/A"}, root) == TEXT | {"title": "a"}
    assert follow({"$ref": "#/$defs/Gone"}, root) == {}
    assert follow(TEXT, root) is TEXT


def test_a_chain_of_references_is_followed_and_one_that_leads_back_says_nothing() -> None:
    chain = {f"N{number}": {"$ref": f"#/$defs/N{number + 1}"} for number in range(9)}
    root = {"$defs": {**chain, "N9": TEXT, "A": {"$ref": "#/$defs/A"}}}

    assert follow({"$ref": "#/$defs/N0"}, root) == TEXT
    assert follow({"$ref": "#/$defs/A"}, root) == {}
    assert list(branches({"$ref": "#/$defs/A"}, root)) == [{}]


def test_branches_are_flattened_and_null_is_none() -> None:
    union = {"anyOf": [{"type": "null"}, {"const": None}, {"oneOf": [TEXT, {"type": "integer"}]}]}

    assert list(branches(union, {})) == [TEXT, {"type": "integer"}]


def test_a_definition_is_entered_once() -> None:
    root = {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}] * 9}, "B": TEXT}}

    assert list(branches({"anyOf": [{"$ref": "#/$defs/A"}] * 9}, root)) == [TEXT]


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
