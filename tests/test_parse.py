"""Two documents become one Model: hard cases of the catalogue, in small."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from falsmith.documents import Documents
from falsmith.model import MISSING, Model, Parameter
from falsmith.parse import parse
from falsmith.sample import Sampler

Build = Callable[..., Documents]


LINK = "https://example.com/a.png"


@pytest.fixture
def parsed(model_documents: Build) -> Callable[..., Model]:
    """Return the parser of a model whose input has these fields."""

    def build(properties: Mapping[str, Any], required: tuple[str, ...] = (), **more: Any) -> Model:
        schema = {"type": "object", "properties": properties, "required": list(required)}
        return parse(model_documents(schema, **more))

    return build


def one(model: Model, name: str) -> Parameter:
    return next(parameter for parameter in model.parameters if parameter.name == name)


def is_valid(model: Model) -> bool:
    return Sampler(model.input_schema).fits(model.example, model.input_schema)


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_parameter_tells_all_there_is_to_know(parsed: Callable[..., Model]) -> None:
    model = parsed(
        {
            "count": {
                "type": "integer",
                "minimum": 1,
                "maximum": 4,
                "default": 1,
                "description": "How many. Longer story.",
            },
            "image_url": {"type": "string"},
            "format": {"enum": ["png", "jpeg"], "default": "png", "deprecated": True},
        },
        required=("image_url",),
    )

    assert [parameter.name for parameter in model.parameters] == ["image_url", "count", "format"]
    assert dataclasses.astuple(one(model, "count")) == (
        ("count", "integer", False, 1, (), 0, "1..4", None, "How many.", False)
    )
    assert one(model, "image_url").file_kind == "image"
    assert one(model, "image_url").default is MISSING
    assert one(model, "image_url").required
    assert one(model, "format").choices == ("png", "jpeg")
    assert one(model, "format").deprecated


@pytest.mark.parametrize(
    "size",
    [
        {"anyOf": [{"enum": ["square", "hd"]}, ref("Size")], "default": "hd"},
        {"anyOf": [{"enum": ["square", "hd"]}, ref("Size"), {"type": "null"}], "default": "hd"},
        {"oneOf": [{"enum": ["square", "hd"]}, ref("Size")], "default": "hd"},
    ],
    ids=["anyOf", "nullable", "oneOf"],
)
def test_a_word_or_an_object_is_both(size: dict[str, Any], parsed: Callable[..., Model]) -> None:
    parts = {"width": {"type": "integer"}, "height": {"type": "integer"}}
    size_schema = {"type": "object", "properties": parts}
    parameter = one(parsed({"image_size": size}, components={"Size": size_schema}), "image_size")

    assert parameter.type == "enum or object {width, height}"
    assert parameter.choices == ("square", "hd")
    assert parameter.default == "hd"


def test_digit_strings_stay_strings_and_a_default_that_breaks_its_enum_is_told_as_it_is(
    parsed: Callable[..., Model],
) -> None:
    frames = {"type": "string", "enum": ["129", "85"], "default": 129}
    model = parsed({"num_frames": frames}, required=("num_frames",))

    assert one(model, "num_frames").choices == ("129", "85")
    assert one(model, "num_frames").default == 129
    assert model.example == {"num_frames": "129"}
    assert is_valid(model)


@pytest.mark.parametrize(
    ("default", "told"), [(MISSING, MISSING), (None, None), (False, False), ("", "")], ids=str
)
def test_no_default_and_null_are_different_things(
    default: Any, told: Any, parsed: Callable[..., Model]
) -> None:
    schema = {"type": "string"} | ({} if default is MISSING else {"default": default})

    assert one(parsed({"a": schema}), "a").default is told


def test_an_example_that_breaks_its_schema_is_passed_over(parsed: Callable[..., Model]) -> None:
    model = parsed(
        {
            "audio_url": {"type": "string", "examples": [{"url": LINK}, LINK]},
            "speakers": {"type": "integer", "examples": [None]},
        },
        required=("audio_url", "speakers"),
    )

    assert model.example == {"audio_url": LINK, "speakers": 1}
    assert is_valid(model)


def test_an_object_where_examples_are_links_is_sampled(parsed: Callable[..., Model]) -> None:
    video = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
    model = parsed(
        {"video_url": ref("Video") | {"examples": [LINK]}},
        required=("video_url",),
        components={"Video": video},
    )

    assert model.example == {"video_url": {"url": "https://example.com/input.mp4"}}
    assert is_valid(model)


def test_a_field_that_no_sample_fits_is_shown_all_the_same(parsed: Callable[..., Model]) -> None:
    model = parsed({"a": {"type": "string", "pattern": "^unguessable 123$"}}, required=("a",))

    assert not is_valid(model)
    assert "a" in model.example


def test_a_model_that_requires_nothing_shows_its_telling_field(
    parsed: Callable[..., Model],
) -> None:
    prompt = {"prompt": {"type": "string"}, "seed": {"type": "integer"}}
    example = {"type": "string", "examples": ["a"]}

    assert list(parsed(prompt).example) == ["prompt"]
    assert list(parsed({"b": {"type": "string"}, "a": example}).example) == ["a"]
    assert parsed({}).example == {}
    assert is_valid(parsed({}))


def test_the_example_stands_in_the_order_of_the_document(parsed: Callable[..., Model]) -> None:
    fields = {name: {"type": "string"} for name in ("z", "prompt", "a")}

    assert list(parsed(fields, required=("a", "z")).example) == ["z", "prompt", "a"]


def test_long_values_are_replaced_for_a_command_and_kept_in_the_example(
    parsed: Callable[..., Model],
) -> None:
    model = parsed(
        {
            "prompt": {"type": "string", "examples": ["word " * 40]},
            "image_url": {"type": "string", "examples": [f"https://example.com/{'a' * 90}.jpg"]},
            "points": {"type": "array", "items": {"type": "integer"}, "examples": [[7] * 500]},
        },
        required=("prompt", "image_url", "points"),
    )

    assert len(str(model.example)) > 1000
    assert len(str(model.brief_example)) < 200
    assert model.brief_example["image_url"] == "input.png"
    assert Draft202012Validator(dict(model.input_schema)).is_valid(dict(model.brief_example))


def test_flags_are_those_of_the_wrapper(parsed: Callable[..., Model]) -> None:
    text = {"type": "string"}
    model = parsed({"prompt": text, "request_id": text, "output": text, "dry_run": text})

    assert dict(model.flag_example) == {"--prompt": model.example["prompt"]}
    required = parsed({"output": text}, required=("output",))
    assert list(required.flag_example) == ["--input-output"]


@pytest.mark.parametrize("value", ["line\nbreak", "```", "[INST]", "\ufe0f", None])
def test_what_no_command_line_can_carry_leaves_the_flags_out(
    value: Any, parsed: Callable[..., Model]
) -> None:
    model = parsed({"a": {"enum": [value]}}, required=("a",))

    assert model.example == {"a": value}
    assert model.flag_example == {}


def test_sync_mode_is_hidden_and_request_id_is_an_ordinary_field(
    parsed: Callable[..., Model],
) -> None:
    model = parsed({"sync_mode": {"type": "boolean"}, "request_id": {"type": "string"}})

    assert [parameter.name for parameter in model.parameters] == ["request_id"]


def test_a_thousand_choices_are_all_there(parsed: Callable[..., Model]) -> None:
    names = [f"Avatar {number} " for number in range(1286)]

    assert one(parsed({"avatar": {"enum": names}}), "avatar").choices == tuple(names)


@pytest.mark.parametrize(
    "node",
    [
        {"type": "array", "items": ref("Node")},
        {"anyOf": [ref("Node")] * 4},
        {"anyOf": [{"type": "array", "items": ref("Node")}] * 8},
        {
            "type": "object",
            "properties": {"a": ref("Node"), "b": ref("Node")},
            "required": ["a", "b"],
        },
        {"allOf": [ref("Node"), ref("Node")]},
    ],
    ids=["list", "union", "union of lists", "object", "allOf"],
)
def test_inputs_that_hold_themselves_are_told_and_end(
    node: dict[str, Any], parsed: Callable[..., Model]
) -> None:
    fields = {"prompt": {"type": "string"}, "tree": ref("Node")}
    model = parsed(fields, required=("tree",), components={"Node": node})

    assert [parameter.name for parameter in model.parameters] == ["tree", "prompt"]
    assert set(model.example) == {"tree", "prompt"}


def test_nothing_hidden_and_no_control_token_survives_in_a_description(
    parsed: Callable[..., Model],
) -> None:
    schema = {"type": "string", "description": "Write <|im_end|>50 %\u202e of {{ it }}."}

    assert one(parsed({"a": schema}), "a").description == "Write 50 % of {{ it }}."
