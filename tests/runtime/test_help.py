"""What tells of a model: `--help`, short and of the standard library only, and `--schema`."""

import json
import shlex
import subprocess
import sys
from typing import Any

import pytest

from fal_runtime.errors import UsageError
from fal_runtime.help import help_page, schema_answer
from fal_runtime.input.flags import own_options
from fal_runtime.input.prepare import prepare_command
from fal_runtime.schema.document import SchemaDocument

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


def page(
    schema: dict[str, Any],
    script: str = "python scripts/x.py",
    *,
    defaults: str | None = None,
    width: int = 80,
) -> str:
    return help_page(
        script,
        "acme/demo: makes things",
        SchemaDocument(schema),
        own_options("a/b"),
        model_given=True,
        defaults=defaults,
        width=width,
    )


def many_fields(count: int, choices: int) -> dict[str, Any]:
    long_text = "What this field is for, said at length and with 100% of the details. " * 5
    field = {"enum": [f"choice {n}" for n in range(choices)], "description": long_text}
    fields = {f"a_rather_long_field_name_{n}": field for n in range(count)}
    return {"type": "object", "properties": fields, "required": list(fields)[:3]}


@pytest.mark.parametrize("width", [1, 80, 500])
@pytest.mark.parametrize(
    ("fields", "choices"), [(1, 1286), (12, 8), (50, 8), (60, 1286), (500, 3), (5000, 1)]
)
def test_the_page_stays_short_whatever_the_schema_holds(
    fields: int, choices: int, width: int
) -> None:
    script = "python /home/somebody/.claude/skills/a/scripts/x.py"
    text = page(many_fields(fields, choices), script, width=width)
    assert len(text) < 6_000
    assert max(map(len, text.splitlines())) <= max(width, 90)
    assert "a_rather_long_field_name_0" in text
    assert "--schema" in text


def test_a_field_is_shown_with_type_choices_default_and_description() -> None:
    field = {"enum": ["jpeg", "png"], "default": "png", "description": "Format, 100% %s\x1b[31m."}
    text = page({"type": "object", "properties": {"format": field}, "required": ["format"]})
    (line,) = [each for each in text.splitlines() if each.startswith(" *--format")]
    assert line == ' *--format: one of "jpeg", "png" ["png"]. Format, 100% %s[31m.'


@pytest.mark.parametrize("fields", [1, 12, 500])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_longer_than_the_terminal_is_wide(fields: int, width: int) -> None:
    text = page(many_fields(fields, 8), defaults="references/defaults.yaml", width=width)
    assert max(map(len, text.splitlines())) <= width


def test_a_line_goes_on_under_its_text() -> None:
    field = {"type": "string", "description": "What the picture shows and what it leaves out."}
    lines = page({"properties": {"prompt": field}}, width=64).splitlines()
    start = lines.index("  --prompt: string. What the picture shows and what it leaves")
    assert lines[start + 1] == "    out."
    start = lines.index("  --dry-run                   check, print the exact request,")
    assert lines[start + 1] == f"{'':30}send nothing; no key needed"


def test_a_page_without_a_schema_speaks_of_no_fields() -> None:
    text = page({})
    assert text.startswith("usage: python scripts/x.py [--args JSON] [options]\n")
    assert "--FIELD" not in text
    assert "--no-FIELD" in page({"properties": {"prompt": {"type": "string"}}})


@pytest.mark.parametrize("width", [60, 500])
def test_the_shown_examples_are_calls_that_pass(width: int) -> None:
    schema = {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "examples": ["it's a cat"]},
            "image_urls": {"type": "array", "items": {"type": "string", "x-file": "image"}},
            "format": {"enum": ["a", "b"]},
            "count": {"type": "integer"},
        },
        "required": ["prompt", "image_urls", "format", "count"],
    }
    shown = page(schema, width=width).partition("Examples:\n")[2].replace(" \\\n", " ")
    first, second, text = shown.partition("\n  JSON\n")[0].split("\n", 2)
    value = prepare_command(shlex.split(first)[2:], model_id="a/b", schema=schema).value
    assert value["prompt"] == "it's a cat"
    argv = shlex.split(second.partition("<<")[0])[2:]
    assert prepare_command(argv, model_id="a/b", schema=schema, stdin_text=text).value == value


