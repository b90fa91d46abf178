"""A wrapper's command line as its caller sees it: stdout, stderr, exit status."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fal_runtime.command import main

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "description": "100% what to make"},
        "duration": {"enum": ["5", "10"]},
        "image_url": {"type": "string", "x-file": "image"},
        "sync_mode": {"type": "boolean"},
        "size": {"$ref": "#/$defs/Size"},
    },
    "required": ["prompt"],
    "$defs": {
        "Size": {"type": "object", "properties": {"width": {"type": "integer"}}},
        "Other": {},
    },
}
CONFIG = {"model_id": "acme/demo", "category": "text-to-image", "description": "Makes things."}
WRAPPER = """\
import sys
from pathlib import Path
SKILL = Path(__file__).absolute().parent.parent
from fal_runtime.command import main
sys.exit(main(model_id={model_id!r}, skill=SKILL))
"""

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    folder = tmp_path / "acme-demo"
    (folder / "references").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "references" / "model_config.json").write_text(json.dumps(CONFIG))
    (folder / "references" / "input.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "scripts" / "acme_demo.py").write_text(WRAPPER.format(model_id="acme/demo"))
    (folder / "queue_config.yaml").write_text("sync_only: false\n")
    return folder


@pytest.fixture
def run(skill: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command line in this process."""

    def run_once(*argv: str, model_id: str | None = "acme/demo") -> tuple[int, Any, str]:
        code = main(argv, model_id=model_id, skill=skill)
        captured = capsys.readouterr()
        return code, json.loads(captured.out), captured.err

    return run_once


