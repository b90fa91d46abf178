"""The settings of `queue_config.yaml` and of the FAL_QUEUE_* variables that override them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fal_runtime.errors import UsageError
from fal_runtime.text import one_line
from fal_runtime.yaml_file import entries

SETTINGS_FILE = "queue_config.yaml"

# Shorter would be a busy loop, and a socket waits for less than 25 days.
SHORTEST_INTERVAL = 0.1
LONGEST_WAIT = 7 * 24 * 3600.0
# Anything above is no rate and no size, and might not even be a float.
_LARGEST = 1e12


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A token bucket of one model, or of all below an app; a rate of 0 is no limit."""

    rate_per_min: float
    burst: int


def _number(default: float, least: float, most: float = _LARGEST) -> Any:  # noqa: ANN401 - a field
    kind = "a whole number" if isinstance(default, int) else "a number"
    expected = f"{kind} from {least:g} to {most:.0f}"
    return field(default=default, metadata={"range": (least, most), "expected": expected})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a skill queues, waits and downloads; seconds and megabytes.

    Each number has its range; it is a whole one where its default is. A rate of 0 is no limit.
    """

    max_concurrent: int = _number(2, 1)
    start_interval: float = _number(1.0, 0, LONGEST_WAIT)
    poll_interval: float = _number(5.0, SHORTEST_INTERVAL, LONGEST_WAIT)
    job_timeout: float = _number(600.0, SHORTEST_INTERVAL, LONGEST_WAIT)
    global_rate_per_min: float = _number(10.0, 0)
    global_burst: int = _number(5, 1)
    model_rates: Mapping[str, RateLimit] = field(
        default_factory=dict,
        metadata={"expected": "a mapping of model IDs to {rate_per_min, burst}"},
    )
    client_idle_timeout: float = _number(0.0, 0, LONGEST_WAIT)
    sync_only: bool = field(default=True, metadata={"expected": "true or false"})
    max_download_mb: float = _number(100.0, 1e-6)


_FIELDS: Mapping[str, Any] = {setting.name: setting for setting in fields(Settings)}
_SHORT = {"rate_per_min": "global_rate_per_min", "burst": "global_burst"}
_VARIABLES = {
    f"FAL_QUEUE_{name.upper()}": _SHORT.get(name, name)
    for name in [*_FIELDS, *_SHORT]
    if name != "model_rates"
}


def load_settings(skill: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a skill's folder, or of a call without one, and of the environment.

    Raises UsageError that names setting, file and line (or variable), LocalError for a file that
    cannot be read.
    """
    file = skill / SETTINGS_FILE if skill is not None else None
    settings = Settings(sync_only=False)
    if file is not None and file.exists():
        written: dict[str, Any] = {
            name: _checked(name, value, f"{file}, line {line}")
            for (name,), value, line in entries(file)
        }
        settings = Settings(**written)
    given: dict[str, Any] = {
        name: _checked(name, _parsed(environ[variable]), f"the variable {variable}")
        for variable, name in _VARIABLES.items()
        if environ.get(variable, "").strip()
    }
    return replace(settings, **given)


def _checked(name: str, value: object, where: str) -> object:
    if name not in _FIELDS:
        raise UsageError(
            "invalid_settings",
            f"{where}: {one_line(name, 60)} is no setting; the settings are {', '.join(_FIELDS)}",
        )
    try:
        return _valid(name, value)
    except ValueError:
        expected, shown = _FIELDS[name].metadata["expected"], one_line(repr(value), 200)
        text = f"{where}: {name} must be {expected}, not {shown}"
        raise UsageError("invalid_settings", text) from None


def _valid(name: str, value: object) -> Any:  # noqa: ANN401 - the field's
    """Return the value of a setting; raises ValueError for what is none."""
    match value:
        case dict() if name == "model_rates":
            return {str(model_id): _rate(limit) for model_id, limit in value.items()}
        case bool() if name == "sync_only":
            return value
        case int() | float() if "range" in _FIELDS[name].metadata and not isinstance(value, bool):
            kind, (least, most) = type(_FIELDS[name].default), _FIELDS[name].metadata["range"]
            if least <= value <= most and isinstance(value, int | kind):
                return kind(value)
    raise ValueError


def _rate(limit: object) -> RateLimit:
    if not isinstance(limit, dict) or set(limit) != {"rate_per_min", "burst"}:
        raise ValueError
    rate = _valid("global_rate_per_min", limit["rate_per_min"])
    return RateLimit(rate, _valid("global_burst", limit["burst"]))


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
