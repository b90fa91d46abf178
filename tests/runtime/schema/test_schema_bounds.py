"""Schemas made to keep a reader busy for ever: each part is looked at once."""

import json
from typing import Any

import pytest

from fal_runtime.errors import LocalError
from fal_runtime.help import help_page
from fal_runtime.input.flags import own_options
from fal_runtime.input.prepare import prepare_command
from fal_runtime.schema.describe import describe
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.schema.validate import schema_problems, unknown_fields


def _widening(keyword: str, last: dict[str, Any]) -> SchemaDocument:
    """Return a document whose every definition names the next one ten times."""
    definitions = {f"A{n}": {keyword: [{"$ref": f"#/$defs/A{n + 1}"}] * 10} for n in range(30)}
    return SchemaDocument({"$ref": "#/$defs/A0", "$defs": definitions | {"A30": last}})


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_definitions_that_multiply_are_read_once(keyword: str) -> None:
    document = _widening(keyword, {"type": "object", "required": ["prompt"]})
    assert document.types(document.root) == {"object"}
    assert not document.accepts(5, document.root)
    assert not document.accepts({}, document.root)
    assert document.accepts({"prompt": 1}, document.root)
    assert document.required() == (("prompt",) if keyword == "allOf" else ())


def test_what_refers_to_itself_takes_what_the_rest_takes() -> None:
    document = SchemaDocument({"allOf": [{"$ref": "#"}], "type": "string"})
    assert document.types(document.root) == {"string"}
    assert document.accepts("x", document.root)
    assert not document.accepts(5, document.root)


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"\s*\s*x", f"{'a?' * 30}{'a' * 30}"])
def test_a_pattern_of_many_ways_in_an_edited_schema_is_left_to_the_server(pattern: str) -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string", "pattern": pattern}}}
    argv = ["--text", "a" * 60 + "!"]
    sent = prepare_command(argv, model_id="acme/demo", schema=schema)
    assert sent.value["text"].endswith("a!")


def test_members_that_multiply_are_looked_at_once_each() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}
    definitions = {"A": {"allOf": [{"$ref": "#/$defs/B"}, {"$ref": "#/$defs/C"}]}}
    document = SchemaDocument({"$ref": "#/$defs/A", "$defs": definitions | {"B": tree, "C": tree}})
    value: dict[str, Any] = {}
    for _ in range(60):
        value = {"next": value}

    assert len(list(document.visit(value))) == 61
    assert unknown_fields(value | {"other": 1}, document)[0].path == "other"
    with pytest.raises(LocalError, match="too large together"):
        schema_problems(value, document)


def test_unions_of_lists_of_unions_are_described_once_each() -> None:
    definitions: dict[str, Any] = {
        f"A{n}": {"anyOf": [{"type": "array", "items": {"$ref": f"#/$defs/A{n + 1}"}}] * 200}
        for n in range(4)
    }
    definitions = json.loads(json.dumps(definitions | {"A4": {"type": "string"}}))
    document = SchemaDocument({"$ref": "#/$defs/A0", "$defs": definitions})

    assert describe(document.root, document) == "array of array of any value"


def test_a_page_of_thousands_of_fields_names_them() -> None:
    fields = {f"field{n}": {"type": "string"} for n in range(20_000)}
    document = SchemaDocument({"properties": fields, "required": list(fields)})

    page = help_page("x", "A model.", document, own_options("acme/demo"), model_given=True)

    assert "--field0 --field1" in page
    assert len(page) < 6_000
