"""A collection of twenty real models, one of each category: each is called once, by its name."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from falsmith.catalog.saved import SavedSource
from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.emulator import Emulator
from falsmith.example.roles import is_own_file

CORPUS = os.environ.get("FALSMITH_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(CORPUS is None, reason="FALSMITH_CORPUS names no folder of documents"),
]
HOW_MANY = 20


@pytest.fixture(scope="module")
def of_each_category() -> list[Documents]:
    """Return the first model of each of the first categories."""
    first: dict[object, Documents] = {}
    for one in SavedSource(Path(str(CORPUS)) / "openapi").all():
        if isinstance(one, Documents):
            first.setdefault(one.openapi["info"]["x-fal-metadata"].get("category"), one)
    return list(first.values())[:HOW_MANY]


def own_files(value: object) -> Iterator[str]:
    """Yield every name of a file in a JSON value."""
    if isinstance(value, str) and is_own_file(value):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from own_files(part)


def test_each_of_twenty_models_is_called_once(
    of_each_category: list[Documents],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert len(of_each_category) == HOW_MANY
    monkeypatch.chdir(tmp_path)
    words = [word for one in of_each_category for word in ("-m", one.model_id)]
    source = ("--source", str(Path(str(CORPUS)) / "openapi"))
    assert run(["generate", "--collection", "all-kinds", "--standalone", *source, *words]) == 0
    capsys.readouterr()
    skill = tmp_path / ".claude" / "skills" / "all-kinds"
    names = json.loads((skill / "references" / "collection.json").read_bytes())["models"]
    assert sorted(names.values()) == sorted(one.model_id for one in of_each_category)
    ended: dict[str, Any] = {}
    with Emulator(of_each_category) as emulator:
        environ = os.environ | emulator.environment
        for name, model_id in names.items():
            schema = json.loads(
                (skill / "references" / "models" / name / "input.schema.json").read_bytes()
            )
            example = schema["examples"][0]
            for file in own_files(example):
                (tmp_path / file).write_bytes(b"x")
            done = subprocess.run(
                [
                    sys.executable,
                    skill / "scripts" / "all_kinds.py",
                    "-m",
                    name,
                    "--args-file",
                    "-",
                ],
                input=json.dumps(example).encode(),
                capture_output=True,
                check=False,
                env=environ,
            )
            answer = json.loads(done.stdout)
            ended[model_id] = (done.returncode, answer["status"], answer["model_id"])
        asked = [len(book.jobs) for book in emulator.books]
    assert ended == {one: (0, "COMPLETED", one) for one in names.values()}
    assert asked == [1] * HOW_MANY
