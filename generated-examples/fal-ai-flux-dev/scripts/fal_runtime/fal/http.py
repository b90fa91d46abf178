"""HTTP: one client, its clock, and the one loop that repeats a request after a bad moment."""

import itertools
import math
import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit

import httpx

from fal_runtime import RUNTIME_VERSION
from fal_runtime.config import Config, is_web_url
from fal_runtime.errors import NotAcceptedError, UsageError
from fal_runtime.paths import local_trouble
from fal_runtime.text import one_line

__all__ = [
    "REAL_CLOCK",
    "Clock",
    "Connection",
    "TooLargeError",
    "exchange",
    "new_client",
    "retry_after",
    "unreachable",
]

_LARGEST_ANSWER = 64 << 20

_LONGEST_CONNECT = 10.0
_LONGEST_PAUSE = 30.0
_LONGEST_RETRY_AFTER = 60.0
_LEAST_TIME = 1.0
# An answer may take the longest silence and a minute, and more only while so many bytes a second
# come: no real line is slower, and a server that drips would otherwise never be done.
_GRACE = 60.0
_SLOWEST = 16 << 10
_PIECE = 1 << 20
# Headers that speak of the bytes on the way, not of those that are handed on.
_OF_BODY = (b"content-encoding", b"content-length", b"transfer-encoding")

Params: TypeAlias = Mapping[str, str | int | Sequence[str]]

# What one try came to.
Reply: TypeAlias = httpx.Response | httpx.RequestError


class TooLargeError(httpx.RequestError):
    """An answer is larger than its reader takes."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random
    date: Callable[[], datetime] = lambda: datetime.now(UTC)


REAL_CLOCK = Clock()


@dataclass(frozen=True, slots=True)
class Connection:
    """What an exchange needs: client, configuration, a place for progress lines, time."""

    client: httpx.Client
    config: Config
    report: Callable[[str], None] = lambda _: None
    clock: Clock = REAL_CLOCK


def new_client(config: Config | None = None) -> httpx.Client:
    """Return a client that follows no redirect and holds no key: keys are given to requests.

    The environment's proxies are used, but never for this machine: they would see the key of a
    plain request. Raises UsageError where proxy or certificate settings cannot be used.
    """
    local = ["localhost", "127.0.0.1", "[::1]"]
    local += config.origins.loopback_hosts() if config is not None else []
    try:
        return httpx.Client(
            headers={"User-Agent": f"falsmith/{RUNTIME_VERSION}", "Accept": "application/json"},
            follow_redirects=False,
            mounts={f"all://{host}": None for host in local},
        )
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise UsageError(
            "invalid_settings",
            f"the proxy or certificate settings (HTTPS_PROXY, SSL_CERT_FILE ...) fail: {error}",
        ) from None


def exchange(
    connection: Connection,
    method: str,
    url: str,
    *,
    params: Params | None = None,
    headers: Mapping[str, str] | None = None,
    content: bytes | Path | None = None,
    into: BinaryIO | None = None,
    limit: int = _LARGEST_ANSWER,
    attempts: int | None = 5,
    deadline: float | None = None,
    silence: float = 30.0,
) -> httpx.Response:
    """Make a request, again after trouble on the way and after a transient status.

    It ends with `attempts`, or where the next try would begin after `deadline` (`clock.now()`), or,
    without a deadline, where Retry-After asks for more than a minute. The last response is
    returned whatever its status, or the last error raised. Redirects are not followed.

    Args:
        connection: The client, and the configuration whose key is replaced in all that comes.
        method: As HTTP names it.
        url: Whatever text: what is no address raises httpx.UnsupportedProtocol.
        params: The query.
        headers: Those of this request, the key's among them.
        content: The body; a path is opened anew for each try.
        into: A file for the body of a successful response; its content is then empty.
        limit: The most bytes of a body, decoded.
        attempts: The most tries, 1 for what must be sent once; None leaves it to the deadline.
        deadline: One for all tries, each from connecting to the last byte of the body.
        silence: The most seconds between two pieces of the response.

    Raises:
        httpx.RequestError: No whole response came: connection, time, address, TooLargeError.
        LocalError: A file cannot be read or written.

    """
    clock = connection.clock
    for tries in itertools.count(1):
        reply: Reply
        try:
            with _request(
                connection.client, method, url, params=params, headers=headers, content=content
            ) as request:
                reply = _send(
                    connection,
                    request,
                    into=into,
                    limit=limit,
                    deadline=deadline,
                    silence=silence,
                )
        except httpx.RequestError as error:
            reply = error
        if tries == attempts or not _is_passing(reply):
            break
        prescribed = retry_after(reply, clock)
        if deadline is None and prescribed is not None and prescribed > _LONGEST_RETRY_AFTER:
            break
        growing = min(0.5 * 2 ** min(tries - 1, 10), _LONGEST_PAUSE) * (0.5 + clock.random())
        pause = min(growing if prescribed is None else prescribed, _LONGEST_RETRY_AFTER)
        if deadline is not None and clock.now() + pause >= deadline:
            break
        clock.sleep(pause)
    if isinstance(reply, httpx.RequestError):
        raise reply
    return reply


def _is_passing(reply: Reply) -> bool:
    """Return whether the same request may succeed a little later."""
    if isinstance(reply, httpx.Response):
        return reply.status_code in (408, 429) or reply.status_code >= 500
    return not isinstance(reply, TooLargeError | httpx.UnsupportedProtocol)


def retry_after(reply: Reply, clock: Clock) -> float | None:
    """Return the seconds that a response asks to wait, None where it does not say.

    Retry-After is a number of seconds or a date (RFC 9110, 10.2.3).
    """
    value = reply.headers.get("retry-after", "") if isinstance(reply, httpx.Response) else ""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
        return max((date - clock.date()).total_seconds(), 0.0)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def unreachable(error: httpx.RequestError, url: str) -> NotAcceptedError:
    """Return the error of a request that got no response, in the user's terms."""
    why = one_line(str(error), 300) or type(error).__name__
    if isinstance(error, TooLargeError | httpx.UnsupportedProtocol):
        return NotAcceptedError("platform_down", why)
    return NotAcceptedError(
        "network_blocked",
        f"{urlsplit(url).hostname} cannot be reached from this machine ({why}): check the network, "
        "the proxy settings (HTTPS_PROXY) and whether this environment allows commands to use the "
        "network",
    )


