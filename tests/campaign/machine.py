"""The processes of a campaign: the emulator, the skill's commands, and its daemons."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx

from fal_runtime.jobs.ledger import Ledger, open_ledger

__all__ = ["Machine"]

MODEL = "fal-ai/flux/schnell"
SCRIPT = "fal_ai_flux_schnell.py"
# What people would not set for real: a campaign is in a hurry.
SETTINGS = {
    "FAL_QUEUE_MAX_CONCURRENT": "16",
    "FAL_QUEUE_START_INTERVAL": "0",
    "FAL_QUEUE_RATE_PER_MIN": "100000",
    "FAL_QUEUE_BURST": "1000",
    "FAL_QUEUE_POLL_INTERVAL": "0.5",
    "FAL_QUEUE_JOB_TIMEOUT": "60",
}
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT")


class Machine:
    """A folder with a skill, a ledger and an emulator of its own, while its context is entered."""

    def __init__(self, folder: Path, faults: Sequence[str], seed: int) -> None:
        self.folder = folder
        self._faults = [word for rule in faults for word in ("--fault", rule)]
        self._seed = seed
        self._emulator: subprocess.Popen[str] | None = None
        self._environment: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        falsmith = (sys.executable, "-m", "falsmith")
        subprocess.run(
            (*falsmith, "generate", "--offline", "-m", MODEL, "--standalone", "-o", "skills"),
            cwd=self.folder,
            env=self._own_environment(),
            check=True,
            capture_output=True,
        )
        self.start_emulator()
        return self

    def __exit__(self, *_: object) -> None:
        # A daemon that was just being started is there when the emulator is gone.
        for victim in ("daemon", "emulator", "daemon"):
            self.kill(victim)

    @property
    def skill(self) -> Path:
        """The folder of the skill."""
        (skill,) = (self.folder / "skills").iterdir()
        return skill

    def start_emulator(self) -> None:
        """Start the emulator, with the jobs, the results and the ports of the one before."""
        with self._lock:
            command = (sys.executable, "-m", "falsmith", "emulate", "--json", "--delay", "0.4")
            state = ("--state", str(self.folder / "emulator"), "--seed", str(self._seed))
            self._emulator = subprocess.Popen(
                (*command, *state, *self._faults),
                cwd=self.folder,
                env=self._own_environment(),
                stdout=subprocess.PIPE,
                stderr=(self.folder / "emulator.log").open("a"),
                text=True,
            )
            assert self._emulator.stdout is not None
            settings = self._emulator.stdout.readline()
            self._environment = json.loads(settings) if settings else {}
            if not settings:
                raise RuntimeError((self.folder / "emulator.log").read_text()[-2000:])

    def kill(self, victim: str) -> None:
        """Kill the emulator, or every daemon, at once."""
        if victim == "emulator":
            with self._lock:
                if self._emulator is not None:
                    self._emulator.kill()
                    self._emulator.wait()
            return
        for process in self._daemons():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def call(self, words: Sequence[str]) -> subprocess.Popen[str]:
        """Start one command of the skill."""
        return subprocess.Popen(
            (sys.executable, str(self.skill / "scripts" / SCRIPT), *words),
            cwd=self.folder,
            env=self._own_environment() | self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def books(self) -> list[dict[str, Any]]:
        """Return what the emulator accepted, by input."""
        books: list[dict[str, Any]] = self._control("GET", "books")["books"]
        return books

    def heal(self) -> None:
        """Take back all faults."""
        self._faults = []
        self._control("DELETE", "faults")

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger of the skill's commands."""
        ledger = open_ledger(self._own_environment(), self.folder, lambda _: None)
        try:
            yield ledger
        finally:
            ledger.close()

    def _control(self, method: str, name: str) -> Any:  # JSON
        url = f"{self._environment['FAL_QUEUE_URL']}/_emulator/{name}"
        return httpx.request(method, url, trust_env=False, timeout=30).raise_for_status().json()

    def _daemons(self) -> Iterator[int]:
        """Yield the process IDs of all daemons: those that run this skill's entry point."""
        script = str(self.skill / "scripts" / "queue_daemon.py")
        listed = subprocess.run(
            ("ps", "-eo", "pid=,args="), capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            number, _, words = line.strip().partition(" ")
            if script in words:
                yield int(number)

    def _own_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        folders = {
            "FAL_STATE_DIR": str(self.folder / "state"),
            "FAL_QUEUE_DIR": str(self.folder / "queue"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        for place in folders.values():
            Path(place).mkdir(mode=0o700, exist_ok=True)
        return kept | folders | SETTINGS
