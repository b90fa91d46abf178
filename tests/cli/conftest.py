"""The command line, run in this process: what it prints and how it exits."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from falsmith.cli import run


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command left behind."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """Return the one JSON object on stdout."""
        told: dict[str, Any] = json.loads(self.out)
        return told

    @property
    def message(self) -> str:
        """Return the error's message."""
        return str(self.answer["error"]["message"])


@pytest.fixture
def falsmith(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """Return the command, run in this process from an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        status = run(arguments)
        return Ran(status, *capsys.readouterr())

    return call
