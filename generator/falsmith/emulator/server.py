"""The emulator itself: one process, loopback only, one port and one application for each host."""

import asyncio
import json
import socket
import sqlite3
import threading
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fal_runtime.errors import LocalError, UsageError
from falsmith.documents import Documents, Json
from falsmith.emulator.access import KEY, Access, detail
from falsmith.emulator.certificate import Certificate, certificate_in
from falsmith.emulator.clock import Clock
from falsmith.emulator.control import PREFIX, Control
from falsmith.emulator.endpoints import Endpoints
from falsmith.emulator.faults import FAULT_HEADER, Fault, Faults, own_faults
from falsmith.emulator.history import History
from falsmith.emulator.inference import REQUEST_PATH, Models, QueueHost, RunHost
from falsmith.emulator.jobs import Book, Jobs
from falsmith.emulator.platform import PlatformHost
from falsmith.emulator.state import open_state, remember_ports, remembered_ports
from falsmith.emulator.storage import CdnHost, FileStore, RestHost
from falsmith.emulator.wire import Connections, FaultySend, fault_response, hang_up

__all__ = ["Emulator", "Origins", "ReceivedRequest"]

HOSTS = ("queue", "run", "rest", "cdn", "platform")
LOOPBACK = "127.0.0.1"
REMEMBERED = 100_000
START_LIMIT = 10.0
# Seconds that requests have to end when the emulator does.
GRACE = 1.0
# The effects of faults that put an answer of theirs in place of fal's.
ANSWERS = ("error", "page", "redirect")
PLATFORM_PLACES = {
    "/v1/models": "models",
    "/v1/models/pricing": "pricing",
    "/v1/models/requests/by-endpoint": "history",
}

Respond = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each host of fal is, scheme and port included."""

    queue: str
    run: str
    rest: str
    cdn: str
    platform: str


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it arrived: the host of fal it was meant for, and all that it carried."""

    host: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def json(self) -> Json:
        """The body as JSON; None where there is none."""
        return json.loads(self.body) if self.body else None


