"""A scripted fal for the runtime's tests: answers by method and path, no network, no waiting."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_runtime.call import JobOptions
from fal_runtime.config import Config, load_config
from fal_runtime.http import Clock, Connection

QUEUE = "https://queue.fal.run"
JOB = f"{QUEUE}/acme/demo/requests/req-1"

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Script:
    """Answers each request with the next of its place's answers; the last one stays."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, place: str, *answers: Answer) -> "Script":
        """Set the answers of `METHOD url-without-query`."""
        self.answers[place] = list(answers)
        return self

    def calls(self, place: str) -> list[httpx.Request]:
        """Return the requests that one place has seen."""
        return [request for request in self.requests if _place(request) == place]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        waiting = self.answers.get(_place(request))
        assert waiting, f"nobody expected {_place(request)}"
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(answer, Exception):
            raise answer
        return _fresh(answer) if isinstance(answer, httpx.Response) else answer(request)

    def client(self) -> httpx.Client:
        """Return a client whose network is this script."""
        return httpx.Client(transport=httpx.MockTransport(self))


def _place(request: httpx.Request) -> str:
    return f"{request.method} {str(request.url).partition('?')[0]}"


def _fresh(answer: httpx.Response) -> httpx.Response:
    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def accepted() -> httpx.Response:
    """Return the answer of a submit."""
    return answer(
        {
            "status": "IN_QUEUE",
            "request_id": "req-1",
            "queue_position": 0,
            "response_url": JOB,
            "status_url": f"{JOB}/status",
            "cancel_url": f"{JOB}/cancel",
        }
    )


def status(word: str, **more: object) -> httpx.Response:
    """Return the answer of a status request."""
    told: dict[str, object] = {"status": word, "request_id": "req-1", "logs": None} | more
    return answer(told, 200 if word == "COMPLETED" else 202)


def answer(
    body: object, code: int = 200, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Return a JSON answer of fal's own servers."""
    told = {"content-type": "application/json", "x-fal-request-id": "req-1", **(headers or {})}
    return httpx.Response(code, headers=told, content=json.dumps(body).encode())


@dataclass
class FakeTime:
    """Time that passes only while somebody sleeps."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        """Return the clock that shows this time."""
        return Clock(
            now=lambda: self.seconds,
            sleep=self.sleep,
            random=lambda: 0.5,
            date=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        )


@dataclass
class Fal:
    """Everything that a call of the runtime is given."""

    script: Script
    time: FakeTime
    config: Config
    options: JobOptions
    lines: list[str]

    accepted = staticmethod(accepted)
    answer = staticmethod(answer)
    status = staticmethod(status)

    @property
    def wiring(self) -> dict[str, Any]:
        """Return the keyword arguments that stand for network, time and screen."""
        return {
            "report": self.lines.append,
            "client": self.script.client(),
            "clock": self.time.clock,
        }

    @property
    def connection(self) -> Connection:
        """Return a connection for tests of single steps."""
        return Connection(self.script.client(), self.config, self.lines.append, self.time.clock)

    def queue(self, result: httpx.Response, *statuses: str) -> "Fal":
        """Script a whole job: submit, the statuses, the result."""
        self.script.on(f"POST {QUEUE}/acme/demo/fast", accepted())
        self.script.on(f"GET {JOB}/status", *[status(word) for word in statuses or ("COMPLETED",)])
        self.script.on(f"GET {JOB}", result)
        return self


@pytest.fixture
def fal(tmp_path: Path) -> Fal:
    config = load_config(None, {"FAL_KEY": "id-1:secret-1"})
    options = JobOptions(output=tmp_path / "output", command="python skill.py")
    return Fal(Script(), FakeTime(), config, options, [])
