"""One exchange: when it is repeated, when it ends, and what of a response is handed on."""

import gzip
import hashlib
import json
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.errors import UsageError
from fal_runtime.fal.clock import Clock
from fal_runtime.fal.http import (
    Connection,
    Download,
    FileSlice,
    TooLargeError,
    TransferProgress,
    exchange,
    new_client,
    streamed,
    unreachable,
)

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

URL = "https://api.fal.ai/v1/models"
PLACE = f"GET {URL}"
KEY = "id-1:secret-1"
SECRET = "0123456789abcdef"
LONG_KEY = f"id-1:{SECRET}"
LIMIT = 100 << 20


def fetch(fal: "Fal", **options: Any) -> httpx.Response:
    return exchange(fal.connection, "GET", URL, **options)


def raw(content: bytes, **headers: str) -> httpx.Response:
    """Return a response whose body comes as it stands, whatever its encoding."""
    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(200, headers=told, stream=httpx.ByteStream(content))


def raw_answer(content: bytes, _request: httpx.Request) -> httpx.Response:
    """Answer with a body that is said to be packed."""
    return raw(content, content_encoding="gzip")


# Repeating


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_passing_trouble_is_repeated(fal: "Fal", code: int) -> None:
    fal.script.on(PLACE, httpx.Response(code), httpx.Response(200))
    assert fetch(fal).status_code == 200
    assert len(fal.time.slept) == 1


@pytest.mark.parametrize("code", [200, 301, 400, 401, 404, 405, 422])
def test_a_decision_is_returned_at_once(fal: "Fal", code: int) -> None:
    fal.script.on(PLACE, httpx.Response(code, headers={"location": "https://elsewhere"}))
    assert fetch(fal).status_code == code
    assert len(fal.script.requests) == 1


def test_a_broken_connection_is_made_again(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.ConnectError("no"), httpx.ReadTimeout("no"), httpx.Response(200))
    assert fetch(fal).status_code == 200


def test_the_last_response_is_returned_and_the_last_error_raised(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(503))
    assert fetch(fal, attempts=3).status_code == 503
    assert len(fal.script.requests) == 3
    fal.script.on(PLACE, httpx.ConnectError("refused"))
    with pytest.raises(httpx.ConnectError):
        fetch(fal, attempts=3)


def test_what_must_be_sent_once_is_sent_once(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.ConnectError("no"))
    with pytest.raises(httpx.ConnectError):
        fetch(fal, attempts=1)
    assert (len(fal.script.requests), fal.time.slept) == (1, [])


def test_the_deadline_ends_the_tries(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(503))
    until = fal.time.seconds + 5
    assert fetch(fal, attempts=9, deadline=until).status_code == 503
    assert fal.time.slept == [0.5, 1, 2]


def test_pauses_grow_to_a_minute_and_are_spread(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.ConnectError("no"))
    with pytest.raises(httpx.ConnectError):
        fetch(fal, attempts=10)
    assert fal.time.slept == [0.5, 1, 2, 4, 8, 16, 32]
    early, late = (replace(fal.connection, clock=_chance(fal, n)) for n in (0.0, 1.0))
    fal.time.slept.clear()
    for connection in (early, late):
        with pytest.raises(httpx.ConnectError):
            exchange(connection, "GET", URL, attempts=2)
    assert fal.time.slept == [0.25, 0.75]


def _chance(fal: "Fal", number: float) -> Clock:
    return replace(fal.time.clock, random=lambda: number)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("60", 60.0),
        # The clock of these tests shows 03:04:05.
        ("Fri, 02 Jan 2026 03:04:15 GMT", 10.0),
        ("Fri, 02 Jan 2026 03:04:15 -0000", 10.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", 0.5),
        ("-3", 0.5),
        ("1e9", 0.5),
        ("²", 0.5),
        ("Fri, 02 Jan 99999 03:04:15 GMT", 0.5),
        ("Fri, 02 Jan 2026 99:99:99 GMT", 0.5),
        ("Fri, 31 Dec 9999 23:59:59 -9999", 0.5),
    ],
)
def test_retry_after_is_honoured_where_it_can_be_read(fal: "Fal", value: str, pause: float) -> None:
    asked = httpx.Response(429, headers=[(b"retry-after", value.encode("latin-1"))])
    fal.script.on(PLACE, asked, httpx.Response(200))
    assert fetch(fal).status_code == 200
    assert fal.time.slept == [pause]


