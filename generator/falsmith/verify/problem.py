"""One thing that is wrong with a skill's folder."""

from dataclasses import dataclass

from fal_runtime.text import cut

__all__ = ["Problem", "shown"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Where (a path inside the folder, or "." for the folder itself) and what, with the remedy."""

    path: str
    message: str


def shown(value: object, limit: int = 80) -> str:
    """Return a value of the folder for use in a message: quoted, escaped to ASCII, short."""
    return cut(ascii(value), limit)
