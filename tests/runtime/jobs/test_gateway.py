"""A gateway has a key of its own: the same calls go through it, and its key nowhere else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.config import load_config
from fal_runtime.input.files import LocalFile
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import PreparedInput
from fal_runtime.jobs.commands import cancel_job, job_result, job_status, run_job
from fal_runtime.jobs.job import Services
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

    from fal_runtime.jobs.ledger import Ledger

FLUX = "fal-ai/flux/schnell"
KLING = "fal-ai/kling-video/v3/pro/image-to-video"
MANAGED = "managed-key"
CAT = PreparedInput({"prompt": "a cat"}, (), ())


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    found = [bundled_documents(model_id) for model_id in (FLUX, KLING)]
    with Emulator([documents for documents in found if documents is not None]) as running:
        yield running


class Gateway(ThreadingHTTPServer):
    """A gateway in front of a fal: `/fal-ai/{path}` is the queue's `/{path}`.

    As the real one does, it hands on fal's own links.
    """

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.emulator = emulator
        self.refused: list[str] = []
        self.served: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        """What leads a client here."""
        return {
            "FAL_QUEUE_URL": f"http://127.0.0.1:{self.server_port}/fal-ai",
            "FAL_AUTH_SCHEME": "Bearer",
            "FAL_KEY_VARIABLE": "MANAGED_API_KEY",
            "MANAGED_API_KEY": MANAGED,
        }


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self._hand_on()

    do_POST = do_PUT = do_GET

    def _hand_on(self) -> None:
        emulator = self.server.emulator
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers["Authorization"] != f"Bearer {MANAGED}" or self.path[:8] != "/fal-ai/":
            self.server.refused.append(self.path)
            self._answer(httpx.Response(401, json={"detail": "no such key"}))
            return
        self.server.served.append(f"{self.command} {self.path}")
        headers = {
            "Authorization": f"Key {emulator.environment['FAL_KEY']}",
            "Content-Type": "application/json",
        }
        url = emulator.origins.queue + self.path.removeprefix("/fal-ai")
        answer = httpx.request(self.command, url, content=body, headers=headers, trust_env=False)
        text = answer.text.replace(emulator.origins.queue, "https://queue.fal.run")
        headers = {"x-fal-request-id": answer.headers["x-fal-request-id"]}
        self._answer(httpx.Response(answer.status_code, headers=headers, text=text))

    def _answer(self, answer: httpx.Response) -> None:
        self.send_response(answer.status_code)
        for name in ("x-fal-request-id", "content-length"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(emulator: Emulator) -> Iterator[Gateway]:
    with Gateway(emulator) as running:
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def options(tmp_path: Path) -> CallOptions:
    return CallOptions(output=tmp_path / "output", command=("python", "x.py"), wait=60)


def test_a_job_goes_through_the_gateway_and_never_past_it(
    emulator: Emulator, gateway: Gateway, ledger: "Ledger", options: CallOptions
) -> None:
    services = Services(load_config(None, gateway.environment), lambda _: None)
    before = len(emulator.requests)
    done = run_job(services, ledger, FLUX, CAT, options)
    left = run_job(services, ledger, FLUX, CAT, replace(options, submit=True))
    job = str(left.job)
    assert (done.status, len(done.files), left.exit_status) == ("COMPLETED", 1, 0)
    assert job_status(services, ledger, FLUX, job, options).exit_status == 0
    assert job_result(services, ledger, FLUX, str(left.request_id), options).exit_status == 0
    assert cancel_job(services, ledger, FLUX, job, options).exit_status == 5
    assert gateway.refused == []
    assert gateway.served[0] == f"POST /fal-ai/{FLUX}"
    # What reached the queue came from the gateway, with fal's key; files were fetched without any.
    seen = [request for request in emulator.requests[before:] if request.host != "cdn"]
    assert len(seen) == len(gateway.served)
    keys = {value for request in emulator.requests for value in request.headers.values()}
    assert not any(MANAGED in key for key in keys)


def test_a_gateway_s_key_goes_to_none_of_fal_s_own_addresses(
    fal: "Fal", tmp_path: Path, options: CallOptions
) -> None:
    near = "http://127.0.0.1:9/fal-ai"
    environ = {"FAL_KEY": MANAGED, "FAL_AUTH_SCHEME": "Bearer", "FAL_QUEUE_URL": near}
    fal.config = load_config(None, environ)
    file = tmp_path / "a.png"
    file.write_bytes(b"\x89PNG")
    pictured = fal.prepared(LocalFile(("image_url",), file), image_url=f"<upload:{file}>")
    fal.options = options
    for result in (fal.run(pictured), fal.run(sync_only=True)):
        error = result.as_json()["error"]
        assert (error["code"], error["charged"]) == ("key_missing", "no")
        assert "is not sent to" in error["message"]
    assert fal.script.requests == []


@pytest.mark.parametrize(
    "links",
    [
        {"status_url": "https://thief.example/x/requests/req-1/status"},
        {"status_url": "http://queue.fal.run/acme/demo/requests/req-1/status"},
        {"response_url": "https://queue.fal.run@thief.example/acme/demo/requests/req-1"},
        {"response_url": "//thief.example/acme/demo/requests/req-1"},
        {"status_url": "https://queue.fal.run.thief.example/acme/demo/requests/req-1/status"},
    ],
)
def test_a_link_of_another_origin_never_gets_the_key(fal: "Fal", links: dict[str, Any]) -> None:
    fal.queue(fal.answer({"a": 1}))
    told = json.loads(fal.accepted().content) | links
    fal.script.on("POST https://queue.fal.run/acme/demo/fast", fal.answer(told))
    fal.script.on("GET https://queue.fal.run/x/requests/req-1/status", fal.status("COMPLETED"))
    assert fal.run().result == {"a": 1}
    keyed = [each for each in fal.script.requests if "authorization" in each.headers]
    assert {str(each.url.copy_with(path="/", query=None)) for each in keyed} == {
        "https://queue.fal.run/"
    }


def test_a_redirect_is_not_followed_with_the_key(fal: "Fal") -> None:
    leads = httpx.Response(307, headers={"location": "https://thief.example/"})
    fal.queue(fal.answer({}))
    fal.script.on("GET https://queue.fal.run/acme/demo/requests/req-1/status", leads)
    assert fal.run(wait=5).exit_status == 5
    assert {each.url.host for each in fal.script.requests} == {"queue.fal.run"}
