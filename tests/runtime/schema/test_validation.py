"""Every problem at once: where, what came, what is expected, the closest name or choice."""

import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from fal_runtime.errors import FalError, InputError, LocalError
from fal_runtime.input.prepare import check_input
from fal_runtime.schema.document import SchemaDocument

SIZE = {
    "type": "object",
    "properties": {"width": {"type": "integer", "minimum": 8}, "height": {"type": "integer"}},
    "required": ["width", "height"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "minLength": 2, "maxLength": 5},
        "count": {"type": "integer", "minimum": 1, "maximum": 4},
        "step": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.1},
        "format": {"type": "string", "enum": ["jpeg", "png", "webp"]},
        "size": {"anyOf": [{"enum": ["square", "wide"]}, {"$ref": "#/$defs/Size"}]},
        "images": {"type": "array", "items": {"$ref": "#/$defs/Size"}, "maxItems": 2},
        "shape": {"oneOf": [{"$ref": "#/$defs/Ball"}, {"$ref": "#/$defs/Box"}]},
        "timings": {"type": "object", "additionalProperties": {"type": "number"}},
        "free": {"type": "object"},
        "any": {"anyOf": [{}, {"type": "object", "properties": {"a": {}}}]},
    },
    "required": ["prompt"],
    "$defs": {
        "Size": SIZE,
        "Ball": {
            "type": "object",
            "properties": {"kind": {"const": "ball"}, "radius": {"type": "number"}},
            "required": ["kind", "radius"],
        },
        "Box": {
            "type": "object",
            "properties": {"kind": {"const": "box"}, "side": {"type": "number"}},
            "required": ["kind", "side"],
            "additionalProperties": False,
        },
    },
}


def problems(value: dict[str, Any], schema: dict[str, Any] = SCHEMA) -> dict[str, Any]:
    with pytest.raises(InputError) as caught:
        check_input(value, SchemaDocument(schema))
    return {each.path: (each.got, each.expected, each.closest) for each in caught.value.problems}


def accepted(value: dict[str, Any], *, allow_unknown: bool = False) -> dict[str, Any]:
    return check_input(value, SchemaDocument(SCHEMA), allow_unknown=allow_unknown).value


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        (
            {"prompt": "toolong"},
            "prompt",
            ('"toolong" (7 characters)', "string, 2 to 5 characters"),
        ),
        ({"count": 9}, "count", ("9", "integer, 1 to 4")),
        ({"count": "2"}, "count", ('"2"', "integer, 1 to 4")),
        ({"count": True}, "count", ("true", "integer, 1 to 4")),
        ({"step": 0.25}, "step", ("0.25", "number, above 0, a multiple of 0.1")),
        ({"size": 3}, "size", ("3", 'one of "square", "wide" or object with width, height')),
        ({"size": {"width": 1, "height": 1}}, "size.width", ("1", "integer, 8 or more")),
        ({"size": {"width": 8}}, "size.height", ("nothing", "integer")),
        ({"images": [{"width": 8, "height": "1"}]}, "images[0].height", ('"1"', "integer")),
        ({"shape": {"kind": "box", "side": "1"}}, "shape.side", ('"1"', "number")),
        ({"shape": {"kind": "ball"}}, "shape.radius", ("nothing", "number")),
        ({"timings": {"a": "x"}}, "timings.a", ('"x"', "number")),
        ({"timings": {"a b": "x"}}, 'timings["a b"]', ('"x"', "number")),
    ],
)
def test_a_problem_has_path_what_came_and_what_is_expected(
    given: dict[str, Any], path: str, expected: tuple[str, str]
) -> None:
    found = problems({"prompt": "abc"} | given)
    assert {path: each[:2] for path, each in found.items()} == {path: expected}


def test_every_problem_is_reported_at_once_and_missing_fields_together() -> None:
    schema = SCHEMA | {"required": ["prompt", "size", "count"]}
    with pytest.raises(InputError) as caught:
        check_input({"count": 0, "format": "gif", "promt": "x"}, SchemaDocument(schema))
    assert {each.path for each in caught.value.problems} == {
        "prompt", "size", "count", "format", "promt",
    }  # fmt: skip
    assert "required and missing: prompt (string, 2 to 5 characters), size (" in str(caught.value)


def test_the_closest_choice_and_the_closest_field_are_named() -> None:
    found = problems({"prompt": "abc", "format": "jpg", "size": "squar", "cuont": 2})
    assert {path: each[2] for path, each in found.items()} == {
        "format": "jpeg",
        "size": "square",
        "cuont": "count",
    }
    assert "prompt, count, step" in found["cuont"][1]


