"""The official JavaScript client as a judge: it must not notice that this is not fal."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest

from falsmith.emulator import Emulator

WITNESS = Path(__file__).with_name("witness.mjs")
PACKAGE = "@fal-ai/client@1.10.1"
# A folder with node_modules that holds the package; without one, CI fetches it.
FOLDER = os.environ.get("FALSMITH_FAL_JS")

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        FOLDER is None and "CI" not in os.environ,
        reason="npm fetches the client: it runs in CI, or with FALSMITH_FAL_JS=FOLDER",
    ),
]


@pytest.fixture(scope="module")
def emulator(start: Callable[..., Emulator]) -> Iterator[Emulator]:
    with start(delay=0.4) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder from which the client can be imported."""
    if FOLDER is not None:
        return Path(FOLDER)
    place = tmp_path_factory.mktemp("npm")
    install = ["npm", "install", "--prefix", str(place), "--cache", str(place / "cache")]
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", PACKAGE]
    done = subprocess.run([*install, *quiet], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return place


@pytest.fixture(scope="module")
def seen(emulator: Emulator, folder: Path) -> dict[str, Any]:
    """Return what the client saw in one run of the witness."""
    origins = emulator.origins
    command = ["node", str(WITNESS), str(folder), origins.queue, origins.run, origins.rest]
    environment = {"PATH": os.environ["PATH"], "FAL_KEY": emulator.environment["FAL_KEY"]}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_sync_run_returns_the_output(seen: dict[str, Any]) -> None:
    assert seen["run"] == "run"


@pytest.mark.parametrize("way", ["polling", "streaming", "client"])
def test_subscribe_sees_each_phase_the_growing_log_and_the_result(
    seen: dict[str, Any], emulator: Emulator, way: str
) -> None:
    told = seen[way]
    assert told["prompt"] == way
    phases = [phase for phase, _ in groupby(told["statuses"])]
    assert phases == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert told["lines"] == sorted(told["lines"])
    assert told["lines"][-1] == 5
    (book,) = [book for book in emulator.books if book.inputs == {"prompt": way}]
    assert [job.request_id for job in book.jobs] == [told["requestId"]]


def test_errors_come_with_their_status_and_detail(seen: dict[str, Any]) -> None:
    assert seen["invalid"]["status"] == 422
    assert seen["invalid"]["detail"][0]["type"] == "missing"
    assert seen["cancelled"]["status"] == 499


def test_uploads_arrive_whole_also_in_parts(seen: dict[str, Any], emulator: Emulator) -> None:
    assert httpx.get(seen["uploaded"], trust_env=False).content == b"small"
    served = httpx.get(seen["inParts"], trust_env=False)
    assert (len(served.content), set(served.content)) == (91 * 1024 * 1024, {7})
    assert served.headers["content-type"] == "video/mp4"
    parts = [one for one in emulator.requests if (one.host, one.method) == ("cdn", "PUT")]
    assert len(parts) == 1 + 10
