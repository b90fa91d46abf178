"""Interrupts and errors of our own: still one JSON object, with the job if there is one."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.command import main
from fal_runtime.process import terminable

Run = Callable[..., tuple[int, Any, str]]
unix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs: they are started with Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def start(skill: Path, prepare: Callable[[], None]) -> subprocess.Popen[str]:
    """Start a call and return when it waits for its job."""
    words = [sys.executable, str(skill / "scripts" / "acme_demo.py"), "--prompt", "x"]
    wrapper = subprocess.Popen(
        words,
        cwd=skill,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,  # noqa: PLW1509 - no thread of this process holds a lock that it needs
    )
    assert wrapper.stderr is not None
    assert any("Running" in line for line in iter(wrapper.stderr.readline, ""))
    return wrapper


@unix_only
@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_wait_names_the_job_and_how_to_go_on(
    handler: type[BaseHTTPRequestHandler],
    skill: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    monkeypatch.setattr(handler, "do_GET", lambda self: self._answer({"status": "IN_PROGRESS"}))
    with start(skill, heed_interrupts) as wrapper:
        wrapper.send_signal(number)
        out, err = wrapper.communicate(timeout=60)
    answer = json.loads(out)
    assert (wrapper.returncode, answer["request_id"]) == (130, "r1")
    assert answer["error"]["code"] == "interrupted"
    assert f"--result {answer['job']}" in answer["error"]["next"]
    assert "Traceback" not in err


@unix_only
@pytest.mark.usefixtures("server")
def test_a_background_job_goes_on_through_ctrl_c_and_ends_on_sigterm(
    handler: type[BaseHTTPRequestHandler], skill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "do_GET", lambda self: self._answer({"status": "IN_PROGRESS"}))
    with start(skill, ignore_interrupts) as wrapper:
        wrapper.send_signal(signal.SIGINT)
        wrapper.send_signal(signal.SIGTERM)
        out, _ = wrapper.communicate(timeout=60)
    assert (wrapper.returncode, json.loads(out)["request_id"]) == (130, "r1")


@unix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_the_program_is_loaded_is_answered_by_it(number: signal.Signals) -> None:
    """A script blocks interrupts with its first line, as the wrapper does."""
    script = (
        "import os, signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))\n"
        f"os.kill(os.getpid(), {int(number)})\n"
        "from fal_runtime.command import main\n"
        "sys.exit(main(['--dry-run'], model_id='acme/demo', skill=None))\n"
    )
    packages = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": packages},
        preexec_fn=heed_interrupts,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "")
    assert json.loads(done.stdout)["error"]["charged"] == "no"


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


@pytest.mark.usefixtures("server")
def test_an_interrupt_while_a_result_is_printed_changes_nothing(
    skill: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(io.StringIO):
        """A standard output at whose first character the user presses Ctrl-C."""

        def __init__(self) -> None:
            super().__init__()
            self.presses = 1

        def write(self, text: str) -> int:
            if self.presses:
                self.presses = 0
                signal.raise_signal(signal.SIGINT)
            return super().write(text)

    printed = Interrupting()
    monkeypatch.setattr("sys.stdout", printed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        words = ["--prompt", "x", "--output", str(tmp_path / "out")]
        assert main(words, model_id="acme/demo", skill=skill) == 0
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert json.loads(printed.getvalue())["status"] == "COMPLETED"


def test_an_error_of_our_own_is_one_object_and_its_traceback_is_on_stderr(
    skill: Path, tmp_path: Path
) -> None:
    (tmp_path / "httpx.py").write_text("raise RuntimeError('half \x1b[31minstalled')\n")
    script = str(skill / "scripts" / "acme_demo.py")
    packages = os.pathsep.join([str(tmp_path), *sys.path])
    environment = os.environ | {"PYTHONPATH": packages, "FAL_KEY": "id:secret"}
    done = subprocess.run(
        [sys.executable, script, "--prompt", "x"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], error["charged"]) == (9, "internal_error", "no")
    assert "RuntimeError: half" in error["message"]
    assert "Traceback" in done.stderr
    assert "\x1b" not in done.stderr


def test_command_from_a_removed_folder_does_not_make_it_anew(
    run: Run, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("PWD", str(gone))
    gone.rmdir()
    code, answer, _ = run("--prompt", "a cat")
    assert (code, answer["status"], answer["error"]["code"]) == (9, "REFUSED", "local_trouble")
    assert "is not there any more" in answer["error"]["message"]
    assert not gone.exists()


@unix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_interrupt_does_not_interrupt_the_first_one_s_answer(
    number: signal.Signals,
) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with terminable():
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
            signal.raise_signal(number)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
