"""The queue and the run host: models called on the paths and with the codes of fal."""

import asyncio
import json
import math
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from fal_runtime.model_id import app_of
from falsmith.documents import Json
from falsmith.emulator.access import Access, detail, not_done
from falsmith.emulator.bodies import sent_json
from falsmith.emulator.clock import Clock
from falsmith.emulator.endpoints import Endpoint, Endpoints
from falsmith.emulator.faults import Faults
from falsmith.emulator.jobs import Job, Jobs
from falsmith.emulator.responses import Reply, completed, failed, invalid, timed_out
from falsmith.emulator.storage import FileStore

__all__ = ["Models", "QueueHost", "RunHost"]

STREAMED = ("stream", "realtime")
REQUEST_PATH = re.compile(r"(?P<model>.+?)/requests/(?P<id>[^/]+)(?:/(?P<action>.+))?")
METHODS = {"": "GET", "response": "GET", "status": "GET", "status/stream": "GET", "cancel": "PUT"}
# Query parameters of submit that would change what fal does.
SUBMIT_EXTRAS = {"fal_webhook": "webhooks", "fal_max_queue_length": "a limit of the queue's length"}


# How often something that waits looks at the clock, in seconds.
TICK = 0.02
# How long the queue keeps a result, and how long a large one: fal's documentation of the queue.
KEPT, KEPT_LARGE, LARGE = 3600.0, 360.0, 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """A request to run a model that may pass: what was sent, as it is read, and what is wrong."""

    endpoint: Endpoint
    sent: dict[str, Json]
    inputs: dict[str, Json]
    problems: list[Json]
    start_timeout: float | None


@dataclass(frozen=True, slots=True)
class Models:
    """The models, who may call them, what became of the calls, and where their files go.

    Attributes:
        delay: How many seconds a job takes in the queue and the model, half of them in each.

    """

    endpoints: Endpoints
    access: Access
    files: FileStore
    jobs: Jobs
    faults: Faults
    clock: Clock
    delay: float

    async def call(self, request: Request, path: str) -> Call | Response:
        """Return the call that a POST to `path` means, or the refusal of it."""
        app = app_of(path)
        refusal = self.access.refuse_inference(request, app)
        if refusal is not None:
            return refusal
        endpoint = self.endpoints.get(path)
        if endpoint is None:
            return self._unknown(path, app)
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        start_timeout = _start_timeout(request)
        if isinstance(start_timeout, Response):
            return start_timeout
        sent, problems = await _read_inputs(request)
        inputs = sent
        if not problems and endpoint.input.known:
            inputs = endpoint.read(sent)
            problems = endpoint.problems(inputs, self.files.can_load)
        return Call(endpoint, sent, inputs, problems, start_timeout)

    def accept(self, call: Call, request: Request, host: str) -> Job:
        """Book the call and return its job; from here on it is paid for."""
        now = self.clock.now()
        struck = self.faults.strike("job", call.endpoint.model_id, request.state.faults)
        takes = struck["delay"].number if "delay" in struck else self.delay
        started = now + (takes / 2 if host == "queue" else 0.0)
        ended = math.inf if "stuck" in struck else started + takes / 2
        if call.problems:
            # Who cannot read an input takes no time over it.
            reply, ended = invalid(call.problems), started
        else:
            reply = self._result(call)
        if "fail" in struck:
            reply = failed(struck["fail"].text, reply)
        if call.start_timeout is not None and now + call.start_timeout < started:
            started = ended = now + call.start_timeout
            reply = timed_out()
        kept = KEPT_LARGE if len(json.dumps(reply.body)) >= LARGE else KEPT
        job = Job(
            str(uuid.uuid4()),
            call.endpoint.model_id,
            host,
            call.sent,
            now,
            started,
            ended,
            struck["expire"].number if "expire" in struck else kept,
            request.headers.get("x-fal-store-io") != "0",
            reply,
        )
        self.jobs.add(job)
        return job

    def _result(self, call: Call) -> Reply:
        inline = call.inputs.get("sync_mode") is True
        publish = self.files.as_data if inline else self.files.publish
        chance = uuid.uuid4().bytes
        return completed(call.endpoint, call.inputs, publish, self.files.load, chance)

    def _unknown(self, path: str, app: str) -> Response:
        model_id, _, last = path.rpartition("/")
        if last in STREAMED and self.endpoints.get(model_id) is not None:
            return not_done(f"the /{last} path of a model")
        if app in self.endpoints.apps:
            rest = path.removeprefix(app)
            return detail(404, f"Path {rest or '/'} not found", x_fal_billable_units="0")
        return detail(404, f'Application "{app}" not found')


@dataclass(frozen=True, slots=True)
class RunHost:
    """fal.run: one POST that waits for the result."""

    models: Models

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path = request.url.path.strip("/")
        if path.rpartition("/")[2] in STREAMED and self.models.endpoints.get(path) is not None:
            refusal = self.models.access.refuse_inference(request, app_of(path))
            return refusal or not_done(f"{path}, which answers by a stream")
        call = await self.models.call(request, path)
        if isinstance(call, Response):
            return call
        job = self.models.accept(call, request, "run")
        while self.models.clock.now() < job.ended and not await request.is_disconnected():
            await asyncio.sleep(min(TICK, job.ended - self.models.clock.now()))
        return _result(self.models.jobs, job)


