"""A client of the daemon: starts it where there is none, hands a job over and tells of it."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fal_runtime import RUNTIME_VERSION
from fal_runtime.config import Config
from fal_runtime.daemon.place import DaemonError, DaemonPlace, Marker, daemon_folders
from fal_runtime.daemon.protocol import (
    PROTOCOL,
    Event,
    Greeting,
    HeldJobs,
    Lines,
    Message,
    ProtocolError,
    Request,
    encoded,
    settings_digest,
)
from fal_runtime.errors import FalError
from fal_runtime.paths import reason
from fal_runtime.text import one_line

if TYPE_CHECKING:
    from fal_runtime.jobs.job import Job

# For how long a daemon may take to start, to answer, and to hand over.
_PATIENCE = 15.0
_ANSWER = 5.0
_HAND_OVER = 6.0
# For how long a daemon that another process starts is looked for, and how often.
_START = 2.0
_LOOK = 0.02
# A daemon that leaves in the middle of a job is followed by another one, but not for ever.
_TRIES = 3

Kind = TypeVar("Kind", bound=Message)


class Channel:
    """A connection to a daemon."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connection and read the daemon's greeting; raises as `expect`."""
        self._connection = connection
        self._lines = Lines()
        self._waiting: list[Message] = []
        self.greeting = self.expect(Greeting)
        if self.greeting.protocol != PROTOCOL:
            raise DaemonError(f"the daemon that runs speaks protocol {self.greeting.protocol}")

    def send(self, request: Request) -> None:
        """Send a request; raises OSError where the daemon is gone."""
        self._connection.settimeout(_ANSWER)
        self._connection.sendall(encoded(request))

    def receive(self, until: float) -> Message | None:
        """Return the next message, None at the time `until` (`time.monotonic()`).

        Raises EOFError where the daemon has left, ProtocolError where it is none of ours.
        """
        while not self._waiting:
            left = until - time.monotonic()
            if left <= 0:
                return None
            try:
                self._connection.settimeout(left)
                piece = self._connection.recv(1 << 16)
            except TimeoutError:
                return None
            except OSError:
                piece = b""
            if not piece:
                raise EOFError
            self._waiting += self._lines.feed(piece)
        return self._waiting.pop(0)

    def answer(self, request: Request, kind: type[Kind]) -> Kind:
        """Send a request and return its answer; raises DaemonError where none comes."""
        try:
            self.send(request)
            return self.expect(kind)
        except (EOFError, OSError):
            raise DaemonError("the daemon has left") from None

    def expect(self, kind: type[Kind]) -> Kind:
        """Return the next message of a kind; raises as `receive`, DaemonError for none."""
        until = time.monotonic() + _ANSWER
        try:
            while (message := self.receive(until)) is not None:
                if isinstance(message, kind):
                    return message
        except ProtocolError as error:
            raise DaemonError(f"what answers is no daemon of this version ({error})") from None
        raise DaemonError(f"the daemon does not answer within {_ANSWER:g} seconds")

    def await_end(self, seconds: float) -> None:
        """Wait until the daemon has left; raises DaemonError where it does not within a time."""
        until = time.monotonic() + seconds
        with suppress(EOFError, ProtocolError):
            while self.receive(until) is not None:
                pass
            raise DaemonError("the one before it still ends its last jobs")

    def close(self) -> None:
        """Close the connection; what the daemon was asked to run goes on."""
        self._connection.close()


def connected(marker: Marker | None) -> Channel | None:
    """Return a connection to the daemon of this marker, None where it is not there any more.

    Raises DaemonError where sockets cannot be used.
    """
    if marker is None:
        return None
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise DaemonError(f"sockets cannot be used here: {reason(error)}") from None
    try:
        connection.settimeout(_ANSWER)
        connection.connect(marker.socket)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise DaemonError(f"the daemon cannot be reached: {reason(error)}") from None
    try:
        return Channel(connection)
    except EOFError:
        connection.close()
        return None
    except DaemonError:
        connection.close()
        raise


def background_command(place: DaemonPlace) -> list[str]:
    """Return the words that start the daemon of a place in the background."""
    words = ["-m", "fal_runtime.queue_command"]
    if place.skill is not None:
        script = place.skill.absolute() / "scripts" / "queue_daemon.py"
        words = [str(script)] if script.is_file() else [*words, "--skill", str(place.skill)]
    return [sys.executable, *words, "--background", "--model-id", place.model_id]


class _ReleasedError(Exception):
    """The daemon leaves the job to the one after it."""


