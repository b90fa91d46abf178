"""Runs and times the commands that are measured, as a user runs them: with warm bytecode."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["FALSMITH", "UNSET", "medians", "memory_folder", "seconds"]

FALSMITH = (str(Path(sys.executable).with_name("falsmith")),)
MEMORY_DISK = Path("/dev/shm")
UNSET = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONPROFILEIMPORTTIME")


def seconds(
    command: Sequence[str],
    *,
    accepted: frozenset[int] = frozenset({0}),
    environment: Mapping[str, str] | None = None,
) -> float:
    """Return how long a command takes; raises CalledProcessError for a status not accepted."""
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if name not in UNSET}
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode not in accepted:
        sys.stderr.write(done.stderr[-2000:])
        done.check_returncode()
    return taken


def medians(
    commands: Mapping[str, Sequence[str]],
    runs: int,
    environment: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Return each command's median time; the runs take turns, so that all meet the same machine."""
    for command in commands.values():
        seconds(command, environment=environment)
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(seconds(command, environment=environment))
    return {name: statistics.median(times) for name, times in taken.items()}


def memory_folder() -> Path | None:
    """Return a folder in memory, so that no disk is measured; None is the usual place."""
    return MEMORY_DISK if MEMORY_DISK.is_dir() else None
