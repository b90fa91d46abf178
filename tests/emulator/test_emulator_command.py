"""`falsmith emulate` as a process: what it prints, what it serves, how it ends."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from falsmith.catalog.bundled import bundled_ids
from falsmith.cli import run
from falsmith.cli.emulate import emulate

SCRIPT = "from falsmith.cli.emulate import emulate; emulate()"


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the block ends, then interrupt it as Ctrl-C does."""
    command = [sys.executable, "-c", SCRIPT, *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def test_it_prints_shell_lines_and_serves_the_bundled_models() -> None:
    with running() as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        told = dict(re.findall(r"^export (\w+)=(\S+)$", "".join(lines), re.MULTILINE))
        answer = httpx.get(f"{told['FAL_PLATFORM_URL']}/v1/models", trust_env=False)
    assert process.returncode == 0
    assert told["FAL_KEY"] == "emulator:local"
    assert [one["endpoint_id"] for one in answer.json()["models"]] == list(bundled_ids())


def test_with_json_it_prints_one_object_and_serves_a_folder(tmp_path: Path) -> None:
    (tmp_path / "broken__one.json").write_text("{")
    document = {
        "openapi": "3.0.4",
        "info": {"x-fal-metadata": {"endpointId": "acme/story"}},
        "paths": {"/acme/story": {"post": {}}},
    }
    (tmp_path / "acme__story.json").write_text(json.dumps(document))
    with running("--json", "--no-key", "--polls", "0", "--source", str(tmp_path)) as process:
        assert process.stdout is not None and process.stderr is not None
        told = json.loads(process.stdout.readline())
        answer = httpx.post(f"{told['FAL_QUEUE_URL']}/acme/story", json={}, trust_env=False)
        status = httpx.get(answer.json()["status_url"], trust_env=False)
        notices = [process.stderr.readline() for _ in range(2)]
    assert status.json()["status"] == "COMPLETED"
    assert "broken__one.json" in notices[0]
    assert notices[1].startswith("Serving 1 model;")


@pytest.mark.parametrize("option", [["--polls", "-1"], ["--delay", "-1"], ["--port", "70000"]])
def test_numbers_out_of_range_are_refused(option: list[str]) -> None:
    refused = CliRunner().invoke(emulate, option)
    assert refused.exit_code == 2
    assert option[0] in refused.output


def test_a_program_that_is_not_there_is_one_clear_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["emulate", "--", "no-such-program"]) == 2
    captured = capsys.readouterr()
    assert "no-such-program cannot be run" in json.loads(captured.out)["error"]["message"]
    assert "Traceback" not in captured.err
