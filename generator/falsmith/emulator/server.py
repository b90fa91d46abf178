"""The emulator itself: one process, loopback only, one port and one application for each host."""

import json
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fal_runtime.errors import LocalError, UsageError
from falsmith.documents import Documents, Json
from falsmith.emulator.access import KEY, Access
from falsmith.emulator.endpoints import Endpoints
from falsmith.emulator.inference import Models, QueueHost, RunHost
from falsmith.emulator.jobs import Jobs, Timing
from falsmith.emulator.platform import PlatformHost
from falsmith.emulator.storage import CdnHost, FileStore, RestHost

__all__ = ["Emulator", "Origins", "ReceivedRequest"]

HOSTS = ("queue", "run", "rest", "cdn", "platform")
LOOPBACK = "127.0.0.1"
REMEMBERED = 100_000
START_LIMIT = 10.0

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
        polls: How many polls find a job unfinished, the first half of them queued.
        delay: How many seconds a job takes at least, the first half of them queued.
        require_key: Whether calls of models need a key; storage and prices always do.
        port: The first of five ports; 0 lets the system choose each.
        certificate: The files of a certificate chain and its key, for https; None for http.

    Raises:
        UsageError: A port is taken.

    """

    def __init__(
        self,
        documents: Iterable[Documents],
        *,
        polls: int = 2,
        delay: float = 0.0,
        require_key: bool = True,
        port: int = 0,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self._documents = tuple(documents)
        self._timing = Timing(polls, delay)
        self._require_key = require_key
        self._port = port
        self._certificate = certificate
        self._received: deque[ReceivedRequest] = deque(maxlen=REMEMBERED)
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._origins: Origins | None = None

    def __enter__(self) -> Self:
        sockets = _bind(self._port)
        ports = {each.getsockname()[1]: host for each, host in zip(sockets, HOSTS, strict=True)}
        scheme = "https" if self._certificate else "http"
        self._origins = Origins(
            **{host: f"{scheme}://{LOOPBACK}:{port}" for port, host in ports.items()}
        )
        self._server = self._prepare(ports)
        self._thread = threading.Thread(
            target=self._server.run, args=(sockets,), name="falsmith-emulator", daemon=True
        )
        self._thread.start()
        _wait_until_started(self._server, self._thread)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    @property
    def origins(self) -> Origins:
        """Where each host is; known once the context is entered."""
        if self._origins is None:
            raise UsageError("usage", "The emulator has no address yet: enter its context first.")
        return self._origins

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a client at the emulator, its key included."""
        origins = self.origins
        return {
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

    def _prepare(self, ports: Mapping[int, str]) -> uvicorn.Server:
        chain, key = self._certificate or (None, None)
        # No WebSockets: a handshake arrives as a plain GET and gets its 501.
        config = uvicorn.Config(
            self._app(ports),
            access_log=False,
            lifespan="off",
            log_level="error",
            ssl_certfile=chain,
            ssl_keyfile=key,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        return uvicorn.Server(config)

    def _app(self, ports: Mapping[int, str]) -> ASGIApp:
        """Return the application; `ports` says which host of fal each port stands for."""
        access, files = Access(self._require_key), FileStore(self.origins.cdn)
        endpoints = Endpoints.of(self._documents)
        models = Models(endpoints, access, files)
        rest = RestHost(access, files)
        hosts: dict[str, Respond] = {
            "queue": QueueHost(models, Jobs(self._timing), self.origins.queue).respond,
            "run": RunHost(models, self._timing.delay).respond,
            "rest": rest.respond,
            "cdn": CdnHost(files, rest.tokens).respond,
            "platform": PlatformHost(endpoints, access).respond,
        }
        every = ["*"]
        return CORSMiddleware(
            _Hosts(hosts, ports, self._received),
            allow_origins=every,
            allow_methods=every,
            allow_headers=every,
            expose_headers=every,
        )


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Records what arrives, lets the port's host respond, and puts a request id on the response."""

    hosts: Mapping[str, Respond]
    ports: Mapping[int, str]
    received: deque[ReceivedRequest]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self.ports[scope["server"][1]]
        body = await Request(scope, receive).body()

        async def replay() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        request = Request(scope, replay)
        headers = {name.lower(): value for name, value in request.headers.items()}
        path, query = request.url.path, request.url.query
        self.received.append(ReceivedRequest(host, request.method, path, query, headers, body))
        response = await self.hosts[host](request)
        response.headers.setdefault("x-fal-request-id", str(uuid.uuid4()))
        await response(scope, receive, send)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise LocalError("local_trouble", "The emulator did not start on this machine.")
        time.sleep(0.005)


def _bind(first: int) -> list[socket.socket]:
    """Return a bound socket for each host; on a failure none stays open."""
    sockets: list[socket.socket] = []
    try:
        for place in range(len(HOSTS)):
            sockets.append(_bound(first + place if first else 0))
    except (OSError, OverflowError) as error:
        for each in sockets:
            each.close()
        ports = f"{first} to {first + len(HOSTS) - 1}"
        message = f"The emulator cannot have the ports {ports}: {error}. Choose another --port."
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
