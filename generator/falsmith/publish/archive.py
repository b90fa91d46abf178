"""Zip archives of the same bytes on every machine and day, and what is in one."""

import io
import stat
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from fal_runtime.errors import FalError
from falsmith.skill.tree import File

__all__ = ["archive", "read_archive"]

# The first day that a zip archive can name.
DATE = (1980, 1, 1, 0, 0, 0)
# Who wrote it: 3 is Unix, whose modes then count.
UNIX = 3


def archive(files: Sequence[File]) -> bytes:
    """Return the zip archive of `files`: stored as they are, sorted, with fixed dates and modes.

    It is read back and compared with what went in.
    """
    entries = tuple(sorted(files, key=lambda one: str(one.path)))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as target:
        for file in entries:
            entry = zipfile.ZipInfo(str(file.path), DATE)
            entry.create_system = UNIX
            entry.external_attr = (stat.S_IFREG | (0o755 if file.executable else 0o644)) << 16
            target.writestr(entry, file.content)
    if read_archive(content.getvalue()) != entries:
        raise FalError("internal_error", "an archive does not hold what was put into it")
    return content.getvalue()


def read_archive(content: bytes) -> tuple[File, ...]:
    """Return the files of an archive, in its order; their checksums are compared."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        return tuple(
            File(
                PurePosixPath(entry.filename),
                source.read(entry),
                executable=bool(entry.external_attr >> 16 & stat.S_IXUSR),
            )
            for entry in source.infolist()
        )
