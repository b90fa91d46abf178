"""A job as a value, and what carries it out."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from fal_runtime.config import Config
from fal_runtime.fal.http import REAL_CLOCK, Clock

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What every command works with; `client` is None where one is opened for the command.

    `report` takes lines about progress.
    """

    config: Config
    report: Callable[[str], None]
    client: httpx.Client | None = None
    clock: Clock = REAL_CLOCK
