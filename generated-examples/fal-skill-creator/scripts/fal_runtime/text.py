"""Text of others made safe to show: one printable line, cut where it is long."""

import difflib
import json
from collections.abc import Iterable

from fal_runtime.json_text import Value

__all__ = ["clean", "closest", "one_line", "short", "shortened"]


def clean(text: str) -> str:
    """Return the text on one line, without characters that steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def one_line(text: str, longest: int = 600) -> str:
    """Return upstream text as one printable line that is not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[:longest]}..."


def shortened(text: str, length: int) -> str:
    """Return the text, cut at a visible `...` when it is longer."""
    return text if len(text) <= length else f"{text[: max(length - 3, 0)]}..."


def short(value: Value, length: int = 60) -> str:
    """Return a value as JSON, cut; of a data: URI only the size, its content is never shown."""
    if isinstance(value, str) and value[:5].lower() == "data:":
        return f"a data: URI of {len(value):,} characters"
    text = value[: length + 1] if isinstance(value, str) else value
    if isinstance(value, list | dict) and "data:" in (whole := json.dumps(value).lower()):
        return (
            f"{'a list' if isinstance(value, list) else 'an object'} of {len(whole):,} characters"
        )
    return shortened(clean(json.dumps(text, ensure_ascii=False, default=str)), length)


def closest(name: str, names: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the name that is most like the given one, None when none is alike by `cutoff`."""
    plain = {_plain(each): each for each in reversed(list(names))}
    if len(name) > 100:
        return None
    found = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
