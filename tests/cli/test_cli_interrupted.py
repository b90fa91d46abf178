"""Ctrl-C ends a command with its own status and one answer."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_ctrl_c_exits_130_and_says_what_to_do(tmp_path: Path) -> None:
    pipe = tmp_path / "document.json"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "falsmith", "show", "acme/demo", "--source", str(pipe)]
    shown = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Opening waits for the command to read; then it waits for a document that never comes.
    with pipe.open("w"):
        shown.send_signal(signal.SIGINT)
        out, err = shown.communicate(timeout=60)

    assert shown.returncode == 130
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert "the same command once more" in err
    assert "Traceback" not in err
