"""What a command shows: one JSON object on stdout, everything for people on stderr."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["say", "show_json", "show_text"]


def show_json(answer: Mapping[str, Any]) -> None:
    """Print the one JSON object, with escapes where stdout cannot carry its characters."""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeError:
        text = json.dumps(answer, indent=2)
    show_text(text)


def show_text(text: str) -> None:
    """Print to stdout; a reader that has gone away is no error of ours."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(line: str) -> None:
    """Print a line to stderr; that nobody can read it must never end a job."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        return
