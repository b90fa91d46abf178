"""Independent judges take what is bundled, as it is."""

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from falsmith.cli import run

INSTALLER = "skills@1.5.18"
NAMES = {"acme-linked", "acme-alone", "acme-twenty", "fal-skill-creator"}


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


@pytest.fixture
def install(tmp_path: Path) -> Callable[[str], dict[str, bytes]]:
    """Return what installs all skills of a source, and returns what then stands in a project."""
    if "CI" not in os.environ:
        pytest.skip("npx fetches this judge: it runs in CI")
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed: the installer did not judge")
    project = tmp_path / "elsewhere"
    project.mkdir()

    def installed(source: str) -> dict[str, bytes]:
        done = subprocess.run(
            ["npx", "--yes", INSTALLER, "add", source, "-a", "codex", "-s", "*", "-y", "--copy"],
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
        return _files(project / ".agents/skills")

    return installed


def test_an_installer_takes_a_bundle_from_a_folder(
    bundled: Path, install: Callable[[str], dict[str, bytes]]
) -> None:
    assert install(str(bundled / "folder")) == _files(bundled / "folder/skills")


def test_an_installer_takes_from_a_site_what_has_the_digest_in_its_index(
    bundled: Path, site: str, install: Callable[[str], dict[str, bytes]]
) -> None:
    changed = "acme-alone"
    archive = bundled / f"well-known/.well-known/agent-skills/{changed}.zip"
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("references/more.md", "More.")
    there = _files(bundled / "folder/skills")
    assert install(site) == {k: v for k, v in there.items() if not k.startswith(f"{changed}/")}


def _files(folder: Path) -> dict[str, bytes]:
    places = (place for place in folder.rglob("*") if place.is_file())
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in places}
