"""`falsmith generate --license`: as much as a licence's name takes, and no less than a word."""

import json
from pathlib import Path

import pytest

from falsmith.cli import run

FLUX = ("generate", "--offline", "-m", "fal-ai/flux/dev")


@pytest.mark.parametrize(("text", "length"), [("", 0), (" \n", 0), ("x" * 3000, 3000)])
def test_a_licence_that_is_empty_or_endless_is_refused(
    text: str,
    length: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run([*FLUX, "--license", text]) == 2
    assert (
        f"--license has {length} characters"
        in json.loads(capsys.readouterr().out)["error"]["message"]
    )
    assert not list(tmp_path.glob(".claude"))


def test_the_longest_licence_is_taken(tmp_path: Path) -> None:
    assert run([*FLUX, "--license", "x" * 200, "-o", str(tmp_path / "out")]) == 0
