"""What the queue and fal.run share: paths, inputs and answers of a model's endpoint."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fal_runtime.model_id import app_of
from falsmith.documents import Json
from falsmith.emulator.access import Access, detail
from falsmith.emulator.answers import Reply, completed
from falsmith.emulator.endpoints import Endpoint, Endpoints
from falsmith.emulator.files import FileStore
from falsmith.emulator.media import Product
from falsmith.emulator.validation import problems

__all__ = ["Inference", "not_done", "reply_response", "start_timeout"]

STREAMED = ("stream", "realtime")


@dataclass(frozen=True, slots=True)
class Inference:
    """The models, who may call them, and where their files go."""

    endpoints: Endpoints
    access: Access
    files: FileStore

    def find(self, request: Request, path: str) -> Endpoint | Response:
        """Return the endpoint that `path` names, or the refusal: no access, no app, no path."""
        app = app_of(path)
        refusal = self.access.refuse_inference(request, app)
        if refusal is not None:
            return refusal
        endpoint = self.endpoints.get(path)
        if endpoint is not None:
            return endpoint
        model_id, _, last = path.rpartition("/")
        if last in STREAMED and self.endpoints.get(model_id) is not None:
            return not_done(f"the /{last} path of a model")
        if app in self.endpoints.apps:
            rest = path.removeprefix(app)
            return detail(404, f"Path {rest or '/'} not found", x_fal_billable_units="0")
        return detail(404, f'Application "{app}" not found')

    def maker(self, endpoint: Endpoint, inputs: Json) -> Callable[[], Reply]:
        """Return the function that makes the model's answer, with its files in place."""
        inline = isinstance(inputs, dict) and inputs.get("sync_mode") is True
        publish: Callable[[Product], str] = self.files.as_data if inline else self.files.publish
        return lambda: completed(endpoint, inputs, publish)


async def read_inputs(request: Request) -> tuple[Json, list[Json]]:
    """Return the body as a value, an empty one as `{}`, and what is wrong with it as JSON."""
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


async def judged_inputs(request: Request, endpoint: Endpoint) -> tuple[Json, list[Json]]:
    """Return the inputs and all their problems, as the model's app would list them."""
    inputs, wrong = await read_inputs(request)
    if wrong or not endpoint.input.known:
        return inputs, wrong
    return inputs, problems(inputs, endpoint.input)


def start_timeout(request: Request) -> float | Response | None:
    """Return the caller's limit for the start in seconds, or the refusal of a bad header."""
    told = request.headers.get("x-fal-request-timeout")
    if told is None:
        return None
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if seconds > 0.1 and math.isfinite(seconds):
        return seconds
    body = {"detail": f"Invalid X-Fal-Request-Timeout: {told}", "error_type": "bad_request"}
    return JSONResponse(body, 400, {"X-Fal-Error-Type": "bad_request"})


def reply_response(reply: Reply, request_id: str) -> Response:
    """Return the HTTP answer that replays `reply`."""
    headers = {**reply.headers, "x-fal-request-id": request_id}
    return JSONResponse(reply.body, reply.status, headers)


def not_done(what: str) -> Response:
    """Return the 501 of something that fal has and the emulator does not."""
    return detail(501, f"The falsmith emulator does not serve {what}.")
