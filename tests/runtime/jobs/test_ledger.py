"""The ledger keeps every job of a user, for all of the user's processes, and no key."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import JobError, LocalError, Problem, UsageError
from fal_runtime.fal.protocol import ModelRequest, RequestUrls
from fal_runtime.input.files import LocalFile
from fal_runtime.input.options import CallOptions
from fal_runtime.jobs.job import Job, JobState
from fal_runtime.jobs.ledger import Ledger, open_ledger
from fal_runtime.jobs.record import job_of_record, record_of_job
from fal_runtime.json_text import ReceivedJson
from fal_runtime.output.result import SavedFile, SavedResult

MODEL = "acme/demo"
REQUEST = ModelRequest("https://queue.fal.run/acme/demo", {"Accept": "x"}, {"prompt": "a  cat"})
OPTIONS = CallOptions(output=Path("/out"), api_key="id:secret", command=("python", "x.py"))
NEW = Job(MODEL, OPTIONS, "accepted", REQUEST, identity="me", created=5.0, changed=5.0)
needs_unix = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")

Open = Callable[..., Ledger]


@pytest.fixture
def reopen(tmp_path: Path, ledger: Ledger) -> Open:
    """Return a function that opens the ledger as another process would."""
    assert ledger
    return partial(open_ledger, {"FAL_STATE_DIR": "state"}, tmp_path, print)


def test_a_job_comes_back_whole_from_another_process(ledger: Ledger, reopen: Open) -> None:
    file = SavedFile("image", "image", Path("/out/a.png"), None, 4, "ab", "image/png", width=2)
    whole = replace(
        NEW,
        state="failed",
        local_files=(LocalFile(("layers", 0, "url"), Path("/a.png")),),
        request_id="req-1",
        urls=RequestUrls("s", "r", "c"),
        logs=("one", "two"),
        content=b"\x00result",
        billable_units=1.5,
        saved=SavedResult({"seed": 1}, None, (file,), ("b: gone",), 1, None),
        error=JobError("job_failed", "no", (Problem("prompt", "1", "text"),), charged="no"),
    )
    job = ledger.add(NEW, own=True)
    assert ledger.save(replace(whole, id=job.id))
    with closing(reopen()) as other:
        found = other.job("req-1", MODEL)
    assert found is not None
    assert found.error is not None
    assert found.error.as_json() == whole.error.as_json() if whole.error else None
    assert isinstance(found.error, JobError)
    assert replace(found, error=None) == replace(
        whole, id=job.id, error=None, options=replace(OPTIONS, api_key=None)
    )


def test_a_key_is_in_no_file_of_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(NEW)
    ledger.close()
    files = [file for file in (tmp_path / "state").rglob("*") if file.is_file()]
    assert files
    assert not any(b"secret" in file.read_bytes() for file in files)


@needs_unix
def test_only_the_user_may_read_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(NEW, own=True)
    state = tmp_path / "state"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state.glob("ledger*")}
    assert modes == {0o600}
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_job_is_named_by_our_id_or_by_fal_s(ledger: Ledger) -> None:
    job = ledger.add(NEW, own=True)
    ledger.save(replace(job, state="submitted", request_id="req-1"))
    assert len(str(job.id)) == 8
    names = [str(job.id), "req-1", "nobody"]
    found = [ledger.job(name) for name in names]
    assert [one.id if one else None for one in found] == [job.id, job.id, None]
    with pytest.raises(UsageError, match="is a job of acme/demo, not of acme/other"):
        ledger.job("req-1", "acme/other")


def test_one_of_several_processes_gets_a_job(ledger: Ledger, reopen: Open) -> None:
    job_id = str(ledger.add(NEW).id)
    with closing(reopen()) as other:
        assert ledger.claim(job_id) is not None
        assert other.claim(job_id) is None
        assert not other.save(replace(NEW, id=job_id, state="submitting"))
        ledger.release(job_id)
        assert other.claim(job_id) is not None
        assert ledger.claim(job_id) is None
    assert ledger.claim(job_id) is not None
    assert ledger.claim("nobody00") is None


KILLED = """
import os, sys
from pathlib import Path
from fal_runtime.jobs.ledger import open_ledger
ledger = open_ledger({"FAL_STATE_DIR": sys.argv[1]}, Path(), print)
job = ledger.claim(sys.argv[2])
print(ledger.save(__import__("dataclasses").replace(job, state=sys.argv[3])), flush=True)
os.kill(os.getpid(), 9)
"""


@needs_unix
@pytest.mark.parametrize(
    ("left", "found"),
    [
        ("submitting", "unknown"),
        ("accepted", "accepted"),
        ("cancelling", "submitted"),
        ("saved", "saved"),
    ],
)
def test_the_job_of_a_killed_process_is_anybody_s(
    ledger: Ledger, tmp_path: Path, left: str, found: str
) -> None:
    job_id = str(ledger.add(NEW).id)
    words = [sys.executable, "-c", KILLED, str(tmp_path / "state"), job_id, left]
    killed = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (killed.returncode, killed.stdout) == (-9, "True\n")
    job = ledger.claim(job_id)
    assert job is not None
    assert job.state == found


def test_a_job_that_was_cancelled_before_it_was_sent_is_not_written_by_its_owner(
    ledger: Ledger, reopen: Open
) -> None:
    job = ledger.add(NEW, own=True)
    with closing(reopen()) as other:
        assert other.cancel(str(job.id))
        assert not other.cancel(str(job.id))
    assert not ledger.save(replace(job, state="submitting"))
    found = ledger.job(str(job.id))
    assert found is not None
    assert found.state == "cancelled"


def test_a_job_that_a_thread_of_this_process_sends_is_nobody_else_s(ledger: Ledger) -> None:
    job = ledger.add(NEW, own=True)
    assert ledger.claim(str(job.id)) is not None
    ledger.save(replace(job, state="submitting"))
    assert ledger.claim(str(job.id)) is None


def test_jobs_are_listed_newest_first(ledger: Ledger) -> None:
    ids = [ledger.add(replace(NEW, created=float(n), model_id=f"a/{n % 2}")).id for n in range(6)]
    assert [entry.job.id for entry in ledger.jobs()] == ids[::-1]
    assert [entry.job.created for entry in ledger.jobs(["a/1"], limit=2)] == [5.0, 3.0]
    assert {entry.prompt for entry in ledger.jobs()} == {"a cat"}


@pytest.mark.parametrize(
    ("taken_by", "state", "goes_on"),
    [
        ("daemon", "accepted", True),
        ("daemon", "submitted", True),
        ("command", "accepted", False),
        ("command", "submitted", True),
        ("command", "saved", False),
        (None, "accepted", False),
    ],
)
def test_a_daemon_goes_on_with_what_was_sent_and_with_what_a_daemon_had_accepted(
    ledger: Ledger, reopen: Open, taken_by: str | None, state: JobState, goes_on: bool
) -> None:
    job = ledger.add(NEW)
    if taken_by is not None:
        before = reopen(daemon=taken_by == "daemon")
        before.claim(str(job.id))
        before.save(replace(job, state=state))
        assert ledger.unfinished(NEW.identity, NEW.model_id) == []
        before.close()
    assert ledger.unfinished(NEW.identity, NEW.model_id) == ([job.id] if goes_on else [])
    assert ledger.unfinished(NEW.identity, "another/model") == []
    assert ledger.unfinished("another", NEW.model_id) == []


def test_only_what_is_collected_is_forgotten(ledger: Ledger) -> None:
    lost = LocalError("local_trouble", "disk")
    jobs = [
        (replace(NEW, state="saved"), True),
        (replace(NEW, state="saved", error=lost), False),
        (replace(NEW, state="completed"), False),
        (replace(NEW, state="unknown"), False),
        (replace(NEW, state="submitted"), False),
        (replace(NEW, state="failed"), True),
        (replace(NEW, state="saved", changed=99.0), False),
    ]
    named = [(ledger.add(job).id, forgotten) for job, forgotten in jobs]
    assert ledger.prune(50.0) == 2
    left = {entry.job.id for entry in ledger.jobs()}
    assert left == {job_id for job_id, forgotten in named if not forgotten}


def test_inputs_can_be_kept_as_digests(tmp_path: Path) -> None:
    environ = {"FAL_STATE_DIR": "state", "FAL_LEDGER_INPUTS": "0"}
    secret = replace(NEW, options=replace(OPTIONS, words=("--prompt", "a  cat")))
    with closing(open_ledger(environ, tmp_path, print)) as ledger:
        job = ledger.add(secret, own=True)
        assert job.request == REQUEST
        ledger.save(replace(job, state="submitted"))
        kept = ledger.job(str(job.id))
    assert kept is not None
    assert kept.request is not None
    assert kept.request.digests
    written = b"".join(file.read_bytes() for file in (tmp_path / "state").glob("ledger*"))
    assert b"a  cat" not in written


def _repeated(prompt: str) -> Job:
    """Return a job whose answer, its error and its log say the prompt again."""
    request = ModelRequest(
        "https://queue.fal.run/acme/demo",
        {},
        {"a": "a secret", "prompt": prompt, "n": ["Kitty", " "]},
    )
    answer: dict[str, ReceivedJson] = {
        "prompt": prompt,
        "long": f"more of {prompt}!",
        "tag": "Kitty",
        "image": {"url": "https://cdn.example/Kit.png", "file_name": "the file"},
    }
    complaint = Problem("prompt", json.dumps(prompt), "a longer text")
    return replace(
        NEW,
        request=request,
        options=OPTIONS,
        logs=(f"begun: {prompt}",),
        content=json.dumps(answer).encode(),
        saved=SavedResult(answer, None, (), (), None, f"{prompt}."),
        error=JobError("job_failed", f"422: {prompt} is too short", [complaint]),
    )


def test_where_inputs_are_digests_an_answer_that_repeats_them_has_the_same(tmp_path: Path) -> None:
    environ = {"FAL_STATE_DIR": "state", "FAL_LEDGER_INPUTS": "0"}
    prompt = "a secret cat"
    with closing(open_ledger(environ, tmp_path, print)) as ledger:
        job = ledger.add(replace(_repeated(prompt), content=None, saved=None, error=None), own=True)
        ledger.save(replace(_repeated(prompt), id=job.id, state="completed"))
        kept = ledger.job(str(job.id))
        # As another command goes on with it, which knows the digests only.
        assert kept is not None
        ledger.save(replace(kept, content=json.dumps({"prompt": prompt}).encode(), state="saved"))
        again = ledger.job(str(job.id))
        no_json = f"A story of {prompt}.".encode() + b"\xff"
        ledger.save(replace(_repeated(prompt), id=job.id, state="completed", content=no_json))
    assert again is not None
    written = b"".join(file.read_bytes() for file in (tmp_path / "state").glob("ledger*"))
    assert b"secret" not in written
    assert b"Kitty" not in written
    answer, digest = json.loads(kept.content or b""), json.loads(again.content or b"")["prompt"]
    assert (answer["prompt"], answer["long"]) == (digest, f"more of {digest}!")
    assert answer["image"] == {"url": "https://cdn.example/Kit.png", "file_name": "the file"}
    assert kept.error is not None
    assert kept.error.message == f"422: {digest} is too short"


def test_a_request_belongs_to_one_job(ledger: Ledger) -> None:
    one, other = (ledger.add(NEW, own=True) for _ in range(2))
    assert ledger.take_request(one, "req-1")
    assert not ledger.take_request(other, "req-1")
    assert ledger.taken(other, ["req-1", "req-2"]) == {"req-1"}
    assert ledger.taken(one, ["req-1", "req-2"]) == set()


def _newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")


def _damaged(file: Path) -> None:
    for left in file.parent.glob("ledger*-*"):
        left.unlink()
    file.write_bytes(b"no database at all" * 1000)


def _folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_newer, "newer version"), (_damaged, "is damaged"), (_folder_in_its_place, "directory")],
)
def test_a_ledger_that_cannot_be_used_is_named(
    ledger: Ledger, reopen: Open, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    ledger.close()
    file = tmp_path / "state" / "ledger.sqlite3"
    spoil(file)
    with pytest.raises(LocalError, match=words) as raised:
        reopen()
    assert str(file) in str(raised.value)


def test_a_ledger_that_another_program_holds_is_named(
    reopen: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fal_runtime.jobs.ledger._PATIENCE", 0.1)
    file = tmp_path / "state" / "ledger.sqlite3"
    with closing(sqlite3.connect(file, isolation_level=None)) as holder, closing(reopen()) as held:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LocalError, match="another program has held it"):
            held.add(NEW)


def test_a_job_of_a_newer_skill_is_read_as_far_as_it_is_understood() -> None:
    record = record_of_job(replace(NEW, state="failed", error=JobError("job_failed", "no")))
    newer = {**record, "later": 1, "error": {**record["error"], "error": "X", "code": "later"}}  # type: ignore[dict-item] # an error is an object
    job = job_of_record(newer)
    assert (job.state, str(job.error), job.model_id) == ("failed", "no", MODEL)
    assert job.error is not None
    assert job.error.exit_status == 9


@needs_unix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_where_home_is_read_only_the_ledger_is_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = _project_ledger(tmp_path, monkeypatch, lambda home: home.mkdir(mode=0o500))
    assert str(tmp_path / ".falsmith") in notice


def test_where_home_has_no_room_for_state_the_ledger_is_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = _project_ledger(tmp_path, monkeypatch, lambda home: home.write_text("a file"))
    assert str(tmp_path / ".falsmith") in notice


def _project_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], Any]
) -> str:
    """Make a ledger in the project, and return what was said of that."""
    home = tmp_path / "no-home"
    spoil(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "state"))
    lines: list[str] = []
    with closing(open_ledger({}, tmp_path, lines.append)) as ledger:
        assert ledger.add(NEW).id
    assert (tmp_path / ".falsmith" / "ledger.sqlite3").exists()
    assert (tmp_path / ".falsmith" / ".gitignore").read_text() == "*\n"
    return lines[0]


def test_threads_write_together_and_each_learns_of_its_own_row(ledger: Ledger) -> None:
    jobs = [ledger.add(NEW, own=number % 4 != 0) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda job: ledger.save(replace(job, state="submitted")), jobs))
    assert saved == [number % 4 != 0 for number in range(40)]
    states = [entry.job.state for entry in ledger.jobs(limit=50)]
    assert (states.count("submitted"), states.count("accepted")) == (30, 10)


def test_what_cannot_be_written_is_an_error_of_every_thread_that_waits(ledger: Ledger) -> None:
    jobs = [ledger.add(NEW, own=True) for _ in range(8)]
    ledger.close()
    with ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(ledger.save, replace(job, state="submitted")) for job in jobs]
    assert all(isinstance(each.exception(), LocalError) for each in tries)
