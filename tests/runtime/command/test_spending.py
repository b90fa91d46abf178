"""Prices and spending limits on the command line: what is told, and what is refused unsent."""

import json
import signal
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

Run = Callable[..., tuple[int, Any, str]]


class Prices(BaseHTTPRequestHandler):
    """A platform that lists one price."""

    def do_GET(self) -> None:
        row = {"endpoint_id": "acme/demo", "unit_price": 0.2, "unit": "image", "currency": "USD"}
        content = json.dumps({"prices": [row]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prices(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a platform beside the queue of `server`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Prices) as platform:
        Thread(target=platform.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("FAL_PLATFORM_URL", f"http://127.0.0.1:{platform.server_port}")
        yield
        platform.shutdown()


@pytest.mark.usefixtures("prices")
def test_price_tells_the_unit_price_and_what_a_given_input_costs(run: Run) -> None:
    listed = {"unit_price": 0.2, "unit": "image", "currency": "USD"}
    assert run("--price")[1]["result"] == listed
    code, answer, _ = run("--price", "--prompt", "x")
    assert (code, answer["status"], answer["result"]["estimate"]["cost"]) == (0, "COMPLETED", 0.2)
    assert run("--price", "--prompt", "x", "--duration", "7")[0] == 2


@pytest.mark.usefixtures("prices")
def test_a_spending_limit_refuses_before_anything_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, answer, _ = run("--prompt", "x", "--max-cost", "0.1")
    assert (code, answer["status"], answer["error"]["code"]) == (8, "REFUSED", "over_limit")
    monkeypatch.setenv("FAL_MAX_COST", "0.1")
    assert run("--prompt", "x")[0] == 8
    assert run("--jobs")[1]["result"] == []
    assert run("--prompt", "x", "--max-cost", "0.2", "--no-queue")[1]["status"] == "COMPLETED"


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("options", [("--max-cost", "0.2"), ("--price",)])
def test_an_interrupt_while_the_price_is_asked_costs_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def interrupted(_: Prices) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Prices, "do_GET", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code, answer, _ = run("--prompt", "x", *options)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (code, answer["status"], answer["error"]["charged"]) == (130, "REFUSED", "no")


@pytest.mark.usefixtures("server")
def test_a_limit_that_is_no_amount_is_bad_usage(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("nan", "-1", "much", "1,5"):
        assert run("--prompt", "x", "--max-cost", text)[0] == 2
        monkeypatch.setenv("FAL_MAX_COST", text)
        code, answer, _ = run("--prompt", "x")
        assert (code, "FAL_MAX_COST" in answer["error"]["message"]) == (2, True)
        monkeypatch.delenv("FAL_MAX_COST")
    for other in ("--submit", "--dry-run", "--jobs"):
        assert run("--price", other)[0] == 2
