"""Judges a generated skill from its files alone, as its next reader would."""

from falsmith.verify.problem import Problem
from falsmith.verify.skill import verify

__all__ = ["Problem", "verify"]
