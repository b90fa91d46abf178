"""How long one command takes to generate every document, and how much memory, against `cp -a`."""

import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from commands import FALSMITH, seconds
from figures import Figure

__all__ = ["generation"]

RUNS = 3
# Some documents of a real catalogue are errors: the rest is generated, and the status is 1.
ACCEPTED = frozenset({0, 1})
MEMORY_DISK = Path("/dev/shm")


def generation(source: Path) -> list[Figure]:
    """Return time as a multiple of `cp -a` of the result, for copies and links, and peak memory."""
    figures = [_ratio(source, "copies", "--standalone"), _ratio(source, "links")]
    return [*figures, Figure("peak memory of those", _peak() / 1e6, 200, " MB")]


def _ratio(source: Path, what: str, *mode: str) -> Figure:
    """Return the time to generate every document, as a multiple of copying what comes out."""
    generated, copied, count = [], [], 0
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=_folder()) as folder:
            skills, copy = Path(folder, "skills"), Path(folder, "copy")
            options = ("--source", str(source), "--all", "--output", str(skills), *mode)
            generated.append(seconds((*FALSMITH, "generate", *options), accepted=ACCEPTED))
            copied.append(seconds(("cp", "-a", str(skills), str(copy))))
            count = sum((place / "SKILL.md").is_file() for place in skills.iterdir())
            shutil.rmtree(copy)
    taken, copying = statistics.median(generated), statistics.median(copied)
    note = f"{count:,} skills, {taken:.2f} s : {copying:.2f} s"
    return Figure(f"generate all, {what} : cp -a", taken / copying, 4.0, " x", note)


def _folder() -> Path | None:
    """Return a folder in memory, so that no disk is measured; None is the usual place."""
    return MEMORY_DISK if MEMORY_DISK.is_dir() else None


def _peak() -> int:
    """Return the most bytes that any finished child of this process held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
