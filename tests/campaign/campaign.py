"""`make campaign`: calls through real processes, while these are killed and lied to at random.

Afterwards the emulator's books prove that no input was accepted twice, and the ledger that every
result which the emulator made is saved. The seed, which is printed, settles calls, kills and
faults; how they meet in time it does not.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from machine import Machine
from plan import FAULTS, Round, kills, rounds

from fal_runtime.jobs.job import Job

CALLERS = 6
# A call that outlives it hangs.
LONGEST_CALL = 150.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a campaign, print what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args(argv)
    print(f"{given.rounds} rounds, seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        return _run(Path(folder), rounds(given.seed, given.rounds), given.seed)


def _run(folder: Path, planned: Sequence[Round], seed: int) -> int:
    started = time.monotonic()
    with Machine(folder, FAULTS, seed) as machine:
        over = threading.Event()
        misfortune = threading.Thread(target=_kill_at_random, args=(machine, seed, over))
        misfortune.start()
        with ThreadPoolExecutor(CALLERS) as callers:
            statuses = Counter(callers.map(lambda each: _called(machine, each), planned))
        over.set()
        misfortune.join()
        machine.heal()
        passes = _collect(machine)
        problems = _judged(machine, planned)
    taken = time.monotonic() - started
    shown = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items(), key=str))
    print(f"exit statuses {{{shown}}}; collected in {passes} passes; {taken:.0f} s")
    for problem in problems[:50]:
        print(f"  {problem}")
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def _kill_at_random(machine: Machine, seed: int, over: threading.Event) -> None:
    for kill in kills(seed):
        if over.wait(kill.after):
            return
        machine.kill(kill.victim)
        if kill.victim == "emulator":
            machine.start_emulator()


def _called(machine: Machine, planned: Round) -> str:
    """Return how a call ended: its exit status, or that it was killed or hung."""
    process = machine.call(("--prompt", planned.prompt, *planned.options))
    try:
        process.communicate(timeout=planned.killed_after or LONGEST_CALL)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "killed" if planned.killed_after else "hung"
    return str(process.returncode)


def _collect(machine: Machine) -> int:
    """Run the command that collects for every job that has not ended, while that ends any.

    Returned is how often. What fal never accepted stays unknown.
    """
    before, passes = -1, 0
    while waiting := [job for job in _jobs(machine) if not job.has_ended]:
        if len(waiting) == before:
            break
        before, passes = len(waiting), passes + 1
        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(lambda job: _result(machine, job), waiting))
    return passes


def _result(machine: Machine, job: Job) -> None:
    process = machine.call(("--result", str(job.id), "--wait", "60"))
    process.communicate(timeout=LONGEST_CALL)


def _jobs(machine: Machine) -> list[Job]:
    with machine.ledger() as ledger:
        return [entry.job for entry in ledger.jobs(limit=1_000_000)]


def _judged(machine: Machine, planned: Sequence[Round]) -> list[str]:
    """Return every input that was accepted twice, and every result that nobody has."""
    problems = []
    saved = set()
    for job in _jobs(machine):
        files = job.saved.files if job.saved is not None else ()
        whole = bool(files) and all(
            file.path.is_file() and file.path.stat().st_size == file.size for file in files
        )
        if job.state == "saved" and whole:
            saved.add(job.request_id)
        elif job.state == "saved":
            problems.append(f"{job.id}: saved, and its files are not there")
    prompts = {one.prompt for one in planned}
    for book in machine.books():
        prompt = book["input"].get("prompt")
        if prompt not in prompts:
            problems.append(f"{prompt!r} was never asked for")
        if book["accepted"] != 1:
            problems.append(f"{prompt}: accepted {book['accepted']} times")
        problems += [
            f"{prompt}: the result of {request['request_id']} is lost ({request['status']})"
            for request in book["requests"]
            if request["status_code"] in (200, None) and request["request_id"] not in saved
        ]
    return problems


if __name__ == "__main__":
    sys.exit(main())
