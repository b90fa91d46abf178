"""Collections of twenty real models: one of each category, called by its name; all, by kind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from fal_runtime.errors import UsageError
from falsmith.catalog.saved import SavedSource
from falsmith.cli import run
from falsmith.collection import parse_collection
from falsmith.documents import CollectionDocuments, Documents
from falsmith.emulator import Emulator
from falsmith.example.roles import is_own_file
from falsmith.generate import generate
from falsmith.names import short_name
from falsmith.render import Options, render_collection
from falsmith.skill.tree import File

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


def test_more_models_than_a_host_reads_of_are_refused(
    corpus_documents: Sequence[Documents], tmp_path: Path
) -> None:
    models = {short_name(one.model_id): one for one in corpus_documents[:300]}

    with pytest.raises(UsageError, match=r"300 models.*make several collections"):
        generate(CollectionDocuments(models), Options(name="media"), tmp_path)

    assert not list(tmp_path.iterdir())


def test_every_model_stands_in_the_table_and_has_a_reference_of_its_own(
    corpus_documents: Sequence[Documents],
) -> None:
    listed = sorted(corpus_documents, key=lambda one: str(one.metadata.get("category")))
    for start in range(0, len(listed), HOW_MANY):
        models = {short_name(one.model_id): one for one in listed[start : start + HOW_MANY]}
        collection = parse_collection(CollectionDocuments(models), "media")
        entries = render_collection(collection, Options("standalone"))
        files = {str(one.path): one.content.decode() for one in entries if isinstance(one, File)}
        body = files["SKILL.md"]

        assert len(yaml.safe_load(body.split("---\n")[1])["description"]) <= 520
        for name, documents in models.items():
            reference = yaml.safe_load(files[f"references/models/{name}/reference.yaml"])
            assert f"\n| `{name}` | " in body
            assert reference["model_id"] == documents.model_id
            assert f"python scripts/media.py -m {name} " in reference["usage"]