@dataclass(frozen=True, slots=True)
class DaemonClient:
    """What hands a model's jobs to its daemon; `environ` is also the environment of a new one."""

    config: Config
    model_id: str
    environ: Mapping[str, str] = field(repr=False)

    def run(self, job: "Job", until: float, report: Callable[[str], None]) -> bool:
        """Hand a job over; return when it has ended, or at `until`: the ledger says how it stands.

        With `--submit` that is when fal has it, or a limit makes it wait. `until` is of
        `time.monotonic()`; `report` takes lines about progress. False where no daemon can be used:
        `report` is told why. Raises FalError where the daemon itself fails at the job.
        """
        try:
            place = DaemonPlace.of(self.environ, self.config.skill, self.model_id)
            self._run(place, job, until, report)
        except DaemonError as error:
            report(f"notice: no daemon runs this job ({error}): this command does")
            return False
        return True

    def watch(self, job: "Job", until: float, report: Callable[[str], None]) -> None:
        """Tell of a job until it has ended, or `until`, by whichever daemon has it.

        Returns at once where none has it, or none can be asked: the ledger knows the job as well.
        """
        for folder in daemon_folders(self.environ):
            with suppress(DaemonError, EOFError, OSError, _ReleasedError):
                channel = connected(Marker.read(folder))
                if channel is None:
                    continue
                with closing(channel):
                    if any(
                        held.job == job.id
                        for held in channel.answer(Request("jobs"), HeldJobs).jobs
                    ):
                        self._watch(channel, job, until, report)
                        return

    def _run(
        self, place: DaemonPlace, job: "Job", until: float, report: Callable[[str], None]
    ) -> None:
        patience = 0.0
        for attempt in range(_TRIES):
            first = attempt == 0
            channel = self._fitting(place, report) if first else self._any(place, patience)
            with closing(channel):
                try:
                    self._watch(channel, job, until, report)
                except _ReleasedError:
                    # Whoever asked that daemon to leave starts the next one.
                    patience = _START
                except (EOFError, OSError):
                    patience = 0.0
                else:
                    return
        raise DaemonError("it was lost several times")

    def _watch(
        self, channel: Channel, job: "Job", until: float, report: Callable[[str], None]
    ) -> None:
        """Tell of the job until it has ended, or `until`; raises FalError where the daemon failed.

        Raises EOFError where the daemon is lost before, _ReleasedError where it leaves the job to
        another one, DaemonError where it does not have it.
        """
        channel.send(Request("run", str(job.id)))
        try:
            while (event := channel.receive(until)) is not None:
                if not isinstance(event, Event):
                    continue
                match event.what:
                    case "progress":
                        report(event.text)
                    case "waiting":
                        report(f"Waiting {event.text}")
                        if job.options.submit:
                            return
                    case "submitted" if job.options.submit:
                        return
                    case "ended":
                        return
                    case "failed":
                        raise FalError(event.code, event.text)
                    case "refused":
                        raise DaemonError(event.text)
                    case "released":
                        raise _ReleasedError
        except ProtocolError as error:
            raise DaemonError(str(error)) from None

    def _fitting(self, place: DaemonPlace, report: Callable[[str], None]) -> Channel:
        """Return a connection to a daemon of this key and these settings.

        One that does not fit hands over to a new one. Raises DaemonError where that takes long.
        """
        channel = connected(Marker.read(place.folder))
        if channel is None or channel.greeting.leaving:
            if channel is not None:
                channel.close()
            return self._any(place)
        misfit = self._misfit(place, channel.greeting)
        if misfit is None:
            return channel
        report(f"The daemon is started anew: the one that runs {misfit}")
        with closing(channel):
            with suppress(OSError):  # it leaves already
                channel.send(Request("hand over", self.config.identity))
            channel.await_end(_HAND_OVER)
        return self._any(place)

    def _any(self, place: DaemonPlace, patience: float = 0.0) -> Channel:
        """Return a connection to a daemon of this key, whatever its settings.

        Where there is none, one is started; first one that another process starts is looked for,
        for as many seconds as there is `patience`.
        """
        now = time.monotonic()
        deadline, begin = now + _PATIENCE, now + patience
        while (now := time.monotonic()) < deadline:
            channel = connected(Marker.read(place.folder))
            if channel is not None and not channel.greeting.leaving:
                if channel.greeting.identity == self.config.identity:
                    return channel
                channel.close()
                raise DaemonError("the one that runs has another key or other addresses")
            if channel is not None:
                with closing(channel):
                    channel.await_end(_HAND_OVER)
            elif now >= begin:
                self._start(place)
                begin = time.monotonic() + _START
            else:
                time.sleep(_LOOK)
        raise DaemonError(f"none can be had within {_PATIENCE:g} seconds")

    def _misfit(self, place: DaemonPlace, greeting: Greeting) -> str | None:
        """Return what is wrong with a daemon that runs, None where it can be used."""
        if greeting.identity != self.config.identity:
            return "has another key or other addresses"
        if greeting.settings != settings_digest(self.config):
            return "has other settings"
        # Scripts that were copied may bear the times of their originals.
        if greeting.version != RUNTIME_VERSION or greeting.started < place.newest_change():
            return "is older than the skill's scripts"
        return None

    def _start(self, place: DaemonPlace) -> None:
        """Start the daemon in the background; return when it, or another one, is there."""
        place.open()
        if not sys.executable:
            raise DaemonError("the Python that runs this cannot be started again")
        import subprocess  # where there is a daemon, which is mostly so, nobody needs it

        package = str(Path(__file__).absolute().parents[2])
        path = os.pathsep.join([package, *filter(None, [self.environ.get("PYTHONPATH")])])
        environ = {**self.environ, "PYTHONPATH": path, "FAL_KEY": self.config.key or ""}
        environ.pop("FAL_KEY_VARIABLE", None)
        try:
            ran = subprocess.run(
                background_command(place),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environ,
                timeout=_PATIENCE,
                check=False,
            )
            answer = json.loads(ran.stdout or "{}")
        except subprocess.TimeoutExpired:
            raise DaemonError(f"it does not start within {_PATIENCE:g} seconds") from None
        except (OSError, ValueError) as error:
            raise DaemonError(f"it cannot be started: {one_line(str(error), 200)}") from None
        if ran.returncode != 0 or "status" not in answer:
            why = answer.get("error", {}).get("message") or f"exit status {ran.returncode}"
            raise DaemonError(f"it cannot be started: {one_line(str(why), 300)}")
