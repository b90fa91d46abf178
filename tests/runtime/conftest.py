"""A scripted fal for the runtime's tests: answers by method and path, no network, no waiting."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fal_runtime.command import main
from fal_runtime.config import Config, load_config
from fal_runtime.fal.clock import Clock
from fal_runtime.fal.http import Connection
from fal_runtime.input.files import LocalFile
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import PreparedInput
from fal_runtime.jobs.commands import run_job
from fal_runtime.jobs.job import Services
from fal_runtime.jobs.ledger import Ledger, open_ledger
from fal_runtime.output.result import CallResult

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
HISTORY = "GET https://api.fal.ai/v1/models/requests/by-endpoint"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100

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
        if waiting is None and request.url.path.endswith("/status/stream"):
            return httpx.Response(405)  # as most gateways do
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


def prepared(*files: LocalFile, **value: Any) -> PreparedInput:
    """Return an input that is ready to be sent but for the uploads of its files."""
    return PreparedInput(value or {"prompt": "a cat"}, files, ())


def picture(name: str = "a.png") -> dict[str, Any]:
    """Return a picture as results name it."""
    return {"url": f"https://cdn.example/{name}", "content_type": "image/png", "width": 4}


def interrupt(_request: httpx.Request) -> httpx.Response:
    """Answer as Ctrl-C does."""
    raise KeyboardInterrupt


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
    def passed(self) -> timedelta:
        """How long the test has slept."""
        return timedelta(seconds=sum(self.slept))

    @property
    def clock(self) -> Clock:
        """Return the clock that shows this time."""
        return Clock(
            now=lambda: self.seconds,
            sleep=self.sleep,
            random=lambda: 0.5,
            date=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + self.passed,
        )


@dataclass
class Fal:
    """Everything that a call of the runtime is given."""

    script: Script
    time: FakeTime
    config: Config
    options: CallOptions
    lines: list[str]
    ledger: Ledger

    accepted = staticmethod(accepted)
    answer = staticmethod(answer)
    status = staticmethod(status)
    prepared = staticmethod(prepared)
    picture = staticmethod(picture)
    interrupt = staticmethod(interrupt)

    @property
    def services(self) -> Services:
        """What every command works with."""
        client, clock = self.script.client(), self.time.clock
        return Services(self.config, self.lines.append, client, clock)

    def run(self, value: PreparedInput | None = None, **options: Any) -> CallResult:
        """Run a job from its input to its files."""
        changed = replace(self.options, **options)
        return run_job(self.services, self.ledger, MODEL, value or prepared(), changed)

    def ask(
        self,
        command: Callable[[Services, Ledger, str, str, CallOptions], CallResult],
        request_id: str = "req-1",
        **options: Any,
    ) -> CallResult:
        """Run one of job_status, job_result and cancel_job."""
        changed = replace(self.options, **options)
        return command(self.services, self.ledger, MODEL, request_id, changed)

    def history(self, *items: Mapping[str, object], **more: object) -> httpx.Response:
        """Return the answer of the request history, whose clock is ahead by `ahead` seconds."""
        ahead = timedelta(seconds=float(str(more.get("ahead", 0))))
        date = format_datetime(self.time.clock.date() + ahead, usegmt=True)
        page: dict[str, object] = {"items": items, "next_cursor": None, "has_more": False}
        return httpx.Response(200, json=page, headers={"date": date})

    def past(self, request_id: str = "req-1", **more: object) -> dict[str, object]:
        """Return a request of the history, which was sent now."""
        item: dict[str, object] = {
            "request_id": request_id,
            "endpoint_id": MODEL,
            "sent_at": self.time.clock.date().isoformat(),
            "started_at": self.time.clock.date().isoformat(),
            "ended_at": None,
            "status_code": None,
            "json_input": {"prompt": "a cat", "seed": None},
        }
        return item | more

    def serve(self, *names: str) -> None:
        """Script the downloads of pictures."""
        for name in names:
            headers = {"content-type": "image/png"}
            picture_itself = httpx.Response(200, headers=headers, content=PNG)
            self.script.on(f"GET https://cdn.example/{name}", picture_itself)

    @property
    def connection(self) -> Connection:
        """Return a connection for tests of single steps."""
        return Connection(self.script.client(), self.config, self.lines.append, self.time.clock)

    def queue(self, result: httpx.Response, *statuses: str) -> "Fal":
        """Script a whole job: submit, the statuses, the result."""
        self.script.on(f"POST {QUEUE}/{MODEL}", accepted())
        self.script.on(f"GET {JOB}/status", *[status(word) for word in statuses or ("COMPLETED",)])
        self.script.on(f"GET {JOB}", result)
        return self


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(open_ledger({"FAL_STATE_DIR": "state"}, tmp_path, print)) as opened:
        yield opened


@pytest.fixture
def fal(tmp_path: Path, ledger: Ledger) -> Fal:
    config = load_config(None, {"FAL_KEY": "id-1:secret-1"})
    options = CallOptions(output=tmp_path / "output", command=("python", "skill.py"))
    closed = httpx.Response(403, json={"error": {"type": "x", "message": "no scope"}})
    return Fal(Script().on(HISTORY, closed), FakeTime(), config, options, [], ledger)


POSTER_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "output_format": {"type": "string", "enum": ["jpeg", "png"]},
        "aspect_ratio": {"type": "string", "enum": ["1:1", "16:9"]},
        "duration": {"enum": ["5", "10"]},
        "num_images": {"type": "integer", "maximum": 4},
        "size": {"$ref": "#/$defs/Size"},
        "image_url": {"type": "string", "x-file": "image"},
        "layers": {"type": "array", "items": {"$ref": "#/$defs/Layer"}},
        "seed": {"type": "integer"},
    },
    "required": ["prompt"],
    "$defs": {
        "Size": {
            "type": "object",
            "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
            "required": ["width"],
        },
        "Layer": {"type": "object", "properties": {"url": {"type": "string", "x-file": "image"}}},
    },
}
POSTER_CONFIG = {
    "model_id": "acme/demo",
    "category": "text-to-image",
    "description": "Makes things.",
}


@pytest.fixture
def poster_skill(tmp_path: Path) -> Path:
    references = tmp_path / "acme-demo" / "references"
    references.mkdir(parents=True)
    (references / "model_config.json").write_text(json.dumps(POSTER_CONFIG))
    (references / "input.schema.json").write_text(json.dumps(POSTER_SCHEMA))
    return references.parent


@pytest.fixture
def write_defaults(poster_skill: Path) -> Callable[[str], Path]:
    """Return a function that writes the user's defaults.yaml."""

    def write_text(text: str) -> Path:
        file = poster_skill / "references" / "defaults.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write_text


@pytest.fixture
def ask(
    poster_skill: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that runs a command line with --dry-run, in the wrapper unless told."""

    def ask_once(*argv: str, model_id: str | None = "acme/demo") -> tuple[int, dict[str, Any]]:
        code = main([*argv, "--dry-run"], model_id=model_id, skill=poster_skill)
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, answer

    return ask_once
