"""`falsmith generate --collection`: several models in one skill, by short names."""

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from falsmith.catalog.bundled import bundled_all
from falsmith.cli import run

FLUX, SCHNELL, WHISPER = "fal-ai/flux/dev", "fal-ai/flux/schnell", "fal-ai/whisper"
VOICES = ("fal-ai/minimax/speech-2.8-hd", "fal-ai/elevenlabs/tts/turbo-v2.5", "fal-ai/f5-tts")
SKILL = Path(".claude/skills/media")


@pytest.fixture
def falsmith(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., dict[str, Any]]:
    """Return the command, run offline in this process from an empty folder: its JSON object."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def call(*arguments: str, status: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        local = "--source" in arguments or arguments[0] in ("list", "remove")
        ran = run(arguments if local else (*arguments, "--offline"))
        told = capsys.readouterr()
        assert ran == status, told.err
        answer: dict[str, Any] = json.loads(told.out)
        return answer

    return call


def of(*model_ids: str) -> list[str]:
    return [word for model_id in model_ids for word in ("-m", model_id)]


def collection(*options: str) -> tuple[str, ...]:
    return ("generate", "--collection", "media", *of(FLUX, WHISPER), *options)


def record(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((SKILL / "references" / name).read_bytes())
    return value


def body() -> str:
    return (SKILL / "SKILL.md").read_text()


def test_the_models_of_a_collection_are_one_skill(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    [skill] = falsmith(*collection())["skills"]

    assert skill["models"] == {"flux-dev": FLUX, "whisper": WHISPER}
    assert skill["model_id"] is None
    assert record("collection.json") == {
        "name": "media",
        "default": None,
        "models": {"flux-dev": FLUX, "whisper": WHISPER},
    }
    for short, model_id in skill["models"].items():
        folder = f"models/{short}"
        assert record(f"{folder}/model_config.json")["model_id"] == model_id
        reference = yaml.safe_load((SKILL / "references" / folder / "reference.yaml").read_text())
        assert f"python scripts/media.py -m {short}" in reference["usage"]
        assert f"| `{short}` |" in body()
    assert (SKILL / "scripts/media.py").is_file()


def test_the_line_of_a_collection_says_what_its_models_do_and_names_them(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith("generate", "--collection", "media", *of(*VOICES, FLUX))
    front = yaml.safe_load(body().split("---")[1])

    assert "Turn text into speech" in front["description"]
    assert "make images from text" in front["description"]
    assert "ElevenLabs TTS Turbo v2.5" in front["description"]
    assert len(front["description"]) <= 250


@pytest.mark.parametrize(("models", "columns"), [((FLUX, WHISPER), 4), (VOICES, 3)])
def test_the_table_has_a_column_on_prices_where_a_model_has_something_to_say(
    falsmith: Callable[..., dict[str, Any]], models: Sequence[str], columns: int
) -> None:
    falsmith("generate", "--collection", "media", *of(*models))
    rows = [line for line in body().splitlines() if line.startswith("| ")]
    assert ("Price by" in rows[0]) == (columns == 4)
    assert {row.count(" |") for row in rows} == {columns}


def test_a_description_and_short_names_can_be_chosen(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(
        *("generate", "--collection", "media", "-m", f"ears={WHISPER}", "-m", FLUX),
        *("--description", "Media of my own.", "--default-model", FLUX),
    )

    assert 'description: "Media of my own."' in body()
    assert record("collection.json")["models"] == {"ears": WHISPER, "flux-dev": FLUX}
    assert record("collection.json")["default"] == "flux-dev"
    assert "-m flux-dev --args-file" in body()


@pytest.mark.parametrize("mode", ["--standalone", "--public", "--lazy", "--linked"])
def test_a_collection_that_is_there_keeps_how_it_was_made(
    mode: str, falsmith: Callable[..., dict[str, Any]]
) -> None:
    falsmith(*collection(mode, "--description", "Mine.", "--default-model", "whisper"))

    [skill] = falsmith(*collection())["skills"]

    assert skill["status"] == "unchanged"
    falsmith("generate", "--check")


def test_a_model_that_was_there_keeps_its_short_name_and_one_that_is_not_any_more_is_told(
    falsmith: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    falsmith("generate", "--collection", "media", "-m", f"ears={WHISPER}", *of(FLUX))
    (SKILL / "references/models/ears/defaults.yaml").write_text("defaults: {}\n")

    run(["generate", "--collection", "media", *of(WHISPER, SCHNELL), "--offline"])

    told = f"note: not in the collection any more; to have all, add -m flux-dev={FLUX}\n"
    assert told in capsys.readouterr().err
    assert record("collection.json")["models"] == {"ears": WHISPER, "flux-schnell": SCHNELL}
    assert "(references/models/ears/defaults.yaml)" in body()


def test_a_model_that_is_named_no_more_goes_and_its_user_file_stays(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(*collection())
    mine = SKILL / "references/models/whisper/defaults.yaml"
    mine.write_text("defaults: {}\n")

    answer = falsmith("generate", "--collection", "media", *of(FLUX, SCHNELL))

    [told] = answer["skills"][0]["warnings"]
    assert told.startswith("references/models/whisper/defaults.yaml is read by no model")
    assert [path.name for path in mine.parent.iterdir()] == ["defaults.yaml"]
    assert set(record("collection.json")["models"]) == {"flux-dev", "flux-schnell"}


def test_house_rules_and_settings_of_one_model_are_linked(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(*collection())
    (SKILL / "references/guide.md").write_text("Be brief.\n")
    (SKILL / "references/models/whisper/defaults.yaml").write_text("defaults: {}\n")

    falsmith(*collection())

    assert "(references/guide.md)" in body()
    assert "[whisper](references/models/whisper/defaults.yaml)" in body()


def test_a_search_makes_a_collection(falsmith: Callable[..., dict[str, Any]]) -> None:
    answer = falsmith("generate", "--collection", "media", "-c", "text-to-speech", "--all")

    assert set(answer["skills"][0]["models"].values()) == set(VOICES[:2])


def test_the_document_of_a_model_that_changed_makes_the_collection_stale(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(*collection())
    config = SKILL / "references/models/whisper/model_config.json"
    config.write_text(config.read_text().replace("speech", "song"))

    answer = falsmith("generate", "--check", status=1)

    drift = {one["path"]: one["kind"] for one in answer["skills"][0]["drift"]}
    assert drift == {"references/models/whisper/model_config.json": "edited"}


def test_a_search_leaves_out_what_cannot_be_in_the_collection(
    falsmith: Callable[..., dict[str, Any]],
    openapi_document: Callable[..., dict[str, Any]],
    tmp_path: Path,
) -> None:
    for number, model_id in enumerate(("acme/demo", "other/demo", "acme/more", "acme/broken")):
        document = openapi_document(model_id=model_id)
        paths = {} if model_id == "acme/broken" else document["paths"]
        place = tmp_path / f"{number}.json"
        place.write_text(json.dumps(document | {"paths": paths}))
    options = ("--source", str(tmp_path), "--all", "--standalone")

    answer = falsmith("generate", "--collection", "media", *options, status=1)

    assert answer["skills"][0]["models"] == {"demo": "acme/demo", "more": "acme/more"}
    assert {one["model_id"] for one in answer["failed"]} == {"other/demo", "acme/broken"}


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--collection", "media"], 2, "name models with -m ID"),
        (["--collection", "../up", *of(FLUX)], 2, "only a-z"),
        (["--collection", "claude-media", *of(FLUX)], 2, "reserved"),
        (["--collection", "media", *of(FLUX), "--name", "x"], 2, "drop --name"),
        (["--collection", "media", *of(FLUX), "--full"], 2, "drop --full"),
        (["--collection", "media", "-m", f"../x={FLUX}"], 2, "short name"),
        (
            ["--collection", "media", "-m", f"x={FLUX}", "-m", f"x={WHISPER}"],
            2,
            f"-m NAME={WHISPER}",
        ),
        (["--collection", "media", *of(FLUX), "--default-model", "x"], 2, "is none of"),
        (["--collection", "media", *of(FLUX, "acme/none")], 2, "acme/none"),
        (["--collection", "media", "--check"], 2, "-m ID"),
        ([*of(FLUX), "--default-model", "x"], 2, "--collection"),
        (["-m", f"x={FLUX}"], 2, "--collection"),
        (["--collection", "media", "-m", f"x={FLUX}", "-m", f"y={FLUX}"], 2, "is x already"),
        (["--collection", "media", *of("acme/none", FLUX)], 2, "acme/none"),
        (["--collection", "media", *of(FLUX, "acme/none", "acme/no")], 2, "of acme/no."),
    ],
    ids=range(15),
)
def test_a_collection_that_cannot_be_is_one_clear_error_and_nothing_is_written(
    arguments: list[str], status: int, told: str, falsmith: Callable[..., dict[str, Any]]
) -> None:
    answer = falsmith("generate", *arguments, status=status)

    assert told in answer["error"]["message"]
    assert not Path(".claude").exists()


def changed_source(folder: Path, *model_ids: str) -> list[str]:
    """Return options that read these models' documents, as saved, with one field more in each."""
    folder.mkdir()
    for number, model_id in enumerate(model_ids):
        documents = next(one for one in bundled_all() if one.model_id == model_id)
        openapi = json.loads(json.dumps(documents.openapi))
        for schema in openapi["components"]["schemas"].values():
            if "Input" in schema.get("title", ""):
                schema["properties"]["new_field"] = {"type": "string", "description": "New."}
        (folder / f"{number}.json").write_text(json.dumps(openapi))
    return ["--source", str(folder)]


