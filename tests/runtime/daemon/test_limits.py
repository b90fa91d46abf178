"""When a job may start: each setting by itself, then together."""

from typing import Any

import pytest

from fal_runtime.daemon.limits import Limits
from fal_runtime.settings import RateLimit, Settings

MODEL = "acme/demo/fast"
FREE: dict[str, Any] = {"max_concurrent": 100, "start_interval": 0.0, "global_rate_per_min": 0.0}


def starts(count: int, seconds: float = 300.0, model_id: str = MODEL, **given: Any) -> list[float]:
    """Return when the first jobs start where each is started as soon as it may, in a while."""
    limits, now, found = Limits(Settings(**{**FREE, **given})), 0.0, list[float]()
    while len(found) < count and now <= seconds:
        wait = limits.wait(model_id, 0, now)
        if wait is None:
            limits = limits.started(model_id, now)
            found.append(round(now, 6))
        else:
            assert wait.seconds is not None
            assert wait.seconds > 0
            now += wait.seconds
    return found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0, 0, 0, 0]),
        ({"start_interval": 2.0}, [0, 2, 4, 6]),
        ({"global_rate_per_min": 10, "global_burst": 2}, [0, 0, 6, 12]),
        ({"global_rate_per_min": 10, "global_burst": 1, "start_interval": 1.0}, [0, 6, 12, 18]),
        ({"model_rates": {MODEL: RateLimit(60, 1)}}, [0, 1, 2, 3]),
        ({"model_rates": {"acme/demo": RateLimit(60, 1)}}, [0, 1, 2, 3]),
        ({"model_rates": {"acme/demo": RateLimit(1, 1), MODEL: RateLimit(60, 1)}}, [0, 1, 2, 3]),
        ({"model_rates": {"acme/demo/fa": RateLimit(1, 1)}}, [0, 0, 0, 0]),
        (
            {"global_rate_per_min": 30, "global_burst": 1, "model_rates": {MODEL: RateLimit(6, 1)}},
            [0, 10, 20, 30],
        ),
    ],
)
def test_jobs_start_as_soon_as_every_limit_allows(
    settings: dict[str, Any], expected: list[float]
) -> None:
    assert starts(4, **settings) == expected


def test_a_bucket_fills_to_its_burst_and_no_further() -> None:
    limits = Limits(Settings(**{**FREE, "global_rate_per_min": 60.0, "global_burst": 3}))
    limits = limits.started(MODEL, 0.0)
    for _ in range(3):
        assert limits.wait(MODEL, 0, 1000.0) is None
        limits = limits.started(MODEL, 1000.0)
    assert limits.wait(MODEL, 0, 1000.0) is not None


def test_no_more_jobs_run_than_the_settings_allow_however_long_one_waits() -> None:
    limits = Limits(Settings(**{**FREE, "max_concurrent": 2}))
    assert limits.wait(MODEL, 1, 0.0) is None
    wait = limits.wait(MODEL, 2, 1e6)
    assert wait is not None
    assert (wait.seconds, str(wait)) == (None, "until others have ended (max_concurrent: 2 run)")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"start_interval": 2.5}, "2.5 s: 2.5 s between two starts (start_interval)"),
        (
            {"global_rate_per_min": 10, "global_burst": 1},
            "6.0 s: no more than 10 starts a minute (global_rate_per_min)",
        ),
        (
            {"model_rates": {"acme/demo": RateLimit(2, 1)}},
            "30.0 s: no more than 2 starts a minute (model_rates: acme/demo)",
        ),
        (
            {"start_interval": 2.5, "global_rate_per_min": 10, "global_burst": 1},
            "6.0 s: no more than 10 starts a minute (global_rate_per_min)",
        ),
    ],
)
def test_a_wait_says_how_long_and_which_setting_asks_for_it(
    settings: dict[str, Any], text: str
) -> None:
    limits = Limits(Settings(**{**FREE, **settings})).started(MODEL, 0.0)
    assert str(limits.wait(MODEL, 0, 0.0)) == text


def test_who_stands_behind_others_is_told_the_least_that_it_waits() -> None:
    settings = Settings(**{**FREE, "global_rate_per_min": 10.0, "global_burst": 2})
    limits = Limits(settings).started(MODEL, 0.0)
    assert limits.wait(MODEL, 0, 0.0) is None
    waits = [str(limits.wait(MODEL, 0, 0.0, ahead)) for ahead in (1, 2, 3)]
    why = "no more than 10 starts a minute (global_rate_per_min)"
    assert waits == [f"{6.0 * n} s: {why}; {n} before it" for n in (1, 2, 3)]
