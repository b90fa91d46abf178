"""Judges too large for every run: `make judges` lets those that are on the machine see a bundle.

One that is not there is skipped by name, and how it is installed.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.cli import run

# One of video, whose runtime are links; one of speech with the short SKILL.md; a collection.
MADE = (
    ["-m", "fal-ai/kling-video/v3/pro/image-to-video"],
    ["--lazy", "-m", "fal-ai/f5-tts"],
    ["--collection", "acme-pictures", "-m", "fal-ai/flux/dev", "-m", "fal-ai/clarity-upscaler"],
)
NAMES = (
    "acme-pictures",
    "fal-ai-f5-tts",
    "fal-ai-kling-video-v3-pro-image-to-video",
    "fal-skill-creator",
)
PLUGIN = "acme-media@acme-media"
# Where a machine has none: in an environment of its own, the last one needs other versions.
INSTALL = {
    "claude": "npm install --global @anthropic-ai/claude-code@2.1.197",
    "codex": "npm install --global @openai/codex@0.169.0",
    "skill-scanner": "pipx install cisco-ai-skill-scanner==2.3.2",
}
# What each finding there is, and why it is none.
POLICY = Path(__file__).with_name("scanner_policy.yaml")
QUIET = (
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_AUTOUPDATER",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
)

Judge = Callable[..., str]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a bundle of each format."""
    place = tmp_path_factory.mktemp("judged")
    skills, bundle = place / "skills", place / "bundle"
    for options in MADE:
        words = ["--source", "bundled", "--quiet", "-o", str(skills)]
        assert run(["generate", *options, *words]) == 0
    folders = [str(skills / name) for name in NAMES]
    details = ["--name", "acme-media", "--version", "1.0.0", "--author", "Acme"]
    assert run(["bundle", *folders, "-o", str(bundle), "--format", "all", *details]) == 0
    return bundle


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Return what lets a judge look, with a home folder of its own, and returns what it said."""
    home = tmp_path / "home"
    (home / ".codex").mkdir(parents=True)
    own = {"HOME": str(home), "CODEX_HOME": str(home / ".codex")} | dict.fromkeys(QUIET, "1")

    def judged(name: str, *words: str) -> str:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not on this machine and did not judge: {INSTALL[name]}")
        done = subprocess.run(
            [name, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return judged


def files(folder: Path) -> dict[str, bytes]:
    places = (place for place in folder.rglob("*") if place.is_file())
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in places}


def test_claude_code_validates_and_installs_the_plugin(bundled: Path, judge: Judge) -> None:
    marketplace = bundled / "claude-plugin"
    judge("claude", "plugin", "validate", "--strict", str(marketplace))
    judge("claude", "plugin", "validate", "--strict", str(marketplace / "plugins/acme-media"))
    judge("claude", "plugin", "marketplace", "add", str(marketplace))
    judge("claude", "plugin", "install", PLUGIN)
    (plugin,) = json.loads(judge("claude", "plugin", "list", "--json"))
    assert (plugin["id"], plugin["enabled"]) == (PLUGIN, True)
    assert files(Path(plugin["installPath"], "skills")) == files(bundled / "folder/skills")


def test_codex_installs_the_plugin(bundled: Path, judge: Judge, tmp_path: Path) -> None:
    judge("codex", "plugin", "marketplace", "add", str(bundled / "codex-plugin"))
    judge("codex", "plugin", "add", PLUGIN)
    assert "installed, enabled" in judge("codex", "plugin", "list")
    (installed,) = (tmp_path / "home/.codex/plugins/cache").glob("*/*/*/skills")
    assert files(installed) == files(bundled / "folder/skills")


@pytest.mark.parametrize("name", NAMES)
def test_the_scanner_finds_nothing_above_low(
    bundled: Path, judge: Judge, tmp_path: Path, name: str
) -> None:
    report = tmp_path / "report.json"
    skill = str(bundled / "folder/skills" / name)
    words = ("--use-behavioral", "--use-trigger", "--policy", str(POLICY))
    judge("skill-scanner", "scan", skill, *words, "--format", "json", "--output", str(report))
    told = json.loads(report.read_text(encoding="utf-8"))
    assert told["skill_name"] == name
    found = [one for one in told["findings"] if one["severity"] not in ("LOW", "INFO", "SAFE")]
    assert [(one["rule_id"], one["file_path"], one["snippet"]) for one in found] == []
