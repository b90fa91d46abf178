"""A stream of status events: read as it comes, its end is no news of the job."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.fal.stream import status_events

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

URL = "https://queue.fal.run/acme/demo/requests/req-1/status/stream"
SSE = {"content-type": "text/event-stream; charset=utf-8"}


class Chunks(httpx.SyncByteStream):
    """A body that comes in these pieces; an error among them breaks it off."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


def event(word: str) -> bytes:
    return f"data: {json.dumps({'status': word})}\n\n".encode()


def states(fal: "Fal", answer: httpx.Response | Exception) -> list[str]:
    """Return the states that a stream tells."""

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Key id-1:secret-1"
        if isinstance(answer, Exception):
            raise answer
        return answer

    fal.script.on(f"GET {URL}", respond)
    return [reply.state for reply in status_events(fal.connection, f"{URL}?logs=1", 10, 2000)]


@pytest.mark.parametrize(
    "chunks",
    [
        [event("IN_QUEUE"), event("IN_PROGRESS"), event("COMPLETED")],
        [event("IN_QUEUE") + event("IN_PROGRESS") + event("COMPLETED")],
        [bytes([b]) for b in (event("IN_QUEUE") + event("IN_PROGRESS")).replace(b"\n", b"\r\n")]
        + [event("COMPLETED")],
        [bytes([byte]) for byte in event("IN_QUEUE") + event("IN_PROGRESS") + event("COMPLETED")],
        [
            b": hello\nevent: x\nid: 1\n" + event("IN_QUEUE").replace(b"\n", b"\r\n"),
            b'data: {"status":\ndata: "IN_PROGRESS"}\n\n',
            b"\n\n",
            event("COMPLETED"),
        ],
        [event("IN_QUEUE"), event("IN_PROGRESS"), event("COMPLETED"), httpx.ReadError("cut")],
    ],
)
def test_events_are_told_however_they_are_cut(fal: "Fal", chunks: list[bytes | Exception]) -> None:
    answer = httpx.Response(200, headers=SSE, stream=Chunks(*chunks))
    assert states(fal, answer) == ["queued", "running", "completed"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"status": "COMPLETED"}),
        httpx.Response(404, headers=SSE, content=event("COMPLETED")),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(200, headers=SSE),
        httpx.Response(200, headers=SSE, stream=Chunks(b"data: " + b"x" * (20 << 20))),
        httpx.ConnectError("no"),
        httpx.ReadTimeout("silent"),
    ],
)
def test_what_is_no_stream_tells_nothing(fal: "Fal", answer: httpx.Response | Exception) -> None:
    assert states(fal, answer) == []


def test_an_event_that_is_no_status_is_unclear(fal: "Fal") -> None:
    answer = httpx.Response(200, headers=SSE, content=b"data: hello\n\ndata: []\n\n")
    assert states(fal, answer) == ["unclear", "unclear"]
