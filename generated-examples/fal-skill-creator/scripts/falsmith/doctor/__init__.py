"""Looks at what falsmith and its skills need on this machine, and says what to do about it."""

from falsmith.doctor.check import Check, Verdict
from falsmith.doctor.examine import examine

__all__ = ["Check", "Verdict", "examine"]