def test_check_says_which_model_of_a_collection_changed_and_update_makes_it_anew(
    falsmith: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    falsmith(*collection("--default-model", "whisper"))
    assert falsmith("check")["skills"][0]["status"] == "fresh"
    (SKILL / "SKILL.md").write_text("Mine.\n")
    source = changed_source(tmp_path / "documents", FLUX, WHISPER)

    [checked] = falsmith("check", *source, status=1)["skills"]
    updated = falsmith("update", *source)["skills"][-1]

    assert {(one["model"], one["path"]) for one in checked["changes"]} == {
        ("flux-dev", "new_field"),
        ("whisper", "new_field"),
    }
    assert updated["models"] == {"flux-dev": FLUX, "whisper": WHISPER}
    assert [one["path"] for one in updated["kept"]] == ["SKILL.md"]
    assert "new_field" in record("models/whisper/input.schema.json")["properties"]
    assert record("collection.json")["default"] == "whisper"
    assert falsmith("check", *source)["skills"][0]["status"] == "fresh"


def test_an_update_without_some_of_the_models_says_how_to_go_on_with_the_others(
    falsmith: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    falsmith("generate", "--collection", "media", *of(WHISPER, SCHNELL), "-m", f"pictures={FLUX}")
    source = changed_source(tmp_path / "documents", FLUX)

    told = falsmith("update", *source, status=2)["error"]["message"]

    assert f"no document of {WHISPER}" in told
    falsmith(*shlex.split(told.partition("without it: falsmith ")[2]), *source)
    assert record("collection.json")["models"] == {"pictures": FLUX}


def test_an_update_brings_back_the_folder_of_a_model_that_was_deleted(
    falsmith: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    falsmith(*collection())
    shutil.rmtree(SKILL / "references/models/whisper")
    source = changed_source(tmp_path / "documents", FLUX, WHISPER)

    assert falsmith("update", *source)["skills"][-1]["status"] == "updated"
    assert record("models/whisper/model_config.json")["model_id"] == WHISPER
    assert falsmith("check", *source)["skills"][0]["status"] == "fresh"


@pytest.mark.parametrize(
    "models",
    [None, [], {}, {"flux-dev": FLUX}, {"flux-dev": {"model_id": 1}}, {"../x": {"model_id": FLUX}}],
)
def test_a_collection_whose_record_does_not_name_its_models_is_told_and_left_alone(
    models: Any, falsmith: Callable[..., dict[str, Any]]
) -> None:
    falsmith(*collection("--standalone"))
    place = SKILL / "references/provenance.json"
    place.write_text(json.dumps(record("provenance.json") | {"models": models}))
    told = "provenance.json does not say any more of what the skill is"

    assert falsmith("list")["skills"] == []
    for folder in (".claude/skills", str(SKILL)):
        assert told in falsmith("check", folder, status=6)["error"]["message"]
        assert told in falsmith("update", folder, status=1)["error"]["message"]
    assert told in falsmith("generate", "--check", status=1)["error"]["message"]
    assert [path.name for path in SKILL.parent.iterdir()] == ["media"]
    falsmith(*collection("--standalone", "--force"))
    assert falsmith("check")["skills"][0]["status"] == "fresh"


def test_a_folder_that_is_a_collection_becomes_no_other_skill(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(*collection())

    answer = falsmith("generate", *of(WHISPER), "--name", "media", status=2)

    assert "media is the collection media: choose another name" in answer["error"]["message"]
    falsmith("generate", *of(WHISPER), "--name", "ears")
    answer = falsmith("generate", "--collection", "ears", *of(WHISPER), status=2)
    assert f"{WHISPER}: choose another name with --collection" in answer["error"]["message"]


def test_a_collection_is_as_short_with_the_option_for_it_as_without(
    falsmith: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    falsmith(*collection("--lazy"))
    assert not falsmith("list")["skills"][-1]["lazy"]
    run([*collection(), "--offline"])
    assert "--full" not in capsys.readouterr().err


def test_a_collection_is_listed_by_its_models_and_removed_as_one(
    falsmith: Callable[..., dict[str, Any]],
) -> None:
    falsmith(*collection("--standalone"))

    [listed] = falsmith("list")["skills"]
    assert listed["models"] == {"flux-dev": FLUX, "whisper": WHISPER}
    falsmith("remove", "media")
    assert not SKILL.exists()