@contextmanager
def _request(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    params: Params | None,
    headers: Mapping[str, str] | None,
    content: bytes | Path | None,
) -> Iterator[httpx.Request]:
    """Yield the request, its file open; raises UnsupportedProtocol for what is no address."""
    with ExitStack() as stack:
        body: bytes | BinaryIO | None
        if isinstance(content, Path):
            stack.enter_context(local_trouble(content))
            body = stack.enter_context(content.open("rb"))
        else:
            body = content
        # The one encoding that is decoded here, within bounds.
        wanted = {"Accept-Encoding": "gzip", **(headers or {})}
        if not is_web_url(url):
            raise _no_address(url)
        try:
            request = client.build_request(method, url, params=params, headers=wanted, content=body)
            # The resolver encodes a host in the same way: labels of 1 to 63 characters.
            request.url.raw_host.decode("ascii").encode("idna")
        except (httpx.InvalidURL, ValueError):
            raise _no_address(url) from None
        yield request


def _send(
    connection: Connection,
    request: httpx.Request,
    *,
    into: BinaryIO | None,
    limit: int,
    deadline: float | None,
    silence: float,
) -> httpx.Response:
    """Send a request once and return the whole response, cleaned of the key and of controls."""
    client, clock, redact = connection.client, connection.clock, connection.config.redact
    now = clock.now()
    end = math.inf if deadline is None else max(deadline, now + _LEAST_TIME)
    slow = now + silence + _GRACE + int(request.headers.get("content-length", 0)) / _SLOWEST
    most = min(silence, end - now)
    request.extensions |= {
        "timeout": httpx.Timeout(most, connect=min(_LONGEST_CONNECT, most)).as_dict(),
        "trace": _bound_reads,
    }
    try:
        with _reading_until(clock, min(end, slow)):
            response = client.send(request, stream=True, follow_redirects=False)
        with closing(response):
            body = _decoded(response, _raw_chunks(response, clock, end, slow))
            content = _collected(body, into if response.is_success else None, limit)
    except httpx.RequestError as error:
        text = redact(str(error).encode()).decode()
        raise type(error)(one_line(text, 300), request=request) from None
    except (httpx.InvalidURL, ValueError):
        # httpx reads the Location of a redirect that it does not follow, and trips over it.
        raise httpx.RemoteProtocolError("the answer leads to no valid address") from None
    kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_BODY]
    return httpx.Response(
        response.status_code,
        headers=[(name, _visible(redact(value))) for name, value in kept],
        content=redact(content),
        request=request,
        extensions={"reason_phrase": _visible(redact(response.reason_phrase.encode()))},
    )


