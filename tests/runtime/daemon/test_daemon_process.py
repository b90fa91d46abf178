"""A skill's calls through its daemon, in real processes, killed at the worst moments."""

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fal_runtime
from fal_runtime import RUNTIME_VERSION
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.runtime.daemon.conftest import Command, Skill

FLUX = "fal-ai/flux/schnell"
HOUR = 3600.0
Eventually = Callable[..., None]
long_jobs = pytest.mark.parametrize("emulator", [HOUR], indirect=True)


def accepted(emulator: Emulator) -> list[int]:
    """Return how many jobs each input has become."""
    return [len(book.jobs) for book in emulator.books]


def submitted(skill: "Skill", emulator: Emulator, eventually: Eventually, *words: str) -> "Command":
    """Start a call and wait until fal has its job."""
    before = len(emulator.books)
    command = skill.start("--prompt", f"cat {before}", *words)
    eventually(lambda: len(emulator.books) > before)
    eventually(lambda: command.said("--result"))
    return command


def next_command(skill: "Skill", printed: str) -> tuple[int, dict[str, Any]]:
    return skill.run(shlex.split(printed), {}).end()


def test_calls_share_one_daemon_which_keeps_no_key(skill: "Skill", emulator: Emulator) -> None:
    first = skill.call("--prompt", "one")
    pid = skill.daemon.pid
    second = skill.call("--prompt", "two")
    assert [status for status, _ in (first, second)] == [0, 0]
    assert all(Path(answer["saved_path"]).is_file() for _, answer in (first, second))
    assert skill.daemon.pid == pid
    assert accepted(emulator) == [1, 1]
    secret = emulator.environment["FAL_KEY"].encode()
    files = [one for one in skill.queues.rglob("*") if one.is_file()]
    assert len(files) >= 3
    assert not [one for one in files if secret in one.read_bytes()]


def test_eight_at_once_start_one_daemon(skill: "Skill") -> None:
    words = [sys.executable, "-m", "fal_runtime.queue_command", "--background", "-m", FLUX]
    package = str(Path(__file__).parents[3] / "generator")
    starting = [
        skill.run([*words, "--skill", str(skill.folder)], {"PYTHONPATH": package}) for _ in range(8)
    ]
    answers = [command.end() for command in starting]
    assert [status for status, _ in answers] == [0] * 8
    assert sorted(answer["status"] for _, answer in answers) == ["RUNNING"] * 7 + ["STARTED"]
    assert skill.log.count("started for") == 1


