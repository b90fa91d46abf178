"""The request history: what it lists of which requests, when, and in whose time."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from falsmith.emulator import Emulator

Start = Callable[..., Emulator]
PAINT = "acme/paint/turbo"


@pytest.fixture
def emulator(start: Start) -> Iterator[Emulator]:
    """Return an emulator whose jobs take a minute, half of it in the queue."""
    with start(delay=60.0) as running:
        yield running


def submit(client: httpx.Client, emulator: Emulator, **inputs: Any) -> str:
    answer = client.post(f"{emulator.origins.queue}/{PAINT}", json=inputs)
    request_id: str = answer.json()["request_id"]
    return request_id


def history(client: httpx.Client, emulator: Emulator, **query: Any) -> Any:
    url = f"{emulator.origins.platform}/v1/models/requests/by-endpoint"
    return client.get(url, params={"endpoint_id": PAINT, **query})


def test_a_request_is_listed_once_it_starts_and_has_its_result_once_it_ends(
    emulator: Emulator, client: httpx.Client
) -> None:
    request_id = submit(client, emulator, prompt="a fox")
    assert history(client, emulator).json() == {
        "items": [],
        "next_cursor": None,
        "has_more": False,
    }
    emulator.clock.advance(30)
    (running,) = history(client, emulator, expand="payloads").json()["items"]
    assert running["request_id"] == request_id
    assert (running["endpoint_id"], running["json_input"]) == (PAINT, {"prompt": "a fox"})
    assert [running[name] for name in ("ended_at", "status_code", "duration")] == [None] * 3
    assert running["json_output"] is None
    emulator.clock.advance(30)
    (ended,) = history(client, emulator, expand="payloads").json()["items"]
    assert (ended["status_code"], ended["duration"]) == (200, 60)
    assert ended["json_output"]["prompt"] == "a fox"
    assert ended["sent_at"] < ended["started_at"] < ended["ended_at"]
    assert "json_input" not in history(client, emulator).json()["items"][0]


def test_it_filters_by_id_status_and_time_and_counts_days_by_its_own_clock(
    emulator: Emulator, client: httpx.Client
) -> None:
    good, bad = submit(client, emulator, prompt="a fox"), submit(client, emulator)
    emulator.clock.advance(60)

    def listed(**query: Any) -> set[str]:
        return {item["request_id"] for item in history(client, emulator, **query).json()["items"]}

    assert listed() == {good, bad}
    assert listed(status="success") == {good}
    assert listed(status="user_error") == {bad}
    assert listed(status="error") == set()
    assert listed(request_id=good) == {good}
    assert listed(request_id=str(uuid.uuid4())) == set()
    assert listed(start="2001-01-01", end="2001-01-02T00:00:00Z") == set()
    emulator.clock.advance(86400)
    assert listed() == set()
    assert listed(request_id=good) == {good}
    assert listed(start="2001-01-01") == {good, bad}


def test_it_comes_in_pages_the_last_to_end_first(emulator: Emulator, client: httpx.Client) -> None:
    sent = [submit(client, emulator, prompt=str(number)) for number in range(5)]
    emulator.clock.advance(60)
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = history(client, emulator, **query).json()
        found += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            break
        assert "=" not in cursor
    assert found == sent[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"endpoint_id": ""},
        {"request_id": "mine"},
        {"status": "fine"},
        {"sort_by": "luck"},
        {"start": "soon"},
        {"expand": "everything"},
        {"limit": "0"},
    ],
)
def test_parameters_that_are_wrong_are_400(
    emulator: Emulator, client: httpx.Client, query: dict[str, str]
) -> None:
    answer = history(client, emulator, **query)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "validation_error")


def test_it_needs_a_key(emulator: Emulator, stranger: httpx.Client) -> None:
    assert history(stranger, emulator).status_code == 401


def test_sync_runs_are_listed_and_kept_payloads_are_the_callers_choice(
    start: Start, client: httpx.Client
) -> None:
    with start(delay=0.0) as emulator:
        url = f"{emulator.origins.run}/{PAINT}"
        client.post(url, json={"prompt": "kept"})
        client.post(url, json={"prompt": "private"}, headers={"X-Fal-Store-IO": "0"})
        client.post(url, json={"prompt": "inline", "sync_mode": True})
        inline, private, kept = history(client, emulator, expand="payloads").json()["items"]
    assert kept["json_output"]["prompt"] == "kept"
    assert "json_input" not in private
    assert (inline["json_input"]["prompt"], inline["json_output"]) == ("inline", None)


def test_it_can_lag_add_defaults_and_hold_payloads_back(start: Start, client: httpx.Client) -> None:
    with start(delay=0.0) as emulator:
        submit(client, emulator, prompt="a fox")
        emulator.faults.add("history:lag=20")
        assert history(client, emulator).json()["items"] == []
        emulator.clock.advance(20)
        assert len(history(client, emulator).json()["items"]) == 1
        emulator.faults.add("history:defaults:times=1")
        (item,) = history(client, emulator, expand="payloads").json()["items"]
        assert item["json_input"]["num_images"] == 1
        assert item["json_input"]["prompt"] == "a fox"
        emulator.faults.add("history:bare")
        (item,) = history(client, emulator, expand="payloads").json()["items"]
        assert "json_input" not in item


def test_the_answers_are_dated_by_the_emulators_clock(
    emulator: Emulator, client: httpx.Client
) -> None:
    emulator.clock.advance(10 * 365 * 86400)
    dates = client.get(f"{emulator.origins.queue}/no/such").headers.get_list("date")
    assert len(dates) == 1
    assert int(dates[0].split()[3]) >= 2035
