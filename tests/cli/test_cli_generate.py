"""`falsmith generate`: arguments in, one call, one JSON object or a few lines out, exit status."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from falsmith.catalog.bundled import bundled_all
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.cli.conftest import Ran

FLUX = "fal-ai/flux/dev"


WHISPER = "fal-ai/whisper"


def skills() -> list[str]:
    names = {path.name for path in Path(".claude/skills").glob("*")}
    return sorted(names - {"fal-skill-creator"})


def test_a_second_run_says_that_nothing_changed(falsmith: Callable[..., "Ran"]) -> None:
    falsmith("generate", "--offline", "-m", FLUX)
    ran = falsmith("generate", "--offline", "-m", FLUX)

    assert ran.answer["skills"][0]["status"] == "unchanged"
    assert ran.status == 0


def test_a_file_of_the_users_own_does_not_count_as_written(falsmith: Callable[..., "Ran"]) -> None:
    falsmith("generate", "--offline", "-m", FLUX)
    Path(".claude/skills/fal-ai-flux-dev/notes.md").touch()
    ran = falsmith("generate", "--offline", "-m", FLUX)

    assert ran.answer["skills"][0]["status"] == "unchanged"
    assert ran.status == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"mode": "default", "lazy": False}),
        (["--standalone"], {"mode": "standalone"}),
        (["--public", "--lazy"], {"mode": "public", "lazy": True}),
        (["--public", "--standalone"], {"mode": "public"}),
        (["-n", "my-skill"], {"name": "my-skill"}),
        (["--description", "Mine."], {"description": "Mine."}),
        (["--license", "MIT"], {"license": "MIT"}),
    ],
)
def test_options_are_kept_in_the_provenance(
    options: list[str], expected: Mapping[str, Any], falsmith: Callable[..., "Ran"]
) -> None:
    ran = falsmith("generate", "--offline", "-m", FLUX, "-o", "out", *options)
    provenance = Path(ran.answer["skills"][0]["path"], "references/provenance.json")
    told = json.loads(provenance.read_bytes())["options"]

    assert told | expected == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "-m ID"),
        (["-m", FLUX, "--all"], "--all"),
        (["--all"], "--source PATH or --offline"),
        (["--search", " ", "--all"], "--source PATH or --offline"),
        (["--source", "", "-m", FLUX], "--source is empty"),
        (["-m", FLUX, "-m", WHISPER, "--name", "x"], "one model"),
        (["-m", FLUX, "-m", WHISPER, "--name", ""], "one model"),
        (["-m", FLUX, "-m", WHISPER, "--description", "x"], "one model"),
        (["--offline", "--all", "--name", "x"], "one model"),
        (["-m", FLUX, "--check", "--dry-run"], "exclude each other"),
        (["-m", FLUX, "--offline", "--source", "live"], "exclude each other"),
        (["-m", FLUX, "--nonsense"], "--nonsense"),
        (["-m"], "-m"),
        (["-m", "flux"], "'flux' is not a model ID"),
        (["-m", f"https://fal.ai/models/{FLUX}/api"], f"that page is {FLUX}"),
        ([FLUX], f"a model is named by -m: -m {FLUX}"),
        (["-m", "../../etc/passwd"], "is not a model ID"),
        (["--offline", "-m", FLUX, "--name", ""], "only a-z"),
        (["--offline", "-m", FLUX, "--name", "json"], "hide a Python module"),
        (["--offline", "-m", FLUX, "--name", "../up"], "only a-z"),
        (["--offline", "-m", FLUX, "--description", " "], "0 characters"),
        (["--offline", "-m", FLUX, "--description", "x" * 1025], "1025 characters"),
        (["--offline", "-m", FLUX, "--description", "<> <|im_end|>"], "0 characters"),
        (["--offline", "-m", FLUX, "--description", "\u2026" * 342], "1026 characters"),
        (["--offline", "-m", "acme/unknown"], "acme/unknown"),
        (["--source", "nowhere", "-m", FLUX], "nowhere"),
        (["--source", "nowhere", "--all"], "nowhere"),
    ],
    ids=range(27),
)
def test_bad_usage_exits_2_with_one_error_and_writes_nothing(
    arguments: list[str], told: str, falsmith: Callable[..., "Ran"]
) -> None:
    ran = falsmith("generate", *arguments)

    assert ran.status == 2
    assert told in ran.message
    assert ran.answer["error"]["charged"] == "no"
    assert "Traceback" not in ran.err
    assert list(Path().iterdir()) == []


def test_an_unknown_command_exits_2(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("conjure")

    assert ran.status == 2
    assert "conjure" in ran.message


def test_help_shows_examples_and_exits_0(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("generate", "--help")

    assert ran.status == 0
    assert "falsmith generate -m fal-ai/flux/dev" in ran.out
    assert "--lazy" in ran.out


def test_a_check_exits_1_and_lists_what_differs(falsmith: Callable[..., "Ran"]) -> None:
    missing = falsmith("generate", "--offline", "-m", FLUX, "--check")
    assert list(Path().iterdir()) == []
    falsmith("generate", "--offline", "-m", FLUX)
    good = falsmith("generate", "--offline", "-m", FLUX, "--check")
    Path(".claude/skills/fal-ai-flux-dev/SKILL.md").write_text("mine")
    Path(".claude/skills/fal-ai-flux-dev/extra.txt").touch()
    bad = falsmith("generate", "--offline", "-m", FLUX, "--check")

    assert missing.status == 1
    assert {one["kind"] for one in missing.answer["skills"][0]["drift"]} == {"missing"}
    assert good.status == 0
    assert good.answer["skills"][0]["status"] == "unchanged"
    assert bad.status == 1
    assert bad.answer["error"]["code"] == "problems_found"
    assert bad.answer["skills"][0]["drift"] == [
        {"kind": "edited", "path": "SKILL.md"},
        {"kind": "extra", "path": "extra.txt"},
    ]
    assert "edited: SKILL.md" in bad.err


def test_another_mode_is_a_difference(falsmith: Callable[..., "Ran"]) -> None:
    falsmith("generate", "--offline", "-m", FLUX)
    ran = falsmith("generate", "--offline", "-m", FLUX, "--lazy", "--check")

    assert ran.status == 1
    kinds = {one["path"]: one["kind"] for one in ran.answer["skills"][0]["drift"]}
    assert kinds["SKILL.md"] == "stale"
    assert kinds["references/tools/fal-ai-flux-dev.yaml"] == "missing"


@pytest.mark.parametrize(
    ("made", "kept", "changed"),
    [
        (["--lazy"], "kept: lazy, as it was made; --full changes it", ["--full"]),
        (["--public"], "kept: public, as it was made; --linked changes it", ["--linked"]),
        (["-n", "mine"], "kept: the name mine, as it was made; --name changes it", ["-n", "other"]),
        (["--license", "MIT"], "kept: its licence, as it was made; --license", ["--license", "X"]),
    ],
)
def test_a_skill_keeps_how_it_was_made_until_another_option_is_given(
    made: list[str], kept: str, changed: list[str], falsmith: Callable[..., "Ran"]
) -> None:
    command = ("generate", "--offline", "-m", FLUX)
    falsmith(*command, *made)
    creator = Path(".claude/skills/fal-skill-creator").exists()
    ran = falsmith(*command)

    assert (ran.status, [one["status"] for one in ran.answer["skills"]]) == (0, ["unchanged"])
    assert kept in ran.err
    assert Path(".claude/skills/fal-skill-creator").exists() is creator
    assert falsmith(*command, "--check", "--quiet").status == 0
    assert falsmith(*command, *changed, "--check").status == 1


def test_a_rehearsal_says_what_it_would_write_and_writes_nothing(
    falsmith: Callable[..., "Ran"],
) -> None:
    ran = falsmith("generate", "--offline", "-m", FLUX, "--dry-run")

    assert ran.status == 0
    assert ran.answer["skills"][0]["status"] == "would write"
    assert {"kind": "missing", "path": "SKILL.md"} in ran.answer["skills"][0]["drift"]
    assert list(Path().iterdir()) == []


def test_edited_files_stop_a_run_until_it_is_forced(falsmith: Callable[..., "Ran"]) -> None:
    skill = Path(".claude/skills/fal-ai-flux-dev")
    falsmith("generate", "--offline", "-m", FLUX)
    edited = [skill / "SKILL.md", skill / "references/model_config.json"]
    own = [skill / "notes.txt", skill / "references/guide.md"]
    for file in (*edited, *own):
        file.write_text("mine")
    (skill / "agents/openai.yaml").unlink()

    for options in ([], ["--dry-run"]):
        refused = falsmith("generate", "--offline", "-m", FLUX, *options)
        assert (refused.status, refused.answer["error"]["code"]) == (1, "edited")
        assert "SKILL.md, references/model_config.json" in refused.message
        assert "--force" in refused.message
        assert f"`falsmith update {skill}`" in refused.message
        assert {file.read_text() for file in (*edited, *own)} == {"mine"}
        assert not (skill / "agents/openai.yaml").exists()
    assert falsmith("generate", "--offline", "-m", FLUX, "--force").status == 0
    assert edited[0].read_text().startswith("---\nname:")
    assert {file.read_text() for file in own} == {"mine"}


@pytest.mark.parametrize(
    ("output", "file", "message"),
    [
        ("out", "out", "out is a file where a folder is needed"),
        ("out", "out/fal-ai-flux-dev", "fal-ai-flux-dev is a file where a folder is needed"),
        ("out/skills", "out", "cannot write"),
    ],
)
def test_a_file_in_the_way_of_the_output_exits_9(
    falsmith: Callable[..., "Ran"], output: str, file: str, message: str
) -> None:
    place = Path(file)
    place.parent.mkdir(exist_ok=True)
    place.write_text("in the way")
    ran = falsmith("generate", "--offline", "-m", FLUX, "--standalone", "-o", output)

    assert ran.status == 9
    assert message in ran.message
    assert place.read_text() == "in the way"


def test_stdout_holds_nothing_but_the_object_and_quiet_silences_stderr(
    falsmith: Callable[..., "Ran"],
) -> None:
    loud = falsmith("generate", "--offline", "-m", FLUX, "--json")
    quiet = falsmith("generate", "--offline", "-m", WHISPER, "--json", "--quiet")

    assert "wrote: " in loud.err
    assert quiet.err == ""
    assert set(loud.answer) == {"creator", "skills", "failed"}
    assert set(quiet.answer) == {"skills", "failed"}


def test_a_key_on_the_command_line_is_refused_unless_it_is_allowed(
    falsmith: Callable[..., "Ran"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(bundled_all()) as emulator:
        monkeypatch.setenv("FAL_PLATFORM_URL", emulator.environment["FAL_PLATFORM_URL"])
        refused = falsmith("generate", "-m", FLUX, "-k", "a:b")
        unused = falsmith("generate", "--offline", "-m", FLUX, "-k", "a:b")
        monkeypatch.setenv("FAL_ALLOW_API_KEY_ARG", "1")
        allowed = falsmith("generate", "-m", FLUX, "-k", emulator.environment["FAL_KEY"])

    assert refused.status == 2
    assert "set FAL_KEY instead" in refused.message
    assert (unused.status, unused.message) == (2, refused.message)
    assert allowed.status == 0
    assert "deprecated" in allowed.err
    assert emulator.environment["FAL_KEY"] not in allowed.err


def test_the_bare_command_shows_its_help(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("--help")
    bare = falsmith()

    assert (bare.status, bare.out) == (0, ran.out)
    assert "Commands:" in bare.out
