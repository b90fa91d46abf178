"""The emulator's own routes, on every host below /_emulator: books, faults, clock."""

import math
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fal_runtime.errors import UsageError
from falsmith.documents import Json
from falsmith.emulator.access import detail
from falsmith.emulator.bodies import sent_json
from falsmith.emulator.clock import Clock, stamp
from falsmith.emulator.faults import Faults
from falsmith.emulator.jobs import Book, Job, Jobs

__all__ = ["PREFIX", "Control"]

PREFIX = "/_emulator/"


class Control:
    """Shows what was accepted, and takes orders for what is to come; needs no key."""

    def __init__(self, jobs: Jobs, faults: Faults, clock: Clock) -> None:
        self._jobs = jobs
        self._faults = faults
        self._clock = clock

    async def respond(self, request: Request) -> Response:
        """Return the response to any request below the prefix."""
        try:
            match (request.method, request.url.path.removeprefix(PREFIX)):
                case ("GET", "books"):
                    return JSONResponse(_books(self._jobs.books(), self._clock.now()))
                case ("GET", "faults"):
                    pass
                case ("POST", "faults"):
                    self._faults.add(*_rules(await _sent(request)))
                case ("DELETE", "faults"):
                    self._faults.clear()
                case ("GET", "clock"):
                    return JSONResponse({"now": stamp(self._clock.now())})
                case ("POST", "clock"):
                    self._clock.advance(_seconds(await _sent(request)))
                    return JSONResponse({"now": stamp(self._clock.now())})
                case _:
                    return detail(404, "There is GET books, GET/POST/DELETE faults, GET/POST clock")
        except UsageError as error:
            return detail(400, str(error))
        return JSONResponse({"faults": self._faults.counts()})


def _books(books: Sequence[Book], now: float) -> Json:
    entries = [
        {
            "model_id": book.model_id,
            "input": book.inputs,
            "accepted": len(book.jobs),
            "requests": [_request(job, now) for job in book.jobs],
        }
        for book in books
    ]
    return {"books": entries}


def _request(job: Job, now: float) -> Json:
    phase = job.phase(now)
    ended = phase == "COMPLETED"
    return {
        "request_id": job.request_id,
        "host": job.host,
        "accepted_at": stamp(job.accepted),
        "status": phase,
        "status_code": job.reply.status if ended else None,
        "billable_units": job.reply.headers.get("x-fal-billable-units") if ended else None,
        "collected": job.collected,
    }


async def _sent(request: Request) -> Json:
    try:
        return await sent_json(request)
    except ValueError:
        raise UsageError("usage", "The body is no JSON") from None


def _rules(body: Json) -> list[str]:
    rules = body.get("rules") if isinstance(body, dict) else None
    if not isinstance(rules, list) or not all(isinstance(rule, str) for rule in rules):
        raise UsageError("usage", 'The body must be {"rules": ["PLACE:EFFECT", ...]}')
    return rules


def _seconds(body: Json) -> float:
    seconds = body.get("advance") if isinstance(body, dict) else None
    if isinstance(seconds, int | float) and 0 <= seconds < math.inf:
        return float(seconds)
    raise UsageError("usage", 'The body must be {"advance": SECONDS}')
