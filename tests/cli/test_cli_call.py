"""`falsmith call` and `falsmith upload`: what is typed is what is told."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import sys
from falsmith.__main__ import main
main()
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return the command as an installer writes it."""
    file = tmp_path / "bin/falsmith"
    file.parent.mkdir()
    file.write_text(f"#!{sys.executable}\n{PROGRAM}")
    file.chmod(0o755)
    return file


def falsmith(
    *command: str, path: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("UV", "PATH")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, "PATH": path, "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


unix_only = pytest.mark.skipif(os.name == "nt", reason="starts a script by its first line")


@unix_only
def test_an_installed_command_is_shown_by_its_name(program: Path, tmp_path: Path) -> None:
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    page = falsmith("falsmith", "call", "--help", path=path, folder=tmp_path).stdout
    assert page.startswith("usage: falsmith call -m MODEL_ID")
    assert "\n  falsmith call -m OWNER/MODEL --args" in page
    assert str(program) not in page
    refused = falsmith("falsmith", "call", "-m", "acme/demo", "x", path=path, folder=tmp_path)
    following = json.loads(refused.stdout)["error"]["next"]
    assert following == "falsmith call -m acme/demo --help"
    assert falsmith(*shlex.split(following), path=path, folder=tmp_path).returncode == 0


def test_an_executable_of_windows_is_shown_by_its_name_without_the_ending(
    program: Path, tmp_path: Path
) -> None:
    script = program.with_suffix(".exe")
    script.write_bytes(program.read_bytes())
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    words = (sys.executable, str(script), "call", "-m", "acme/demo", "x")
    refused = falsmith(*words, path=path, folder=tmp_path)
    assert json.loads(refused.stdout)["error"]["next"] == "falsmith call -m acme/demo --help"


@unix_only
@pytest.mark.parametrize("found", ["not at all", "from one folder", "inside uv only", "another"])
def test_next_runs_from_any_folder_where_the_name_is_not_enough(
    program: Path, tmp_path: Path, found: str
) -> None:
    other = tmp_path / "other/falsmith"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    first = {"from one folder": "bin", "inside uv only": str(program.parent)}.get(found, "")
    first = str(other.parent) if found == "another" else first
    path = os.pathsep.join(filter(None, [first, "/usr/bin", "/bin"]))
    inside = {"UV": "uv"} if found == "inside uv only" else {}
    words = (str(program), "call", "-m", "acme/demo", "x")
    refused = falsmith(*words, path=path, folder=tmp_path, **inside)
    following = shlex.split(json.loads(refused.stdout)["error"]["next"])
    assert following[:3] == [sys.executable, str(program), "call"]
    assert falsmith(*following, path="/usr/bin", folder=other.parent).returncode == 0


@unix_only
def test_upload_names_the_file_and_no_option_that_was_not_typed(
    program: Path, tmp_path: Path
) -> None:
    done = falsmith(str(program), "upload", "nothere.png", path="/usr/bin", folder=tmp_path)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["error"]["code"]) == (2, "file_missing")
    assert answer["error"]["message"].startswith("nothere.png cannot be uploaded: there is no file")
    assert "next" not in answer["error"]
    assert "--upload" not in done.stdout + done.stderr


def test_a_model_without_its_option_is_named_with_it(program: Path, tmp_path: Path) -> None:
    done = falsmith(str(program), "call", "acme/demo", path="/usr/bin", folder=tmp_path)
    message = json.loads(done.stdout)["error"]["message"]
    assert (done.returncode, message.split("; ")[1]) == (2, "a model is named by -m: -m acme/demo")


def test_an_upload_without_a_key_is_refused_before_it_begins(program: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    settings = {"FAL_KEY": "", "FAL_KEY_ID": "", "HOME": str(tmp_path)}
    done = falsmith(str(program), "upload", "a.png", path="/usr/bin", folder=tmp_path, **settings)
    assert json.loads(done.stdout)["error"]["code"] == "key_missing"
    assert "Uploading" not in done.stderr
