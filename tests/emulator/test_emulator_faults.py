"""Failures on order: each spoils the requests that its rule names, and only those."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fal_runtime.errors import UsageError
from falsmith.emulator import Emulator
from falsmith.emulator.faults import parse_fault

Start = Callable[..., Emulator]
PAINT = "acme/paint/turbo"
VALID = {"prompt": "a fox"}


@pytest.fixture(autouse=True)
def rules_end_with_the_test(emulator: Emulator) -> Iterator[None]:
    yield
    emulator.faults.clear()


def submit(client: httpx.Client, emulator: Emulator, **headers: str) -> httpx.Response:
    return client.post(f"{emulator.origins.queue}/{PAINT}", json=VALID, headers=headers)


def accepted(emulator: Emulator) -> int:
    return sum(len(book.jobs) for book in emulator.books)


@pytest.mark.parametrize(
    ("rule", "is_accepted"),
    [("submit:drop", 1), ("submit:reset", 0), ("any:drop", 1), ("submit:cut=3", 1)],
)
def test_a_connection_that_is_cut_is_an_error_of_transport(
    emulator: Emulator, client: httpx.Client, rule: str, is_accepted: int
) -> None:
    before = accepted(emulator)
    emulator.faults.add(rule)
    with pytest.raises(httpx.TransportError):
        submit(client, emulator)
    assert accepted(emulator) - before == is_accepted


@pytest.mark.parametrize(
    ("rule", "status", "told"),
    [
        ("submit:error=500", 500, {"id"}),
        ("submit:error=500:noid", 500, set()),
        ("submit:error=503:after", 503, {"id", "accepted"}),
        ("submit:error=405", 405, {"id"}),
        ("submit:page=502", 502, {"page"}),
        ("submit:page=504:after", 504, {"page", "accepted"}),
    ],
)
def test_an_error_takes_the_place_of_the_answer(
    emulator: Emulator, client: httpx.Client, rule: str, status: int, told: set[str]
) -> None:
    before = accepted(emulator)
    emulator.faults.add(rule)
    answer = submit(client, emulator)
    assert answer.status_code == status
    assert accepted(emulator) - before == ("accepted" in told)
    assert ("x-fal-request-id" in answer.headers) == ("id" in told)
    assert ("nginx" in answer.text) == ("page" in told)
    if {"id", "accepted"} <= told:
        jobs = [job.request_id for book in emulator.books for job in book.jobs]
        assert answer.headers["x-fal-request-id"] in jobs


def test_too_many_requests_says_when_to_come_again(
    emulator: Emulator, client: httpx.Client
) -> None:
    emulator.faults.add("submit:error=429:retry-after=2:times=2")
    answers = [submit(client, emulator) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert answers[0].headers["x-fal-needs-retry"] == "1"
    assert answers[0].json()["error_type"] == "concurrent_requests_limit"
    assert emulator.faults.counts() == [
        {"rule": "submit:error=429:retry-after=2:times=2", "struck": 2}
    ]


def test_rules_are_a_script_each_waits_until_those_before_it_are_used_up(
    emulator: Emulator, client: httpx.Client
) -> None:
    emulator.faults.add("status:error=500:times=1", "status:page=502:times=1", "cancel:error=403")
    told = submit(client, emulator).json()
    seen = [client.get(told["status_url"]).status_code for _ in range(3)]
    assert seen == [500, 502, 200]
    assert client.put(told["cancel_url"]).status_code == 403


def test_a_rule_can_be_for_one_model(emulator: Emulator, client: httpx.Client) -> None:
    emulator.faults.add(f"submit:error=500:model={PAINT}", "status:error=405:model=acme/studio")
    assert submit(client, emulator).status_code == 500
    other = client.post(f"{emulator.origins.queue}/acme/studio", json={}).json()
    assert client.get(other["status_url"]).status_code == 405
    emulator.faults.clear()
    emulator.faults.add("status:error=405:model=acme/studio")
    told = submit(client, emulator).json()
    assert client.get(told["status_url"]).status_code == 200


def test_skip_lets_the_first_ones_pass(emulator: Emulator, client: httpx.Client) -> None:
    emulator.faults.add("submit:error=500:skip=1:times=1")
    assert [submit(client, emulator).status_code for _ in range(3)] == [200, 500, 200]


def test_chance_comes_out_the_same_from_the_same_seed(start: Start, client: httpx.Client) -> None:
    def run(seed: int) -> list[int]:
        with start(delay=0.0, faults=["submit:error=500:chance=0.5"], seed=seed) as emulator:
            return [submit(client, emulator).status_code for _ in range(12)]

    first = run(1)
    assert first == run(1) != run(2)
    assert set(first) == {200, 500}


def test_a_request_can_carry_its_own_rules(emulator: Emulator, client: httpx.Client) -> None:
    spoilt = submit(client, emulator, **{"X-Fal-Emulator-Fault": "submit:error=503"})
    assert spoilt.status_code == 503
    assert submit(client, emulator).status_code == 200
    wrong = submit(client, emulator, **{"X-Fal-Emulator-Fault": "submit:explode"})
    assert (wrong.status_code, "explode" in wrong.text) == (400, True)


@pytest.mark.parametrize(
    ("error", "status", "in_list"),
    [("content_policy_violation", 422, True), ("runner_disconnected", 503, False)],
)
def test_a_model_can_fail_late(
    start: Start, client: httpx.Client, error: str, status: int, in_list: bool
) -> None:
    with start(delay=60.0, faults=[f"job:fail={error}"]) as emulator:
        told = submit(client, emulator).json()
        assert client.get(told["status_url"]).json()["status"] == "IN_QUEUE"
        emulator.clock.advance(60)
        shown = client.get(told["status_url"]).json()
        result = client.get(told["response_url"])
    assert (shown["status"], shown["error_type"]) == ("COMPLETED", error)
    assert result.status_code == status
    detail = result.json()["detail"]
    assert (detail[0]["type"] == error) if in_list else result.json()["error_type"] == error


def test_a_job_can_run_for_ever_be_slow_or_lose_its_result(
    start: Start, client: httpx.Client
) -> None:
    with start(delay=0.0) as emulator:
        ends = {}
        for rule in ("job:stuck", "job:delay=100", "job:expire=5"):
            told = submit(client, emulator, **{"X-Fal-Emulator-Fault": rule}).json()
            ends[rule] = told["status_url"]
        emulator.clock.advance(99)
        told = {rule: client.get(url) for rule, url in ends.items()}
    assert told["job:stuck"].json()["status"] == "IN_PROGRESS"
    assert told["job:delay=100"].json()["status"] == "IN_PROGRESS"
    assert told["job:expire=5"].status_code == 404


def test_an_answer_can_come_after_the_timeout(emulator: Emulator, client: httpx.Client) -> None:
    before = accepted(emulator)
    emulator.faults.add("submit:delay=1")
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{emulator.origins.queue}/{PAINT}", json=VALID, timeout=0.2)
    assert accepted(emulator) - before == 1


def test_a_job_can_be_said_to_be_in_a_state_that_fal_does_not_have(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator).json()
    emulator.faults.add("status:word=FAILED:times=1", "stream:word=PAUSED")
    seen = [client.get(told["status_url"]).json()["status"] for _ in range(2)]
    assert seen == ["FAILED", "COMPLETED"]
    assert '"status": "PAUSED"' in client.get(told["status_url"] + "/stream").text


def test_a_page_can_stand_in_the_place_of_a_good_answer(
    emulator: Emulator, client: httpx.Client
) -> None:
    emulator.faults.add("submit:page=200")
    answer = submit(client, emulator)
    assert (answer.status_code, answer.text[:6]) == (200, "<html>")


def test_a_redirect_leads_to_the_answer(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator).json()
    emulator.faults.add("result:redirect", "status:redirect=https://fal.example/x")
    moved = client.get(told["response_url"])
    assert moved.status_code == 307
    assert client.get(moved.headers["location"]).json()["prompt"] == "a fox"
    assert client.get(told["status_url"]).headers["location"] == "https://fal.example/x"


def test_a_body_can_end_early_come_slowly_and_claim_another_type(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator).json()
    whole = client.get(told["response_url"]).content
    link = client.get(told["response_url"]).json()["images"][0]["url"]
    emulator.faults.add("result:cut=10:times=1", "download:slow=40000", "status:type=text/html")
    arrived = b""
    with client.stream("GET", told["response_url"]) as answer:
        assert int(answer.headers["content-length"]) == len(whole)
        with pytest.raises(httpx.RemoteProtocolError):
            for piece in answer.iter_raw():
                arrived += piece
    assert arrived == whole[:10]
    assert client.get(told["response_url"]).content == whole
    pieces = []
    with client.stream("GET", link) as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 1
    assert b"".join(pieces).startswith(b"\xff\xd8")
    assert client.get(told["status_url"]).headers["content-type"] == "text/html"


def test_a_dropped_sync_run_is_booked(emulator: Emulator, client: httpx.Client) -> None:
    emulator.faults.add("run:drop")
    with pytest.raises(httpx.TransportError):
        client.post(f"{emulator.origins.run}/{PAINT}", json={"prompt": "an otter"})
    (book,) = [book for book in emulator.books if book.inputs == {"prompt": "an otter"}]
    assert [job.host for job in book.jobs] == ["run"]


def test_rules_books_and_clock_can_be_reached_by_http(
    start: Start, stranger: httpx.Client, client: httpx.Client
) -> None:
    with start(delay=60.0) as emulator:
        own = f"{emulator.origins.platform}/_emulator"
        stranger.post(f"{own}/faults", json={"rules": ["submit:drop:times=1"]})
        with pytest.raises(httpx.TransportError):
            submit(client, emulator)
        submit(client, emulator)
        assert stranger.get(f"{own}/faults").json()["faults"][0]["struck"] == 1
        assert stranger.delete(f"{own}/faults").json() == {"faults": []}
        stranger.post(f"{own}/clock", json={"advance": 60})
        (book,) = stranger.get(f"{own}/books").json()["books"]
        refused = stranger.post(f"{own}/faults", json={"rules": ["submit:explode"]})
    assert (book["model_id"], book["input"], book["accepted"]) == (PAINT, VALID, 2)
    states: list[Any] = [
        (one["host"], one["status"], one["status_code"], one["billable_units"], one["collected"])
        for one in book["requests"]
    ]
    assert states == [("queue", "COMPLETED", 200, "1", 0)] * 2
    assert refused.status_code == 400


def test_eight_clients_at_once_are_all_booked(emulator: Emulator, client: httpx.Client) -> None:
    before = accepted(emulator)
    threads = [threading.Thread(target=submit, args=(client, emulator)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted(emulator) - before == 8


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ("submit", "no effect"),
        ("nowhere:drop", "no place"),
        ("submit:explode", "no effect"),
        ("submit:fail=internal_error", "belongs to job"),
        ("job:fail=sadness", "content_policy_violation"),
        ("job:fail", "ERROR"),
        ("submit:error", "number"),
        ("submit:error=200", "400 to 599"),
        ("submit:drop=1", "no value"),
        ("submit:drop:twice", "no option"),
        ("submit:drop:times=1.5", "whole number"),
        ("submit:delay=-1", "number"),
        ("download:slow=0", "at least 1"),
        ("submit:type", "TYPE"),
        ("submit:reset:after", "belongs to error, page"),
        ("submit:page=502:noid", "belongs to error"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_there_is(rule: str, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        parse_fault(rule)
