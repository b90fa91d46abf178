"""A generated tree as values, and the one place that writes it, file by atomic replace."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from falsmith.documents import Json, load_json
from falsmith.errors import DocumentError, TargetError

__all__ = [
    "PROVENANCE",
    "Drift",
    "File",
    "Owned",
    "compare",
    "digest",
    "holds_files",
    "links",
    "owned",
    "write",
]

PROVENANCE = PurePosixPath("references/provenance.json")
# Left by the interpreter and by file managers: nobody's drift, nobody's edit.
IGNORED_NAMES = frozenset({"__pycache__", ".DS_Store"})
# The user's own, which falsmith links and uses and never writes.
USER_FILES = frozenset({"references/guide.md", "references/defaults.yaml"})
TEMPORARY = ".falsmith-"
LEFTOVER_AGE = 3600.0


@dataclass(frozen=True, slots=True)
class File:
    """One file of a skill: its path inside, its bytes, whether it can be executed."""

    path: PurePosixPath
    content: bytes
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between the files that should be there and the folder."""

    kind: Literal["missing", "stale", "extra", "edited", "mode"]
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Owned:
    """What a folder's provenance says: whose skill it is, and the digests falsmith wrote."""

    model_id: str
    digests: Mapping[str, frozenset[str]]


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def owned(folder: Path) -> Owned | None:
    """Return what the provenance of `folder` says, or None where there is none to be read."""
    try:
        told = load_json((folder / PROVENANCE).read_bytes(), PROVENANCE.name)
    except (OSError, DocumentError):
        return None
    if not isinstance(told, dict) or not isinstance(told.get("model_id"), str):
        return None
    digests: dict[str, frozenset[str]] = {}
    for key in ("files", "writing"):
        for path, value in _texts(told.get(key)):
            digests[path] = digests.get(path, frozenset()) | {value}
    return Owned(told["model_id"], digests)


def compare(files: Sequence[File], folder: Path) -> list[Drift]:
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


def links(folder: Path) -> list[PurePosixPath]:
    """Return every symbolic link below `folder`, whatever it leads to, relative to it."""
    found = (place for place in folder.rglob("*") if place.is_symlink())
    return sorted(PurePosixPath(place.relative_to(folder).as_posix()) for place in found)


def write(files: Sequence[File], folder: Path, drift: Sequence[Drift]) -> None:
    """Write the files that `drift`, from `compare`, tells to differ; provenance last.

    A first provenance names both the old and the new digests, so that an interrupted write is
    recognised as falsmith's own and repaired by the next one. Files that an earlier provenance
    lists and that are no longer generated are removed, unless they were edited.

    Raises:
        TargetError: The folder or a file cannot be written.

    """
    different = {one.path for one in drift if one.kind != "extra"}
    try:
        if different:
            _write(files, folder, different)
    except OSError as error:
        raise TargetError(
            "local_trouble",
            f"cannot write {error.filename or folder}: {error.strerror or error}. "
            "Free the place, or choose another folder with --output DIR.",
        ) from error


def _write(files: Sequence[File], folder: Path, different: Set[PurePosixPath]) -> None:
    before = owned(folder)
    provenance = next(file for file in files if file.path == PROVENANCE)
    if before is not None:
        _remove_leftovers(folder)
    _make_folders(files, folder)
    _replace(folder, File(PROVENANCE, _intent(provenance, before)))
    for file in files:
        if file.path in different and file is not provenance:
            _replace(folder, file)
    _remove_retired(files, folder, before)
    _replace(folder, provenance)


def _intent(provenance: File, before: Owned | None) -> bytes:
    """Return a provenance that owns the files of before and after, until the write is complete."""
    told: dict[str, Json] = load_json(provenance.content, PROVENANCE.name)
    old = before.digests if before is not None else {}
    told["writing"] = told["files"]
    told["files"] = {path: sorted(digests) for path, digests in old.items()}
    return json.dumps(told).encode()


def _remove_retired(files: Sequence[File], folder: Path, before: Owned | None) -> None:
    expected = {str(file.path) for file in files}
    for path, digests in (before.digests if before is not None else {}).items():
        place = folder / path
        inside = PurePosixPath(path)
        if path in expected or inside.is_absolute() or ".." in inside.parts:
            continue
        if _has_link(folder, inside) or not place.is_file():
            continue
        if digest(place.read_bytes()) in digests:
            place.unlink()


def _replace(folder: Path, file: File) -> None:
    place = os.path.join(folder, file.path)  # noqa: PTH118 - tens of thousands of files pass here
    parent, name = os.path.split(place)
    temporary = os.path.join(parent, f"{TEMPORARY}{os.getpid()}-{name}")  # noqa: PTH118
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(temporary, flags, 0o777 if file.executable else 0o666)
    try:
        with os.fdopen(handle, "wb", buffering=0) as stream:
            stream.write(file.content)
        os.replace(temporary, place)  # noqa: PTH105
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _make_folders(files: Sequence[File], folder: Path) -> None:
    """Make the folders of `files`; a link among them goes, so that nothing leaves `folder`."""
    for part in sorted({part for file in files for part in file.path.parents}):
        place = folder / part
        if place != folder and place.is_symlink():
            place.unlink()
        place.mkdir(parents=True, exist_ok=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove what writes that were killed an hour ago or earlier left behind."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        old = time.time() - leftover.lstat().st_mtime > LEFTOVER_AGE
        if old and not leftover.is_dir():
            leftover.unlink(missing_ok=True)


def _drift(file: File, folder: Path, before: Owned | None) -> Drift | None:
    place = folder / file.path
    if _has_link(folder, file.path):
        return Drift("edited", file.path)
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        return Drift("missing", file.path)
    except (IsADirectoryError, NotADirectoryError):
        return Drift("edited", file.path)
    except OSError as error:
        raise TargetError("local_trouble", f"cannot read {place}: {error.strerror}") from error
    if content != file.content:
        known = before.digests.get(str(file.path), frozenset()) if before is not None else ()
        ours = file.path == PROVENANCE or digest(content) in known
        return Drift("stale" if ours else "edited", file.path)
    mode = place.stat().st_mode
    return Drift("mode", file.path) if file.executable and not mode & 0o100 else None


def _has_link(folder: Path, path: PurePosixPath) -> bool:
    """Tell whether a symbolic link stands at `path` or on the way to it: never falsmith's own."""
    places = (folder / part for part in (*path.parents, path))
    return any(place.is_symlink() for place in places)


def _present(folder: Path) -> Iterator[PurePosixPath]:
    """Yield every file and link of `folder` that is not ignored, relative to it."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - IGNORED_NAMES)
        linked = {name for name in folders if Path(root, name).is_symlink()}
        for name in sorted(linked | set(names) - IGNORED_NAMES):
            path = PurePosixPath(Path(root, name).relative_to(folder).as_posix())
            if not name.startswith(TEMPORARY) and str(path) not in USER_FILES:
                yield path


def _texts(value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        listed = ((k, v if isinstance(v, list) else [v]) for k, v in value.items())
        yield from ((k, one) for k, several in listed for one in several if isinstance(one, str))
