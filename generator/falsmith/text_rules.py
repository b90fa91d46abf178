"""What may stand in no file of a skill, whoever wrote it; `verify` lists it.

Keys, downloads that are run, hidden characters and chat tokens.
"""

import re
import unicodedata
from functools import lru_cache

from fal_runtime.text import cut
from falsmith.steering import FAL_KEY, SECRET

__all__ = ["MARK", "TOKEN", "matches", "plain_objections"]

DASHBOARD = "https://fal.ai/dashboard/keys"
FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
SHELL = r"(?:ba|z|da|k|fi)?sh"
# With a script, a module or a line of code to run, what an interpreter is given is data.
SCRIPT = r"\s+(?:-[uBq]\s+){0,2}[\"']?(?!-)[\w./~${}-]{1,200}\.\w"
PROGRAM = (
    r"(?:(?:sudo|env)\s+(?:(?:-u\s+\S+|-\S+|\w+=\S*)\s+){0,4})?"
    rf"(?:\S{{0,100}}/)?(?:{SHELL}\b(?!{SCRIPT})|(?:iex|invoke-expression|pwsh|powershell)\b"
    rf"|(?:python[0-9.]{{0,5}}|node|perl|ruby|php)\b(?!\s+-\w{{0,5}}[cemnp]|{SCRIPT}))"
)
DOWNLOAD_RUN = re.compile(
    # Up to the next one of its kind: of thousands in a line each is read once.
    rf"{FETCH}(?:(?!{FETCH})[^\n;|]){{0,300}}(?:\|[^\n;|]{{0,100}}){{0,3}}?\|&?\s{{0,20}}{PROGRAM}"
    rf"|(?:\beval|\bsource|\biex|\b{SHELL}(?:\s+-\w{{1,3}})?)\s+[\"']?(?:\$\(|`|<\(|\()\s{{0,20}}{FETCH}",
    re.I,
)
CONTINUED = re.compile(r"\\\n\s*")
SHELL_TRUE = re.compile(r"\bshell\s*=\s*True\b")
# Turn markers of the common chat templates, ASCII and full-width.
MARK = r"<[|\uff5c][^|\uff5c<>\s]{1,40}[|\uff5c]>|<</?SYS>>"
TOKEN = re.compile(
    # All of one case: a song is marked with [Inst] where no one sings.
    rf"{MARK}|\[/?(?-i:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|inst|sys|available_tools|tool_calls)\]"
    r"|</?(?:system|assistant|tool_call|function_calls|(?:start|end)_of_turn)>"
    r"|</(?:user|human|s)>|<(?:bos|eos)>",
    re.I,
)
# Control, format, surrogate, private and separator characters, and what shows as nothing.
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f"
    "\uffa0\ufff0-\ufff8\ufffe\uffff\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
VARIANT, NON_JOINER, JOINER, KEYCAP = "\ufe0f", "\u200c", "\u200d", "\u20e3"
# Emoji that Unicode counts among the letters and the dashes.
OTHER_EMOJI = ("\u2139", "\u3030")
VIRAMA = 9


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=512)
def plain_objections(text: str, is_python: bool) -> tuple[str, ...]:
    """Return what is wrong with a file's text, whoever wrote it, line by line."""
    revoke = f"what looks like a fal key: remove it, and revoke it at {DASHBOARD}"
    found = matches(FAL_KEY, text, revoke) or matches(
        SECRET, text, "what looks like a key or password: remove it, and revoke it where it is from"
    )
    run = DOWNLOAD_RUN.search(CONTINUED.sub(" ", text))
    if run is not None:
        found.append(f"runs what it downloads, unread: {cut(ascii(run[0]), 80)}")
    if is_python:
        found += matches(SHELL_TRUE, text, "starts a shell: run a list of words without one")
    if not text.isascii():
        found += _hidden(text)
    control = CONTROL.search(text)
    if control is not None:
        found.append(f"holds the control character U+{ord(control[0]):04X}: remove it")
    return tuple(found)


def matches(pattern: re.Pattern[str], text: str, message: str) -> list[str]:
    """Return the message with the line of the first match, nothing without one."""
    match = pattern.search(text)
    line = 0 if match is None else text.count("\n", 0, match.start()) + 1
    return [f"line {line}: {message}"] if line else []


def _hidden(text: str) -> list[str]:
    for place, character in enumerate(text):
        if character > "\x7f" and _is_hidden(character) and not _shapes(text, place):
            line = text.count("\n", 0, place) + 1
            return [f"line {line}: the invisible character U+{ord(character):04X}: remove it"]
    return []


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in HIDDEN_CATEGORIES or bool(HIDDEN.match(character))


def _shapes(text: str, place: int) -> bool:
    """Return whether a character only shapes or joins the letters or emoji beside it."""
    character, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if character == VARIANT:
        return after == KEYCAP or _is_symbol(before)
    if character not in (NON_JOINER, JOINER) or not before or not after:
        return False
    arabic = all(unicodedata.bidirectional(letter) == "AL" for letter in (before, after))
    # RFC 5892, A.1 and A.2: after a virama, or between Arabic letters.
    spelled = unicodedata.combining(before) == VIRAMA or (character == NON_JOINER and arabic)
    joined = before == VARIANT or _is_symbol(before)
    return spelled or (character == JOINER and joined and _is_symbol(after))


def _is_symbol(character: str) -> bool:
    kind = unicodedata.category(character) if character > "\x7f" else ""
    return kind in ("So", "Sk", "Sm", "Po") or character in OTHER_EMOJI