def _raw_chunks(response: httpx.Response, clock: Clock, end: float, slow: float) -> Iterator[bytes]:
    """Yield the body as it comes; raises ReadTimeout at `end`, or where it comes too slowly."""
    stream, size = iter(response.stream), 0  # type: ignore[arg-type] # of a sync client
    while True:
        until = min(end, slow + size / _SLOWEST)
        with _reading_until(clock, until):
            chunk = next(stream, None)
        if chunk is None:
            return
        if clock.now() >= until:
            raise _too_late()
        size += len(chunk)
        yield chunk


def _decoded(response: httpx.Response, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the body's bytes; a gzip stream in pieces, for a little of it may become gigabytes."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise httpx.DecodingError(f"nobody asked for the encoding {encoding}")
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting and not decoder.eof:
                yield decoder.decompress(waiting, _PIECE)
                waiting = decoder.unconsumed_tail
    except zlib.error as error:
        raise httpx.DecodingError(f"it is no gzip: {error}") from None


def _collected(body: Iterator[bytes], into: BinaryIO | None, limit: int) -> bytes:
    """Write the body into the file, or return it; raises TooLargeError above the limit."""
    memory = BytesIO()
    target = into if into is not None else memory
    target.seek(0)
    target.truncate()
    size = 0
    for piece in body:
        size += len(piece)
        if size > limit:
            raise TooLargeError(f"the answer is larger than {limit / (1 << 20):g} MB")
        target.write(piece)
    return memory.getvalue()


def _visible(text: bytes) -> bytes:
    return bytes(byte if byte > 31 and byte != 127 else 32 for byte in text)


# Until when bytes are waited for, by which clock.
_reading: ContextVar[tuple[Clock, float] | None] = ContextVar("_reading", default=None)


@contextmanager
def _reading_until(clock: Clock, until: float) -> Iterator[None]:
    token = _reading.set((clock, until))
    try:
        yield
    finally:
        _reading.reset(token)


def _bound_reads(event: str, info: Mapping[str, Any]) -> None:
    """Have a new network connection ask for the time before each read (httpx: "trace").

    httpx limits only the silence between two reads, and a status line, headers or the size of a
    chunk that come byte by byte are read by it in one go.
    """
    if event.endswith(("connect_tcp.complete", "start_tls.complete")):
        stream = info["return_value"]
        stream.read = partial(_read_in_time, stream.read)


def _read_in_time(
    read: Callable[..., bytes], max_bytes: int, timeout: float | None = None
) -> bytes:
    reading = _reading.get()
    if reading is not None:
        clock, until = reading
        left = until - clock.now()
        if left <= 0:
            raise _too_late()
        timeout = left if timeout is None else min(timeout, left)
    return read(max_bytes, timeout=timeout)


def _no_address(url: str) -> httpx.UnsupportedProtocol:
    return httpx.UnsupportedProtocol(f"{one_line(url, 200)} is no valid address")


def _too_late() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("the answer did not come whole in time")
