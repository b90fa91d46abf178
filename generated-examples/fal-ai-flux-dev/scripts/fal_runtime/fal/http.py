"""HTTP: one client, its clock, and the one loop that repeats a request after a bad moment."""

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import urlsplit

import httpx

from fal_runtime import RUNTIME_VERSION
from fal_runtime.config import Config, is_web_url
from fal_runtime.errors import LocalError, NotAcceptedError, UsageError
from fal_runtime.fal.clock import REAL_CLOCK, Clock
from fal_runtime.paths import local_trouble
from fal_runtime.text import one_line

__all__ = [
    "NEVER_SENT",
    "Connection",
    "FileSlice",
    "Progress",
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
# A try that got so much further is no try that failed: a long download may break many times.
_FURTHER = 1 << 20
# A line about a transfer comes after so many seconds, and of a large one with each quarter.
_SECONDS_A_LINE = 5.0
_LARGE = 20_000_000
_MEGABYTE = 1_000_000
# Headers that speak of the bytes on the way, not of those that are handed on.
_OF_BODY = (b"content-encoding", b"content-length", b"transfer-encoding")

Params: TypeAlias = Mapping[str, str | int | Sequence[str]]

# What one try came to.
Reply: TypeAlias = httpx.Response | httpx.RequestError

# Errors of making a connection: the request itself was surely not sent.
NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class TooLargeError(httpx.RequestError):
    """An answer is larger than its reader takes."""


class _OtherFileError(httpx.RemoteProtocolError):
    """A server does not have the rest of what was begun: the next try begins anew."""


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Consecutive bytes of a file on this machine, which are read anew for each try."""

    path: Path
    start: int
    size: int

    def pieces(self, progress: "Progress | None") -> Iterator[bytes]:
        """Yield the bytes; raises LocalError where they cannot be read, or are fewer by now."""
        left = self.size
        with local_trouble(self.path), self.path.open("rb") as file:
            file.seek(self.start)
            while left:
                piece = file.read(min(left, _PIECE))
                if not piece:
                    text = f"{one_line(str(self.path))} became shorter while it was sent"
                    raise LocalError("local_trouble", text)
                left -= len(piece)
                yield piece
                if progress is not None:
                    progress.at(self.start + self.size - left)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The beginning of a body, in a file since its connection broke, and what tells it from others.

    `validator` is an ETag or a date, as If-Range takes it (RFC 9110, 13.1.5).
    """

    validator: str
    size: int


@dataclass(frozen=True, slots=True)
class Connection:
    """What an exchange needs: client, configuration, a place for progress lines, time."""

    client: httpx.Client
    config: Config
    report: Callable[[str], None] = lambda _: None
    clock: Clock = REAL_CLOCK


class Progress:
    """The lines about one long transfer: how much of it has passed."""

    def __init__(self, connection: Connection, what: str, total: int | None = None) -> None:
        """Begin; `what` is the line's beginning, `total` the bytes where they are known."""
        self._connection = connection
        self._what = what
        self.total = total
        self._shown = 0
        self._due = connection.clock.now() + _SECONDS_A_LINE

    def at(self, position: int) -> None:
        """Report that so many bytes have passed, where a line is due."""
        total, now = self.total or 0, self._connection.clock.now()
        quarter = total >= _LARGE and (position - self._shown) * 4 >= total
        if position == total or not (quarter or now >= self._due):
            return
        self._shown, self._due = position, now + _SECONDS_A_LINE
        passed = f"{position / _MEGABYTE:.0f}"
        of = f" of {total / _MEGABYTE:.0f} MB ({position * 100 // total}%)" if total else " MB"
        self._connection.report(f"{self._what}: {passed}{of}")


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
    content: bytes | FileSlice | None = None,
    into: BinaryIO | None = None,
    progress: Progress | None = None,
    limit: int = _LARGEST_ANSWER,
    attempts: int | None = 5,
    deadline: float | None = None,
    silence: float = 30.0,
) -> httpx.Response:
    """Make a request, again after trouble on the way and after a transient status.

    It ends with `attempts`, or where the next try would begin after `deadline` (`clock.now()`), or,
    without a deadline, where Retry-After asks for more than a minute. The last response is
    returned whatever its status, or the last error raised. Redirects are not followed. A download
    whose connection broke goes on where it was, where the server has ranges and the same file.

    Args:
        connection: The client, and the configuration whose key is replaced in all that comes.
        method: As HTTP names it.
        url: Whatever text: what is no address raises httpx.UnsupportedProtocol.
        params: The query.
        headers: Those of this request, the key's among them.
        content: The body.
        into: A file for the body of a successful response; its content is then empty.
        progress: Told how much has passed of `content`, or of the body that goes `into` a file.
        limit: The most bytes of a body, decoded.
        attempts: The most tries, 1 for what must be sent once; None leaves it to the deadline.
        deadline: One for all tries, each from connecting to the last byte of the body.
        silence: The most seconds between two pieces of the response.

    Raises:
        httpx.RequestError: No whole response came: connection, time, address, TooLargeError.
        LocalError: A file cannot be read or written.

    """
    clock = connection.clock
    begun: _Begun | None = None
    tries = 0
    while True:
        tries += 1
        size, wanted = 0, dict(headers or {})
        if begun is not None:
            # The rest of the body, or all of it where it changed.
            size = begun.size
            wanted |= {"Range": f"bytes={size}-", "If-Range": begun.validator}
        body: bytes | Iterator[bytes] | None
        if isinstance(content, FileSlice):
            body = content.pieces(progress)
            wanted["Content-Length"] = str(content.size)
        else:
            body = content
        request = _request(
            connection.client, method, url, params=params, headers=wanted, content=body
        )
        reply, begun = _send(
            connection,
            request,
            into=into,
            begun=begun,
            progress=progress,
            limit=limit,
            deadline=deadline,
            silence=silence,
        )
        if begun is not None and begun.size - size >= _FURTHER:
            tries = 1
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
    """Return the error of a request that got no response, or a broken one, in the user's terms."""
    why = one_line(str(error), 300) or type(error).__name__
    if isinstance(error, TooLargeError | httpx.UnsupportedProtocol):
        return NotAcceptedError("platform_down", why)
    host = urlsplit(url).hostname
    if isinstance(error, NEVER_SENT):
        return NotAcceptedError(
            "network_blocked",
            f"{host} cannot be reached from this machine ({why}): check the network, the proxy "
            "settings (HTTPS_PROXY) and whether this environment allows commands to use the "
            "network",
        )
    if isinstance(error, httpx.TimeoutException):
        what = f"{host} was reached and did not answer in time ({why})"
    elif isinstance(error, httpx.DecodingError):
        what = f"{host} answered with what cannot be read ({why})"
    else:
        what = f"the connection to {host} broke before the whole answer came ({why})"
    return NotAcceptedError("platform_down", f"{what}: try again later")


