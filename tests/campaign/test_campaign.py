"""The campaign in its short form: `make campaign` runs a thousand rounds."""

import subprocess
import sys
from pathlib import Path


def test_calls_that_are_killed_and_lied_to_are_neither_paid_twice_nor_lost() -> None:
    script = Path(__file__).with_name("campaign.py")
    words = (sys.executable, str(script), "--rounds", "12", "--seed", "1")
    done = subprocess.run(words, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 problems" in done.stdout
