"""Keep an answer short enough for its reader and free of embedded data."""

import json
import re
from typing import Any

from .json_value import Json

__all__ = ["ANSWER_LIMIT", "fit", "size", "without_data"]

ANSWER_LIMIT = 10_000

# (longest string, longest list): the first pair under which the answer is short enough is used.
_STEPS = ((4000, 60), (2000, 20), (600, 10), (200, 5), (80, 3), (20, 1))

_WHOLE_DATA_URI = re.compile(r"\s*data:([\w.+-]+/[\w.+-]+)?(;[^,;]*)*,", re.IGNORECASE)
_EMBEDDED_DATA_URI = re.compile(
    r"""data:(?:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*|(?:;[\w.+=-]+)+),[^\s"'<>)\]}]*""",
    re.IGNORECASE,
)


def size(value: Json) -> int:
    """Return how many characters the value takes when it is printed as indented JSON."""
    return len(json.dumps(value, indent=2))


def without_data(value: Json) -> Json:
    """Return the value with the content of every `data:` URI replaced by its type and length."""
    if isinstance(value, str):
        return _string_without_data(value)
    if isinstance(value, dict):
        return {_string_without_data(str(key)): without_data(item) for key, item in value.items()}
    return [without_data(item) for item in value] if isinstance(value, list) else value


def fit(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer below ANSWER_LIMIT characters: what is long is cut, visibly.

    Only what the model, the platform or the user wrote is cut: identifiers, paths and the
    command of `next` stay whole.
    """
    clean = {name: without_data(value) for name, value in answer.items()}
    shown = clean
    for longest_string, most_items in _STEPS:
        if size(shown) < ANSWER_LIMIT:
            break
        shown = _cut_answer(clean, longest_string, most_items)
    return shown


def _cut_answer(answer: dict[str, Any], longest_string: int, most_items: int) -> dict[str, Any]:
    shown = dict(answer)
    for name in ("result", "platform_request", "text"):
        if name in shown:
            shown[name] = _cut(shown[name], longest_string, most_items)
    if "error" in shown:
        told = dict(shown["error"])
        for name in ("message", "problems"):
            told[name] = _cut(told[name], longest_string, most_items)
        shown["error"] = told
    if len(shown["files"]) > most_items:
        shown["not_shown"] = {"files": len(shown["files"]) - most_items}
        shown |= {name: shown[name][:most_items] for name in ("files", "saved_paths")}
    return shown


def _cut(value: Json, longest_string: int, most_items: int, depth: int = 8) -> Json:
    if isinstance(value, str) and len(value) > longest_string:
        return f"{value[:longest_string]}... ({len(value)} characters)"
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "... (not shown)"
    more = len(value) - most_items
    if isinstance(value, list):
        kept = [_cut(item, longest_string, most_items, depth - 1) for item in value[:most_items]]
        return [*kept, f"... ({more} more)"] if more > 0 else kept
    shown: dict[str, Json] = {
        name[:200]: _cut(item, longest_string, most_items, depth - 1)
        for name, item in list(value.items())[: max(most_items, 3)]
    }
    return shown | ({"...": f"{len(value) - len(shown)} more"} if len(shown) < len(value) else {})


def _string_without_data(text: str) -> str:
    whole = _WHOLE_DATA_URI.match(text)
    if whole is not None:
        return f"<data: {whole.group(1) or 'text/plain'}, {len(text)} characters>"
    return _EMBEDDED_DATA_URI.sub(
        lambda found: f"<data: {found['type'] or 'text/plain'}, {len(found[0])} characters>", text
    )
