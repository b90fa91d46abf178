"""Calls a fal over https with the official client and prints what it saw, as one JSON object.

Run as a script: the client reads its hosts from the environment when it is imported. Its storage
addresses are constants, given here as arguments.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import fal_client
import fal_client.client

MODEL = "acme/paint/turbo"
# The emulator's own header: this job has no end.
FOR_EVER = {"X-Fal-Emulator-Fault": "job:stuck"}


def main(rest: str, cdn: str, folder: str) -> None:
    fal_client.client.REST_URL = rest
    fal_client.client.CDN_URL = cdn
    seen = {**synchronous(), **queued(), **uploaded(Path(folder))}
    print(json.dumps({**seen, **asyncio.run(asynchronous(Path(folder)))}))


def synchronous() -> dict[str, Any]:
    try:
        fal_client.run(MODEL, arguments={})
    except fal_client.FalClientHTTPError as error:
        refused = [error.status_code, json.loads(error.response.content)["detail"][0]["type"]]
    return {"run": fal_client.run(MODEL, arguments={"prompt": "one"}), "refused": refused}


def queued() -> dict[str, Any]:
    handle = fal_client.submit(MODEL, arguments={"prompt": "two"})
    events = [type(event).__name__ for event in handle.iter_events(with_logs=True, interval=0)]
    enqueued: list[str] = []
    subscribed = fal_client.subscribe(
        MODEL, arguments={"prompt": "three"}, with_logs=True, on_enqueue=enqueued.append
    )
    cancelled = fal_client.submit(MODEL, arguments={"prompt": "four"})
    cancelled.cancel()
    try:
        cancelled.get()
    except fal_client.FalClientHTTPError as error:
        ended = [error.status_code, error.error_type]
    stuck = fal_client.submit(MODEL, arguments={"prompt": "stuck"}, headers=FOR_EVER)
    status = stuck.status(with_logs=True)
    try:
        fal_client.subscribe(
            MODEL, arguments={"prompt": "late"}, headers=FOR_EVER, client_timeout=2
        )
    except fal_client.FalClientTimeoutError as error:
        late = error.request_id
    try:
        fal_client.subscribe(MODEL, arguments={})
    except fal_client.FalClientHTTPError as error:
        refused = [error.status_code, json.loads(error.response.content)["detail"][0]["loc"]]
    return {
        "stuck": [type(status).__name__, stuck.request_id],
        "late": late,
        "refused_in_queue": refused,
        "request_id": handle.request_id,
        "events": events,
        "result": handle.get(),
        "found_again": fal_client.result(MODEL, handle.request_id) == handle.get(),
        "enqueued": enqueued,
        "subscribed": subscribed,
        "cancelled": ended,
    }


def uploaded(folder: Path) -> dict[str, str]:
    """Upload a small file, and one in parts: of 10 KB, where the client has 10 MB by itself."""
    file = folder / "voice.wav"
    file.write_bytes(b"RIFF" * 100)
    large = folder / "film.mp4"
    large.write_bytes(bytes(range(256)) * 990)
    fal_client.client.MULTIPART_THRESHOLD = 100_000
    fal_client.client.MULTIPART_CHUNK_SIZE = 10_240
    return {"uploaded": fal_client.upload_file(file), "in_parts": fal_client.upload_file(large)}


async def asynchronous(folder: Path) -> dict[str, Any]:
    return {
        "async": await fal_client.subscribe_async(MODEL, arguments={"prompt": "five"}),
        "async_in_parts": await fal_client.upload_file_async(folder / "film.mp4"),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
