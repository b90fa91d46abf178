"""What no text of a skill may hold: keys, hidden or encoded content, tokens that steer a chat."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from falsmith.verify.folder import Folder
from falsmith.verify.keys import find_secret
from falsmith.verify.markdown import read_markdown
from falsmith.verify.problem import Problem
from falsmith.verify.provenance import was_generated

__all__ = ["check_text", "encoded_at", "objections_to_value"]

# More than a digest in base64, or bytes in escapes, where people read: nobody can judge it.
ENCODED = re.compile(
    r"[A-Za-z0-9+/_-]{200,}|(?:\\x[0-9a-f]{2}){40,}|(?:\\u[0-9a-f]{4}){40,}|(?:\\[0-7]{2,3}){40,}",
    re.I,
)
READ_BY_PEOPLE = (
    ".md", ".py", ".jinja", ".bash", ".cjs", ".js", ".mjs", ".sh", ".ts", ".zsh",
)  # fmt: skip
# Turn markers of the common chat templates, ASCII and full-width.
MARK = r"<[|\uff5c][^|\uff5c<>\s]{1,40}[|\uff5c]>|<</?SYS>>"
TOKEN = re.compile(
    rf"{MARK}|\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS)\]"
    r"|</?(?:system|assistant|tool_call|function_calls|(?:start|end)_of_turn)>"
    r"|</(?:user|human|s)>|<(?:bos|eos)>",
    re.I,
)
# In code, the others are as often XML, HTML or the index of a list.
MARK_IN_CODE = re.compile(MARK, re.I)
CODE = (
    ".bash", ".cjs", ".css", ".htm", ".html", ".jinja", ".js", ".json", ".mjs", ".py", ".sh",
    ".svg", ".ts", ".xml", ".xsd", ".zsh",
)  # fmt: skip
# agent-scan, W001: words that no description of a model needs.
INJECTION = re.compile(
    r"\b(?:ignore|disregard|forget)\s+(?:(?:all|any|the|your|of)\s+){0,3}"
    r"(?:previous|prior|above|earlier)\s+(?:instructions|prompts|rules)",
    re.I,
)
# A warning quotes the words that it warns of.
QUOTED = re.compile(
    r"\"[^\"\n]{1,200}\"|\u201c[^\u201c\u201d\n]{1,200}\u201d|(?<!\w)'[^'\n]{1,200}'(?!\w)"
)
# Control, format, surrogate, private and separator characters, and what shows as nothing.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f"
    "\uffa0\ufff0-\ufff8\ufffe\uffff\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
VARIANT, NON_JOINER, JOINER, KEYCAP = "\ufe0f", "\u200c", "\u200d", "\u20e3"
# Emoji that Unicode counts among the letters and the dashes.
OTHER_EMOJI = ("\u2139", "\u3030")
VIRAMA = 9


def check_text(folder: Folder) -> list[Problem]:
    """List keys, hidden characters and chat control tokens of every text file."""
    steering = _steering if was_generated(folder) else _steering_of_others
    return [
        Problem(path, message)
        for path, text in folder.texts.items()
        for message in (*_objections(text), *steering(path, text), *_encoded(path, text))
    ]


def objections_to_value(value: object) -> Iterator[str]:
    """Yield what no value of a YAML file may hold: escapes hide it from a look at the file."""
    if isinstance(value, str):
        orders = _orders(QUOTED.sub(" ", value))
        for message in (*_objections(value), *_tokens(TOKEN, value), *orders):
            yield f"{message} (it stands there as an escape)"
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from objections_to_value(part)


def encoded_at(text: str) -> int | None:
    """Return where encoded content starts, None without any; a ruled line is none."""
    for found in ENCODED.finditer(text):
        if found[0][0] == "\\" or sum(map(str.isalnum, found[0])) >= len(found[0]) / 2:
            return found.start()
    return None


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=256)
def _objections(text: str) -> tuple[str, ...]:
    found = []
    secret = find_secret(text)
    if secret:
        place, told = secret
        found.append(f"line {_line(text, place)}: {told}")
    if not text.isascii():
        found += _hidden(text)
    return tuple(found) + _controls(text)


@lru_cache(maxsize=256)
def _steering(_: str, text: str) -> tuple[str, ...]:
    return (*_tokens(TOKEN, text), *_orders(text))


def _steering_of_others(path: str, text: str) -> tuple[str, ...]:
    """Object to what steers a model, except where code shows it or a warning quotes it."""
    if path.endswith(CODE):
        return (*_tokens(MARK_IN_CODE, text), *_orders(QUOTED.sub(" ", text)))
    prose = "\n".join(read_markdown(text).prose) if path.endswith(".md") else text
    tokens = _tokens(MARK_IN_CODE, text) or _tokens(TOKEN, prose)
    return (*tokens, *_orders(QUOTED.sub(" ", prose)))


def _tokens(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    token = pattern.search(text)
    if token is None:
        return ()
    return (f"line {_line(text, token.start())}: a control token of chat models",)


def _orders(text: str) -> tuple[str, ...]:
    order = INJECTION.search(text)
    if order is None:
        return ()
    return (f"line {_line(text, order.start())}: orders that replace the user's own",)


def _encoded(path: str, text: str) -> list[str]:
    place = encoded_at(text) if path.endswith(READ_BY_PEOPLE) else None
    if place is None:
        return []
    return [f"line {_line(text, place)}: encoded text, which nobody can read: remove it"]


def _hidden(text: str) -> list[str]:
    for place, character in enumerate(text):
        if character > "\x7f" and _is_hidden(character) and not _shapes(text, place):
            line = _line(text, place)
            return [f"line {line}: the invisible character U+{ord(character):04X}: remove it"]
    return []


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN_CATEGORIES or bool(HIDDEN.match(character))


def _shapes(text: str, place: int) -> bool:
    """Tell whether a character only shapes what stands beside it."""
    return _is_of_emoji(text, place) or _is_of_script(text, place)


def _is_of_script(text: str, place: int) -> bool:
    """Tell whether a joiner is one of spelling: after a virama, or between Arabic letters."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] not in (NON_JOINER, JOINER) or not before or not after:
        return False
    arabic = all(unicodedata.bidirectional(letter) == "AL" for letter in (before, after))
    # RFC 5892, A.1 and A.2.
    return unicodedata.combining(before) == VIRAMA or (text[place] == NON_JOINER and arabic)


def _is_of_emoji(text: str, place: int) -> bool:
    """Tell whether a character only shapes or joins the emoji beside it."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] == VARIANT:
        return after == KEYCAP or _is_symbol(before)
    joined = before == VARIANT or _is_symbol(before)
    return text[place] == JOINER and joined and _is_symbol(after)


def _is_symbol(character: str) -> bool:
    kind = unicodedata.category(character) if character > "\x7f" else ""
    return kind in ("So", "Sk", "Sm", "Po") or character in OTHER_EMOJI


def _controls(text: str) -> tuple[str, ...]:
    control = re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text.replace("\r\n", "\n"))
    if control is None:
        return ()
    return (f"holds the control character U+{ord(control[0]):04X}: remove it",)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
