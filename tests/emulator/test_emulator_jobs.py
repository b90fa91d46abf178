"""How jobs go on by looks and by time, with a clock that the test moves."""

from falsmith.documents import Documents
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.jobs import Job, Jobs, Timing
from falsmith.emulator.responses import Reply


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def submitted(pace: Timing, clock: Clock, start_timeout: float | None = None) -> Job:
    endpoint = Endpoint(Documents("acme/paint/turbo", {}, {}))
    return Jobs(pace, clock).submit(endpoint, [], lambda: Reply(200, {"made": True}), start_timeout)


def test_a_delay_keeps_the_job_first_queued_then_running() -> None:
    clock = Clock()
    job = submitted(Timing(polls=0, delay=10), clock)
    seen = []
    for now in (100, 104.9, 105, 109.9, 110):
        clock.now = now
        seen.append(job.poll())
    assert seen == ["IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED"]


def test_polls_and_delay_must_both_be_over() -> None:
    clock = Clock()
    job = submitted(Timing(polls=1, delay=10), clock)
    assert [job.poll() for _ in range(5)] == ["IN_QUEUE"] * 5
    clock.now += 10
    assert job.poll() == "COMPLETED"


def test_a_job_that_does_not_start_within_the_callers_limit_ends_with_504() -> None:
    clock = Clock()
    job = submitted(Timing(polls=0, delay=10), clock, start_timeout=2)
    assert job.poll() == "IN_QUEUE"
    clock.now += 2
    assert job.poll() == "COMPLETED"
    reply = job.reply()
    assert (reply.status, reply.error_type) == (504, "request_timeout")
    assert reply.headers["X-Fal-Request-Timeout-Type"] == "user"


def test_a_limit_that_is_kept_changes_nothing() -> None:
    clock = Clock()
    job = submitted(Timing(polls=0, delay=10), clock, start_timeout=6)
    clock.now += 10
    assert (job.poll(), job.reply().status) == ("COMPLETED", 200)
