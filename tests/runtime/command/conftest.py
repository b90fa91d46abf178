"""A skill, its command line in this process, and a fal that it calls."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from fal_runtime.command import main

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "description": "100% what to make"},
        "duration": {"enum": ["5", "10"]},
        "image_url": {"type": "string", "x-file": "image"},
        "sync_mode": {"type": "boolean"},
        "size": {"$ref": "#/$defs/Size"},
    },
    "required": ["prompt"],
    "$defs": {
        "Size": {"type": "object", "properties": {"width": {"type": "integer"}}},
        "Other": {},
    },
}


CONFIG = {"model_id": "acme/demo", "category": "text-to-image", "description": "Makes things."}


WRAPPER = """\
import sys
from pathlib import Path
SKILL = Path(__file__).absolute().parent.parent
from fal_runtime.command import main
sys.exit(main(model_id={model_id!r}, skill=SKILL))
"""


Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    """Return the folder of a small skill."""
    folder = tmp_path / "acme-demo"
    (folder / "references").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "references" / "model_config.json").write_text(json.dumps(CONFIG))
    (folder / "references" / "input.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "scripts" / "acme_demo.py").write_text(WRAPPER.format(model_id="acme/demo"))
    (folder / "queue_config.yaml").write_text("sync_only: false\n")
    return folder


@pytest.fixture
def schema() -> dict[str, Any]:
    """Return the input schema of that skill."""
    return SCHEMA


@pytest.fixture
def run(skill: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command line in this process."""

    def run_once(*argv: str, model_id: str | None = "acme/demo") -> tuple[int, Any, str]:
        code = main(argv, model_id=model_id, skill=skill)
        captured = capsys.readouterr()
        return code, json.loads(captured.out), captured.err

    return run_once


class Fal(BaseHTTPRequestHandler):
    """A queue whose every job is done at once and makes one text file."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"status": "IN_QUEUE", "request_id": "r1"})

    def do_GET(self) -> None:
        if self.path.endswith("/file.txt"):
            self._answer("hello")
        elif "/status" in self.path:
            self._answer({"status": "COMPLETED", "request_id": "r1"})
        else:
            host = self.headers["Host"]
            self._answer({"output": {"url": f"http://{host}/file.txt"}})

    def _answer(self, body: object) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(200)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-fal-request-id", "r1")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def handler() -> type[BaseHTTPRequestHandler]:
    """Return what answers a request to `server`."""
    return Fal


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a running fal, to which the environment leads."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Fal) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for name in ("FAL_QUEUE_URL", "FAL_RUN_URL", "FAL_REST_URL"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("FAL_KEY", "id:secret")
        yield address
        server.shutdown()