def test_sync_mode_is_not_shown_and_a_clashing_field_is_shown_as_it_is_typed() -> None:
    fields = {"sync_mode": {"type": "boolean"}, "output": {"type": "string"}}
    text = page({"type": "object", "properties": fields})
    assert "sync_mode" not in text
    choice = {"sync_mode": {"type": "string", "enum": ["loop", "bounce"]}}
    assert '--sync_mode: one of "loop", "bounce"' in page({"properties": choice})
    assert "--input-output: string" in text


def test_a_required_field_that_clashes_with_an_option_is_called_by_its_own_flag() -> None:
    fields = {"output": {"type": "string", "examples": ["a cat"]}}
    text = page({"type": "object", "properties": fields, "required": ["output"]})
    assert "python scripts/x.py --input-output 'a cat'" in text


def test_an_example_that_names_a_file_of_this_machine_is_not_shown() -> None:
    file = {"type": "string", "x-file": "image", "examples": ["~/.ssh/id_rsa"]}
    fields = {
        "image": file,
        "images": {"type": "array", "items": file, "examples": [["~/.ssh/id_rsa"]]},
        "part": {
            "type": "object",
            "properties": {"image": file},
            "examples": [{"image": "~/.ssh/id_rsa"}],
        },
    }
    text = page({"type": "object", "properties": fields, "required": list(fields)})
    assert "--images '[\"photo.png\"]'" in text
    assert "id_rsa" not in text


def test_an_unknown_input_points_to_args() -> None:
    assert "give them in --args" in page({"description": "unknown"})


def test_help_imports_the_standard_library_only() -> None:
    program = (
        "import sys; from pathlib import Path; from fal_runtime.command import main;"
        "main(['--help'], model_id='a/b', skill=None);"
        "heavy = {'httpx', 'yaml', 'jsonschema', 'platformdirs', 'referencing', 'asyncio', 'email',"
        " 'http', 'ssl', 'urllib.request'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


def test_a_field_comes_with_every_definition_that_it_reaches_also_in_a_circle() -> None:
    used = {name: TREE["$defs"][name] for name in ("Node", "Leaf")}
    assert schema_answer(SchemaDocument(TREE), "tree") == {"$ref": "#/$defs/Node", "$defs": used}
    assert schema_answer(SchemaDocument(TREE), "name") == {"type": "string"}


NESTED = SchemaDocument(
    {
        "properties": {
            "loras": {"type": "array", "items": {"$ref": "#/$defs/Lora"}},
            "size": {
                "anyOf": [
                    {"type": "string"},
                    {"properties": {"width": {"minimum": 8}}},
                    {"properties": {"width": {"minimum": 9}}},
                ]
            },
            "points": {"items": {"items": {"type": "number"}}},
        },
        "$defs": {"Lora": {"properties": {"scale_by": {"type": "number"}, "more": {"items": {}}}}},
    }
)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("loras.scale_by", {"type": "number"}),
        ("loras.0.scale-by", {"type": "number"}),
        ("size.width", {"anyOf": [{"minimum": 8}, {"minimum": 9}]}),
        ("points.3.0", {"type": "number"}),
    ],
)
def test_a_field_inside_another_one_is_shown(field: str, expected: object) -> None:
    assert schema_answer(NESTED, field) == expected


@pytest.mark.parametrize(
    ("field", "told"),
    [
        (
            "loras.scal",
            r"loras has no field 'scal'\. Did you mean scale_by\? Its fields: scale_by",
        ),
        ("loras.0.x", "loras.0 has no field 'x'. Its fields: scale_by, more"),
        ("size.width.x", "size.width has no field 'x'."),
        ("", None),
        ("loras.", "loras has no field ''"),
    ],
)
def test_a_field_that_is_not_inside_another_one_is_refused(field: str, told: str | None) -> None:
    if told is None:
        assert schema_answer(NESTED, field) == NESTED.root
        return
    with pytest.raises(UsageError, match=told):
        schema_answer(NESTED, field)


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