class Fal(BaseHTTPRequestHandler):
    """A queue whose every job is done at once and makes one text file."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"status": "IN_QUEUE", "request_id": "r1"})

    def do_GET(self) -> None:
        if self.path.endswith("/file.txt"):
            self._answer("hello")
        elif "/status" in self.path:
            self._answer({"status": "COMPLETED", "request_id": "r1"})
        else:
            host = self.headers["Host"]
            self._answer({"output": {"url": f"http://{host}/file.txt"}})

    def _answer(self, body: object) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(200)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-fal-request-id", "r1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Fal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for name in ("FAL_QUEUE_URL", "FAL_RUN_URL", "FAL_REST_URL"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("FAL_KEY", "id:secret")
        yield address
        server.shutdown()


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


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--prompt"], "usage"),
        (["--promt", "x"], "invalid_input"),
        (["--args", "{"], "invalid_input"),
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
def test_bad_usage_is_one_json_object_a_line_for_people_and_exit_2(
    run: Run, argv: list[str], code: str
) -> None:
    status, answer, told = run(*argv)
    assert (status, answer["status"], answer["error"]["code"]) == (2, "REFUSED", code)
    assert answer["error"]["charged"] == "no"
    assert told.startswith("error: ")
    assert "KEY-123" not in json.dumps(answer) + told


def test_next_is_a_command_that_runs_as_it_stands(skill: Path) -> None:
    script = skill / "scripts" / "acme_demo.py"
    first = subprocess.run([sys.executable, script], capture_output=True, check=False)
    following = shlex.split(json.loads(first.stdout)["error"]["next"])
    second = subprocess.run(following, capture_output=True, check=False)
    assert (first.returncode, second.returncode) == (2, 0)
    assert json.loads(second.stdout) == SCHEMA


def test_a_flag_without_a_schema_is_pointed_to_args_and_to_no_schema(run: Run) -> None:
    code, answer, _ = run("-m", "other/model", "--prompt", "a secret", model_id=None)
    assert (code, answer["error"]["code"]) == (2, "invalid_input")
    assert """--args '{"prompt": "x"}'""" in answer["error"]["message"]
    assert "did you mean" not in answer["error"]["message"]
    assert "closest" not in answer["error"]["problems"][0]
    assert "next" not in answer["error"]
    code, answer, told = run("-m", "other/model", "a secret", model_id=None)
    assert (code, answer["error"]["code"]) == (2, "usage")
    assert """--args '{"prompt": "x"}'""" in told


@pytest.mark.parametrize(("typed", "meant"), [("quite", "--quiet"), ("dryrun", "--dry-run")])
def test_an_option_that_is_nearly_right_is_told_with_and_without_a_schema(
    run: Run, typed: str, meant: str
) -> None:
    for model in ("acme/demo", "other/model"):
        _, answer, _ = run("-m", model, "--args", '{"prompt": "x"}', f"--{typed}", model_id=None)
        assert answer["error"]["problems"][0]["closest"] == meant


def test_a_file_that_cannot_be_uploaded_is_named_as_it_was_typed(run: Run, tmp_path: Path) -> None:
    for name, reason in (("none.png", "there is no file"), (str(tmp_path), "is a folder")):
        _, answer, told = run("--upload", name)
        assert told.startswith(f"error: {name} cannot be uploaded: ")
        assert reason in told
        assert "URI" not in told
        assert answer["error"]["problems"][0]["path"] == name
        assert "next" not in answer["error"]


@pytest.mark.parametrize("columns", [60, 100])
def test_help_is_as_wide_as_the_terminal(
    skill: Path, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["scripts/acme_demo.py"])
    monkeypatch.setenv("COLUMNS", str(columns))
    assert main(["--help"], model_id="acme/demo", skill=skill) == 0
    longest = max(map(len, capsys.readouterr().out.splitlines()))
    assert columns - 15 < longest <= columns


def test_the_api_key_option_warns_where_it_is_allowed_and_never_shows_the_key(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_ALLOW_API_KEY_ARG", "1")
    code, answer, told = run("-k", "KEY-123", "--prompt", "x", "--dry-run")
    assert code == 0
    assert "deprecated" in told
    assert "KEY-123" not in json.dumps(answer) + told


def test_notices_go_to_stderr_and_quiet_silences_them(run: Run) -> None:
    argv = ["--args", '{"prompt": "x", "duration": 5}', "--dry-run"]
    assert run(*argv)[2] == 'notice: duration: 5 was sent as "5"\n'
    assert run(*argv, "--quiet")[2] == ""


def test_schema_prints_the_whole_schema_or_one_field_with_its_definitions(run: Run) -> None:
    assert run("--schema")[1] == SCHEMA
    size = {"Size": SCHEMA["$defs"]["Size"]}
    assert run("--schema", "size")[1] == {"$ref": "#/$defs/Size", "$defs": size}
    assert run("--schema", "image-url")[1] == SCHEMA["properties"]["image_url"]


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
    assert (code, answer["status"], answer["job"]) == (0, "COMPLETED", "r1")
    assert Path(answer["saved_path"]).read_text() == "hello"
    assert main([*argv, "--print", "paths"], model_id="acme/demo", skill=skill) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Path(line).read_text() == "hello"


def test_print_paths_gives_the_json_object_where_nothing_is_saved(run: Run, server: str) -> None:
    code, answer, _ = run("--prompt", "x", "--submit", "--print", "paths")
    assert (code, answer["status"], answer["job"]) == (0, "IN_QUEUE", "r1")
    assert run("--print", "paths")[1]["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("flow", [[], ["--sync-only"]])
def test_print_paths_gives_an_answer_without_files_to_stderr(
    skill: Path,
    server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flow: list[str],
) -> None:
    done = {"status": "COMPLETED", "request_id": "r1", "answer": "42"}
    for method in ("do_GET", "do_POST"):
        monkeypatch.setattr(Fal, method, lambda self: self._answer(done))
    words = ["--prompt", "x", "--print", "paths", "--quiet", *flow]
    assert main(words, model_id="acme/demo", skill=skill) == 0
    captured = capsys.readouterr()
    told, _, answer = captured.err.partition("\n")
    assert captured.out == ""
    assert "no files" in told
    assert json.loads(answer)["result"]["answer"] == "42"


def test_an_interrupted_wait_tells_the_job_and_how_to_go_on(
    skill: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fal, "do_GET", lambda self: self._answer({"status": "IN_PROGRESS"}))
    words = [sys.executable, skill / "scripts" / "acme_demo.py", "--prompt", "x"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as wrapper:  # type: ignore[call-overload]
        assert any("Running" in line for line in iter(wrapper.stderr.readline, ""))
        wrapper.send_signal(signal.SIGINT)
        out, _ = wrapper.communicate(timeout=30)
    answer = json.loads(out)
    assert (wrapper.returncode, answer["job"]) == (130, "r1")
    assert answer["error"]["code"] == "interrupted"
    assert "--result r1" in answer["error"]["next"]


def test_an_interrupt_before_anything_is_sent_costs_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        """A standard input at which the user presses Ctrl-C."""

        @property
        def buffer(self) -> io.BytesIO:
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    code, answer, _ = run("--args-file", "-")
    assert (code, answer["error"]["charged"]) == (130, "no")


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
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(asked, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 9
    assert done.stderr.splitlines()[-1].startswith("error: standard output cannot be written")
    assert "--result r1" in done.stderr
    assert "Traceback" not in done.stderr
