"""The wrapper of a collection: one command line for several models, each with its own fields."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import fal_runtime
from fal_runtime.command import main

WRAPPER = """\
import sys
from pathlib import Path
from fal_runtime.command import main
sys.exit(main(model_id=None, skill=Path(__file__).absolute().parent.parent, collection=True))
"""
IDS = {"sketch": "acme/sketch/fast", "voice": "acme/voice", "song": "acme/song"}
FIELDS: dict[str, dict[str, Any]] = {
    "sketch": {"prompt": {"type": "string"}, "model": {"enum": ["small", "large"]}},
    "voice": {"text": {"type": "string"}, "speed": {"type": "number"}},
    "song": {"lyrics": {"type": "string"}, "image_url": {"type": "string", "x-file": "file"}},
}
Call = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Return the folder of a collection of three models, none of which is the default."""
    folder = tmp_path / "studio"
    for name, fields in FIELDS.items():
        model = folder / "references" / "models" / name
        model.mkdir(parents=True)
        category = {"model_id": IDS[name], "name": name, "category": f"text-to-{name}"}
        (model / "model_config.json").write_text(
            json.dumps(category | {"display_name": f"Acme {name}", "description": "Makes it."})
        )
        schema = {"type": "object", "properties": fields, "required": [next(iter(fields))]}
        (model / "input.schema.json").write_text(json.dumps(schema))
    (folder / "scripts").mkdir()
    (folder / "scripts" / "studio.py").write_text(WRAPPER)
    (folder / "queue_config.yaml").write_text("sync_only: false\n")
    set_default(folder, None)
    return folder


def set_default(collection: Path, name: str | None) -> None:
    said = {"name": "studio", "default": name, "models": IDS}
    (collection / "references" / "collection.json").write_text(json.dumps(said))


@pytest.fixture
def call(collection: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Return a function that runs a command line of the wrapper, or of fal_api_call.py."""

    def call_once(*words: str, any_model: bool = False) -> tuple[int, Any, str]:
        code = main(words, model_id=None, skill=collection, collection=not any_model)
        captured = capsys.readouterr()
        return code, json.loads(captured.out), captured.err

    return call_once


@pytest.fixture
def page(collection: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that prints a page of `--help`."""

    def print_page(*words: str) -> str:
        assert main([*words, "--help"], model_id=None, skill=collection, collection=True) == 0
        return capsys.readouterr().out

    return print_page


def sent(answer: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    request = answer["platform_request"]
    assert request["url"].endswith(f"/{answer['model_id']}")
    return answer["model_id"], request["body"]


@pytest.mark.parametrize("named", ["voice", "acme/voice"])
@pytest.mark.parametrize("any_model", [False, True], ids=["wrapper", "fal_api_call"])
def test_a_model_is_named_by_its_short_name_or_its_id(
    call: Call, named: str, any_model: bool
) -> None:
    words = ("-m", named, "--text", "hello", "--speed", "2")
    code, answer, _ = call(*words, "--dry-run", any_model=any_model)
    assert (code, sent(answer)) == (0, ("acme/voice", {"text": "hello", "speed": 2}))
    code, answer, _ = call("--model", named, "--prompt", "x", "--dry-run")
    assert (code, answer["error"]["problems"][0]["path"]) == (2, "prompt")


def test_a_text_that_begins_as_the_option_does_is_no_name(call: Call) -> None:
    for text in ("-my words", "-m is one metre"):
        answer = call("-m", "voice", "--text", text, "--dry-run")[1]
        assert sent(answer) == ("acme/voice", {"text": text})


def test_the_default_is_called_where_no_model_is_named(collection: Path, call: Call) -> None:
    set_default(collection, "song")
    assert sent(call("--lyrics", "la", "--dry-run")[1]) == ("acme/song", {"lyrics": "la"})
    assert call("--schema")[1]["required"] == ["lyrics"]
    # fal_api_call.py is for any model: no one of them is meant unless it is named.
    assert call("--lyrics", "la", "--dry-run", any_model=True)[0] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--text", "x"], "-m/--model is required; the models are sketch, voice, song"),
        (["--result", "nobody00"], "-m/--model is required"),
        (["voice", "--text", "x"], "a model is named by -m: -m voice"),
        (["-m", "voicy"], "did you mean voice? The models are sketch, voice, song."),
        (["-m", "acme/voices"], "did you mean acme/voice?"),
        (["-m", "other/model"], "no model of this skill. The models are sketch, voice, song. Any"),
        (["-m", "other/model"], "scripts/fal_api_call.py -m ID"),
        (["-m", "../voice"], "no model of this skill"),
        (["-m", "sketch", "--model", "large", "--prompt", "x"], "can be given once only"),
    ],
)
def test_what_names_no_model_of_the_collection_is_refused(
    call: Call, words: list[str], told: str
) -> None:
    code, answer, _ = call(*words)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert told in answer["error"]["message"]
    assert answer["error"]["next"].endswith(" --help")


