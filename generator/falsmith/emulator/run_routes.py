"""The run host: one POST that waits for the model's answer."""

import asyncio
import uuid
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from falsmith.emulator.access import detail
from falsmith.emulator.answers import invalid
from falsmith.emulator.inference import (
    Inference,
    judged_inputs,
    not_done,
    reply_response,
    start_timeout,
)

__all__ = ["RunHost"]


@dataclass(frozen=True, slots=True)
class RunHost:
    """Answers every path of fal.run; `delay` is how long a model takes, in seconds."""

    inference: Inference
    delay: float

    async def answer(self, request: Request) -> Response:
        """Return the answer to any request on this host."""
        path = request.url.path.strip("/")
        endpoint = self.inference.find(request, path)
        if isinstance(endpoint, Response):
            return endpoint
        if path.rpartition("/")[2] in ("stream", "realtime"):
            return not_done(f"{path}, which answers by a stream")
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        limit = start_timeout(request)
        if isinstance(limit, Response):
            return limit
        inputs, wrong = await judged_inputs(request, endpoint)
        if not wrong:
            await asyncio.sleep(self.delay)
        reply = invalid(wrong) if wrong else self.inference.maker(endpoint, inputs)()
        return reply_response(reply, str(uuid.uuid4()))