def _request(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    params: Params | None,
    headers: Mapping[str, str],
    content: bytes | Iterator[bytes] | None,
) -> httpx.Request:
    """Return the request; raises UnsupportedProtocol where the URL is no address."""
    # The one encoding that is decoded here, within bounds.
    headers = {"Accept-Encoding": "gzip", **headers}
    try:
        if is_web_url(url):
            request = client.build_request(
                method, url, params=params, headers=headers, content=content
            )
            # The resolver encodes a host in the same way: labels of 1 to 63 characters.
            request.url.raw_host.decode("ascii").encode("idna")
            return request
    except (httpx.InvalidURL, ValueError):
        pass
    raise httpx.UnsupportedProtocol(f"{one_line(url, 200)} is no valid address")


def _send(
    connection: Connection,
    request: httpx.Request,
    *,
    into: BinaryIO | None,
    begun: _Begun | None,
    progress: Progress | None,
    limit: int,
    deadline: float | None,
    silence: float,
) -> tuple[Reply, _Begun | None]:
    """Send a request once and return the whole response, cleaned of the key and of controls.

    Where none came it is the error. Also returned is the beginning that `into` holds by now and
    that a next try may go on from; `begun` is that of the try before.
    """
    client, clock, redact = connection.client, connection.clock, connection.config.redact
    now = clock.now()
    end = math.inf if deadline is None else max(deadline, now + _LEAST_TIME)
    slow = now + silence + _GRACE + int(request.headers.get("content-length", 0)) / _SLOWEST
    most = min(silence, end - now)
    request.extensions |= {
        "timeout": httpx.Timeout(most, connect=min(_LONGEST_CONNECT, most)).as_dict(),
        "trace": _bound_reads,
    }
    validator, start = "", 0
    target: BinaryIO | None = None
    try:
        with _reading_until(clock, min(end, slow)):
            response = client.send(request, stream=True, follow_redirects=False)
        with closing(response):
            if begun is not None and response.status_code == 416:
                raise _OtherFileError("the file is another one by now")
            if into is not None and response.is_success:
                start, target, begun = _start(response, begun), into, None
                validator = _validator(response)
                if progress is not None:
                    length = response.headers.get("content-length", "")
                    progress.total = start + int(length) if length else None
            body = _decoded(response, _raw_chunks(response, clock, end, slow))
            content = _collected(body, target, start, limit, progress)
    except httpx.RequestError as error:
        text = redact(str(error).encode()).decode()
        if target is not None and validator:
            begun = _Begun(validator, target.tell())
        broken = type(error)(one_line(text, 300), request=request)
        return broken, begun if not isinstance(error, _OtherFileError) else None
    except (httpx.InvalidURL, ValueError):
        # httpx reads the Location of a redirect that it does not follow, and trips over it.
        return httpx.RemoteProtocolError("the answer leads to no valid address"), begun
    kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_BODY]
    whole = httpx.Response(
        response.status_code,
        headers=[(name, _visible(redact(value))) for name, value in kept],
        content=redact(content),
        request=request,
        extensions={"reason_phrase": _visible(redact(response.reason_phrase.encode()))},
    )
    return whole, begun


