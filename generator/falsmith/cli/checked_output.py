"""Standard output for every command, whoever prints: closed or full, it ends the command."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from fal_runtime.output.standard_output import printing, unwritable

__all__ = ["checked_output"]


@contextmanager
def checked_output() -> Iterator[None]:
    """Make standard output raise OutputError where it cannot be written, also at the end."""
    before = sys.stdout
    if isinstance(before, io.TextIOWrapper):
        # A terminal of few characters shows the others as escapes, not a traceback.
        before.reconfigure(errors="backslashreplace")
    sys.stdout = cast(TextIO, _Closed() if before is None else _Checked(before))
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = before


class _Closed(io.StringIO):
    """Stands where the process was started without a standard output."""

    def write(self, _text: str) -> int:
        raise unwritable("it is closed")


class _Checked:
    """A stream like the one it is given, but for the errors of writing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        found: object = getattr(self._stream, name)
        return found

    def write(self, text: str) -> int:
        if text == "":  # Click tries streams with it, and would swallow the error.
            return 0
        with printing(self._stream):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with printing(self._stream):
            self._stream.flush()
