"""Text of others made safe to show: nothing invisible, no mark of a chat, cut where it is long."""

import json
import re
from collections.abc import Iterable
from functools import lru_cache

from fal_runtime.json_text import Value

# Chat templates of language models mark turns with such tokens. Two patterns, because one that
# begins with a single character is searched for many times as fast.
ANGLED = re.compile(
    r"<(?:[|\uff5c][^<>|\uff5c\n]{0,60}[|\uff5c]|/?(?:system|assistant|user|human|tool_call"
    r"|function_calls|start_of_turn|end_of_turn)|(?-i:s)|/s|bos|eos|</?SYS>)>",
    re.IGNORECASE,
)
# All of one case: a song is marked with [Inst] where no one sings.
_BRACKETED_WORDS = "INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS"
BRACKETED = re.compile(rf"\[/?(?-i:{_BRACKETED_WORDS}|{_BRACKETED_WORDS.lower()})\]")
_LONGEST_TOKEN = 64
_TOKEN_AT_END = re.compile(rf"(?:{ANGLED.pattern}|{BRACKETED.pattern})\Z", re.IGNORECASE)
# Each ends where a token may end.
_PIECES = re.compile(r"[^>\]]*[>\]]?")
# Characters of no control category that show as nothing: joiners, fillers, variation selectors.
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
_SPACES = {0x09: 0x20, 0x0D: 0x0A, 0x85: 0x0A, 0x2028: 0x0A, 0x2029: 0x0A}


# The catalogue says the same of the same field in hundreds of documents.
@lru_cache(maxsize=16_384)
def clean_text(text: str) -> str:
    """Return `text` without anything that is invisible or that a language model obeys.

    Control characters, format characters (bidirectional marks, zero width, tags), surrogates,
    private and unassigned ones go, and all that shows as nothing; line ends become newlines;
    chat control tokens go, also those that only their removal would form. The docstring's
    indentation goes. The time that it takes grows as the text does.
    """
    visible = text if text.isascii() and text.isprintable() else _visible(text)
    if has_control_token(visible):
        visible = _without_tokens(visible)
    return "\n".join(line.strip() for line in visible.strip().split("\n"))


def one_line(text: str, limit: int | None = None) -> str:
    """Return cleaned `text` with every run of white space as one blank, cut at `limit`."""
    if limit is None:
        return " ".join(clean_text(text).split())
    return cut(" ".join(clean_text(text[: 4 * limit]).split()), limit)


def cut(text: str, limit: int) -> str:
    """Return `text`, at most `limit` characters of it; what is cut ends in three dots."""
    return text if len(text) <= limit else f"{text[: max(limit - 3, 0)]}..."


def short_json(value: Value, limit: int = 60) -> str:
    """Return a value as JSON, cut; of a data: URI only the size, its content is never shown."""
    if isinstance(value, str) and value[:5].lower() == "data:":
        return f"a data: URI of {len(value):,} characters"
    text = value[: limit + 1] if isinstance(value, str) else value
    if isinstance(value, list | dict) and "data:" in (whole := json.dumps(value).lower()):
        return (
            f"{'a list' if isinstance(value, list) else 'an object'} of {len(whole):,} characters"
        )
    return cut(one_line(json.dumps(text, ensure_ascii=False, default=str)), limit)


def is_visible(text: str) -> bool:
    """Return whether every character of `text` shows, and none begins a line."""
    return text.isprintable() and (text.isascii() or not HIDDEN.search(text))


def printable_lines(text: str) -> str:
    """Return lines for people, with escapes for what a terminal would obey or not show."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in "\n\t"
        else character.encode("unicode_escape").decode()
        for character in text
    )


def has_control_token(text: str) -> bool:
    """Return whether a chat template would take part of `text` for a mark of its own."""
    return bool(ANGLED.search(text) or BRACKETED.search(text))


def closest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the name that is most like the given one, None when none is alike by `cutoff`."""
    plain = {_plain(each): each for each in reversed(list(names))}
    if len(name) > 100:
        return None
    # Only who mistyped a name waits for the import.
    import difflib

    alike = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[alike[0]] if alike else None


def _visible(text: str) -> str:
    spaced = HIDDEN.sub("", text.replace("\r\n", "\n").translate(_SPACES))
    # Blanks beyond ASCII, such as U+00A0, are not printable to Python; those below are controls.
    hidden = [
        character
        for character in set(spaced) - {"\n"}
        if not (character.isprintable() or (character.isspace() and character > "\x9f"))
    ]
    return spaced.translate(dict.fromkeys(map(ord, hidden)))


def _without_tokens(text: str) -> str:
    """Return `text` without tokens; what is left never joins to a new one."""
    kept: list[str] = []
    for piece in _PIECES.findall(text):
        kept += piece
        # A token ends in the last character or nowhere: all before was looked at.
        token = _TOKEN_AT_END.search("".join(kept[-_LONGEST_TOKEN:]))
        if token is not None:
            del kept[-len(token[0]) :]
    return "".join(kept)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
