"""What a document says of the size, the form and the format of a file that a field takes.

It says so as data (`x-fal`, or keywords of the node) and in prose; of prose only what leaves no
doubt counts, because the wrapper refuses a file that does not keep to it.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import takewhile
from typing import Any

from fal_runtime.file_kinds import extension_of
from falsmith.prose import sentences

__all__ = ["file_limits"]

# Each with the name that the platform's own data has for it.
_NUMBERS = {
    "max_bytes": "max_file_size",
    "max_pixels": "max_pixels",
    "min_width": "min_width",
    "max_width": "max_width",
    "min_height": "min_height",
    "max_height": "max_height",
    "min_aspect_ratio": "min_aspect_ratio",
    "max_aspect_ratio": "max_aspect_ratio",
    "min_duration": "min_duration",
    "max_duration": "max_duration",
}
_KEYS = frozenset(_NUMBERS.values())
# The platform counts 1,024 to a kilobyte: its data says 104857600 where its prose says 100.0MB.
_UNITS = {"kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SIZE = re.compile(
    r"(?:\bmax(?:imum)?(?: file)?(?: size)?(?: is|:)?|\bup to|\bless than|[<≤]=?|\bof size <)"
    r"\s*(\d+(?:\.\d+)?)\s?([kmg]b)\b",
    re.IGNORECASE,
)
# Of all files together, or advice.
_OTHER_SIZE = re.compile(r"\b(?:total|combined|across|altogether|recommend\w*)\b", re.IGNORECASE)
_LIST = r"\s+((?:\.?[a-z0-9]{2,5}\b[\s,/]*(?:(?:and|or)\s+)?){1,8})"
_JOINING = ("and", "or", "in")
_FORMATS = re.compile(
    rf"\bmust be(?: in)?(?: an?)?{_LIST}"
    rf"|\bonly{_LIST}(?:formats?|files?|images?|videos?|supported)\b",
    re.IGNORECASE,
)


def file_limits(said: Mapping[str, Any], description: str) -> dict[str, Any]:
    """Return what a file must keep to, by the names of `x-file-limits`.

    Args:
        said: The keywords of the field's node.
        description: All that it says in prose.

    """
    data = {**said, **said["x-fal"]} if isinstance(said.get("x-fal"), Mapping) else said
    if _KEYS.isdisjoint(data):
        return {**_stated(description)}
    limits = {name: data[key] for name, key in _NUMBERS.items() if _is_amount(data.get(key))}
    return _stated(description) | limits


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


@lru_cache(maxsize=4096)
def _stated(description: str) -> dict[str, Any]:
    """Return the size and the formats that a description leaves no doubt about."""
    limits: dict[str, Any] = {}
    for sentence in sentences(description):
        size = _SIZE.search(sentence)
        if size is not None and not _OTHER_SIZE.search(sentence):
            limits["max_bytes"] = round(float(size[1]) * _UNITS[size[2].lower()])
        found = _FORMATS.search(sentence)
        words = re.findall(r"\w+", (found[1] or found[2]).lower()) if found is not None else []
        listed = (extension_of(f"a.{word}") for word in words if word not in _JOINING)
        extensions = list(takewhile(bool, listed))
        if extensions:
            limits["formats"] = list(dict.fromkeys(extensions))
    return limits
