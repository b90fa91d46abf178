"""Command lines that cannot be used: one JSON object, one line for people, and what to do."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.command import main

Run = Callable[..., tuple[int, Any, str]]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--prompt"], "usage"),
        (["--promt", "x"], "invalid_input"),
        (["--args", "{"], "invalid_input"),
        (["--prompt", "caf\udce9"], "invalid_input"),
        (["--prompt", "x", "--image_url", "none.png"], "file_missing"),
        (["--submit", "--status", "r1"], "usage"),
        (["--result", "r1", "--cancel", "r2"], "usage"),
        (["--upload", "none.png"], "file_missing"),
        (["--status", "r1", "--prompt", "x"], "usage"),
        (["--status", "r1", "--quite"], "invalid_input"),
        (["--submit", "--sync-only", "--prompt", "x"], "usage"),
        (["--api-key", "KEY-123", "--prompt", "x"], "usage"),
        (["--schema", "promt"], "usage"),
    ],
)
def test_bad_usage_is_said_once_in_the_json_object_and_exit_2(
    run: Run, argv: list[str], code: str
) -> None:
    status, answer, told = run(*argv)
    assert (status, answer["status"], answer["error"]["code"]) == (2, "REFUSED", code)
    assert answer["error"]["charged"] == "no"
    assert told == ""
    assert "KEY-123" not in json.dumps(answer) + told


def test_next_is_a_command_that_runs_as_it_stands(schema: dict[str, Any], skill: Path) -> None:
    script = skill / "scripts" / "acme_demo.py"
    first = subprocess.run([sys.executable, script], capture_output=True, check=False)
    following = shlex.split(json.loads(first.stdout)["error"]["next"])
    second = subprocess.run(following, capture_output=True, check=False)
    assert (first.returncode, second.returncode) == (2, 0)
    assert json.loads(second.stdout) == schema["properties"]["prompt"]


@pytest.mark.parametrize(
    ("argv", "about"),
    [
        (["--prompt", "x", "--duration", "7"], "duration"),
        (["--prompt", "x", "--set", "size.width=wide"], "size.width"),
        (["--prompt", "x", "--prmpt", "y"], None),
        (["--prompt", "x", "--prmpt", "y", "--duration", "7"], "duration"),
        (["--image-url", "no file.png"], "prompt"),
    ],
)
def test_next_names_the_field_that_is_wrong(run: Run, argv: list[str], about: str | None) -> None:
    code, answer, _ = run(*argv)
    following = shlex.split(answer["error"]["next"])
    assert code == 2
    assert following[following.index("--schema") + 1 :] == ([about] if about else [])
    assert run(*following[following.index("--schema") :])[0] == 0


def test_a_flag_without_a_schema_is_pointed_to_args_and_to_no_schema(run: Run) -> None:
    code, answer, _ = run("-m", "other/model", "--prompt", "a secret", model_id=None)
    assert (code, answer["error"]["code"]) == (2, "invalid_input")
    assert """--args '{"prompt": "x"}'""" in answer["error"]["message"]
    assert "did you mean" not in answer["error"]["message"]
    assert "closest" not in answer["error"]["problems"][0]
    assert "next" not in answer["error"]
    code, answer, _ = run("-m", "other/model", "a secret", model_id=None)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert """--args '{"prompt": "x"}'""" in answer["error"]["message"]


@pytest.mark.parametrize(("typed", "meant"), [("quite", "--quiet"), ("dryrun", "--dry-run")])
def test_an_option_that_is_nearly_right_is_reported_with_and_without_a_schema(
    run: Run, typed: str, meant: str
) -> None:
    for model in ("acme/demo", "other/model"):
        _, answer, _ = run("-m", model, "--args", '{"prompt": "x"}', f"--{typed}", model_id=None)
        assert answer["error"]["problems"][0]["closest"] == meant


def test_a_file_that_cannot_be_uploaded_is_named_as_it_was_typed(run: Run, tmp_path: Path) -> None:
    for name, reason in (("none.png", "there is no file"), (str(tmp_path), "is a folder")):
        _, answer, _ = run("--upload", name)
        told = answer["error"]["message"]
        assert told.startswith(f"{name} cannot be uploaded: ")
        assert reason in told
        assert "URI" not in told
        assert answer["error"]["problems"][0]["path"] == name
        assert "next" not in answer["error"]


def test_the_api_key_option_warns_where_it_is_allowed_and_never_shows_the_key(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_ALLOW_API_KEY_ARG", "1")
    code, answer, told = run("-k", "KEY-123", "--prompt", "x", "--dry-run")
    assert code == 0
    assert "deprecated" in told
    assert "KEY-123" not in json.dumps(answer) + told


def test_fal_api_call_checks_the_skills_own_model_and_passes_others_through(run: Run) -> None:
    code, answer, _ = run("-m", "acme/demo", "--prmpt", "x", model_id=None)
    assert (code, answer["error"]["problems"][0]["closest"]) == (2, "prompt")
    assert "-m acme/demo" in answer["error"]["next"]
    code, answer, told = run(
        "-m", "other/model", "--args", '{"a": 1}', "--set", "b.0=x", "--dry-run", model_id=None
    )
    assert answer["platform_request"]["body"] == {"a": 1, "b": ["x"]}
    assert "not checked" in told


@pytest.mark.parametrize(
    "model_id", ["", "flux", "../../etc", "a/b/../c", "a//b", "a/b?x=1", "é/b"]
)
def test_a_malformed_or_missing_model_id_is_bad_usage(run: Run, model_id: str) -> None:
    code, answer, _ = run("-m", model_id, "--args", "{}", model_id=None)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert run("--args", "{}", model_id=None)[0] == 2


@pytest.mark.parametrize("content", ["{", "[]", '{"properties": {"prompt": {"type": "text"}}}'])
def test_a_broken_schema_file_is_named(run: Run, skill: Path, content: str) -> None:
    (skill / "references" / "input.schema.json").write_text(content)
    code, answer, _ = run("--args", '{"prompt": "x"}', "--dry-run")
    assert (code, answer["error"]["code"]) == (9, "local_trouble")
    assert "input.schema.json" in answer["error"]["message"]


def test_no_text_of_others_steers_the_terminal(
    skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steering = "\x1b]0;x\x07\x9b31m\x7f"
    monkeypatch.setattr(sys, "argv", [f"{steering}.py"])
    config = {"model_id": "acme/demo", "category": steering, "description": f"Makes {steering}"}
    fields = {f"a{steering}": {"type": "string"}, "b": {"enum": [steering], "title": steering}}
    required = {"type": "object", "properties": fields, "required": list(fields)}
    (skill / "references" / "model_config.json").write_text(json.dumps(config))
    (skill / "references" / "input.schema.json").write_text(json.dumps(required))
    for words in (
        ["--help"],
        ["--schema"],
        ["--schema", "c"],
        [],
        ["--b", steering],
        [f"--{steering}"],
        [f"--c{steering}", "x"],
        ["--wait", steering],
        ["--upload", f"{steering}.png"],
        ["--status", steering],
    ):
        main(words, model_id="acme/demo", skill=skill)
        printed = "".join(capsys.readouterr())
        assert printed.replace("\n", "").isprintable(), words
    main(["-m", f"a/{steering}", "--args", "{}"], model_id=None, skill=skill)
    assert "".join(capsys.readouterr()).replace("\n", "").isprintable()
