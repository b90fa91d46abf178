"""A Model becomes files: which, with what in them, and how odd models are shown."""

import ast
import hashlib
import json
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest
import skills_ref.parser  # type: ignore[import-untyped]
import yaml
from jsonschema import Draft202012Validator
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from fal_runtime.input.prepare import prepare_command
from falsmith import __version__
from falsmith.documents import Documents
from falsmith.parse import parse
from falsmith.render import Mode, Options, render
from falsmith.skill.tree import Entry, File, Link

Build = Callable[..., Documents]
LAZY = Options("standalone", lazy=True)
REFERENCE = "references/tools/acme-demo.yaml"


class Markdown(SingleFileSnapshotExtension):
    """One Markdown file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "md"


class Yaml(Markdown):
    """One YAML file a snapshot."""

    file_extension = "yaml"


def rendered(documents: Documents, options: Options | None = None) -> dict[str, str]:
    files = only_files(render(parse(documents), options or Options("standalone")))
    return {str(file.path): file.content.decode() for file in files}


def only_files(entries: Sequence[Entry]) -> list[File]:
    return [entry for entry in entries if isinstance(entry, File)]


def shown_commands(markdown: str) -> list[str]:
    return re.findall(r"^```bash\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("lazy", [False, True], ids=["full", "lazy"])
@pytest.mark.parametrize("odd", ["no_parameters", "hostile", "every_kind"])
def test_an_odd_model_is_shown_well(
    odd: str, lazy: bool, request: pytest.FixtureRequest, snapshot: SnapshotAssertion
) -> None:
    documents: Documents = request.getfixturevalue(odd)
    text = rendered(documents, Options("standalone", lazy=lazy))["SKILL.md"]

    assert text.replace(__version__, "VERSION") == snapshot(extension_class=Markdown)


@pytest.mark.parametrize("odd", ["no_parameters", "hostile", "every_kind"])
def test_an_odd_model_has_a_sound_yaml_reference(
    odd: str, request: pytest.FixtureRequest, snapshot: SnapshotAssertion
) -> None:
    text = rendered(request.getfixturevalue(odd), LAZY)[REFERENCE]

    assert yaml.safe_load(text)["model_id"] == "acme/demo"
    assert text == snapshot(extension_class=Yaml)


def test_what_binds_is_told_of_fields_of_their_members_and_of_the_answer(
    model_documents: Build,
) -> None:
    path = {"type": "string", "description": "A link. At most 3 GB."}
    adapter = {"type": "object", "properties": {"path": path, "note": {"type": "string"}}}
    fields = {"loras": {"type": "array", "items": adapter, "description": "Up to 2."}}
    mesh = {"type": "string", "description": "The shape. Only there when `rig` is true."}
    answer = {"type": "object", "properties": {"mesh": mesh}}
    documents = model_documents({"properties": fields}, output_schema=answer)

    full, lazy = (
        rendered(documents)["SKILL.md"],
        yaml.safe_load(rendered(documents, LAZY)[REFERENCE]),
    )
    assert "|  | Up to 2. `path`: At most 3 GB. … |" in full
    assert "`mesh` (string: Only there when `rig` is true.)." in full
    assert lazy["input"]["loras"]["members"]["path"]["about"] == "A link. At most 3 GB."
    assert lazy["output"]["mesh"]["about"] == mesh["description"]


def test_members_are_told_with_their_limits_those_of_which_the_same_holds_together(
    model_documents: Build,
) -> None:
    side = {"type": "integer", "exclusiveMinimum": 0, "maximum": 99, "default": 9}
    sides = {"width": side, "height": side, "mesh_url": {"type": "string"}, "on": {"default": True}}
    size = {"type": "object", "properties": sides, "required": ["mesh_url"]}

    full = rendered(model_documents({"properties": {"size": size}}))["SKILL.md"]
    told = "`width`, `height` (1..99, default `9`) `mesh_url` (required, 3D model path or URL) |"
    assert told in full


def test_what_the_whole_input_says_that_binds_stands_in_a_table_of_its_own(
    model_documents: Build,
) -> None:
    said = "Input for effects. Give `clip` instead of `text` to go on with it."
    schema = {"properties": {"text": {"type": "string"}}, "description": said}
    for options in (Options(), LAZY):
        text = rendered(model_documents(schema), options)["SKILL.md"]
        assert "| Give `clip` instead of `text` to go on with it. |\n" in text


def test_a_text_whose_values_are_not_listed_shows_its_examples(model_documents: Build) -> None:
    voice = {"type": "string", "examples": [f"Voice{number}" for number in range(20)]}
    documents = model_documents({"properties": {"voice": voice}})

    lazy = yaml.safe_load(rendered(documents, LAZY)[REFERENCE])
    assert "string, e.g. `Voice0`, `Voice1`," in rendered(documents)["SKILL.md"]
    assert "`Voice9`, ... |" in rendered(documents)["SKILL.md"]
    assert lazy["input"]["voice"]["examples"] == voice["examples"]


def test_what_a_training_gives_is_told_with_its_field(model_documents: Build) -> None:
    documents = model_documents(
        {"properties": {"finetune_id": {"type": "string"}}},
        metadata={"training_endpoint_ids": ["acme/trainer", "acme/portraits"]},
    )
    told = "`finetune_id` takes the result of a training with `acme/trainer` or `acme/portraits`.\n"

    assert f"- {told}" in rendered(documents)["SKILL.md"]
    assert told in rendered(documents, LAZY)["SKILL.md"]


def test_a_file_field_that_takes_no_link_says_what_it_takes(model_documents: Build) -> None:
    about = "Base64-encoded image. CDN URLs are not supported."
    image = {"type": "string", "description": about}
    documents = model_documents({"properties": {"image_url": image}, "required": ["image_url"]})

    full, lazy = rendered(documents)["SKILL.md"], rendered(documents, LAZY)["SKILL.md"]
    assert "| `image_url` | image (data: URI) |" in full
    assert '{"image_url": "data:image/png;base64,YOUR_IMAGE"}' in full
    assert "`image_url` (image data: URI)" in lazy


def test_a_file_field_that_takes_words_is_told_as_such(model_documents: Build) -> None:
    style = {"type": "string", "description": "URL, or one of the presets. Can also be `ink`."}
    documents = model_documents({"properties": {"style": style, "image_url": {"type": "string"}}})

    full, lazy = (
        rendered(documents)["SKILL.md"],
        yaml.safe_load(rendered(documents, LAZY)[REFERENCE]),
    )
    assert "| `style` | string (or path or URL) |" in full
    assert "| `image_url` | image (path or URL) |" in full
    assert (lazy["input"]["style"]["or_file"], lazy["input"]["image_url"]["file"]) == (
        "file",
        "image",
    )


def test_a_default_that_is_cut_is_not_told_as_the_value(model_documents: Build) -> None:
    words = {"type": "string", "default": "grey " * 20}
    documents = model_documents({"properties": {"negative_prompt": words}})

    field = yaml.safe_load(rendered(documents, LAZY)[REFERENCE])["input"]["negative_prompt"]
    assert field["default_begins"].endswith("…")
    assert "default" not in field
    assert 'grey…"` (cut) |' in rendered(documents)["SKILL.md"]


def test_the_files_are_those_of_a_skill(no_parameters: Documents) -> None:
    paths = [path for path in rendered(no_parameters) if "fal_runtime" not in path]

    assert paths == [
        "SKILL.md",
        "agents/openai.yaml",
        "queue_config.yaml",
        "references/input.schema.json",
        "references/model_config.json",
        "references/output.schema.json",
        "scripts/acme_demo.py",
        "scripts/fal_api_call.py",
        "scripts/queue_client.py",
        "scripts/queue_daemon.py",
        "scripts/queue_protocol.py",
        "references/provenance.json",
    ]
    assert [path for path in rendered(no_parameters, LAZY) if path == REFERENCE] == [REFERENCE]


def test_the_runtime_is_copied_word_for_word(no_parameters: Documents) -> None:
    import fal_runtime

    files = rendered(no_parameters)
    names = [path for path in files if path.startswith("scripts/fal_runtime/")]

    assert len(names) > 10
    source = PurePosixPath(str(fal_runtime.__file__)).parent
    for path in names:
        inside = PurePosixPath(path).relative_to("scripts/fal_runtime")
        with open(source / inside, encoding="utf-8") as stream:  # noqa: PTH123
            assert files[path] == stream.read()
    assert not any("__pycache__" in path for path in files)


def test_scripts_can_be_executed_and_nothing_else(every_kind: Documents) -> None:
    files = only_files(render(parse(every_kind), LAZY))

    assert {str(file.path) for file in files if file.executable} == {
        "scripts/acme_demo.py",
        "scripts/fal_api_call.py",
        "scripts/queue_client.py",
        "scripts/queue_daemon.py",
        "scripts/queue_protocol.py",
    }


def test_a_skill_in_default_mode_links_to_the_creator_skill_beside_it(
    every_kind: Documents,
) -> None:
    entries = render(parse(every_kind), Options())
    links = {str(one.path): str(one.target) for one in entries if isinstance(one, Link)}

    assert links == {
        f"scripts/{name}": f"../../fal-skill-creator/scripts/{name}"
        for name in (
            "fal_api_call.py",
            "fal_runtime",
            "queue_client.py",
            "queue_daemon.py",
            "queue_protocol.py",
        )
    }
    assert json.loads(only_files(entries)[-1].content)["links"] == links


@pytest.mark.parametrize("mode", ["standalone", "public"])
def test_provenance_holds_options_source_and_the_digest_of_every_file(
    mode: Mode, every_kind: Documents
) -> None:
    model = parse(every_kind, name="other")
    files = only_files(render(model, Options(mode, lazy=True, name="other", license="MIT")))
    provenance = json.loads(files[-1].content)

    assert str(files[-1].path) == "references/provenance.json"
    assert provenance == {
        "falsmith": __version__,
        "model_id": "acme/demo",
        "options": {
            "mode": mode,
            "lazy": True,
            "name": "other",
            "description": None,
            "license": "MIT",
        },
        "source": {"sha256": model.source_digest},
        "files": {str(file.path): hashlib.sha256(file.content).hexdigest() for file in files[:-1]},
    }


def test_front_matter_says_name_description_licence_and_model(every_kind: Documents) -> None:
    model = parse(every_kind)
    text = rendered(every_kind)["SKILL.md"]
    told, body = skills_ref.parser.parse_frontmatter(text)

    assert told == yaml.safe_load(text.split("---\n")[1])
    assert list(told) == ["name", "description", "license", "compatibility", "metadata"]
    assert told["name"] == "acme-demo"
    assert told["description"] == model.description
    assert told["license"] == "MIT-0"
    assert told["metadata"] == {
        "model-id": "acme/demo",
        "category": "image-to-video",
        "generator": f"falsmith {__version__}",
    }
    assert body.startswith("# Demo\n")


def test_the_interface_of_a_host_is_written(every_kind: Documents) -> None:
    interface = yaml.safe_load(rendered(every_kind)["agents/openai.yaml"])["interface"]

    assert interface == {
        "display_name": "Demo",
        "short_description": "Animate a picture into a video with Demo",
        "default_prompt": "Use $acme-demo to animate a picture into a video with Demo.",
    }


@pytest.mark.parametrize(
    ("model_id", "metadata", "told"),
    [
        (
            "acme/demo",
            {"license_type": "research"},
            "for research: tell the user before commercial",
        ),
        ("acme/demo/stream", {}, "this script waits for the"),
        ("acme/demo/realtime", {}, "which this script does not speak"),
        (
            "acme/demo",
            {"kind": "training", "inference_endpoint_ids": ["acme/demo/lora"]},
            "Trained weights are used with `acme/demo/lora`.",
        ),
        (
            "acme/demo",
            {"category": "text-to-video"},
            "`--price` first and wait for a yes: a run can",
        ),
        (
            "acme/demo",
            {"description": "Billed per second."},
            "wait for a yes: the price goes by use.",
        ),
        ("acme/demo", {}, "Just run it."),
    ],
)
def test_what_a_caller_must_know_beside_the_fields_is_said(
    model_id: str, metadata: dict[str, Any], told: str, model_documents: Build
) -> None:
    documents = model_documents(model_id=model_id, metadata=metadata)

    assert told in rendered(documents)["SKILL.md"]
    if not told.startswith(("`", "wait", "Just")):
        assert told in rendered(documents, Options(lazy=True))["SKILL.md"]


def test_what_an_archive_must_hold_is_to_be_read_before_a_lazy_skill_is_run(
    model_documents: Build,
) -> None:
    for kind, is_said in (("archive", True), ("image", False)):
        link = {"type": "string", "format": "uri", "_fal_ui_field": kind}
        schema = {"type": "object", "properties": {"data_url": link}, "required": ["data_url"]}
        body = rendered(model_documents(schema), Options(lazy=True))["SKILL.md"]
        assert (".yaml): read there first what the archive must hold." in body) == is_said


def test_where_files_go_is_said_of_a_model_that_makes_some(model_documents: Build) -> None:
    for name, is_said in (("image", True), ("text", False)):
        field = {"type": "object", "properties": {"url": {"type": "string"}}}
        output = {"type": "object", "properties": {name: field if is_said else {}}}
        body = rendered(model_documents(output_schema=output))["SKILL.md"]
        assert ("Files go to `output`" in body) == is_said


def test_a_price_that_the_document_tells_is_told_apart_from_one_that_a_name_suggests(
    model_documents: Build,
) -> None:
    fields = {
        "tier": {"type": "string", "description": "The finer tier costs double."},
        "resolution": {"type": "string"},
    }
    text = rendered(model_documents({"type": "object", "properties": fields}))["SKILL.md"]

    assert "- Changes the price: `tier`." in text
    assert "- May raise the price: `resolution`." in text


def test_the_wrapper_presets_its_model(every_kind: Documents) -> None:
    tree = ast.parse(rendered(every_kind)["scripts/acme_demo.py"])
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }

    assert constants == {"MODEL_ID": "acme/demo"}


def test_model_config_says_whose_skill_it_is(every_kind: Documents, model_documents: Build) -> None:
    config = json.loads(rendered(every_kind)["references/model_config.json"])
    unknown = json.loads(rendered(model_documents(5))["references/model_config.json"])

    assert config == {
        "model_id": "acme/demo",
        "name": "acme-demo",
        "display_name": "Demo",
        "category": "image-to-video",
        "description": parse(every_kind).description,
        "input_schema_known": True,
        "slow": True,
    }
    assert unknown["input_schema_known"] is False


def test_the_schemas_are_valid_and_the_example_fits(every_kind: Documents) -> None:
    files = rendered(every_kind)
    schema = json.loads(files["references/input.schema.json"])

    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(json.loads(files["references/output.schema.json"]))
    (example,) = schema["examples"]
    assert Draft202012Validator(schema).is_valid(example)
    assert schema["properties"]["seed"]["anyOf"][0]["maximum"] == 9223372036854776000


@pytest.mark.parametrize("odd", ["hostile", "every_kind"])
@pytest.mark.parametrize("lazy", [False, True], ids=["full", "lazy"])
def test_every_shown_command_is_read_as_the_example(
    odd: str, lazy: bool, request: pytest.FixtureRequest
) -> None:
    documents = request.getfixturevalue(odd)
    model = parse(documents)
    commands = shown_commands(rendered(documents, Options("standalone", lazy=lazy))["SKILL.md"])

    assert len(commands) == 2 - lazy
    for command in commands:
        line, _, stdin = command.partition("\n")
        words = shlex.split(line.replace("<<'JSON'", ""))
        assert words[:2] == ["python", f"scripts/{model.wrapper}.py"]
        prepared = prepare_command(
            words[2:], model_id=model.id, schema=model.input_schema, stdin_text=stdin[:-5]
        )
        sent = {name: prepared.value[name] for name in model.brief_example}
        assert sent == model.brief_example or model.brief_example.get("image_url") == "input.png"


def test_jinja_in_any_text_stays_text(model_documents: Build) -> None:
    schema = {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "description": "{{ 7 * 7 }} {% include 'x' %}"}
        },
    }
    text = rendered(model_documents(schema))["SKILL.md"]

    assert "{{ 7 * 7 }} {% include 'x' %}" in text
    assert "49" not in text


def test_the_queue_waits_longer_for_a_slow_model(
    every_kind: Documents, no_parameters: Documents
) -> None:
    slow = yaml.safe_load(rendered(every_kind)["queue_config.yaml"])
    fast = yaml.safe_load(rendered(no_parameters)["queue_config.yaml"])

    assert slow["job_timeout"] == 3600
    assert fast["job_timeout"] == 600
    assert fast["sync_only"] is False


def test_the_yaml_reference_says_values_as_they_are(every_kind: Documents) -> None:
    told = yaml.safe_load(rendered(every_kind, LAZY)[REFERENCE])

    assert told["input"]["duration"]["choices"] == ["5", "10"]
    assert told["input"]["duration"]["default"] == 5
    assert told["input"]["aspect_ratio"]["choices"] == ["16:9", "1:1", "auto"]
    assert told["input"]["pose_mode"]["choices"] == ["a-pose", ""]
    assert told["input"]["voice"]["choices_in_all"] == 1286
    assert len(told["input"]["voice"]["choices"]) == 30
    assert told["input"]["prompt"]["required"] is True
    assert "default" not in told["input"]["fps"]
    assert told["example"] == parse(every_kind).example
    assert list(told["output"]) == ["video", "images[]", "seed"]


def test_a_usage_line_of_the_yaml_reference_runs_as_it_is_copied(model_documents: Build) -> None:
    links = {"type": "array", "items": {"type": "string"}}
    prompt = {"type": "string", "examples": ['It\'s a "cat": 50 % #1']}
    schema = {"type": "object", "properties": {"prompt": prompt, "image_urls": links}}
    documents = model_documents(schema | {"required": ["prompt", "image_urls"]})
    model = parse(documents)

    usage = rendered(documents, LAZY)[REFERENCE].partition("usage: |\n")[2]
    words = shlex.split(usage.splitlines()[0].strip())
    prepared = prepare_command(words[2:], model_id=model.id, schema=model.input_schema)

    assert prepared.value["prompt"] == model.example["prompt"]
    assert [str(file.path) for file in prepared.local_files] == ["input.png"]


def test_a_long_text_can_come_from_a_file(model_documents: Build) -> None:
    prompt = {"type": "string", "examples": ["A cat sits on a mat. " * 20]}
    schema = {"type": "object", "properties": {"prompt": prompt}, "required": ["prompt"]}

    for lazy in (False, True):
        text = rendered(model_documents(schema), Options(lazy=lazy))["SKILL.md"]
        assert "`--set-file prompt=FILE`" in text
        assert (
            "--set-file"
            not in rendered(
                model_documents(schema | {"properties": {"prompt": {"type": "string"}}}),
                Options(lazy=lazy),
            )["SKILL.md"]
        )


def test_the_same_model_gives_the_same_bytes(every_kind: Documents) -> Any:
    assert rendered(every_kind) == rendered(every_kind)
    assert rendered(every_kind)["SKILL.md"] != rendered(every_kind, LAZY)["SKILL.md"]
