"""The scripts `queue_daemon.py` and `queue_client.py`, and `falsmith queue`."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fal_runtime.daemon.place import Marker
from fal_runtime.fal.protocol import Price
from fal_runtime.jobs.ledger import open_ledger
from falsmith.cli import run
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.daemon.conftest import Accepted, Skill

HOUR = 3600.0
SCRIPT = """\
import sys
from pathlib import Path
from fal_runtime.queue_command import {main}
sys.exit({main}(skill=Path(__file__).absolute().parent.parent))
"""
# A daemon that takes a connection and says nothing.
MUTE = """\
import socket, sys, time
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("listens", flush=True)
    connection, _ = listener.accept()
    print("asked", flush=True)
    time.sleep(60)
"""
Answer = tuple[int, dict[str, Any]]
Eventually = Callable[..., None]
long_jobs = pytest.mark.parametrize("emulator", [HOUR], indirect=True)


@pytest.fixture
def queue(skill: "Skill") -> Callable[..., Answer]:
    """Return a function that runs one of the two scripts."""
    for name in ("daemon", "client"):
        script = skill.folder / "scripts" / f"queue_{name}.py"
        script.write_text(SCRIPT.format(main=f"{name}_main"))

    def queue_once(name: str, *words: str, **environ: str) -> Answer:
        script = str(skill.folder / "scripts" / f"queue_{name}.py")
        return skill.run([sys.executable, script, *words], environ).end()

    return queue_once


@pytest.fixture
def falsmith(
    skill: "Skill", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Return a function that runs `falsmith queue` in the environment of the skill."""
    for name, value in skill.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(skill.folder.parent)

    def run_once(*words: str) -> Answer:
        status = run(["queue", *words])
        return status, json.loads(capsys.readouterr().out)

    return run_once


def test_the_daemon_is_started_once_and_shut_down(
    skill: "Skill", queue: Callable[..., Answer], eventually: Eventually
) -> None:
    assert queue("client", "--status")[1]["status"] == "NOT_RUNNING"
    status, started = queue("daemon", "--background")
    assert (status, started) == (0, {"status": "STARTED", "pid": skill.daemon.pid})
    assert queue("daemon", "--background") == (0, {"status": "RUNNING"})
    status, shown = queue("client", "--status")
    assert (status, shown["status"], shown["jobs"]) == (0, "RUNNING", [])
    assert shown["pid"] == started["pid"]
    assert queue("client", "--shutdown")[1]["status"] == "LEAVING"
    eventually(lambda: not skill.runs)
    assert queue("client", "--shutdown")[1]["status"] == "NOT_RUNNING"


def test_a_daemon_begins_also_where_who_started_it_does_not_wait_any_more(
    skill: "Skill", queue: Callable[..., Answer], eventually: Eventually
) -> None:
    script = str(skill.folder / "scripts" / "queue_daemon.py")
    command = skill.run([sys.executable, script, "--foreground"], {})
    assert command.process.stdout is not None
    command.process.stdout.close()
    eventually(lambda: skill.runs)
    assert queue("client", "--shutdown")[1]["status"] == "LEAVING"
    command.process.wait(60)


@pytest.mark.usefixtures("queue")
def test_a_daemon_keeps_its_lock_also_where_it_is_started_without_standard_streams(
    skill: "Skill",
) -> None:
    script = str(skill.folder / "scripts" / "queue_daemon.py")
    words = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", sys.executable, script, "--background"]
    answers = [skill.run(words, {}).end()[1] for _ in range(2)]
    assert [answer["status"] for answer in answers] == ["STARTED", "RUNNING"]


def test_a_daemon_without_a_key_says_so(queue: Callable[..., Answer]) -> None:
    status, answer = queue("daemon", "--background", FAL_KEY="")
    assert (status, answer["error"]["code"]) == (3, "key_missing")


