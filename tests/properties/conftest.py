"""What must hold of every skill, whatever it was made of."""

import ast
import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import skills_ref.parser  # type: ignore[import-untyped]
import yaml
from jsonschema import Draft202012Validator

from fal_runtime.errors import CODES, FalError
from fal_runtime.input.prepare import prepare_command
from falsmith.documents import Documents
from falsmith.example.sample import Sampler
from falsmith.filters import ASCII_PUNCTUATION
from falsmith.model import MISSING, Model
from falsmith.parse import parse
from falsmith.render import Options, render
from falsmith.skill.tree import File

# What the properties are tried with, and no file may hold.
TOKENS = ("<|im_end|>", "<|im_start|>", "[INST]", "[/INST]", "<<SYS>>", "</s>", "<\uff5cend\uff5c>")
HIDDEN = "\u034f\u115f\u1160\u2800\u3164\uffa0\ufe0f\U000e0041\U000e0101"


@pytest.fixture(scope="session")
def check() -> Callable[[Documents, Options], Model | None]:
    """Assert that documents are refused clearly, or make a skill that is sound in every file.

    The model is returned, None where it was refused.
    """
    return assert_sound


def made_of(documents: Documents, options: Options) -> tuple[Model, dict[str, str]] | None:
    """Return the model and the files but the runtime, None where the documents are refused."""
    try:
        model = parse(documents, name=options.name, description=options.description)
        files = render(model, options)
    except FalError as error:
        assert error.code in CODES
        assert error.message.isprintable()
        return None
    assert not any(file.path.is_absolute() or ".." in file.path.parts for file in files)
    return model, {
        str(file.path): file.content.decode()
        for file in files
        if isinstance(file, File) and "fal_runtime" not in file.path.parts
    }


def assert_sound(documents: Documents, options: Options) -> Model | None:
    """Assert everything that must hold of a skill, whatever it was made of; return its model."""
    made = made_of(documents, options)
    if made is None:
        return None
    model, files = made
    for path, text in files.items():
        assert_nothing_hides(path, text)
    assert_front_matter(files["SKILL.md"], model, options)
    assert_json(files, model)
    assert_yaml(files, model)
    assert_wrapper(files[f"scripts/{model.wrapper}.py"], model)
    assert_commands(files["SKILL.md"], model)
    assert made_of(documents, options) == made
    return model


def assert_nothing_hides(path: str, text: str) -> None:
    found = [char for char in text if char != "\n" and unicodedata.category(char)[0] == "C"]
    assert found == [], path
    assert not set(text) & set(HIDDEN), path
    assert not [token for token in TOKENS if token in text], path


def shown(text: str) -> str:
    """Return what front matter says for a cleaned text."""
    return re.sub(r"[<>]", "", text.translate(ASCII_PUNCTUATION))


def assert_front_matter(text: str, model: Model, options: Options) -> None:
    told, body = skills_ref.parser.parse_frontmatter(text)
    assert yaml.safe_load(text.split("---\n")[1]) == told
    assert told["name"] == model.skill_name
    assert told["description"] == shown(model.description)
    assert told["metadata"]["model-id"] == model.id
    assert told["metadata"]["category"] == shown(model.category)
    # Half a character beyond 16 bits is none that YAML can say.
    licence = options.license.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert told["license"] == shown(licence)
    assert body.startswith("# ")
    assert 0 < len(told["description"]) <= 1024


def assert_json(files: Mapping[str, str], model: Model) -> None:
    told = {path: json.loads(text) for path, text in files.items() if path.endswith(".json")}
    config = told["references/model_config.json"]
    assert config["model_id"] == model.id
    assert config["display_name"] == model.display_name
    assert config["description"] == model.description
    assert config["input_schema_known"] is model.input_is_known
    for side, schema in (("input", model.input_schema), ("output", model.output_schema)):
        assert told[f"references/{side}.schema.json"] == schema
        assert all(text.isascii() for text in [files[f"references/{side}.schema.json"]])
        Draft202012Validator.check_schema(schema)
        assert_references(schema)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        named = value.get("$ref")
        yield from [named] if isinstance(named, str) else []
        for key, part in value.items():
            if key not in {"default", "examples", "enum", "const"}:
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def assert_references(schema: Mapping[str, Any]) -> None:
    for reference in references(schema):
        name = reference.removeprefix("#/$defs/").replace("%25", "%")
        assert name.replace("~1", "/").replace("~0", "~") in schema["$defs"]


def without_halves(value: Any) -> Any:
    """Return `value` with halves of characters, which YAML cannot say, marked as lost."""
    if isinstance(value, Mapping):
        return {without_halves(key): without_halves(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_halves(part) for part in value]
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


def assert_yaml(files: Mapping[str, str], model: Model) -> None:
    interface = yaml.safe_load(files["agents/openai.yaml"])["interface"]
    assert interface["display_name"] == shown(model.display_name)
    assert 25 <= len(interface["short_description"]) <= 64
    assert f"${model.skill_name}" in interface["default_prompt"]
    reference = files.get(f"references/tools/{model.skill_name}.yaml")
    if reference is None:
        return
    told = yaml.load(reference, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert told["model_id"] == model.id
    assert told["example"] == without_halves(model.example)
    assert list(told["input"]) == [parameter.name for parameter in model.parameters]
    assert list(told["output"]) == [output.path for output in model.outputs]
    for parameter in model.parameters:
        row = told["input"][parameter.name]
        assert row["type"] == parameter.type
        assert row.get("choices", []) == without_halves(parameter.choices[:30])
        assert row.get("about", "") == parameter.description
        if isinstance(parameter.default, bool | int | float):
            assert row["default"] == parameter.default or "..." in str(row["default"])
        assert bool(row.keys() & {"default", "default_begins"}) == (
            parameter.default not in (MISSING, None)
        )


def assert_wrapper(text: str, model: Model) -> None:
    assigned = {
        target.id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert assigned == {"MODEL_ID": model.id}


def assert_commands(text: str, model: Model) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) in (1, 2)
    line, _, stdin = blocks[-1].partition("\n")
    assert line == f"python scripts/{model.wrapper}.py --args-file - <<'JSON'"
    assert stdin.endswith("\nJSON\n")
    assert json.loads(stdin.removesuffix("JSON\n")) == model.brief_example
    for block in blocks[:-1]:
        words = shlex.split(block)
        assert words[1] == f"scripts/{model.wrapper}.py"
        if Sampler(model.input_schema).fits(model.example, model.input_schema):
            prepared = prepare_command(words[2:], model_id=model.id, schema=model.input_schema)
            sent = {name: prepared.value[name] for name in model.brief_example}
            assert sent == model.brief_example or prepared.local_files
