"""Starts and stops the emulator: one process, loopback only, one port for each host of fal."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fal_runtime.errors import LocalError, UsageError
from falsmith.documents import Documents, Json

if TYPE_CHECKING:
    import uvicorn

__all__ = ["KEY", "LOCKED_KEY", "Arrival", "Emulator", "Origins"]

# The only key that passes: a real one that is sent here by mistake is refused.
KEY = "emulator:local"
# With this key every call of a model answers 403, as for an account without funds.
LOCKED_KEY = "emulator:locked"
HOSTS = ("queue", "run", "rest", "cdn", "platform")
LOOPBACK = "127.0.0.1"
REMEMBERED = 100_000
START_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each host of fal is, scheme and port included."""

    queue: str
    run: str
    rest: str
    cdn: str
    platform: str


@dataclass(frozen=True, slots=True)
class Arrival:
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
    `emulator.environment` points a client at it; `emulator.requests` tells what arrived, oldest
    first, such as `[r for r in emulator.requests if (r.host, r.method) == ("queue", "POST")]`.

    Args:
        documents: The models to serve.
        polls: How many looks at a job find it unfinished, the first half of them queued.
        delay: How many seconds a job takes at least, the first half of them queued.
        require_key: Whether calls of models need a key; storage and prices always do.
        port: The first of five ports; 0 lets the system choose each.
        certificate: The files of a certificate chain and its key, for https; None for http.

    Raises:
        UsageError: Starlette or uvicorn is not installed, or a port is taken.

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
        _require_extra()
        self._documents = tuple(documents)
        self._pace = (polls, delay)
        self._require_key = require_key
        self._port = port
        self._certificate = certificate
        self._arrivals: deque[Arrival] = deque(maxlen=REMEMBERED)
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
    def requests(self) -> tuple[Arrival, ...]:
        """What arrived so far, oldest first; the last 100,000."""
        return tuple(self._arrivals)

    def _prepare(self, ports: Mapping[int, str]) -> "uvicorn.Server":
        import uvicorn

        from falsmith.emulator.app import build_app
        from falsmith.emulator.endpoints import Endpoints
        from falsmith.emulator.jobs import Pace

        app = build_app(
            Endpoints.of(self._documents),
            self.origins,
            ports,
            self._arrivals,
            Pace(*self._pace),
            require_key=self._require_key,
        )
        chain, key = self._certificate or (None, None)
        # No WebSockets: a handshake arrives as a plain GET and gets its 501.
        config = uvicorn.Config(
            app,
            access_log=False,
            lifespan="off",
            log_level="error",
            ssl_certfile=chain,
            ssl_keyfile=key,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        return uvicorn.Server(config)


def _wait_until_started(server: "uvicorn.Server", thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_LIMIT
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise LocalError("local_trouble", "The emulator did not start on this machine.")
        time.sleep(0.005)


def _require_extra() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        message = (
            f"the emulator needs {error.name}: in the checkout of falsmith, run "
            "python -m pip install '.[emulator]'"
        )
        raise UsageError("usage", message) from None


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
