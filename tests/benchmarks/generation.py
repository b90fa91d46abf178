"""How long one command takes to generate every document, and how much memory."""

import os
import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from commands import FALSMITH, memory_folder, seconds
from figures import Figure

__all__ = ["generation"]

RUNS = 5
# Some documents of a real catalogue are errors: the rest is generated, and the status is 1.
ACCEPTED = frozenset({0, 1})


def generation(source: Path) -> list[Figure]:
    """Return the time a linked skill takes, that of copies against `cp -a`, and peak memory."""
    count, links, _ = _medians(source)
    note = f"{count:,} skills in {links:.2f} s on {os.cpu_count()} cores"
    linked = Figure("generate all, links", links / count * 1e3, 1.5, " ms a skill", note)
    count, copies, copying = _medians(source, "--standalone")
    note = f"{count:,} skills, {copies:.2f} s : {copying:.2f} s"
    copied = Figure("generate all, copies : cp -a", copies / copying, 4.0, " x", note)
    return [linked, copied, Figure("peak memory of those", _peak() / 1e6, 200, " MB")]


def _medians(source: Path, *mode: str) -> tuple[int, float, float]:
    """Return how many skills came out, and the seconds to generate and to copy them."""
    generated, copied, count = [], [], 0
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
            skills, copy = Path(folder, "skills"), Path(folder, "copy")
            options = ("--source", str(source), "--all", "--output", str(skills), *mode)
            generated.append(seconds((*FALSMITH, "generate", *options), accepted=ACCEPTED))
            copied.append(seconds(("cp", "-a", str(skills), str(copy))))
            count = sum((place / "SKILL.md").is_file() for place in skills.iterdir())
            shutil.rmtree(copy)
    return count, statistics.median(generated), statistics.median(copied)


def _peak() -> int:
    """Return the most bytes that any finished child of this process held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
