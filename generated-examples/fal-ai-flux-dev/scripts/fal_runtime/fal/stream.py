"""The status of a job as a stream of events: what changes is known at once.

Source: https://docs.fal.ai, "Stream status updates"; the form is that of server-sent events
(https://html.spec.whatwg.org/multipage/server-sent-events.html), of which `data` is used.
"""

from collections.abc import Iterator

import httpx

from fal_runtime.fal.http import Connection, streamed
from fal_runtime.fal.protocol import JobReply, read_status

_LARGEST_EVENT = 16 << 20


def status_events(
    connection: Connection, url: str, silence: float, until: float
) -> Iterator[JobReply]:
    """Yield what each event says of a job, for as long as the stream holds.

    It ends with the stream, after `silence` seconds without a byte, at `until`, and at once where
    the address streams nothing. Its end is no news of the job: a proxy may hold events back.
    """
    clock = connection.clock
    headers = {
        **connection.config.authorization(url),
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
    }
    if clock.now() >= until:
        return
    try:
        with streamed(connection, url, headers, silence, until) as (response, pieces):
            if not response.is_success or not _is_stream(response):
                return
            for data in _events(pieces):
                answer = httpx.Response(200, content=connection.config.redact(data))
                yield read_status(answer)
                if clock.now() >= until:
                    return
    except (httpx.RequestError, httpx.InvalidURL, ValueError):
        return


def _is_stream(response: httpx.Response) -> bool:
    return "text/event-stream" in response.headers.get("content-type", "").lower()


def _events(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the data of each event; raises ValueError for one that never ends."""
    waiting, data = b"", list[bytes]()
    for chunk in chunks:
        waiting += chunk
        *lines, waiting = waiting.replace(b"\r\n", b"\n").split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                yield b"\n".join(data)
                data = []
        if len(waiting) + sum(map(len, data)) > _LARGEST_EVENT:
            raise ValueError("an event of a status stream is too large")
