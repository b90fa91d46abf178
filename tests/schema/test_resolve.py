"""From a document to self-contained schemas: every odd shape of the catalogue, in small."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fal_runtime.schema.document import SchemaDocument
from falsmith.documents import openapi_documents
from falsmith.parse import parse
from falsmith.schema.branches import branches
from falsmith.schema.resolve import ResolvedSchema, input_schema, output_schema

OpenApi = Callable[..., dict[str, Any]]


def read_input(
    openapi_document: OpenApi, properties: dict[str, Any], **components: Any
) -> ResolvedSchema:
    root = {"type": "object", "properties": properties}
    resolved = input_schema(openapi_document(root, components=components), "acme/demo")
    Draft202012Validator.check_schema(resolved.schema)
    assert sorted(references(resolved.schema)) == sorted(
        one for one in references(resolved.schema) if resolves(one, resolved.schema)
    )
    return resolved


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def resolves(reference: str, schema: dict[str, Any]) -> bool:
    name = reference.removeprefix("#/$defs/").replace("%25", "%")
    return name.replace("~1", "/").replace("~0", "~") in schema["$defs"]


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.fixture
def field(openapi_document: OpenApi) -> Callable[..., Any]:
    """Return the reader of one input field."""

    def read(schema: Any, **components: Any) -> Any:
        resolved = read_input(openapi_document, {"a": schema}, **components)
        return resolved.schema["properties"]["a"]

    return read


def test_the_schemas_are_found_by_reference_and_not_by_name(openapi_document: OpenApi) -> None:
    others = {
        name: {"type": "object", "properties": {name: {"type": "string"}}}
        for name in ("AInput", "ZInput", "ZOutput")
    }
    document = openapi_document(components=others)

    assert list(input_schema(document, "acme/demo").schema["properties"]) == ["prompt"]
    assert list(output_schema(document, "acme/demo").schema["properties"]) == ["image"]


def test_the_only_post_and_the_only_result_serve_another_id(openapi_document: OpenApi) -> None:
    document = openapi_document(model_id="acme/other")

    assert input_schema(document, "acme/demo").known
    assert output_schema(document, "acme/demo").known


def test_of_several_posts_none_is_guessed(openapi_document: OpenApi) -> None:
    document = openapi_document(model_id="acme/one")
    document["paths"] |= openapi_document(model_id="acme/two")["paths"]

    assert not input_schema(document, "acme/demo").known
    assert not output_schema(document, "acme/demo").known
    assert input_schema(document, "acme/two").known


def test_the_result_is_self_contained_and_says_its_dialect(openapi_document: OpenApi) -> None:
    size = {"type": "object", "properties": {"width": {"type": "integer"}}}
    resolved = read_input(openapi_document, {"size": ref("Size")}, Size=size, Unused={})

    assert resolved.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert resolved.schema["properties"]["size"] == {"$ref": "#/$defs/Size"}
    assert list(resolved.schema["$defs"]) == ["Size"]
    assert resolved.warnings == ()


@pytest.mark.parametrize(
    "root",
    [
        ref("Real"),
        ref("Real") | {"description": "With a sibling."},
        {"allOf": [ref("Real")]},
        {"allOf": [ref("Real")], "title": "Demo"},
    ],
    ids=["reference", "sibling", "allOf", "allOf and title"],
)
def test_a_root_that_refers_to_another_is_that_other(
    root: dict[str, Any], openapi_document: OpenApi
) -> None:
    real = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    resolved = input_schema(openapi_document(root, components={"Real": real}), "acme/demo")

    assert resolved.known
    assert list(resolved.schema["properties"]) == ["n"]
    assert resolved.schema["required"] == ["n"]


def test_the_order_of_fields_is_the_documents_display_order(openapi_document: OpenApi) -> None:
    root = {
        "properties": {"c": {}, "a": {}, "b": {}},
        "x-fal-order-properties": ["b", "a", "gone", 7],
        "required": ["c", "b", "gone", "c", 5],
    }
    schema = input_schema(openapi_document(root), "acme/demo").schema

    assert list(schema["properties"]) == ["b", "a", "c"]
    assert schema["required"] == ["b", "c", "gone"]


@pytest.mark.parametrize(
    "reference", ["#/components/schemas/Gone", "#/definitions/X", "https://x.test/s", 5, None]
)
def test_a_dangling_reference_allows_anything_and_is_reported(
    reference: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": {"type": "array", "items": {"$ref": reference}}})

    assert resolved.schema["properties"]["a"] == {"type": "array", "items": {}}
    assert len(resolved.warnings) == 1
    assert resolved.warnings[0].startswith("input.a[]: refers to ")
    assert resolved.warnings[0].endswith(", which is not defined")


def test_recursion_stays_recursion(openapi_document: OpenApi) -> None:
    node = {"type": "object", "properties": {"next": ref("Node"), "all": {"items": ref("Other")}}}
    resolved = read_input(openapi_document, {"a": ref("Node")}, Node=node, Other=ref("Node"))
    validator = Draft202012Validator(resolved.schema)

    assert validator.is_valid({"a": {"next": {"next": {"all": [{}]}}}})
    assert not validator.is_valid({"a": {"next": {"next": {"all": [3]}}}})


@pytest.mark.parametrize(
    "node",
    [
        ref("Node"),
        {"anyOf": [ref("Node")] * 4},
        {"allOf": [{"oneOf": [{"type": "string"}, ref("Other")]}]},
    ],
    ids=["reference", "union", "in a circle"],
)
def test_a_definition_that_is_only_itself_allows_anything_and_is_reported(
    node: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": ref("Node")}, Node=node, Other=ref("Node"))

    assert Draft202012Validator(resolved.schema).is_valid({"a": 5})
    assert len(resolved.warnings) == 1
    assert "refers to itself without end" in resolved.warnings[0]


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
def test_unions_of_unions_that_no_reader_could_finish_leave_the_input_unknown(
    keyword: str, openapi_document: OpenApi
) -> None:
    wide = {f"N{number}": {keyword: [ref(f"N{number + 1}")] * 10} for number in range(11)}
    last = {"N11": {"type": "string"}}
    resolved = read_input(openapi_document, {"a": {"items": ref("N0")}}, **wide, **last)
    told = read_input(openapi_document, {"a": ref("N9"), "b": ref("N9")}, **wide, **last)

    assert not resolved.known
    assert Draft202012Validator(resolved.schema).is_valid({"a": [5]})
    assert "hold one another too often" in resolved.warnings[0]
    assert told.known
    assert told.warnings == ()


@pytest.mark.parametrize("link", [ref, lambda name: {"anyOf": [ref(name), {"type": "null"}]}])
def test_a_chain_longer_than_any_reader_follows_is_cut_with_a_warning(
    link: Callable[[str], Any], openapi_document: OpenApi
) -> None:
    chain = {f"N{number}": link(f"N{number + 1}") for number in range(2000)}
    resolved = read_input(openapi_document, {"a": ref("N0")}, **chain, N2000={"type": "string"})
    document = SchemaDocument(resolved.schema)

    assert len(resolved.schema["$defs"]) == 2001
    assert document.accepts(5, resolved.schema["properties"]["a"])
    assert not document.accepts(5, {"$ref": "#/$defs/N1990"})
    assert any("too far" in warning for warning in resolved.warnings)


def test_one_document_of_endless_references_does_not_stop_the_others(
    openapi_document: OpenApi,
) -> None:
    chain = {f"N{number}": ref(f"N{number + 1}") for number in range(600)}
    root = {"type": "object", "properties": {"a": ref("N0")}, "required": ["a"]}
    document = openapi_document(root, components={**chain, "N600": {"type": "string"}})

    model = parse(openapi_documents(document, "x.json"))

    assert [one.name for one in model.parameters] == ["a"]


@pytest.mark.parametrize("name", ["a/b", "a~b", "a%b", "a~1b", "A.B-c_d"])
def test_definitions_of_any_name_are_found_again(name: str, openapi_document: OpenApi) -> None:
    escaped = name.replace("~", "~0").replace("/", "~1")
    resolved = read_input(openapi_document, {"x": ref(escaped)}, **{name: {"type": "integer"}})
    validator = Draft202012Validator(resolved.schema)

    assert validator.is_valid({"x": 1})
    assert not validator.is_valid({"x": "1"})


@pytest.mark.parametrize(
    "root", [ref("Gone"), ref("DemoInput"), {}, {"description": "Nothing."}, None, 5, [], "x"]
)
def test_an_input_that_is_described_nowhere_is_unknown(
    root: Any, openapi_document: OpenApi
) -> None:
    document = openapi_document()
    document["components"]["schemas"]["DemoInput"] = root
    resolved = input_schema(document, "acme/demo")

    assert not resolved.known
    assert "type" not in resolved.schema
    Draft202012Validator.check_schema(resolved.schema)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"paths": None},
        {"paths": []},
        {"paths": {"/acme/demo": None}},
        {"paths": {"/acme/demo": {"post": "x"}}},
        {"paths": {"/acme/demo": {"post": {"requestBody": {"content": []}}}}},
        {"paths": {"/acme/demo": {"post": {}}}, "components": {"schemas": []}},
        {"components": 5},
    ],
    ids=range(8),
)
def test_wrong_types_on_the_way_leave_both_unknown(document: dict[str, Any]) -> None:
    assert not input_schema(document, "acme/demo").known
    assert not output_schema(document, "acme/demo").known


def test_an_empty_output_is_unknown(openapi_document: OpenApi) -> None:
    resolved = output_schema(openapi_document(output_schema={}), "acme/demo")

    assert not resolved.known
    assert set(resolved.schema) == {"$schema"}


def test_file_links_are_marked_at_any_depth_of_the_input(openapi_document: OpenApi) -> None:
    control = {"type": "object", "properties": {"control_image_url": {"type": "string"}}}
    union = {
        "type": "object",
        "properties": {
            "controls": {"type": "array", "items": ref("Control")},
            "path": {"type": "string"},
        },
    }
    resolved = read_input(
        openapi_document,
        {
            "video_urls": {"type": "array", "items": {"type": "string"}},
            "mask_url": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "unions": {"type": "array", "items": ref("Union")},
        },
        Union=union,
        Control=control,
    )
    properties, defs = resolved.schema["properties"], resolved.schema["$defs"]

    assert properties["video_urls"]["items"]["x-file"] == "video"
    assert properties["mask_url"]["anyOf"][0]["x-file"] == "image"
    assert "x-file" not in properties["mask_url"]
    assert defs["Control"]["properties"]["control_image_url"]["x-file"] == "image"
    assert "x-file" not in defs["Union"]["properties"]["path"]


def test_an_object_called_url_is_marked_inside_and_not_outside(openapi_document: OpenApi) -> None:
    video = {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
    resolved = read_input(openapi_document, {"video_url": ref("Video")}, Video=video)

    assert resolved.schema["properties"]["video_url"] == {"$ref": "#/$defs/Video"}
    assert resolved.schema["$defs"]["Video"]["properties"]["url"]["x-file"] == "video"


def test_a_wide_union_at_too_many_places_leaves_the_input_unknown(
    openapi_document: OpenApi,
) -> None:
    wide = {"anyOf": [{"type": "string", "maxLength": number} for number in range(1000)]}
    few = read_input(openapi_document, {f"f{n}": ref("Wide") for n in range(10)}, Wide=wide)
    many = read_input(openapi_document, {f"f{n}": ref("Wide") for n in range(300)}, Wide=wide)

    assert few.known
    assert not many.known
    assert "hold one another too often" in many.warnings[0]


def test_tens_of_thousands_of_warnings_and_branches_are_read(openapi_document: OpenApi) -> None:
    fields = {f"f{number}": ref(f"Gone{number}") for number in range(30_000)}
    union = {"anyOf": [{"type": "string"}] * 100_000}
    root = {"type": "object", "properties": {**fields, "a": union}}
    resolved = input_schema(openapi_document(root), "acme/demo")

    assert len(resolved.warnings) == 30_000
    assert len(branches(resolved.schema["properties"]["a"], resolved.schema)) == 100_000


# Keyword by keyword


def test_a_reference_keeps_its_siblings(field: Callable[..., Any]) -> None:
    schema = field(ref("Size") | {"description": "How large.", "default": {"width": 1}}, Size={})

    assert schema == {
        "$ref": "#/$defs/Size",
        "description": "How large.",
        "default": {"width": 1},
    }


def test_an_all_of_of_one_stands_beside_its_siblings(field: Callable[..., Any]) -> None:
    size = {"type": "object", "properties": {"w": {"type": "integer"}}}

    assert field({"allOf": [ref("Size")], "default": {"w": 1}}, Size=size) == {
        "$ref": "#/$defs/Size",
        "default": {"w": 1},
    }


def test_an_all_of_whose_keywords_would_clash_stays(field: Callable[..., Any]) -> None:
    both = field({"description": "Outer.", "allOf": [{"description": "Inner.", "type": "string"}]})

    assert both["allOf"] == [{"description": "Inner.", "type": "string"}]
    assert both["description"] == "Outer."


def test_required_names_in_a_branch_without_properties_are_kept(field: Callable[..., Any]) -> None:
    schema = field({"allOf": [{"type": "object"}, {"required": ["b", "b", 3]}]})

    assert schema["allOf"][1] == {"required": ["b"]}


@pytest.mark.parametrize(
    "spelling",
    [
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        {"type": "integer", "minimum": 1, "nullable": True},
    ],
    ids=["anyOf", "nullable"],
)
def test_both_spellings_of_nullable_let_null_through(
    spelling: dict[str, Any], field: Callable[..., Any]
) -> None:
    extra = {"default": None, "description": "Maybe.", "examples": [None, 3], "deprecated": True}

    assert field(extra | spelling) == extra | {
        "anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]
    }


def test_nullable_false_changes_nothing(field: Callable[..., Any]) -> None:
    assert field({"type": "string", "nullable": False}) == {"type": "string"}


@pytest.mark.parametrize(
    "tuple_schema",
    [
        {"prefixItems": [{"type": "integer"}, {"type": "string"}]},
        {"items": [{"type": "integer"}, {"type": "string"}]},
        {"items": {"1": {"type": "string"}, "0": {"type": "integer"}}},
    ],
    ids=["prefixItems", "list of items", "object of items"],
)
def test_a_tuple_has_one_spelling_out_of_three(
    tuple_schema: dict[str, Any], field: Callable[..., Any]
) -> None:
    schema = field({"type": "array"} | tuple_schema)

    assert schema == {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}


def test_names_that_only_look_like_numbers_are_no_tuple(field: Callable[..., Any]) -> None:
    assert "prefixItems" not in field({"type": "array", "items": {"\xb2": {"type": "string"}}})
    assert field({"type": "array", "items": {}}) == {"type": "array", "items": {}}


def test_digit_strings_numbers_and_truth_stay_different_choices(field: Callable[..., Any]) -> None:
    schema = field({"enum": ["1", 1, 1.0, True, "", None, "1"], "default": 1})

    assert [(type(one), one) for one in schema["enum"]] == [
        (str, "1"),
        (int, 1),
        (float, 1.0),
        (bool, True),
        (str, ""),
        (type(None), None),
    ]
    assert schema["default"] == 1


def test_a_long_enum_is_kept_whole_and_in_order(field: Callable[..., Any]) -> None:
    names = [f"Avatar {number}, \u98de " for number in range(1286)]

    assert field({"type": "string", "enum": names})["enum"] == names


def test_numbers_beyond_two_to_the_53_stay_exact(field: Callable[..., Any]) -> None:
    limits = {"minimum": 2**53 + 1, "maximum": 9223372036854776000, "default": 2**63 - 1}

    assert field({"type": "integer"} | limits) == {"type": "integer"} | limits


def test_the_limits_of_a_draft_4_document_become_numbers(field: Callable[..., Any]) -> None:
    draft_4 = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "exclusiveMaximum": False}

    assert field(draft_4) == {"type": "number", "exclusiveMinimum": 0}


@pytest.mark.parametrize(
    "broken",
    [
        {"minimum": "0"},
        {"minimum": True},
        {"multipleOf": 0},
        {"minLength": -1},
        {"maxItems": 1.5},
        {"uniqueItems": "yes"},
        {"pattern": "("},
        {"pattern": "[[a]"},
        {"pattern": 7},
        {"format": None},
        {"enum": []},
        {"enum": "a"},
        {"anyOf": []},
        {"anyOf": {"type": "string"}},
        {"properties": ["a"]},
        {"required": "a"},
        {"additionalProperties": "no"},
        {"items": "string"},
        {"prefixItems": {}},
        {"description": 5},
        {"examples": {"a": 1}},
        {"examples": []},
        {"deprecated": "yes"},
        {"nullable": "yes"},
        {"ge": "1", "le": None, "x-fal": {}, "ui": "image", "title": "T", "_fal_ui_field": 5},
    ],
    ids=str,
)
def test_a_keyword_of_a_wrong_type_is_left_out(
    broken: dict[str, Any], field: Callable[..., Any]
) -> None:
    assert field({"type": "string"} | broken) == {"type": "string"}


def test_bounds_that_no_validator_knows_and_waits_of_the_platform_are_words(
    field: Callable[..., Any],
) -> None:
    told = {"type": "integer", "min": 2, "max": 8, "description": "Passes."}
    assert field(told) == {
        "description": "Passes.\n\nAt least 2.\n\nAt most 8.",
        "type": "integer",
    }
    waits = {"type": "string", "limit_description": "Max file size: 5.0MB, Timeout: 20.0s"}
    assert field(waits)["description"] == "Max file size: 5.0MB"
    refers = {"type": "string", "description": "Write <img><|image_1|></img>."}
    assert field(refers)["description"] == "Write <img>…</img>."


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(?:[a-z]*_?)*$",
        "(a|aa)+$",
        r"^(a*)\1\1$",
        "^a*[a-c]*[a-z]*$",
        "a{0,5000}a{0,5000}b",
        f"{'a?' * 30}{'a' * 30}",
        "^#([0-9A-Fa-f]{3}){1,2}$",
        f"^[{'a' * 100}]$",
    ],
)
def test_a_pattern_of_many_ways_is_left_to_the_server(
    pattern: str, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": {"type": "string", "pattern": pattern}})

    assert resolved.schema["properties"]["a"] == {"type": "string"}
    assert resolved.warnings == ()


@pytest.mark.parametrize("pattern", [r"^\w+$", r"^\d{4}-\d{2}$", "^[a-z]{2,8}$", "^(ab|cd)e$", "a"])
def test_a_pattern_that_ends_soon_is_kept(pattern: str, field: Callable[..., Any]) -> None:
    assert field({"type": "string", "pattern": pattern})["pattern"] == pattern


@pytest.mark.parametrize("kind", ["text", 5, None, [], ["string", "text"], {"a": 1}], ids=str)
def test_an_unknown_type_allows_anything_and_is_reported(
    kind: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": {"type": kind}})

    assert resolved.schema["properties"]["a"] == {}
    assert resolved.warnings == ("input.a: has an unknown type; any type is allowed",)


def test_a_list_of_types_is_kept_without_repetitions(field: Callable[..., Any]) -> None:
    assert field({"type": ["string", "null", "string"]}) == {"type": ["string", "null"]}


@pytest.mark.parametrize("node", [None, 5, "string", ["string"]], ids=str)
def test_what_is_no_schema_allows_anything_and_is_reported(
    node: Any, openapi_document: OpenApi
) -> None:
    resolved = read_input(openapi_document, {"a": node})

    assert resolved.schema["properties"]["a"] == {}
    assert resolved.warnings == ("input.a: not a schema; anything is allowed here",)


@pytest.mark.parametrize(
    "name",
    ["x" * 65, "`" * 198, "\x7f" * 198, "half \ud800", "é", "a b", "1st", "--help", "", "a\n"],
    ids=ascii,
)
def test_a_field_that_no_flag_can_be_named_after_is_left_out_with_a_warning(
    name: str, openapi_document: OpenApi
) -> None:
    inner = {"properties": {name: {}, "b": {}}, "required": [name, "b"]}
    resolved = read_input(openapi_document, {"a": inner, "x" * 64: {}})

    assert resolved.schema["properties"]["a"] == {"properties": {"b": {}}, "required": ["b"]}
    assert "x" * 64 in resolved.schema["properties"]
    assert len(resolved.warnings) == 1
    assert "input.a: has a field that no flag can be named after" in resolved.warnings[0]


def test_truth_values_are_schemas(field: Callable[..., Any]) -> None:
    assert field(True) == {}
    assert field(False) == {"not": {}}


def test_texts_are_cleaned_and_values_that_are_sent_are_not(field: Callable[..., Any]) -> None:
    schema = field(
        {
            "description": "  Say <|im_end|>it.\n            Twice.\u200b",
            "limit_description": "At most 10 MB.",
            "examples": ["a\x00b<|im_end|>"],
            "enum": ["Trailing ", "b<|im_end|>"],
        }
    )

    assert schema == {
        "description": "Say it.\nTwice.\n\nAt most 10 MB.",
        "examples": ["ab"],
        "enum": ["Trailing ", "b<|im_end|>"],
    }


def test_the_singular_example_counts_as_the_first(field: Callable[..., Any]) -> None:
    assert field({"example": "a"}) == {"examples": ["a"]}
    assert field({"example": "a", "examples": ["b"]}) == {"examples": ["b"]}
