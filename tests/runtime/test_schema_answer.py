"""What `--schema` answers: short as a whole, complete for one field."""

import json
from typing import Any

import pytest

from fal_runtime.errors import UsageError
from fal_runtime.schema_answer import schema_answer
from fal_runtime.schema_walk import SchemaDocument

TREE: dict[str, Any] = {
    "properties": {"tree": {"$ref": "#/$defs/Node"}, "name": {"type": "string"}},
    "$defs": {
        "Node": {
            "properties": {"next": {"$ref": "#/$defs/Node"}, "leaf": {"$ref": "#/$defs/Leaf"}}
        },
        "Leaf": {"type": "string"},
        "Unused": {"type": "integer"},
    },
}


def test_a_field_comes_with_every_definition_that_it_reaches_also_in_a_circle() -> None:
    used = {name: TREE["$defs"][name] for name in ("Node", "Leaf")}
    assert schema_answer(SchemaDocument(TREE), "tree") == {"$ref": "#/$defs/Node", "$defs": used}
    assert schema_answer(SchemaDocument(TREE), "name") == {"type": "string"}


def test_an_unknown_field_is_refused_with_the_closest_and_all_names() -> None:
    with pytest.raises(UsageError, match=r"Did you mean tree\? Its fields: tree, name"):
        schema_answer(SchemaDocument(TREE), "treee")


def test_the_outline_of_a_large_schema_names_every_field() -> None:
    field = {"type": "string", "description": "x" * 500}
    schema = {"properties": {f"field_{n}": field for n in range(54)}, "required": ["field_3"]}
    answer = schema_answer(SchemaDocument(schema), "")
    assert set(answer["properties"]) == set(schema["properties"])
    assert answer["required"] == ["field_3"]
    assert len(json.dumps(answer, indent=2)) < 10_000