def test_unknown_fields_are_refused_at_every_level_whose_fields_are_known() -> None:
    size = {"width": 8, "height": 8, "depth": 8}
    found = problems({"prompt": "abc", "size": size, "images": [size]})
    assert set(found) == {"size.depth", "images[0].depth"}
    box = {"kind": "box", "side": 1, "radius": 2}
    assert set(problems({"prompt": "abc", "shape": box})) == {"shape.radius"}


def test_free_objects_take_any_name_and_allow_unknown_takes_them_everywhere() -> None:
    given = {"prompt": "abc", "free": {"a": 1}, "timings": {"b": 1}, "any": {"z": 1}}
    assert accepted(given) == given
    unknown = given | {"new": 1, "shape": {"kind": "box", "side": 1, "new": 2}}
    assert accepted(unknown, allow_unknown=True) == unknown


def test_a_field_that_upstreams_own_example_names_is_known() -> None:
    size = {"$ref": "#/$defs/Size", "examples": [{"width": 8, "height": 8, "unit": "px"}]}
    schema = SCHEMA | {"properties": SCHEMA["properties"] | {"size": size}}
    given = {"prompt": "abc", "size": {"width": 8, "height": 8, "unit": "cm"}}
    assert check_input(given, SchemaDocument(schema)).value == given


def test_a_decimal_multiple_is_a_multiple() -> None:
    given = {"prompt": "abc", "step": 0.3}
    assert accepted(given) == given


@pytest.mark.parametrize(("number", "fits"), [(10**300, True), (10**300 + 1, False)])
def test_a_multiple_is_exact_also_of_numbers_that_no_float_tells_apart(
    number: int, fits: bool
) -> None:
    schema = {"properties": {"a": {"type": "number", "multipleOf": 2.5}}}
    if fits:
        assert check_input({"a": number}, SchemaDocument(schema)).value == {"a": number}
    else:
        assert "a" in problems({"a": number}, schema)


def test_a_value_that_fits_two_branches_of_one_of_is_left_to_the_server() -> None:
    schema = {"properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "number"}]}}}
    assert check_input({"a": 1}, SchemaDocument(schema)).value == {"a": 1}


def test_data_is_never_repeated_and_long_lists_of_choices_are_counted() -> None:
    names = [f"voice {number}" for number in range(1286)]
    schema = {"properties": {"voice": {"enum": names}, "text": {"type": "integer"}}}
    uri = f"data:image/png;base64,{'QUJD' * 500}"
    found = problems({"voice": "voice12", "text": uri}, schema)
    assert "QUJD" not in str(found)
    assert "1,286 choices" in found["voice"][1]
    assert len(found["voice"][1]) < 400
    assert found["voice"][2] == "voice 12"


@pytest.mark.parametrize(
    "broken",
    [
        {"properties": {"a": {"type": "strng"}}},
        {"properties": {"a": {"enum": 5}}},
        {"properties": {"a": {"$ref": "#/$defs/Nowhere"}}},
        {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"properties": {"a": {"pattern": "("}}},
        {"type": "object", "properties": []},
        {"properties": {"a": {"items": 7}}},
    ],
)
@pytest.mark.parametrize("value", ["x", [1]])
def test_a_broken_schema_is_an_error_of_this_machine_and_never_a_crash(
    broken: dict[str, Any], value: object
) -> None:
    try:
        check_input({"a": value}, SchemaDocument(broken))
    except FalError as error:
        assert isinstance(error, LocalError | InputError)
        assert "input.schema.json" in str(error) or error.problems
    assert check_input({"a": value}, SchemaDocument(broken), validate=False).value == {"a": value}


def test_a_remote_reference_is_never_fetched() -> None:
    seen: list[str] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/schema.json"
        with pytest.raises(LocalError):
            check_input({"a": 1}, SchemaDocument({"properties": {"a": {"$ref": address}}}))
        server.shutdown()
    assert seen == []


def test_a_recursive_schema_is_followed_as_deep_as_the_value() -> None:
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/Node"}, "file": {"x-file": "image"}},
    }
    schema = {"properties": {"node": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    given: dict[str, Any] = {"file": "a.png"}
    for _ in range(30):
        given = {"next": given}
    found = check_input({"node": given}, SchemaDocument(schema), check_files=False)
    assert len(found.local_files[0].location) == 32
    given["wrong"] = 1
    assert set(problems({"node": given}, schema)) >= {"node.wrong"}


def test_without_validation_no_validator_is_imported() -> None:
    program = (
        "import sys; sys.modules['jsonschema'] = None; from fal_runtime.input.prepare import *;"
        "schema = {'properties': {'a': {'anyOf': [{'type': 'integer'}, {'type': 'string'}]}}};"
        "words = ['--a', '5', '--no-validate'];"
        "print(prepare_command(words, model_id='a/b', schema=schema).value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "{'a': 5}\n"
