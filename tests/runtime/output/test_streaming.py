"""Large files, over a real connection: in constant memory, and nothing is left of half a file."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest

from fal_runtime.config import Config, load_config
from fal_runtime.fal.storage import upload_all
from fal_runtime.output.files import ResultFile
from fal_runtime.output.folder import open_output_folder
from fal_runtime.output.save import Naming, save_files

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

MEGABYTE = 1 << 20


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, int]] = []  # noqa: RUF012 - one server, one list

    def do_GET(self) -> None:
        cut = self.path == "/cut"
        self.send_response(200)
        self.send_header("Content-Length", str(24 * MEGABYTE))
        self.end_headers()
        for _ in range(1 if cut else 24):
            self.wfile.write(b"0" * MEGABYTE)

    def do_PUT(self) -> None:
        size = int(self.headers["Content-Length"])
        left = size
        while left:
            left -= len(self.rfile.read(min(left, MEGABYTE)))
        Handler.seen.append((self.headers["Content-Type"], size))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        host = self.headers["Host"]
        body = b'{"upload_url": "http://%s/put", "file_url": "http://%s/in"}' % (
            host.encode(),
            host.encode(),
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing."""


def config_of(server: str) -> Config:
    """Return the configuration of a fal that is on this machine."""
    return load_config(None, {"FAL_KEY": "id-1:secret-1", "FAL_QUEUE_URL": server})


@pytest.fixture
def server() -> Iterator[str]:
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=serving.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()
    thread.join()


def test_large_download_is_streamed(fal: "Fal", server: str) -> None:
    with httpx.Client(trust_env=False) as client:
        connection = replace(fal.connection, client=client, config=config_of(server))
        folder = open_output_folder(fal.options.output)
        tracemalloc.start()
        file = ResultFile("video", "video", f"{server}/a.mp4")
        ((saved,), *_) = save_files(connection, [file], folder, Naming("req-1"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert saved.path.stat().st_size == 24 * MEGABYTE
    assert peak < 8 * MEGABYTE


def test_download_that_is_cut_off_is_lost_and_leaves_nothing(fal: "Fal", server: str) -> None:
    with httpx.Client(trust_env=False) as client:
        connection = replace(fal.connection, client=client, config=config_of(server))
        folder = open_output_folder(fal.options.output)
        file = ResultFile("video", "video", f"{server}/cut")
        saved, lost, _ = save_files(connection, [file], folder, Naming("req-1"))
    assert (saved, len(lost)) == ((), 1)
    assert list(folder.path.iterdir()) == []


def test_large_upload_is_streamed_with_its_length(fal: "Fal", server: str, tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.truncate(24 * MEGABYTE)
    config = load_config(None, {"FAL_KEY": "k", "FAL_REST_URL": server})
    with httpx.Client(trust_env=False) as client:
        connection = replace(fal.connection, client=client, config=config)
        tracemalloc.start()
        uploaded = upload_all(connection, [path, path], fal.ledger)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert uploaded == {path: f"{server}/in"}
    assert Handler.seen == [("video/mp4", 24 * MEGABYTE)]
    assert peak < 8 * MEGABYTE
