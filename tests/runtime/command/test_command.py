"""A wrapper's command line as its caller sees it: stdout, stderr, exit status."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.command import main

Run = Callable[..., tuple[int, Any, str]]


def test_dry_run_prints_the_exact_request_without_a_key(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "a.png"
    photo.write_bytes(b"x")
    code, answer, _ = run("--dry-run", "--prompt", "ä", "--image_url", str(photo))
    assert (code, answer["status"]) == (0, "DRY_RUN")
    assert answer["platform_request"]["body"] == {
        "prompt": "ä",
        "image_url": f"<upload:{photo}>",
        "sync_mode": False,
    }
    assert answer["platform_request"]["url"] == "https://queue.fal.run/acme/demo"


@pytest.mark.parametrize("columns", [60, 100])
def test_help_is_as_wide_as_the_terminal(
    skill: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/acme_demo.py"])
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["--help"], model_id="acme/demo", skill=skill) == 0
    longest = max(map(len, capsys.readouterr().out.splitlines()))
    assert columns - 15 < longest <= columns


def test_notices_go_to_stderr_and_quiet_silences_them(run: Run) -> None:
    argv = ["--args", '{"prompt": "x", "duration": 5}', "--dry-run"]
    assert run(*argv)[2] == 'notice: duration: 5 was sent as "5"\n'
    assert run(*argv, "--quiet")[2] == ""


def test_schema_prints_the_whole_schema_or_one_field_with_its_definitions(
    schema: dict[str, Any], run: Run
) -> None:
    assert run("--schema")[1] == schema
    size = {"Size": schema["$defs"]["Size"]}
    assert run("--schema", "size")[1] == {"$ref": "#/$defs/Size", "$defs": size}
    assert run("--schema", "image-url")[1] == schema["properties"]["image_url"]


def test_a_large_schema_is_outlined_and_one_of_its_fields_is_given_in_full(
    run: Run, skill: Path
) -> None:
    voices = {"enum": [f"voice {number}" for number in range(1286)]}
    schema = {"type": "object", "properties": {"voice": voices}, "required": ["voice"]}
    (skill / "references" / "input.schema.json").write_text(json.dumps(schema))
    whole = run("--schema")[1]
    assert len(json.dumps(whole, indent=2)) < 10_000
    assert "1,286 choices" in whole["properties"]["voice"]["$comment"]
    assert run("--schema", "voice")[1] == voices


def test_the_input_is_read_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO('{"prompt": "ä"}'.encode())))
    assert run("--args-file", "-", "--dry-run")[1]["platform_request"]["body"]["prompt"] == "ä"


def test_a_call_saves_the_file_and_prints_its_path(
    run: Run, skill: Path, tmp_path: Path, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--prompt", "x", "--output", str(tmp_path / "out")]
    code, answer, _ = run(*argv)
    assert (code, answer["status"], answer["request_id"]) == (0, "COMPLETED", "r1")
    assert Path(answer["saved_path"]).read_text() == "hello"
    assert main([*argv, "--print", "paths"], model_id="acme/demo", skill=skill) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Path(line).read_text() == "hello"


def test_print_paths_gives_the_json_object_where_nothing_is_saved(run: Run, server: str) -> None:
    code, answer, _ = run("--prompt", "x", "--submit", "--print", "paths")
    assert (code, answer["status"], answer["request_id"]) == (0, "IN_QUEUE", "r1")
    assert run("--print", "paths")[1]["error"]["code"] == "invalid_input"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("flow", [[], ["--sync-only"]])
def test_print_paths_gives_an_answer_without_files_to_stderr(
    handler: type[BaseHTTPRequestHandler],
    skill: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flow: list[str],
) -> None:
    done = {"status": "COMPLETED", "request_id": "r1", "answer": "42"}
    for method in ("do_GET", "do_POST"):
        monkeypatch.setattr(handler, method, lambda self: self._answer(done))
    words = ["--prompt", "x", "--print", "paths", "--quiet", *flow]
    assert main(words, model_id="acme/demo", skill=skill) == 0
    captured = capsys.readouterr()
    told, _, answer = captured.err.partition("\n")
    assert captured.out == ""
    assert "no files" in told
    assert json.loads(answer)["result"]["answer"] == "42"


def test_an_answer_can_be_printed_where_only_ascii_is_possible(skill: Path) -> None:
    script = str(skill / "scripts" / "acme_demo.py")
    words = [sys.executable, script, "--dry-run", "--prompt", "äé 🎈"]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = subprocess.run(words, capture_output=True, env=environment, check=True)
    assert json.loads(done.stdout.decode("ascii"))["platform_request"]["body"]["prompt"] == "äé 🎈"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("words", [["--prompt", "x"], ["--prompt", "x", "--print", "paths"]])
def test_an_answer_that_cannot_be_printed_ends_with_9_and_the_way_to_collect_it(
    skill: Path, server: str, tmp_path: Path, words: list[str]
) -> None:
    script = str(skill / "scripts" / "acme_demo.py")
    asked = [sys.executable, script, *words, "--output", str(tmp_path / "out")]
    # What Python buffers is written once more at its end, and must not be then.
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            asked, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False
        )
    assert done.returncode == 9
    assert done.stderr.splitlines()[-1].startswith("error: standard output cannot be written")
    assert "Submitted as r1. To collect it later" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("server")
def test_the_links_of_many_uploads_go_to_a_file(
    handler: type[BaseHTTPRequestHandler],
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def take_in(self: Any) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"file_url": "https://cdn.example/f", "upload_url": f"{server(self)}/put"})

    def server(self: Any) -> str:
        return f"http://{self.headers['Host']}"

    monkeypatch.setattr(handler, "do_POST", take_in)
    monkeypatch.setattr(handler, "do_PUT", take_in, raising=False)
    files = [tmp_path / f"{'picture' * 20}-{number}.png" for number in range(50)]
    for file in files:
        file.write_bytes(b"x")
    code, answer, _ = run("--upload", *map(str, files), "--output", str(tmp_path / "out"))
    links = json.loads(Path(answer["result"]["saved_to"]).read_text())
    assert (code, [link["path"] for link in links]) == (0, [str(file) for file in files])
    assert {link["url"] for link in links} == {"https://cdn.example/f"}


@pytest.mark.usefixtures("server")
def test_a_call_is_made_again_with_a_change(run: Run, skill: Path, tmp_path: Path) -> None:
    (skill / "references" / "defaults.yaml").write_text("defaults:\n  duration: '5'\n")
    out = ("--output", str(tmp_path / "out"))
    job = run("--prompt", "x", *out)[1]["job"]
    (skill / "references" / "defaults.yaml").write_text("defaults:\n  size: {width: 1}\n")
    code, answer, _ = run("--like", job, "--prompt", "y", "--dry-run")
    body = answer["platform_request"]["body"]
    assert (code, body) == (0, {"prompt": "y", "duration": "5", "sync_mode": False})
    assert answer["sources"]["duration"] == f"like {job}"
    again = run("--like", job, *out)[1]
    assert (again["status"], again["job"] != job) == ("COMPLETED", True)
    assert run("--like", "nobody00", "--dry-run")[0] == 2


def test_a_saved_file_is_the_next_call_s_input(
    run: Run, skill: Path, schema: dict[str, Any], server: str, tmp_path: Path
) -> None:
    properties = schema["properties"] | {"image_url": {"type": "string", "x-file": "file"}}
    text = json.dumps(schema | {"properties": properties})
    (skill / "references" / "input.schema.json").write_text(text)
    out = ("--output", str(tmp_path / "out"))
    job = run("--prompt", "x", *out)[1]["job"]
    for reference in ("from:last", f"from:{job}#output"):
        answer = run("--prompt", "y", "--image_url", reference, "--dry-run")[1]
        assert answer["platform_request"]["body"]["image_url"] == f"{server}/file.txt"
    code, answer, _ = run("--prompt", "y", "--image_url", "from:last#other", "--dry-run")
    assert (code, answer["error"]["problems"][0]["path"]) == (2, "image_url")


@pytest.mark.usefixtures("server")
def test_the_jobs_of_the_model_are_listed_and_those_of_others_are_not(
    run: Run, tmp_path: Path
) -> None:
    job = run("--prompt", "a cat", "--output", str(tmp_path / "out"))[1]["job"]
    listed = run("--jobs")[1]["result"]
    assert [(one["job"], one["state"], one["prompt"]) for one in listed] == [
        (job, "saved", "a cat")
    ]
    other = ("-m", "acme/other")
    assert run(*other, "--jobs", model_id=None)[1]["result"] == []
    code, answer, _ = run(*other, "--result", job, model_id=None)
    assert (code, "is a job of acme/demo" in answer["error"]["message"]) == (2, True)


@pytest.mark.usefixtures("server")
def test_help_schema_and_dry_run_make_no_ledger(
    run: Run, skill: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("--schema")
    run("--prompt", "x", "--dry-run")
    assert main(["--help"], model_id="acme/demo", skill=skill) == 0
    capsys.readouterr()
    assert not (tmp_path / "state").exists()


@pytest.mark.usefixtures("server")
def test_without_a_ledger_nothing_is_sent_and_a_job_of_fal_s_id_is_collected(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("no folder")
    code, answer, _ = run("--prompt", "x")
    assert (code, answer["status"], answer["error"]["charged"]) == (9, "REFUSED", "no")
    code, answer, told = run("--result", "r1", "--output", str(tmp_path / "out"))
    assert (code, answer["status"]) == (0, "COMPLETED")
    assert "the job is looked up at fal alone" in told
    assert [run(*words)[0] for words in (["--jobs"], ["--result", "abcdefgh"])] == [9, 9]


@pytest.mark.usefixtures("server")
def test_a_key_of_the_command_line_is_in_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_ALLOW_API_KEY_ARG", "1")
    key = "11111111-aaaa:2222222222222222"
    run("--prompt", "x", "--api-key", key, f"--api-key={key}", "--output", str(tmp_path / "out"))
    written = b"".join(file.read_bytes() for file in (tmp_path / "state").glob("ledger*"))
    assert b"--prompt" in written
    assert b"2222222222222222" not in written


def test_a_dry_run_of_a_plain_input_loads_neither_the_network_nor_a_validator(
    skill: Path,
) -> None:
    script = str(skill / "scripts" / "acme_demo.py")
    listing = [sys.executable, "-X", "importtime", script, "--dry-run", "--prompt", "x"]
    done = subprocess.run(listing, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "fal_runtime.input.prepare" in loaded
    heavy = {"httpx._client", "ssl", "platformdirs.api", "jsonschema.validators"}
    assert loaded & heavy == set()
