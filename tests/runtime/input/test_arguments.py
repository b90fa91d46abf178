"""From a command line to one validated input: values, precedence, files, notices."""

import json
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import FalError, InputError, UsageError
from fal_runtime.input.flags import field_flags
from fal_runtime.input.options import OPTIONS
from fal_runtime.input.prepare import PreparedInput, check_input, prepare_command
from fal_runtime.schema.document import SchemaDocument

NULL = {"type": "null"}
FILE = {"type": "string", "x-file": "image", "pattern": "^https://", "maxLength": 60}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "seed": {"anyOf": [{"type": "integer"}, NULL]},
        "strength": {"type": "number", "minimum": 0, "maximum": 1},
        "duration": {"type": "string", "enum": ["5", "10"]},
        "steps": {"type": "integer", "enum": [4, 8]},
        "safe": {"anyOf": [{"type": "boolean"}, NULL]},
        "image_url": FILE,
        "image_urls": {"anyOf": [{"type": "array", "items": FILE}, NULL]},
        "image_size": {"anyOf": [{"$ref": "#/$defs/Size"}, {"enum": ["square", "wide"]}, NULL]},
        "loras": {"type": "array", "items": {"$ref": "#/$defs/Lora"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "points": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "voice": {"anyOf": [{"enum": ["alice", "bob"]}, {"type": "string", "x-file": "audio"}]},
        "bpm": {"anyOf": [{"const": "auto"}, {"type": "integer"}, NULL]},
        "path": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "output": {"type": "string"},
        "request_id": {"type": "string"},
        "no_queue": {"type": "boolean"},
        "extra": {},
    },
    "$defs": {
        "Size": {
            "type": "object",
            "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
            "required": ["width"],
        },
        "Lora": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "mask": FILE, "scale": {"type": "number"}},
            "required": ["path"],
        },
    },
}


def prepared(*argv: str, **options: Any) -> PreparedInput:
    return prepare_command(argv, model_id="acme/demo", schema=SCHEMA, **options)


def value(*argv: str, **options: Any) -> dict[str, Any]:
    return prepared(*argv, **options).value


def refusal(*argv: str, **options: Any) -> FalError:
    with pytest.raises(FalError) as caught:
        prepared(*argv, **options)
    return caught.value


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--prompt", "a cat"], {"prompt": "a cat"}),
        (["--prompt", ""], {"prompt": ""}),
        (["--prompt="], {"prompt": ""}),
        (["--prompt=--x"], {"prompt": "--x"}),
        (["--prompt", "-x"], {"prompt": "-x"}),
        (["--prompt", "--style raw, a cat"], {"prompt": "--style raw, a cat"}),
        (["--prompt", "@home"], {"prompt": "@home"}),
        (["--prompt", "5"], {"prompt": "5"}),
        (["--prompt", '{"a": 1}'], {"prompt": '{"a": 1}'}),
        (["--seed", "-1"], {"seed": -1}),
        (["--seed", "9223372036854775809123"], {"seed": 9223372036854775809123}),
        (["--strength", "1e-1"], {"strength": 0.1}),
        (["--strength", ".5"], {"strength": 0.5}),
        (["--duration", "5"], {"duration": "5"}),
        (["--steps", "8"], {"steps": 8}),
        (["--safe"], {"safe": True}),
        (["--safe", "false"], {"safe": False}),
        (["--safe=True"], {"safe": True}),
        (["--no-safe"], {"safe": False}),
        (["--safe", "--prompt", "x"], {"safe": True, "prompt": "x"}),
        (["--image-size", "square"], {"image_size": "square"}),
        (["--image_size", '{"width": 8}'], {"image_size": {"width": 8}}),
        (["--tags", "a", "--tags", "b"], {"tags": ["a", "b"]}),
        (["--tags", "a"], {"tags": ["a"]}),
        (["--tags", '["a", "b"]'], {"tags": ["a", "b"]}),
        (["--tags", '["a", "b"]', "--tags", "c"], {"tags": ["a", "b", "c"]}),
        (["--tags", "[laughs]"], {"tags": ["[laughs]"]}),
        (["--points", "[[1, 2], [3, 4]]"], {"points": [[1, 2], [3, 4]]}),
        (["--points", "[1, 2]", "--points", "[3, 4]"], {"points": [[1, 2], [3, 4]]}),
        (["--loras", '{"path": "x"}'], {"loras": [{"path": "x"}]}),
        (["--bpm", "auto"], {"bpm": "auto"}),
        (["--bpm", "120"], {"bpm": 120}),
        (["--path", "a"], {"path": "a"}),
        (["--path", '["a"]'], {"path": ["a"]}),
        (["--path", "a", "--path", "b"], {"path": ["a", "b"]}),
        (["--input-output", "x"], {"output": "x"}),
        (["--input_output", "x"], {"output": "x"}),
        (["--request-id", "x"], {"request_id": "x"}),
        (["--input-no_queue"], {"no_queue": True}),
        (["--extra", "[1]"], {"extra": [1]}),
        (["--extra", "null"], {"extra": "null"}),
        (["--args", '{"seed": null}'], {"seed": None}),
        (["--set", "seed=3"], {"seed": 3}),
        (["--set", "loras.0.path=a=b"], {"loras": [{"path": "a=b"}]}),
        (["--set", "image_size.width=3"], {"image_size": {"width": 3}}),
        (["--set", "extra.0.a=1", "--set", "extra.0.b=x"], {"extra": [{"a": 1, "b": "x"}]}),
    ],
)
def test_a_text_becomes_the_value_that_its_field_wants(
    argv: list[str], expected: dict[str, Any]
) -> None:
    found = value(*argv)
    assert found == expected
    assert {name: type(found[name]) for name in found} == {n: type(expected[n]) for n in expected}


