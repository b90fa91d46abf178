"""What a skill's folder holds, read once: never through a link, never without a limit."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from falsmith.verify.problem import Problem

__all__ = ["Folder", "read_folder"]

# The creator skill, the largest one, has 160 files and 1 MB; small hosts stop at 5 MB. A look at
# more would take minutes.
MOST_FILES = 1_000
MOST_BYTES = 5_000_000
LARGEST_FILE = 1_000_000
DEEPEST = 12
# Python and Finder leave these files behind; they are nobody's content.
IGNORED = re.compile(r"(?:.*/)?(?:__pycache__/[^/]+\.pyc|\.DS_Store)")


@dataclass(frozen=True, slots=True)
class Folder:
    """The regular files and the links of a folder; paths are relative, with forward slashes."""

    root: Path
    files: Mapping[str, bytes]
    texts: Mapping[str, str]
    links: frozenset[str]
    executables: frozenset[str]

    @property
    def name(self) -> str:
        """Return the folder's own name."""
        return self.root.name

    def has(self, path: str) -> bool:
        """Tell whether a file of this path is there, or stands behind a link of the folder."""
        places = (path, *map(str, PurePosixPath(path).parents))
        return path in self.files or not self.links.isdisjoint(places)

    def below(self, start: str, suffix: str) -> Iterator[tuple[str, str]]:
        """Yield path and text of every text file whose path has this start and this end."""
        for path, text in self.texts.items():
            if path.startswith(start) and path.endswith(suffix):
                yield path, text


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    place: Path
    mode: int

    @property
    def is_ignored(self) -> bool:
        return stat.S_ISREG(self.mode) and IGNORED.fullmatch(self.path) is not None


def read_folder(root: Path) -> tuple[Folder, list[Problem]]:
    """Read every regular file below `root` and list what cannot be read, or is too large."""
    entries, problems = _entries(root)
    files: dict[str, bytes] = {}
    room = MOST_BYTES
    for entry in entries:
        if stat.S_ISLNK(entry.mode) or entry.is_ignored:
            continue
        data, problem = _read(entry, room)
        problems += [problem] if problem else []
        if data is not None:
            files[entry.path] = data
            room -= len(data)
    texts, not_text = _decode(files)
    links = frozenset(entry.path for entry in entries if stat.S_ISLNK(entry.mode))
    executables = frozenset(entry.path for entry in entries if entry.mode & 0o111)
    return Folder(root, files, texts, links, executables), problems + not_text


def _entries(root: Path) -> tuple[list[_Entry], list[Problem]]:
    found: list[_Entry] = []
    problems: list[Problem] = []
    waiting = [(root, "")]
    while waiting:
        place, prefix = waiting.pop()
        try:
            with os.scandir(place) as listing:
                names = sorted(item.name for item in listing)
            inside = [_Entry(prefix + n, place / n, (place / n).lstat().st_mode) for n in names]
        except OSError as error:
            told = f"cannot be listed: {error.strerror}"
            problems.append(Problem(prefix.rstrip("/") or ".", told))
            continue
        for entry in inside:
            if not stat.S_ISDIR(entry.mode):
                found.append(entry)
            elif entry.path.count("/") < DEEPEST:
                waiting.append((entry.place, entry.path + "/"))
            else:
                problems.append(Problem(entry.path, f"folders are more than {DEEPEST} deep here"))
        if len(found) + len(waiting) > MOST_FILES:
            problems.append(Problem(".", f"more than {MOST_FILES} files: only some were looked at"))
            break
    return found[:MOST_FILES], problems


def _read(entry: _Entry, room: int) -> tuple[bytes | None, Problem | None]:
    if not stat.S_ISREG(entry.mode):
        return None, Problem(entry.path, "is no regular file: a skill holds files and folders only")
    try:
        data = _bytes(entry.place, min(LARGEST_FILE, room))
    except OSError as error:
        return None, Problem(entry.path, f"cannot be read: {error.strerror}")
    if data is None:
        told = f"is larger than {LARGEST_FILE:,} bytes, or the skill than {MOST_BYTES:,}"
        return None, Problem(entry.path, told)
    return data, None


def _bytes(place: Path, limit: int) -> bytes | None:
    """Return the content, or None where it is over the limit; a swapped-in link or FIFO fails."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(place, flags | getattr(os, "O_BINARY", 0)), "rb") as file:  # noqa: PTH123
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _decode(files: Mapping[str, bytes]) -> tuple[dict[str, str], list[Problem]]:
    texts: dict[str, str] = {}
    problems = []
    for path, data in files.items():
        try:
            texts[path] = data.decode("utf-8")
        except UnicodeDecodeError as error:
            told = f"is not UTF-8 text: {error.reason} at byte {error.start}"
            problems.append(Problem(path, told))
    return texts, problems
