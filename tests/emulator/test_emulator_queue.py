"""The queue host: paths, codes and fields as the real one has them."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import httpx
import pytest

from falsmith.emulator import KEY, LOCKED_KEY, Emulator

Start = Callable[..., Emulator]
PAINT = "acme/paint/turbo"
VALID = {"prompt": "a fox"}
# The clock of the emulator is put forward by hand.
LONG = 600.0


@pytest.fixture(scope="module")
def emulator(start: Start) -> Iterator[Emulator]:
    """Return an emulator whose jobs end when its clock is put forward."""
    with start(delay=LONG) as running:
        yield running


def submit(client: httpx.Client, emulator: Emulator, model_id: str = PAINT, **told: Any) -> Any:
    answer = client.post(f"{emulator.origins.queue}/{model_id}", json=VALID, **told)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_submit_answers_the_six_fields_with_links_of_owner_and_app(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    base = f"{emulator.origins.queue}/acme/paint/requests/{told['request_id']}"
    assert str(uuid.UUID(told["request_id"])) == told["request_id"]
    assert told == {
        "status": "IN_QUEUE",
        "request_id": told["request_id"],
        "queue_position": 2,
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
    }


def test_links_of_a_namespaced_id_keep_three_segments(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator, "workflows/acme/story/long")
    assert "/workflows/acme/story/requests/" in told["status_url"]
    assert client.get(told["status_url"]).status_code == 202


def test_an_empty_body_is_an_empty_input(emulator: Emulator, client: httpx.Client) -> None:
    answer = client.post(f"{emulator.origins.queue}/acme/studio")
    assert answer.status_code == 200


def test_a_job_goes_from_queue_over_progress_to_completed_and_then_has_its_result(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    seen = []
    for _ in range(3):
        seen.append(client.get(told["status_url"], params={"logs": 1}))
        emulator.clock.advance(LONG / 2)
    assert [answer.status_code for answer in seen] == [202, 202, 200]
    queued, running, completed = (answer.json() for answer in seen)
    assert (queued["status"], queued["queue_position"]) == ("IN_QUEUE", 2)
    assert "logs" not in queued
    assert running["status"] == "IN_PROGRESS"
    assert completed["status"] == "COMPLETED"
    assert completed["metrics"]["inference_time"] == LONG / 2
    assert "error" not in completed
    links = ("request_id", "response_url", "status_url", "cancel_url")
    for body in (queued, running, completed):
        assert [body[name] for name in links] == [told[name] for name in links]
    result = client.get(told["response_url"])
    assert result.status_code == 200
    assert result.json()["prompt"] == "a fox"
    assert result.headers["x-fal-billable-units"] == "1"
    assert client.get(told["response_url"] + "/response").json() == result.json()


def test_looking_brings_no_job_forward(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    seen = {client.get(told["status_url"]).json()["status"] for _ in range(20)}
    assert seen == {"IN_QUEUE"}


def test_positions_fall_and_the_log_is_whole_every_time_grows_and_never_runs_ahead(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    positions, logs = [], []
    for _ in range(11):
        body = client.get(told["status_url"], params={"logs": "true"}).json()
        now = client.get(f"{emulator.origins.queue}/_emulator/clock").json()["now"]
        if body["status"] == "IN_QUEUE":
            positions.append(body["queue_position"])
        else:
            logs.append(body["logs"])
            assert all(line["timestamp"] <= now for line in body["logs"])
        emulator.clock.advance(LONG / 10)
    assert positions == [2, 2, 1, 1, 0]
    assert [len(lines) for lines in logs] == [1, 2, 3, 4, 5, 5]
    for shorter, longer in pairwise(logs):
        assert longer[: len(shorter)] == shorter
    assert set(logs[0][0]) == {"timestamp", "level", "source", "message"}


def test_the_status_stream_tells_each_change_and_ends_with_the_job(
    start: Start, client: httpx.Client
) -> None:
    with start(delay=0.4) as emulator:
        told = submit(client, emulator)
        with client.stream("GET", told["status_url"] + "/stream", params={"logs": 1}) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["x-fal-request-id"] == told["request_id"]
            text = "".join(stream.iter_text())
        whole = client.get(told["status_url"], params={"logs": 1}).json()
    assert text.endswith("\n\n")
    events = [json.loads(event.removeprefix("data: ")) for event in text.split("\n\n") if event]
    statuses = [event["status"] for event in events]
    assert statuses == sorted(statuses, key=["IN_QUEUE", "IN_PROGRESS", "COMPLETED"].index)
    assert set(statuses) == {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
    assert statuses.count("COMPLETED") == 1
    assert [line for event in events for line in event.get("logs") or ()] == whole["logs"]


def test_a_status_stream_is_cut_without_a_word_where_the_emulator_ends(
    start: Start, client: httpx.Client, capfd: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as open_streams:
        with start(delay=LONG) as emulator:
            told = submit(client, emulator)
            stream = client.stream("GET", told["status_url"] + "/stream")
            events = open_streams.enter_context(stream).iter_lines()
            assert next(events).startswith("data: ")
        assert capfd.readouterr().err == ""


def test_a_result_is_kept_for_an_hour(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    emulator.clock.advance(LONG + 3590)
    assert client.get(told["response_url"]).status_code == 200
    emulator.clock.advance(20)
    gone = client.get(told["response_url"])
    assert (gone.status_code, gone.json()) == (404, {"status": "NOT_FOUND"})


@pytest.mark.parametrize("logs", ["0", "false", None])
def test_without_logs_the_key_is_there_and_null(
    start: Start, client: httpx.Client, logs: str | None
) -> None:
    with start(delay=0.0) as emulator:
        told = submit(client, emulator)
        body = client.get(told["status_url"], params={"logs": logs} if logs else {}).json()
    assert body["status"] == "COMPLETED"
    assert body["logs"] is None


def test_trailing_slashes_are_accepted(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    assert client.get(told["status_url"] + "/").status_code == 202
    assert client.get(told["response_url"] + "/").status_code == 400


def test_a_result_that_is_asked_for_too_early_is_400_and_says_so(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    early = client.get(told["response_url"])
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})


def test_an_invalid_input_is_accepted_completes_and_fails_at_the_result(
    start: Start, client: httpx.Client
) -> None:
    with start(delay=0.0) as emulator:
        answer = client.post(f"{emulator.origins.queue}/{PAINT}", json={"num_images": 9})
        assert answer.status_code == 200
        status = client.get(answer.json()["status_url"])
        results = [client.get(answer.json()["response_url"]) for _ in range(2)]
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    assert status.json()["error"] and status.json()["error_type"]
    for result in results:
        assert result.status_code == 422
        assert result.headers["x-fal-billable-units"] == "0"
        items = {tuple(item["loc"]): item["type"] for item in result.json()["detail"]}
        assert items == {
            ("body", "prompt"): "missing",
            ("body", "num_images"): "less_than_equal",
        }


def test_cancel_in_the_queue_is_200_and_the_result_replays_499(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    cancelled = client.put(told["cancel_url"])
    assert (cancelled.status_code, cancelled.json()) == (200, {"status": "OK"})
    status = client.get(told["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    result = client.get(told["response_url"])
    assert (result.status_code, result.headers["x-fal-error-type"]) == (499, "client_cancelled")
    again = client.put(told["cancel_url"])
    assert (again.status_code, again.json()) == (400, {"status": "ALREADY_COMPLETED"})


def test_cancel_of_a_running_job_is_202(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    emulator.clock.advance(LONG / 2)
    cancelled = client.put(told["cancel_url"])
    assert cancelled.status_code == 202
    assert cancelled.json() == {"status": "CANCELLATION_REQUESTED"}


def test_the_full_id_on_request_paths_is_405(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    base = f"{emulator.origins.queue}/{PAINT}/requests/{told['request_id']}"
    answers = [client.get(base), client.get(f"{base}/status"), client.put(f"{base}/cancel")]
    assert [answer.status_code for answer in answers] == [405, 405, 405]
    assert answers[0].json() == {"detail": "Method Not Allowed"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/status"), ("GET", ""), ("PUT", "/cancel")])
def test_an_unknown_request_is_404_not_found(
    emulator: Emulator, client: httpx.Client, method: str, path: str
) -> None:
    url = f"{emulator.origins.queue}/acme/paint/requests/{uuid.uuid4()}{path}"
    answer = client.request(method, url)
    assert (answer.status_code, answer.json()) == (404, {"status": "NOT_FOUND"})


def test_a_request_is_found_under_its_own_app_only(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator)
    other = told["status_url"].replace("/acme/paint/", "/acme/studio/")
    assert client.get(other).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("no/such", {"detail": 'Application "no/such" not found'}),
        ("acme/paint/slow", {"detail": "Path /slow not found"}),
        ("acme/paint", {"detail": "Path / not found"}),
    ],
)
def test_unknown_apps_and_paths_are_404_at_submit(
    emulator: Emulator, client: httpx.Client, path: str, body: dict[str, str]
) -> None:
    answer = client.post(f"{emulator.origins.queue}/{path}", json=VALID)
    assert (answer.status_code, answer.json()) == (404, body)


@pytest.mark.parametrize(
    ("header", "status", "text"),
    [
        (None, 401, 'Cannot access application "acme/paint"'),
        ("Key wrong:key", 401, "invalid key credentials"),
        ("Key", 401, "invalid key credentials"),
        (f"Bearer {KEY}", 401, "bearer: unable to decode issuer"),
        (f"Key {LOCKED_KEY}", 403, "User is locked. Reason: Exhausted balance."),
    ],
)
def test_who_has_no_good_key_is_refused_at_submit_and_at_status(
    emulator: Emulator, stranger: httpx.Client, header: str | None, status: int, text: str
) -> None:
    headers = {"Authorization": header} if header is not None else {}
    base = f"{emulator.origins.queue}/acme/paint"
    for answer in (
        stranger.post(f"{base}/turbo", json=VALID, headers=headers),
        stranger.get(f"{base}/requests/{uuid.uuid4()}/status", headers=headers),
    ):
        assert answer.status_code == status
        assert answer.json()["detail"].startswith(text)


def test_without_require_key_calls_pass_and_a_wrong_key_still_does_not(
    start: Start, stranger: httpx.Client
) -> None:
    with start(require_key=False) as emulator:
        url = f"{emulator.origins.queue}/{PAINT}"
        wrong = {"Authorization": "Key wrong:key"}
        assert stranger.post(url, json=VALID).status_code == 200
        assert stranger.post(url, json=VALID, headers=wrong).status_code == 401


def test_a_job_that_does_not_start_within_the_callers_limit_ends_with_504(
    emulator: Emulator, client: httpx.Client
) -> None:
    told = submit(client, emulator, headers={"X-Fal-Request-Timeout": "5"})
    assert client.get(told["status_url"]).json()["status"] == "IN_QUEUE"
    emulator.clock.advance(6)
    assert client.get(told["status_url"]).json()["error_type"] == "request_timeout"
    late = client.get(told["response_url"])
    assert (late.status_code, late.headers["x-fal-request-timeout-type"]) == (504, "user")


def test_every_answer_carries_a_request_id(emulator: Emulator, client: httpx.Client) -> None:
    told = submit(client, emulator)
    own = client.get(told["status_url"]).headers["x-fal-request-id"]
    assert own == told["request_id"]
    for url in (f"{emulator.origins.queue}/no/such", f"{emulator.origins.platform}/v1/models"):
        assert uuid.UUID(client.get(url).headers["x-fal-request-id"])


def test_a_start_timeout_that_is_no_number_of_seconds_is_400(
    emulator: Emulator, client: httpx.Client
) -> None:
    for told in ("soon", "0.05", "nan"):
        headers = {"X-Fal-Request-Timeout": told}
        url = f"{emulator.origins.queue}/{PAINT}"
        answer = client.post(url, json=VALID, headers=headers)
        assert (answer.status_code, answer.json()["error_type"]) == (400, "bad_request")


@pytest.mark.parametrize("query", ["fal_webhook=https://example.com/", "fal_max_queue_length=3"])
def test_submit_options_that_are_not_done_are_501_and_queue_nothing(
    emulator: Emulator, client: httpx.Client, query: str
) -> None:
    answer = client.post(f"{emulator.origins.queue}/{PAINT}?{query}", json=VALID)
    assert answer.status_code == 501
    assert "falsmith emulator" in answer.json()["detail"]


def test_what_arrived_can_be_counted_and_read(start: Start, client: httpx.Client) -> None:
    with start() as emulator:
        told = submit(client, emulator)
        client.get(told["status_url"], params={"logs": 1})
        submitted, asked = emulator.requests
    assert (submitted.host, submitted.method, submitted.path) == ("queue", "POST", f"/{PAINT}")
    assert submitted.json == VALID
    assert submitted.headers["authorization"] == f"Key {KEY}"
    assert (asked.method, asked.query, asked.json) == ("GET", "logs=1", None)
