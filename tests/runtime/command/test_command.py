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
