"""Faults on the wire: the answer that a rule puts in place of fal's, and how its bytes come."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from falsmith.emulator.access import LOCKED, platform_error
from falsmith.emulator.faults import Fault

__all__ = ["Connections", "FaultySend", "fault_response", "hang_up"]

# What fal's hosts say with a status: the text, and the type that goes along.
ERRORS = {
    400: ("Bad request", "bad_request"),
    401: ("invalid key credentials", ""),
    403: (LOCKED, ""),
    404: ("Not found", ""),
    405: ("Method Not Allowed", ""),
    429: ("Too many concurrent requests", "concurrent_requests_limit"),
    499: ("Request was cancelled by the client", "client_cancelled"),
    500: ("Internal error", "internal_error"),
    502: ("The runner's response was incomplete", "runner_incomplete_response"),
    503: ("The runner refused the connection", "runner_connection_refused"),
    504: ("Request timed out", "request_timeout"),
}
PLATFORM_TYPES = {401: "authorization_error", 403: "authorization_error", 404: "not_found"}
PLATFORM_TYPES |= {429: "rate_limited", 501: "not_implemented"}
PAGE = (
    "<html>\n<head><title>{0}</title></head>\n<body>\n<center><h1>{0}</h1></center>\n"
    "<hr><center>nginx</center>\n</body>\n</html>\n"
)
PAGE_TITLES = {
    200: "Sign in to this network",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
}
PAGE_TITLES |= {504: "504 Gateway Time-out"}


class Connections(H11Protocol):
    """The server's connections, which an application can cut by the addresses of both ends.

    One address of a client may be in use for several ports of the emulator at once.
    """

    by_ends: ClassVar[dict[tuple[object, object], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        self.by_ends[self.client, self.server] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self.by_ends.pop((self.client, self.server), None)
        super().connection_lost(exc)


async def hang_up(scope: Scope, receive: Receive, *, after_all: bool = False) -> None:
    """Cut the connection of a request, at once or after all that was sent, and wait until it is."""
    transport = Connections.by_ends.get((scope["client"], scope["server"]))
    if transport is not None and after_all:
        transport.close()
    elif transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def fault_response(fault: Fault, host: str, request: Request, request_id: str) -> Response:
    """Return the answer that `error`, `page` or `redirect` puts in place of fal's."""
    status = int(fault.number)
    wait = fault.options.get("retry-after")
    headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
    if fault.effect == "redirect":
        again = str(request.url.include_query_params(redirected=1))
        return RedirectResponse(fault.text or again, 307)
    if fault.effect == "page":
        title = PAGE_TITLES.get(status, f"{status} Error")
        return HTMLResponse(PAGE.format(title), status, headers)
    if "noid" not in fault.options:
        headers["x-fal-request-id"] = request_id
    text, kind = ERRORS.get(status, ("The emulator was told to fail", ""))
    if host == "platform":
        named = "server_error" if status >= 500 else "validation_error"
        response = platform_error(status, PLATFORM_TYPES.get(status, named), text)
        response.headers.update(headers)
        return response
    if kind:
        headers |= {"X-Fal-Error-Type": kind}
        headers |= {"X-Fal-needs-retry": "1"} if status == 429 else {}
    body = {"detail": text} | ({"error_type": kind} if kind else {})
    return JSONResponse(body, status, headers)


class FaultySend:
    """Sends an answer as its faults want: under another type, slowly, or only its beginning."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, struck: Mapping[str, Fault]
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._type = struck["type"].text if "type" in struck else None
        self._left = int(struck["cut"].number) if "cut" in struck else None
        self._speed = int(struck["slow"].number) if "slow" in struck else None
        self._is_cut = False

    async def __call__(self, message: Message) -> None:
        """Send one message of the answer, or what is wanted of it."""
        if self._is_cut:
            return
        if message["type"] == "http.response.start":
            if self._type is not None:
                MutableHeaders(raw=message["headers"])["content-type"] = self._type
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        if self._left is not None:
            more = more or len(body) > self._left
            body, self._left = body[: self._left], self._left - len(body[: self._left])
        await self._send_body(body, more=more)
        if self._left == 0:
            self._is_cut = True
            await hang_up(self._scope, self._receive, after_all=True)

    async def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._speed is not None:
            # Ten pieces a second.
            size = max(1, self._speed // 10)
            while len(body) > size:
                piece, body = body[:size], body[size:]
                await self._send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(size / self._speed)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})
