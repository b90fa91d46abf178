"""Names and places on this machine: which names are safe, and errors that name the place."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from fal_runtime.errors import LocalError
from fal_runtime.text import one_line

_LONGEST_NAME = 120
# Device names of Windows, with any extension.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(text: str) -> str:
    """Return a base name that every file system takes: no separators, no leading dots, not long."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:_LONGEST_NAME].strip("._") or "file"
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def is_below(name: str) -> bool:
    """Whether a relative name leads to a file below its folder, on every system."""
    paths = (PurePosixPath(name), PureWindowsPath(name))
    if any(path.anchor or ".." in path.parts for path in paths):
        return False
    return bool(paths[0].name) and name.isprintable() and not name.endswith(("/", "\\"))


@contextmanager
def local_trouble(place: Path) -> Iterator[None]:
    """Turn an error of the file system into a LocalError that names the place."""
    try:
        yield
    except OSError as error:
        shown = one_line(str(place.absolute()))
        text = f"{shown} cannot be written or read: {reason(error)}"
        raise LocalError("local_trouble", text) from None


def reason(error: Exception) -> str:
    """Return what an error says, one of the file system without number and place."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def content_of(file: Path, most: int = -1) -> bytes:
    """Return the content of a regular file, or its first bytes; raises OSError for any other.

    A pipe of this name would be waited for without end.
    """
    if file.exists() and not file.is_file():
        raise OSError(0, "it is no regular file")
    with file.open("rb") as opened:
        return opened.read(most)


def take_lock(file: BinaryIO, *, wait: bool, shared: bool = False) -> bool:
    """Lock a file until it is closed, be it by the end of the process; False: it is locked.

    A `shared` lock is for who only looks: others who look may have it at the same time.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
    else:
        import fcntl

        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
