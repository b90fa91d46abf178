"""The local files that an input names, in its file fields only."""

import codecs
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fal_runtime.errors import Problem
from fal_runtime.json_text import Value
from fal_runtime.paths import reason
from fal_runtime.schema.describe import path_text
from fal_runtime.schema.document import Location, SchemaDocument
from fal_runtime.text import closest, short_json

_EXPECTED = "an http(s) URL, a data: URI or the path of a file on this machine"
# What a field of each kind surely cannot use. Sound is taken from videos as well, and an animated
# GIF serves as a video.
_UNFIT = {
    "image": ("audio", "3d", "archive", "video", "text"),
    "video": ("image", "3d", "archive", "text"),
    "audio": ("image", "3d", "archive", "text"),
    "3d": ("image", "audio", "video"),
}
_LONGEST_PATH = 4096
_MEGABYTE = 1 << 20
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine that an input names, and where in the input."""

    location: Location
    path: Path


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file field whose value is no file; `missing` when it is a path that cannot be read."""

    location: Location
    problem: Problem
    missing: bool


def find_local_files(
    value: Value, document: SchemaDocument, *, check: bool, folder: Path | None = None
) -> tuple[list[LocalFile], list[FileProblem]]:
    """Return the local files of an input and what is wrong with its file fields.

    A choice, constant or default of the schema is none, whole or in parts: strangers wrote it, and
    what it names is no file that the user gave. With `check` each file must be there and readable,
    and keep to the limits that the schema states; without, the disk is only asked whether a text
    that may be no file at all (`x-words`) names one: relative to `folder`.
    """
    files: list[LocalFile] = []
    problems: list[FileProblem] = []
    named: Location | None = None
    for location, text, schemas in document.visit(value):
        if named is not None and location[: len(named)] == named:
            continue
        kinds = document.file_kinds(schemas) if isinstance(text, str) else []
        if not kinds and not isinstance(text, dict | list):
            continue
        choices = document.choices(schemas)
        if text in [*choices, *document.defaults(schemas)]:
            named = location
            continue
        if not kinds:
            continue
        try:
            words = document.takes_words(schemas)
            path = _named_file(text, kinds, folder) if words else _local_path(text)
            if path is not None:
                _check_kind(path, kinds)
                if check:
                    if "archive" in kinds and path.is_dir():
                        why = f"{path} is a folder: pack its files into a zip, and give that"
                        raise _NotAFileError(why, missing=True)
                    path = readable_file(path)
                    _refuse_text(path, kinds)
                    _check_limits(path, document.file_limits(schemas))
                files.append(LocalFile(location, path))
        except _NotAFileError as error:
            expected = f"{_EXPECTED}; {error}" if error.missing else str(error)
            near = closest(text, [each for each in choices if isinstance(each, str)])
            problem = Problem(path_text(location), short_json(text), expected, near)
            problems.append(FileProblem(location, problem, error.missing))
    return files, problems


