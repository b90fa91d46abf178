"""Folders that can be written, Unix sockets and symbolic links."""

import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from falsmith.doctor.check import Check, Verdict

__all__ = ["check_cache", "check_links", "check_project", "check_sockets", "check_state"]

PREFIX = ".falsmith-"


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
    if not hasattr(socket, "AF_UNIX"):
        return _no_sockets("this system has none")
    try:
        with (
            tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
            socket.socket(socket.AF_UNIX) as each,
        ):
            each.bind(str(Path(folder) / "s"))
    except OSError as error:
        return _no_sockets(str(error))
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
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)) as file:
            file.write(b"falsmith")
            file.flush()
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror or error}"
        return Check(name, otherwise, found, advice)
    return Check(name, "ok", f"can be written: {folder}")


def _existing(folder: Path) -> Path:
    """Return `folder`, or the nearest one above it that is there."""
    there = (part for part in (folder, *folder.parents) if os.path.lexists(part))
    return next(there, folder)


def _no_sockets(why: str) -> Check:
    advice = "Nothing to do: calls go to fal directly."
    return Check("unix sockets", "warning", f"cannot be made: {why}", advice)


def _unknown(name: str, error: ImportError) -> Check:
    advice = "Install the packages."
    return Check(name, "warning", f"not looked at: cannot import {error.name}", advice)
