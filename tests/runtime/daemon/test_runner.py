"""The jobs of a daemon, in threads of this process, against a local fal."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from fal_runtime.config import Config
from fal_runtime.daemon.protocol import Event
from fal_runtime.daemon.runner import Outbox, Runner
from fal_runtime.daemon.server import kept_up
from fal_runtime.fal.clock import REAL_CLOCK, Clock
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.ledger import Ledger
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.daemon.conftest import Accepted

FLUX = "fal-ai/flux/schnell"
HOUR = 3600.0
long_jobs = pytest.mark.parametrize("emulator", [HOUR], indirect=True)
Eventually = Callable[..., None]


class Running:
    """A runner that schedules, and all that it has said."""

    def __init__(self, config: Config, ledger: Ledger, **given: Any) -> None:
        self.outbox = Outbox()
        self.heard: list[Event] = []
        log = logging.Logger("test")
        self.runner = Runner(config, FLUX, ledger, outbox=self.outbox, log=log, **given)
        self.thread = Thread(target=self.runner.schedule)

    def said(self, *wanted: Event) -> bool:
        """Whether it has said all of this, whatever else."""
        self.heard += [event for event in self.outbox.taken() if isinstance(event, Event)]
        return all(message in self.heard for message in wanted)

    def about(self, job: Job) -> list[str]:
        """Return the kinds of what it has said of a job, but for lines of progress."""
        self.said()
        told = [event.what for event in self.heard if event.job == job.id]
        return [what for what in told if what != "progress"]


Start = Callable[..., Running]


@pytest.fixture
def start(config: Config, daemon_ledger: Ledger, emulator: Emulator) -> Iterator[Start]:
    """Return a function that starts a runner with these settings; each is stopped at the end."""
    started: list[Running] = []

    def start_one(idle: float = 900.0, clock: Clock = REAL_CLOCK, **settings: Any) -> Running:
        changed = replace(config, settings=replace(config.settings, **settings))
        running = Running(changed, daemon_ledger, idle=idle, clock=clock)
        started.append(running)
        running.runner.resume()
        running.thread.start()
        return running

    yield start_one
    emulator.clock.advance(HOUR)
    for running in started:
        running.runner.leave("stop")
        running.runner.close()
        running.runner.leave("stop")
        running.thread.join()
        running.outbox.close()


def test_a_job_ends_with_its_file_saved_and_all_that_it_became_in_the_ledger(
    start: Start, accepted: "Accepted", ledger: Ledger, emulator: Emulator, eventually: Eventually
) -> None:
    running, job = start(), accepted()
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("ended", str(job.id))))

    assert running.about(job) == ["taken", "submitted", "ended"]
    known = ledger.job(str(job.id))
    assert known is not None
    assert known.saved is not None
    assert known.state == "saved"
    assert [file.path.is_file() for file in known.saved.files] == [True]
    assert [len(book.jobs) for book in emulator.books] == [1]
    assert running.runner.jobs().jobs == ()


@long_jobs
def test_a_job_waits_until_another_one_has_ended_and_is_told_so(
    start: Start, accepted: "Accepted", emulator: Emulator, eventually: Eventually
) -> None:
    running, first, second = start(max_concurrent=1), accepted("first"), accepted("second")
    running.runner.take(str(first.id))
    eventually(lambda: running.said(Event("submitted", str(first.id))))
    running.runner.take(str(second.id))
    why = "until others have ended (max_concurrent: 1 run)"
    eventually(lambda: running.said(Event("waiting", str(second.id), why)))
    held = [(job.job, job.state, job.waits) for job in running.runner.jobs().jobs]
    assert held[1] == (second.id, "accepted", why)
    assert len(emulator.books) == 1

    emulator.clock.advance(HOUR)
    eventually(
        lambda: running.said(Event("ended", str(first.id)), Event("submitted", str(second.id)))
    )
    assert len(emulator.books) == 2


@long_jobs
def test_a_rate_makes_a_job_wait_with_the_seconds_that_it_takes(
    start: Start, accepted: "Accepted", emulator: Emulator, eventually: Eventually
) -> None:
    running = start(max_concurrent=9, global_rate_per_min=1.0, global_burst=1)
    first, second = accepted("first"), accepted("second")
    running.runner.take(str(first.id))
    eventually(lambda: running.said(Event("submitted", str(first.id))))
    running.runner.take(str(second.id))
    eventually(lambda: running.about(second) == ["taken", "waiting"])
    (why,) = [one.text for one in running.heard if one.what == "waiting"]
    seconds, _, reason = why.partition(" s: ")
    assert 30 < float(seconds) <= 60
    assert reason == "no more than 1 starts a minute (global_rate_per_min)"
    assert len(emulator.books) == 1


def test_one_job_that_fails_leaves_the_others_alone(
    start: Start, accepted: "Accepted", ledger: Ledger, eventually: Eventually
) -> None:
    running, jobs = start(max_concurrent=3), [accepted("one"), accepted("two"), accepted("three")]
    # A file stands where its output folder would: nothing can be saved there.
    blocked = accepted.output / "file"
    accepted.output.mkdir()
    blocked.write_text("")
    spoilt = replace(accepted, output=blocked)("no place")
    for job in [*jobs[:1], spoilt, *jobs[1:]]:
        running.runner.take(str(job.id))
    eventually(lambda: running.said(*(Event("ended", str(job.id)) for job in jobs)))
    eventually(lambda: "ended" in running.about(spoilt))

    states = [ledger.job(str(job.id)) for job in jobs]
    assert [job.state for job in states if job is not None] == ["saved"] * 3
    known = ledger.job(str(spoilt.id))
    assert known is not None
    assert known.error is not None
    assert known.error.exit_status == 9


@pytest.mark.parametrize(("failing", "tries", "error"), [(2, 3, None), (99, 5, "download_failed")])
def test_files_that_did_not_come_are_fetched_again_some_times(
    start: Start,
    accepted: "Accepted",
    ledger: Ledger,
    emulator: Emulator,
    eventually: Eventually,
    *,
    failing: int,
    tries: int,
    error: str | None,
) -> None:
    emulator.faults.add(f"download:error=404:skip=1:times={failing}")
    # Of a pause that grows, a hundredth.
    running, job = start(clock=Clock(random=lambda: -0.49)), accepted(images=2)
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("ended", str(job.id))))
    known = ledger.job(str(job.id))
    assert known is not None
    assert known.saved is not None
    assert (known.state, known.error and known.error.code) == ("saved", error)
    assert len(known.saved.files) == (1 if error else 2)
    # The first one, which came at once, was not fetched again.
    downloads = [request for request in emulator.requests if request.host == "cdn"]
    assert len(downloads) == 1 + tries


def test_a_job_that_is_looked_for_makes_no_other_one_wait(
    start: Start, accepted: "Accepted", emulator: Emulator, eventually: Eventually
) -> None:
    emulator.faults.add("submit:reset:times=1")
    running, doubtful, other = start(max_concurrent=1), accepted("doubtful"), accepted("other")
    running.runner.take(str(doubtful.id))
    eventually(lambda: [held.state for held in running.runner.jobs().jobs] == ["unknown"])
    running.runner.take(str(other.id))
    eventually(lambda: running.said(Event("ended", str(other.id))))
    assert [held.job for held in running.runner.jobs().jobs] == [doubtful.id]


def test_a_daemon_that_is_to_end_leaves_what_is_looked_for_to_the_next(
    start: Start, accepted: "Accepted", ledger: Ledger, emulator: Emulator, eventually: Eventually
) -> None:
    emulator.faults.add("submit:reset:times=1")
    running, doubtful = start(), accepted("doubtful")
    running.runner.take(str(doubtful.id))
    eventually(lambda: [held.state for held in running.runner.jobs().jobs] == ["unknown"])
    running.runner.leave("finish")
    eventually(lambda: running.runner.is_done)
    assert running.said(Event("released", str(doubtful.id)))
    known = ledger.job(str(doubtful.id))
    assert known is not None
    assert known.state == "unknown"


@long_jobs
def test_a_job_is_left_at_its_deadline_for_whoever_collects_it(
    start: Start, accepted: "Accepted", ledger: Ledger, eventually: Eventually
) -> None:
    running, job = start(), accepted(max_polls=1)
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("ended", str(job.id))))
    claimed = ledger.claim(str(job.id))
    assert claimed is not None
    assert (claimed.state, claimed.has_ended) == ("submitted", False)


@long_jobs
def test_a_new_daemon_goes_on_with_the_jobs_of_the_one_before_and_submits_none_again(
    start: Start, accepted: "Accepted", emulator: Emulator, eventually: Eventually
) -> None:
    first = start(max_concurrent=1)
    sent, waiting, unsent = accepted("sent"), accepted("waiting"), accepted("of a killed command")
    # One after the other: of two that come at once either may be the first.
    first.runner.take(str(sent.id))
    eventually(lambda: first.said(Event("submitted", str(sent.id))))
    first.runner.take(str(waiting.id))
    eventually(lambda: first.said(Event("taken", str(waiting.id))))
    first.runner.leave("stop")
    eventually(
        lambda: first.said(Event("released", str(sent.id)), Event("released", str(waiting.id)))
    )
    first.thread.join()

    second = start(max_concurrent=1)
    eventually(lambda: second.said(Event("taken", str(sent.id)), Event("taken", str(waiting.id))))
    emulator.clock.advance(HOUR)
    eventually(
        lambda: second.said(Event("ended", str(sent.id)), Event("submitted", str(waiting.id)))
    )
    emulator.clock.advance(HOUR)
    eventually(lambda: second.said(Event("ended", str(waiting.id))))
    assert [len(book.jobs) for book in emulator.books] == [1, 1]
    assert second.about(unsent) == []


@long_jobs
def test_a_daemon_that_is_to_end_takes_nothing_new_and_ends_what_it_holds(
    start: Start, accepted: "Accepted", emulator: Emulator, eventually: Eventually
) -> None:
    running, held, late = start(), accepted("held"), accepted("late")
    running.runner.take(str(held.id))
    eventually(lambda: running.said(Event("submitted", str(held.id))))
    assert running.runner.leave("finish") == 1
    running.runner.take(str(late.id))
    eventually(lambda: running.said(Event("refused", str(late.id), "the daemon is leaving")))
    emulator.clock.advance(HOUR)
    eventually(lambda: running.said(Event("ended", str(held.id))))
    running.thread.join()
    assert running.runner.is_done


def test_a_daemon_without_jobs_ends_by_itself(start: Start) -> None:
    running = start(idle=0.01)
    running.thread.join()
    assert running.runner.is_done


@pytest.mark.parametrize("known", [True, False])
def test_a_job_that_it_cannot_have_is_refused_with_the_reason(
    start: Start, accepted: "Accepted", ledger: Ledger, known: bool, eventually: Eventually
) -> None:
    job = accepted()
    if known:
        ledger.claim(str(job.id))
    name, why = (str(job.id), "is run by another") if known else ("zzzzzzzz", "is not in the")
    running = start()
    running.runner.take(name)
    eventually(lambda: running.said() and running.heard)
    (refused,) = running.heard
    assert refused.what == "refused"
    assert why in refused.text


def test_a_job_that_was_cancelled_while_it_waited_is_never_sent(
    start: Start, accepted: "Accepted", ledger: Ledger, emulator: Emulator, eventually: Eventually
) -> None:
    job = accepted()
    ledger.cancel(str(job.id))
    running = start()
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("ended", str(job.id))))
    assert emulator.books == ()


def test_a_job_that_has_ended_is_told_so_and_stays_free_for_who_saves_it_once_more(
    start: Start, accepted: "Accepted", ledger: Ledger, eventually: Eventually
) -> None:
    job = accepted()
    ledger.claim(str(job.id))
    ledger.save(replace(job, state="failed"))
    running = start()
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("ended", str(job.id))))
    assert ledger.claim(str(job.id)) is not None


@long_jobs
def test_a_ledger_that_fails_costs_no_file_and_ends_the_daemon(
    start: Start,
    accepted: "Accepted",
    daemon_ledger: Ledger,
    emulator: Emulator,
    eventually: Eventually,
) -> None:
    running, job = start(), accepted()
    running.runner.take(str(job.id))
    eventually(lambda: running.said(Event("submitted", str(job.id))))
    daemon_ledger.close()
    emulator.clock.advance(HOUR)
    eventually(lambda: "failed" in running.about(job))
    (failed,) = [one for one in running.heard if one.what == "failed"]
    assert failed.code == "local_trouble"
    assert len(list(accepted.output.iterdir())) == 1
    running.thread.join()
    assert running.runner.is_done


@long_jobs
def test_a_synchronous_result_that_no_disk_takes_is_kept_until_one_does(
    start: Start,
    accepted: "Accepted",
    ledger: Ledger,
    emulator: Emulator,
    eventually: Eventually,
) -> None:
    # Of a pause that grows, a hundredth.
    running = start(clock=Clock(random=lambda: -0.49))
    job = accepted()
    assert job.request is not None
    request = replace(job.request, url=f"{emulator.environment['FAL_RUN_URL']}/{FLUX}")
    ledger.claim(str(job.id))
    ledger.save(replace(job, request=request, is_sync=True))
    ledger.release(str(job.id))
    running.runner.take(str(job.id))
    eventually(lambda: [held.state for held in running.runner.jobs().jobs] == ["submitting"])
    with closing(sqlite3.connect(accepted.output.parent / "state" / "ledger.sqlite3")) as database:
        full = "CREATE TRIGGER full BEFORE UPDATE ON jobs BEGIN SELECT RAISE(FAIL, 'full'); END"
        database.execute(full)
        accepted.output.touch()
        emulator.clock.advance(HOUR)
        eventually(lambda: running.said() and any("again" in one.text for one in running.heard))
        accepted.output.unlink()
        database.execute("DROP TRIGGER full")
    eventually(lambda: "ended" in running.about(job))
    known = ledger.job(str(job.id))
    assert known is not None
    assert (known.state, len(list(accepted.output.iterdir()))) == ("saved", 1)
    assert [len(book.jobs) for book in emulator.books] == [1]


def test_a_loop_that_fails_says_so_and_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    failures, slept = [OSError("too many files"), ValueError("odd")], list[float]()

    def loop() -> None:
        if failures:
            raise failures.pop(0)

    log = logging.Logger("test")
    log.addHandler(caplog.handler)
    kept_up(loop, "server", log, slept.append)
    assert [record.getMessage() for record in caplog.records] == [
        "the server failed and begins again"
    ] * 2
    assert len(slept) == 2
