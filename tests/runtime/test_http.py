from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.errors import UsageError
from fal_runtime.fal.http import Clock, get, new_client, pause_before_retry, unreachable

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

URL = "https://api.fal.ai/v1/models"
PLACE = f"GET {URL}"


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_asked_again(fal: "Fal", code: int) -> None:
    fal.script.on(PLACE, httpx.Response(code), httpx.Response(200))
    response = get(fal.script.client(), URL, clock=fal.time.clock)
    assert response.status_code == 200
    assert len(fal.time.slept) == 1


@pytest.mark.parametrize("code", [200, 301, 400, 401, 404, 405, 422])
def test_decision_is_returned_at_once(fal: "Fal", code: int) -> None:
    fal.script.on(PLACE, httpx.Response(code, headers={"location": "https://elsewhere"}))
    assert get(fal.script.client(), URL, clock=fal.time.clock).status_code == code
    assert len(fal.script.requests) == 1


def test_broken_connection_is_made_again(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.Response(200))
    assert get(fal.script.client(), URL, clock=fal.time.clock).status_code == 200


def test_last_answer_is_returned_and_last_error_raised(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(503))
    assert get(fal.script.client(), URL, attempts=3, clock=fal.time.clock).status_code == 503
    assert len(fal.script.requests) == 3
    fal.script.on(PLACE, httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        get(fal.script.client(), URL, attempts=3, clock=fal.time.clock)


def test_deadline_ends_the_tries(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(503))
    until = fal.time.seconds + 100
    response = get(fal.script.client(), URL, attempts=None, deadline=until, clock=fal.time.clock)
    assert response.status_code == 503
    assert until - 31 < fal.time.seconds < until


def test_a_pause_of_more_than_a_minute_is_not_waited_for(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(429, headers={"retry-after": "61"}))
    assert get(fal.script.client(), URL, clock=fal.time.clock).status_code == 429
    assert len(fal.script.requests) == 1


def test_pauses_grow_and_are_spread(fal: "Fal") -> None:
    error = httpx.ConnectError("no")
    pauses = [pause_before_retry(tries, error, fal.time.clock) for tries in range(1, 12)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 30.0
    early = pause_before_retry(1, error, Clock(random=lambda: 0.0))
    late = pause_before_retry(1, error, Clock(random=lambda: 0.999))
    assert early < pauses[0] < late


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("86400", 60.0),
        ("Fri, 02 Jan 2026 03:04:15 GMT", 10.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", 0.5),
        ("-3", 0.5),
    ],
)
def test_retry_after_is_honoured(fal: "Fal", value: str, pause: float) -> None:
    answer = httpx.Response(429, headers={"retry-after": value})
    clock = Clock(random=lambda: 0.5, date=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert pause_before_retry(1, answer, clock) == pause


def test_redirect_is_not_followed_even_by_a_client_that_would(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(302, headers={"location": "https://evil.example/"}))
    client = httpx.Client(transport=httpx.MockTransport(fal.script), follow_redirects=True)
    response = get(client, URL, headers={"Authorization": "Key k"}, clock=fal.time.clock)
    assert response.status_code == 302
    assert len(fal.script.requests) == 1


def test_parameters_are_repeated_and_headers_sent(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(200))
    get(fal.script.client(), URL, params={"endpoint_id": ["a/b", "c/d"]}, headers={"X-A": "1"})
    request = fal.script.requests[0]
    assert request.url.query == b"endpoint_id=a%2Fb&endpoint_id=c%2Fd"
    assert request.headers["x-a"] == "1"


def test_unreachable_host_is_named() -> None:
    error = unreachable(httpx.ConnectError("refused"), URL)
    assert error.exit_status == 6
    assert error.code == "network_blocked"
    assert "api.fal.ai" in error.message


def test_proxy_setting_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        new_client()
