"""The request history of the Platform API: what was asked of which models, with what result."""

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from falsmith.documents import Json
from falsmith.emulator.clock import Clock, stamp
from falsmith.emulator.endpoints import Endpoints
from falsmith.emulator.faults import Fault
from falsmith.emulator.jobs import Job, Jobs
from falsmith.emulator.paging import BadParameterError, asked_ids, page_of

__all__ = ["History"]

DAY = 86400.0
WINDOW, WINDOW_OF_ONE = DAY, 90 * DAY
STATUSES = ("success", "error", "user_error")
ORDERS = ("ended_at", "duration")


@dataclass(frozen=True, slots=True)
class History:
    """`GET /v1/models/requests/by-endpoint`; its times are the emulator's."""

    endpoints: Endpoints
    jobs: Jobs
    clock: Clock

    def respond(self, request: Request) -> Response:
        """Return the page that is asked for, or raise BadParameterError."""
        query, now = request.query_params, self.clock.now()
        ids, wanted = asked_ids(request, split=True), query.get("request_id")
        expand = request.query_params.getlist("expand")
        if not ids:
            raise BadParameterError("endpoint_id is required")
        if wanted is not None and not _is_uuid(wanted):
            raise BadParameterError("request_id must be a UUID")
        if any(part != "payloads" for one in expand for part in one.split(",")):
            raise BadParameterError("expand must be payloads")
        status, order = query.get("status"), query.get("sort_by", "ended_at")
        for name, value, known in (("status", status, STATUSES), ("sort_by", order, ORDERS)):
            if value is not None and value not in known:
                raise BadParameterError(f"{name} must be one of {', '.join(known)}")
        window = WINDOW if wanted is None else WINDOW_OF_ONE
        start = _moment("start", query.get("start"), now - window)
        end = _moment("end", query.get("end"), math.inf)
        struck: Mapping[str, Fault] = request.state.struck
        lag = struck["lag"].number if "lag" in struck else 0.0
        found = [
            job
            for job in self.jobs.of_models(ids)
            # Each item says when it started.
            if job.phase(now) != "IN_QUEUE"
            and job.accepted + lag <= now
            and start <= job.accepted < end
            and wanted in (None, job.request_id)
            and status in (None, _status(job, now))
        ]
        found.sort(key=_duration if order == "duration" else attrgetter("ended"), reverse=True)
        rows, rest = page_of(request, found)
        payloads = bool(expand) and "bare" not in struck
        items = [
            self._item(job, now, payloads=payloads, defaults="defaults" in struck) for job in rows
        ]
        return JSONResponse({"items": items, **rest})

    def units_of_a_call(self, model_id: str) -> float:
        """Return how many units a call of the model was billed so far, on average; at first 1."""
        billed = [
            float(job.reply.headers.get("x-fal-billable-units", 0))
            for job in self.jobs.of_models([model_id])
        ]
        return sum(billed) / len(billed) if billed else 1.0

    def _item(self, job: Job, now: float, *, payloads: bool, defaults: bool) -> Json:
        ended = job.phase(now) == "COMPLETED"
        item: dict[str, Json] = {
            "request_id": job.request_id,
            "endpoint_id": job.model_id,
            "started_at": stamp(job.started),
            "sent_at": stamp(job.accepted),
            "ended_at": stamp(job.ended) if ended else None,
            "status_code": job.reply.status if ended else None,
            "duration": round(_duration(job), 3) if ended else None,
        }
        if payloads and job.payloads:
            endpoint = self.endpoints.get(job.model_id)
            inputs = endpoint.with_defaults(job.inputs) if defaults and endpoint else job.inputs
            # sync_mode keeps the output out of the history.
            keeps = ended and not job.inputs.get("sync_mode")
            item |= {"json_input": inputs, "json_output": job.reply.body if keeps else None}
        return item


def _status(job: Job, now: float) -> str | None:
    if job.phase(now) != "COMPLETED":
        return None
    if job.reply.status < 400:
        return "success"
    return "user_error" if job.reply.status < 500 else "error"


def _duration(job: Job) -> float:
    return job.ended - job.accepted


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _moment(name: str, text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameterError(f"{name} must be a date or a time in ISO 8601") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
