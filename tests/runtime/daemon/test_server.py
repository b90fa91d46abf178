"""The socket of a daemon, and its clients: good, mute, greedy and rude ones."""

import errno
import fcntl
import logging
import os
import resource
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from fal_runtime.config import Config
from fal_runtime.daemon.client import Channel, connected
from fal_runtime.daemon.place import DaemonError, DaemonPlace, Marker, RunsAlreadyError, locked
from fal_runtime.daemon.protocol import (
    PROTOCOL,
    Event,
    Greeting,
    HeldJobs,
    Leaving,
    Message,
    Request,
    encoded,
)
from fal_runtime.daemon.runner import Outbox, Runner
from fal_runtime.daemon.server import Server, listening
from fal_runtime.fal.clock import REAL_CLOCK
from fal_runtime.jobs.ledger import Ledger
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.daemon.conftest import Accepted

FLUX = "fal-ai/flux/schnell"
HOUR = 3600.0
Eventually = Callable[..., None]


@dataclass
class Daemon:
    """A daemon in threads of this process."""

    marker: Marker
    runner: Runner

    def connect(self) -> Channel:
        channel = connected(self.marker)
        assert channel is not None
        return channel

    def raw(self) -> socket.socket:
        """Return a connection that speaks for itself."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(self.marker.socket)
        return connection


def in_threads(
    config: Config,
    ledger: Ledger,
    path: Path,
    stack: ExitStack,
    listener: socket.socket | None = None,
    **given: Any,
) -> Daemon:
    listener = listener or stack.enter_context(listening(path))
    outbox, log = Outbox(), logging.Logger("test")
    stack.callback(outbox.close)
    runner = Runner(config, FLUX, ledger, outbox=outbox, log=log)
    greeting = Greeting(PROTOCOL, "1.0", os.getpid(), 1.0, config.identity, "x", leaving=False)
    server = Server(listener, greeting, runner, outbox=outbox, log=log, **given)

    def serve() -> None:
        server.serve()
        server.close()

    threads = [Thread(target=runner.schedule), Thread(target=serve)]
    for thread in threads:
        thread.start()
        stack.callback(thread.join)
    stack.callback(runner.close)
    stack.callback(runner.leave, "stop")
    return Daemon(Marker(os.getpid(), 1.0, str(path), FLUX, None), runner)


@pytest.fixture
def daemon(config: Config, daemon_ledger: Ledger, short: Path) -> Iterator[Daemon]:
    with ExitStack() as stack:
        yield in_threads(config, daemon_ledger, short / "d.sock", stack)


def patience() -> float:
    return time.monotonic() + 30


def told(channel: Channel, what: str) -> Event:
    """Return the next event of a kind."""
    while True:
        event = channel.receive(patience())
        assert event is not None
        if isinstance(event, Event) and event.what == what:
            return event


def test_a_client_is_greeted_and_told_of_its_job_to_the_end(
    daemon: Daemon, accepted: "Accepted"
) -> None:
    job = accepted()
    with closing(daemon.connect()) as channel:
        assert (channel.greeting.protocol, channel.greeting.leaving) == (PROTOCOL, False)
        channel.send(Request("run", str(job.id)))
        heard: list[Message] = []
        while not heard or heard[-1] != Event("ended", str(job.id)):
            message = channel.receive(patience())
            assert message is not None
            heard.append(message)
    assert heard[0] == Event("taken", str(job.id))
    assert Event("submitted", str(job.id)) in heard


@pytest.mark.parametrize("emulator", [HOUR], indirect=True)
def test_a_job_goes_on_when_its_client_goes_and_another_one_may_follow_it(
    daemon: Daemon, accepted: "Accepted", emulator: Emulator
) -> None:
    job = accepted()
    with closing(daemon.connect()) as first:
        first.send(Request("run", str(job.id)))
        told(first, "submitted")
    with closing(daemon.connect()) as second, closing(daemon.connect()) as third:
        for channel in (second, third):
            assert [held.job for held in channel.answer(Request("jobs"), HeldJobs).jobs] == [job.id]
            channel.send(Request("run", str(job.id)))
            told(channel, "taken")
        emulator.clock.advance(HOUR)
        for channel in (second, third):
            assert told(channel, "ended") == Event("ended", str(job.id))
    assert [len(book.jobs) for book in emulator.books] == [1]


def test_a_client_may_have_more_open_files_than_a_select_takes(daemon: Daemon) -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    try:
        with daemon.raw() as connection:
            number = fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, 1100)
        with closing(Channel(socket.socket(fileno=number))) as channel:
            assert channel.answer(Request("jobs"), HeldJobs).jobs == ()
            assert channel.receive(time.monotonic() + 0.01) is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


class Crowded(socket.socket):
    """A socket of a process that has no room for one more open file."""

    def accept(self) -> NoReturn:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_a_daemon_that_cannot_accept_a_client_looks_again_after_a_pause(
    config: Config, daemon_ledger: Ledger, short: Path, eventually: Eventually
) -> None:
    slept, path = list[float](), short / "d.sock"
    with ExitStack() as stack:
        listener = stack.enter_context(Crowded(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        clock = replace(REAL_CLOCK, sleep=slept.append)
        daemon = in_threads(config, daemon_ledger, path, stack, listener, clock=clock)
        with daemon.raw():
            eventually(lambda: slept)


@pytest.mark.parametrize(
    "rude",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"is": "Run"}\n',
        encoded(Leaving(1)),
        b"x" * (2 << 20),
        b"\x00\xff\n",
    ],
)
def test_a_client_that_makes_no_sense_is_left_and_the_others_are_served(
    daemon: Daemon, rude: bytes
) -> None:
    with closing(daemon.connect()) as polite, daemon.raw() as connection:
        with suppress(ConnectionError):
            connection.sendall(rude)
            while connection.recv(1 << 16):
                pass
        assert polite.answer(Request("jobs"), HeldJobs) == HeldJobs(())


def test_a_client_that_never_reads_is_left(daemon: Daemon) -> None:
    with daemon.raw() as greedy, closing(daemon.connect()) as polite:
        question = encoded(Request("jobs")) * 1000
        with pytest.raises(ConnectionError):
            for _ in range(500):
                greedy.sendall(question)
        assert polite.answer(Request("jobs"), HeldJobs) == HeldJobs(())


@pytest.mark.parametrize("emulator", [HOUR], indirect=True)
def test_a_silent_client_is_left_after_the_time_of_the_settings_unless_it_waits_for_a_job(
    config: Config, daemon_ledger: Ledger, accepted: "Accepted", short: Path, emulator: Emulator
) -> None:
    job = accepted()
    with ExitStack() as stack:
        daemon = in_threads(config, daemon_ledger, short / "d.sock", stack, idle_timeout=0.2)
        waits = stack.enter_context(closing(daemon.connect()))
        waits.send(Request("run", str(job.id)))
        told(waits, "submitted")
        silent = stack.enter_context(closing(daemon.connect()))
        with pytest.raises(EOFError):
            silent.receive(patience())
        emulator.clock.advance(HOUR)
        assert told(waits, "ended") == Event("ended", str(job.id))


@pytest.mark.parametrize("emulator", [HOUR], indirect=True)
@pytest.mark.parametrize("same", [True, False])
def test_a_daemon_hands_over_at_once_to_its_own_kind_and_ends_its_jobs_first_for_another_key(
    daemon: Daemon, config: Config, accepted: "Accepted", emulator: Emulator, same: bool
) -> None:
    job = accepted()
    with closing(daemon.connect()) as waits, closing(daemon.connect()) as newer:
        waits.send(Request("run", str(job.id)))
        told(waits, "submitted")
        identity = config.identity if same else "of another key"
        assert newer.answer(Request("hand over", identity), Leaving) == Leaving(1)
        if not same:
            with closing(daemon.connect()) as late:
                assert late.greeting.leaving
            emulator.clock.advance(HOUR)
            assert told(waits, "ended") == Event("ended", str(job.id))
        newer.await_end(30)


def test_a_daemon_shuts_down_when_it_is_asked(daemon: Daemon) -> None:
    with closing(daemon.connect()) as channel:
        assert channel.answer(Request("shut down"), Leaving) == Leaving(0)
        channel.await_end(30)


def test_socket_is_the_user_s_alone(short: Path) -> None:
    with listening(short / "a.sock"):
        assert stat.S_IMODE((short / "a.sock").stat().st_mode) == 0o600
    assert not (short / "a.sock").exists()


@pytest.mark.parametrize("left", ["socket", "link", "dangling"])
def test_what_is_left_of_an_earlier_socket_is_removed_and_no_link_followed(
    short: Path, left: str
) -> None:
    path, mine = short / "a.sock", short / "mine"
    mine.write_text("kept")
    if left == "socket":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    else:
        path.symlink_to(mine if left == "link" else short / "nowhere")
    with listening(path):
        assert stat.S_ISSOCK(path.lstat().st_mode)
    assert mine.read_text() == "kept"


@pytest.mark.parametrize("left", ["file", "folder"])
def test_what_is_no_socket_is_left_as_it_is(short: Path, left: str) -> None:
    path = short / "a.sock"
    path.mkdir() if left == "folder" else path.write_text("kept")
    with pytest.raises(DaemonError, match="no socket"), listening(path):
        pass
    assert path.exists()


def test_where_sockets_are_refused_it_says_so(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    refused = pytest.raises(DaemonError, match="sockets cannot be used here")
    with refused, listening(short / "a.sock"):
        pass
    with pytest.raises(DaemonError, match="sockets cannot be used here"):
        connected(Marker(1, 1.0, str(short / "a.sock"), FLUX, None))


def test_one_process_holds_the_lock_of_a_folder(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, FLUX)
    with locked(place), pytest.raises(RunsAlreadyError), locked(place):
        pass
    with locked(place):
        pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, FLUX)
    place.open()
    (tmp_path / "mine").write_text("kept")
    place.lock.symlink_to(tmp_path / "mine")
    with pytest.raises(DaemonError), locked(place):
        pass
    assert (tmp_path / "mine").read_text() == "kept"
