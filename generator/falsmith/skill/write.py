"""The one place that writes a generated tree: a new one whole, any other file by file."""

import errno
import json
import os
import shutil
import time
from collections.abc import Sequence, Set
from functools import lru_cache
from pathlib import Path, PurePosixPath

from falsmith.documents import Json
from falsmith.errors import TargetError
from falsmith.skill.ownership import Drift, compare, foreign, owner
from falsmith.skill.provenance import PROVENANCE, Provenance, read_provenance
from falsmith.skill.tree import (
    IGNORED_NAMES,
    Entry,
    File,
    Link,
    NoFile,
    content_at,
    is_temporary,
    temporary_name,
)

__all__ = ["remove_leftovers", "write"]

LEFTOVER_AGE = 3600.0


def write(entries: Sequence[Entry], folder: Path, drift: Sequence[Drift]) -> None:
    """Write the entries that differ, by `drift` from `compare`; provenance last.

    A tree that is not there at all is made beside its place and moved there in one step. In one
    that is there, each file is replaced by itself, atomically: a first provenance names both the
    old and the new digests, so that an interrupted write is recognised as falsmith's own and
    repaired by the next one. Files that an earlier provenance lists and that are no longer
    generated are removed, unless they were edited.

    Raises:
        TargetError: The folder or a file cannot be written, or files that are not falsmith's
            stand where a file or a link has to.

    """
    different = {one.path for one in drift if one.kind != "extra"}
    try:
        if not os.path.lexists(folder):
            if not _write_aside(entries, folder) and compare(entries, folder):
                raise _others_were_first(folder)
            return
        provenance = read_provenance(folder)
        if provenance is not None:
            _remove_leftovers(folder)
        if different:
            blocked = {path for path in different if content_at(folder, path) is NoFile.FOLDER}
            _refuse_foreign(folder, blocked, provenance)
            _write(entries, folder, different, blocked, provenance)
    except OSError as error:
        raise TargetError(
            "local_trouble",
            f"cannot write {error.filename2 or error.filename or folder}: "
            f"{error.strerror or error}. "
            "Free the place, or choose another folder with --output DIR.",
        ) from error


def remove_leftovers(output: Path) -> None:
    """Remove what an hour ago or earlier was killed while it made new skills in `output`."""
    for leftover in output.glob(".falsmith-*"):
        if not _is_leftover(leftover):
            continue
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _write_aside(entries: Sequence[Entry], folder: Path) -> bool:
    """Make a new tree, which nobody sees a part of; return False where others were first."""
    aside = folder.with_name(temporary_name(folder.name))
    folder.parent.mkdir(parents=True, exist_ok=True)
    if os.path.exists(aside):  # noqa: PTH110
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        for part in _folders(entries):
            os.mkdir(f"{aside}/{part}")  # noqa: PTH102
        for entry in entries:
            _create(f"{aside}/{entry.path}", entry)
        aside.rename(folder)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _others_were_first(folder: Path) -> TargetError:
    message = f"{folder} came to be, with other content, while it was made"
    return TargetError("local_trouble", f"{message}: run the same command again")


def _refuse_foreign(
    folder: Path, blocked: Set[PurePosixPath], provenance: Provenance | None
) -> None:
    """Refuse to replace a folder by a file or a link where it holds what is not falsmith's."""
    kept = [str(one) for path in sorted(blocked) for one in foreign(folder, path, provenance)]
    if kept:
        raise TargetError(
            "edited",
            f"these files in {folder} stand in the way and are not falsmith's: "
            f"{', '.join(kept)}. Nothing was written. Move them elsewhere and run again.",
        )