@pytest.mark.parametrize("how", ["--background", "--foreground"])
def test_where_there_can_be_no_daemon_it_says_why(
    skill: "Skill", queue: Callable[..., Answer], how: str
) -> None:
    folder = skill.queues / "flux-skill__fal-ai_flux_schnell__v2"
    folder.mkdir(parents=True, mode=0o755)
    status, answer = queue("daemon", how)
    assert (status, answer["error"]["code"]) == (9, "local_trouble")
    assert "`chmod 700` it" in answer["error"]["message"]


def test_a_marker_that_cannot_be_written_is_no_start(
    skill: "Skill", queue: Callable[..., Answer]
) -> None:
    folder = skill.queues / "flux-skill__fal-ai_flux_schnell__v2"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "marker.new").mkdir()
    status, answer = queue("daemon", "--background")
    assert (status, answer["error"]["code"]) == (9, "local_trouble")
    assert "cannot be written" in answer["error"]["message"]


def test_a_command_that_is_ended_while_it_waits_for_a_daemon_says_so(
    skill: "Skill", queue: Callable[..., Answer]
) -> None:
    assert queue("client", "--status")[0] == 0
    skill.daemon_folder.mkdir(parents=True, mode=0o700)
    place = str(skill.folder / "mute.sock")
    words = [sys.executable, "-c", MUTE, place]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as mute:
        assert mute.stdout is not None
        assert mute.stdout.readline() == "listens\n"
        Marker(mute.pid, 0.0, place, "fal-ai/flux/schnell", None).write(skill.daemon_folder)
        client = str(skill.folder / "scripts" / "queue_client.py")
        asking = skill.run([sys.executable, client, "--status"], {})
        assert mute.stdout.readline() == "asked\n"
        asking.process.send_signal(signal.SIGTERM)
        status, answer = asking.end()
        mute.kill()
    assert (status, answer["error"]["code"]) == (130, "interrupted")
    assert asking.said("error: interrupted")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full disk")
def test_an_answer_that_cannot_be_printed_is_said_on_stderr(
    skill: "Skill", queue: Callable[..., Answer]
) -> None:
    assert queue("client", "--status")[0] == 0
    client = str(skill.folder / "scripts" / "queue_client.py")
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, client, "--status"],
            env=dict(skill.environ),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 9
    assert ran.stderr == "error: standard output cannot be written: No space left on device\n"


@long_jobs
def test_jobs_are_named_waited_for_and_cancelled(
    skill: "Skill", emulator: Emulator, queue: Callable[..., Answer]
) -> None:
    one = {"FAL_QUEUE_MAX_CONCURRENT": "1"}
    first = skill.call("--prompt", "one", "--submit", "--output", "mine", **one)[1]
    second = skill.call("--prompt", "two", "--submit", **one)[1]
    held = queue("client", "--jobs")[1]["jobs"]
    assert [(job["job"], job["state"], bool(job["waits"])) for job in held] == [
        (first["job"], "submitted", False),
        (second["job"], "accepted", True),
    ]
    status, cancelled = queue("client", "--cancel", second["job"])
    assert (status, cancelled["status"]) == (0, "CANCELLED")
    emulator.clock.advance(HOUR)
    status, done = queue("client", "--wait", first["job"])
    assert (status, done["status"]) == (0, "COMPLETED")
    assert Path(done["saved_path"]).parent == skill.folder.parent / "mine"
    assert [len(book.jobs) for book in emulator.books] == [1]


