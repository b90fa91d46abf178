"""Talk HTTP: one client, its clock, and GET requests that outlive a bad moment."""

import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

import httpx

from fal_runtime import RUNTIME_VERSION
from fal_runtime.config import Config
from fal_runtime.errors import NotAcceptedError, UsageError

__all__ = [
    "REAL_CLOCK",
    "Clock",
    "Connection",
    "get",
    "is_transient",
    "new_client",
    "pause_before_retry",
    "unreachable",
]

_LONGEST_PAUSE = 30.0
_LONGEST_RETRY_AFTER = 60.0
_LONGEST_READ = 30.0
_LONGEST_CONNECT = 10.0

Params = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    date: Callable[[], datetime] = lambda: datetime.now(UTC)


REAL_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Connection:
    """What a call needs to talk: client, configuration, time, and a place for progress lines."""

    client: httpx.Client
    config: Config
    report: Callable[[str], None]
    clock: Clock


def new_client() -> httpx.Client:
    """Return a client that follows no redirect and holds no key: keys are given to requests.

    Raises UsageError where the environment's proxy or certificate settings cannot be used.
    """
    try:
        return httpx.Client(
            headers={"User-Agent": f"falsmith/{RUNTIME_VERSION}", "Accept": "application/json"},
            timeout=httpx.Timeout(_LONGEST_READ, connect=_LONGEST_CONNECT),
            follow_redirects=False,
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise UsageError(
            "invalid_settings",
            f"the proxy or certificate settings (HTTPS_PROXY, SSL_CERT_FILE ...) fail: {error}",
        ) from None


def is_transient(response: httpx.Response) -> bool:
    """Tell whether the status says that the same request may succeed a little later."""
    return response.status_code in (408, 429) or response.status_code >= 500


def get(
    client: httpx.Client,
    url: str,
    *,
    method: Literal["GET", "PUT"] = "GET",
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    attempts: int | None = 5,
    deadline: float | None = None,
    again: Callable[[httpx.Response, int], bool] = lambda response, _: is_transient(response),
    clock: Clock = REAL_CLOCK,
) -> httpx.Response:
    """Return the answer to a GET, asked again after transport errors and transient statuses.

    It ends with `attempts`, or when `clock.now()` comes to `deadline`, or, without one, where
    Retry-After asks for more than a minute: the last answer is then returned whatever its status,
    the last httpx.RequestError raised. `again` is given an answer and the number of tries so far.
    Redirects are not followed. `method` may be PUT, without a body, where fal takes the same one
    twice: to cancel a job.
    """
    for tries in itertools.count(1):
        request = client.build_request(
            method, url, params=params, headers=headers, timeout=_timeout(deadline, clock)
        )
        answer = _try(client, request)
        if isinstance(answer, httpx.Response) and not again(answer, tries):
            return answer
        pause = pause_before_retry(tries, answer, clock)
        if tries == attempts or (deadline is not None and clock.now() + pause >= deadline):
            break
        if deadline is None and (_told_pause(answer, clock) or 0) > _LONGEST_RETRY_AFTER:
            break
        clock.sleep(pause)
    if isinstance(answer, httpx.RequestError):
        raise answer
    return answer


def pause_before_retry(
    tries: int, answer: httpx.Response | httpx.RequestError, clock: Clock = REAL_CLOCK
) -> float:
    """Return the seconds to wait after so many tries: as told by Retry-After, else growing.

    Retry-After is seconds or a date (RFC 9110, 10.2.3) and is followed up to a minute.
    """
    told = _told_pause(answer, clock)
    if told is not None:
        return min(max(told, 0.0), _LONGEST_RETRY_AFTER)
    growing: float = min(0.5 * 2 ** min(tries - 1, 10), _LONGEST_PAUSE)
    return growing * (0.5 + clock.random())


def unreachable(error: httpx.RequestError, url: str) -> NotAcceptedError:
    """Return the error of a request that could not be made at all, told in the user's terms."""
    host = urlsplit(url).hostname
    why = str(error) or type(error).__name__
    return NotAcceptedError(
        "network_blocked",
        f"{host} cannot be reached from this machine ({why}): check the network, the proxy "
        "settings (HTTPS_PROXY) and whether this environment allows commands to use the network",
    )


def _try(client: httpx.Client, request: httpx.Request) -> httpx.Response | httpx.RequestError:
    try:
        return client.send(request, follow_redirects=False)
    except httpx.RequestError as error:
        return error


def _timeout(deadline: float | None, clock: Clock) -> httpx.Timeout:
    left = _LONGEST_READ if deadline is None else max(deadline - clock.now(), 1.0)
    return httpx.Timeout(min(_LONGEST_READ, left), connect=min(_LONGEST_CONNECT, left))


def _told_pause(answer: httpx.Response | httpx.RequestError, clock: Clock) -> float | None:
    """Return the seconds that the answer asks to wait, None where it does not say."""
    value = answer.headers.get("retry-after", "") if isinstance(answer, httpx.Response) else ""
    if value.strip().isascii() and value.strip().isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return (date - clock.date()).total_seconds()
