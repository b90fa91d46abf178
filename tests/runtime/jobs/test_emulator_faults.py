"""By the emulator's books: whatever fails, an input is accepted once and its file is saved."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.config import load_config
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import PreparedInput
from fal_runtime.jobs.commands import run_job
from fal_runtime.jobs.job import Services
from fal_runtime.jobs.ledger import Ledger
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import Emulator

FLUX = "fal-ai/flux/schnell"
SMALL = {"width": 64, "height": 64}
CAT = PreparedInput({"prompt": "a cat", "image_size": SMALL}, (), ())


@contextmanager
def emulator(*faults: str) -> Iterator[Emulator]:
    documents = bundled_documents(FLUX)
    assert documents is not None
    with Emulator([documents], delay=0.1, faults=faults) as running:
        yield running


@pytest.mark.parametrize(
    "fault",
    [
        "submit:drop:times=1",
        "submit:cut=10:times=1",
        "submit:error=500:after:times=1",
        "submit:error=503:after:noid:times=1",
        "submit:error=405:after:noid:times=1",
        "submit:page=502:after:times=1",
        "submit:error=429:retry-after=0:times=2",
        "stream:error=405",
        "stream:cut=80",
        "status:page=502:times=2",
        "result:drop:times=1",
        "result:page=502:times=1",
        "download:cut=20:times=1",
        "run:drop:times=1",
        "run:page=504:after:times=1",
    ],
)
def test_a_fault_costs_neither_the_file_nor_a_second_run(
    fault: str, ledger: Ledger, tmp_path: Path
) -> None:
    is_sync = fault.startswith("run:")
    options = CallOptions(output=tmp_path / "output", sync_only=is_sync, poll_interval=0.1)
    with emulator(fault) as running:
        services = Services(load_config(None, running.environment), lambda _: None)
        result = run_job(services, ledger, FLUX, CAT, options)
        books = running.books
    assert (result.status, result.exit_status, len(result.files)) == ("COMPLETED", 0, 1)
    assert result.files[0].path.exists()
    assert [len(book.jobs) for book in books] == [1]


def test_a_status_that_streams_takes_one_request(ledger: Ledger, tmp_path: Path) -> None:
    with emulator() as running:
        services = Services(load_config(None, running.environment), lambda _: None)
        run_job(services, ledger, FLUX, CAT, CallOptions(output=tmp_path / "output"))
        paths = [request.path.rpartition("/")[2] for request in running.requests]
    assert (paths.count("stream"), paths.count("status")) == (1, 0)


CALL = (
    f"from fal_runtime.command import main; raise SystemExit(main(model_id={FLUX!r}, skill=None))"
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
@pytest.mark.parametrize(
    ("fault", "flow"),
    [("submit:delay=30:times=1", "--no-queue"), ("run:delay=30:times=1", "--sync-only")],
)
def test_a_command_killed_while_fal_accepts_its_job_is_finished_by_the_next_one(
    fault: str, flow: str, tmp_path: Path
) -> None:
    with emulator(fault) as running:
        environment = {**os.environ, **running.environment}

        def start(*words: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", CALL, *words, flow, "--output", str(tmp_path / "out")]
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

        def told(*words: str) -> Any:
            with start(*words) as process:
                return json.loads(process.communicate(timeout=60)[0])

        with start("--args", json.dumps(CAT.value)) as killed:
            wait_until(lambda: bool(running.books))
            killed.kill()
        (left,) = told("--jobs")["result"]
        assert (left["state"], left["request_id"]) == ("submitting", None)
        done = told("--result", left["job"])
        books = running.books
    assert done["status"] == "COMPLETED"
    assert Path(done["saved_path"]).exists()
    assert [len(book.jobs) for book in books] == [1]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return when something is so, at the latest in a minute."""
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)