@long_jobs
def test_falsmith_sees_every_daemon_and_every_job(
    skill: "Skill", emulator: Emulator, falsmith: Callable[..., Answer], eventually: Eventually
) -> None:
    assert falsmith("status") == (0, {"daemons": []})
    first = skill.call("--prompt", "one", "--submit", FAL_QUEUE_MAX_CONCURRENT="1")[1]
    second = skill.call("--prompt", "two", "--submit", FAL_QUEUE_MAX_CONCURRENT="1")[1]
    (shown,) = falsmith("status", "--skill", "flux-skill")[1]["daemons"]
    assert (shown["pid"], len(shown["jobs"])) == (skill.daemon.pid, 2)
    rows = falsmith("jobs", "--skill", str(skill.folder))[1]["jobs"]
    assert [(row["job"], row["prompt"], row["model_id"]) for row in rows] == [
        (second["job"], "two", "fal-ai/flux/schnell"),
        (first["job"], "one", "fal-ai/flux/schnell"),
    ]
    assert "max_concurrent" in rows[0]["waits"]
    assert falsmith("cancel", second["job"])[1]["status"] == "CANCELLED"
    emulator.clock.advance(HOUR)
    status, done = falsmith("wait", first["job"])
    assert (status, Path(done["saved_path"]).is_file()) == (0, True)
    assert falsmith("jobs", "--limit", "1")[1]["jobs"][0]["job"] == second["job"]
    # It was this skill's daemon that was waited for: none was started to wait.
    assert len(list(skill.queues.iterdir())) == 1
    (shown,) = falsmith("shutdown")[1]["daemons"]
    assert shown["status"] == "LEAVING"
    eventually(lambda: falsmith("status")[1] == {"daemons": []})


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("wait", "nonesuch"), "the ledger has no job nonesuch"),
        (("jobs", "--skill", "nonesuch"), "nonesuch is no skill"),
        (("prune", "--older-than", "1y"), "--older-than takes 12h, 30d or 8w, not 1y"),
        (("spend", "--since", "yesterday"), "--since takes 12h, 30d or 8w, not yesterday"),
    ],
)
def test_what_makes_no_sense_is_named(
    falsmith: Callable[..., Answer], words: tuple[str, ...], told: str
) -> None:
    status, answer = falsmith(*words)
    assert (status, told in answer["error"]["message"]) == (2, True)


def test_what_ended_long_ago_is_forgotten_on_order(
    skill: "Skill", accepted: "Accepted", falsmith: Callable[..., Answer]
) -> None:
    state = {"FAL_STATE_DIR": skill.environ["FAL_STATE_DIR"]}
    old = time.time() - 40 * 86400
    with closing(open_ledger(state, Path.cwd(), print)) as ledger:
        for days, name in ((40, "saved"), (0, "saved"), (40, "submitted")):
            job = replace(accepted, ledger=ledger)()
            claimed = ledger.claim(str(job.id))
            assert claimed is not None
            changed = old if days else time.time()
            ledger.save(replace(claimed, state=name, changed=changed))  # type: ignore[arg-type]
    assert falsmith("prune", "--older-than", "30d") == (0, {"pruned": 1})
    assert len(falsmith("jobs")[1]["jobs"]) == 2


def test_what_was_spent_is_added_up_and_narrowed(
    skill: "Skill", accepted: "Accepted", falsmith: Callable[..., Answer]
) -> None:
    state = {"FAL_STATE_DIR": skill.environ["FAL_STATE_DIR"]}
    with closing(open_ledger(state, Path.cwd(), print)) as ledger:
        sent = replace(accepted, ledger=ledger)()
        for created, units in ((time.time(), 2.0), (time.time(), None), (1000.0, 9.0)):
            job = ledger.add(replace(sent, created=created))
            claimed = ledger.claim(str(job.id))
            assert claimed is not None
            ledger.save(replace(claimed, state="saved", billable_units=units))
        ledger.keep_unit_price(sent.model_id, Price(0.25, "image", "USD"))
    status, told = falsmith("spend", "--since", "7d", "--skill", str(skill.folder))
    assert (status, told["total"], told["unpriced"]) == (0, {"USD": 0.5}, 0)
    (row,) = told["spent"]
    assert (row["name"], row["jobs"], row["units"]) == (sent.model_id, 1, 2.0)
    by_day = falsmith("spend", "--since", "99999w", "--by", "day")[1]
    assert [row["cost"] for row in by_day["spent"]] == [2.25, 0.5]
