"""What every conversation with fal needs at hand."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from .config import Config
from .http import Clock

__all__ = ["Connection"]


@dataclass(frozen=True, slots=True)
class Connection:
    """What a call needs to talk: client, configuration, time, and a place for progress lines."""

    client: httpx.Client
    config: Config
    report: Callable[[str], None]
    clock: Clock
