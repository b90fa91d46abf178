"""What the doctor says of Python, uv and packages, with programs of its own on the PATH."""

import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from falsmith.doctor.machine import check_packages, check_python, check_skill_python, check_uv

Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return what puts a program on a PATH that holds nothing else."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    def put(name: str, script: str) -> Path:
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return put


def test_the_python_that_runs_this_is_good_enough() -> None:
    check = check_python()
    assert (check.verdict, sys.executable in check.found) == ("ok", True)


def test_an_old_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    check = check_python()
    assert (check.verdict, check.advice) == ("problem", "Install Python 3.11 or later.")


def test_uv_is_listed_with_its_version(install: Install) -> None:
    assert check_uv().verdict == "warning"
    place = install("uv", "echo uv 0.9.1")
    assert (check_uv().verdict, check_uv().found) == ("ok", f"uv 0.9.1 ({place})")


@pytest.mark.parametrize("script", ["exit 3", "exec /nowhere/uv", ":"])
def test_a_uv_that_does_not_run_is_a_warning(install: Install, script: str) -> None:
    install("uv", script)
    assert (check_uv().verdict, "does not run" in check_uv().found) == ("warning", True)


def test_the_packages_of_this_python_are_all_there() -> None:
    assert check_packages().verdict == "ok"


@pytest.mark.parametrize(
    ("requirement", "verdict", "found"),
    [
        ("httpx>=99,<100", "warning", "httpx>=99,<100 is required, "),
        ("httpx<0.1,>=0.0.1", "warning", "httpx<0.1,>=0.0.1 is required, "),
        ("acme-absent>=1,<2", "problem", "acme-absent is missing"),
        ("acme-absent>=1; extra == 'dev'", "ok", "all installed"),
    ],
)
def test_packages_outside_their_range_are_reported(
    requirement: str, verdict: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda _: ["httpx>=0.27,<1", requirement])
    check = check_packages()
    assert (check.verdict, check.found.startswith(found)) == (verdict, True)
    assert ("pip install" in check.advice) is (verdict != "ok")


def test_without_its_record_the_runtimes_packages_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_: str) -> list[str]:
        raise metadata.PackageNotFoundError("falsmith")

    monkeypatch.setattr(metadata, "requires", missing)
    assert check_packages().verdict == "ok"


def test_this_python_has_what_skills_need(install: Install) -> None:
    install("python", f'exec "{sys.executable}" "$@"')
    check = check_skill_python()
    version = ".".join(map(str, sys.version_info[:3]))
    assert (check.verdict, check.found) == ("ok", f"python {version} has them all")


@pytest.mark.parametrize(
    ("programs", "verdict", "found", "advice"),
    [
        ({}, "problem", "no python on the PATH", "Install Python"),
        ({"uv": "echo uv"}, "warning", "no python on the PATH", "`uv run scripts/...`"),
        ({"python": "exit 127"}, "problem", "python does not run", "Install Python"),
        ({"python": "echo 3.9.2"}, "problem", "python 3.9.2", "Install Python"),
        ({"python": "echo 3.9.2", "uv": "echo uv"}, "warning", "python 3.9.2", "`uv run"),
        ({"python3": "echo 3.12.1"}, "warning", "python3 3.12.1 has", "`python3 scripts/...`"),
        ({"python": "echo 3.12.1 yaml"}, "problem", "python 3.12.1 has no yaml", "'pyyaml>="),
        ({"python": "echo 3.12.1 yaml", "uv": "echo uv"}, "ok", "uv brings yaml", ""),
    ],
)
def test_a_skills_python_is_judged_by_what_it_says(
    install: Install, programs: dict[str, str], verdict: str, found: str, advice: str
) -> None:
    for name, script in programs.items():
        install(name, script)
    check = check_skill_python()
    assert (check.verdict, found in check.found) == (verdict, True)
    assert advice in check.advice


def test_the_path_of_a_test_holds_nothing_else(install: Install) -> None:
    install("python", "echo 3.12.1")
    assert os.listdir(os.environ["PATH"]) == ["python"]  # noqa: PTH208
