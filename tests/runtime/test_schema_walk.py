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
from fal_runtime.schema.patterns import is_slow
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


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "(a*)*",
        "((a+))*",
        "(a|b+)+",
        "([a-z]+){2,}",
        "(?:a+){1,50}",
        "([^)]+)*",
        "(a|aa)+$",
        "(a|a?)+",
        r"(?:\w|\d)+$",
        r"(?:\u4e00|[\u4e00-\u9fff])+$",
        r"\s*\s*\s*x",
        "^(.*)(.*)(.*)(.*)x",
        "^a*[a-c]*[a-z]*$",
        "a{0,5000}a{0,5000}a{0,5000}b",
        "^(?!.*a.*a.*a)b",
        "(?:a?){30}a{30}$",
        f"{'a?' * 30}{'a' * 30}",
        "(a|aa){40}$",
        r"^(a*)\1\1$",
        f"{'(' * 400}a{')' * 400}{'b' * 9000}",
    ],
)
def test_a_pattern_with_many_ways_to_fit_a_text_is_slow(pattern: str) -> None:
    assert is_slow(pattern)
    schema = {"type": "object", "properties": {"text": {"type": "string", "pattern": pattern}}}
    argv = ["--text", "a" * 60 + "!"]
    sent = prepare_command(argv, model_id="acme/demo", schema=schema)
    assert sent.value["text"].endswith("a!")


@pytest.mark.parametrize(
    "pattern",
    [
        "^#([0-9A-Fa-f]{3}){1,2}$",
        "a+b+",
        "(a)+",
        "[(+)+]+",
        r"\(a+\)+",
        "(a+){2}",
        "^(https?|ftp)://.+$",
        "(a+)(b)*",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$",
        r"^\w+\s+\w+$",
        r"^\s*\w+\s*=\s*\w+\s*$",
        r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$",
        "^((25[0-5]|[1-9]?[0-9])[.]){3}(25[0-5]|[1-9]?[0-9])$",
        "^data:image/[a-z]+;base64,[A-Za-z0-9+/]+=*$",
        "^(?:[a-z]|-|[0-9])+$",
        r"^(\d+px|\d+%|\d+em|auto)$",
        r"^(?!.*\.\.)[a-z.]+$",
        "^.{3000}$",
        ".*a.*",
        "(",
        "[",
        "a{",
        "",
    ],
)
def test_other_patterns_are_not_slow(pattern: str) -> None:
    assert not is_slow(pattern)


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