def test_flags_beat_set_and_set_beats_args() -> None:
    given = '{"prompt": "args", "seed": 1, "strength": 0.1}'
    found = value("--prompt", "flag", "--set", "prompt=set", "--set", "seed=2", "--args", given)
    assert found == {"prompt": "flag", "seed": 2, "strength": 0.1}


def test_args_are_read_from_standard_input_and_from_files(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(b'\xef\xbb\xbf{"prompt": "\xc3\xa4"}')
    assert value("--args-file", "-", stdin_text='{"prompt": "it\'s"}') == {"prompt": "it's"}
    assert value("--args-file", str(file)) == {"prompt": "ä"}
    assert refusal("--args-file", str(tmp_path / "none")).code == "file_missing"
    assert isinstance(refusal("--args", "{}", "--args-file", "-"), UsageError)


def test_the_text_of_a_file_becomes_a_value_byte_for_byte(tmp_path: Path) -> None:
    text = '\ufeffA cat\'s "hat"\r\n$HOME `ls` \\n {}\n'
    file = tmp_path / "a = b.txt"
    file.write_bytes(text.encode())
    found = prepared("--set-file", f"prompt={file}", "--set", "prompt=x", "--args", '{"seed": 1}')
    assert found.value == {"prompt": text, "seed": 1}
    assert found.sources == {}
    assert value("--set-file", "loras.0.path=-", stdin_text=text) == {"loras": [{"path": text}]}
    (tmp_path / "size.json").write_text('{"width": 5}\n')
    assert value("--set-file", f"image_size={tmp_path}/size.json") == {"image_size": {"width": 5}}


def test_a_file_that_is_no_text_or_not_there_is_refused_for_a_value(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    error = refusal("--set-file", f"prompt={tmp_path}/a.png")
    assert (error.code, "by its path" in str(error)) == ("invalid_input", True)
    assert refusal("--set-file", f"prompt={tmp_path}/none").code == "file_missing"
    for more in (["--args-file", "-"], ["--set-file", "seed=-"]):
        assert isinstance(refusal("--set-file", "prompt=-", *more), UsageError)


def test_a_number_becomes_a_text_with_a_notice_where_only_the_text_is_a_choice() -> None:
    found = prepared("--args", '{"duration": 5, "steps": 4}')
    assert found.value == {"duration": "5", "steps": 4}
    assert found.notices == ('duration: 5 was sent as "5"',)
    assert refusal("--args", '{"duration": 7}').problems[0].path == "duration"
    assert refusal("--args", '{"prompt": 5}').problems[0].expected == "string"


def test_sync_mode_is_sent_as_false_where_the_model_has_it_and_it_is_not_given() -> None:
    schema = {"type": "object", "properties": {"sync_mode": {"type": "boolean"}}}
    assert prepare_command([], model_id="a/b", schema=schema).value == {"sync_mode": False}
    found = prepare_command(["--sync-mode"], model_id="a/b", schema=schema)
    assert found.value == {"sync_mode": True}
    assert "sync_mode" not in value()


def test_a_field_that_is_only_called_sync_mode_is_left_alone() -> None:
    fields = {"sync_mode": {"type": "string", "enum": ["loop", "cut_off"]}}
    schema = {"type": "object", "properties": fields}
    assert prepare_command([], model_id="a/b", schema=schema).value == {}


def test_local_files_are_found_at_any_depth_and_only_in_file_fields(tmp_path: Path) -> None:
    photo = tmp_path / "a photo%20.png"
    photo.write_bytes(b"x")
    given = f'{{"loras": [{{"path": "{photo}", "mask": "{photo}"}}]}}'
    links = ["--image_urls", f"@{photo}", "--image_urls", "https://example.com/b.png"]
    found = prepared("--args", given, *links, check_files=True)
    mark = f"<upload:{photo}>"
    assert found.value == {
        "loras": [{"path": str(photo), "mask": mark}],
        "image_urls": [mark, "https://example.com/b.png"],
    }
    places = {file.location: file.path for file in found.local_files}
    assert places == {("loras", 0, "mask"): photo, ("image_urls", 0): photo}


@pytest.mark.parametrize("keyword", ["const", "default", "enum"])
def test_a_file_that_the_schema_itself_names_is_not_uploaded(keyword: str) -> None:
    # Strangers wrote the schema, and a command that is shown may hold its values.
    files = {"mask": "key.pem", "more": ["key.pem"]}
    link = {"type": "string", "x-file": "image"}
    fields = {"mask": link, "more": {"type": "array", "items": link}}
    named = {keyword: [files] if keyword == "enum" else files}
    schema = {"properties": {"a": {"allOf": [named, {"properties": fields}]}, "b": link}}
    argv = ["--args", json.dumps({"a": files, "b": "key.pem"})]

    found = prepare_command(argv, model_id="a/b", schema=schema)

    assert [file.location for file in found.local_files] == [("b",)]
    assert found.value["a"] == files


@pytest.mark.parametrize("form", ["{}", "@{}", "file://{}", "file://localhost{}"])
def test_every_form_of_a_local_path_means_the_file(tmp_path: Path, form: str) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(b"x")
    found = prepared("--image_url", form.format(file), check_files=True)
    assert [each.path for each in found.local_files] == [file]


def test_a_relative_path_and_the_home_folder_are_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    for file in (tmp_path / "a.png", tmp_path / "home" / "b.png"):
        file.write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    found = prepared("--image_urls", "a.png", "--image_urls", "~/b.png", check_files=True)
    assert [file.path for file in found.local_files] == [
        tmp_path / "a.png",
        tmp_path / "home" / "b.png",
    ]


def test_a_file_that_cannot_be_read_is_named_with_its_field(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, Path("x" * 3000)):
        error = refusal("--image_url", str(path), check_files=True)
        assert (error.code, error.problems[0].path) == ("file_missing", "image_url")
        assert str(path)[:40] in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/a.png",
        "from:last",
        "from:job#image",
        "",
        " ",
        "a\nb",
        "data:image/png",
        "https://",
    ],
)
def test_what_is_neither_link_nor_path_is_refused_in_a_file_field(text: str) -> None:
    error = refusal("--image_url", text)
    assert (error.code, [each.path for each in error.problems]) == ("invalid_input", ["image_url"])


