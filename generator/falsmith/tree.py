"""A generated tree as values, and the one place that writes it, file by atomic replace."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from falsmith.documents import Json
from falsmith.errors import TargetError
from falsmith.provenance import LINK, PROVENANCE, Owned, owned

__all__ = [
    "Drift",
    "Entry",
    "File",
    "Link",
    "compare",
    "digest",
    "holds_files",
    "link_on_the_way",
    "state_of",
    "write",
]

# Left by the interpreter and by file managers: nobody's drift, nobody's edit.
IGNORED_NAMES = frozenset({"__pycache__", ".DS_Store"})
# The user's own, which falsmith links and uses and never writes.
USER_FILES = frozenset({"references/guide.md", "references/defaults.yaml"})
# Written for the user to change: once it was changed, it stays as it is.
SETTINGS = PurePosixPath("queue_config.yaml")
TEMPORARY = ".falsmith-"
FOLDER = "folder"
LEFTOVER_AGE = 3600.0


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
    drift += [Drift("extra", path) for path in _present(folder) if path not in expected]
    return sorted(drift, key=lambda one: (str(one.path), one.kind))


def holds_files(folder: Path) -> bool:
    """Tell whether anything stands in `folder` but the remains of an interrupted first write."""
    return next(_present(folder), None) is not None


def write(files: Sequence[Entry], folder: Path, drift: Sequence[Drift]) -> None:
    """Write the files that `drift`, from `compare`, tells to differ; provenance last.

    A first provenance names both the old and the new digests, so that an interrupted write is
    recognised as falsmith's own and repaired by the next one. Files that an earlier provenance
    lists and that are no longer generated are removed, unless they were edited.

    Raises:
        TargetError: The folder or a file cannot be written, or files that are not falsmith's
            stand where a file or a link has to.

    """
    different = {one.path for one in drift if one.kind != "extra"}
    standing = {one.path for one in drift if one.kind not in ("extra", "missing")}
    before = owned(folder)
    try:
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


def _refuse_foreign(paths: Set[PurePosixPath], folder: Path, before: Owned | None) -> None:
    """Refuse to replace a folder by a file or a link where it holds what is not falsmith's."""
    known = before.states if before is not None else {}
    foreign = [
        str(path / part)
        for path in sorted(paths)
        if (folder / path).is_dir() and not (folder / path).is_symlink()
        for part in _present(folder / path)
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
    # Plain text and calls of the system: tens of thousands of files pass here.
    parent, slash, name = str(file.path).rpartition("/")
    place = f"{folder}/{file.path}"
    temporary = f"{folder}/{parent}{slash}{TEMPORARY}{os.getpid()}-{name}"
    try:
        if isinstance(file, Link):
            Path(temporary).unlink(missing_ok=True)
            os.symlink(file.target, temporary)  # noqa: PTH211
        else:
            _fill(temporary, file)
        os.replace(temporary, place)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _clear(place: Path) -> None:
    """Remove a folder that stands where a file or a link has to; it was found to hold nothing."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)


def _fill(place: str, file: File) -> None:
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
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


def _remove_leftovers(folder: Path) -> None:
    """Remove what writes that were killed an hour ago or earlier left behind."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        old = time.time() - leftover.lstat().st_mtime > LEFTOVER_AGE
        if old and not leftover.is_dir():
            leftover.unlink(missing_ok=True)


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
    inside = (path / part for part in _present(folder / path))
    return all(state_of(folder / part) in known.get(str(part), ()) for part in inside)


def link_on_the_way(folder: Path, path: PurePosixPath) -> PurePosixPath | None:
    """Return the symbolic link among the folders that lead to `path`, if there is one."""
    return next((part for part in path.parents[:-1] if (folder / part).is_symlink()), None)


def _present(folder: Path) -> Iterator[PurePosixPath]:
    """Yield every file and link of `folder` that is not ignored, relative to it."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - IGNORED_NAMES)
        linked = {name for name in folders if Path(root, name).is_symlink()}
        for name in sorted(linked | set(names) - IGNORED_NAMES):
            path = PurePosixPath(Path(root, name).relative_to(folder).as_posix())
            if not name.startswith(TEMPORARY) and str(path) not in USER_FILES:
                yield path
