"""The queue and the run host: models called on the paths and with the codes of fal."""

import asyncio
import json
import math
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fal_runtime.model_id import app_of
from falsmith.documents import Json
from falsmith.emulator.access import Access, detail, not_done
from falsmith.emulator.endpoints import Endpoint, Endpoints
from falsmith.emulator.jobs import Job, Jobs
from falsmith.emulator.responses import Reply, completed, invalid
from falsmith.emulator.storage import FileStore

__all__ = ["Models", "QueueHost", "RunHost"]

STREAMED = ("stream", "realtime")
REQUEST_PATH = re.compile(r"(?P<model>.+?)/requests/(?P<id>[^/]+)(?:/(?P<action>.+))?")
METHODS = {"": "GET", "response": "GET", "status": "GET", "status/stream": "GET", "cancel": "PUT"}
# Query parameters of submit that would change what fal does.
SUBMIT_EXTRAS = {"fal_webhook": "webhooks", "fal_max_queue_length": "a limit of the queue's length"}


@dataclass(frozen=True, slots=True)
class Call:
    """A request to run a model that may pass: its input, what is wrong with it, and its result."""

    endpoint: Endpoint
    problems: list[Json]
    start_timeout: float | None
    result: Callable[[], Reply]


@dataclass(frozen=True, slots=True)
class Models:
    """The models, who may call them, and where their files go."""

    endpoints: Endpoints
    access: Access
    files: FileStore

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
        inputs, problems = await _read_inputs(request)
        if not problems and endpoint.input.known:
            problems = endpoint.problems(inputs)
        inline = inputs.get("sync_mode") is True
        publish = self.files.as_data if inline else self.files.publish
        return Call(endpoint, problems, start_timeout, lambda: completed(endpoint, inputs, publish))

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
    """fal.run: one POST that waits for the result; `delay` is how long a model takes, in s."""

    models: Models
    delay: float

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path = request.url.path.strip("/")
        if path.rpartition("/")[2] in STREAMED and self.models.endpoints.get(path) is not None:
            refusal = self.models.access.refuse_inference(request, app_of(path))
            return refusal or not_done(f"{path}, which answers by a stream")
        call = await self.models.call(request, path)
        if isinstance(call, Response):
            return call
        if not call.problems:
            await asyncio.sleep(self.delay)
        reply = invalid(call.problems) if call.problems else call.result()
        return _replay(reply, str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class QueueHost:
    """queue.fal.run: submit, status, result and cancel; `origin` is where its own links lead."""

    models: Models
    jobs: Jobs
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
        job = self.jobs.submit(call.endpoint, call.problems, call.result, call.start_timeout)
        queued = {"status": "IN_QUEUE", "queue_position": job.queue_position()}
        return _json(job, 200, queued | self._links(job))

    def _of_request(self, request: Request, model: str, request_id: str, action: str) -> Response:
        app = app_of(model)
        refusal = self.models.access.refuse_inference(request, app)
        if refusal is not None:
            return refusal
        # fal knows these paths under owner and app only, whatever the model's document says.
        if model != app or request.method != METHODS.get(action, request.method):
            return detail(405, "Method Not Allowed")
        job = self.jobs.find(app, request_id)
        if job is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        return self._of_job(job, action, request.query_params.get("logs", ""))

    def _of_job(self, job: Job, action: str, logs: str) -> Response:
        match action:
            case "status":
                return self._status(job, logs)
            case "" | "response":
                if job.poll() != "COMPLETED":
                    return _json(job, 400, {"detail": "Request is still in progress"})
                return _replay(job.reply(), job.request_id)
            case "cancel":
                return _cancel(job)
            case "status/stream":
                return not_done("the status stream")
        return detail(404, f"Path /{action} not found", x_fal_billable_units="0")

    def _status(self, job: Job, logs: str) -> Response:
        phase = job.phase()
        body: dict[str, Json] = {"status": phase} | self._links(job)
        if phase == "IN_QUEUE":
            body["queue_position"] = job.queue_position()
        else:
            body["logs"] = job.logs() if logs.lower() in ("1", "true") else None
        if phase == "COMPLETED":
            reply = job.reply()
            body["metrics"] = {"inference_time": max(job.timing.delay / 2, 0.1)}
            if reply.error is not None:
                body |= {"error": reply.error, "error_type": reply.error_type}
        job.poll()
        return _json(job, 200 if phase == "COMPLETED" else 202, body)

    def _links(self, job: Job) -> dict[str, Json]:
        base = f"{self.origin}/{job.endpoint.app}/requests/{job.request_id}"
        links = {"response_url": base, "status_url": f"{base}/status"}
        return {"request_id": job.request_id, **links, "cancel_url": f"{base}/cancel"}


def _cancel(job: Job) -> Response:
    match job.phase():
        case "COMPLETED":
            return _json(job, 400, {"status": "ALREADY_COMPLETED"})
        case "IN_QUEUE":
            job.cancel()
            return _json(job, 200, {"status": "OK"})
        case "IN_PROGRESS":
            job.cancel()
            return _json(job, 202, {"status": "CANCELLATION_REQUESTED"})


async def _read_inputs(request: Request) -> tuple[dict[str, Json], list[Json]]:
    """Return the body as an object, an empty one as `{}`, and what is wrong with it as JSON."""
    body = await request.body()
    try:
        inputs = json.loads(body or b"{}")
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


def _replay(reply: Reply, request_id: str) -> Response:
    headers = {**reply.headers, "x-fal-request-id": request_id}
    return JSONResponse(reply.body, reply.status, headers)


def _json(job: Job, status: int, body: dict[str, Json]) -> Response:
    return JSONResponse(body, status, {"x-fal-request-id": job.request_id})