WORDS = {
    "type": "object",
    "properties": {
        "control": {"type": "string", "x-file": "image", "x-words": True},
        "path": {"type": "string", "x-file": "file", "x-words": True},
    },
}


@pytest.mark.parametrize(
    ("text", "comes"),
    [
        ("canny", "canny"),
        ("#ff0000", "#ff0000"),
        ("owner/name", "owner/name"),
        ("owner/name/weights.safetensors", "owner/name/weights.safetensors"),
        ("civitai://models/5", "civitai://models/5"),
        ("a red hat, 3.png of it", "a red hat, 3.png of it"),
        ("x" * 5000, "x" * 5000),
        ("folder", "folder"),
        ("https://example.com/a.safetensors", "https://example.com/a.safetensors"),
        ("mine", "<upload:{}/mine>"),
        ("folder/lora.safetensors", "<upload:{}/folder/lora.safetensors>"),
        ("folder/lro.safetensors", None),
        ("./lora.safetensors", None),
        ("lora.safetensors", None),
        ("@lora", None),
        ("/no/such/file", None),
    ],
)
def test_a_field_of_words_takes_a_path_only_where_there_is_such_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, comes: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("mine", "folder/lora.safetensors"):
        (tmp_path / name).write_bytes(b"x")
    argv = ["--args", json.dumps({"path": text})]
    if comes is None:
        with pytest.raises(InputError) as caught:
            prepare_command(argv, model_id="a/b", schema=WORDS, check_files=True)
        assert (caught.value.code, caught.value.problems[0].path) == ("file_missing", "path")
        return
    found = prepare_command(argv, model_id="a/b", schema=WORDS, check_files=True)
    assert found.value == {"path": comes.format(tmp_path)}


