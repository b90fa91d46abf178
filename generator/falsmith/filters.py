"""The templates' filters, each named after the place where its value lands."""

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from fal_runtime.text import HIDDEN, has_control_token, is_visible, one_line
from falsmith.documents import Json
from falsmith.model import KIND_WORDS, Parameter
from falsmith.prose import condense, conditions, remarks
from falsmith.text import CUT, replace_control_tokens

__all__ = ["FILTERS"]

# Punctuation that YAML front matter is read with everywhere; letters of other scripts stay.
ASCII_PUNCTUATION = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "×": "x", " ": " "}
)
# A word in code marks, one or two, is what it is in Markdown; any other mark of it is escaped.
MARKDOWN = re.compile(r"(?<!`)(?P<marks>``?)(?P<word>\w[\w.:=-]{0,63})(?P=marks)(?!`)|[\\`<>\[\]|]")
HEADING = str.maketrans({mark: f"\\{mark}" for mark in "\\`<>"})
PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/+\[\]-]*|[0-9]+[:x][0-9]+|[0-9]+[A-Za-z]+")
# Words that a reader would take for a value of another type.
AMBIGUOUS = frozenset({"true", "false", "null"})
# How JSON in ASCII spells a character beyond 16 bits; YAML and Python have one escape for it.
ESCAPE = re.compile(r"\\u(?P<high>d[89ab]..)\\u(?P<low>d[c-f]..)|(?P<lone>\\ud[89a-f]..)|\\.")
# A text of JSON, and the colon after it where it is a key.
JSON_TEXT = re.compile(r'("(?:[^"\\]|\\.)*")(: )?')
# YAML does not look further than 1,024 characters for the colon of a key that is not announced.
LONGEST_KEY = 1000
# What stands for half a character beyond 16 bits, which YAML cannot say.
LOST = "\\ufffd"
# What came in as JSON, or was made of it, holds no circle to look for.
READABLE = json.JSONEncoder(ensure_ascii=False, check_circular=False)
ASCII = json.JSONEncoder(check_circular=False)
# A text, or a number such as 1e-05, which YAML 1.1 takes for a text.
EXPONENT = re.compile(r'("(?:[^"\\]|\\.)*")|(?<![.\d])(\d+)(e[-+]\d+)')
BRIEF_LENGTH = 60
CHOICES_SHOWN = 10
CHOICES_LISTED = 16
SAMPLES_SHOWN = 10


def json_line(value: Json) -> str:
    """Return `value` as JSON on one line, with everything invisible or obeyed by a chat escaped."""
    text = _without_tokens(READABLE.encode(value))
    text = text.replace("```", "\\u0060\\u0060\\u0060")
    return text if is_visible(text) else "".join(map(_escaped, text))


def json_file(value: Mapping[str, Json]) -> str:
    """Return an object as a JSON document in ASCII: a line for each field, two levels deep."""
    lines = (f" {ASCII.encode(key)}: {_two_levels(part)}" for key, part in value.items())
    text = "{\n" + ",\n".join(lines) + "\n}"
    return _without_tokens(text).replace("\x7f", "\\u007f")


def _two_levels(value: Json) -> str:
    if not isinstance(value, dict) or not value:
        return ASCII.encode(value)
    lines = (f"  {ASCII.encode(key)}: {ASCII.encode(part)}" for key, part in value.items())
    return "{\n" + ",\n".join(lines) + "\n }"


def yaml_value(value: Json) -> str:
    """Return `value` as a YAML flow value on one line; JSON, but for what YAML spells otherwise."""
    text = json_line(value)
    if not isinstance(value, str):
        text = EXPONENT.sub(lambda found: found[1] or f"{found[2]}.0{found[3]}", text)
    if "\\u" not in text and len(text) <= LONGEST_KEY:
        return text
    return JSON_TEXT.sub(_yaml_text, text)


def _yaml_text(match: re.Match[str]) -> str:
    text = ESCAPE.sub(_yaml_escape, match[1]) if "\\u" in match[1] else match[1]
    is_long_key = match[2] and len(text) > LONGEST_KEY
    return ("? " if is_long_key else "") + text + (match[2] or "")


def _yaml_escape(match: re.Match[str]) -> str:
    if match["high"]:
        return _astral(match)
    return LOST if match["lone"] else match[0]


def front_matter(text: str) -> str:
    """Return `text` as a double-quoted scalar that every front matter reader takes alike.

    Some readers end the front matter at the first three hyphens, wherever they stand.
    """
    plain = text if text.isascii() else text.translate(ASCII_PUNCTUATION)
    shown = plain.replace("<", "").replace(">", "")
    return yaml_value(shown).replace("--", "-\\x2d")


# The same words stand in hundreds of skills.
@lru_cache(maxsize=16_384)
def cell(text: str) -> str:
    """Return `text` for a cell of a Markdown table, or for a line of prose."""
    return MARKDOWN.sub(_escaped_markdown, one_line(text))


def _escaped_markdown(found: re.Match[str]) -> str:
    return f"`{found['word']}`" if found["marks"] else f"\\{found[0]}"