def readable_file(path: Path) -> Path:
    """Return a readable file's absolute path, or raise ValueError that says why there is none."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - `..` is taken out, links stay as named
    try:
        if whole.is_dir():
            wrong = f"{whole} is a folder"
        elif whole.exists() and not whole.is_file():
            wrong = f"{whole} is no regular file"
        else:
            whole.open("rb").close()
            if whole.stat().st_size:
                return whole
            wrong = f"{whole} is empty (0 bytes)"
    except FileNotFoundError:
        wrong = f"there is no file {whole}"
    except (OSError, ValueError) as error:
        wrong = f"{whole} cannot be read: {reason(error)}"
    raise _NotAFileError(wrong, missing=True)


class _NotAFileError(ValueError):
    def __init__(self, why: str, *, missing: bool = False) -> None:
        super().__init__(why)
        self.missing = missing


def _check_kind(path: Path, kinds: list[str]) -> None:
    """Raise where the file's extension is of a kind that none of the field's kinds can use."""
    from fal_runtime.file_kinds import extension_of, kind_of

    extension = extension_of(path.name)
    came = kind_of("", path.name) if extension not in ("", "gif") else ""
    if all(came in _UNFIT.get(kind, ()) for kind in kinds):
        raise _NotAFileError(f"a file of kind {' or '.join(kinds)}; .{extension} is of kind {came}")


def _refuse_text(path: Path, kinds: list[str]) -> None:
    """Raise where a file of no known ending is plain text, and no picture, film or sound.

    So are keys and settings, which nobody means to send.
    """
    from fal_runtime.file_kinds import extension_of

    if extension_of(path.name) or not all("text" in _UNFIT.get(kind, ()) for kind in kinds):
        return
    with path.open("rb") as file:
        start = file.read(1024)
    try:
        # The last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return
    if b"\0" not in start:
        raise _NotAFileError(f"a file of kind {' or '.join(kinds)}; {path.name} is a text")


def _check_limits(path: Path, limits: Mapping[str, Any]) -> None:
    """Raise where a file breaks one of its field's limits (`x-file-limits`).

    What its headers do not tell is left to the server.
    """
    if not limits:
        return
    from fal_runtime.file_headers import read_headers
    from fal_runtime.file_kinds import extension_of

    with path.open("rb") as file:
        headers = read_headers(file)
    size, most = path.stat().st_size, limits.get("max_bytes")
    formats, extension, broken = limits.get("formats"), extension_of(path.name), None
    if isinstance(most, int) and size > most:
        broken = f"a file of {most / _MEGABYTE:.3g} MB at most; it has {size / _MEGABYTE:.3g} MB"
    elif isinstance(formats, list) and extension and extension not in formats:
        broken = f"a file of the formats {', '.join(map(str, formats))}; it is a .{extension}"
    elif headers.width and headers.height:
        # It may be meant to be turned: it breaks a limit only where it does so both ways.
        turned = _broken_by_sides(headers.height, headers.width, limits)
        broken = turned and _broken_by_sides(headers.width, headers.height, limits)
    if broken is None and headers.duration:
        broken = _broken("duration", headers.duration, limits, 0.1, " s")
    if broken is not None:
        raise _NotAFileError(broken)


def _broken_by_sides(width: int, height: int, limits: Mapping[str, Any]) -> str | None:
    return (
        _broken("width", width, limits, 1, " px")
        or _broken("height", height, limits, 1, " px")
        or _broken("pixels", width * height, limits, 1)
        or _broken("aspect_ratio", width / height, limits, 0.01)
    )


def _broken(
    name: str, value: float, limits: Mapping[str, Any], least: float, unit: str = ""
) -> str | None:
    """Return the limit that a measure breaks by the `least` that counts, in words."""
    for bound, sign in (("min", 1), ("max", -1)):
        limit = limits.get(f"{bound}_{name}")
        if isinstance(limit, int | float) and (limit - value) * sign >= least:
            words = f"a {bound}imum {name.replace('_', ' ')} of {_figure(limit)}{unit}"
            return f"a file with {words}; it has {_figure(value)}{unit}"
    return None


def _figure(value: float) -> str:
    return f"{round(value, 2):,}".removesuffix(".0")


def _named_file(text: str, kinds: list[str], folder: Path | None) -> Path | None:
    """Return the file that a text names in a field that takes words as well, else None.

    A text that plainly is a path is one whether the file is there or not.
    """
    from fal_runtime.file_kinds import extension_of

    lower = text[:8].lower()
    if lower.startswith(("data:", "http://", "https://", "file:", "from:", "@")):
        return _local_path(text)
    if not text.strip() or len(text) > _LONGEST_PATH or not text.isprintable() or "://" in text:
        return None
    try:
        path = Path(text).expanduser()
        place = folder / path if folder is not None else path
        is_there, is_beside = place.is_file(), place.parent.is_dir()
    except (OSError, RuntimeError, ValueError):
        return None
    known = "" if any(map(str.isspace, text)) else extension_of(text)
    # A repository may have a file of that name, and be meant; its folder is not on this machine.
    plainly = known and (is_beside or "/" not in text or kinds != ["file"])
    if is_there or plainly or text.startswith(("/", "./", "../", "~/")):
        return path
    return None


def _local_path(text: str) -> Path | None:
    """Return the path that a file field's text means, None for a link."""
    lower = text[:8].lower()
    if lower.startswith("data:"):
        if "," not in text:
            raise _NotAFileError(f"{_EXPECTED}; a data: URI reads data:image/png;base64,...")
        return None
    if lower.startswith(("http://", "https://")):
        if not text.split("://", 1)[1].strip("/ "):
            raise _NotAFileError(f"{_EXPECTED}; the URL has no host")
        return None
    if lower.startswith("file:"):
        return _from_file_url(text)
    if lower.startswith("from:"):
        raise _NotAFileError(f"{_EXPECTED}; from: is not understood: give that file's link or path")
    scheme = _SCHEME.match(text)
    if scheme is not None:
        raise _NotAFileError(f"{_EXPECTED}; {scheme[1]}:// links cannot be fetched")
    name = text.removeprefix("@")
    if not name.strip() or len(name) > _LONGEST_PATH or not name.isprintable():
        raise _NotAFileError(_EXPECTED)
    try:
        return Path(name).expanduser()
    except RuntimeError:  # ~someone who does not exist
        return Path(name)


def _from_file_url(text: str) -> Path:
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(text)
    except ValueError:
        raise _NotAFileError(_EXPECTED) from None
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise _NotAFileError(f"{_EXPECTED}; a file:// URL reads file:///folder/name")
    path = unquote(parts.path)
    on_windows = os.name == "nt" and re.match(r"/[A-Za-z]:", path)
    return Path(path[1:] if on_windows else path)
