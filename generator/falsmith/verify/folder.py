"""What a skill's folder holds, read once (through no link, within limits), and its problems."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.text import cut

__all__ = ["MOST_SHOWN", "Finding", "Folder", "quoted", "read_folder"]

# The creator skill, the largest one, has 160 files and 1 MB; small hosts stop at 5 MB. A look at
# more would take minutes.
MOST_FILES = 1_000
MOST_BYTES = 5_000_000
LARGEST_FILE = 1_000_000
DEEPEST = 12
# A list may be wrong in every entry: so many are told.
MOST_SHOWN = 10
# Python and Finder leave these files behind; they are nobody's content.
LEFTOVER = re.compile(r"(?:.*/)?(?:__pycache__/[^/]+\.pyc|\.DS_Store)")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Where (a path inside the folder, or "." for the folder itself) and what, with the remedy.

    A problem is a fault of the skill, a notice names what `verify` could not judge.
    """

    path: str
    message: str
    severity: Literal["problem", "notice"] = "problem"


@dataclass(frozen=True, slots=True)
class Folder:
    """The files and links of a folder; paths are relative, with forward slashes.

    `paths` names everything but folders; `files` holds what could be read, without the leftovers.
    """

    root: Path
    paths: frozenset[str]
    files: Mapping[str, bytes]
    texts: Mapping[str, str]
    links: frozenset[str]
    hard_links: frozenset[str]
    leftovers: frozenset[str]
    executables: frozenset[str]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.root.name

    def has(self, path: str) -> bool:
        """Return whether something stands at this path, or stands behind a link of the folder."""
        places = (path, *map(str, PurePosixPath(path).parents))
        return path in self.paths or not self.links.isdisjoint(places)

    def below(self, start: str, suffix: str) -> Iterator[tuple[str, str]]:
        """Yield path and text of every text file whose path has this start and this end."""
        for path, text in self.texts.items():
            if path.startswith(start) and path.endswith(suffix):
                yield path, text

    def json_object(self, path: str) -> Mapping[str, Any] | None:
        """Return the JSON object in a file, None where `json_problems` says why there is none."""
        value, _ = _json(self.texts.get(path, ""))
        return value if isinstance(value, dict) else None

    def json_problems(self, path: str) -> list[Finding]:
        """Return why a file is no JSON object; a missing file is a matter of the tree."""
        if path not in self.texts:
            return []
        value, objection = _json(self.texts[path])
        if objection:
            return [Finding(path, f"cannot be read: {objection}")]
        return [] if isinstance(value, dict) else [Finding(path, "is no JSON object")]


def quoted(value: object, limit: int = 80) -> str:
    """Return a value of the folder for use in a message: quoted, escaped to ASCII, short."""
    return cut(ascii(value), limit)


def read_folder(root: Path) -> tuple[Folder, list[Finding]]:
    """Read every regular file below `root` and list what cannot be read, or is too large."""
    found, problems = _found(root)
    modes = {path: status.st_mode for path, status in found.items()}
    files: dict[str, bytes] = {}
    texts: dict[str, str] = {}
    room = MOST_BYTES
    links = frozenset(path for path, mode in modes.items() if stat.S_ISLNK(mode))
    leftovers = frozenset(
        path for path, mode in modes.items() if stat.S_ISREG(mode) and LEFTOVER.fullmatch(path)
    )
    for path in sorted(modes.keys() - links - leftovers):
        if not stat.S_ISREG(modes[path]):
            message = "is no regular file: a skill holds files and folders only; remove it"
            problems.append(Finding(path, message))
            continue
        try:
            files[path] = _content(root / path, min(LARGEST_FILE, room))
            room -= len(files[path])
            texts[path] = files[path].decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"is not UTF-8 text: {error.reason} at byte {error.start}"
            problems.append(Finding(path, message))
        except OSError as error:
            problems.append(Finding(path, f"cannot be read: {error.strerror}"))
        except OverflowError:
            message = f"is larger than {LARGEST_FILE:,} bytes, or the skill than {MOST_BYTES:,}"
            problems.append(Finding(path, message))
    executables = frozenset(path for path, mode in modes.items() if mode & 0o111)
    hard_links = frozenset(
        path
        for path, status in found.items()
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1
    )
    paths = frozenset(modes)
    folder = Folder(root, paths, files, texts, links, hard_links, leftovers, executables)
    return folder, problems


def _found(root: Path) -> tuple[dict[str, os.stat_result], list[Finding]]:
    """Return everything below `root` but folders with its status, and what hides some of it."""
    found: dict[str, os.stat_result] = {}
    problems: list[Finding] = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(root / prefix) as listing:
                names = sorted(item.name for item in listing)
            there = {prefix + name: (root / prefix / name).lstat() for name in names}
        except OSError as error:
            message = f"cannot be listed: {error.strerror}"
            problems.append(Finding(prefix.rstrip("/") or ".", message))
            continue
        for path, status in there.items():
            if not stat.S_ISDIR(status.st_mode):
                found[path] = status
            elif path.count("/") < DEEPEST:
                waiting.append(f"{path}/")
            else:
                problems.append(Finding(path, f"folders are more than {DEEPEST} deep here"))
        if len(found) + len(waiting) > MOST_FILES:
            problems.append(Finding(".", f"more than {MOST_FILES} files: only some were looked at"))
            break
    return dict(list(found.items())[:MOST_FILES]), problems


def _content(place: Path, limit: int) -> bytes:
    """Return the content; raises OverflowError over the limit, OSError for a swapped-in link."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(place, flags | getattr(os, "O_BINARY", 0)), "rb") as file:  # noqa: PTH123
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OverflowError
    return data


# Several checks of one skill read the same files: a few, or a few of each model.
@lru_cache(maxsize=512)
def _json(text: str) -> tuple[object, str]:
    try:
        return parse_json(text), ""
    except JsonTextError as error:
        return None, error.reason
