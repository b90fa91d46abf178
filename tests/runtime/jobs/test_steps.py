"""A job is a value: a step makes one request at most, and any value of it can be gone on from."""

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from fal_runtime.fal.protocol import ModelRequest
from fal_runtime.input.files import LocalFile
from fal_runtime.jobs.job import Job
from fal_runtime.jobs.steps import step

if TYPE_CHECKING:
    from tests.runtime.conftest import Fal

QUEUE = "https://queue.fal.run"
MODEL = "acme/demo/fast"
JOB = f"{QUEUE}/acme/demo/requests/req-1"
POST = f"POST {QUEUE}/{MODEL}"
REQUEST = ModelRequest(f"{QUEUE}/{MODEL}", {}, {"prompt": "a cat"})


def steps(fal: "Fal", job: Job) -> list[tuple[Job, int]]:
    """Return every value that a job becomes, each with the number of requests that it took."""
    values = list[tuple[Job, int]]()
    due: float | None = fal.time.seconds
    while due is not None:
        before = len(fal.script.requests)
        job, due = step(job, fal.connection, fal.ledger, fal.time.seconds)
        values.append((job, len(fal.script.requests) - before))
        assert len(values) < 50
    return values


def test_the_states_of_a_job_follow_each_other_by_one_request_each(fal: "Fal") -> None:
    fal.queue(fal.answer({}), "IN_QUEUE", "IN_PROGRESS", "COMPLETED")
    found = steps(fal, Job(MODEL, fal.options, "accepted", REQUEST))
    assert [(job.state, requests) for job, requests in found] == [
        ("submitting", 0),
        ("submitted", 1),
        ("submitted", 1),
        ("submitted", 1),
        ("finished", 1),
        ("completed", 1),
        ("saved", 0),
    ]


def test_a_job_goes_on_from_each_of_its_values_without_a_second_submit(fal: "Fal") -> None:
    fal.queue(fal.answer({"a": 1}), "IN_QUEUE", "COMPLETED")
    found = [job for job, _ in steps(fal, Job(MODEL, fal.options, "accepted", REQUEST))]
    for job in found[1:]:
        written_down: Job = pickle.loads(pickle.dumps(job))
        last = [written_down, *[later for later, _ in steps(fal, written_down)]][-1]
        assert (last.state, last.request_id) == ("saved", "req-1")
    assert len(fal.script.calls(POST)) == 1


def test_what_surely_was_not_accepted_is_accepted_again_and_due_later(fal: "Fal") -> None:
    fal.script.on(POST, httpx.Response(429, headers={"retry-after": "3"}))
    job, due = step(
        Job(MODEL, fal.options, "submitting", REQUEST), fal.connection, fal.ledger, 1000.0
    )
    assert (job.state, job.error, due) == ("accepted", None, 1003.0)


def test_files_are_uploaded_before_the_job_may_be_submitted(fal: "Fal", tmp_path: Path) -> None:
    links = {"upload_url": "https://store.example/put", "file_url": "https://cdn.example/in.png"}
    fal.script.on("POST https://rest.fal.ai/storage/upload/initiate", fal.answer(links))
    fal.script.on("PUT https://store.example/put", httpx.Response(200))
    path = tmp_path / "in.png"
    path.write_bytes(b"\x89PNG")
    request = ModelRequest(REQUEST.url, {}, {"image_url": f"<upload:{path}>"})
    files = (LocalFile(("image_url",), path),)
    waiting = Job(MODEL, fal.options, "accepted", request, local_files=files)
    job, due = step(waiting, fal.connection, fal.ledger, 1000.0)
    assert (job.state, job.local_files, due) == ("accepted", (), 1000.0)
    assert job.request is not None
    assert job.request.body == {"image_url": "https://cdn.example/in.png"}


def test_a_job_that_has_ended_needs_no_step(fal: "Fal") -> None:
    ended = Job(MODEL, fal.options, "saved", REQUEST)
    assert step(ended, fal.connection, fal.ledger, 1000.0) == (ended, None)