@dataclass(frozen=True, slots=True)
class QueueHost:
    """queue.fal.run: submit, status, result and cancel; `origin` is where its own links lead."""

    models: Models
    origin: str

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path = request.url.path.strip("/")
        match = REQUEST_PATH.fullmatch(path)
        if match is not None:
            return self._of_request(request, match["model"], match["id"], match["action"] or "")
        call = await self.models.call(request, path)
        if isinstance(call, Response):
            return call
        for name, what in SUBMIT_EXTRAS.items():
            if name in request.query_params:
                return not_done(what)
        job = self.models.accept(call, request, "queue")
        queued = {"status": "IN_QUEUE", "queue_position": job.queue_position(job.accepted)}
        return _json(job, 200, queued | self._links(job))

    def _of_request(self, request: Request, model: str, request_id: str, action: str) -> Response:
        app = app_of(model)
        refusal = self.models.access.refuse_inference(request, app)
        if refusal is not None:
            return refusal
        # fal knows these paths under owner and app only, whatever the model's document says.
        if model != app or request.method != METHODS.get(action, request.method):
            return detail(405, "Method Not Allowed")
        job, now = self.models.jobs.find(app, request_id), self.models.clock.now()
        if job is None or job.host != "queue" or now >= job.ended + job.kept:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        return self._of_job(job, now, action, request)

    def _of_job(self, job: Job, now: float, action: str, request: Request) -> Response:
        ended = job.phase(now) == "COMPLETED"
        match action:
            case "status":
                return _json(job, 200 if ended else 202, self._status(job, now, request))
            case "" | "response" if ended:
                return _result(self.models.jobs, job)
            case "" | "response":
                return _json(job, 400, {"detail": "Request is still in progress"})
            case "cancel":
                return self._cancel(job, now)
            case "status/stream":
                headers = {"Cache-Control": "no-store", "x-fal-request-id": job.request_id}
                events = self._events(job, request)
                return StreamingResponse(events, 200, headers, "text/event-stream")
        return detail(404, f"Path /{action} not found", x_fal_billable_units="0")

    def _status(self, job: Job, now: float, request: Request) -> dict[str, Json]:
        logs = request.query_params.get("logs", "").lower() in ("1", "true")
        phase = job.phase(now)
        body: dict[str, Json] = {"status": phase} | self._links(job)
        if phase == "IN_QUEUE":
            body["queue_position"] = job.queue_position(now)
        else:
            body["logs"] = job.logs(now) if logs else None
        if phase == "COMPLETED":
            body["metrics"] = {"inference_time": round(job.ended - job.started, 3)}
            if job.reply.error is not None:
                body |= {"error": job.reply.error, "error_type": job.reply.error_type}
        if "word" in request.state.struck:
            body["status"] = request.state.struck["word"].text
        return body

    async def _events(self, job: Job, request: Request) -> AsyncIterator[str]:
        """Yield the status on every change, with the lines of the log that are new."""
        before: dict[str, Json] = {}
        lines, ended = 0, False
        while not ended:
            # A cancellation shortens the job that is known here.
            job = self.models.jobs.find(job.app, job.request_id) or job
            now = self.models.clock.now()
            body, ended = self._status(job, now, request), job.phase(now) == "COMPLETED"
            if body != before:
                new = body | ({"logs": body["logs"][lines:]} if body.get("logs") else {})
                yield f"data: {json.dumps(new)}\n\n"
                before, lines = body, len(body.get("logs") or ())
            else:
                await asyncio.sleep(TICK)

    def _links(self, job: Job) -> dict[str, Json]:
        base = f"{self.origin}/{job.app}/requests/{job.request_id}"
        links = {"response_url": base, "status_url": f"{base}/status"}
        return {"request_id": job.request_id, **links, "cancel_url": f"{base}/cancel"}

    def _cancel(self, job: Job, now: float) -> Response:
        phase = job.phase(now)
        if phase == "COMPLETED":
            return _json(job, 400, {"status": "ALREADY_COMPLETED"})
        self.models.jobs.cancel(job, now)
        if phase == "IN_QUEUE":
            return _json(job, 200, {"status": "OK"})
        return _json(job, 202, {"status": "CANCELLATION_REQUESTED"})


def _result(jobs: Jobs, job: Job) -> Response:
    """Return what the model answered, every time the same."""
    jobs.collect(job)
    headers = {**job.reply.headers, "x-fal-request-id": job.request_id}
    return JSONResponse(job.reply.body, job.reply.status, headers)


async def _read_inputs(request: Request) -> tuple[dict[str, Json], list[Json]]:
    """Return the body as an object, an empty one as `{}`, and what is wrong with it as JSON."""
    try:
        inputs = await sent_json(request)
    except ValueError:
        item = {"loc": ["body", 0], "msg": "JSON decode error", "type": "json_invalid", "input": {}}
        return {}, [item]
    if isinstance(inputs, dict):
        return inputs, []
    message = "Input should be a valid dictionary"
    return {}, [{"loc": ["body"], "msg": message, "type": "dict_type", "input": inputs}]


def _start_timeout(request: Request) -> float | Response | None:
    """Return the caller's limit for the start in seconds, or the refusal of a bad header."""
    value = request.headers.get("x-fal-request-timeout")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if seconds > 0.1 and math.isfinite(seconds):
        return seconds
    body = {"detail": f"Invalid X-Fal-Request-Timeout: {value}", "error_type": "bad_request"}
    return JSONResponse(body, 400, {"X-Fal-Error-Type": "bad_request"})


def _json(job: Job, status: int, body: dict[str, Json]) -> Response:
    return JSONResponse(body, status, {"x-fal-request-id": job.request_id})
