"""When the next job may start: pure arithmetic on the settings, the starts so far and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from fal_runtime.settings import RateLimit, Settings

# Below this, a token that was counted in floats is a whole one.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a job may not start yet; `seconds` is None where that hangs on when other jobs end."""

    seconds: float | None
    why: str

    def __str__(self) -> str:
        return self.why if self.seconds is None else f"{max(self.seconds, 0.1):.1f} s: {self.why}"


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Tokens at a time; a rate of 0 is no limit."""

    name: str
    limit: RateLimit
    tokens: float
    at: float

    def filled(self, now: float) -> "_Bucket":
        grown = self.tokens + (now - self.at) * self.limit.rate_per_min / 60
        return replace(self, tokens=min(grown, float(self.limit.burst)), at=now)

    def wait(self, now: float, tokens: int) -> Wait | None:
        rate, missing = self.limit.rate_per_min, tokens - self.filled(now).tokens
        if rate == 0 or missing <= _ROUNDING:
            return None
        return Wait(missing * 60 / rate, f"no more than {rate:g} starts a minute ({self.name})")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a daemon, with the starts that there were so far."""

    settings: Settings
    last_start: float | None = None
    buckets: Mapping[str, _Bucket] = field(default_factory=lambda: MappingProxyType({}))

    def wait(self, model_id: str, running: int, now: float, ahead: int = 0) -> Wait | None:
        """Return why a job of the model may not start now, None where it may.

        Of several reasons it is the one that is known to last longest. So many jobs `ahead` of it
        start before, each as soon as it may: the seconds are then the least that it waits.
        """
        settings, waits = self.settings, list[Wait]()
        if running + ahead >= settings.max_concurrent:
            waits.append(Wait(None, f"until others have ended (max_concurrent: {running} run)"))
        begun = now - settings.start_interval if self.last_start is None else self.last_start
        pause = begun + settings.start_interval * (ahead + 1) - now
        if pause > 0:
            why = f"{settings.start_interval:g} s between two starts (start_interval)"
            waits.append(Wait(pause, why))
        found = [bucket.wait(now, ahead + 1) for bucket in self._of(model_id, now).values()]
        waits += [wait for wait in found if wait is not None]
        longest = max(waits, key=lambda wait: wait.seconds or 0.0, default=None)
        if longest is None or ahead == 0:
            return longest
        return replace(longest, why=f"{longest.why}; {ahead} before it")

    def started(self, model_id: str, now: float) -> "Limits":
        """Return the limits after the start of a job of the model."""
        taken = {
            name: replace(bucket.filled(now), tokens=bucket.filled(now).tokens - 1)
            for name, bucket in self._of(model_id, now).items()
        }
        return replace(self, last_start=now, buckets={**self.buckets, **taken})

    def _of(self, model_id: str, now: float) -> dict[str, _Bucket]:
        """Return the buckets that a start of the model takes from: all of them full at first."""
        settings = self.settings
        limits = {
            "global_rate_per_min": RateLimit(settings.global_rate_per_min, settings.global_burst)
        }
        # The rate of an app holds for all that stands below it, unless that has one of its own.
        named = [name for name in settings.model_rates if f"{model_id}/".startswith(f"{name}/")]
        if named:
            name = max(named, key=len)
            limits[f"model_rates: {name}"] = settings.model_rates[name]
        return {
            name: self.buckets.get(name) or _Bucket(name, limit, float(limit.burst), now)
            for name, limit in limits.items()
        }