def test_of_many_models_the_message_tells_the_first_and_how_many_more(
    collection: Path, call: Call
) -> None:
    many = {f"model-{number}": f"acme/model-{number}" for number in range(300)}
    said = {"name": "studio", "default": None, "models": many}
    (collection / "references" / "collection.json").write_text(json.dumps(said))
    message = call("--text", "x")[1]["error"]["message"]
    assert message.endswith("model-19, and 280 more that --help lists")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{", "cannot be read"),
        ('{"models": ["voice"]}', "does not name its models"),
        ('{"models": {"voice": 1}}', "does not name its models"),
        ('{"models": {"voice": "acme/voice"}, "default": "song"}', "default that is none"),
        ('{"models": {"voice": "acme/voice"}, "default": []}', "default that is none"),
    ],
)
def test_a_broken_collection_is_named(collection: Path, call: Call, said: str, told: str) -> None:
    (collection / "references" / "collection.json").write_text(said)
    code, answer, _ = call("-m", "voice", "--text", "x", "--dry-run")
    assert (code, answer["error"]["code"]) == (9, "local_trouble")
    assert "collection.json" in answer["error"]["message"]
    assert told in answer["error"]["message"]


def test_a_list_of_models_that_is_missing_is_named(collection: Path, call: Call) -> None:
    (collection / "references" / "collection.json").unlink()
    _, answer, _ = call("-m", "voice", "--text", "x", "--dry-run")
    assert "collection.json cannot be read: No such file" in answer["error"]["message"]


def test_a_field_called_model_has_a_flag_of_its_own(call: Call, page: Callable[..., str]) -> None:
    words = ("-m", "sketch", "--prompt", "x", "--input-model", "large")
    assert sent(call(*words, "--dry-run")[1])[1] == {"prompt": "x", "model": "large"}
    assert '--input-model: one of "small", "large"' in page("-m", "sketch")


def test_help_lists_the_models_the_default_first_and_marked(
    collection: Path, page: Callable[..., str]
) -> None:
    set_default(collection, "voice")
    text = page()
    assert "Models (3):\n  voice (default): Acme voice (text-to-voice), acme/voice\n" in text
    assert "  sketch: Acme sketch (text-to-sketch), acme/sketch/fast\n" in text
    assert "-m NAME --help lists them" in text
    assert "  -m, --model NAME " in text
    assert "--text" not in text