@pytest.mark.parametrize("value", ["61", "9" * 5000, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_more_than_a_minute_is_not_waited_for(fal: "Fal", value: str) -> None:
    fal.script.on(PLACE, httpx.Response(429, headers={"retry-after": value}))
    assert fetch(fal, deadline=fal.time.seconds + 100).status_code == 429
    assert fal.time.slept == []


def test_a_file_is_sent_whole_with_each_try(fal: "Fal", tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"content")
    fal.script.on(f"PUT {URL}", httpx.Response(503), httpx.Response(200))
    exchange(fal.connection, "PUT", URL, content=FileSlice(path, 0, 7))
    assert [request.content for request in fal.script.requests] == [b"content", b"content"]
    assert fal.script.requests[0].headers["content-length"] == "7"


def test_parameters_are_repeated_and_headers_sent(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(200))
    fetch(fal, params={"endpoint_id": ["a/b", "c/d"]}, headers={"X-A": "1"})
    request = fal.script.requests[0]
    assert request.url.query == b"endpoint_id=a%2Fb&endpoint_id=c%2Fd"
    assert request.headers["x-a"] == "1"


def test_a_redirect_is_not_followed_even_by_a_client_that_would(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.Response(302, headers={"location": "https://evil.example/"}))
    client = httpx.Client(transport=httpx.MockTransport(fal.script), follow_redirects=True)
    connection = replace(fal.connection, client=client)
    assert exchange(connection, "GET", URL, headers={"Authorization": "k"}).status_code == 302
    assert len(fal.script.requests) == 1


# Addresses

BAD_ADDRESSES = [
    "http://[", "http://xn--/x", f"http://{'a' * 64}.example/x", "http://a..b/x", "javascript:1",
    "http://h:99999/", "http://h:0/", "http://\x1b[2J/", "//h/x", "", "http://u:p@h/",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_what_is_no_address_is_refused_before_anything_is_sent(fal: "Fal", url: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol, match="no valid address") as caught:
        exchange(fal.connection, "GET", url)
    assert str(caught.value).isprintable()
    assert unreachable(caught.value, url).exit_status == 6
    assert (fal.script.requests, fal.time.slept) == ([], [])


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_a_redirect_to_what_is_no_address_ends_the_exchange_in_order(fal: "Fal", url: str) -> None:
    fal.script.on(PLACE, httpx.Response(302, headers=[(b"location", url.encode())]))
    try:
        assert fetch(fal).status_code == 302
    except httpx.RemoteProtocolError as error:
        assert str(error).isprintable()


# Time


class Dripper:
    """A server that sends the beginning of a response, and a byte more whenever time passes."""

    def __init__(self, beginning: bytes, step: float) -> None:
        self.beginning, self.step, self.seconds = beginning, step, 0.0
        self.connections: list[socket.socket] = []
        self.lock = Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.thread = Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        connection.recv(10_000)
        with self.lock:
            connection.sendall(self.beginning)
            self.connections.append(connection)

    def now(self) -> float:
        """Return the time, a step later than at the last look, after one more byte."""
        self.seconds += self.step
        with self.lock:
            for connection in self.connections:
                connection.sendall(b"1")
        return self.seconds

    def close(self) -> None:
        self.thread.join()
        for each in (*self.connections, self.listener):
            each.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


BEGINNINGS = pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 ",
        HEAD + b"X-Long: ",
        HEAD + b"Content-Length: 9000\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["status line", "header", "body", "size of a chunk"],
)


@pytest.mark.parametrize("limits", [{"deadline": 60.0}, {}])
@BEGINNINGS
def test_a_server_that_drips_is_left_at_the_deadline_or_as_too_slow(
    fal: "Fal", beginning: bytes, limits: dict[str, Any]
) -> None:
    server = Dripper(beginning, step=1.0)
    try:
        with new_client() as client, pytest.raises(httpx.ReadTimeout, match="in time"):
            exchange(
                Connection(client, fal.config, clock=replace(fal.time.clock, now=server.now)),
                "GET",
                server.url,
                attempts=1,
                **limits,
            )
    finally:
        server.close()
    assert server.seconds < 110


@BEGINNINGS
def test_a_stream_that_drips_is_left_when_its_time_is_over(fal: "Fal", beginning: bytes) -> None:
    server = Dripper(beginning, step=1.0)
    clock = replace(fal.time.clock, now=server.now)
    try:
        with new_client() as client, pytest.raises(httpx.ReadTimeout, match="in time"):
            connection = Connection(client, fal.config, clock=clock)
            with streamed(connection, server.url, {}, silence=30, until=60) as (_, pieces):
                list(pieces)
    finally:
        server.close()
    assert server.seconds < 70


def test_a_body_that_comes_after_the_deadline_is_too_late(fal: "Fal") -> None:
    def slowly() -> Iterator[bytes]:
        yield b"{"
        fal.time.seconds += 10
        yield b"}"

    fal.script.on(PLACE, lambda _: httpx.Response(200, content=slowly()))
    with pytest.raises(httpx.ReadTimeout):
        fetch(fal, deadline=fal.time.seconds + 5)
    assert fetch(fal, deadline=fal.time.seconds + 15).content == b"{}"


def test_a_large_body_at_a_real_speed_is_waited_for(fal: "Fal") -> None:
    def steadily() -> Iterator[bytes]:
        for _ in range(20):
            fal.time.seconds += 20
            yield b"0" * (1 << 20)

    fal.script.on(PLACE, lambda _: httpx.Response(200, content=steadily()))
    assert len(fetch(fal).content) == 20 << 20


@pytest.mark.parametrize(
    ("options", "read", "connect"),
    [({}, 30, 10), ({"deadline": 1005.0}, 5, 5), ({"silence": 120.0}, 120, 10),
     ({"deadline": 900.0}, 1, 1), ({"deadline": 1e308}, 30, 10)],
)  # fmt: skip
def test_silence_is_bounded_by_its_own_limit_and_by_the_deadline(
    fal: "Fal", options: dict[str, float], read: float, connect: float
) -> None:
    fal.script.on(PLACE, httpx.Response(200))
    fetch(fal, **options)
    timeout = fal.script.requests[0].extensions["timeout"]
    assert (timeout["read"], timeout["write"], timeout["connect"]) == (read, read, connect)


# Size


def test_a_little_gzip_that_becomes_gigabytes_is_left_at_the_limit(fal: "Fal") -> None:
    bomb = gzip.compress(bytes(100 << 20), compresslevel=1)
    fal.script.on(PLACE, lambda _: raw(bomb, content_encoding="gzip"))
    tracemalloc.start()
    with pytest.raises(TooLargeError, match="larger than 1 MB"):
        fetch(fal, limit=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    assert len(fal.script.requests) == 1


def test_a_body_above_the_limit_is_an_error_and_one_below_is_whole(fal: "Fal") -> None:
    fal.script.on(PLACE, lambda _: raw(b"0" * 101))
    with pytest.raises(TooLargeError):
        fetch(fal, limit=100)
    with pytest.raises(TooLargeError):
        fetch(fal, into=Download(BytesIO(), 100))
    assert len(fetch(fal, limit=101).content) == 101
    packed = gzip.compress(b"0" * 101) + b"rest"
    fal.script.on(PLACE, lambda _: raw(packed, content_encoding="gzip"))
    assert fetch(fal, limit=101).content == b"0" * 101


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate", "x\x1b"])
def test_an_encoding_that_nobody_asked_for_is_refused(fal: "Fal", encoding: str) -> None:
    fal.script.on(PLACE, lambda _: raw(b"x", content_encoding=encoding))
    with pytest.raises(httpx.DecodingError) as caught:
        fetch(fal, attempts=1)
    assert str(caught.value).isprintable()


def test_a_gzip_that_ends_early_is_no_whole_body(fal: "Fal") -> None:
    packed = gzip.compress(b'{"whole": true}')
    for length in (1, 12, len(packed) - 8, len(packed) - 1):
        answer = partial(raw_answer, packed[:length])
        fal.script.on(PLACE, answer)
        with pytest.raises(httpx.DecodingError, match="before it is whole"):
            fetch(fal, attempts=1)
    fal.script.on(PLACE, lambda _: raw(b"", content_encoding="gzip"))
    assert fetch(fal).content == b""


def test_a_broken_gzip_is_an_error_of_the_exchange(fal: "Fal") -> None:
    fal.script.on(PLACE, lambda _: raw(b"no gzip", content_encoding="gzip"))
    with pytest.raises(httpx.DecodingError):
        fetch(fal, attempts=1)


def test_a_file_takes_the_body_of_a_good_response_only_and_of_the_last_try(fal: "Fal") -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of the first"
        raise httpx.ReadError("gone")

    file = BytesIO()
    first = httpx.Response(200, content=broken())
    fal.script.on(PLACE, lambda _: first, httpx.Response(200, content=b"second"))
    assert fetch(fal, into=Download(file, LIMIT)).content == b""
    assert file.getvalue() == b"second"
    fal.script.on(PLACE, httpx.Response(404, content=b"reason"))
    assert fetch(fal, into=Download(file, LIMIT)).content == b"reason"
    assert file.getvalue() == b"second"


# Going on where a download broke


CONTENT = bytes(range(256)) * 4
DATE = "Fri, 02 Jan 2026 03:04:05 GMT"


def breaks(content: bytes, **headers: str) -> httpx.Response:
    """Return a response whose connection breaks after these bytes."""

    def body() -> Iterator[bytes]:
        yield content
        raise httpx.ReadError("gone")

    told = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(200, headers=told, content=body())


def rest(start: int, content: bytes = CONTENT, code: int = 206) -> httpx.Response:
    """Return what follows `start`."""
    told = {"content-range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return httpx.Response(code, headers=told, content=content[start:])


@pytest.mark.parametrize("told", [{"etag": '"a"'}, {"etag": 'W/"a"', "last_modified": DATE}])
def test_a_download_goes_on_where_it_broke(fal: "Fal", told: dict[str, str]) -> None:
    file = BytesIO()
    first = breaks(CONTENT[:400], **told)
    fal.script.on(PLACE, lambda _: first, httpx.Response(503), rest(400))
    download = Download(file, LIMIT)
    assert fetch(fal, into=download).status_code == 206
    assert (file.getvalue(), download.sha256) == (CONTENT, hashlib.sha256(CONTENT).hexdigest())
    asked = [request.headers.get("range") for request in fal.script.requests]
    assert asked == [None, "bytes=400-", "bytes=400-"]
    expected = DATE if "last_modified" in told else '"a"'
    assert fal.script.requests[-1].headers["if-range"] == expected


@pytest.mark.parametrize(
    "told", [{}, {"etag": 'W/"a"'}, {"etag": '"a"', "content_encoding": "x-gzip"}]
)
def test_what_nothing_tells_from_another_file_is_fetched_anew(
    fal: "Fal", told: dict[str, str]
) -> None:
    file = BytesIO()
    first = breaks(gzip.compress(CONTENT)[:50] if len(told) > 1 else CONTENT[:400], **told)
    fal.script.on(PLACE, lambda _: first, httpx.Response(200, content=CONTENT))
    fetch(fal, into=Download(file, LIMIT))
    assert file.getvalue() == CONTENT
    assert "range" not in fal.script.requests[-1].headers


@pytest.mark.parametrize(
    "second",
    [
        httpx.Response(200, content=CONTENT[::-1]),
        rest(300, CONTENT[::-1]),
        httpx.Response(206, content=b"?"),
        httpx.Response(416),
    ],
    ids=["the whole of another file", "another part", "no range", "beyond its end"],
)
def test_a_file_that_is_another_one_by_now_is_fetched_whole(
    fal: "Fal", second: httpx.Response
) -> None:
    file = BytesIO()
    first, whole = breaks(CONTENT[:400], etag='"a"'), httpx.Response(200, content=CONTENT[::-1])
    fal.script.on(PLACE, lambda _: first, second, whole)
    download = Download(file, LIMIT)
    fetch(fal, into=download)
    assert file.getvalue() == CONTENT[::-1]
    assert download.sha256 == hashlib.sha256(CONTENT[::-1]).hexdigest()


def test_a_download_that_gets_on_may_break_often_and_one_that_does_not_may_not(fal: "Fal") -> None:
    step, breaking = 1 << 20, 12
    content = bytes(step * breaking)

    def part(request: httpx.Request) -> httpx.Response:
        start = int(request.headers.get("range", "bytes=0-")[6:-1])
        if start + step >= len(content):
            return rest(start, content)
        told = {"content-range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        broken = breaks(content[start : start + step], etag='"a"', **told)
        return httpx.Response(206 if start else 200, headers=broken.headers, stream=broken.stream)

    file = BytesIO()
    fal.script.on(PLACE, part)
    fetch(fal, into=Download(file, LIMIT), attempts=4)
    assert (len(file.getvalue()), len(fal.script.requests)) == (len(content), breaking)
    fal.script.requests.clear()
    fal.script.on(PLACE, lambda _: breaks(b"0", etag='"a"', content_range="bytes 1-9/10"))
    with pytest.raises(httpx.ReadError):
        fetch(fal, into=Download(BytesIO(), LIMIT), attempts=4)
    assert len(fal.script.requests) == 4


def test_the_limit_holds_for_all_parts_of_a_download(fal: "Fal") -> None:
    first = breaks(CONTENT[:400], etag='"a"')
    fal.script.on(PLACE, lambda _: first, rest(400))
    with pytest.raises(TooLargeError):
        fetch(fal, into=Download(BytesIO(), 1000))


def test_a_long_transfer_says_how_far_it_is(fal: "Fal") -> None:
    progress = TransferProgress(fal.connection, "Fetching a.mp4", 40_000_000)
    for position in range(0, 40_000_001, 4_000_000):
        progress.at(position)
    quarters = ["12 of 40 MB (30%)", "24 of 40 MB (60%)", "36 of 40 MB (90%)"]
    assert fal.lines == [f"Fetching a.mp4: {quarter}" for quarter in quarters]
    fal.lines.clear()
    small = TransferProgress(fal.connection, "Fetching b.mp4")
    for position in range(0, 10_000_000, 1_000_000):
        fal.time.seconds += 2
        small.at(position)
    assert fal.lines == [f"Fetching b.mp4: {n} MB" for n in (2, 5, 8)]


# The key, and characters that steer a terminal


@pytest.mark.parametrize(
    "echo",
    [LONG_KEY, f"Key {LONG_KEY}", quote(LONG_KEY), f"only {SECRET}", f"{LONG_KEY}{LONG_KEY}"],
)
def test_the_key_is_replaced_in_all_that_comes(fal: "Fal", echo: str) -> None:
    fal.config = load_config(None, {"FAL_KEY": LONG_KEY})
    said = httpx.Response(
        200,
        headers={"x-echo": echo},
        content=f'{{"a": "{echo}"}}'.encode(),
        extensions={"reason_phrase": echo.encode()},
    )
    fal.script.on(PLACE, lambda _: said)
    response = fetch(fal)
    for text in (response.text, response.headers["x-echo"], response.reason_phrase):
        assert "[key]" in text
        assert SECRET not in text


@pytest.mark.parametrize("spelled", [str, partial(quote, safe=""), json.dumps])
def test_a_gateway_s_key_is_replaced_however_a_server_spells_it(
    fal: "Fal", spelled: Callable[[str], str]
) -> None:
    key = 'gate/way+"key"\\=='
    fal.config = load_config(None, {"FAL_KEY": key})
    fal.script.on(PLACE, httpx.Response(200, content=f"<{spelled(key)}>".encode()))
    assert fetch(fal).text.replace('"', "") == "<[key]>"


def test_the_key_is_replaced_in_what_a_server_makes_an_error_say(fal: "Fal") -> None:
    fal.script.on(PLACE, httpx.RemoteProtocolError(f"illegal status line: {KEY}\x1b[2J"))
    with pytest.raises(httpx.RemoteProtocolError) as caught:
        fetch(fal)
    assert str(caught.value) == "illegal status line: [key][2J"


def test_a_text_too_short_to_be_a_key_is_no_reason_to_change_a_response(fal: "Fal") -> None:
    for key, word in (("a:b", b"a:b"), ("me:password", b"password")):
        fal.config = load_config(None, {"FAL_KEY": key})
        fal.script.on(PLACE, httpx.Response(200, content=word))
        assert fetch(fal).content == word


def test_controls_in_reason_and_headers_become_blanks(fal: "Fal") -> None:
    said = httpx.Response(
        500,
        headers=[(b"x-text", b"a\x1b[2Jb\x7f")],
        extensions={"reason_phrase": b"Bad\x1b]0;x\x07"},
    )
    fal.script.on(PLACE, lambda _: said)
    response = fetch(fal, attempts=1)
    assert (response.reason_phrase, response.headers["x-text"]) == ("Bad ]0;x ", "a [2Jb ")


# The client


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.seen.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[tuple[ThreadingHTTPServer, ThreadingHTTPServer]]:
    """Return two servers: one of all addresses of this machine, and one that is to be a proxy."""
    pair = (
        ThreadingHTTPServer(("0.0.0.0", 0), Handler),
        ThreadingHTTPServer(("127.0.0.1", 0), Handler),
    )
    for server in pair:
        server.seen = []  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield pair
    for server in pair:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.5"])
def test_no_proxy_sees_what_goes_to_this_machine(
    servers: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    here, proxy = servers
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    origin = f"http://{host}:{here.server_port}"
    config = load_config(None, {"FAL_KEY": KEY, "FAL_QUEUE_URL": origin})
    with new_client(config) as client:
        connection = Connection(client, config)
        exchange(connection, "GET", f"{origin}/x", headers=config.authorization(origin))
        exchange(connection, "GET", "http://elsewhere.invalid/y")
    assert (here.seen, proxy.seen) == (["/x"], ["http://elsewhere.invalid/y"])


def test_an_unreachable_host_is_named() -> None:
    error = unreachable(httpx.ConnectError("refused"), URL)
    assert (error.exit_status, error.code) == (6, "network_blocked")
    assert "api.fal.ai" in error.message


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ReadTimeout("silence"), "was reached and did not answer in time"),
        (httpx.DecodingError("no gzip"), "answered with what cannot be read"),
        (httpx.RemoteProtocolError("peer closed"), "broke before the whole answer came"),
        (httpx.ReadError("reset"), "broke before the whole answer came"),
    ],
)
def test_a_reply_that_came_broken_is_not_called_unreachable(
    error: httpx.RequestError, said: str
) -> None:
    told = unreachable(error, URL)
    assert (told.exit_status, told.code) == (6, "platform_down")
    assert f"{said} ({error})" in told.message
    assert "cannot be reached" not in told.message


def test_a_proxy_setting_that_cannot_be_used_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://proxy")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        new_client()
