"""What no text of a skill may hold: keys, characters that hide, tokens that steer a chat model."""

import re
import unicodedata
from functools import lru_cache

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem

__all__ = ["check_text"]

# fal's keys: a UUID, a colon, 32 hex digits.
KEY = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{32}(?![0-9a-f])", re.I
)
# Turn markers of the common chat templates, ASCII and full-width.
TOKEN = re.compile(
    r"<[|\uff5c][^|\uff5c<>\s]{1,40}[|\uff5c]>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>", re.I
)
# Control, format, surrogate, private and separator characters, and what shows as nothing.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
SUPPLEMENT = range(0xE0000, 0xE1000)


def check_text(folder: Folder) -> list[Problem]:
    """List keys, hidden characters and chat control tokens of every text file."""
    return [
        Problem(path, message)
        for path, text in folder.texts.items()
        for message in _objections(text)
    ]


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=256)
def _objections(text: str) -> tuple[str, ...]:
    found = []
    key = KEY.search(text)
    if key:
        told = (
            "what looks like a fal key: remove it, and revoke it at https://fal.ai/dashboard/keys"
        )
        found.append(f"line {_line(text, key.start())}: {told}")
    token = TOKEN.search(text)
    if token:
        found.append(f"line {_line(text, token.start())}: a control token of chat models")
    if not text.isascii():
        found += _hidden(text)
    return tuple(found) + _controls(text)


def _hidden(text: str) -> list[str]:
    for place, character in enumerate(text):
        if character > "\x7f" and _is_hidden(character):
            line = _line(text, place)
            return [f"line {line}: the invisible character U+{ord(character):04X}: remove it"]
    return []


def _is_hidden(character: str) -> bool:
    return (
        unicodedata.category(character) in HIDDEN_CATEGORIES
        or character in HIDDEN
        or ord(character) in SUPPLEMENT
    )


def _controls(text: str) -> tuple[str, ...]:
    control = re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text.replace("\r\n", "\n"))
    if control is None:
        return ()
    return (f"holds the control character U+{ord(control[0]):04X}: remove it",)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