@pytest.mark.parametrize("width", ["20", "80"])
@pytest.mark.parametrize("count", [3, 20, 60, 2000])
def test_the_list_of_models_stays_short_however_many_there_are(
    collection: Path,
    page: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    width: str,
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    folder = collection / "references" / "models"
    many = {f"text-to-speech-{number}": f"acme/text-to-speech/{number}" for number in range(count)}
    for name, model_id in many.items():
        (folder / name).mkdir()
        (folder / name / "model_config.json").write_text(json.dumps({"model_id": model_id}))
    said = {"name": "studio", "default": f"text-to-speech-{count - 1}", "models": many}
    (folder.parent / "collection.json").write_text(json.dumps(said))
    text = page()
    assert len(text) < 6_000
    assert max(map(len, text.splitlines())) <= 80
    assert f"Models ({count}):\n  text-to-speech-{count - 1} (default)" in text
    assert ("acme/text-to-speech/0" in text) is (count <= 20)


def test_help_of_a_model_shows_its_fields_and_commands_that_name_it(
    page: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/studio.py"])
    text = page("-m", "acme/voice")
    assert text.startswith("usage: python scripts/studio.py -m voice [--FIELD VALUE ...] [options]")
    assert "\n  python scripts/studio.py -m voice --text ...\n" in text
    assert "acme/voice (text-to-voice): Makes it." in text
    assert "--lyrics" not in text


def test_the_user_s_defaults_are_those_of_the_model(
    collection: Path, call: Call, page: Callable[..., str]
) -> None:
    folder = collection / "references" / "models" / "voice"
    (folder / "defaults.yaml").write_text(
        "defaults: {speed: 2}\npresets:\n  slow: {speed: 0.5}\n", encoding="utf-8"
    )
    words = ("-m", "voice", "--text", "x", "--dry-run")
    assert sent(call(*words)[1])[1] == {"text": "x", "speed": 2}
    assert sent(call(*words, "--preset", "slow")[1])[1] == {"text": "x", "speed": 0.5}
    assert "references/models/voice/defaults.yaml < --preset" in " ".join(
        page("-m", "voice").split()
    )
    assert sent(call("-m", "sketch", "--prompt", "x", "--dry-run")[1])[1] == {"prompt": "x"}
    message = call("-m", "sketch", "--preset", "slow")[1]["error"]["message"]
    assert "references/models/sketch/defaults.yaml" in message


def test_a_file_beside_the_user_s_defaults_is_the_skill_s_own(collection: Path, call: Call) -> None:
    folder = collection / "references" / "models" / "song"
    (folder / "cover.png").write_bytes(b"x")
    (folder / "defaults.yaml").write_text("defaults: {image_url: cover.png}\n", encoding="utf-8")
    body = sent(call("-m", "song", "--lyrics", "x", "--dry-run")[1])[1]
    assert body["image_url"] == f"<upload:{folder / 'cover.png'}>"


def test_next_names_the_model_and_runs_from_any_folder(collection: Path, tmp_path: Path) -> None:
    script = str(collection / "scripts" / "studio.py")

    def run(*words: str) -> tuple[int, Any]:
        done = subprocess.run(words, capture_output=True, check=False, cwd=tmp_path)
        return done.returncode, json.loads(done.stdout)

    code, answer = run(sys.executable, script, "-m", "acme/voice", "--speed", "1")
    assert (code, " -m voice --schema text" in answer["error"]["next"]) == (2, True)
    assert run(*shlex.split(answer["error"]["next"])) == (0, {"type": "string"})


@pytest.mark.usefixtures("server")
def test_a_job_is_its_model_s_own_and_names_it_where_the_line_does_not(
    collection: Path, call: Call, tmp_path: Path
) -> None:
    set_default(collection, "sketch")
    out = ("--output", str(tmp_path / "out"))
    code, answer, told = call("-m", "voice", "--text", "hello", *out, "--submit", "--no-queue")
    job = answer["job"]
    assert (code, f" -m voice --result {job}" in answer["next"]) == (0, True)
    assert f" -m voice --result {job}" in told
    for words in (["--status", job], ["--result", job], ["--result", "r1"]):
        code, answer, _ = call(*words, "--no-queue")
        assert (code, answer["job"], answer["model_id"]) == (0, job, "acme/voice")
    assert Path(answer["saved_path"]).read_text() == "hello"
    model_id, body = sent(call("--like", job, "--speed", "2", "--dry-run")[1])
    assert (model_id, body) == ("acme/voice", {"text": "hello", "speed": 2})
    assert [one["job"] for one in call("-m", "voice", "--jobs")[1]["result"]] == [job]
    # Where no model is named, the jobs of all are meant, and not those of the default alone.
    assert [one["job"] for one in call("--jobs")[1]["result"]] == [job]
    assert call("-m", "sketch", "--jobs")[1]["result"] == []
    code, answer, _ = call("-m", "song", "--result", job)
    assert (code, "is a job of acme/voice" in answer["error"]["message"]) == (2, True)


@pytest.mark.usefixtures("server")
def test_an_earlier_file_of_one_model_is_the_input_of_another(
    call: Call, server: str, tmp_path: Path
) -> None:
    call("-m", "voice", "--text", "hello", "--output", str(tmp_path / "out"), "--no-queue")
    words = ("-m", "song", "--lyrics", "x", "--image-url", "from:last", "--dry-run")
    assert sent(call(*words)[1])[1]["image_url"] == f"{server}/file.txt"


@pytest.mark.usefixtures("server")
def test_files_are_found_by_the_output_schema_of_the_model_that_ran(
    collection: Path,
    call: Call,
    handler: type[BaseHTTPRequestHandler],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    get: Any = handler.do_GET  # type: ignore[attr-defined]

    def plain_link(self: Any) -> None:
        if self.path.endswith("/requests/r1"):
            self._answer({"take": f"http://{self.headers['Host']}/file.txt"})
        else:
            get(self)

    monkeypatch.setattr(handler, "do_GET", plain_link)
    schema = {"type": "object", "properties": {"take": {"type": "string", "x-file": "audio"}}}
    folder = collection / "references" / "models" / "voice"
    (folder / "output.schema.json").write_text(json.dumps(schema))
    out = ("--output", str(tmp_path / "out"), "--no-queue")
    assert len(call("-m", "voice", "--text", "x", *out)[1]["files"]) == 1
    assert call("-m", "sketch", "--prompt", "x", *out)[1]["files"] == []


@pytest.mark.usefixtures("server")
def test_files_are_uploaded_for_no_model_in_particular(call: Call, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder: what an upload needs is checked before")
    code, answer, _ = call("--upload", str(tmp_path / "none.png"))
    assert (code, answer["error"]["code"]) == (2, "file_missing")


def test_a_python_program_calls_a_model_by_its_schema(collection: Path) -> None:
    (collection / "scripts" / "fal_runtime").symlink_to(Path(fal_runtime.__file__).parent)
    program = (
        "import json; from fal_runtime.command import run_fal_api_job as run\n"
        "from fal_runtime.errors import InputError\n"
        "for name in ('acme/voice', 'voice'):\n"
        "    try: run(name, {'prompt': 'x'}, '.', dry_run=True)\n"
        "    except InputError as error: print(error.outcome['error']['next'])"
    )
    environ = os.environ | {"PYTHONPATH": str(collection / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, env=environ
    )
    script = collection / "scripts" / "fal_api_call.py"
    by_id, by_name = done.stdout.splitlines()
    assert f"{script} -m acme/voice --schema text" in by_id
    assert f"{script} -m voice --schema text" in by_name


def test_help_imports_the_standard_library_only(collection: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from fal_runtime.command import main\n"
        "for words in ([], ['-m', 'voice']):\n"
        "    main([*words, '--help'], model_id=None, skill=Path(sys.argv[1]), collection=True)\n"
        "heavy = {'httpx', 'yaml', 'jsonschema', 'platformdirs', 'asyncio', 'sqlite3', 'difflib'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(collection)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "--text" in done.stdout
