"""The user's own defaults and presets where they are wrong: file, line and key are told."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.command import main

Ask = Callable[..., tuple[int, dict[str, Any]]]
Write = Callable[[str], Path]
PRESETS = """\
presets:
  poster: {num_images: 2}
  wide:
    aspect_ratio: 16:9
"""


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("default: {seed: 1}\n", 1, ["default:", "did you mean defaults?"]),
        ("defaults: [png]\n", 1, ["defaults:", "input fields by name"]),
        ("\npresets: 3\n", 2, ["presets: got 3", "presets by name"]),
        ("presets:\n  poster: png\n", 2, ["presets.poster:", "input fields by name"]),
        ("defaults:\n  sed: 1\n", 2, ["defaults.sed:", "did you mean seed?", "prompt"]),
        ("presets:\n  a:\n    seed: one\n", 3, ['presets.a.seed: got "one"', "integer"]),
        ("defaults:\n\n  size: {height: 2}\n", 3, ["defaults.size.width: got nothing"]),
        ("defaults:\n  size: {width: 2, hight: 1}\n", 2, ["defaults.size.hight", "height?"]),
        ("defaults:\n  seed: null\n", 2, ["defaults.seed: got null", "leave the line out"]),
        ("defaults:\n  seed: 010\n", 2, ['defaults.seed: got "010"']),
        ("defaults:\n  seed:\n", 2, ["defaults.seed: got null"]),
        ("defaults:\n  seed: 1\n  seed: 2\n", 3, ["seed is given twice"]),
        ("defaults:\n  layers:\n    - url: a\n      url: b\n", 4, ["url is given twice"]),
        ("defaults:\n  size: {? [a] : 1}\n", 2, ["a name must be a single word"]),
        ("defaults:\n  prompt: !!binary aGk=\n", 2, ["leave out the tag", "binary"]),
        ("defaults:\n  seed: !!bool maybe\n", 2, ["leave out the tag", "bool"]),
        ('defaults:\n  seed: !!int ""\n', 2, ["leave out the tag", "int"]),
        ("defaults:\n  seed: !mine 1\n", 2, ["leave out the tag !mine"]),
        (f"defaults:\n  seed: {'9' * 5000}\n", 1, ["not valid YAML", "5000 digits"]),
        (f"defaults:\n  seed: {'[' * 90}{']' * 90}\n", 2, ["more than 40 levels"]),
        ("defaults:\n  seed: '\x00'\n", 1, ["not valid YAML"]),
        ("defaults:\n  a b: 1\n", 2, ['defaults["a b"]: got an unknown field']),
        ("defaults:\n  image_url: from:last\n", 2, ["defaults.image_url", "from:"]),
        ("defaults: &a {seed: 1}\npresets: {b: *a}\n", 1, ["write out in full what a names"]),
        ("defaults:\n  seed: [1\n", 3, ["not valid YAML"]),
        ("- seed\n", 1, ["`name: value` lines"]),
    ],
)
def test_what_is_wrong_is_reported_with_file_line_and_key(
    ask: Ask, write_defaults: Write, text: str, line: int, told: list[str]
) -> None:
    file = write_defaults(text)
    code, answer = ask("--prompt", "x")
    assert (code, answer["error"]["code"]) == (2, "invalid_settings")
    message = answer["error"]["message"]
    assert message.startswith(f"{file}, line {line}: ")
    assert [part for part in told if part not in message] == []


@pytest.mark.parametrize(
    "name",
    [
        "~/.ssh/id_rsa",
        "/etc/hostname",
        "file:///etc/hostname",
        "../../secret.png",
        "../../project/.env.png",
        "link.png",
    ],
)
@pytest.mark.parametrize("takes_words", [False, True])
def test_a_file_outside_of_skill_and_project_is_refused(
    ask: Ask,
    write_defaults: Write,
    poster_skill: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *,
    takes_words: bool,
) -> None:
    tmp_path = poster_skill.parent
    _take_words(poster_skill, takes_words)
    write_defaults("")
    project = tmp_path / "project"
    for file in (tmp_path / "secret.png", project / ".env.png", tmp_path / ".ssh" / "id_rsa"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("secret")
    (poster_skill / "references" / "link.png").symlink_to(tmp_path / "secret.png")
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(tmp_path))
    file = write_defaults(f"defaults:\n  image_url: {name}\n")

    code, answer = ask("--prompt", "x")

    assert (code, answer["error"]["code"]) == (2, "invalid_settings")
    message = answer["error"]["message"]
    assert message.startswith(f"{file}, line 2: defaults.image_url: got ")
    assert "inside the skill or below the working folder" in message
    assert ask("--prompt", "x", "--image-url", str(tmp_path / "secret.png"))[0] == 2
    file.unlink()
    assert ask("--prompt", "x", "--image-url", str(tmp_path / "secret.png"))[0] == 0


def test_a_word_of_defaults_is_no_file(
    ask: Ask, write_defaults: Write, poster_skill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_words(poster_skill, True)
    monkeypatch.chdir(poster_skill.parent)
    write_defaults("defaults:\n  image_url: canny\n")
    code, answer = ask("--prompt", "x")
    assert (code, answer["platform_request"]["body"]["image_url"]) == (0, "canny")
    (poster_skill / "references" / "canny").write_bytes(b"\x89PNG\0")
    _, answer = ask("--prompt", "x")
    place = poster_skill / "references" / "canny"
    assert answer["platform_request"]["body"]["image_url"] == f"<upload:{place}>"


def _take_words(skill: Path, takes_words: bool) -> None:
    """Have the field of a picture take other texts too."""
    file = skill / "references" / "input.schema.json"
    schema = json.loads(file.read_text())
    schema["properties"]["image_url"]["x-words"] = takes_words
    file.write_text(json.dumps(schema))


def test_every_problem_of_the_file_is_reported_at_once(ask: Ask, write_defaults: Write) -> None:
    write_defaults(
        "defaults: {output_format: pgn}\npresets:\n  a: {num_images: 9}\n  b: {seed: x}\n"
    )
    problems = ask("--prompt", "x")[1]["error"]["problems"]
    assert [(each["path"], each.get("closest")) for each in problems] == [
        ("defaults.output_format", "png"),
        ("presets.a.num_images", None),
        ("presets.b.seed", None),
    ]


def test_an_unknown_preset_is_refused_with_those_that_there_are(
    ask: Ask, write_defaults: Write
) -> None:
    file = write_defaults(PRESETS)
    code, answer = ask("--prompt", "x", "--preset", "postr")
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert (
        f"{file} has no preset 'postr': its presets are poster, wide; did you mean poster?"
        in (answer["error"]["message"])
    )
    file.write_text("defaults: {seed: 1}\n")
    assert "it has no presets" in ask("--preset", "poster")[1]["error"]["message"]


def test_a_value_of_the_models_own_field_of_that_name_is_led_to_its_flag(
    ask: Ask, write_defaults: Write, poster_skill: Path
) -> None:
    schema = poster_skill / "references" / "input.schema.json"
    fields = json.loads(schema.read_text())
    fields["properties"]["preset"] = {"type": "string"}
    schema.write_text(json.dumps(fields))
    hint = "the model's own field of that name is --input-preset"
    assert hint in ask("--prompt", "x", "--preset", "simple")[1]["error"]["message"]
    write_defaults("presets: {poster: {seed: 1}}\n")
    assert hint in ask("--prompt", "x", "--preset", "simple")[1]["error"]["message"]
    assert ask("--prompt", "x", "--input-preset", "simple", "--preset", "poster")[0] == 0


@pytest.mark.parametrize("model", [None, "other/model"])
def test_a_preset_without_a_file_is_refused(
    ask: Ask, write_defaults: Write, model: str | None
) -> None:
    words = ["--preset", "poster", "--args", "{}"]
    if model is not None:
        write_defaults(PRESETS)
        code, answer = ask("-m", model, *words, model_id=None)
    else:
        code, answer = ask(*words)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert "references/defaults.yaml" in answer["error"]["message"]


def test_two_presets_are_refused(ask: Ask, write_defaults: Write) -> None:
    write_defaults(PRESETS)
    code, answer = ask("--prompt", "x", "--preset", "poster", "--preset", "wide")
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert "--preset can be given once only" in answer["error"]["message"]


def test_a_missing_file_is_refused_where_it_is_used(
    ask: Ask, write_defaults: Write, poster_skill: Path
) -> None:
    file = write_defaults("presets:\n  logo:\n    image_url: logo.png\n")
    assert ask("--prompt", "x")[0] == 0
    code, answer = ask("--prompt", "x", "--preset", "logo")
    assert (code, answer["error"]["code"]) == (2, "invalid_settings")
    assert answer["error"]["message"].startswith(f"{file}, line 3: presets.logo.image_url: ")
    assert (
        f"there is no file {poster_skill / 'references' / 'logo.png'}" in answer["error"]["message"]
    )


def test_a_file_that_cannot_be_read_is_trouble_of_this_machine(
    ask: Ask, poster_skill: Path
) -> None:
    (poster_skill / "references" / "defaults.yaml").symlink_to("gone.yaml")
    code, answer = ask("--prompt", "x")
    assert (code, answer["error"]["code"]) == (9, "local_trouble")
    assert "defaults.yaml cannot be read" in answer["error"]["message"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_regular_file_is_not_read(ask: Ask, poster_skill: Path, kind: str) -> None:
    file = poster_skill / "references" / "defaults.yaml"
    make: dict[str, Callable[[], None]] = {
        "folder": file.mkdir,
        "pipe": lambda: os.mkfifo(file),
        "device": lambda: file.symlink_to("/dev/zero"),
    }
    make[kind]()
    code, answer = ask("--prompt", "x")
    assert (code, answer["error"]["code"]) == (9, "local_trouble")
    assert f"{file} cannot be read: it is no regular file" in answer["error"]["message"]


@pytest.mark.parametrize("name", ["input.schema.json", "model_config.json"])
def test_a_pipe_in_place_of_a_schema_is_not_waited_for(
    ask: Ask, poster_skill: Path, name: str
) -> None:
    file = poster_skill / "references" / name
    file.unlink()
    os.mkfifo(file)
    code, answer = ask("--prompt", "x")
    assert (code, answer["error"]["code"]) == (9, "local_trouble")
    assert f"{file} cannot be read: it is no regular file" in answer["error"]["message"]


def test_a_file_that_nobody_wrote_by_hand_is_refused_unread(
    ask: Ask, write_defaults: Write
) -> None:
    text = "defaults:\n  seed: 1\n"
    file = write_defaults(text.ljust(100_000))
    assert ask("--prompt", "x")[0] == 0
    write_defaults(text.ljust(100_001))
    code, answer = ask("--prompt", "x")
    assert (code, answer["error"]["code"]) == (2, "invalid_settings")
    assert f"{file} has more than 100 kB" in answer["error"]["message"]


def test_a_job_can_be_asked_about_whatever_the_file_says(
    poster_skill: Path, write_defaults: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write_defaults("defaults: {sed: 1}\n")
    assert main(["--status", "r1"], model_id="acme/demo", skill=poster_skill) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "key_missing"
    code = main(["--status", "r1", "--preset", "a"], model_id="acme/demo", skill=poster_skill)
    assert (code, json.loads(capsys.readouterr().out)["error"]["code"]) == (2, "usage")
