"""Time and chance, as everything that waits is given them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    date: Callable[[], datetime] = lambda: datetime.now(UTC)

    def growing_pause(self, tries: int) -> float:
        """Return the seconds after so many tries: twice as many each time, give or take a half."""
        return 0.5 * 2.0 ** (tries - 1) * (0.5 + self.random())


REAL_CLOCK = Clock()


def utc_text(seconds: float) -> str:
    """Return a time (UTC seconds) as answers show it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
