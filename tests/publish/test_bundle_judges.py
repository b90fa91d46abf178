"""Independent judges take what is bundled, as it is."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from falsmith.cli import run

INSTALLER = "skills@1.5.18"
NAMES = {"acme-linked", "acme-alone", "fal-skill-creator"}


@pytest.fixture
def bundled(skills: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a folder with a bundle of each format."""
    details = ["--name", "acme", "--version", "1.0.0", "--author", "Acme"]
    folders = [str(skills / name) for name in sorted(NAMES)]
    assert run(["bundle", *folders, "-o", "dist", "--format", "all", *details]) == 0
    capsys.readouterr()
    return Path("dist").absolute()


@pytest.fixture
def site(bundled: Path) -> Iterator[str]:
    """Return the address on loopback that serves the well-known index."""
    handler = partial(_Quiet, directory=str(bundled / "well-known"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


def test_the_reference_validator_and_skillcheck_accept_every_skill_of_a_bundle(
    bundled: Path,
) -> None:
    judge = pytest.importorskip("skills_ref", reason="skills-ref is not installed")
    pytest.importorskip("skillcheck", reason="skillcheck is not installed")
    for folder in ("folder/skills", "claude-plugin/plugins/acme/skills"):
        found = sorted((bundled / folder).iterdir())
        assert {one.name for one in found} == NAMES
        assert [error for one in found for error in judge.validate(one)] == []
    done = subprocess.run(
        [sys.executable, "-m", "skillcheck", "--format", "json", str(bundled / "folder/skills")],
        capture_output=True,
        text=True,
        check=False,
    )
    results = json.loads(done.stdout)["results"]
    assert len(results) == len(NAMES)
    told = [each for one in results for each in one["diagnostics"]]
    assert [each for each in told if each["severity"] == "error"] == []


@pytest.mark.skipif("CI" not in os.environ, reason="npx fetches this judge: it runs in CI")
@pytest.mark.skipif(shutil.which("npx") is None, reason="npx is not installed")
@pytest.mark.parametrize("source", ["folder", "well-known"])
def test_an_installer_takes_a_bundle_from_a_folder_and_from_a_site(
    bundled: Path, site: str, tmp_path: Path, source: str
) -> None:
    project = tmp_path / "elsewhere"
    project.mkdir()
    words = ("add", str(bundled / "folder") if source == "folder" else site)
    done = subprocess.run(
        ["npx", "--yes", INSTALLER, *words, "-a", "codex", "-s", "*", "-y", "--copy"],
        capture_output=True,
        text=True,
        check=False,
        cwd=project,
        env={
            **os.environ,
            "HOME": str(tmp_path),
            "npm_config_cache": str(tmp_path / "npm"),
            "DISABLE_TELEMETRY": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    installed = _files(project / ".agents/skills")
    assert installed == _files(bundled / "folder/skills")


def _files(folder: Path) -> dict[str, bytes]:
    places = (place for place in folder.rglob("*") if place.is_file())
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in places}
