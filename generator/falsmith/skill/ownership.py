"""Whose a file in a skill's folder is: the one answer for compare, write, list and remove."""

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.settings import SETTINGS_FILE
from falsmith.skill.provenance import PROVENANCE, Provenance, read_provenance
from falsmith.skill.tree import (
    LINK,
    Entry,
    File,
    Link,
    NoFile,
    content_at,
    digest,
    is_temporary,
    link_on_the_way,
    present,
)

__all__ = [
    "DEFAULTS",
    "SETTINGS",
    "USER_FILES",
    "Drift",
    "Owner",
    "compare",
    "foreign",
    "holds_files",
    "is_user_file",
    "owner",
    "user_files",
    "user_places",
]

Owner = Literal["ours", "edited", "added", "missing"]

# The user's own, which falsmith links and uses and never writes.
USER_FILES = (PurePosixPath("references/defaults.yaml"), PurePosixPath("references/guide.md"))
# Of each model of a collection.
MODELS = PurePosixPath("references/models")
DEFAULTS = "defaults.yaml"
# Written for the user to change: once it was changed, it stays as it is.
SETTINGS = PurePosixPath(SETTINGS_FILE)


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the entries that should be there and the folder."""

    kind: Literal["missing", "stale", "extra", "edited", "mode"]
    path: PurePosixPath


def owner(folder: Path, path: PurePosixPath, provenance: Provenance | None) -> Owner:
    """Return whose the file or link at `path` is.

    "ours": falsmith wrote it, as it stands there, or left it when a write was killed. "edited":
    falsmith wrote something else there. "added": falsmith never wrote there. "missing": nothing
    stands there.

    Raises:
        TargetError: It cannot be read.

    """
    content = content_at(folder, path)
    if content is None:
        return "missing"
    if content is not NoFile.OUTSIDE and (path == PROVENANCE or is_temporary(path.name)):
        return "ours"
    known = provenance.contents.get(str(path)) if provenance is not None else None
    if known is None:
        return "added"
    return "ours" if content in known else "edited"


def foreign(
    folder: Path, path: PurePosixPath, provenance: Provenance | None
) -> list[PurePosixPath]:
    """Return what in the folder at `path` is not falsmith's, or was edited."""
    return [one for one in present(folder, path) if owner(folder, one, provenance) != "ours"]


def user_files(folder: Path) -> Set[str]:
    """Return the paths in a skill's `references/` of the user's own files that are there."""
    # Thousands of skills that are not there yet pass here.
    if not os.path.isdir(folder):  # noqa: PTH112
        return frozenset()
    there = (path for path in user_places(folder) if (folder / path).is_file())
    return {str(path.relative_to(MODELS.parent)) for path in there}


def user_places(folder: Path) -> Iterator[PurePosixPath]:
    """Yield where the user's own files of a skill belong, whatever stands there."""
    yield from USER_FILES
    models = folder / MODELS
    if models.is_dir():
        yield from (MODELS / place.name / DEFAULTS for place in sorted(models.iterdir()))


def is_user_file(path: PurePosixPath) -> bool:
    """Return whether a path in a skill is one of the user's own files."""
    return path in USER_FILES or (path.name == DEFAULTS and path.parent.parent == MODELS)


def holds_files(folder: Path) -> bool:
    """Return whether anything stands in `folder` but remains of a write and the user's own."""
    return any(_counts(path) for path in present(folder) if path != SETTINGS)


def compare(entries: Sequence[Entry], folder: Path) -> list[Drift]:
    """Return how `folder` differs from `entries`, sorted by path; empty where it does not.

    Raises:
        TargetError: A file cannot be read.

    """
    if not folder.is_dir():
        return [Drift("missing", entry.path) for entry in entries]
    provenance = read_provenance(folder)
    drift = [one for entry in entries if (one := _drift(entry, folder, provenance)) is not None]
    expected = {entry.path for entry in entries}
    extra = (path for path in present(folder) if path not in expected and _counts(path))
    drift += [Drift("extra", path) for path in extra]
    return sorted(drift, key=lambda one: (str(one.path), one.kind))


def _drift(entry: Entry, folder: Path, provenance: Provenance | None) -> Drift | None:
    content = content_at(folder, entry.path)
    if content is None:
        return Drift("missing", entry.path)
    if content == _content(entry):
        executable = isinstance(entry, File) and entry.executable
        runs = not executable or (folder / entry.path).stat().st_mode & 0o100
        return None if runs else Drift("mode", entry.path)
    link = link_on_the_way(folder, entry.path)
    if content is NoFile.FOLDER:
        ours = not foreign(folder, entry.path, provenance)
    elif link is not None:
        ours = owner(folder, link, provenance) == "ours"
    else:
        whose = owner(folder, entry.path, provenance)
        # Also of a skill that was removed: what it left is the user's.
        if entry.path == SETTINGS and whose != "ours" and content is not NoFile.SPECIAL:
            return None
        ours = whose == "ours"
    return Drift("stale" if ours else "edited", entry.path)


def _content(entry: Entry) -> str:
    return LINK + str(entry.target) if isinstance(entry, Link) else digest(entry.content)


def _counts(path: PurePosixPath) -> bool:
    return not is_temporary(path.name) and not is_user_file(path)
