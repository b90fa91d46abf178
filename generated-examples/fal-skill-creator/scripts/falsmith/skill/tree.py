"""A generated tree as values, and how the folder that should hold it differs from it."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from falsmith.errors import TargetError
from falsmith.skill.provenance import LINK, PROVENANCE, Owned, owned

__all__ = [
    "Drift",
    "Entry",
    "File",
    "Link",
    "compare",
    "digest",
    "holds_files",
    "link_on_the_way",
    "present",
    "state_of",
]

# Left by the interpreter and by file managers: nobody's drift, nobody's edit.
IGNORED_NAMES = frozenset({"__pycache__", ".DS_Store"})
# The user's own, which falsmith links and uses and never writes.
USER_FILES = frozenset({"references/guide.md", "references/defaults.yaml"})
# Written for the user to change: once it was changed, it stays as it is.
SETTINGS = PurePosixPath("queue_config.yaml")
# How names begin that stand for a moment, while a tree is written.
TEMPORARY = ".falsmith-"
FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a skill: its path inside, its bytes, whether it can be executed."""

    path: PurePosixPath
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """One symbolic link of a skill: its path inside, and its target relative to where it stands."""

    path: PurePosixPath
    target: PurePosixPath


Entry = File | Link


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the files that should be there and the folder."""

    kind: Literal["missing", "stale", "extra", "edited", "mode"]
    path: PurePosixPath


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def compare(files: Sequence[Entry], folder: Path) -> list[Drift]:
    """Return how `folder` differs from `files`, sorted by path; empty where it does not.

    Raises:
        TargetError: A file cannot be read.

    """
    if not folder.is_dir():
        return [Drift("missing", file.path) for file in files]
    before = owned(folder)
    drift = [one for file in files if (one := _drift(file, folder, before)) is not None]
    expected = {file.path for file in files}
    drift += [Drift("extra", path) for path in present(folder) if path not in expected]
    return sorted(drift, key=lambda one: (str(one.path), one.kind))


def holds_files(folder: Path) -> bool:
    """Tell whether anything stands in `folder` but the remains of an interrupted first write."""
    return next(present(folder), None) is not None


def _drift(file: Entry, folder: Path, before: Owned | None) -> Drift | None:
    known = before.states if before is not None else {}
    way = link_on_the_way(folder, file.path)
    if way is not None:
        ours = state_of(folder / way) in known.get(str(way), ())
        return Drift("stale" if ours else "edited", file.path)
    state = state_of(folder / file.path)
    if state is None:
        return Drift("missing", file.path)
    if state != _expected(file):
        gone = isinstance(file, Link) and state == FOLDER and _is_ours(folder, file.path, known)
        ours = file.path == PROVENANCE or state in known.get(str(file.path), ()) or gone
        if file.path == SETTINGS and str(SETTINGS) in known and not ours and state != FOLDER:
            return None
        return Drift("stale" if ours else "edited", file.path)
    executable = isinstance(file, File) and file.executable
    if executable and not (folder / file.path).stat().st_mode & 0o100:
        return Drift("mode", file.path)
    return None


def state_of(place: Path) -> str | None:
    """Return the digest of a file, the target of a link, FOLDER, or None where nothing stands."""
    try:
        if place.is_symlink():
            return LINK + place.readlink().as_posix()
        return digest(place.read_bytes())
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError):
        return FOLDER
    except OSError as error:
        raise TargetError("local_trouble", f"cannot read {place}: {error.strerror}") from error


def _expected(file: Entry) -> str:
    return LINK + str(file.target) if isinstance(file, Link) else digest(file.content)


def _is_ours(folder: Path, path: PurePosixPath, known: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether everything in a folder that a link is to replace is falsmith's, unedited."""
    inside = (path / part for part in present(folder / path))
    return all(state_of(folder / part) in known.get(str(part), ()) for part in inside)


def link_on_the_way(folder: Path, path: PurePosixPath) -> PurePosixPath | None:
    """Return the symbolic link among the folders that lead to `path`, if there is one."""
    return next((part for part in path.parents[:-1] if (folder / part).is_symlink()), None)


def present(folder: Path) -> Iterator[PurePosixPath]:
    """Yield every file and link of `folder` that is not ignored, relative to it."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - IGNORED_NAMES)
        linked = {name for name in folders if Path(root, name).is_symlink()}
        for name in sorted(linked | set(names) - IGNORED_NAMES):
            path = PurePosixPath(Path(root, name).relative_to(folder).as_posix())
            if not name.startswith(TEMPORARY) and str(path) not in USER_FILES:
                yield path
