"""The settings of `queue_config.yaml` and of the FAL_QUEUE_* variables that override them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fal_runtime.errors import UsageError
from fal_runtime.yaml_file import entries

__all__ = ["SETTINGS_FILE", "RateLimit", "Settings", "load_settings"]

SETTINGS_FILE = "queue_config.yaml"

_LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket of one model."""

    rate_per_min: float
    burst: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How a skill queues, waits and downloads; seconds and megabytes."""

    max_concurrent: int = 2
    start_interval: float = 1.0
    poll_interval: float = 5.0
    job_timeout: float = 600.0
    global_rate_per_min: float = 10.0
    global_burst: int = 5
    model_rates: Mapping[str, RateLimit] = field(default_factory=dict)
    client_idle_timeout: float = 0.0
    sync_only: bool = True
    max_download_mb: float = 100.0


def load_settings(skill: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a skill's folder, or of a call without one, and of the environment.

    Raises UsageError that names setting, file and line (or variable), LocalError for a file that
    cannot be read.
    """
    file = skill / SETTINGS_FILE if skill is not None else None
    there = file is not None and file.exists()
    settings = _from_file(file) if file is not None and there else Settings(sync_only=False)
    return _with_environment(settings, environ)


def _from_file(file: Path) -> Settings:
    found: dict[str, Any] = {
        name: _setting(name, value, f"{file}, line {line}")
        for (name,), value, line in entries(file)
    }
    return Settings(**found)


def _setting(name: str, value: object, where: str) -> object:
    check = _CHECKS.get(name)
    if check is None:
        known = ", ".join(_CHECKS)
        raise UsageError(
            "invalid_settings", f"{where}: {name} is no setting; the settings are {known}"
        )
    try:
        return check(value)
    except ValueError as error:
        raise UsageError(
            "invalid_settings", f"{where}: {name} must be {error}, not {value!r}"[:500]
        ) from None


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number, 0 or more")
    # Anything above this is no time and no rate, and might not even be a float.
    if not 0 <= value <= _LARGEST:
        raise ValueError("a number, 0 or more")
    return float(value)


def _above_zero(value: object) -> float:
    try:
        number = _seconds(value)
    except ValueError:
        number = 0.0
    if number == 0:
        raise ValueError("a number above 0")
    return number


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _rates(value: object) -> dict[str, RateLimit]:
    expected = "a mapping of model IDs to {rate_per_min, burst}, both numbers"
    if not isinstance(value, dict):
        raise ValueError(expected)
    found = {}
    for model_id, limit in value.items():
        if not isinstance(limit, dict) or set(limit) != {"rate_per_min", "burst"}:
            raise ValueError(expected)
        found[str(model_id)] = RateLimit(_seconds(limit["rate_per_min"]), _count(limit["burst"]))
    return found


_CHECKS: dict[str, Callable[[object], object]] = {
    "max_concurrent": _count,
    "start_interval": _seconds,
    "poll_interval": _above_zero,
    "job_timeout": _above_zero,
    "global_rate_per_min": _seconds,
    "global_burst": _count,
    "model_rates": _rates,
    "client_idle_timeout": _seconds,
    "sync_only": _switch,
    "max_download_mb": _above_zero,
}

_VARIABLES = {
    "FAL_QUEUE_GLOBAL_RATE_PER_MIN": "global_rate_per_min",
    "FAL_QUEUE_GLOBAL_BURST": "global_burst",
    "FAL_QUEUE_RATE_PER_MIN": "global_rate_per_min",
    "FAL_QUEUE_BURST": "global_burst",
} | {
    f"FAL_QUEUE_{setting.name.upper()}": setting.name
    for setting in fields(Settings)
    if setting.name not in ("model_rates", "global_rate_per_min", "global_burst")
}


def _with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    given: dict[str, Any] = {
        name: _setting(name, _parsed(environ[variable]), f"the variable {variable}")
        for variable, name in _VARIABLES.items()
        if environ.get(variable, "").strip()
    }
    return replace(settings, **given)


def _parsed(text: str) -> object:
    """Read a variable as the file would: a whole number, a number, a switch, else the text."""
    word = text.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    for read in (int, float):
        try:
            return read(word)
        except ValueError:
            continue
    return text
