"""Removal of one skill by its provenance: what falsmith wrote goes, what the user did stays."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.errors import UsageError
from falsmith.errors import TargetError
from falsmith.skill.installed import linked_by
from falsmith.skill.ownership import owner
from falsmith.skill.provenance import PROVENANCE, Provenance, read_provenance
from falsmith.skill.tree import IGNORED_NAMES, present
from falsmith.text import counted

__all__ = ["KeptFile", "Removal", "plan_removal", "remove"]


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file or link that a removal leaves: changed by the user, or none of falsmith's."""

    path: PurePosixPath
    why: Literal["edited", "added"]


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes from a skill's folder, and what stays.

    `linked_by` are the names of the skills whose links into the folder will lead nowhere.
    """

    folder: Path
    removed: tuple[PurePosixPath, ...]
    kept: tuple[KeptFile, ...]
    linked_by: tuple[str, ...]


def plan_removal(folder: Path, *, force: bool = False) -> Removal:
    """Return what `remove` will do to `folder`; with `force` everything in it goes.

    Raises:
        UsageError: The folder is a link, is not falsmith's, or other skills need it.
        TargetError: It cannot be read.

    """
    provenance = _provenance(folder)
    users = tuple(linked_by(folder))
    if users and not force:
        raise UsageError(
            "usage",
            f"{folder} is used by {counted(len(users), 'skill')} through links: {_few(users)}. "
            "Remove them first, or give --force to remove it all the same",
        )
    removed: list[PurePosixPath] = []
    kept: list[KeptFile] = []
    for path in present(folder):
        whose = "ours" if force else owner(folder, path, provenance)
        if whose in ("edited", "added"):
            kept.append(KeptFile(path, whose))
        else:
            removed.append(path)
    return Removal(folder, tuple(removed), tuple(kept), users)


def remove(removal: Removal) -> None:
    """Remove what was planned; links go themselves, what they lead to is never touched.

    Provenance goes last, so that an interrupted removal can be run again.

    Raises:
        TargetError: Something cannot be removed.

    """
    folder = removal.folder
    # Else everything in it would go, and an empty folder stay that is nobody's.
    if not removal.kept and not os.access(folder.parent, os.W_OK):
        raise TargetError(
            "local_trouble",
            f"cannot remove {folder}: {folder.parent} is read-only. Nothing was removed",
        )
    try:
        for path in removal.removed:
            if path != PROVENANCE:
                (folder / path).unlink(missing_ok=True)
        _remove_empty_folders(folder)
        (folder / PROVENANCE).unlink(missing_ok=True)
        _remove_empty_folders(folder)
    except OSError as error:
        raise TargetError(
            "local_trouble",
            f"cannot remove {error.filename or folder}: {error.strerror or error}. "
            "Free the place and run the same command again.",
        ) from error


def _provenance(folder: Path) -> Provenance:
    """Return the folder's provenance; raise UsageError where it is no skill of falsmith's."""
    for part in (*reversed(PROVENANCE.parents), PROVENANCE):
        if os.path.islink(folder / part):  # noqa: PTH114 - never raises
            raise UsageError(
                "usage",
                f"{folder / part} is a symbolic link, and links are not followed: remove the link "
                "itself, or name the folder that it leads to",
            )
    if not os.path.isdir(folder):  # noqa: PTH112 - never raises
        raise UsageError("usage", f"{folder} is no folder: name a skill, as `falsmith list` does")
    provenance = read_provenance(folder)
    if provenance is None and _is_remains(folder):
        return Provenance("", "", {}, {})
    if provenance is None:
        raise UsageError(
            "usage",
            f"{folder} is not a skill of falsmith, or its {PROVENANCE} cannot be read: nothing "
            "was removed. `falsmith list` lists the skills",
        )
    return provenance


def _is_remains(folder: Path) -> bool:
    """Return whether a removal was killed here between its last file and its last folder."""
    try:
        return [place.relative_to(folder) for place in folder.rglob("*")] == [
            Path(*PROVENANCE.parent.parts)
        ]
    except OSError:
        return False


def _remove_empty_folders(folder: Path) -> None:
    """Remove `folder` and the folders in it where only the interpreter's leavings are left."""
    for root, _, _ in os.walk(folder, topdown=False):
        here = Path(root)
        # A folder of leavings may already have gone with the folder above it.
        if here.name in IGNORED_NAMES or not here.is_dir():
            continue
        if all(entry.name in IGNORED_NAMES for entry in here.iterdir()):
            shutil.rmtree(here)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
