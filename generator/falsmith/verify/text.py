"""What no text of a skill may hold: keys, hidden or encoded content, tokens that steer a chat."""

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
# Keys and tokens of other services, and whatever is assigned to a name or header for secrets.
SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-[A-Za-z0-9_-]{24,}|gh[opsu]_[A-Za-z0-9]{36}|hf_[A-Za-z0-9]{32,}"
    r"|AKIA[0-9A-Z]{16})|-----BEGIN [A-Z ]{0,20}PRIVATE KEY"
    r"|(?:FAL_KEY(?:_ID|_SECRET)?=|(?:API_?KEY|FAL_KEY|SECRET|TOKEN|PASSWORD)[\"']? ?[:=] ?[\"'])"
    r"(?=[^\s\"']{0,60}\d)[A-Za-z0-9+/_:=-]{20,}"
    r"|authorization.{1,20}(?:Key|Bearer|Basic) (?=[^\s\"']{0,60}\d)[A-Za-z0-9+/_:=-]{16,}",
    re.I,
)
# Base64 or hex of more than a digest, where people read: what it does cannot be judged.
ENCODED = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")
READ_BY_PEOPLE = (".md", ".py", ".jinja")
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
        for message in (*_objections(text), *_encoded(path, text))
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
    secret = SECRET.search(text)
    if secret and not key:
        told = "what looks like a key or password: remove it, and revoke it where it is from"
        found.append(f"line {_line(text, secret.start())}: {told}")
    token = TOKEN.search(text)
    if token:
        found.append(f"line {_line(text, token.start())}: a control token of chat models")
    if not text.isascii():
        found += _hidden(text)
    return tuple(found) + _controls(text)


def _encoded(path: str, text: str) -> list[str]:
    found = ENCODED.search(text) if path.endswith(READ_BY_PEOPLE) else None
    if found is None:
        return []
    return [f"line {_line(text, found.start())}: encoded text, which nobody can read: remove it"]


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