def _validator(response: httpx.Response) -> str:
    """Return what tells this body from a later one of the same address, "" where nothing does."""
    etag, modified = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return ""
    strong = etag.startswith('"') and etag.isascii() and etag.isprintable()
    return etag if strong else modified if modified.isascii() and modified.isprintable() else ""


def _start(response: httpx.Response, begun: _Begun | None) -> int:
    """Return where in the whole body this response begins; raises _OtherFileError."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        return 0
    span = response.headers.get("content-range", "").lower()
    if begun is None or not span.startswith(f"bytes {begun.size}-"):
        raise _OtherFileError("the server sent another part of the file than was asked for")
    return begun.size


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
    came = False
    try:
        for chunk in chunks:
            waiting, came = chunk, came or bool(chunk)
            while waiting and not decoder.eof:
                yield decoder.decompress(waiting, _PIECE)
                waiting = decoder.unconsumed_tail
    except zlib.error as error:
        raise httpx.DecodingError(f"it is no gzip: {error}") from None
    if came and not decoder.eof:
        raise httpx.DecodingError("its gzip ends before it is whole")


def _collected(
    body: Iterator[bytes],
    into: BinaryIO | None,
    start: int,
    limit: int,
    progress: Progress | None,
) -> bytes:
    """Write the body into the file from `start`, or return it; raises TooLargeError."""
    memory = BytesIO()
    target = into if into is not None else memory
    target.seek(start)
    target.truncate()
    size = start
    for piece in body:
        size += len(piece)
        if size > limit:
            raise TooLargeError(f"the answer is larger than {limit / (1 << 20):g} MB")
        target.write(piece)
        if into is not None and progress is not None:
            progress.at(size)
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


def _too_late() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("the answer did not come whole in time")
