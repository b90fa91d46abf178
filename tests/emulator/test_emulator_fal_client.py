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
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from falsmith.emulator import KEY, Emulator, ReceivedRequest

WITNESS = Path(__file__).with_name("witness.py")


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a private authority and a certificate for loopback."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "chain.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder


@pytest.fixture(scope="module")
def secure(trusted: Path, start: Callable[..., Emulator]) -> Iterator[Emulator]:
    with start(certificate=(trusted / "chain.pem", trusted / "key.pem")) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def seen(secure: Emulator, trusted: Path) -> dict[str, Any]:
    """Return what the client saw in one run of the witness."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(trusted),
        "FAL_KEY": KEY,
        "FAL_RUN_HOST": urlsplit(secure.origins.run).netloc,
        "FAL_QUEUE_RUN_HOST": urlsplit(secure.origins.queue).netloc,
        "SSL_CERT_FILE": str(trusted / "ca.pem"),
        "NO_PROXY": "*",
    }
    command = [sys.executable, str(WITNESS), secure.origins.rest, secure.origins.cdn, str(trusted)]
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


def test_an_uploaded_file_is_on_the_cdn(
    seen: dict[str, Any], secure: Emulator, trusted: Path
) -> None:
    assert seen["uploaded"].startswith(secure.origins.cdn)
    context = ssl.create_default_context(cafile=str(trusted / "ca.pem"))
    served = httpx.get(seen["uploaded"], verify=context, trust_env=False)
    assert served.content == b"RIFF" * 100


def test_each_job_was_submitted_once(seen: dict[str, Any], secure: Emulator) -> None:
    submits: list[ReceivedRequest] = [
        one for one in secure.requests if (one.host, one.method) == ("queue", "POST")
    ]
    assert [one.json["prompt"] for one in submits] == ["two", "three", "four", "five"]
