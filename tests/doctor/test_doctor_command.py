"""`falsmith doctor`: all checks, told to people and to programs, against a local fal."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from falsmith.cli import run
from falsmith.doctor import examine
from falsmith.emulator import Emulator

NAMES = [
    "python",
    "uv",
    "falsmith's packages",
    "skills' packages",
    "key",
    "settings",
    "cache folder",
    "state folder",
    "current folder",
    "unix sockets",
    "symbolic links",
]
NETWORK = ["host run", "host queue", "host rest", "host platform"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Return a local fal without models: no model is called here."""
    with Emulator([]) as running:
        yield running


@pytest.fixture
def doctor(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return the command, run where a good python is all there is; its status and answer."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text("#!/bin/sh\necho 3.12.1\n")
    (tmp_path / "bin/python").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **environ: str) -> tuple[int, dict[str, Any]]:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        status = run(["doctor", *arguments])
        return status, json.loads(capsys.readouterr().out)

    return call


def verdicts(answer: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in answer["checks"]}


def test_offline_everything_but_the_network_is_looked_at(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    before = len(emulator.requests)
    status, answer = doctor("--offline", **emulator.environment)

    assert (status, list(verdicts(answer))) == (0, NAMES)
    assert {name for name, verdict in verdicts(answer).items() if verdict != "ok"} == {"uv"}
    assert "error" not in answer
    assert len(emulator.requests) == before


def test_a_good_key_is_accepted_without_a_call_of_a_model(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    status, answer = doctor(**emulator.environment)

    assert status == 0
    assert list(verdicts(answer)) == [*NAMES[:6], *NETWORK, "key at fal", *NAMES[6:]]
    assert verdicts(answer)["key at fal"] == "ok"
    assert {request.method for request in emulator.requests} == {"GET"}
    assert emulator.environment["FAL_KEY"] not in json.dumps(answer)


def test_a_refused_key_is_a_problem(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    status, answer = doctor(**emulator.environment | {"FAL_KEY": "not:known"})

    assert (status, verdicts(answer)["key at fal"]) == (1, "problem")
    assert answer["error"]["code"] == "problems_found"
    assert "1 of 16 checks" in answer["error"]["message"]


def test_without_a_key_the_hosts_are_asked_and_nothing_else(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    status, answer = doctor(**emulator.environment | {"FAL_KEY": ""})

    assert (status, verdicts(answer)["key"]) == (0, "warning")
    assert set(verdicts(answer)) == {*NAMES, *NETWORK}


def test_settings_that_cannot_be_used_are_not_tried(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    before = len(emulator.requests)
    status, answer = doctor(**emulator.environment | {"FAL_RUN_URL": "nowhere"})

    assert (status, verdicts(answer)["settings"]) == (1, "problem")
    assert list(verdicts(answer)) == NAMES
    assert len(emulator.requests) == before


def test_a_host_that_is_gone_is_a_problem(
    doctor: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    with Emulator([]) as gone:
        environment = gone.environment
    status, answer = doctor(**environment)

    assert status == 1
    assert {verdicts(answer)[name] for name in NETWORK} == {"problem"}
    assert verdicts(answer)["key at fal"] == "warning"


def test_proxy_settings_that_cannot_be_used_are_a_problem(
    doctor: Callable[..., tuple[int, dict[str, Any]]], emulator: Emulator
) -> None:
    proxy = {"HTTP_PROXY": "nonsense://proxy", "HTTPS_PROXY": "nonsense://proxy"}
    status, answer = doctor(**emulator.environment, **proxy)

    assert (status, verdicts(answer)["hosts"]) == (1, "problem")


def test_people_read_a_line_a_check_and_what_to_do(
    doctor: Callable[..., tuple[int, dict[str, Any]]],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["doctor", "--offline"]) == 0
    told = click.unstyle(capsys.readouterr().out)
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "ok skills' packages python 3.12.1 has them all" in lines
    assert lines[lines.index("warning uv not on the PATH") + 1].startswith("Install it from https")


def test_without_httpx_the_doctor_still_says_what_is_missing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['httpx', 'yaml', 'jsonschema', 'jinja2', 'rich']))\n"
        "sys.modules['platformdirs'] = None\n"
        "from falsmith.cli import run\n"
        "sys.exit(run(['doctor', '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    answer = json.loads(done.stdout)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    found = {check["name"]: check["found"] for check in answer["checks"]}
    assert found["hosts"] == "not tested: this Python cannot import httpx"
    assert found["cache folder"] == "not looked at: cannot import platformdirs"


def test_each_problem_and_warning_says_what_to_do(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    environ = {"FAL_KEY": "a\nb", "FAL_RUN_URL": "x", "FAL_STATE_DIR": str(blocked / "state")}
    checks = [check for check in examine(environ, blocked) if check.verdict != "ok"]

    assert {"key", "settings", "state folder", "current folder"} <= {one.name for one in checks}
    assert all(check.advice for check in checks)
