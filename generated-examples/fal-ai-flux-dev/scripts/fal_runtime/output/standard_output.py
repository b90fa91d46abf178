"""Standard output that may be closed or full: an error of its own, never a traceback."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from fal_runtime.errors import LocalError
from fal_runtime.paths import reason


class OutputError(LocalError):
    """Standard output cannot be written, so an answer cannot be printed either."""


@contextmanager
def printing(stream: TextIO) -> Iterator[None]:
    """Turn what goes wrong with standard output into an OutputError.

    A reader that has gone away is no error of ours.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_the_rest(stream)
    except OSError as error:
        _discard_the_rest(stream)
        raise unwritable(reason(error)) from None


def unwritable(why: str) -> OutputError:
    """Return the error of a standard output that cannot be written."""
    return OutputError("local_trouble", f"standard output cannot be written: {why}")


def print_out(text: str, stream: TextIO | None) -> None:
    """Print to standard output at once; raises OutputError where it is closed or full."""
    if stream is None:
        raise unwritable("it is closed")
    encoding = getattr(stream, "encoding", None) or "utf-8"
    with printing(stream):
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


def json_text(value: Mapping[str, Any], stream: TextIO | None) -> str:
    """Return the JSON to print: readable, with escapes for what steers or breaks the stream."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    plain = text if text.replace("\n", "").isprintable() else "".join(map(_escaped, text))
    try:
        plain.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeError:
        return json.dumps(value, indent=2, allow_nan=False)
    return plain


def _escaped(character: str) -> str:
    # Line breaks stand between values only; those inside are escaped already.
    if character.isprintable() or character == "\n":
        return character
    return json.dumps(character)[1:-1]


def _discard_the_rest(stream: TextIO) -> None:
    # The interpreter flushes once more at its end, and would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
