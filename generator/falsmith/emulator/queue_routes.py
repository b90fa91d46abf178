"""The queue host: submit, status, result and cancel, on the paths and with the codes of fal."""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fal_runtime.model_id import app_of
from falsmith.documents import Json
from falsmith.emulator.access import detail
from falsmith.emulator.inference import (
    Inference,
    judged_inputs,
    not_done,
    reply_response,
    start_timeout,
)
from falsmith.emulator.jobs import Job, Jobs, Phase

__all__ = ["QueueHost"]

REQUEST_PATH = re.compile(r"(?P<model>.+?)/requests/(?P<id>[^/]+)(?:/(?P<action>.+))?")
METHODS = {"": "GET", "response": "GET", "status": "GET", "status/stream": "GET", "cancel": "PUT"}
# Query parameters of submit that would change what fal does.
SUBMIT_EXTRAS = {"fal_webhook": "webhooks", "fal_max_queue_length": "a limit of the queue's length"}


@dataclass(frozen=True, slots=True)
class QueueHost:
    """Answers every path of queue.fal.run; `origin` is where its own links lead."""

    inference: Inference
    jobs: Jobs
    origin: str

    async def answer(self, request: Request) -> Response:
        """Return the answer to any request on this host."""
        path = request.url.path.strip("/")
        found = REQUEST_PATH.fullmatch(path)
        if found is None:
            return await self._submit(request, path)
        return self._of_request(request, found["model"], found["id"], found["action"] or "")

    async def _submit(self, request: Request, path: str) -> Response:
        endpoint = self.inference.find(request, path)
        if isinstance(endpoint, Response):
            return endpoint
        if request.method != "POST":
            return _wrong_method()
        extras = [what for name, what in SUBMIT_EXTRAS.items() if name in request.query_params]
        if extras:
            return not_done(extras[0])
        limit = start_timeout(request)
        if isinstance(limit, Response):
            return limit
        inputs, wrong = await judged_inputs(request, endpoint)
        make = self.inference.maker(endpoint, inputs)
        job = self.jobs.submit(endpoint, wrong, make, limit)
        told = {"status": "IN_QUEUE", "queue_position": job.queue_position()}
        return _told(job, 200, told | self._links(job))

    def _of_request(self, request: Request, model: str, request_id: str, action: str) -> Response:
        app = app_of(model)
        refusal = self.inference.access.refuse_inference(request, app)
        if refusal is not None:
            return refusal
        # fal knows these paths under owner and app only, whatever the model's document says.
        if model != app or request.method != METHODS.get(action, request.method):
            return _wrong_method()
        job = self.jobs.find(app, request_id)
        if job is None:
            return JSONResponse({"status": "NOT_FOUND"}, 404)
        return self._of_job(job, request, action)

    def _of_job(self, job: Job, request: Request, action: str) -> Response:
        match action:
            case "status":
                return self._status(job, request.query_params.get("logs", ""))
            case "" | "response":
                return _result(job)
            case "cancel":
                return _cancel(job)
            case "status/stream":
                return not_done("the status stream")
        return detail(404, f"Path /{action} not found", x_fal_billable_units="0")

    def _status(self, job: Job, logs: str) -> Response:
        phase = job.phase()
        told: dict[str, Json] = {"status": phase} | self._links(job)
        if phase == "IN_QUEUE":
            told["queue_position"] = job.queue_position()
        else:
            told["logs"] = job.logs() if logs.lower() in ("1", "true") else None
        if phase == "COMPLETED":
            told |= _ending(job)
        job.look()
        return _told(job, 200 if phase == "COMPLETED" else 202, told)

    def _links(self, job: Job) -> dict[str, Json]:
        base = f"{self.origin}/{job.endpoint.app}/requests/{job.request_id}"
        links = {"response_url": base, "status_url": f"{base}/status"}
        return {"request_id": job.request_id, **links, "cancel_url": f"{base}/cancel"}


def _ending(job: Job) -> dict[str, Json]:
    """Return what the status of a completed job says of its end."""
    reply = job.reply()
    told: dict[str, Json] = {"metrics": {"inference_time": max(job.pace.delay / 2, 0.1)}}
    failed = {"error": reply.error, "error_type": reply.error_type}
    return told | (failed if reply.error is not None else {})


def _result(job: Job) -> Response:
    phase: Phase = job.look()
    if phase != "COMPLETED":
        return _told(job, 400, {"detail": "Request is still in progress"})
    return reply_response(job.reply(), job.request_id)


def _cancel(job: Job) -> Response:
    match job.phase():
        case "COMPLETED":
            return _told(job, 400, {"status": "ALREADY_COMPLETED"})
        case "IN_QUEUE":
            job.cancel()
            return _told(job, 200, {"status": "OK"})
        case "IN_PROGRESS":
            job.cancel()
            return _told(job, 202, {"status": "CANCELLATION_REQUESTED"})


def _told(job: Job, status: int, body: dict[str, Json]) -> Response:
    return JSONResponse(body, status, {"x-fal-request-id": job.request_id})


def _wrong_method() -> Response:
    return detail(405, "Method Not Allowed")
