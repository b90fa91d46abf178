"""The one place that writes a generated tree: a new one whole, any other file by file."""

import errno
import json
import os
import shutil
import time
from collections.abc import Sequence, Set
from pathlib import Path, PurePosixPath

from falsmith.documents import Json
from falsmith.errors import TargetError
from falsmith.skill.provenance import PROVENANCE, Owned, owned
from falsmith.skill.tree import (
    IGNORED_NAMES,
    TEMPORARY,
    Drift,
    Entry,
    File,
    Link,
    compare,
    link_on_the_way,
    present,
    state_of,
)

__all__ = ["remove_leftovers", "write"]

LEFTOVER_AGE = 3600.0


def write(files: Sequence[Entry], folder: Path, drift: Sequence[Drift]) -> None:
    """Write the files that `drift`, from `compare`, tells to differ; provenance last.

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
    standing = {one.path for one in drift if one.kind not in ("extra", "missing")}
    before = owned(folder)
    try:
        if not os.path.lexists(folder):
            if not _write_aside(files, folder) and compare(files, folder):
                raise _others_were_first(folder)
            return
        if before is not None:
            _remove_leftovers(folder)
        if different:
            _refuse_foreign(standing, folder, before)
            _write(files, folder, different, standing, before)
    except OSError as error:
        raise TargetError(
            "local_trouble",
            f"cannot write {error.filename2 or error.filename or folder}: "
            f"{error.strerror or error}. "
            "Free the place, or choose another folder with --output DIR.",
        ) from error


def _write_aside(files: Sequence[Entry], folder: Path) -> bool:
    """Make a new tree, which nobody sees a part of; return False where others were first."""
    aside = _aside(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if aside.exists():
        shutil.rmtree(aside)
    aside.mkdir()
    try:
        for part in _folders(files):
            os.mkdir(f"{aside}/{part}")  # noqa: PTH102
        for file in files:
            _create(f"{aside}/{file.path}", file)
        aside.rename(folder)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _aside(folder: Path) -> Path:
    return folder.with_name(f"{TEMPORARY}{os.getpid()}-{folder.name}")


def _others_were_first(folder: Path) -> TargetError:
    told = f"{folder} came to be, with other content, while it was made"
    return TargetError("local_trouble", f"{told}: run the same command again")


def _refuse_foreign(paths: Set[PurePosixPath], folder: Path, before: Owned | None) -> None:
    """Refuse to replace a folder by a file or a link where it holds what is not falsmith's."""
    known = before.states if before is not None else {}
    foreign = [
        str(path / part)
        for path in sorted(paths)
        if (folder / path).is_dir() and not (folder / path).is_symlink()
        for part in present(folder / path)
        if state_of(folder / path / part) not in known.get(str(path / part), ())
    ]
    if foreign:
        raise TargetError(
            "edited",
            f"these files in {folder} stand in the way and are not falsmith's: "
            f"{', '.join(foreign)}. Nothing was written. Move them elsewhere and run again.",
        )


def _write(
    files: Sequence[Entry],
    folder: Path,
    different: Set[PurePosixPath],
    standing: Set[PurePosixPath],
    before: Owned | None,
) -> None:
    provenance = files[-1]
    assert isinstance(provenance, File)
    folder.mkdir(parents=True, exist_ok=True)
    _make_folder(folder, str(PROVENANCE.parent))
    _replace(folder, File(PROVENANCE, _intent(provenance, before)))
    _remove_retired(files, folder, before)
    for parent in _folders(files):
        _make_folder(folder, parent)
    for file in files:
        if file.path in different and file is not provenance:
            if file.path in standing:
                _clear(folder / file.path)
            _replace(folder, file)
    _replace(folder, provenance)


def _folders(files: Sequence[Entry]) -> list[str]:
    """Return the folders inside the tree that hold the files, outer ones before inner ones."""
    holding = {str(file.path).rpartition("/")[0] for file in files}
    parts = (part for one in map(PurePosixPath, holding) for part in (one, *one.parents))
    return sorted({str(part) for part in parts if part.parts})


def _intent(provenance: File, before: Owned | None) -> bytes:
    """Return a provenance that owns the files of before and after, until the write is complete."""
    told: dict[str, Json] = json.loads(provenance.content)
    old = before.states if before is not None else {}
    told["writing"] = told["files"]
    told["files"] = {path: sorted(digests) for path, digests in old.items()}
    return json.dumps(told).encode()


def _remove_retired(files: Sequence[Entry], folder: Path, before: Owned | None) -> None:
    """Remove what is no longer generated and was not edited, and the folders that this empties."""
    expected = {str(file.path) for file in files}
    for path, known in (before.states if before is not None else {}).items():
        inside = PurePosixPath(path)
        if path in expected or inside.is_absolute() or ".." in inside.parts:
            continue
        if not link_on_the_way(folder, inside) and state_of(folder / path) in known:
            (folder / path).unlink()
            _remove_emptied(folder, inside.parent)


def _remove_emptied(folder: Path, path: PurePosixPath) -> None:
    """Remove the folder `path`, and those above it, that hold only the interpreter's leavings."""
    for part in (path, *path.parents)[:-1]:
        place = folder / part
        if any(entry.name not in IGNORED_NAMES for entry in place.iterdir()):
            return
        shutil.rmtree(place)


def _replace(folder: Path, file: Entry) -> None:
    parent, slash, name = str(file.path).rpartition("/")
    place = f"{folder}/{file.path}"
    temporary = f"{folder}/{parent}{slash}{TEMPORARY}{os.getpid()}-{name}"
    try:
        Path(temporary).unlink(missing_ok=True)
        _create(temporary, file)
        os.replace(temporary, place)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _clear(place: Path) -> None:
    """Remove a folder that stands where a file or a link has to; it was found to hold nothing."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)


def _create(place: str, file: Entry) -> None:
    # Plain text and calls of the system: tens of thousands of files pass here.
    if isinstance(file, Link):
        os.symlink(file.target, place)  # noqa: PTH211
        return
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    handle = os.open(place, flags, 0o777 if file.executable else 0o666)
    try:
        rest = memoryview(file.content)
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


def remove_leftovers(output: Path) -> None:
    """Remove what an hour ago or earlier was killed while it made new skills in `output`."""
    for leftover in output.glob(f"{TEMPORARY}*"):
        if not _is_old(leftover):
            continue
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what writes that were killed an hour ago or earlier left behind."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        if _is_old(leftover) and not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def _is_old(leftover: Path) -> bool:
    try:
        return time.time() - leftover.lstat().st_mtime > LEFTOVER_AGE
    except FileNotFoundError:
        # Renamed by the process that writes it, just now.
        return False
