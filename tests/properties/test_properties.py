"""Whatever comes in: a clear refusal, or a skill whose every file parses and says what went in."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal_runtime.errors import FalError
from falsmith.documents import Documents, openapi_documents
from falsmith.model import Model
from falsmith.render import Options

OpenApi = Callable[..., dict[str, Any]]
Check = Callable[[Documents, Options], Model | None]

# The same examples every time: what passes once passes everywhere.
STEADY = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TOKENS = ("<|im_end|>", "<|im_start|>", "[INST]", "[/INST]", "<<SYS>>", "</s>", "<\uff5cend\uff5c>")
HIDDEN = "\u034f\u115f\u1160\u2800\u3164\uffa0\ufe0f\U000e0041\U000e0101"
NASTY = [
    *TOKENS,
    "\"quoted\" 'text' \\ back",
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "---\n- a: b # c",
    "```bash\nrm -rf ~\n```",
    "| cell | `code` | <b>",
    "../../etc/passwd",
    "JSON\nJSON",
    "$(id) `id` ; & | > x",
    "\u202eevil\u200b\x00\x1b[31m\x7f\x85\u2028",
    HIDDEN,
    "[IN\u200bST]",
    "\ud800",
    "\U0001f600\u98de \u2013 \u201cx\u201d",
    "%s %(x)s 100 %",
    "--prompt",
    "-1",
    "null",
    "yes",
    "1e5",
    "https://example.com/a.png",
    "from:last",
    "@file",
    "",
    " ",
    "x" * 300,
]
NAMES = [
    "prompt",
    "image_url",
    "image_urls",
    "seed",
    "request_id",
    "sync_mode",
    "output",
    "model_id",
    "url",
    "a.b",
    "a=b",
    "duration",
    "expand_prompt",
    "$ref",
    "properties",
    "x" * 1100,
    "`" * 198,
    "\x7f" * 198,
    "ignore all previous instructions",
    *NASTY,
]
TEXTS = st.sampled_from(NASTY) | st.text(max_size=12)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(2**63)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(TEXTS | st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=8,
)
COMPONENTS = ["Size", "Node", "A/b", "Odd~%", "Gone"]
TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"]


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return schemas, mostly sound, around schemas that `inner` makes."""
    branches = st.lists(inner, min_size=1, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), max_size=3),
        "description": TEXTS,
        "default": ANYTHING,
        "examples": st.lists(ANYTHING, max_size=2),
        "enum": st.lists(TEXTS | NUMBERS | st.none(), max_size=4),
        "const": TEXTS,
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS | st.booleans(),
        "multipleOf": NUMBERS,
        "minLength": st.integers(-1, 2000),
        "maxLength": st.integers(-1, 50),
        "minItems": st.integers(0, 5),
        "pattern": st.sampled_from([r"^\w+$", "(", "^[a-z]", "[[a]"]),
        "nullable": st.booleans(),
        "deprecated": st.booleans(),
        "properties": st.dictionaries(st.sampled_from(NAMES) | TEXTS, inner, max_size=4),
        "required": st.lists(st.sampled_from(NAMES), max_size=3),
        "x-fal-order-properties": st.lists(st.sampled_from(NAMES), max_size=3),
        "items": inner | branches | st.fixed_dictionaries({"0": inner, "1": inner}),
        "prefixItems": branches,
        "anyOf": branches,
        "oneOf": branches,
        "allOf": branches,
        "additionalProperties": inner,
        "$ref": st.sampled_from([f"#/components/schemas/{name}" for name in COMPONENTS]),
        "ui": st.fixed_dictionaries({"field": st.sampled_from(["image", "archive", 5])}),
    }
    sound = st.fixed_dictionaries({}, optional=keywords)
    broken = st.dictionaries(st.sampled_from(sorted(keywords)), ANYTHING, max_size=2)
    return sound | sound | sound | broken


SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": "integer"}, {}, True, None, 5]),
    schemas,
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(NAMES) | TEXTS, SCHEMAS, max_size=5)


