"""What one look at the machine found."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "Verdict"]

Verdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and what to do where it is not good.

    A problem keeps something essential from working, a warning something that can be done without.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str = ""
