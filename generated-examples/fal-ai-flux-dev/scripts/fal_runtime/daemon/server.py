"""The daemon's process: one for a folder, its socket, and the clients that are connected to it."""

import hmac
import logging
import os
import selectors
import signal
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Thread

from fal_runtime import RUNTIME_VERSION
from fal_runtime.config import Config
from fal_runtime.daemon.place import DaemonError, DaemonPlace, Marker
from fal_runtime.daemon.protocol import (
    LAST,
    PROTOCOL,
    Event,
    Greeting,
    Leaving,
    Lines,
    Message,
    ProtocolError,
    Request,
    encoded,
    settings_digest,
)
from fal_runtime.daemon.runner import Outbox, Runner
from fal_runtime.fal.clock import REAL_CLOCK, Clock
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.paths import reason

_PIECE = 64 << 10
_BACKLOG = 128
# What a client that does not read may leave unread.
_LONGEST_UNREAD = 1 << 20
_LOG_SIZE = 1 << 20
_OLD_LOGS = 2
# Between the end of a loop that failed and its next beginning.
_PAUSE = 1.0
# Between a connection that could not be accepted and the next one.
_CROWDED = 0.1
# How often it is looked whether the daemon's folder is still there.
_LOOK = 2.0


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Yield a socket at the path, for this user alone; only the lock's holder may ask for it.

    What is left of an earlier one is removed, a link never followed. Raises DaemonError.
    """
    try:
        with suppress(FileNotFoundError):
            found = path.lstat().st_mode
            if not (stat.S_ISSOCK(found) or stat.S_ISLNK(found)):
                raise DaemonError(f"{path} is no socket and is left as it is")
            path.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise DaemonError(f"sockets cannot be used here: {reason(error)}") from None
    with listener:
        try:
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(_BACKLOG)
            own = path.lstat().st_ino
        except OSError as error:
            raise DaemonError(f"no socket can be made at {path}: {reason(error)}") from None
        listener.setblocking(False)
        try:
            yield listener
        finally:
            # By now it may be that of another daemon, whose folder was made anew.
            with suppress(OSError):
                if path.lstat().st_ino == own:
                    path.unlink()


@dataclass(slots=True, eq=False)
class _Client:
    """A connection: what came of a line so far, what is still to be written, when it last spoke."""

    connection: socket.socket
    heard: float
    lines: Lines = field(default_factory=Lines)
    unsent: bytearray = field(default_factory=bytearray)


class Server:
    """Talks to the clients of a daemon, in one thread: `serve` is its loop."""

    def __init__(
        self,
        listener: socket.socket,
        greeting: Greeting,
        runner: Runner,
        *,
        outbox: Outbox,
        log: logging.Logger,
        idle_timeout: float = 0.0,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        """Prepare to serve the runner; 0 is no `idle_timeout` of silent clients."""
        self._listener = listener
        self._greeting = greeting
        self._runner = runner
        self._outbox = outbox
        self._log = log
        self._idle_timeout = idle_timeout
        self._clock = clock
        self._clients: dict[int, _Client] = {}
        self._watchers: dict[str, list[_Client]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(outbox, selectors.EVENT_READ)

    def serve(self) -> None:
        """Answer clients until the runner is done."""
        while not self._runner.is_done:
            for key, mask in self._selector.select(self._patience()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._outbox:
                    self._deliver()
                elif (client := self._clients.get(key.fd)) is not None:
                    if mask & selectors.EVENT_WRITE:
                        self._send(client)
                    if mask & selectors.EVENT_READ:
                        self._receive(client)
            self._leave_silent()

    def close(self) -> None:
        """Write what is still to be written, as far as it goes at once, and close everything."""
        self._deliver()
        for client in list(self._clients.values()):
            self._drop(client)
        self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:  # the client is gone again, or there are too many files
            self._log.warning("a client could not connect: %s", reason(error))
            # Whoever waits to be accepted still does, and would be seen again at once.
            self._clock.sleep(_CROWDED)
            return
        connection.setblocking(False)
        client = self._clients[connection.fileno()] = _Client(connection, self._clock.now())
        self._selector.register(connection, selectors.EVENT_READ)
        self._write(client, replace(self._greeting, leaving=self._runner.is_leaving))

    def _receive(self, client: _Client) -> None:
        try:
            piece = client.connection.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._drop(client)
            return
        client.heard = self._clock.now()
        try:
            for request in client.lines.feed(piece):
                self._answer(client, request)
        except ProtocolError as error:
            self._log.warning("a client was left: %s", error)
            self._drop(client)

    def _answer(self, client: _Client, request: Message) -> None:
        """Do what a client asks: the daemon's table of contents."""
        if not isinstance(request, Request):
            raise ProtocolError(f"{type(request).__name__} is nothing to ask for")
        match request.do:
            case "run":
                self._watchers.setdefault(request.subject, []).append(client)
                self._runner.take(request.subject)
            case "jobs":
                self._write(client, self._runner.jobs())
            case "hand over":
                same = hmac.compare_digest(request.subject, self._greeting.identity)
                # A newer daemon of the same key goes on with the jobs; for others' keys it cannot.
                self._write(client, Leaving(self._runner.leave("stop" if same else "finish")))
            case "shut down":
                self._write(client, Leaving(self._runner.leave("finish")))

    def _deliver(self) -> None:
        """Write what the runner says to the clients that watch, and do what signals want."""
        written = set[_Client]()
        for message in self._outbox.taken():
            if not isinstance(message, Event):
                # Asked once, it ends its jobs first; asked again, it leaves them to a later one.
                self._runner.leave("stop" if self._runner.is_leaving else message)
                continue
            clients = self._watchers.get(message.job, ())
            line = encoded(message) if clients else b""
            for client in clients:
                client.unsent += line
            written.update(clients)
            if message.what in LAST:
                self._watchers.pop(message.job, None)
        for client in written:
            self._send(client)

    def _write(self, client: _Client, message: Message) -> None:
        client.unsent += encoded(message)
        self._send(client)

    def _send(self, client: _Client) -> None:
        """Send as much as goes at once; the rest follows when the client has read."""
        if client.connection.fileno() < 0:
            return
        try:
            sent = client.connection.send(client.unsent) if client.unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(client)
            return
        del client.unsent[:sent]
        if len(client.unsent) > _LONGEST_UNREAD:
            self._log.warning("a client that does not read was left")
            self._drop(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.connection, wanted)

    def _drop(self, client: _Client) -> None:
        """Close a connection; the jobs that it watched go on."""
        if self._clients.pop(client.connection.fileno(), None) is None:
            return
        self._selector.unregister(client.connection)
        client.connection.close()
        for job, clients in list(self._watchers.items()):
            if client in clients:
                self._watchers[job] = [one for one in clients if one is not client]
                if not self._watchers[job]:
                    del self._watchers[job]

    def _patience(self) -> float | None:
        """Return for how many seconds nothing need be looked at."""
        if not self._idle_timeout or not self._clients:
            return None
        first = min(client.heard for client in self._clients.values())
        return max(first + self._idle_timeout - self._clock.now(), 0.0)

    def _leave_silent(self) -> None:
        """Close the connections on which nothing was heard for too long, but not on our account."""
        if not self._idle_timeout:
            return
        now = self._clock.now()
        served = {id(client) for clients in self._watchers.values() for client in clients}
        for client in list(self._clients.values()):
            if id(client) in served:
                client.heard = now
            elif now >= client.heard + self._idle_timeout:
                self._drop(client)