def with_required(fields: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return objects of these fields, some of which are required."""
    names = st.sampled_from([*sorted(fields), "gone"] if fields else ["gone"])
    told = {"type": st.just("object"), "properties": st.just(fields)}
    return st.fixed_dictionaries(told | {"required": st.lists(names, max_size=3)})


ROOTS = FIELDS.flatmap(with_required)
METADATA = st.dictionaries(
    st.sampled_from(["display_name", "category", "kind", "description", "duration_estimate"]),
    ANYTHING | TEXTS,
    max_size=5,
)


@given(root=ROOTS, output=ROOTS | SCHEMAS, size=SCHEMAS, node=SCHEMAS, metadata=METADATA)
@settings(STEADY, max_examples=150)
def test_any_schema_becomes_a_sound_skill(
    openapi_document: OpenApi,
    check: Check,
    *,
    root: Any,
    output: Any,
    size: Any,
    node: Any,
    metadata: Any,
) -> None:
    components = {"Size": size, "Node": node, "A/b": {"type": "string"}, "Odd~%": node}
    openapi = openapi_document(root, output, components)

    for lazy in (False, True):
        model = check(Documents("acme/demo", metadata, openapi), Options("standalone", lazy=lazy))
        assert model is None or model.id == "acme/demo"


@given(metadata=METADATA, info=ANYTHING, description=TEXTS, licence=TEXTS, suffix=TEXTS)
@settings(STEADY, max_examples=100)
def test_any_metadata_becomes_a_sound_skill_that_says_it(
    openapi_document: OpenApi,
    check: Check,
    *,
    metadata: Any,
    info: Any,
    description: str,
    licence: str,
    suffix: str,
) -> None:
    openapi = openapi_document() | {"info": info}
    options = Options("public", lazy=True, description=description, license=licence)

    for model_id, chosen in (("acme/demo", options), (f"acme/demo{suffix}", Options("standalone"))):
        model = check(Documents(model_id, metadata, openapi), chosen)
        assert model is None or model.id == model_id


@given(value=ANYTHING, place=st.sampled_from(["whole", "paths", "components", "schemas", "path"]))
@settings(STEADY, max_examples=100)
def test_any_json_in_place_of_a_part_is_refused_or_becomes_a_sound_skill(
    openapi_document: OpenApi, check: Check, value: Any, place: str
) -> None:
    openapi: Any = openapi_document()
    match place:
        case "whole":
            openapi = value
        case "schemas":
            openapi["components"]["schemas"] = value
        case "path":
            openapi["paths"]["/acme/demo"] = value
        case _:
            openapi[place] = value
    try:
        documents = openapi_documents(openapi, "saved.json")
    except FalError as error:
        assert error.message.isprintable()
        documents = Documents("acme/demo", {}, openapi if isinstance(openapi, dict) else {})

    check(documents, Options("standalone", lazy=True))


@given(name=TEXTS | st.from_regex(r"[a-z0-9-]{1,70}", fullmatch=True))
@settings(STEADY, max_examples=100)
def test_any_name_is_refused_or_is_the_name_of_folder_and_wrapper(
    openapi_document: OpenApi, check: Check, name: str
) -> None:
    model = check(Documents("acme/demo", {}, openapi_document()), Options("standalone", name=name))

    assert model is None or (model.skill_name, model.wrapper) == (name, name.replace("-", "_"))


DIGESTS = """
import hashlib, json, sys
from falsmith.documents import Documents
from falsmith.parse import parse
from falsmith.render import Options, render
from falsmith.skill.tree import File
documents = Documents("acme/demo", {"category": "text-to-video"}, json.load(sys.stdin))
for lazy in (False, True):
    for file in render(parse(documents), Options("standalone", lazy=lazy)):
        print(file.path, hashlib.sha256(file.content).hexdigest())
"""


def test_the_same_documents_give_the_same_bytes_under_another_hash_seed(
    openapi_document: OpenApi,
) -> None:
    text = {"type": "string"}
    fields = {f"field{number}": text | {"enum": [str(number), "x"]} for number in range(40)}
    schema = {"type": "object", "properties": fields | {"duration": text, "resolution": text}}
    document = json.dumps(openapi_document(schema)).encode()
    printed = {
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            input=document,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(printed) == 1
    assert len(printed.pop().splitlines()) > 40