@long_jobs
def test_a_command_that_is_killed_does_not_stop_its_job(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    command = submitted(skill, emulator, eventually)
    command.kill()
    emulator.clock.advance(HOUR)
    output = skill.folder.parent / "output"
    eventually(lambda: output.is_dir() and [*output.glob("*.png"), *output.glob("*.jpg")])
    _, answer = skill.call("--jobs")
    assert answer["result"][0]["state"] == "saved"
    assert accepted(emulator) == [1]


@long_jobs
@pytest.mark.parametrize("client", ["waits", "is killed"])
def test_a_daemon_that_is_killed_costs_no_second_submit(
    skill: "Skill", emulator: Emulator, eventually: Eventually, client: str
) -> None:
    command = submitted(skill, emulator, eventually)
    if client == "is killed":
        command.kill()
    os.kill(skill.daemon.pid, signal.SIGKILL)
    emulator.clock.advance(HOUR)
    if client == "waits":
        status, answer = command.end()
    else:
        (line,) = [one for one in command.stderr.read_text().splitlines() if "--result" in one]
        status, answer = next_command(skill, line[line.index(sys.executable) :])
    assert (status, answer["status"]) == (0, "COMPLETED")
    assert Path(answer["saved_path"]).is_file()
    assert accepted(emulator) == [1]


@long_jobs
def test_new_settings_take_effect_with_the_next_call_and_what_runs_goes_on(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    first = submitted(skill, emulator, eventually)
    pid = skill.daemon.pid
    with (skill.folder / "queue_config.yaml").open("a") as settings:
        settings.write("max_concurrent: 1\n")
    second = skill.start("--prompt", "two")
    eventually(lambda: second.said("Waiting until others have ended (max_concurrent: 1 run)"))
    assert second.said("has other settings")
    assert skill.daemon.pid != pid
    emulator.clock.advance(HOUR)
    eventually(lambda: len(emulator.books) == 2)
    emulator.clock.advance(HOUR)
    assert [first.end()[0], second.end()[0]] == [0, 0]
    assert accepted(emulator) == [1, 1]


def test_a_daemon_of_another_version_makes_room_whatever_times_the_scripts_bear(
    skill: "Skill", tmp_path: Path
) -> None:
    assert skill.call("--prompt", "one")[0] == 0
    pid, copy = skill.daemon.pid, tmp_path / "fal_runtime"
    shutil.copytree(Path(fal_runtime.__file__).parent, copy)
    version = copy / "__init__.py"
    before = version.stat()
    version.write_text(version.read_text().replace(RUNTIME_VERSION, f"{RUNTIME_VERSION}.1"))
    os.utime(version, ns=(before.st_atime_ns, before.st_mtime_ns))
    command = skill.start("--prompt", "two", PYTHONPATH=str(tmp_path))
    assert command.end()[0] == 0
    assert command.said("is older than the skill's scripts")
    assert skill.daemon.pid != pid


@long_jobs
def test_another_key_does_not_get_hold_of_the_jobs_that_run(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    first = submitted(skill, emulator, eventually)
    pid = skill.daemon.pid
    other = skill.start("--prompt", "two", FAL_KEY="another:key")
    status, answer = other.end()
    assert (status, answer["error"]["code"]) == (3, "key_refused")
    assert other.said("no daemon runs this job (the one before it still ends its last jobs)")
    emulator.clock.advance(HOUR)
    assert first.end()[0] == 0
    eventually(lambda: not skill.runs)
    assert skill.log.count("is resumed") == 0
    assert str(pid) not in skill.log
    assert accepted(emulator) == [1]


@long_jobs
def test_a_daemon_that_is_asked_to_end_ends_its_jobs_first(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    command = submitted(skill, emulator, eventually)
    os.kill(skill.daemon.pid, signal.SIGTERM)
    emulator.clock.advance(HOUR)
    assert command.end()[0] == 0
    eventually(lambda: not skill.runs)
    assert skill.log.rstrip().endswith("ended")


@long_jobs
def test_a_daemon_whose_folder_is_removed_ends_its_jobs_and_leaves_the_next_one_alone(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    first = submitted(skill, emulator, eventually)
    with (skill.daemon_folder / "lock").open() as lock:
        shutil.rmtree(skill.queues)
        second = submitted(skill, emulator, eventually)
        pid = skill.daemon.pid
        emulator.clock.advance(HOUR)
        assert [first.end()[0], second.end()[0]] == [0, 0]
        eventually(partial(skill.is_free, lock.fileno()))
    submitted(skill, emulator, eventually)
    assert skill.daemon.pid == pid


def test_a_daemon_whose_socket_is_removed_makes_room_for_the_next_one(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    assert skill.call("--prompt", "one")[0] == 0
    pid = skill.daemon.pid
    Path(skill.daemon.socket).unlink()
    eventually(lambda: not skill.runs)
    assert skill.call("--prompt", "two")[0] == 0
    assert skill.daemon.pid != pid
    assert accepted(emulator) == [1, 1]


@long_jobs
def test_an_interrupted_command_leaves_its_job_to_the_daemon(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    command = submitted(skill, emulator, eventually)
    emulator.clock.advance(0.6 * HOUR)
    eventually(lambda: command.said("Running"))
    command.process.send_signal(signal.SIGINT)
    status, answer = command.end()
    assert (status, answer["error"]["code"]) == (130, "interrupted")
    assert answer["status"] == "IN_PROGRESS"
    emulator.clock.advance(HOUR)
    status, answer = next_command(skill, answer["error"]["next"])
    assert (status, answer["status"]) == (0, "COMPLETED")
    assert accepted(emulator) == [1]


@long_jobs
def test_a_job_that_only_waits_is_handed_in_and_can_be_cancelled_unsent(
    skill: "Skill", emulator: Emulator
) -> None:
    one = {"FAL_QUEUE_MAX_CONCURRENT": "1"}
    first = skill.start("--prompt", "one", "--submit", **one)
    status, sent = first.end()
    assert (status, sent["status"]) == (0, "IN_QUEUE")
    assert sent["request_id"]
    status, waiting = skill.call("--prompt", "two", "--submit", **one)
    assert (status, waiting["status"], waiting["request_id"]) == (0, "IN_QUEUE", None)
    status, answer = skill.call("--cancel", waiting["job"], **one)
    assert (status, answer["status"], answer["charged"]) == (0, "CANCELLED", "no")
    emulator.clock.advance(HOUR)
    status, answer = next_command(skill, sent["next"])
    assert (status, answer["status"]) == (0, "COMPLETED")
    assert accepted(emulator) == [1]


@long_jobs
def test_a_wait_that_is_over_leaves_the_job_to_the_daemon(
    skill: "Skill", emulator: Emulator, eventually: Eventually
) -> None:
    status, answer = skill.call("--prompt", "one", "--wait", "1")
    assert (status, answer["error"]["code"]) == (5, "wait_over")
    # On a slow machine the wait may be over before the daemon has sent the job.
    eventually(lambda: accepted(emulator) == [1])
    emulator.clock.advance(HOUR)
    status, answer = next_command(skill, answer["error"]["next"])
    assert (status, answer["status"]) == (0, "COMPLETED")
    assert accepted(emulator) == [1]


def test_a_local_file_given_from_another_folder_reaches_the_daemon(
    skill: "Skill", emulator: Emulator
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "prompt": {"type": "string"},
            "image_url": {"type": "string", "x-file": "image"},
        },
    }
    (skill.folder / "references" / "input.schema.json").write_text(json.dumps(schema))
    (skill.folder.parent / "mine.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    words = ["--prompt", "one", "--image_url", "mine.png", "--output", "here", "--print", "paths"]
    command = skill.start(*words)
    out, _ = command.process.communicate(timeout=60)
    assert command.process.returncode == 0
    assert Path(out.strip()).parent == skill.folder.parent / "here"
    (book,) = emulator.books
    assert str(json.dumps(book.inputs)).count("http") == 1
    assert skill.log.count("saved") == 1


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"FAL_QUEUE_DIR": "/dev/null/x"}, "cannot be made"),
        ({"XDG_RUNTIME_DIR": "", "TMPDIR": f"/tmp/{'x' * 200}"}, "too long for a socket"),
    ],
)
def test_where_there_can_be_no_daemon_the_command_says_so_once_and_runs_its_job(
    skill: "Skill", emulator: Emulator, environ: dict[str, str], reason: str
) -> None:
    command = skill.start("--prompt", "one", **environ)
    status, answer = command.end()
    assert (status, answer["status"]) == (0, "COMPLETED")
    said = command.stderr.read_text()
    assert said.count("notice: no daemon runs this job (") == 1
    assert reason in said
    assert accepted(emulator) == [1]


def test_no_daemon_is_started_where_none_is_wanted(skill: "Skill") -> None:
    for option in ("--no-queue", "--sync-only", "--dry-run"):
        assert skill.call("--prompt", "one", option)[0] == 0
    assert not skill.queues.exists()
