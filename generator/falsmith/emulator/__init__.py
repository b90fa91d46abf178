"""A local fal on loopback, for tests, for the demo and for people who write skills."""

from fal_runtime.errors import UsageError

try:
    from falsmith.emulator.access import KEY, LOCKED_KEY
    from falsmith.emulator.server import Emulator, Origins, ReceivedRequest
except ImportError as missing:
    raise UsageError(
        "usage",
        f"the emulator needs {missing.name}: in the checkout of falsmith, run "
        "python -m pip install '.[emulator]', or the same with uv tool or pipx if that installed "
        "it",
    ) from None

__all__ = ["KEY", "LOCKED_KEY", "Emulator", "Origins", "ReceivedRequest"]
