"""A local fal whose jobs last until its clock is put forward, and folders for real daemons."""

import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fal_runtime.config import Config, load_config
from fal_runtime.daemon.place import Marker
from fal_runtime.fal.queue import ModelRequest
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger, open_ledger
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import Emulator

FLUX = "fal-ai/flux/schnell"
HOUR = 3600.0
# Within this a condition comes true on the slowest machine.
PATIENCE = 30.0


def eventually(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until a condition holds; fail when it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came true"
        time.sleep(0.01)


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., None]:
    return eventually


@pytest.fixture(params=[0.0])
def emulator(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Return a fal whose jobs take as many seconds as the parameter says."""
    documents = bundled_documents(FLUX)
    assert documents is not None
    with Emulator([documents], delay=request.param) as running:
        yield running


@pytest.fixture
def short() -> Iterator[Path]:
    """Return a folder whose path is short enough for a socket, unlike pytest's own."""
    with TemporaryDirectory(prefix="fq", dir="/tmp") as folder:
        yield Path(folder)


@dataclass
class Accepted:
    """Makes jobs of the ledger that are ready to be sent."""

    ledger: Ledger
    config: Config
    output: Path

    def __call__(self, prompt: str = "a cat", **options: Any) -> Job:
        request = ModelRequest(
            f"{self.config.origins.queue}/{FLUX}",
            {"Accept": "application/json", "Content-Type": "application/json"},
            {"prompt": prompt},
        )
        chosen = CallOptions(
            output=self.output, command=("python", "x.py"), poll_interval=0.1, **options
        )
        now = time.time()
        job = Job(FLUX, chosen, "accepted", request, identity=self.config.identity, created=now)
        return self.ledger.add(job)


@pytest.fixture
def config(emulator: Emulator) -> Config:
    free = {"FAL_QUEUE_START_INTERVAL": "0", "FAL_QUEUE_RATE_PER_MIN": "0"}
    return load_config(None, emulator.environment | free)


@pytest.fixture
def accepted(ledger: Ledger, config: Config, tmp_path: Path) -> Accepted:
    return Accepted(ledger, config, tmp_path / "output")


@pytest.fixture
def daemon_ledger(ledger: Ledger, tmp_path: Path) -> Iterator[Ledger]:
    """Return the ledger as a daemon opens it, beside the one of the test."""
    assert ledger
    environ = {"FAL_STATE_DIR": "state"}
    with closing(open_ledger(environ, tmp_path, print, daemon=True)) as opened:
        yield opened


@pytest.fixture
def queues(short: Path) -> Iterator[Path]:
    """Return a folder for daemons; those that are still there at the end are killed."""
    folder = short / "queues"
    yield folder
    for place in folder.iterdir() if folder.is_dir() else ():
        marker = Marker.read(place)
        if marker is not None:
            with suppress(ProcessLookupError):
                os.kill(marker.pid, signal.SIGKILL)
        with (place / "lock").open("ab") as lock:
            eventually(partial(is_free, lock.fileno()), "the end of a daemon")


def is_free(number: int) -> bool:
    """Whether nobody holds the lock of an open file."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
