"""What this machine has: Python, uv, packages, folders that can be written, sockets and links."""

import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from fal_runtime.dependencies import PACKAGES
from falsmith.skill.provenance import version_tuple

__all__ = [
    "Check",
    "Verdict",
    "check_cache",
    "check_links",
    "check_packages",
    "check_project",
    "check_python",
    "check_skill_python",
    "check_sockets",
    "check_state",
    "check_uv",
]

Verdict = Literal["ok", "warning", "problem"]

PREFIX = ".falsmith-"
OLDEST_PYTHON = (3, 11)
# Generous: a first start after an installation compiles, and a shim starts a shell.
PROGRAM_TIMEOUT = 30.0
SKILLS = "skills' packages"
UV_PAGE = "https://docs.astral.sh/uv/"
# Printed by the Python that skills are run with: its version, then the modules that it lacks.
QUESTION = (
    "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], "
    "*[name for name in sys.argv[1:] if u.find_spec(name) is None])"
)


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do where it is not good.

    A problem keeps something essential from working, a warning something that can be done without.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def check_python() -> Check:
    """Look at the Python that runs falsmith."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check("python", "ok", found)
    return Check("python", "problem", found, "Install Python 3.11 or later.")


def check_uv() -> Check:
    """Look for uv, which runs a skill's scripts with the packages that they name."""
    place = shutil.which("uv")
    version = _output([place, "--version"]) if place is not None else None
    if version is not None:
        return Check("uv", "ok", f"{version} ({place})")
    found = "not on the PATH" if place is None else f"{place} does not run"
    return Check(
        "uv", "warning", found, f"Install it from {UV_PAGE}, or install the packages with pip."
    )


def check_packages() -> Check:
    """Compare the packages of this Python with the ranges that falsmith asks for."""
    try:
        requirements = metadata.requires("falsmith") or []
    except metadata.PackageNotFoundError:
        # Without that record, what its runtime needs.
        requirements = list(PACKAGES.values())
    requirements = [one for one in requirements if ";" not in one]
    wrong = [departure for one in requirements if (departure := _departure(one)) is not None]
    if not wrong:
        return Check("falsmith's packages", "ok", "all installed")
    return Check(
        "falsmith's packages",
        "problem" if any("missing" in one for one in wrong) else "warning",
        "; ".join(wrong),
        _pip(sys.executable, requirements),
    )


def check_skill_python() -> Check:
    """Look at the Python that an agent would run a skill's scripts with."""
    has_uv = shutil.which("uv") is not None
    command = next((each for each in ("python", "python3") if shutil.which(each)), None)
    if command is None:
        return _unfit_python("no python on the PATH", has_uv=has_uv)
    printed = _output([command, "-c", QUESTION, *PACKAGES])
    version, *missing = printed.split() if printed is not None else ["does not run"]
    if version_tuple(version) < OLDEST_PYTHON:
        return _unfit_python(f"{command} {version}", has_uv=has_uv)
    if missing and has_uv:
        found = f"uv brings {', '.join(missing)}, which {command} {version} has not"
        return Check(SKILLS, "ok", found)
    if missing:
        install = _pip(command, [PACKAGES[module] for module in missing])
        found = f"{command} {version} has no {', '.join(missing)}"
        return Check(SKILLS, "problem", found, f"{install} - or install uv ({UV_PAGE}).")
    found = f"{command} {version} has them all"
    if command == "python":
        return Check(SKILLS, "ok", found)
    return Check(SKILLS, "warning", found, _in_place(command))


def _unfit_python(found: str, *, has_uv: bool) -> Check:
    if has_uv:
        return Check(SKILLS, "warning", found, _in_place("uv run"))
    return Check(SKILLS, "problem", found, f"Install Python 3.11 or later, or uv ({UV_PAGE}).")


def _in_place(command: str) -> str:
    return f"Where a skill says `python scripts/...`, use `{command} scripts/...`."


def _departure(requirement: str) -> str | None:
    """Return how an installed package departs from a requirement such as `click<9,>=8.1`."""
    named = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert named is not None
    try:
        installed = metadata.version(named[0])
    except metadata.PackageNotFoundError:
        return f"{named[0]} is missing"
    bounds = re.findall(r"(>=|<)\s*([0-9.]+)", requirement)
    fits = all(
        (version_tuple(installed) < version_tuple(bound)) == (sign == "<") for sign, bound in bounds
    )
    return None if fits else f"{requirement} is required, {installed} is installed"


def _pip(python: str, requirements: Iterable[str]) -> str:
    return f"Run {shlex.join([python, '-m', 'pip', 'install', *requirements])}"


def _output(command: list[str]) -> str | None:
    """Return what a command prints, on one line, or None where it does not run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROGRAM_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    printed = " ".join(done.stdout.decode(errors="replace").split())
    return printed if done.returncode == 0 and printed else None


def check_cache() -> Check:
    """Try the folder of the local cache."""
    try:
        from falsmith.catalog.cache import default_path
    except ImportError as error:
        return _unknown("cache folder", error)
    advice = "Searches keep working without a cache; XDG_CACHE_HOME moves it."
    return _writable("cache folder", default_path().parent, "warning", advice)


def check_state(environ: Mapping[str, str]) -> Check:
    """Try the folder of the journal of jobs: FAL_STATE_DIR, else the platform's own."""
    named = environ.get("FAL_STATE_DIR")
    try:
        from platformdirs import user_state_path
    except ImportError as error:
        return _unknown("state folder", error)
    folder = Path(named) if named else user_state_path("falsmith", appauthor=False)
    advice = "Set FAL_STATE_DIR to a folder that can be written."
    return _writable("state folder", folder, "warning", advice)


def check_project(folder: Path) -> Check:
    """Try the folder in which skills and results are written."""
    advice = "Change to a folder that can be written, or choose one with --output."
    return _writable("current folder", folder, "problem", advice)


def check_sockets() -> Check:
    """Bind a Unix socket, through which calls share one queue."""
    try:
        if not hasattr(socket, "AF_UNIX"):
            raise OSError("this system has none")
        with (
            tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
            socket.socket(socket.AF_UNIX) as each,
        ):
            each.bind(str(Path(folder) / "s"))
    except OSError as error:
        advice = "Nothing to do: calls go to fal directly."
        return Check("unix sockets", "warning", f"cannot be made: {error}", advice)
    return Check("unix sockets", "ok", "can be made")


def check_links(folder: Path) -> Check:
    """Make a symbolic link in the project, as a skill does to its shared runtime."""
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as inside:
            (Path(inside) / "link").symlink_to("nowhere")
    except (OSError, NotImplementedError) as error:
        advice = "Nothing to do: skills carry copies of the runtime, as with --standalone."
        return Check("symbolic links", "warning", f"cannot be made here: {error}", advice)
    return Check("symbolic links", "ok", "can be made")


def _writable(name: str, folder: Path, otherwise: Verdict, advice: str) -> Check:
    """Write a file without a name into `folder`, or where it would be made."""
    # A folder that is not there yet would be made in the nearest one above it that is.
    existing = (part for part in (folder, *folder.parents) if os.path.lexists(part))
    try:
        with tempfile.TemporaryFile(dir=next(existing, folder)) as file:
            file.write(b"falsmith")
            file.flush()
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror or error}"
        return Check(name, otherwise, found, advice)
    return Check(name, "ok", f"can be written: {folder}")


def _unknown(name: str, error: ImportError) -> Check:
    advice = "Install the packages."
    return Check(name, "warning", f"not looked at: cannot import {error.name}", advice)
