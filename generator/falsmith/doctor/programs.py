"""Python, uv, and the packages that falsmith and its skills import."""

import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

from fal_runtime.dependencies import PACKAGES
from falsmith.doctor.check import Check
from falsmith.skill.provenance import version_tuple

__all__ = ["check_packages", "check_python", "check_skill_python", "check_uv"]

OLDEST_PYTHON = (3, 11)
# Generous: a first start after an installation compiles, and a shim starts a shell.
PATIENCE = 30.0
SKILLS = "skills' packages"
UV_PAGE = "https://docs.astral.sh/uv/"
# Printed by the Python that skills are run with: its version, then the modules that it lacks.
QUESTION = (
    "import sys, importlib.util as u; print('%d.%d.%d' % sys.version_info[:3], "
    "*[name for name in sys.argv[1:] if u.find_spec(name) is None])"
)


def check_python() -> Check:
    """Look at the Python that runs falsmith."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check("python", "ok", found)
    return Check("python", "problem", found, f"Install Python {_dotted(OLDEST_PYTHON)} or later.")


def check_uv() -> Check:
    """Look for uv, which runs a skill's scripts with the packages that they name."""
    place = shutil.which("uv")
    told = _output([place, "--version"]) if place is not None else None
    if told is not None:
        return Check("uv", "ok", f"{told} ({place})")
    found = "not on the PATH" if place is None else f"{place} does not run"
    return Check(
        "uv", "warning", found, f"Install it from {UV_PAGE}, or install the packages with pip."
    )


def check_packages() -> Check:
    """Compare the packages of this Python with the ranges that falsmith asks for."""
    wrong = [told for one in _requirements() if (told := _departure(one)) is not None]
    if not wrong:
        return Check("falsmith's packages", "ok", "all installed")
    missing = any("missing" in told for told in wrong)
    return Check(
        "falsmith's packages",
        "problem" if missing else "warning",
        "; ".join(wrong),
        _pip(sys.executable, _requirements()),
    )


def check_skill_python() -> Check:
    """Look at the Python that an agent would run a skill's scripts with."""
    python = _skill_python()
    has_uv = shutil.which("uv") is not None
    if python is None or version_tuple(python.version) < OLDEST_PYTHON:
        told = f"{python.command} {python.version}" if python else "no python on the PATH"
        if has_uv:
            return Check(SKILLS, "warning", told, _in_place("uv run"))
        return Check(SKILLS, "problem", told, f"Install Python 3.11 or later, or uv ({UV_PAGE}).")
    if python.missing:
        return _lacking(python, has_uv=has_uv)
    told = f"{python.command} {python.version} has them all"
    if python.command == "python":
        return Check(SKILLS, "ok", told)
    return Check(SKILLS, "warning", told, _in_place(python.command))


@dataclass(frozen=True, slots=True)
class _Interpreter:
    """A Python of the PATH: its version, or words where it has none, and what it cannot import."""

    command: str
    version: str
    missing: tuple[str, ...]


def _skill_python() -> _Interpreter | None:
    command = next((each for each in ("python", "python3") if shutil.which(each)), None)
    if command is None:
        return None
    told = _output([command, "-c", QUESTION, *PACKAGES])
    version, *missing = told.split() if told is not None else ["does not run"]
    return _Interpreter(command, version, tuple(missing))


def _lacking(python: _Interpreter, *, has_uv: bool) -> Check:
    listed = ", ".join(python.missing)
    if has_uv:
        told = f"uv brings {listed}, which {python.command} {python.version} has not"
        return Check(SKILLS, "ok", told)
    install = _pip(python.command, [PACKAGES[module] for module in python.missing])
    told = f"{python.command} {python.version} has no {listed}"
    return Check(SKILLS, "problem", told, f"{install} - or install uv ({UV_PAGE}).")


def _in_place(command: str) -> str:
    return f"Where a skill says `python scripts/...`, use `{command} scripts/...`."


def _requirements() -> list[str]:
    """Return what the installed falsmith asks for, or what its runtime does without that record."""
    try:
        told = metadata.requires("falsmith") or []
    except metadata.PackageNotFoundError:
        told = list(PACKAGES.values())
    return [one for one in told if ";" not in one]


def _departure(requirement: str) -> str | None:
    """Return how an installed package departs from a requirement such as `click<9,>=8.1`."""
    named = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert named is not None
    try:
        installed = metadata.version(named[0])
    except metadata.PackageNotFoundError:
        return f"{named[0]} is missing"
    fits = all(_holds(installed, *bound) for bound in _bounds(requirement))
    return None if fits else f"{requirement} is asked for, {installed} is installed"


def _bounds(requirement: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"(>=|<)\s*([0-9.]+)", requirement)


def _holds(installed: str, sign: str, bound: str) -> bool:
    if sign == "<":
        return version_tuple(installed) < version_tuple(bound)
    return version_tuple(installed) >= version_tuple(bound)


def _pip(python: str, requirements: Iterable[str]) -> str:
    return f"Run {shlex.join([python, '-m', 'pip', 'install', *requirements])}"


def _output(command: list[str]) -> str | None:
    """Return what a command prints, on one line, or None where it does not run."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    told = " ".join(done.stdout.decode(errors="replace").split())
    return told if done.returncode == 0 and told else None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