def test_a_picture_that_is_not_there_is_no_word() -> None:
    argv = ["--control", "folder/photo.png"]
    with pytest.raises(InputError, match="there is no file"):
        prepare_command(argv, model_id="a/b", schema=WORDS, check_files=True)
    shown = prepare_command(argv, model_id="a/b", schema=WORDS)
    assert shown.value == {"control": "<upload:folder/photo.png>"}


def test_a_choice_that_is_misspelt_is_no_file_and_is_told_the_choice() -> None:
    error = refusal("--voice", "alicee", check_files=True)
    assert (error.code, error.problems[0].closest) == ("file_missing", "alice")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    error = refusal("--image_url", str(tmp_path / "a.png"), check_files=True)
    assert (error.code, "is empty (0 bytes)" in str(error)) == ("file_missing", True)


def test_without_checking_files_a_path_needs_no_file() -> None:
    found = prepared("--image_url", "photo.png", "--voice", "alice")
    assert found.value == {"image_url": "<upload:photo.png>", "voice": "alice"}


def test_an_unknown_input_schema_takes_args_as_they_are_and_no_field_flags() -> None:
    schema = {"$schema": "x", "description": "unknown"}
    found = prepare_command(["--args", '{"a": {"b": 1}}'], model_id="a/b", schema=schema)
    assert found.value == {"a": {"b": 1}}
    with pytest.raises(InputError, match="--args"):
        prepare_command(["--prompt", "x"], model_id="a/b", schema=schema)


def test_the_given_value_stays_as_it_is() -> None:
    given = {"loras": [{"path": "x", "mask": "a.png"}]}
    check_input(given, SchemaDocument(SCHEMA), check_files=False)
    assert given == {"loras": [{"path": "x", "mask": "a.png"}]}


def test_fields_whose_flags_would_be_the_same_get_flags_of_their_own() -> None:
    names = ("output", "input-output", "input_output", "input-input-output")
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    flags = [flag.names for flag in field_flags(SchemaDocument(schema), OPTIONS)]
    told = [name for each in flags for name in each]
    assert len(told) == len(set(told))
    argv = [f"{each[0]}={each[0]}" for each in flags]
    given = prepare_command(argv, model_id="acme/demo", schema=schema)
    assert list(given.value) == list(names)
