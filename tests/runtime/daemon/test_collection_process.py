"""A collection in real processes: its calls, its queue scripts, `falsmith queue`."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from falsmith.catalog.bundled import bundled_documents
from falsmith.cli import run
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.daemon.conftest import Skill

IDS = {
    "fast": "fal-ai/flux/schnell",
    "fine": "fal-ai/flux/dev",
    "film": "fal-ai/kling-video/v3/pro/text-to-video",
}
SCRIPTS = {
    "studio": ("command", "main", "model_id=None, collection=True, "),
    "queue_client": ("queue_command", "client_main", ""),
    "queue_daemon": ("queue_command", "daemon_main", ""),
}
SCRIPT = """\
import sys
from pathlib import Path
from fal_runtime.{module} import {function}
sys.exit({function}({arguments}skill=Path(__file__).absolute().parent.parent))
"""
FLOWS = ((), ("--no-queue",), ("--sync-only",))
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Return a fal that has the three models, whose jobs take no time."""
    found = [bundled_documents(model_id) for model_id in IDS.values()]
    with Emulator([one for one in found if one is not None]) as running:
        yield running


@pytest.fixture
def studio(skill: "Skill") -> "Skill":
    """Return a collection of the three, in the environment of that skill."""
    folder = skill.folder.parent / "studio"
    (folder / "scripts").mkdir(parents=True)
    for name, model_id in IDS.items():
        model = folder / "references" / "models" / name
        model.mkdir(parents=True)
        (model / "model_config.json").write_text(json.dumps({"model_id": model_id}))
        (model / "input.schema.json").write_text(
            json.dumps({"type": "object", "properties": {"prompt": {"type": "string"}}})
        )
    said = {"name": "studio", "default": "fast", "models": IDS}
    (folder / "references" / "collection.json").write_text(json.dumps(said))
    for name, (module, function, arguments) in SCRIPTS.items():
        text = SCRIPT.format(module=module, function=function, arguments=arguments)
        (folder / "scripts" / f"{name}.py").write_text(text)
    (folder / "queue_config.yaml").write_text((skill.folder / "queue_config.yaml").read_text())
    return replace(skill, folder=folder)


@pytest.fixture
def ask(studio: "Skill") -> Run:
    """Return a function that runs one of the collection's scripts from another folder."""

    def ask_once(script: str, *words: str) -> tuple[int, dict[str, Any]]:
        path = str(studio.folder / "scripts" / f"{script}.py")
        return studio.run([sys.executable, path, *words], {}).end()

    return ask_once


def folders(studio: "Skill") -> list[str]:
    """Return the names of the daemons' folders."""
    return sorted(folder.name for folder in studio.queues.iterdir())


def test_each_model_is_called_in_every_flow_and_has_a_daemon_of_its_own(
    studio: "Skill", ask: Run, emulator: Emulator
) -> None:
    made = []
    for name, model_id in IDS.items():
        for flow in FLOWS:
            status, answer = ask("studio", "-m", name, "--prompt", f"{name} {flow}", *flow)
            assert (status, answer["model_id"]) == (0, model_id)
            assert Path(answer["saved_path"]).parent == studio.folder.parent / "output"
            made.append(answer["saved_path"])
    assert len(set(made)) == 9
    assert [len(book.jobs) for book in emulator.books] == [1] * 9
    assert folders(studio) == [
        "studio__fal-ai_flux_dev__v2",
        "studio__fal-ai_flux_schnell__v2",
        "studio__fal-ai_kling-video_v3_pro_text-to-video__v2",
    ]


def test_what_was_submitted_is_collected_by_next_and_by_the_job_alone(
    studio: "Skill", ask: Run
) -> None:
    first = ask("studio", "-m", "film", "--prompt", "one", "--submit")[1]
    words = shlex.split(first["next"])
    assert words[words.index("-m") + 1] == "film"
    status, answer = studio.run(words, {}).end()
    assert (status, Path(answer["saved_path"]).is_file()) == (0, True)
    second = ask("studio", "-m", "fine", "--prompt", "two", "--submit")[1]
    # Neither says the model, and neither is a job of the default.
    assert ask("studio", "--result", second["job"])[1]["model_id"] == IDS["fine"]
    assert ask("queue_client", "--wait", first["job"])[1]["model_id"] == IDS["film"]


def test_the_queue_scripts_take_a_short_name_or_the_default(studio: "Skill", ask: Run) -> None:
    assert ask("queue_daemon", "--background", "-m", "fine")[1]["status"] == "STARTED"
    assert folders(studio) == ["studio__fal-ai_flux_dev__v2"]
    for words, shown in (
        (("-m", "fine"), "RUNNING"),
        (("-m", IDS["fine"]), "RUNNING"),
        (("--model", "fine"), "RUNNING"),
        ((), "NOT_RUNNING"),
    ):
        assert ask("queue_client", "--status", *words)[1]["status"] == shown
    collection = studio.folder / "references" / "collection.json"
    collection.write_text(json.dumps({"name": "studio", "default": None, "models": IDS}))
    for script, what in (("queue_client", "--jobs"), ("queue_daemon", "--background")):
        status, answer = ask(script, what)
        assert (status, "the models are fast, fine, film" in answer["error"]["message"]) == (
            2,
            True,
        )


def test_falsmith_narrows_to_all_models_of_a_collection(
    studio: "Skill",
    skill: "Skill",
    ask: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jobs = [ask("studio", "-m", name, "--prompt", name)[1]["job"] for name in IDS]
    other = studio.folder.parent / "other" / "references"
    other.mkdir(parents=True)
    (other / "model_config.json").write_text(json.dumps({"model_id": "acme/other"}))
    for name, value in studio.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(studio.folder.parent)

    def falsmith(*words: str) -> Any:
        assert run(["queue", *words]) == 0
        return json.loads(capsys.readouterr().out)

    def listed(*words: str) -> list[str]:
        return [row["job"] for row in falsmith("jobs", *words)["jobs"]]

    assert listed("--skill", "studio") == jobs[::-1]
    assert listed("--skill", "studio", "--limit", "1") == jobs[2:]
    assert listed("--skill", "flux-skill") == jobs[:1]
    assert listed("--skill", "other") == []
    assert sum(row["jobs"] for row in falsmith("spend", "--skill", "studio")["spent"]) == 3
    assert falsmith("spend", "--skill", "other")["spent"] == []
    running = falsmith("status", "--skill", "studio")["daemons"]
    assert sorted(one["model_id"] for one in running) == sorted(IDS.values())
    assert falsmith("status", "--skill", str(skill.folder))["daemons"] == []
    assert len(falsmith("shutdown", "--skill", "studio")["daemons"]) == 3