def run_daemon(
    place: DaemonPlace,
    config: Config,
    ledger: Ledger,
    *,
    started: float,
    ready: Callable[[], None],
    log: logging.Logger,
) -> None:
    """Be the daemon of a place, whose lock is held, until there is nothing left to do.

    It is for the main thread, which signals interrupt.

    Args:
        place: Its folder, and where its socket may stand.
        config: Whose jobs it runs, and with which settings.
        ledger: That of the user; it is closed at the end.
        started: When this program was read, in seconds since 1970.
        ready: Called once, when clients can connect.
        log: Where it writes what it does.

    Raises DaemonError where there can be no daemon here.

    """
    path = place.new_socket()
    with listening(path) as listener, log_file(place, config, log):
        outbox = Outbox()
        runner = Runner(config, place.model_id, ledger, outbox=outbox, log=log)
        greeting = Greeting(
            PROTOCOL,
            RUNTIME_VERSION,
            os.getpid(),
            started,
            config.identity,
            settings_digest(config),
            leaving=False,
        )
        idle_timeout = config.settings.client_idle_timeout
        server = Server(
            listener, greeting, runner, outbox=outbox, log=log, idle_timeout=idle_timeout
        )
        skill = str(place.skill.absolute()) if place.skill is not None else None
        marker = Marker(os.getpid(), started, str(path), place.model_id, skill)
        try:
            marker.write(place.folder)
        except OSError as error:
            text = f"{place.folder} cannot be written: {reason(error)}"
            raise DaemonError(text) from None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: outbox.put("finish"))
        try:
            log.info("started for %s", place.model_id)
            runner.resume()
            scheduler = Thread(target=kept_up, args=(runner.schedule, "scheduler", log))
            scheduler.start()
            watched = (place, marker, runner, log)
            Thread(target=leave_with_place, args=watched, daemon=True).start()
            ready()
            kept_up(server.serve, "server", log)
            scheduler.join()
            runner.close()
            server.close()
        finally:
            outbox.close()
            ledger.close()
            marker.remove(place.folder)
            log.info("ended")


def leave_with_place(
    place: DaemonPlace, marker: Marker, runner: Runner, log: logging.Logger
) -> None:
    """Have the runner leave as soon as nobody can find this daemon any more."""
    while place.is_held(marker):
        time.sleep(_LOOK)
    if not runner.is_leaving:
        log.warning("%s or its socket was removed, or is another's: this one leaves", place.folder)
        runner.leave("finish")


def kept_up(
    loop: Callable[[], None],
    name: str,
    log: logging.Logger,
    sleep: Callable[[float], None] = REAL_CLOCK.sleep,
) -> None:
    """Run a loop to its end; where it fails, say so and begin again."""
    while True:
        try:
            loop()
        except Exception:
            log.exception("the %s failed and begins again", name)
            sleep(_PAUSE)
        else:
            return


@contextmanager
def log_file(place: DaemonPlace, config: Config, log: logging.Logger) -> Iterator[None]:
    """Have the log written to the place's file, which is turned over; never a key."""
    try:
        handler = _LogFile(place.log, maxBytes=_LOG_SIZE, backupCount=_OLD_LOGS, encoding="utf-8")
    except OSError as error:
        raise DaemonError(f"{place.log} cannot be written: {reason(error)}") from None
    handler.setFormatter(_WithoutKey(config))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()


class _LogFile(RotatingFileHandler):
    """The log's file. On a full disk it lacks lines, which ends no job."""

    def handleError(self, _record: logging.LogRecord) -> None:
        """Go on without the line."""


class _WithoutKey(logging.Formatter):
    """Lines of the log with the time in UTC, and with the key replaced."""

    converter = staticmethod(time.gmtime)

    def __init__(self, config: Config) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(message)s")
        self._config = config

    def format(self, record: logging.LogRecord) -> str:
        return self._config.redact(super().format(record).encode()).decode(errors="replace")
