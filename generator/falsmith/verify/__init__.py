"""Judges a skill from its files alone, before it is installed or handed on."""

from falsmith.verify.folder import Finding
from falsmith.verify.skill import verify

__all__ = ["Finding", "verify"]