def heading(text: str) -> str:
    """Return `text` for a heading, where brackets alone are no link."""
    plain = one_line(text).translate(HEADING)
    return plain.replace("](", "] (").replace("][", "] [")


def code(value: Json) -> str:
    """Return `value` as inline code: a word as it is, anything else as JSON; `|` is escaped."""
    word = isinstance(value, str) and _is_word(value)
    return _as_code(value if word else json_line(value))


def _as_code(text: str) -> str:
    return "`" + text.replace("`", "\\u0060").replace("|", "\\|") + "`"


@lru_cache(maxsize=4096)
def _is_word(text: str) -> bool:
    plain = PLAIN_WORD.fullmatch(text) and text not in AMBIGUOUS
    return bool(plain) and not has_control_token(text)


def choices(values: Sequence[Json], count: int) -> str:
    """Return a few of `count` values, and how many there are where not all of them stand here."""
    shown = values if len(values) <= CHOICES_LISTED else values[:CHOICES_SHOWN]
    listed = ", ".join(map(code, shown))
    if len(shown) == count:
        return listed
    return f"{count} values: {listed}, ..." if shown else f"{count} values"


def members(fields: Sequence[Parameter]) -> str:
    """Return what a caller must know of an object's members, with a blank before it.

    Of which the same is to be said, they stand together.
    """
    by_facts: dict[str, list[str]] = {}
    for one in fields:
        by_facts.setdefault(_facts(one), []).append(code(one.name))
    return "".join(f" {', '.join(names)}{facts}" for facts, names in by_facts.items() if facts)


def _facts(member: Parameter) -> str:
    facts = [cell(member.limits)] if member.limits else []
    facts += [choices(member.choices, member.choice_count)] if member.choices else []
    facts += [samples(member.samples)] if member.samples else []
    facts += [_file_words(member)] if member.file_kind else []
    if facts and member.has_default and member.default not in ("", [], {}):
        facts.append(f"default {brief_code(member.default)}")
    note = cell(condense(member.description, 0))
    if member.required and (facts or note or "." not in member.name):
        facts.insert(0, "required")
    return (f" ({', '.join(facts)})" if facts else "") + (f": {note}" if note else "")


def samples(texts: Sequence[str]) -> str:
    """Return the first ten of a field's short examples."""
    more = ", ..." if len(texts) > SAMPLES_SHOWN else ""
    return f"e.g. {', '.join(map(code, texts[:SAMPLES_SHOWN]))}{more}"


def _file_words(member: Parameter) -> str:
    kind = member.file_kind or "file"
    named = f"{KIND_WORDS.get(kind, kind)} " if kind != "file" else ""
    return f"{'text, ' if member.takes_words else ''}{named}{member.file_form}"


def python(value: str) -> str:
    """Return `value` as a Python string literal in ASCII."""
    text = ESCAPE.sub(
        lambda found: _astral(found) if found["high"] else found[0], json.dumps(value)
    )
    return text.replace("\x7f", "\\x7f")


def _shell(value: Json) -> str:
    """Return `value` quoted for a POSIX shell: a text as it is, anything else as JSON."""
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))


def flags(example: Mapping[str, Json]) -> str:
    """Return values by flag as arguments of a shell command, each with a blank before it."""
    return "".join(f" {_shell(flag)} {_shell(value)}" for flag, value in example.items())


def brief(value: Json) -> Json:
    """Return a default that is short enough to read as it is; of a longer one its first words."""
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= BRIEF_LENGTH else text[: BRIEF_LENGTH - 1] + CUT


def brief_code(value: Json) -> str:
    """Return a default as inline code, of a longer one its first words, marked as cut."""
    short = brief(value)
    if short is value:
        return code(value)
    whole = isinstance(value, str)
    shown = code(short) if whole else _as_code(json_line(value)[: BRIEF_LENGTH - 1] + CUT)
    return f"{shown} (cut)"


def _without_tokens(text: str) -> str:
    """Return a JSON text whose strings spell chat control tokens with an escape."""
    if "<" not in text and "[" not in text:
        return text
    text = replace_control_tokens(text, lambda found: f"\\u{ord(found[0][0]):04x}{found[0][1:]}")
    return text.replace("<|", "\\u003c|")


def _escaped(char: str) -> str:
    shown = char.isprintable() or unicodedata.category(char)[0] not in "CZ"
    if shown and not HIDDEN.match(char):
        return char
    return json.dumps(char)[1:-1] if char != "\x7f" else "\\u007f"


def _astral(match: re.Match[str]) -> str:
    high, low = int(match["high"], 16), int(match["low"], 16)
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"


FILTERS: Mapping[str, Any] = {
    "brief": brief,
    "brief_code": brief_code,
    "cell": cell,
    "choices": choices,
    "code": code,
    "condense": condense,
    "conditions": conditions,
    "flags": flags,
    "front_matter": front_matter,
    "heading": heading,
    "json": json_line,
    "json_file": json_file,
    "members": members,
    "python": python,
    "remarks": remarks,
    "samples": samples,
    "yaml": yaml_value,
}
