"""HTTP: one client, its clock, and the one loop that repeats a request after a bad moment."""

import hashlib
import math
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
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
# What is read at once: more is memory that the C library has the system give and take each time.
_READ = 120 << 10
# A try that got so much further is no try that failed: a long download may break many times.
_FURTHER = 1 << 20
# A line about a transfer comes after so many seconds, and of a large one with each quarter.
_SECONDS_A_LINE = 5.0
_LARGE = 20_000_000
_MEGABYTE = 1_000_000
_NOT_THERE = httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE
# Headers that speak of the bytes on the way, not of those that are handed on.
_OF_BODY = (b"content-encoding", b"content-length", b"transfer-encoding")
_HEADERS = {"User-Agent": f"falsmith/{RUNTIME_VERSION}", "Accept": "application/json"}
# Characters that steer a terminal are shown as blanks.
_BLANKS = bytes(32 if byte < 32 or byte == 127 else byte for byte in range(256))

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

    def pieces(self, progress: "TransferProgress | None") -> Iterator[bytes]:
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


class TransferProgress:
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


class Download:
    """A file that a body goes into; its beginning stays where the connection breaks."""

    def __init__(
        self, file: BinaryIO, limit: int, progress: TransferProgress | None = None
    ) -> None:
        """Take an empty file, the most bytes that go into it, and who is told how far it is."""
        self._file = file
        self._limit = limit
        self._progress = progress
        self._validator = ""
        self._digest = hashlib.sha256()
        self.size = 0
        self.begun = 0

    @property
    def sha256(self) -> str:
        """The digest of what is in the file."""
        return self._digest.hexdigest()

    def wanted(self) -> dict[str, str]:
        """Return the headers that ask for the rest of what was begun, or for all if it changed."""
        if not self.begun:
            return {}
        return {"Range": f"bytes={self.begun}-", "If-Range": self._validator}

    def is_answered(self, response: httpx.Response) -> bool:
        """Whether a response has the file, or does not have the rest that was asked for."""
        return response.is_success or (self.begun > 0 and response.status_code == _NOT_THERE)

    def take(self, response: httpx.Response, body: Iterator[bytes]) -> None:
        """Write the body of such a response: the whole file, or the part that was asked for.

        Raises TooLargeError, and RemoteProtocolError where it is no such part.
        """
        begun, self.begun = self.begun, 0
        is_part = response.status_code == httpx.codes.PARTIAL_CONTENT
        span = response.headers.get("content-range", "").lower()
        is_other = is_part and not (begun and span.startswith(f"bytes {begun}-"))
        if is_other or response.status_code == _NOT_THERE:
            raise httpx.RemoteProtocolError("the server does not have the rest of the file")
        start = begun if is_part else 0
        if self._progress is not None:
            length = response.headers.get("content-length", "")
            self._progress.total = start + int(length) if length else None
        try:
            self.write(body, start)
        except httpx.RequestError:
            self._validator = _validator(response)
            self.begun = self.size if self._validator else 0
            raise

    def write(self, pieces: Iterable[bytes], start: int = 0) -> None:
        """Write pieces behind what is there, or from the start; raises TooLargeError."""
        if start != self.size:
            # What came before is of another file.
            self._file.seek(0)
            self._file.truncate()
            self._digest, self.size = hashlib.sha256(), 0
        for piece in _bounded(pieces, self._limit, start):
            self._digest.update(piece)
            self._file.write(piece)
            self.size += len(piece)
            if self._progress is not None:
                self._progress.at(self.size)


def new_client(
    config: Config | None = None, certificates: ssl.SSLContext | None = None
) -> httpx.Client:
    """Return a client that follows no redirect and holds no key: keys are given to requests.

    The environment's proxies are used, but never for this machine: they would see the key of a
    plain request. Who needs many clients reads the `certificates` once. Raises UsageError where
    proxy or certificate settings cannot be used.
    """
    local = ["localhost", "127.0.0.1", "[::1]"]
    local += config.origins.loopback_hosts() if config is not None else []
    with _usable_settings():
        return httpx.Client(
            headers=_HEADERS,
            follow_redirects=False,
            mounts={f"all://{host}": None for host in local},
            verify=certificates or True,
        )


