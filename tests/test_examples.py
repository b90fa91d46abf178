"""The examples are what falsmith makes today, satisfy independent judges, and work."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from falsmith.catalog.bundled import bundled_all
from falsmith.emulator import Emulator
from falsmith.example.roles import is_own_file
from falsmith.render import render_creator
from falsmith.skill.provenance import PROVENANCE
from falsmith.skill.tree import File
from falsmith.verify import verify

EXAMPLES = Path(__file__).parents[1] / "generated-examples"
IMAGE, AUDIO, VIDEO = (b"\xff\xd8\xff", b"\x89PNG"), (b"RIFF", b"ID3"), (b"\0\0\0",)
STARTS: dict[str, tuple[bytes, ...]] = {
    "fal-ai-clarity-upscaler": IMAGE,
    "fal-ai-f5-tts": AUDIO,
    "fal-ai-flux-dev": IMAGE,
    "fal-ai-flux-schnell": IMAGE,
    "fal-ai-kling-video-v3-pro-image-to-video": VIDEO,
    "fal-ai-kling-video-v3-pro-text-to-video": VIDEO,
    "fal-ai-whisper": (),
    "voices": AUDIO,
}
CREATOR = "fal-skill-creator"
# A public one, whose runtime are copies, and one that links to the creator's; all run one runtime.
KINDS = ("fal-ai-flux-dev", "fal-ai-whisper")
SCRIPTS = (
    "fal-ai-flux-dev/scripts/fal_ai_flux_dev.py",
    "fal-ai-whisper/scripts/fal_ai_whisper.py",
    f"{CREATOR}/scripts/generate_fal_skill.py",
    f"{CREATOR}/scripts/fal_api_call.py",
)
PACKAGE = "scripts/falsmith/"
INSTALLER = "skills@1.5.18"
SHOWN = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^python scripts/(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(bundled_all()) as emulator:
        yield emulator


@pytest.fixture(params=sorted(STARTS))
def skill(request: pytest.FixtureRequest) -> Path:
    return EXAMPLES / str(request.param)


def test_the_examples_are_all_there_and_no_others() -> None:
    found = {place.name for place in EXAMPLES.iterdir() if place.is_dir()}
    assert found == {*STARTS, CREATOR}


def test_an_example_is_up_to_date() -> None:
    done = _python(str(Path(__file__).with_name("examples") / "make_examples.py"), "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "run make examples"


def test_the_example_of_the_creator_shows_all_but_the_packages_that_are_here_already() -> None:
    whole = {str(one.path): one.content for one in render_creator() if isinstance(one, File)}
    packages = {path for path in whole if path.startswith(("scripts/fal_runtime/", PACKAGE))}
    templates = {path for path in packages if path.startswith(f"{PACKAGE}templates/")}
    skill = EXAMPLES / CREATOR
    shown = {place.relative_to(skill).as_posix() for place in skill.rglob("*") if place.is_file()}

    assert {path for path in shown if path not in packages} == whole.keys() - packages
    for path in packages - templates:
        assert (skill / path).read_bytes() == whole[path], path
    for path in templates:
        place = EXAMPLES.parent / "templates" / path.removeprefix(f"{PACKAGE}templates/")
        assert place.read_bytes() == whole[path], path
    for path in whole.keys() - packages - {str(PROVENANCE)}:
        assert (skill / path).read_bytes() == whole[path], path


@pytest.fixture(params=[*sorted(STARTS), CREATOR])
def judged(request: pytest.FixtureRequest) -> Path:
    """Return each example, and the creator skill that some of them link to."""
    return EXAMPLES / str(request.param)


def test_an_example_passes_verify(skill: Path) -> None:
    assert verify(skill) == []


def test_a_public_example_holds_no_link() -> None:
    assert verify(EXAMPLES / "fal-ai-flux-dev", public=True) == []


def test_the_reference_validator_accepts_an_example(judged: Path) -> None:
    judge = pytest.importorskip("skills_ref", reason="skills-ref is not installed")
    assert judge.validate(judged) == []


def test_skillcheck_finds_no_error_in_the_examples() -> None:
    pytest.importorskip("skillcheck", reason="skillcheck is not installed")
    done = _python("-m", "skillcheck", "--format", "json", str(EXAMPLES))
    results = json.loads(done.stdout)["results"]
    assert len(results) == len(STARTS) + 1
    diagnostics = [one for result in results for one in result["diagnostics"]]
    assert [one for one in diagnostics if one["severity"] == "error"] == []
    assert done.returncode == 0


@pytest.mark.skipif("CI" not in os.environ, reason="npx fetches this judge: it runs in CI")
@pytest.mark.skipif(shutil.which("npx") is None, reason="npx is not installed")
def test_an_installer_of_skills_finds_every_example(tmp_path: Path) -> None:
    settings = {
        "HOME": str(tmp_path),
        "npm_config_cache": str(tmp_path / "npm"),
        "DISABLE_TELEMETRY": "1",
    }
    command = ("npx", "--yes", INSTALLER, "add", str(EXAMPLES), "--list", "--full-depth")
    done = _execute(*command, settings=settings, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name for name in (*STARTS, CREATOR) if name in done.stdout} == {*STARTS, CREATOR}


def test_the_scripts_of_the_examples_are_formatted() -> None:
    folders = [str(EXAMPLES / name / "scripts") for name in STARTS]
    options = ("--isolated", "--no-cache", "--line-length", "100", *folders)
    formatted = _python("-m", "ruff", "format", "--check", *options)
    assert formatted.returncode == 0, formatted.stdout
    linted = _python("-m", "ruff", "check", "--select", "E4,E7,E9,F,I", *options)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_prints_how_it_is_used(script: str, tmp_path: Path) -> None:
    done = _python(str(EXAMPLES / script), "--help", folder=tmp_path)
    assert done.returncode == 0
    assert "usage: python" in done.stdout.lower()
    assert done.stderr == ""


@pytest.mark.parametrize("name", KINDS)
def test_each_command_can_be_rehearsed(name: str, tmp_path: Path) -> None:
    for command in _shown(EXAMPLES / name, " --dry-run"):
        files = _named_files(command, tmp_path)
        status, answer = _answer(command, {}, tmp_path)
        assert (status, answer["status"]) == (0, "DRY_RUN")
        assert {place.name for place in tmp_path.iterdir()} == files


def test_each_command_of_an_example_saves_a_file(
    skill: Path, emulator: Emulator, tmp_path: Path
) -> None:
    for place, command in enumerate(_shown(skill)):
        folder = tmp_path / str(place)
        folder.mkdir()
        _named_files(command, folder)
        status, answer = _answer(command, emulator.environment, folder)
        assert (status, answer["status"]) == (0, "COMPLETED")
        if not STARTS[skill.name]:
            assert answer["text"]
            continue
        saved = Path(answer["saved_path"])
        assert saved.parent == folder / "output"
        assert saved.read_bytes().startswith(STARTS[skill.name])
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == answer["files"][0]["sha256"]


@pytest.mark.parametrize("name", KINDS)
def test_an_example_does_not_start_without_a_key(
    name: str, emulator: Emulator, tmp_path: Path
) -> None:
    before = len(emulator.requests)
    addresses = {name: value for name, value in emulator.environment.items() if name != "FAL_KEY"}
    command = _shown(EXAMPLES / name)[0]
    _named_files(command, tmp_path)
    status, answer = _answer(command, addresses, tmp_path)
    assert (status, answer["status"]) == (3, "REFUSED")
    assert len(emulator.requests) == before


def _shown(skill: Path, options: str = "") -> list[str]:
    """Return the commands that SKILL.md shows, made to run from any folder, with `options`."""
    scripts = shlex.quote(str(skill / "scripts"))
    start = f"{shlex.quote(sys.executable)} {scripts}/"
    shown = SHOWN.findall((skill / "SKILL.md").read_text())
    assert shown
    return [COMMAND.sub(lambda found: f"{start}{found[1]}{options}", block) for block in shown]


def _named_files(command: str, folder: Path) -> set[str]:
    """Put the files of the user's own that a command names into `folder`; return their names."""
    names = {word for word in re.findall(r"[\w.-]+", command) if is_own_file(word)}
    for name in names:
        (folder / name).write_bytes(b"x")
    return names


def _answer(command: str, settings: Mapping[str, str], folder: Path) -> tuple[int, dict[str, Any]]:
    """Run a shell command in `folder`, and return its exit status and its one JSON object."""
    done = _execute("sh", "-c", command, settings=settings, folder=folder)
    assert done.stdout.startswith("{"), done.stderr
    return done.returncode, json.loads(done.stdout)


def _python(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    return _execute(sys.executable, *arguments, settings={}, folder=folder)


def _execute(
    *command: str, settings: Mapping[str, str], folder: Path | None
) -> subprocess.CompletedProcess[str]:
    # No bytecode is left in the examples.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **settings}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
