"""What no text of a skill may hold: keys, downloads that are run, hidden characters, chat tokens.

These are plain checks: what is written to be overlooked is left to scanners of code.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from falsmith.verify.folder import Folder, Problem, quoted
from falsmith.verify.markdown import read_markdown
from falsmith.verify.provenance import was_generated

__all__ = ["check_text", "objections_to_value"]

# fal's keys: a UUID, a colon, 32 hex digits.
FAL_KEY = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12} ?(?::|%3a) ?[0-9a-f]{32}", re.I
)
# How the secrets of other services begin.
KNOWN_KEYS = (
    r"(?<![A-Za-z0-9_-])(?:sk-(?=[^\s\"']{0,60}\d)[A-Za-z0-9_-]{24,}|[rs]k_live_[A-Za-z0-9]{16,}"
    r"|gh[opsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|hf_[A-Za-z0-9]{32,}|r8_[A-Za-z0-9]{32,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{40,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{20,}|(?-i:A[KS]IA[0-9A-Z]{16})|AIza[A-Za-z0-9_-]{35}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
)
KEY_NAMES = r"(?:API[_-]?KEY|FAL_KEY(?:_ID|_SECRET)?|SECRET|TOKEN|PASSWORD)[\"']?"
# A value has a digit: a placeholder such as YOUR_API_KEY has none.
VALUE = r"(?=[^\s\"']{0,60}\d)[A-Za-z0-9+/_:=-]"
SECRET = re.compile(
    rf"{KNOWN_KEYS}|-----BEGIN [A-Z ]{{0,20}}PRIVATE KEY"
    rf"|(?:FAL_KEY(?:_ID|_SECRET)?=|{KEY_NAMES} ?[:=] ?[\"']){VALUE}{{20,}}"
    rf"|{KEY_NAMES} ?[:=] ?(?=[^\s\"']{{0,60}}\d)[0-9a-f-]{{24,}}(?![0-9A-Za-z_.(])"
    rf"|authorization.{{1,20}}(?:Key|Bearer|Basic) {VALUE}{{16,}}"
    r"|://[^/\s:@\"'<>{}$]{1,64}:(?=[^@\s/]{0,60}\d)[^@\s/\"'<>{}$]{8,64}@",
    re.I,
)
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


def check_text(folder: Folder) -> list[Problem]:
    """Check every text file; what a skill of others shows as code may name chat tokens."""
    generated = was_generated(folder)
    return [
        Problem(path, message)
        for path, text in folder.texts.items()
        for message in (*_objections(text, path.endswith(".py")), *_tokens(path, text, generated))
    ]


def objections_to_value(value: object) -> Iterator[str]:
    """Yield what no value of a YAML file may hold: escapes keep it out of the file's own text."""
    if isinstance(value, str):
        tokens = _found(TOKEN, value, "a control token of chat models")
        for message in (*_objections(value, False), *tokens):
            yield f"{message} (it stands there as an escape)"
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from objections_to_value(part)


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=512)
def _objections(text: str, is_python: bool) -> tuple[str, ...]:
    revoke = f"what looks like a fal key: remove it, and revoke it at {DASHBOARD}"
    found = _found(FAL_KEY, text, revoke) or _found(
        SECRET, text, "what looks like a key or password: remove it, and revoke it where it is from"
    )
    run = DOWNLOAD_RUN.search(CONTINUED.sub(" ", text))
    if run is not None:
        found.append(f"runs what it downloads, unread: {quoted(run[0])}")
    if is_python:
        found += _found(SHELL_TRUE, text, "starts a shell: run a list of words without one")
    if not text.isascii():
        found += _hidden(text)
    control = CONTROL.search(text)
    if control is not None:
        found.append(f"holds the control character U+{ord(control[0]):04X}: remove it")
    return tuple(found)


def _tokens(path: str, text: str, generated: bool) -> list[str]:
    told = "a control token of chat models: remove it"
    if generated:
        return _found(TOKEN, text, told)
    if path.endswith(CODE):
        return _found(MARK_IN_CODE, text, told)
    prose = "\n".join(read_markdown(text).prose) if path.endswith(".md") else text
    return _found(MARK_IN_CODE, text, told) or _found(TOKEN, prose, told)


def _found(pattern: re.Pattern[str], text: str, told: str) -> list[str]:
    match = pattern.search(text)
    line = 0 if match is None else text.count("\n", 0, match.start()) + 1
    return [f"line {line}: {told}"] if line else []


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
