"""One ASGI application for all hosts of fal: which port was called decides who answers."""

import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from falsmith.emulator.access import Access
from falsmith.emulator.endpoints import Endpoints
from falsmith.emulator.files import FileStore
from falsmith.emulator.inference import Inference
from falsmith.emulator.jobs import Jobs, Pace
from falsmith.emulator.platform_routes import PlatformHost
from falsmith.emulator.queue_routes import QueueHost
from falsmith.emulator.run_routes import RunHost
from falsmith.emulator.server import Arrival, Origins
from falsmith.emulator.storage_routes import CdnHost, RestHost

__all__ = ["build_app"]

Answer = Callable[[Request], Awaitable[Response]]


def build_app(
    endpoints: Endpoints,
    origins: Origins,
    ports: Mapping[int, str],
    arrivals: deque[Arrival],
    pace: Pace,
    *,
    require_key: bool,
) -> ASGIApp:
    """Return the application; `ports` says which host of fal each port stands for."""
    access, files = Access(require_key), FileStore(origins.cdn)
    inference = Inference(endpoints, access, files)
    rest = RestHost(access, files)
    hosts: dict[str, Answer] = {
        "queue": QueueHost(inference, Jobs(pace), origins.queue).answer,
        "run": RunHost(inference, pace.delay).answer,
        "rest": rest.answer,
        "cdn": CdnHost(files, rest.tokens).answer,
        "platform": PlatformHost(endpoints, access).answer,
    }
    every = ["*"]
    return CORSMiddleware(
        _Hosts(hosts, ports, arrivals),
        allow_origins=every,
        allow_methods=every,
        allow_headers=every,
        expose_headers=every,
    )


@dataclass(frozen=True, slots=True)
class _Hosts:
    """Records what arrives, lets the port's host answer, and puts a request id on the answer."""

    hosts: Mapping[str, Answer]
    ports: Mapping[int, str]
    arrivals: deque[Arrival]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self.ports[scope["server"][1]]
        body = await Request(scope, receive).body()
        request = Request(scope, _replay(body))
        self.arrivals.append(_arrival(host, request, body))
        response = await self.hosts[host](request)
        response.headers.setdefault("x-fal-request-id", str(uuid.uuid4()))
        await response(scope, receive, send)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _arrival(host: str, request: Request, body: bytes) -> Arrival:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Arrival(host, request.method, request.url.path, request.url.query, headers, body)
