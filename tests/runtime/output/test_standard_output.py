"""Streams that are closed, and a file where the output folder should be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fal_runtime.command import main

SCHEMA_COMMAND = """\
import sys
from pathlib import Path
from fal_runtime.command import main
sys.exit(main(["--schema"], model_id="acme/demo", skill=Path(sys.argv[1])))
"""


def test_a_refusal_is_reported_on_stderr_where_standard_output_is_closed(
    poster_skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", None)
    assert main(["--promt", "x"], model_id="acme/demo", skill=poster_skill) == 9
    refused, closed = capsys.readouterr().err.splitlines()
    assert "promt" in refused
    assert closed == "error: standard output cannot be written: it is closed"


def test_no_standard_input_is_said_where_the_input_should_come_from_it(
    poster_skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert main(["--args-file", "-"], model_id="acme/demo", skill=poster_skill) == 2
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert message == "--args-file - cannot be read: there is no standard input"


def test_a_file_in_place_of_the_output_folder_is_said_to_be_one(
    poster_skill: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "id:secret")
    monkeypatch.setenv("FAL_QUEUE_URL", "http://127.0.0.1:9")
    file = poster_skill / "in.json"
    file.write_text("{}")
    argv = ["--prompt", "x", "--output", str(file)]
    assert main(argv, model_id="acme/demo", skill=poster_skill) == 9
    message = json.loads(capsys.readouterr().out)["error"]["message"]
    assert f"{file} is a file: give --output a folder" in message


def test_a_reader_that_goes_away_is_no_error(poster_skill: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-c", SCHEMA_COMMAND, str(poster_skill)]
    environment = {name: v for name, v in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
