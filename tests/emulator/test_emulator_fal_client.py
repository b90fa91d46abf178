"""The official Python client as a judge: it must not notice that this is not fal."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from falsmith.emulator import Emulator, ReceivedRequest

WITNESS = Path(__file__).with_name("witness.py")
# 25 parts of 10 KB, the last one shorter.
PARTS = bytes(range(256)) * 990


@pytest.fixture(scope="module")
def secure(start: Callable[..., Emulator]) -> Iterator[Emulator]:
    with start(tls=True) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def seen(secure: Emulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the client saw in one run of the witness."""
    folder = tmp_path_factory.mktemp("home")
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_PROXY": "*"}
    environment = own | secure.environment
    command = [sys.executable, str(WITNESS), secure.origins.rest, secure.origins.cdn, str(folder)]
    run = subprocess.run(command, env=environment, capture_output=True, timeout=50, check=False)
    assert run.returncode == 0, run.stderr.decode()
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_a_sync_run_returns_the_output(seen: dict[str, Any]) -> None:
    assert seen["run"]["prompt"] == "one"
    assert seen["run"]["images"][0]["url"].startswith("https://127.0.0.1:")


def test_an_invalid_input_is_the_clients_own_error(seen: dict[str, Any]) -> None:
    assert seen["refused"] == [422, "missing"]


def test_events_of_a_job_come_in_order_and_then_the_result(seen: dict[str, Any]) -> None:
    assert [name for name, _ in groupby(seen["events"])] == ["Queued", "InProgress", "Completed"]
    assert seen["result"]["prompt"] == "two"
    assert seen["found_again"]


def test_subscribe_waits_for_the_result(seen: dict[str, Any]) -> None:
    assert seen["subscribed"]["prompt"] == "three"
    assert seen["async"]["prompt"] == "five"
    assert len(seen["enqueued"]) == 1


def test_a_cancelled_job_raises_with_its_type(seen: dict[str, Any]) -> None:
    assert seen["cancelled"] == [499, "client_cancelled"]


def test_an_invalid_input_of_the_queue_fails_at_the_result(seen: dict[str, Any]) -> None:
    assert seen["refused_in_queue"] == [422, ["body", "prompt"]]


def test_a_job_that_has_no_end_stays_and_the_clients_own_limit_cancels_it(
    seen: dict[str, Any], secure: Emulator
) -> None:
    assert seen["stuck"][0] in ("Queued", "InProgress")
    replies = {job.request_id: job.reply.error_type for book in secure.books for job in book.jobs}
    assert replies[seen["late"]] == "client_cancelled"
    assert replies[seen["stuck"][1]] is None


def test_uploaded_files_are_on_the_cdn_also_those_in_parts(
    seen: dict[str, Any], secure: Emulator
) -> None:
    context = ssl.create_default_context(cafile=secure.environment["SSL_CERT_FILE"])
    contents = {"uploaded": b"RIFF" * 100, "in_parts": PARTS, "async_in_parts": PARTS}
    for link, content in ((seen[name], contents[name]) for name in contents):
        assert link.startswith(secure.origins.cdn)
        served = httpx.get(link, verify=context, trust_env=False)
        assert served.content == content


def test_each_job_was_submitted_once(seen: dict[str, Any], secure: Emulator) -> None:
    submits: list[ReceivedRequest] = [
        one for one in secure.requests if (one.host, one.method) == ("queue", "POST")
    ]
    assert [one.json.get("prompt") for one in submits] == [
        "two",
        "three",
        "four",
        "stuck",
        "late",
        None,
        "five",
    ]
