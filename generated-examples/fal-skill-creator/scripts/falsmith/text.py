"""Cleaning of upstream text, done once, where it enters: it is untrusted as code and as words."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

from falsmith.documents import Json

__all__ = [
    "HIDDEN",
    "clean_data",
    "clean_text",
    "counted",
    "has_control_token",
    "is_plain",
    "is_visible",
    "one_line",
    "replace_control_tokens",
    "shorten",
]

# Chat templates of language models mark turns with such tokens. Two patterns, because one that
# begins with a single character is searched for many times as fast.
ANGLED = re.compile(
    r"<(?:[|\uff5c][^<>|\uff5c\n]{0,60}[|\uff5c]|/?(?:system|assistant|user|human|tool_call"
    r"|function_calls|start_of_turn|end_of_turn)|(?-i:s)|/s|bos|eos|</?SYS>)>",
    re.IGNORECASE,
)
BRACKETED = re.compile(r"\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS)\]", re.IGNORECASE)
# Characters of no control category that show as nothing: joiners, fillers, variation selectors.
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
SPACES = {0x09: 0x20, 0x0D: 0x0A, 0x85: 0x0A, 0x2028: 0x0A, 0x2029: 0x0A}


# The catalogue says the same of the same field in hundreds of documents.
@lru_cache(maxsize=4096)
def clean_text(text: str) -> str:
    """Return `text` without anything that is invisible or that a language model obeys.

    Control characters, format characters (bidirectional marks, zero width, tags), surrogates,
    private and unassigned ones go, and all that shows as nothing; line ends become newlines;
    chat control tokens go, also those that only their removal would form. The docstring's
    indentation goes.
    """
    visible = text if text.isascii() and text.isprintable() else _visible(text)
    while has_control_token(visible):
        visible = replace_control_tokens(visible, lambda _: "")
    return "\n".join(line.strip() for line in visible.strip().split("\n"))


def has_control_token(text: str) -> bool:
    """Tell whether a chat template would take part of `text` for a mark of its own."""
    return bool(ANGLED.search(text) or BRACKETED.search(text))


def replace_control_tokens(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """Return `text` with each chat control token replaced by what `replacement` makes of it."""
    return BRACKETED.sub(replacement, ANGLED.sub(replacement, text))


def is_visible(text: str) -> bool:
    """Tell whether every character of `text` shows, and none begins a line."""
    return text.isprintable() and (text.isascii() or not HIDDEN.search(text))


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 skill`, `2 skills`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def is_plain(text: str) -> bool:
    """Tell whether all of `text` is visible and on one line, and nothing a control token."""
    return is_visible(text) and not has_control_token(text)


def clean_data(value: Json) -> Json:
    """Return an example value with every text in it cleaned; names of fields stay as they are."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_data(item) for item in value]
    if isinstance(value, Mapping):
        return {key: clean_data(item) for key, item in value.items()}
    return value


def one_line(text: str) -> str:
    """Return cleaned `text` with every run of white space as one blank."""
    return " ".join(clean_text(text).split())


@lru_cache(maxsize=4096)
def shorten(text: str, limit: int) -> str:
    """Return the first sentence of cleaned `text` on one line, cut at a word beyond `limit`."""
    sentence = one_line(re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])|\n\n", text, maxsplit=1)[0])
    if len(sentence) <= limit:
        return sentence
    return sentence[: limit - 3].rsplit(" ", 1)[0].rstrip(" ,;:(-") + "..."


def _visible(text: str) -> str:
    spaced = HIDDEN.sub("", text.replace("\r\n", "\n").translate(SPACES))
    return "".join(char for char in spaced if char == "\n" or unicodedata.category(char)[0] != "C")
