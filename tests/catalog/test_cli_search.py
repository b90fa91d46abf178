"""`falsmith search`, `categories` and `generate -s`: live, offline, and with nonsense."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from falsmith.catalog.bundled import bundled_ids
from falsmith.catalog.cache import default_path
from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.emulator import Emulator

Told = tuple[int, Any, str]
Falsmith = Callable[..., Told]


@pytest.fixture
def falsmith(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Falsmith:
    """Return what runs a command line without a network: status, JSON answer, stderr."""
    monkeypatch.setenv("FAL_PLATFORM_URL", "http://127.0.0.1:9")

    def call(*arguments: str) -> Told:
        status = run(arguments)
        printed = capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    return call


@pytest.fixture
def live(
    falsmith: Falsmith,
    monkeypatch: pytest.MonkeyPatch,
    make_documents: Callable[..., Documents],
) -> Iterator[Falsmith]:
    """Return the same with a platform that has three models."""
    models = [
        make_documents("acme/first", date="2024-01-01", license_type="commercial"),
        make_documents("acme/newest", date="2026-01-01", kind="inference"),
        make_documents("acme/film", category="acme-video", status="deprecated"),
    ]
    with Emulator(models) as emulator:
        monkeypatch.setenv("FAL_PLATFORM_URL", emulator.environment["FAL_PLATFORM_URL"])
        yield falsmith


def ids(answer: Any) -> list[str]:
    return [one["model_id"] for one in answer["models"]]


def test_live_the_newest_come_first_with_date_licence_and_kind(live: Falsmith) -> None:
    status, answer, _ = live("search")
    assert (status, ids(answer)) == (0, ["acme/newest", "acme/first"])
    assert answer["models"][0]["date"] == "2026-01-01"
    assert answer["models"][0]["kind"] == "inference"
    assert answer["models"][1]["license"] == "commercial"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["first"], ["acme/first"]),
        (["-c", "acme-video", "--status", "all"], ["acme/film"]),
        (["--status", "deprecated"], ["acme/film"]),
        (["--status", "all", "--limit", "1"], ["acme/newest"]),
        ([""], ["acme/newest", "acme/first"]),
    ],
)
def test_live_the_platform_is_asked(live: Falsmith, arguments: list[str], found: list[str]) -> None:
    status, answer, _ = live("search", *arguments)
    assert (status, ids(answer)) == (0, found)


@pytest.mark.parametrize(
    ("text", "found", "missing"),
    [
        ("the first one that you have", ["acme/first"], []),
        ("first zeppelin", ["acme/first"], ["zeppelin"]),
        ("newest zeppelin generator", ["acme/newest"], ["zeppelin"]),
    ],
)
def test_live_the_closest_come_where_the_platform_finds_nothing(
    live: Falsmith, text: str, found: list[str], missing: list[str]
) -> None:
    status, answer, told = live("search", text)
    assert (status, ids(answer)) == (0, found)
    assert answer["models"][0]["missing"] == missing
    assert ("no model has all words" in told) == bool(missing)
    assert ("`falsmith catalog sync`" in told) == bool(missing)


def test_live_finding_nothing_leads_to_what_the_platform_does_not_search(live: Falsmith) -> None:
    status, answer, told = live("search", "zeppelin")
    assert (status, answer["models"]) == (0, [])
    assert "names and summaries only; after `falsmith catalog sync`, --offline" in told


def test_every_match_has_a_title_a_category_and_a_summary(live: Falsmith) -> None:
    for source in ([], ["--offline"]):
        for one in live("search", "--all", *source)[1]["models"]:
            assert all(one[name] for name in ("display_name", "category", "description"))


def test_what_lacks_a_word_is_listed_and_not_generated(falsmith: Falsmith, tmp_path: Path) -> None:
    output = ["--offline", "-o", str(tmp_path / "skills")]
    status, answer, told = falsmith("generate", "-s", "whisper zeppelin", *output)
    assert (status, ids(answer)[0]) == (0, "fal-ai/whisper")
    assert "no model has all words" in told
    assert "generates what fits" not in told
    status, answer, told = falsmith("generate", "-s", "whisper zeppelin", "--all", *output)
    assert (status, answer["error"]["code"]) == (2, "model_not_found")
    assert not list((tmp_path / "skills").glob("fal-ai-*"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("end image", "fal-ai/kling-video/v3/pro/image-to-video"),
        ("video from the first to the last frame", "fal-ai/kling-video/v3/pro/image-to-video"),
        ("animate a photo", "fal-ai/kling-video/v3/pro/image-to-video"),
        ("transcribe a meeting", "fal-ai/whisper"),
        ("make a picture bigger: upscale it", "fal-ai/clarity-upscaler"),
        ("clone my voice", "fal-ai/f5-tts"),
        ("voice over for a film", "fal-ai/elevenlabs/tts/turbo-v2.5"),
        ("the fastest way to a picture: flux", "fal-ai/flux/schnell"),
        ("a model that makes videos", "fal-ai/minimax/video-01"),
    ],
)
def test_what_people_say_finds_a_bundled_model_among_the_first(
    falsmith: Falsmith, text: str, found: str
) -> None:
    assert found in ids(falsmith("search", text, "--source", "bundled")[1])[:3]


def test_a_limit_says_that_there_is_more(live: Falsmith) -> None:
    _, answer, told = live("search", "--limit", "1")
    assert answer["has_more"] is True
    assert "more models fit than the 1 shown" in told
    _, answer, told = live("search", "--all")
    assert answer["has_more"] is False
    assert told == ""


def test_live_an_unknown_category_is_sent_and_close_ones_are_named(live: Falsmith) -> None:
    status, answer, told = live("search", "-c", "text-to-imgae")
    assert (status, ids(answer)) == (0, [])
    assert "close to it: text-to-image" in told


def test_live_abilities_are_refused_with_what_to_do(live: Falsmith) -> None:
    status, answer, _ = live("search", "--input", "prompt")
    assert status == 2
    assert "--offline" in answer["error"]["message"]


@pytest.mark.parametrize("command", [["search", "image"], ["show", "fal-ai/flux/dev"]])
def test_there_is_no_silent_fallback_from_live(
    live: Falsmith, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("FAL_KEY", "refused")
    status, answer, _ = live(*command)
    assert (status, answer["error"]["code"]) == (3, "key_refused")


def test_on_a_fresh_machine_the_bundled_models_are_found_offline(falsmith: Falsmith) -> None:
    status, answer, _ = falsmith("search", "text to image", "--offline")
    assert status == 0
    assert {"fal-ai/flux/dev", "fal-ai/flux/schnell"} <= set(ids(answer))
    assert len(ids(falsmith("search", "--offline", "--all")[1])) == len(bundled_ids())


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--input", "end_image_url"], {"fal-ai/kling-video/v3/pro/image-to-video"}),
        (["--output-kind", "audio", "--input", "ref_audio_url"], {"fal-ai/f5-tts"}),
        (
            ["--choice", "duration=15", "-c", "text-to-video"],
            {"fal-ai/kling-video/v3/pro/text-to-video"},
        ),
        (["--choice", "duration=99"], set()),
    ],
)
def test_models_are_found_offline_by_what_they_can_do(
    falsmith: Falsmith, arguments: list[str], found: set[str]
) -> None:
    found_ids = ids(falsmith("search", "--offline", *arguments)[1])
    assert set(found_ids) >= found if found else found_ids == []


def test_what_another_platform_says_never_stands_for_what_fal_says(
    live: Falsmith, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live("show", "acme/first")[0] == 0
    monkeypatch.delenv("FAL_PLATFORM_URL")
    assert live("show", "acme/first", "--offline")[0] == 2


def test_what_was_looked_up_live_is_found_offline(live: Falsmith) -> None:
    assert live("show", "acme/first")[0] == 0
    for source in (["--offline"], ["--source", "cache"]):
        assert live("show", "acme/first", *source)[1]["model_id"] == "acme/first"
        assert "acme/first" in ids(live("search", "--all", *source)[1])
    assert len(ids(live("search", "--all", "--source", "cache")[1])) == 1
    assert len(ids(live("search", "--all", "--offline")[1])) == 1 + len(bundled_ids())


def test_a_cache_that_cannot_be_written_takes_nothing_from_a_live_answer(
    live: Falsmith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    status, answer, told = live("show", "acme/first")
    assert (status, answer["model_id"]) == (0, "acme/first")
    assert "not remembered" in told


def test_a_cache_that_cannot_be_read_leaves_the_bundled_models(
    falsmith: Falsmith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    default_path(os.environ["FAL_PLATFORM_URL"]).mkdir(parents=True)
    status, answer, told = falsmith("search", "--offline", "--all")
    assert (status, len(ids(answer))) == (0, len(bundled_ids()))
    assert told.count("Only the bundled catalogue is read") == 1
    assert falsmith("search", "--source", "cache")[0] == 9


@pytest.mark.parametrize("command", [["search"], ["categories"], ["show", "acme/x"]])
def test_an_empty_cache_says_how_to_fill_it(falsmith: Falsmith, command: list[str]) -> None:
    status, answer, _ = falsmith(*command, "--source", "cache")
    assert status == 2
    assert "falsmith catalog sync" in answer["error"]["message"]


def test_saved_documents_are_searched_too(
    falsmith: Falsmith, tmp_path: Path, make_documents: Callable[..., Documents]
) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    openapi = make_documents("acme/one", {"special": {}}).openapi
    (folder / "one.json").write_text(json.dumps(openapi))
    status, answer, told = falsmith("search", "--source", str(folder), "--input", "special")
    assert (status, ids(answer)) == (0, ["acme/one"])
    assert "left out" in told and "broken.json" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--limit", "0"], "0 is not in the range"),
        (["--limit", "-5"], "not in the range"),
        (["--limit", "3", "--all"], "exclude each other"),
        (["-c", "x" * 10_000], "10000 characters"),
        (["-c", ""], "the category is empty"),
        (["x" * 10_000], "10000 characters"),
        (["--choice", "resolution"], "FIELD=VALUE"),
        (["--status", "gone"], "'gone' is not one of"),
        (["--source", "live"], "exclude each other"),
    ],
)
def test_nonsense_gets_one_clear_message(
    falsmith: Falsmith, arguments: list[str], message: str
) -> None:
    status, answer, _ = falsmith("search", "--offline", *arguments)
    assert status == 2
    assert message in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 300


def test_categories_are_counted_offline_and_live(live: Falsmith) -> None:
    assert live("categories")[1]["categories"]["text-to-speech"] == 2
    status, answer, _ = live("categories", "--source", "live")
    assert (status, answer) == (0, {"categories": {"text-to-image": 2}})


def test_generate_lists_what_fits_and_writes_nothing(falsmith: Falsmith, tmp_path: Path) -> None:
    output = ["--offline", "-o", str(tmp_path / "skills")]
    status, answer, told = falsmith("generate", "-c", "text-to-video", *output)
    assert status == 0
    assert len(ids(answer)) == 2
    assert "2 models fit and nothing was written" in told
    assert not (tmp_path / "skills").exists()


def test_generate_makes_every_match_with_all(live: Falsmith, tmp_path: Path) -> None:
    folder = tmp_path / "skills"
    for options in (["-s", "film"], ["-c", "text-to-video", "--offline"]):
        status, answer, _ = live("generate", *options, "--all", "-o", str(folder))
        assert status == (0 if "--offline" in options else 2), answer
    assert len(list(folder.glob("fal-ai-*"))) == 2
    status, answer, _ = live("generate", "-s", "newest", "--all", "-o", str(folder))
    assert [one["model_id"] for one in answer["skills"]] == ["acme/newest"]
    assert live("generate", "-m", "acme/newest", "--offline", "--check", "-o", str(folder))[0] == 0


@pytest.mark.parametrize(
    "options",
    [["--all"], ["-s", "x", "-m", "acme/one"], ["-s", "x", "--name", "one"], []],
)
def test_generate_refuses_what_is_unclear(falsmith: Falsmith, options: list[str]) -> None:
    assert falsmith("generate", *options)[0] == 2


def test_finding_nothing_in_a_small_catalogue_leads_to_the_whole_one(falsmith: Falsmith) -> None:
    status, answer, told = falsmith("search", "--offline", "nothingofthekind")
    assert (status, answer["models"]) == (0, [])
    assert "`falsmith catalog sync`" in told


def test_a_misspelt_command_gets_the_closest_one(falsmith: Falsmith) -> None:
    status, answer, _ = falsmith("serch", "flux")
    assert status == 2
    assert "Did you mean search?" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--output-kind", "sound", "no output kind 'sound' is known here; known: "),
        ("--input", "promt", "no input field 'promt' is known here; close to it: prompt"),
        ("--choice", "aspect_ratio=17:9", "no value '17:9' of the field 'aspect_ratio' is known"),
        ("--choice", "aspect=1", "no field 'aspect' with choices is known here; close to it: "),
    ],
)
def test_an_unknown_ability_is_named_with_those_that_there_are(
    option: str, value: str, message: str, falsmith: Falsmith
) -> None:
    status, answer, err = falsmith("search", "--offline", option, value)
    assert (status, answer["models"]) == (0, [])
    assert message in err
    assert "catalog sync" not in err