class Emulator:
    """A local fal that serves `documents` while its context is entered.

    `with Emulator(documents) as emulator:` is ready at once, in a thread of this process.
    `emulator.environment` points a client at it; `emulator.requests` is what arrived, oldest
    first, such as `[r for r in emulator.requests if (r.host, r.method) == ("queue", "POST")]`.

    Args:
        documents: The models to serve.
        delay: How many seconds a job takes, half of them in the queue.
        require_key: Whether calls of models need a key; storage and prices always do.
        port: The first of five ports; 0 lets the system choose each.
        tls: Whether it speaks https, with a certificate of its own.
        state: The folder that keeps jobs, results, files and ports for the next run; None for
            memory.
        faults: The rules by which requests fail, as `falsmith.emulator.faults` describes them.
        seed: Settles what the rules leave to chance.

    Raises:
        UsageError: A rule is none; when it is entered: a port is taken, or `state` is no use.

    """

    def __init__(
        self,
        documents: Iterable[Documents],
        *,
        delay: float = 0.2,
        require_key: bool = True,
        port: int = 0,
        tls: bool = False,
        state: Path | None = None,
        faults: Iterable[str] = (),
        seed: int = 0,
    ) -> None:
        self.clock = Clock()
        self.faults = Faults(faults, seed)
        self._documents = tuple(documents)
        self._delay = delay
        self._require_key = require_key
        self._port = port
        self._tls = tls
        self._state = state
        self._certificate: Certificate | None = None
        self._leaving = ExitStack()
        self._received: deque[ReceivedRequest] = deque(maxlen=REMEMBERED)
        self._rows: sqlite3.Connection | None = None
        self._books: tuple[Book, ...] = ()
        self._origins: Origins | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            rows = stack.enter_context(closing(open_state(self._state)))
            if self._tls:
                place = self._state or Path(stack.enter_context(TemporaryDirectory()))
                self._certificate = certificate_in(place)
            first = [self._port + place for place in range(len(HOSTS))] if self._port else []
            sockets = _bind(first or remembered_ports(rows) or [0] * len(HOSTS))
            ports = {one.getsockname()[1]: host for one, host in zip(sockets, HOSTS, strict=True)}
            remember_ports(rows, list(ports))
            scheme = "https" if self._tls else "http"
            self._origins = Origins(
                **{host: f"{scheme}://{LOOPBACK}:{port}" for port, host in ports.items()}
            )
            server = self._prepare(ports, rows)
            thread = threading.Thread(
                target=server.run, args=(sockets,), name="falsmith-emulator", daemon=True
            )
            thread.start()
            _wait_until_started(server, thread)
            self._rows = rows
            stack.callback(self._stop, server, thread)
            self._leaving = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leaving.close()

    def _stop(self, server: uvicorn.Server, thread: threading.Thread) -> None:
        server.should_exit = True
        thread.join(GRACE)
        # A status stream is open while its job runs: it is cut, without a line of uvicorn's.
        server.force_exit = True
        thread.join()
        self._books, self._rows = self.books, None

    @property
    def books(self) -> tuple[Book, ...]:
        """What was accepted: each input to each model with its jobs, in the order they came."""
        return self._books if self._rows is None else tuple(Jobs(self._rows).books())

    @property
    def origins(self) -> Origins:
        """Where each host is; known once the context is entered."""
        if self._origins is None:
            raise UsageError("usage", "The emulator has no address yet: enter its context first.")
        return self._origins

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a client at the emulator, its key included.

        With https, they point the official Python client at it as well, but for its uploads: their
        addresses are constants of that client.
        """
        origins = self.origins
        official = {}
        if self._certificate is not None:
            official = {
                "FAL_RUN_HOST": origins.run.removeprefix("https://"),
                "FAL_QUEUE_RUN_HOST": origins.queue.removeprefix("https://"),
                "SSL_CERT_FILE": str(self._certificate.authority.absolute()),
            }
        return official | {
            "FAL_QUEUE_URL": origins.queue,
            "FAL_RUN_URL": origins.run,
            "FAL_REST_URL": origins.rest,
            "FAL_PLATFORM_URL": origins.platform,
            "FAL_KEY": KEY,
        }

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """What arrived so far, oldest first; the last 100,000."""
        return tuple(self._received)

    def _prepare(self, ports: Mapping[int, str], rows: sqlite3.Connection) -> uvicorn.Server:
        served = self._certificate
        # No WebSockets: a handshake arrives as a plain GET and gets its 501.
        config = uvicorn.Config(
            self._app(ports, rows),
            access_log=False,
            date_header=False,
            http=Connections,
            lifespan="off",
            log_level="error",
            ssl_certfile=served.chain if served else None,
            ssl_keyfile=served.key if served else None,
            ws="none",
        )
        return uvicorn.Server(config)

    def _app(self, ports: Mapping[int, str], rows: sqlite3.Connection) -> ASGIApp:
        """Return the application; `ports` says which host of fal each port stands for."""
        files = FileStore(rows, self.origins.cdn)
        access = Access(
            lambda token: files.knows_token("streams", token, self.clock.now()), self._require_key
        )
        endpoints, jobs = Endpoints.of(self._documents), Jobs(rows)
        models = Models(endpoints, access, files, jobs, self.faults, self.clock, self._delay)
        history = History(endpoints, jobs, self.clock)
        hosts: dict[str, Respond] = {
            "queue": QueueHost(models, self.origins.queue).respond,
            "run": RunHost(models).respond,
            "rest": RestHost(access, files, self.clock).respond,
            "cdn": CdnHost(files, self.clock).respond,
            "platform": PlatformHost(endpoints, access, history).respond,
        }
        control = Control(jobs, self.faults, self.clock)
        every = ["*"]
        return CORSMiddleware(
            _Hosts(hosts, ports, control, self.faults, self.clock, self._received),
            allow_origins=every,
            allow_methods=every,
            allow_headers=every,
            expose_headers=every,
        )


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Records what arrives, lets the port's host respond, and lets the rules spoil it."""

    hosts: Mapping[str, Respond]
    ports: Mapping[int, str]
    control: Control
    faults: Faults
    clock: Clock
    received: deque[ReceivedRequest]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self.ports[scope["server"][1]]
        body = await Request(scope, receive).body()
        request = Request(scope, _Replay(body, receive))
        path, query = request.url.path, request.url.query
        if path.startswith(PREFIX):
            response = await self.control.respond(request)
            await response(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(ReceivedRequest(host, request.method, path, query, headers, body))
        try:
            request.state.faults = own_faults(headers.get(FAULT_HEADER, ""))
        except UsageError as error:
            await detail(400, str(error))(scope, receive, send)
            return
        place, model_id = _place(host, request.method, path)
        struck = self.faults.strike(place, model_id, request.state.faults)
        request.state.struck = struck
        spoilt = next((one for one in struck.values() if one.effect in ANSWERS), None)
        if "reset" in struck:
            await hang_up(scope, receive)
            return
        response = await self._response(host, request, spoilt)
        if "delay" in struck:
            await asyncio.sleep(struck["delay"].number)
        if "drop" in struck:
            await hang_up(scope, receive)
            return
        response.headers["date"] = formatdate(self.clock.now(), usegmt=True)
        try:
            await response(scope, receive, FaultySend(scope, receive, send, struck))
        except asyncio.CancelledError:
            # The server ends, and cuts off whoever still listens.
            await hang_up(scope, receive)

    async def _response(self, host: str, request: Request, spoilt: Fault | None) -> Response:
        """Return what the host answers, or the fault that stands in its place."""
        request_id = str(uuid.uuid4())
        is_back = "redirected" in request.query_params
        if spoilt is not None and "after" not in spoilt.options and not is_back:
            return fault_response(spoilt, host, request, request_id)
        response = await self.hosts[host](request)
        response.headers.setdefault("x-fal-request-id", request_id)
        if spoilt is None or is_back:
            return response
        return fault_response(spoilt, host, request, response.headers["x-fal-request-id"])


class _Replay:
    """Gives a body that was read already once more, and then what the connection tells."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _place(host: str, method: str, path: str) -> tuple[str, str]:
    """Return what the rules of faults call such a request, and the model or app in its path."""
    model_id = path.strip("/")
    if host == "queue":
        match = REQUEST_PATH.fullmatch(model_id)
        if match is None:
            return "submit", model_id
        action = match["action"] or "result"
        return {"status/stream": "stream", "response": "result"}.get(action, action), match["model"]
    if host == "run":
        return "run", model_id
    if host == "platform":
        return PLATFORM_PLACES.get(path.rstrip("/"), "platform"), ""
    return "download" if host == "cdn" and method in ("GET", "HEAD") else "upload", ""


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise LocalError("local_trouble", "The emulator did not start on this machine.")
        time.sleep(0.005)


def _bind(ports: Sequence[int]) -> list[socket.socket]:
    """Return a socket for each port, where 0 is any that is free; on a failure none stays open."""
    sockets: list[socket.socket] = []
    try:
        for port in ports:
            sockets.append(_bound(port))
    except (OSError, OverflowError) as error:
        for each in sockets:
            each.close()
        named = f"{ports[0]} to {ports[-1]}"
        message = f"The emulator cannot have the ports {named}: {error}. Choose another --port."
        raise UsageError("usage", message) from None
    return sockets


def _bound(port: int) -> socket.socket:
    # asyncio turns off Nagle's delay only where the protocol is named.
    each = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind((LOOPBACK, port))
    except (OSError, OverflowError):
        each.close()
        raise
    return each
