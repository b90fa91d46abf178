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

_LARGEST_ANSWER = 64 << 20

_LONGEST_CONNECT = 10.0
_LONGEST_PAUSE = 60.0
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


class _Target:
    """Where bodies go: memory, or a file that keeps the beginning of one whose connection broke."""

    def __init__(self, file: BinaryIO | None, limit: int, progress: Progress | None) -> None:
        self._file = file
        self._limit = limit
        self._progress = progress
        self._validator = ""
        self.begun = 0

    def wanted(self) -> dict[str, str]:
        """Return the headers that ask for the rest of what was begun, or for all if it changed."""
        if not self.begun:
            return {}
        return {"Range": f"bytes={self.begun}-", "If-Range": self._validator}

    def take(self, response: httpx.Response, body: Iterator[bytes]) -> bytes:
        """Write the body of a success into the file, and return any other, or all without a file.

        Raises TooLargeError, and RemoteProtocolError where another part came than was asked for.
        """
        begun, validator = self.begun, _validator(response)
        is_part = response.status_code == httpx.codes.PARTIAL_CONTENT
        span = response.headers.get("content-range", "").lower()
        is_other = is_part and not (begun and span.startswith(f"bytes {begun}-"))
        if (begun and response.status_code == 416) or (self._file is not None and is_other):
            self.begun = 0
            raise httpx.RemoteProtocolError("the server does not have the rest of the file")
        memory = BytesIO()
        if self._file is None or not response.is_success:
            self._write(body, memory, 0)
            return memory.getvalue()
        start, self.begun = begun if is_part else 0, 0
        if self._progress is not None:
            length = response.headers.get("content-length", "")
            self._progress.total = start + int(length) if length else None
        try:
            self._write(body, self._file, start)
        except httpx.RequestError:
            self._validator, self.begun = validator, self._file.tell() if validator else 0
            raise
        return b""

    def _write(self, body: Iterator[bytes], file: BinaryIO, size: int) -> None:
        file.seek(size)
        file.truncate()
        for piece in body:
            size += len(piece)
            if size > self._limit:
                raise TooLargeError(f"the answer is larger than {self._limit / (1 << 20):g} MB")
            file.write(piece)
            if file is self._file and self._progress is not None:
                self._progress.at(size)


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
    attempts: int = 5,
    deadline: float | None = None,
    silence: float = 30.0,
) -> httpx.Response:
    """Make a request, again after trouble on the way and after a transient status.

    It ends with `attempts`, or where the next try would begin after `deadline` (`clock.now()`) or
    more than a minute later, as Retry-After may ask. The last response is returned whatever its
    status, or the last error raised. Redirects are not followed. A download whose connection broke
    goes on where it was, where the server has ranges and the same file.

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
        attempts: The most tries, 1 for what must be sent once.
        deadline: One for all tries, each from connecting to the last byte of the body.
        silence: The most seconds between two pieces of the response.

    Raises:
        httpx.RequestError: No whole response came: connection, time, address, TooLargeError.
        LocalError: A file cannot be read or written.

    """
    clock = connection.clock
    target = _Target(into, limit, progress)
    tries = 0
    while True:
        tries += 1
        begun, wanted = target.begun, {**(headers or {}), **target.wanted()}
        body: bytes | Iterator[bytes] | None
        if isinstance(content, FileSlice):
            body = content.pieces(progress)
            wanted["Content-Length"] = str(content.size)
        else:
            body = content
        request = _request(
            connection.client, method, url, params=params, headers=wanted, content=body
        )
        reply = _send(connection, request, target, deadline=deadline, silence=silence)
        if target.begun - begun >= _FURTHER:
            tries = 1
        if tries == attempts or not _is_passing(reply):
            break
        pause = retry_after(reply, clock)
        if pause is None:
            pause = 0.5 * 2 ** (tries - 1) * (0.5 + clock.random())
        is_late = deadline is not None and clock.now() + pause >= deadline
        if is_late or pause > _LONGEST_PAUSE:
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
    target: _Target,
    *,
    deadline: float | None,
    silence: float,
) -> Reply:
    """Send a request once and return the whole response, cleaned of the key and of controls.

    Where none came it is the error, and the target may hold a beginning.
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
    try:
        with _reading_until(clock, min(end, slow)):
            response = client.send(request, stream=True, follow_redirects=False)
        with closing(response):
            body = _decoded(response, _raw_chunks(response, clock, end, slow))
            content = target.take(response, body)
    except httpx.RequestError as error:
        text = redact(str(error).encode()).decode()
        return type(error)(one_line(text, 300), request=request)
    except (httpx.InvalidURL, ValueError):
        # httpx reads the Location of a redirect that it does not follow, and trips over it.
        return httpx.RemoteProtocolError("the answer leads to no valid address")
    kept = [(name, value) for name, value in response.headers.raw if name.lower() not in _OF_BODY]
    return httpx.Response(
        response.status_code,
        headers=[(name, _visible(redact(value))) for name, value in kept],
        content=redact(content),
        request=request,
        extensions={"reason_phrase": _visible(redact(response.reason_phrase.encode()))},
    )


def _validator(response: httpx.Response) -> str:
    """Return what tells this body from a later one of the same address, "" where nothing does.

    It is an ETag or a date, as If-Range takes it (RFC 9110, 13.1.5).
    """
    etag, modified = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return ""
    strong = etag.startswith('"') and etag.isascii() and etag.isprintable()
    return etag if strong else modified if modified.isascii() and modified.isprintable() else ""


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
