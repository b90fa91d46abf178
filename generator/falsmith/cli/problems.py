"""How problems of skills are printed: a line each for people, lists in one object for programs."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fal_runtime.text import printable_lines
from falsmith.text import counted
from falsmith.verify import Finding

__all__ = ["of_severity", "print_problems", "problems_as_json", "summary"]


def print_problems(folder: Path, found: Sequence[Finding], *, quiet: bool) -> None:
    """Print the problems of one skill, and its notices unless `quiet`."""
    problems, notices = of_severity(found, "problem"), of_severity(found, "notice")
    for one in problems:
        sys.stdout.write(f"{printable_lines(str(folder / one.path))}: {one.message}\n")
    if quiet:
        return
    for one in notices:
        sys.stdout.write(f"{printable_lines(str(folder / one.path))}: notice: {one.message}\n")
    if not problems:
        sys.stdout.write(f"{printable_lines(str(folder))}: no problems\n")


def problems_as_json(found: Mapping[Path, Sequence[Finding]]) -> list[dict[str, object]]:
    """Return what was found, by skill, as it stands in an answer."""
    return [
        {
            "path": str(folder.absolute()),
            "problems": _listed(of_severity(one, "problem")),
            "notices": _listed(of_severity(one, "notice")),
        }
        for folder, one in found.items()
    ]


def summary(found: Mapping[Path, Sequence[Finding]]) -> str:
    """Return how many problems there are, in how many of the skills."""
    counts = [len(of_severity(one, "problem")) for one in found.values()]
    broken = sum(map(bool, counts))
    return f"{counted(sum(counts), 'problem')} in {broken} of {counted(len(found), 'skill')}"


def of_severity(found: Sequence[Finding], severity: str) -> list[Finding]:
    """Return the problems, or the notices, among what was found."""
    return [one for one in found if one.severity == severity]


def _listed(found: Sequence[Finding]) -> list[dict[str, str]]:
    return [{"path": one.path, "message": one.message} for one in found]
