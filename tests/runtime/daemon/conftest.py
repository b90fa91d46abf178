"""A local fal whose jobs last until its clock is put forward, and folders for real daemons."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from fal_runtime.config import Config, load_config
from fal_runtime.daemon.place import Marker
from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger, open_ledger
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import Emulator

FLUX = "fal-ai/flux/schnell"
HOUR = 3600.0
# Within this a condition comes true on the slowest machine.
PATIENCE = 30.0


WRAPPER = """\
import sys
from pathlib import Path
from fal_runtime.command import main
sys.exit(main(model_id="fal-ai/flux/schnell", skill=Path(__file__).absolute().parent.parent))
"""
SETTINGS = """\
sync_only: false
start_interval: 0
global_rate_per_min: 0
poll_interval: 0.2
"""


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

    def __call__(self, prompt: str = "a cat", images: int = 1, **options: Any) -> Job:
        request = ModelRequest(
            f"{self.config.origins.queue}/{FLUX}",
            {"Accept": "application/json", "Content-Type": "application/json"},
            {"prompt": prompt, "num_images": images},
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


@dataclass
class Command:
    """A command that runs, and what it says."""

    process: subprocess.Popen[str]
    stderr: Path

    def said(self, text: str) -> bool:
        """Whether it has said this on stderr."""
        return text in self.stderr.read_text()

    def kill(self) -> None:
        """End it where it has not ended."""
        self.process.kill()
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()

    def end(self) -> tuple[int, dict[str, Any]]:
        """Wait for its end; return its exit status and the object that it printed."""
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads(out or "{}")


@dataclass
class Skill:
    """A skill and its environment."""

    folder: Path
    queues: Path
    environ: dict[str, str]
    commands: list[Command] = field(default_factory=list)
    is_free = staticmethod(is_free)

    def start(self, *words: str, **environ: str) -> Command:
        """Start the wrapper with these words."""
        script = str(self.folder / "scripts" / "flux.py")
        return self.run([sys.executable, script, *words], environ)

    def call(self, *words: str, **environ: str) -> tuple[int, dict[str, Any]]:
        """Run the wrapper to its end."""
        return self.start(*words, **environ).end()

    def run(self, words: list[str], environ: dict[str, str]) -> Command:
        stderr = self.folder.parent / f"stderr-{len(self.commands)}"
        with stderr.open("w") as errors:
            process = subprocess.Popen(
                words,
                stdout=subprocess.PIPE,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                text=True,
                cwd=self.folder.parent,
                env=self.environ | environ,
            )
        self.commands.append(Command(process, stderr))
        return self.commands[-1]

    @property
    def daemon_folder(self) -> Path:
        return self.queues / "flux-skill__fal-ai_flux_schnell__v2"

    @property
    def daemon(self) -> Marker:
        """What the running daemon says of itself."""
        marker = Marker.read(self.daemon_folder)
        assert marker is not None
        return marker

    @property
    def runs(self) -> bool:
        """Whether a daemon has begun and has not ended."""
        return (self.daemon_folder / "marker").is_file()

    @property
    def log(self) -> str:
        return (self.daemon_folder / "log").read_text()


@pytest.fixture
def skill(emulator: Emulator, short: Path, queues: Path) -> Iterator[Skill]:
    """Return a skill whose calls go to a local fal and whose daemons are killed at the end."""
    folder = short / "flux-skill"
    (folder / "references").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "references" / "model_config.json").write_text(json.dumps({"model_id": FLUX}))
    (folder / "references" / "input.schema.json").write_text(
        json.dumps({"type": "object", "properties": {"prompt": {"type": "string"}}})
    )
    (folder / "scripts" / "flux.py").write_text(WRAPPER)
    (folder / "queue_config.yaml").write_text(SETTINGS)
    (short / "run").mkdir(mode=0o700)
    environ = {
        **emulator.environment,
        "PATH": os.environ["PATH"],
        "HOME": str(short / "home"),
        "FAL_STATE_DIR": str(short / "state"),
        "FAL_QUEUE_DIR": str(queues),
        "XDG_RUNTIME_DIR": str(short / "run"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    made = Skill(folder, queues, environ)
    yield made
    for command in made.commands:
        command.kill()
