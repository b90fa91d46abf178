"""The user's own defaults and presets: what they add to a call, and what is told of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fal_runtime
from fal_runtime.command import main, run_fal_api_job
from fal_runtime.errors import UsageError

Ask = Callable[..., tuple[int, dict[str, Any]]]
Write = Callable[[str], Path]
GOOD = """\
# Ours.
defaults:
  output_format: png
  num_images: 1
presets:
  poster: {size: {width: 9, height: 16}, num_images: 2}
  wide:
    aspect_ratio: 16:9
"""


def body(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["platform_request"]["body"]
    return found


def test_defaults_are_sent_unless_given_otherwise_and_each_source_is_reported(
    ask: Ask, write_defaults: Write
) -> None:
    write_defaults(GOOD)
    argv = ["--preset", "poster", "--args", '{"seed": 1, "size": {"width": 5}}']
    code, answer = ask(*argv, "--set", "size.height=6", "--prompt", "x", "--seed", "2")
    assert code == 0
    assert body(answer) == {
        "output_format": "png",
        "num_images": 2,
        "size": {"width": 5, "height": 6},
        "seed": 2,
        "prompt": "x",
    }
    assert answer["sources"] == {
        "output_format": "defaults",
        "num_images": "preset poster",
        "size": "args",
        "size.height": "set",
        "seed": "flag",
        "prompt": "flag",
    }


@pytest.mark.parametrize(
    ("argv", "count", "source"),
    [
        ([], 1, "defaults"),
        (["--preset", "poster"], 2, "preset poster"),
        (["--preset", "poster", "--args", '{"num_images": 3}'], 3, "args"),
        (["--args", '{"num_images": 3}', "--set", "num_images=4"], 4, "set"),
        (["--preset", "poster", "--set", "num_images=4", "--num-images", "1"], 1, "flag"),
    ],
)
def test_a_later_source_beats_an_earlier_one(
    ask: Ask, write_defaults: Write, argv: list[str], count: int, source: str
) -> None:
    write_defaults(GOOD)
    _, answer = ask("--prompt", "x", *argv)
    assert (body(answer)["num_images"], answer["sources"]["num_images"]) == (count, source)


def test_an_object_is_replaced_as_a_whole_and_one_value_of_it_by_set(
    ask: Ask, write_defaults: Write
) -> None:
    write_defaults(GOOD)
    preset = ["--prompt", "x", "--preset", "poster"]
    assert body(ask(*preset, "--size", '{"width": 1}')[1])["size"] == {"width": 1}
    _, answer = ask(*preset, "--set", "size.width=1")
    assert body(answer)["size"] == {"width": 1, "height": 16}
    assert answer["sources"]["size"] == "preset poster"


def test_a_flag_for_an_object_hides_what_set_gave_to_it(ask: Ask) -> None:
    _, answer = ask("--prompt", "x", "--set", "size.width=1", "--size", '{"width": 2}')
    assert answer["sources"] == {"size": "flag", "prompt": "flag"}


def test_what_the_command_itself_adds_is_reported(ask: Ask, poster_skill: Path) -> None:
    schema = {"properties": {"prompt": {}, "sync_mode": {"type": "boolean"}}}
    (poster_skill / "references" / "input.schema.json").write_text(json.dumps(schema))
    assert ask("--prompt", "x")[1]["sources"] == {"prompt": "flag", "sync_mode": "built in"}


def test_a_required_field_may_come_from_the_defaults(ask: Ask, write_defaults: Write) -> None:
    write_defaults("defaults: {prompt: a house}\n")
    assert body(ask()[1]) == {"prompt": "a house"}


@pytest.mark.parametrize("text", ["", "# nothing\n", "defaults:\npresets:\n", "presets: {a: }\n"])
def test_a_file_that_says_nothing_changes_nothing(
    ask: Ask, write_defaults: Write, text: str
) -> None:
    write_defaults(text)
    assert body(ask("--prompt", "x")[1]) == {"prompt": "x"}


def test_plain_words_and_ratios_mean_what_they_say(ask: Ask, write_defaults: Write) -> None:
    write_defaults("defaults: {aspect_ratio: 16:9, prompt: no, duration: 5}\n")
    assert body(ask()[1]) == {"aspect_ratio": "16:9", "prompt": "no", "duration": "5"}


def test_the_generic_caller_uses_them_for_the_skills_own_model_only(
    ask: Ask, write_defaults: Write
) -> None:
    write_defaults(GOOD)
    own = ask("-m", "acme/demo", "--prompt", "x", "--preset", "wide", model_id=None)[1]
    assert body(own)["aspect_ratio"] == "16:9"
    other = ask("-m", "other/model", "--args", "{}", model_id=None)[1]
    assert body(other) == {}


def test_relative_paths_start_at_the_folder_of_the_file(
    ask: Ask,
    write_defaults: Write,
    poster_skill: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    logo = poster_skill / "references" / "logo.png"
    photo = tmp_path / "photo.png"
    for file in (logo, photo):
        file.write_bytes(b"x")
    write_defaults(
        "defaults:\n  image_url: logo.png\n  layers:\n"
        f"    - url: ../references/logo.png\n    - url: {photo}\n    - url: https://a.b/c.png\n"
    )
    assert body(ask("--prompt", "x")[1]) == {
        "prompt": "x",
        "image_url": f"<upload:{logo}>",
        "layers": [
            {"url": f"<upload:{logo}>"},
            {"url": f"<upload:{photo}>"},
            {"url": "https://a.b/c.png"},
        ],
    }


def test_unknown_fields_and_wrong_values_pass_where_the_options_say_so(
    ask: Ask, write_defaults: Write
) -> None:
    write_defaults("defaults: {fresh: 1}\n")
    assert body(ask("--prompt", "x", "--allow-unknown")[1])["fresh"] == 1
    write_defaults("defaults: {seed: one}\n")
    assert body(ask("--prompt", "x", "--no-validate")[1])["seed"] == "one"


def test_fields_of_an_unknown_schema_are_sent_unchecked(
    ask: Ask, write_defaults: Write, poster_skill: Path
) -> None:
    config = {"model_id": "acme/demo", "input_schema_known": False}
    (poster_skill / "references" / "model_config.json").write_text(json.dumps(config))
    write_defaults("defaults: {anything: [goes]}\n")
    assert body(ask("--args", "{}")[1]) == {"anything": ["goes"]}


def test_an_open_schema_takes_other_fields_also_from_the_file(
    ask: Ask, write_defaults: Write, poster_skill: Path
) -> None:
    schema = json.loads((poster_skill / "references" / "input.schema.json").read_bytes()) | {
        "additionalProperties": {"type": "integer"}
    }
    (poster_skill / "references" / "input.schema.json").write_text(json.dumps(schema))
    write_defaults("defaults: {fresh: 1}\n")
    assert body(ask("--prompt", "x")[1])["fresh"] == 1
    write_defaults("defaults: {fresh: one}\n")
    assert "defaults.fresh" in ask("--prompt", "x")[1]["error"]["message"]


def test_help_shows_presets_only_where_the_file_is(
    poster_skill: Path, write_defaults: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    def page() -> str:
        assert main(["--help"], model_id="acme/demo", skill=poster_skill) == 0
        return " ".join(capsys.readouterr().out.split())

    assert "preset" not in page()
    write_defaults("not: [checked\n")
    assert "--preset NAME" in page()
    assert "references/defaults.yaml < --preset < --args < --set < --set-file < flags" in page()


def test_a_guide_of_the_user_changes_nothing(ask: Ask, poster_skill: Path) -> None:
    (poster_skill / "references" / "guide.md").write_bytes(b"\xff\x00 our way")
    assert body(ask("--prompt", "x")[1]) == {"prompt": "x"}


def test_a_python_program_of_a_linked_skill_uses_that_skills_own_file(
    poster_skill: Path, write_defaults: Write
) -> None:
    write_defaults(GOOD)
    (poster_skill / "scripts").mkdir()
    (poster_skill / "scripts" / "fal_runtime").symlink_to(Path(fal_runtime.__file__).parent)
    program = (
        "import json; from fal_runtime.command import run_fal_api_job as run;"
        "print(json.dumps(run('acme/demo', {'prompt': 'x'}, '.', preset='wide', dry_run=True)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=poster_skill.parent,
        env=os.environ | {"PYTHONPATH": str(poster_skill / "scripts")},
    )
    assert json.loads(done.stdout)["sources"]["aspect_ratio"] == "preset wide"


def test_a_python_call_without_a_skill_has_no_presets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--preset poster"):
        run_fal_api_job("acme/demo", {}, tmp_path, preset="poster", dry_run=True)
    answer = run_fal_api_job("acme/demo", {"a": {"b": 1}}, tmp_path, dry_run=True)
    assert answer["sources"] == {"a": "args"}


def test_the_answer_stays_short_however_many_sources_there_are(ask: Ask) -> None:
    fields = {f"a_field_of_some_length_{number}": number for number in range(2000)}
    words = ["--prompt", "x", "--allow-unknown", "--args", json.dumps(fields)]
    assert len(json.dumps(ask(*words)[1], indent=2)) < 10_000
