"""Texts of a document: cleaned values, and what may be shown as it is."""

import re
from collections.abc import Callable, Iterator, Mapping

from fal_runtime.text import (
    ANGLED,
    BRACKETED,
    clean_text,
    has_control_token,
    is_visible,
)
from falsmith.documents import Json

__all__ = [
    "CUT",
    "clean_data",
    "counted",
    "in_sentence",
    "is_plain",
    "replace_control_tokens",
    "texts_in",
]

# Ends what is a part and not the whole.
CUT = "…"


def clean_data(value: Json) -> Json:
    """Return an example value with every text in it cleaned; names of fields stay as they are."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_data(item) for item in value]
    if isinstance(value, Mapping):
        return {key: clean_data(item) for key, item in value.items()}
    return value


def texts_in(value: Json, *, names: bool = False) -> Iterator[str]:
    """Yield every text of a JSON value, with `names` those of members as well."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from (name,) if names else ()
            yield from texts_in(member, names=names)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item, names=names)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 skill`, `2 skills`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_sentence(text: str) -> str:
    """Return a text that begins a sentence as it goes on inside one: `Make images`, `to make`."""
    return text[:1].lower() + text[1:]


def is_plain(text: str) -> bool:
    """Return whether all of `text` is visible and on one line, and nothing a control token."""
    return is_visible(text) and not has_control_token(text)


def replace_control_tokens(text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    """Return `text` with each chat control token replaced by what `replacement` makes of it."""
    return BRACKETED.sub(replacement, ANGLED.sub(replacement, text))
