"""A local fal on loopback, for tests, for the demo and for people who write skills."""

from falsmith.emulator.server import KEY, LOCKED_KEY, Arrival, Emulator, Origins

__all__ = ["KEY", "LOCKED_KEY", "Arrival", "Emulator", "Origins"]
