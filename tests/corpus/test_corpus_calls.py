"""Calls of every real document: the first examples pass `--dry-run`, each broken one is refused."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from fal_runtime.command import main
from falsmith.catalog.saved import SavedSource
from falsmith.documents import Documents
from falsmith.example.roles import is_own_file
from falsmith.parse import parse
from falsmith.render import Options, render
from falsmith.skill.tree import File

CORPUS = os.environ.get("FALSMITH_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(CORPUS is None, reason="FALSMITH_CORPUS names no folder of documents"),
]
# Its example names fields of an older version, which its schema does not know.
OUTDATED = "fal-ai/ltxv-13b-098-distilled/extend"
# A recorded input names a field that its document does not know; fal ignored it.
UNKNOWN_TO_DOCUMENT = {"fal-ai/wan/v2.7/pro/text-to-image": "max_images"}
WRONG = {
    "integer": "many",
    "number": "much",
    "boolean": "perhaps",
    "string": {"wrong": True},
    "array": "many",
    "object": "thing",
}


@pytest.fixture(scope="module")
def every_model() -> list[Documents]:
    """Return the documents of the whole corpus."""
    found = list(SavedSource(Path(str(CORPUS)) / "openapi").all())
    models = [one for one in found if isinstance(one, Documents)]
    assert len(models) == len(found)
    return models


def references(documents: Documents, folder: Path) -> Path:
    """Write what a wrapper reads of its skill, without the runtime that runs here anyway."""
    skill = folder / documents.model_id.replace("/", "__")
    for file in render(parse(documents), Options()):
        if isinstance(file, File) and file.path.parts[0] == "references":
            (skill / file.path).parent.mkdir(parents=True, exist_ok=True)
            (skill / file.path).write_bytes(file.content)
    return skill


def raw_input(documents: Documents) -> dict[str, Any]:
    """Return the input schema as the document has it, found without falsmith's own reader."""
    post = documents.openapi["paths"][f"/{documents.model_id}"]["post"]
    reference = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schemas: dict[str, Any] = documents.openapi["components"]["schemas"]
    found: dict[str, Any] = schemas.get(reference.rsplit("/", 1)[1], {})
    return found


def first_call(schema: dict[str, Any]) -> dict[str, Any] | None:
    """Return the first example of every required field, None where one has no example."""
    call = {}
    for name in schema.get("required", []):
        examples = schema["properties"][name].get("examples")
        if not examples:
            return None
        call[name] = examples[0]
    return call


def is_valid(value: dict[str, Any], schema: dict[str, Any], documents: Documents) -> bool:
    """Tell whether a value fits the document as it is; a dangling reference fits nothing."""
    rooted = {**schema, "components": documents.openapi["components"]}
    try:
        return Draft202012Validator(rooted).is_valid(value)
    except Unresolvable:
        return False


def mutations(schema: dict[str, Any], call: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield inputs that differ from a good one in one field, each wrong in a way of its own."""
    properties = schema.get("properties", {})
    if call:
        missing = next(iter(call))
        yield "missing", {key: value for key, value in call.items() if key != missing}
        yield "misspelt", {**call, missing + "q": call[missing]}
    plain = {key: part for key, part in properties.items() if isinstance(part.get("type"), str)}
    for name, part in plain.items():
        if part["type"] in WRONG:
            yield "type", {**call, name: WRONG[part["type"]]}
            break
    for name, part in plain.items():
        if isinstance(part.get("maximum"), int | float):
            yield "range", {**call, name: part["maximum"] + 1}
            break
    for name, part in plain.items():
        if part.get("enum"):
            wrong = "no such choice" if part["type"] == "string" else max(part["enum"]) + 1
            yield "enum", {**call, name: wrong}
            break


def test_first_examples_pass_and_single_field_mutations_are_refused(
    every_model: list[Documents], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accepted, refused = 0, dict.fromkeys(("missing", "misspelt", "type", "range", "enum"), 0)
    wrong: list[str] = []
    for documents in every_model:
        schema = raw_input(documents)
        call = first_call(schema)
        if call is None or not schema or documents.model_id == OUTDATED:
            continue
        if not is_valid(call, schema, documents):
            continue
        skill = references(documents, tmp_path)

        def status(
            value: dict[str, Any], skill: Path = skill, model_id: str = documents.model_id
        ) -> int:
            argv = ["--dry-run", "--quiet", "--args", json.dumps(value)]
            found = main(argv, model_id=model_id, skill=skill)
            answer = json.loads(capsys.readouterr().out)
            assert answer["status"] == ("DRY_RUN" if found == 0 else "REFUSED")
            return found

        if status(call) != 0:
            wrong.append(f"{documents.model_id}: its first examples are refused")
            continue
        accepted += 1
        for kind, value in mutations(schema, call):
            refused[kind] += 1
            if status(value) != 2:
                wrong.append(f"{documents.model_id}: {kind} passes: {json.dumps(value)[:200]}")

    assert wrong == []
    assert accepted > 900
    assert min(refused.values()) > 400


def test_recorded_inputs_are_accepted(
    every_model: list[Documents], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_id = {documents.model_id: documents for documents in every_model}
    checked = 0
    for file in sorted((Path(str(CORPUS)) / "runs").glob("*.json")):
        for run in json.loads(file.read_bytes()):
            model_id = run["url"].removeprefix("https://fal.run/")
            if model_id not in by_id:
                continue
            skill = references(by_id[model_id], tmp_path)
            argv = ["--dry-run", "--quiet", "--args", json.dumps(run["request_body"])]
            if model_id in UNKNOWN_TO_DOCUMENT:
                assert main(argv, model_id=model_id, skill=skill) == 2
                assert UNKNOWN_TO_DOCUMENT[model_id] in capsys.readouterr().out
                argv.append("--allow-unknown")

            assert main(argv, model_id=model_id, skill=skill) == 0, capsys.readouterr().out
            capsys.readouterr()
            checked += 1

    assert checked == 19


def test_every_example_passes_with_the_files_that_it_names(
    every_model: list[Documents],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong: list[str] = []
    for documents in every_model:
        model = parse(documents)
        skill = references(documents, tmp_path)
        for example in (model.example, model.brief_example):
            for text in texts_in(dict(example)):
                if is_own_file(text):
                    Path(text).write_bytes(b"x")
            argv = ["--dry-run", "--quiet", "--args", json.dumps(example)]
            if main(argv, model_id=model.id, skill=skill) != 0:
                wrong.append(f"{model.id}: {capsys.readouterr().out}")
            capsys.readouterr()

    assert wrong == []


def texts_in(value: object) -> Iterator[str]:
    """Yield every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts_in(part)


def test_an_example_of_unknown_fields_is_replaced_by_one_that_passes(
    every_model: list[Documents], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = next(one for one in every_model if one.model_id == OUTDATED)
    skill = references(documents, tmp_path)
    schema = json.loads((skill / "references" / "input.schema.json").read_bytes())
    argv = ["--dry-run", "--quiet", "--args", json.dumps(schema["examples"][0])]

    assert main(argv, model_id=OUTDATED, skill=skill) == 0, capsys.readouterr().out
