"""Standard output that may be closed or full: told as an error, never a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fal_runtime.errors import LocalError

__all__ = ["OutputError", "print_out", "printing"]


class OutputError(LocalError):
    """Standard output cannot be written, so an answer cannot be printed either."""

    def __init__(self, reason: str) -> None:
        super().__init__("local_trouble", f"standard output cannot be written: {reason}")


@contextmanager
def printing() -> Iterator[None]:
    """Turn what goes wrong with standard output into an OutputError.

    A reader that has gone away is no error of ours.
    """
    try:
        yield
    except BrokenPipeError:
        _discard_the_rest()
    except OSError as error:
        _discard_the_rest()
        raise OutputError(error.strerror or str(error)) from None


def print_out(text: str) -> None:
    """Print to standard output at once; raises OutputError where it is closed or full."""
    if sys.stdout is None:
        raise OutputError("it is closed")
    with printing():
        print(text, flush=True)


def _discard_the_rest() -> None:
    # The interpreter flushes once more at its end, and would complain there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
