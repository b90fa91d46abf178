"""`falsmith check`: what it says of skills whose models' documents changed, and its status."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.emulator import Emulator
from falsmith.generate import generate, share_runtime
from falsmith.render import Options

PROMPT = {"type": "string", "description": "What to draw."}
METADATA = {"display_name": "Demo", "category": "text-to-image"}
Capture = pytest.CaptureFixture[str]
Made = Callable[..., Documents]


def model(build: Made, name: str = "demo", count: int = 4, **metadata: Any) -> Documents:
    """Return a model of which at most so many pictures may be asked for."""
    number = {"type": "integer", "maximum": count}
    schema = {"type": "object", "properties": {"prompt": PROMPT, "count": number}}
    return build(schema, model_id=f"acme/{name}", metadata=METADATA | metadata)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return what asks a platform that has some models, and counts what it is asked."""

    def ask(models: list[Documents], *words: str) -> tuple[int, int]:
        with Emulator(models) as emulator:
            monkeypatch.setenv("FAL_PLATFORM_URL", emulator.environment["FAL_PLATFORM_URL"])
            status = run(["check", *words])
            return status, len(emulator.requests)

    return ask


def answer(capsys: Capture) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def save(folder: Path, documents: Documents) -> Path:
    folder.mkdir(exist_ok=True)
    entry = {
        "endpoint_id": documents.model_id,
        "metadata": documents.metadata,
        "openapi": documents.openapi,
    }
    file = folder / "models.json"
    file.write_text(json.dumps({"models": [entry]}), encoding="utf-8")
    return file


def test_a_fresh_skill_ends_with_status_0(
    model_documents: Made, live: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> None:
    share_runtime(tmp_path)
    generate(model(model_documents), Options(), tmp_path)
    assert live([model(model_documents)], str(tmp_path)) == (0, 1)
    told = answer(capsys)
    assert [one["status"] for one in told["skills"]] == ["fresh"]
    assert "error" not in told


def test_a_stale_skill_ends_with_status_1_and_every_change_is_told(
    model_documents: Made, live: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> None:
    generate(model(model_documents), Options("standalone", name="drawing"), tmp_path)
    changed = model(model_documents, count=2, display_name="Demo 2")
    assert live([changed], str(tmp_path / "drawing"), "--json") == (1, 1)
    told = answer(capsys)
    (skill,) = told["skills"]
    assert skill == {
        "name": "drawing",
        "path": str(tmp_path / "drawing"),
        "model_id": "acme/demo",
        "status": "stale",
        "class": "breaking",
        "unmerged": [],
        "changes": [
            {
                "class": "breaking",
                "side": "input",
                "path": "count",
                "message": "takes at most 2 now, at most 4 before",
            },
            {
                "class": "cosmetic",
                "side": "model",
                "path": "display_name",
                "message": 'is "Demo 2" now, "Demo" before',
            },
        ],
    }
    assert told["error"]["code"] == "problems_found"
    assert "1 stale (1 breaking)" in told["error"]["message"]


def test_people_read_what_changed_in_words(
    model_documents: Made,
    live: Callable[..., Any],
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name in ("one", "two"):
        generate(model(model_documents, name), Options("standalone"), tmp_path)
    changed = [model(model_documents, "one", 2), model(model_documents, "two")]
    assert live(changed, str(tmp_path))[0] == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{tmp_path}/acme-one (acme/one): stale, breaking",
        "  breaking: input count takes at most 2 now, at most 4 before",
        f"{tmp_path}/acme-two (acme/two): fresh",
        "2 skills: 1 fresh, 1 stale (1 breaking)",
    ]


def test_a_skill_that_would_have_other_words_is_stale_whatever_its_folder_is_called(
    model_documents: Made, live: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> None:
    generate(model(model_documents), Options("standalone"), tmp_path)
    (tmp_path / "acme-demo").rename(tmp_path / "drawing")
    assert live([model(model_documents, description="Draws with ink.")], str(tmp_path))[0] == 1
    (change,) = answer(capsys)["skills"][0]["changes"]
    assert change["class"] == "cosmetic"
    assert "would have other words in SKILL.md" in change["message"]


def test_what_a_skill_does_not_say_leaves_it_fresh(
    model_documents: Made, tmp_path: Path, capsys: Capture
) -> None:
    documents = model(model_documents)
    generate(documents, Options("standalone"), tmp_path / "skills")
    documents.openapi["info"]["description"] = "Something about the service."
    saved = save(tmp_path / "saved", documents)
    assert run(["check", str(tmp_path / "skills"), "--source", str(saved)]) == 0
    assert answer(capsys)["skills"][0]["status"] == "fresh"


def test_a_model_that_is_gone_from_the_platform_is_breaking(
    model_documents: Made, live: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> None:
    for name in ("kept", "gone"):
        generate(model(model_documents, name), Options("standalone"), tmp_path)
    assert live([model(model_documents, "kept")], str(tmp_path))[0] == 1
    gone, kept = answer(capsys)["skills"]
    assert (gone["class"], gone["changes"][0]["message"]) == ("breaking", "is gone from fal")
    assert kept["status"] == "fresh"
    assert live([model(model_documents, "other")], str(tmp_path / "acme-gone"))[0] == 1


def test_many_skills_are_few_requests_and_two_of_one_model_are_one_question(
    model_documents: Made, live: Callable[..., Any], tmp_path: Path, capsys: Capture
) -> None:
    models = [model(model_documents, f"m{number}") for number in range(60)]
    for documents in models:
        generate(documents, Options("standalone", lazy=True), tmp_path)
    generate(models[0], Options("standalone", name="again"), tmp_path)
    assert live(models, str(tmp_path)) == (0, 2)
    assert len(answer(capsys)["skills"]) == 61


def test_who_cannot_tell_ends_with_status_6(
    model_documents: Made, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(model(model_documents), Options("standalone"), tmp_path / "skills")
    words = ["check", str(tmp_path / "skills")]
    assert run([*words, "--offline"]) == 6
    (skill,) = answer(capsys)["skills"]
    assert (skill["status"], skill["error"]["code"]) == ("unknown", "model_not_found")
    monkeypatch.setenv("FAL_PLATFORM_URL", "http://127.0.0.1:9")
    assert run(words) == 6
    assert answer(capsys)["error"]["code"] == "network_blocked"
    (tmp_path / "skills/acme-demo/references/input.schema.json").write_text("[", encoding="utf-8")
    saved = save(tmp_path / "saved", model(model_documents, count=2))
    assert run([*words, "--source", str(saved)]) == 6
    assert "input.schema.json" in answer(capsys)["error"]["message"]


def test_a_folder_without_skills_is_told(tmp_path: Path, capsys: Capture) -> None:
    share_runtime(tmp_path)
    assert run(["check", str(tmp_path), "--offline"]) == 0
    assert "nothing was compared" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    for name in ("none", "empty"):
        assert run(["check", str(tmp_path / name), "--offline"]) == 2
