from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.config import load_config
from fal_runtime.input.files import LocalFile
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import PreparedInput
from fal_runtime.jobs.commands import cancel_job, job_result, job_status, run_job
from fal_runtime.jobs.job import Services
from fal_runtime.jobs.ledger import Ledger
from fal_runtime.output.result import CallResult
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import LOCKED_KEY, Emulator

FLUX = "fal-ai/flux/schnell"
KLING = "fal-ai/kling-video/v3/pro/image-to-video"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    found = [bundled_documents(model_id) for model_id in (FLUX, KLING)]
    models = [documents for documents in found if documents is not None]
    with Emulator(models) as running:
        yield running


CAT = PreparedInput({"prompt": "a cat", "num_images": 2}, (), ())


@dataclass
class Calls:
    """Calls of one model, with what all of them are given."""

    services: Services
    ledger: Ledger
    options: CallOptions

    def run(
        self, prepared: PreparedInput = CAT, model_id: str = FLUX, **options: Any
    ) -> CallResult:
        changed = replace(self.options, **options)
        return run_job(self.services, self.ledger, model_id, prepared, changed)


@pytest.fixture
def calls(emulator: Emulator, ledger: Ledger, tmp_path: Path) -> Calls:
    options = CallOptions(output=tmp_path / "output", command=("python", "x.py"), wait=60)
    services = Services(load_config(None, emulator.environment), lambda _: None)
    return Calls(services, ledger, options)


def test_job_of_the_queue_comes_back_as_files(calls: Calls) -> None:
    lines: list[str] = []
    outcome = replace(calls, services=replace(calls.services, report=lines.append)).run()
    assert (outcome.status, outcome.exit_status, len(outcome.files)) == ("COMPLETED", 0, 2)
    assert all(file.path.read_bytes().startswith(b"\xff\xd8") for file in outcome.files)
    assert str(outcome.request_id) in lines[0]


def test_local_file_is_uploaded_before_its_job(calls: Calls, tmp_path: Path) -> None:
    path = tmp_path / "start.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    value = {"prompt": "it moves", "start_image_url": f"<upload:{path}>"}
    prepared = PreparedInput(value, (LocalFile(("start_image_url",), path),), ())
    outcome = calls.run(prepared, KLING)
    assert (outcome.status, [file.kind for file in outcome.files]) == ("COMPLETED", ["video"])


def test_job_can_be_left_and_collected_later(emulator: Emulator, calls: Calls) -> None:
    emulator.faults.add("job:delay=600:times=1")
    submitted = calls.run(submit=True)
    assert (submitted.status, submitted.exit_status) == ("IN_QUEUE", 0)
    job = str(submitted.job)
    looked = job_status(calls.services, calls.ledger, FLUX, job, calls.options)
    assert (looked.status, looked.exit_status) == ("IN_QUEUE", 0)
    emulator.clock.advance(600)
    collected = job_result(calls.services, calls.ledger, FLUX, job, calls.options)
    assert (collected.status, len(collected.files)) == ("COMPLETED", 2)
    late = cancel_job(calls.services, calls.ledger, FLUX, job, calls.options)
    assert (late.status, late.exit_status) == ("COMPLETED", 5)


def test_queued_job_is_cancelled(emulator: Emulator, calls: Calls) -> None:
    emulator.faults.add("job:delay=600:times=1")
    job = str(calls.run(submit=True).job)
    assert cancel_job(calls.services, calls.ledger, FLUX, job, calls.options).status == "CANCELLED"
    collected = job_result(calls.services, calls.ledger, FLUX, job, calls.options)
    assert (collected.status, collected.exit_status) == ("CANCELLED", 4)


def test_invalid_input_fails_in_the_queue_and_says_where(calls: Calls) -> None:
    wrong = PreparedInput({"prompt": "a cat", "num_images": "many"}, (), ())
    outcome = calls.run(wrong)
    assert (outcome.status, outcome.exit_status) == ("FAILED", 4)
    assert outcome.error is not None
    assert outcome.error.problems[0].path == "num_images"
    assert outcome.error.as_json()["charged"] == "no"


@pytest.mark.parametrize("key", ["nobody:nothing", LOCKED_KEY])
def test_refused_key_submits_nothing(emulator: Emulator, calls: Calls, key: str) -> None:
    config = load_config(None, {**emulator.environment, "FAL_KEY": key})
    outcome = replace(calls, services=replace(calls.services, config=config)).run()
    assert (outcome.status, outcome.exit_status, outcome.request_id) == ("REFUSED", 3, None)


def test_sync_run_needs_no_queue(calls: Calls) -> None:
    outcome = calls.run(sync_only=True)
    assert (outcome.status, len(outcome.files)) == ("COMPLETED", 2)


def test_every_job_is_submitted_once(emulator: Emulator, calls: Calls) -> None:
    def submits() -> int:
        return sum((r.host, r.method) == ("queue", "POST") for r in emulator.requests)

    before = submits()
    calls.run()
    assert submits() == before + 1


def test_job_that_nobody_knows_is_reported(calls: Calls) -> None:
    outcome = job_result(calls.services, calls.ledger, FLUX, UNKNOWN_ID, calls.options)
    assert (outcome.status, outcome.exit_status) == ("UNKNOWN", 2)