def _write(
    entries: Sequence[Entry],
    folder: Path,
    different: Set[PurePosixPath],
    blocked: Set[PurePosixPath],
    provenance: Provenance | None,
) -> None:
    """Replace what is different in a folder that is there; nothing of `blocked` is the user's."""
    new_provenance = entries[-1]
    assert isinstance(new_provenance, File)
    folder.mkdir(parents=True, exist_ok=True)
    _make_folder(folder, str(PROVENANCE.parent))
    _replace(folder, File(PROVENANCE, _intent(new_provenance, provenance)))
    _remove_retired(entries, folder, provenance)
    for parent in _folders(entries):
        _make_folder(folder, parent)
    for entry in entries:
        if entry.path in different and entry is not new_provenance:
            # Retired copies may have gone from it, and with the last of them the folder.
            if entry.path in blocked and (folder / entry.path).is_dir():
                shutil.rmtree(folder / entry.path)
            _replace(folder, entry)
    _replace(folder, new_provenance)


def _folders(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return the folders inside the tree that hold the files, outer ones before inner ones."""
    return _with_parents(frozenset(str(entry.path).rpartition("/")[0] for entry in entries))


# The skills of a run have the same folders.
@lru_cache(maxsize=16)
def _with_parents(folders: frozenset[str]) -> tuple[str, ...]:
    parts = (part for one in map(PurePosixPath, folders) for part in (one, *one.parents))
    return tuple(sorted({str(part) for part in parts if part.parts}))


def _intent(new: File, old: Provenance | None) -> bytes:
    """Return a provenance that owns the files of before and after, until the write is complete."""
    record: dict[str, Json] = json.loads(new.content)
    contents = old.contents if old is not None else {}
    record["writing"] = record["files"]
    record["files"] = {path: sorted(known) for path, known in contents.items()}
    return json.dumps(record).encode()


def _remove_retired(entries: Sequence[Entry], folder: Path, provenance: Provenance | None) -> None:
    """Remove what is no longer generated and was not edited, and the folders that this empties."""
    expected = {str(entry.path) for entry in entries}
    for path in (provenance.contents if provenance is not None else {}).keys() - expected:
        inside = PurePosixPath(path)
        # What is missing went in a write that was killed, maybe before its folder did.
        if inside != PROVENANCE and owner(folder, inside, provenance) in ("ours", "missing"):
            (folder / inside).unlink(missing_ok=True)
            _remove_emptied(folder, inside.parent)


def _remove_emptied(folder: Path, path: PurePosixPath) -> None:
    """Remove the folder `path`, and those above it, that hold only the interpreter's leavings."""
    for part in (path, *path.parents)[:-1]:
        place = folder / part
        if not place.is_dir():
            continue
        if any(entry.name not in IGNORED_NAMES for entry in place.iterdir()):
            return
        shutil.rmtree(place)


def _replace(folder: Path, entry: Entry) -> None:
    parent, slash, name = str(entry.path).rpartition("/")
    temporary = f"{folder}/{parent}{slash}{temporary_name(name)}"
    try:
        Path(temporary).unlink(missing_ok=True)
        _create(temporary, entry)
        os.replace(temporary, f"{folder}/{entry.path}")  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _create(place: str, entry: Entry) -> None:
    # Plain text and calls of the system: tens of thousands of files pass here.
    if isinstance(entry, Link):
        os.symlink(entry.target, place)  # noqa: PTH211
        return
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    handle = os.open(place, flags, 0o777 if entry.executable else 0o666)
    try:
        rest = memoryview(entry.content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)


def _make_folder(folder: Path, part: str) -> None:
    """Make a folder of the tree; a link in its place goes, so that nothing leaves `folder`."""
    place = f"{folder}/{part}"
    try:
        os.mkdir(place)  # noqa: PTH102
    except FileExistsError:
        if os.path.islink(place):  # noqa: PTH114
            os.unlink(place)  # noqa: PTH108
        os.makedirs(place, exist_ok=True)  # noqa: PTH103


def _remove_leftovers(folder: Path) -> None:
    """Remove what writes that were killed an hour ago or earlier left behind in a skill."""
    for leftover in folder.rglob(".falsmith-*"):
        if _is_leftover(leftover) and not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def _is_leftover(place: Path) -> bool:
    try:
        return is_temporary(place.name) and time.time() - place.lstat().st_mtime > LEFTOVER_AGE
    except FileNotFoundError:
        # Renamed by the process that writes it, just now.
        return False