def trusted_certificates() -> ssl.SSLContext:
    """Return the certificates of those who are trusted; raises UsageError as `new_client`."""
    with _usable_settings():
        return httpx.create_ssl_context()


@contextmanager
def _usable_settings() -> Iterator[None]:
    try:
        yield
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
    into: Download | None = None,
    progress: TransferProgress | None = None,
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
        into: Takes the body of a successful response, whose content is then empty.
        progress: Told how much has passed of `content`.
        limit: The most bytes of a body that stays in memory, decoded.
        attempts: The most tries, 1 for what must be sent once.
        deadline: One for all tries, each from connecting to the last byte of the body.
        silence: The most seconds between two pieces of the response.

    Raises:
        httpx.RequestError: No whole response came: connection, time, address, TooLargeError.
        LocalError: A file cannot be read or written.

    """
    clock = connection.clock
    tries = 0
    while True:
        tries += 1
        begun, wanted = 0, dict(headers or {})
        if into is not None:
            begun, wanted = into.begun, wanted | into.wanted()
        body: bytes | Iterator[bytes] | None
        if isinstance(content, FileSlice):
            body = content.pieces(progress)
            wanted["Content-Length"] = str(content.size)
        else:
            body = content
        request = _request(method, url, params=params, headers=wanted, content=body)
        reply = _send(connection, request, into, limit=limit, deadline=deadline, silence=silence)
        if into is not None and into.begun - begun >= _FURTHER:
            tries = 1
        if tries == attempts or not _is_passing(reply):
            break
        pause = retry_after(reply, clock)
        if pause is None:
            pause = clock.growing_pause(tries)
        is_late = deadline is not None and clock.now() + pause >= deadline
        if is_late or pause > _LONGEST_PAUSE:
            break
        clock.sleep(pause)
    if isinstance(reply, httpx.RequestError):
        raise reply
    return reply


@contextmanager
def streamed(
    connection: Connection, url: str, headers: Mapping[str, str], silence: float, until: float
) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
    """Yield the response to a GET, which is sent once, and its body in pieces as they come.

    Nobody has replaced the key in them. Raises httpx.RequestError as `exchange`: at `until` at the
    latest, and after `silence` seconds without a byte.
    """
    request = _request("GET", url, params=None, headers=headers, content=None)
    with _opened(connection, request, until, silence) as (response, reading):
        pieces = _decoded(response, _raw_chunks(response, reading, until, until))
        yield response, _bounded(pieces, _LARGEST_ANSWER)


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
    seconds = seconds_until(value, clock)
    return max(seconds, 0.0) if seconds is not None else None


def seconds_until(date: str, clock: Clock) -> float | None:
    """Return the seconds from now to a date as headers have it, None where it is none."""
    try:
        moment = parsedate_to_datetime(date)
        # In UTC, for what is no date there is none to reckon with.
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        return (moment - clock.date()).total_seconds()
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
    method: str,
    url: str,
    *,
    params: Params | None,
    headers: Mapping[str, str],
    content: bytes | Iterator[bytes] | None,
) -> httpx.Request:
    """Return the request; raises UnsupportedProtocol where the URL is no address."""
    # The one encoding that is decoded here, within bounds.
    headers = {**_HEADERS, "Accept-Encoding": "gzip", **headers}
    try:
        if is_web_url(url):
            request = httpx.Request(method, url, params=params, headers=headers, content=content)
            # The resolver encodes a host in the same way: labels of 1 to 63 characters.
            request.url.raw_host.decode("ascii").encode("idna")
            return request
    except (httpx.InvalidURL, ValueError):
        pass
    raise httpx.UnsupportedProtocol(f"{one_line(url, 200)} is no valid address")


def _send(
    connection: Connection,
    request: httpx.Request,
    into: Download | None,
    *,
    limit: int,
    deadline: float | None,
    silence: float,
) -> Reply:
    """Send a request once and return the whole response, cleaned of the key and of controls.

    Where none came it is the error, and the download may hold a beginning.
    """
    clock, redact = connection.clock, connection.config.redact
    now = clock.now()
    end = math.inf if deadline is None else max(deadline, now + _LEAST_TIME)
    slow = now + silence + _GRACE + int(request.headers.get("content-length", 0)) / _SLOWEST
    try:
        with _opened(connection, request, min(end, slow), silence) as (response, reading):
            body, content = _decoded(response, _raw_chunks(response, reading, end, slow)), b""
            if into is not None and into.is_answered(response):
                into.take(response, body)
            else:
                content = b"".join(_bounded(body, limit))
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


@contextmanager
def _opened(
    connection: Connection, request: httpx.Request, until: float, silence: float
) -> Iterator[tuple[httpx.Response, "_Reading"]]:
    """Send a request once and yield its response, of which nothing is waited for after `until`."""
    most = min(silence, until - connection.clock.now())
    timeouts = {"connect": min(_LONGEST_CONNECT, most), "read": most, "write": most, "pool": most}
    request.extensions |= {"timeout": timeouts, "trace": _bound_reads}
    reading = _Reading(connection.clock, until)
    token = _now_reading.set(reading)
    try:
        response = connection.client.send(request, stream=True, follow_redirects=False)
        with closing(response):
            yield response, reading
    finally:
        _now_reading.reset(token)


def _validator(response: httpx.Response) -> str:
    """Return what tells this body from a later one of the same address, "" where nothing does.

    It is an ETag or a date, as If-Range takes it (RFC 9110, 13.1.5).
    """
    etag, modified = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return ""
    strong = etag.startswith('"') and etag.isascii() and etag.isprintable()
    return etag if strong else modified if modified.isascii() and modified.isprintable() else ""


def _raw_chunks(
    response: httpx.Response, reading: "_Reading", end: float, slow: float
) -> Iterator[bytes]:
    """Yield the body as it comes; raises ReadTimeout at `end`, or where it comes too slowly."""
    size = 0
    for chunk in response.stream:  # type: ignore[union-attr] # of a sync client
        if reading.clock.now() >= reading.until:
            raise _too_late()
        size += len(chunk)
        reading.until = min(end, slow + size / _SLOWEST)
        yield chunk


def _bounded(pieces: Iterable[bytes], limit: int, size: int = 0) -> Iterator[bytes]:
    """Yield the pieces that come after so many bytes; raises TooLargeError above the limit."""
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise TooLargeError(f"the answer is larger than {limit / (1 << 20):g} MB")
        yield piece


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
    return text.translate(_BLANKS)


@dataclass(slots=True)
class _Reading:
    """Until when bytes are waited for, and by which clock."""

    clock: Clock
    until: float


_now_reading: ContextVar[_Reading | None] = ContextVar("_now_reading", default=None)


def _bound_reads(event: str, info: Mapping[str, Any]) -> None:
    """Have a new network connection ask for the time before each read (httpx: "trace").

    httpx limits only the silence between two reads, and a status line, headers or the size of a
    chunk that come byte by byte are read by it in one go. It also reads little at once.
    """
    if event.endswith(("connect_tcp.complete", "start_tls.complete")):
        stream = info["return_value"]
        stream.read = partial(_read_in_time, stream.read)


def _read_in_time(
    read: Callable[..., bytes], max_bytes: int, timeout: float | None = None
) -> bytes:
    reading = _now_reading.get()
    if reading is not None:
        left = reading.until - reading.clock.now()
        if left <= 0:
            raise _too_late()
        timeout = left if timeout is None else min(timeout, left)
    return read(max(max_bytes, _READ), timeout=timeout)


def _too_late() -> httpx.ReadTimeout:
    return httpx.ReadTimeout("the answer did not come whole in time")
