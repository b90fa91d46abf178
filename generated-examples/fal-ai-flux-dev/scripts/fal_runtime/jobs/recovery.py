"""Recovery: which request in fal's history is the one whose answer did not come."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from fal_runtime.fal.platform import PastRequest
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.jobs.record import digested
from fal_runtime.json_text import Value

# Seconds after the first look; later ones follow each other by the last pause.
_LOOKS = (0.0, 2.0, 5.0, 15.0, 30.0)
_PAUSE = 30.0
# Date headers count whole seconds, and a request is under way for no longer than its timeout.
_BEFORE, _AFTER = 5.0, 150.0


def next_look(looks: int) -> float:
    """Return the seconds from the last of so many looks to the next one."""
    pauses = [later - earlier for earlier, later in pairwise(_LOOKS)]
    return pauses[looks - 1] if looks <= len(pauses) else _PAUSE


def own_request(
    ledger: Ledger, job: Job, requests: Sequence[PastRequest], ahead: float
) -> PastRequest | None:
    """Return the job's request, None where there is none yet or several may be it.

    It was sent when the job was, its input holds every value that we sent (servers add defaults),
    and no other job of the ledger has it; or it is of the ID that the job's own answer carried.
    Of several as many may be ours as jobs of this input are looked for: whichever of them takes
    which, all are collected.
    """
    assert job.request is not None, "a job that was sent has a request"
    named = [each for each in requests if each.request_id == job.request_id]
    if named:
        return named[0]
    alike = [
        each
        for each in in_time(job, requests, ahead)
        if holds(digested(each.body) if job.request.digests else each.body, job.request.body)
    ]
    alike = list({each.request_id: each for each in alike}.values())
    taken = ledger.taken(job, [each.request_id for each in alike])
    free = [each for each in alike if each.request_id not in taken]
    if len(free) > max(ledger.looked_for(job), 1):
        return None
    oldest_first = sorted(free, key=lambda each: each.sent)
    return next((each for each in oldest_first if ledger.take_request(job, each.request_id)), None)


def in_time(job: Job, requests: Sequence[PastRequest], ahead: float) -> list[PastRequest]:
    """Return the requests that were sent when the job was; `ahead` is fal's clock before ours."""
    sent = (job.sent or job.created) + ahead
    return [each for each in requests if sent - _BEFORE <= each.sent <= sent + _AFTER]


def holds(found: Value, sent: Value) -> bool:
    """Whether a found value holds every value of the one that was sent."""
    if isinstance(sent, Mapping):
        inside = isinstance(found, Mapping) and all(name in found for name in sent)
        return inside and all(holds(found[name], each) for name, each in sent.items())
    if isinstance(sent, list | tuple):
        alike = isinstance(found, list) and len(found) == len(sent)
        return alike and all(map(holds, found, sent))
    return isinstance(found, bool) == isinstance(sent, bool) and bool(found == sent)
