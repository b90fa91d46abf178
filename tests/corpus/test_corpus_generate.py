"""Every real document becomes a skill whose facts are those that the raw document states."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from falsmith.documents import Documents
from falsmith.model import MISSING, Model
from falsmith.parse import parse
from falsmith.render import Mode, Options, render
from falsmith.skill.tree import File

pytestmark = pytest.mark.corpus

MODES: tuple[Mode, ...] = ("default", "standalone", "public")
CONTROL = re.compile(r"<\|[a-z_]+\|>|\[/?INST\]|[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e]")
# Left out of the parameters where it is a switch: the runtime sends it as false.
HIDDEN = "sync_mode"


@dataclass(frozen=True, slots=True)
class Case:
    """One real model: its raw document, its raw schemas and what falsmith made of them."""

    documents: Documents
    model: Model

    def component(self, *keys: str) -> dict[str, Any]:
        """Return the raw schema that the operation refers to, empty where it is undefined."""
        part: Any = self.documents.openapi["paths"]
        for key in (*keys, "content", "application/json", "schema"):
            part = part[key]
        return self.follow(part)

    @property
    def raw_input(self) -> dict[str, Any]:
        """Return the raw schema of the POST body."""
        return self.component(f"/{self.model.id}", "post", "requestBody")

    @property
    def raw_output(self) -> dict[str, Any]:
        """Return the raw schema of the result."""
        path = f"/{self.model.id}/requests/{{request_id}}"
        return self.component(path, "get", "responses", "200")

    @property
    def fields(self) -> dict[str, Any]:
        """Return the raw input fields that become parameters."""
        properties = self.raw_input.get("properties", {})
        switch = properties.get(HIDDEN, {}).get("type") == "boolean"
        return {name: part for name, part in properties.items() if name != HIDDEN or not switch}

    def follow(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Return a raw schema with its reference followed, beside its own keywords."""
        schemas = self.documents.openapi["components"]["schemas"]
        merged = dict(schema)
        while "$ref" in merged:
            name = merged.pop("$ref").rpartition("/")[2]
            merged = {**schemas.get(name, {}), **merged}
        return merged

    def alternatives(self, schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the plain raw schemas of a union."""
        schema = self.follow(schema)
        inner = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
        if not inner:
            yield schema
        for one in inner:
            yield from self.alternatives(one)


@pytest.fixture(scope="module")
def cases(corpus_documents: tuple[Documents, ...]) -> list[Case]:
    return [Case(documents, parse(documents)) for documents in corpus_documents]


def test_every_document_renders_in_every_mode_and_hides_nothing(cases: list[Case]) -> None:
    wrong: list[str] = []
    for case, mode, lazy in product(cases, MODES, (False, True)):
        files = [file for file in render(case.model, Options(mode, lazy)) if isinstance(file, File)]
        own = [file for file in files if "fal_runtime" not in file.path.parts]
        texts = {str(file.path): file.content.decode() for file in own}
        wrong += [f"{case.model.id} {path}" for path, text in texts.items() if CONTROL.search(text)]
        wrong += [
            f"{case.model.id} {path} is no JSON object"
            for path, text in texts.items()
            if path.endswith(".json") and not isinstance(json.loads(text), dict)
        ]
        shown = texts["SKILL.md"].partition("<<'JSON'\n")[2].partition("\nJSON\n")[0]
        if json.loads(shown) != case.model.brief_example:
            wrong.append(f"{case.model.id} shows another example than its own")

    assert wrong == []


def test_every_schema_is_valid_and_self_contained(cases: list[Case]) -> None:
    dangling: list[str] = []
    for case in cases:
        for schema in (case.model.input_schema, case.model.output_schema):
            Draft202012Validator.check_schema(schema)
            names = set(re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)))
            dangling += [
                f"{case.model.id}: {name}" for name in names - set(schema.get("$defs", {}))
            ]

    assert dangling == []


def test_every_example_is_valid(cases: list[Case]) -> None:
    for case in cases:
        validator = Draft202012Validator(case.model.input_schema)
        assert validator.is_valid(case.model.example), case.model.id
        assert validator.is_valid(case.model.brief_example), case.model.id


def test_the_first_examples_are_taken_wherever_they_are_valid(cases: list[Case]) -> None:
    wrong: list[str] = []
    taken = 0
    for case in cases:
        for name in case.raw_input.get("required", ()):
            examples = case.follow(case.fields[name]).get("examples") or []
            told = examples and words(examples[0])
            if told and is_valid(examples[0], case.fields[name], case):
                taken += 1
                if words(case.model.example[name]) != words(examples[0]):
                    wrong.append(f"{case.model.id} {name}")

    # They read a medium, and have the question of their sibling that reads texts alone.
    siblings = [f"nvidia/nemotron-3-nano-omni/{one} prompt" for one in ("audio", "vision")]
    assert sorted(wrong) == siblings
    assert taken > 1_400


def is_valid(value: Any, schema: Mapping[str, Any], case: Case) -> bool:
    rooted = {**schema, "components": case.documents.openapi["components"]}
    try:
        return Draft202012Validator(rooted).is_valid(value)
    except Unresolvable:
        return False


def words(value: Any) -> list[str]:
    """Return what a value says; cleaning changes its white space only."""
    text = json.dumps(value, ensure_ascii=False).replace("\\n", " ")
    return re.findall(r"[A-Za-z0-9]+", text)


def test_the_parameters_are_the_documents_fields_required_ones_first(cases: list[Case]) -> None:
    unknown = []
    for case in cases:
        raw = case.raw_input
        order = raw.get("x-fal-order-properties") or list(case.fields)
        told = [name for name in order if name in case.fields]
        required = [name for name in told if name in raw.get("required", ())]
        expected = required + [name for name in told if name not in required]
        assert [one.name for one in case.model.parameters] == expected, case.model.id
        assert [one.name for one in case.model.parameters if one.required] == required
        unknown += [] if case.model.input_is_known else [case.model.id]
        assert case.model.input_is_known == bool(raw), case.model.id

    assert all(model_id.startswith("openrouter/") for model_id in unknown)
    assert sum(len(case.model.parameters) for case in cases) > 9_000


def test_defaults_and_choices_are_the_documents(cases: list[Case]) -> None:
    wrong: list[str] = []
    for case in cases:
        for one in case.model.parameters:
            raw = case.follow(case.fields[one.name])
            default = raw.get("default", MISSING)
            if (type(one.default), one.default) != (type(default), default):
                wrong.append(f"{case.model.id} {one.name}: {one.default!r} for {default!r}")
            if set(map(repr, one.choices)) != set(map(repr, raw_choices(raw, case))):
                wrong.append(f"{case.model.id} {one.name}: {one.choices!r}"[:200])

    assert wrong == []


def raw_choices(schema: Mapping[str, Any], case: Case) -> list[Any]:
    found: list[Any] = []
    for one in case.alternatives(schema):
        found += one.get("enum", [])
        found += [one["const"]] if "const" in one else []
        items = one.get("items")
        if one.get("type") == "array" and isinstance(items, dict) and "0" not in items:
            found += raw_choices(items, case)
    return [value for value in found if value is not None]


def test_every_text_that_is_named_a_link_is_a_file_field(cases: list[Case]) -> None:
    wrong: list[str] = []
    links = 0
    for case in cases:
        kinds = {one.name: one.file_kind for one in case.model.parameters}
        for name, schema in case.fields.items():
            texts = any(is_text(one, case) for one in case.alternatives(schema))
            if re.search(r"_urls?$", name) and texts:
                links += 1
                wrong += [] if kinds[name] else [f"{case.model.id} {name}"]
            elif name in {"prompt", "negative_prompt", "text", "path"} and kinds[name]:
                wrong.append(f"{case.model.id} {name} is no file")

    assert wrong == []
    assert links > 900


def is_text(schema: Mapping[str, Any], case: Case) -> bool:
    items = schema.get("items")
    if isinstance(items, dict):
        return any(is_text(one, case) for one in case.alternatives(items))
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema


def test_the_files_of_an_answer_are_its_objects_with_a_link(cases: list[Case]) -> None:
    wrong: list[str] = []
    counted = 0
    for case in cases:
        raw = [
            path
            for one in case.alternatives(case.raw_output)
            for name, part in one.get("properties", {}).items()
            for path in raw_files(name, part, case)
        ]
        told = [output.path for output in case.model.outputs if output.is_file]
        counted += len(told)
        if set(told) != set(raw):
            wrong.append(f"{case.model.id}: {sorted(set(told) ^ set(raw))}")

    assert wrong == []
    assert counted > 1_200


def raw_files(path: str, schema: Mapping[str, Any], case: Case) -> Iterator[str]:
    for one in case.alternatives(schema):
        properties = one.get("properties", {})
        link = properties.get("url", one if re.search(r"_urls?(\[\])?$", path) else {})
        if any(part.get("type") == "string" for part in case.alternatives(link)):
            yield path
            # What stands beside the link may hold further ones.
            properties = {name: part for name, part in properties.items() if name != "url"}
        for name, part in properties.items():
            yield from raw_files(f"{path}.{name}", part, case)
        if isinstance(one.get("items"), dict):
            yield from raw_files(f"{path}[]", one["items"], case)


def test_what_the_documents_leave_undefined_is_a_warning(cases: list[Case]) -> None:
    warned = {
        case.model.id: [text for text in case.model.warnings if " was left out: " not in text]
        for case in cases
    }

    assert {"fal-ai/wan-ati", "fal-ai/patina/material"} <= {one for one in warned if warned[one]}
    for case in cases:
        warnings = warned[case.model.id]
        assert all(name in " ".join(warnings) for name in undefined(case)), case.model.id
        assert bool(warnings) == bool(undefined(case)), warnings


def test_of_real_documents_only_links_to_other_sites_are_left_out(cases: list[Case]) -> None:
    left_out = [
        warning
        for case in cases
        for warning in case.model.warnings
        if " was left out: " in warning and not warning.endswith("it links to another site")
    ]

    # Three list the words that a file field takes in place of a link.
    assert [one for one in left_out if "control_method_url: an example" not in one] == []
    assert len(left_out) <= 3


def undefined(case: Case) -> set[str]:
    schemas = case.documents.openapi["components"]["schemas"]
    text = json.dumps([case.documents.openapi["paths"], schemas])
    return set(re.findall(r'"#/components/schemas/([^"]+)"', text)) - set(schemas)
