"""Schemas made to keep a reader busy for ever: each part is looked at once."""

from typing import Any

import pytest

from fal_runtime.arguments import prepare_command
from fal_runtime.patterns import is_slow
from fal_runtime.schema_walk import SchemaDocument


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
    ["^(a+)+$", "(a*)*", "((a+))*", "(a|b+)+", "([a-z]+){2,}", "(?:a+){1,50}", "([^)]+)*"],
)
def test_a_repetition_in_a_repetition_is_slow(pattern: str) -> None:
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
        "(",
        "[",
        "a{",
        "",
    ],
)
def test_other_patterns_are_not_slow(pattern: str) -> None:
    assert not is_slow(pattern)
