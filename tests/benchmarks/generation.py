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
    """Return time as a multiple of `cp -a` of the result, and peak memory."""
    generated, copied, count = [], [], 0
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=_folder()) as folder:
            skills, copy = Path(folder, "skills"), Path(folder, "copy")
            options = ("--source", str(source), "--all", "--output", str(skills))
            generated.append(seconds((*FALSMITH, "generate", *options), accepted=ACCEPTED))
            copied.append(seconds(("cp", "-a", str(skills), str(copy))))
            count = len(list(skills.iterdir()))
            shutil.rmtree(copy)
    taken, copying = statistics.median(generated), statistics.median(copied)
    note = f"{count:,} skills, {taken:.2f} s : {copying:.2f} s"
    return [
        Figure("generate all : cp -a of it", taken / copying, 4.0, " x", note),
        Figure("peak memory of that", _peak() / 1e6, 200, " MB"),
    ]


def _folder() -> Path | None:
    """Return a folder in memory, so that no disk is measured; None is the usual place."""
    return MEMORY_DISK if MEMORY_DISK.is_dir() else None


def _peak() -> int:
    """Return the most bytes that any finished child of this process held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
