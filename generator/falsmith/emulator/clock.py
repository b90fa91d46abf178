"""The emulator's own time, which drives every job and dates every answer."""

import time
from datetime import UTC, datetime

__all__ = ["Clock", "stamp"]


class Clock:
    """Seconds since 1970: those of this machine, and ahead of them once it was put forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Return the present moment."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put the clock forward, as if so much time had gone by."""
        self._ahead += seconds


def stamp(moment: float) -> str:
    """Return a moment as fal writes it: ISO 8601, UTC, milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
