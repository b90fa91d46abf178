"""A generated tree as values, and what stands at a path of the folder that should hold it."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

from falsmith.errors import TargetError

__all__ = [
    "IGNORED_NAMES",
    "LINK",
    "Entry",
    "File",
    "Link",
    "NoFile",
    "content_at",
    "digest",
    "is_temporary",
    "link_on_the_way",
    "present",
    "temporary_name",
]

# Left by the interpreter and by file managers: nobody's drift, nobody's edit.
IGNORED_NAMES = frozenset({"__pycache__", ".DS_Store"})
# What files and folders are called for the moment in which a tree is written.
TEMPORARY = re.compile(r"\.falsmith-[0-9]+-.+", re.DOTALL)
# Before a link's target, where it stands in the place of a file's digest.
LINK = "link:"


class NoFile(Enum):
    """What may stand at a path and is neither a file nor a link, and so never falsmith's."""

    FOLDER = "a folder"
    SPECIAL = "a pipe, socket or device"
    OUTSIDE = "outside of the skill"


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


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def content_at(folder: Path, path: PurePosixPath) -> str | NoFile | None:
    """Return what stands at `path` in `folder`, None where nothing does.

    A file's digest, or LINK and a link's target. A pipe is never opened, and a path that leaves
    the folder, by itself or through a link, is not followed.

    Raises:
        TargetError: It cannot be read.

    """
    if path.is_absolute() or ".." in path.parts or link_on_the_way(folder, path) is not None:
        return NoFile.OUTSIDE
    place = folder / path
    try:
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            return LINK + place.readlink().as_posix()
        if stat.S_ISDIR(mode):
            return NoFile.FOLDER
        return digest(place.read_bytes()) if stat.S_ISREG(mode) else NoFile.SPECIAL
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return NoFile.OUTSIDE
    except OSError as error:
        raise TargetError("local_trouble", f"cannot read {place}: {error.strerror}") from error


def link_on_the_way(folder: Path, path: PurePosixPath) -> PurePosixPath | None:
    """Return the symbolic link among the folders that lead to `path`, if there is one."""
    ways = list(path.parents)[-2::-1]
    # It never raises, whatever a record that came from elsewhere names.
    return next((way for way in ways if os.path.islink(folder / way)), None)  # noqa: PTH114


def present(folder: Path, inside: PurePosixPath | None = None) -> Iterator[PurePosixPath]:
    """Yield what stands in `folder`, below `inside` of it, but for folders and ignored names.

    Paths are relative to `folder` and sorted in each folder; links are not followed.

    Raises:
        TargetError: A folder cannot be listed.

    """
    for root, folders, names in os.walk(folder / (inside or ""), onerror=_unreadable):
        folders[:] = sorted(set(folders) - IGNORED_NAMES)
        linked = {name for name in folders if os.path.islink(os.path.join(root, name))}  # noqa: PTH114, PTH118
        for name in sorted(linked | set(names) - IGNORED_NAMES):
            yield PurePosixPath(Path(root, name).relative_to(folder).as_posix())


def temporary_name(name: str) -> str:
    """Return what stands in the place of `name` while this process writes it."""
    return f".falsmith-{os.getpid()}-{name}"


def is_temporary(name: str) -> bool:
    """Return whether a write that was killed may have left a file of this name."""
    return TEMPORARY.fullmatch(name) is not None


def _unreadable(error: OSError) -> None:
    # A folder may go while it is walked.
    if not isinstance(error, FileNotFoundError):
        message = f"cannot read {error.filename}: {error.strerror}"
        raise TargetError("local_trouble", message) from error
