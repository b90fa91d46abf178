"""The command lines of `queue_daemon.py` and `queue_client.py`."""

import argparse
import importlib
import json
import logging
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fal_runtime.config import Config, load_config
from fal_runtime.daemon.place import DaemonPlace, RunsAlreadyError, locked
from fal_runtime.dependencies import require_modules
from fal_runtime.errors import FalError, LocalError, UsageError, stopped_by
from fal_runtime.model import CalledModel, called_model, chosen_model, preset_model
from fal_runtime.output.standard_output import OutputError, json_text, print_out
from fal_runtime.process import Process, terminable
from fal_runtime.text import one_line

if TYPE_CHECKING:
    from fal_runtime.jobs.ledger import Ledger

_PACKAGES = ("httpx", "platformdirs", "yaml")
# What a daemon may come to need: all of it is imported at its start, for the files may change.
_ROOMS = ("daemon", "fal", "input", "jobs", "output")


def daemon_main(argv: Sequence[str] | None = None, skill: Path | None = None) -> int:
    """Be a model's daemon, or start it in the background; return the exit status."""
    return _answered(_daemon, Process.current(argv, None), skill)


def client_main(argv: Sequence[str] | None = None, skill: Path | None = None) -> int:
    """Ask a model's daemon, or about one of its jobs; return the exit status."""
    return _answered(_client, Process.current(argv, None), skill)


def _answered(
    command: Callable[[Process, Path | None], int], process: Process, skill: Path | None
) -> int:
    """Carry out a command; whatever ends it is one JSON object, and its exit status."""
    with terminable():
        try:
            return command(process, skill)
        except FalError as error:
            return _failed(process, error)
        except KeyboardInterrupt as cause:
            told = stopped_by(cause)
            return _failed(process, FalError("interrupted", told, charged="no", retry="later"))
        except Exception as cause:
            import traceback

            process.say(traceback.format_exc())
            return _failed(process, FalError("internal_error", stopped_by(cause)))


def _daemon(process: Process, skill: Path | None) -> int:
    started = time.time()
    parser = _parser(
        skill,
        "Run a model's jobs within the limits of queue_config.yaml, also for commands that have "
        "ended. Calls start it by themselves; it ends 15 minutes after its last job.",
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--background", action="store_true", help="start it and return")
    how.add_argument("--foreground", action="store_true", help="run it here; Ctrl-C ends it")
    parser.add_argument("--skill", type=Path, default=skill, help=argparse.SUPPRESS)
    given = parser.parse_args(process.words)
    require_modules(_PACKAGES, process.script, process.words, process.environ)
    model = _model(given.skill, given.model_id)
    config = load_config(model.skill, process.environ, model_folder=model.folder)
    config.required_key()
    place = DaemonPlace.of(process.environ, model.skill, str(model.model_id))
    run = _in_background if given.background else _serve
    _fill_standard_streams()
    try:
        with locked(place):
            return run(process, place, config, started)
    except RunsAlreadyError:
        _print(process, {"status": "RUNNING"})
        return 0


def _client(process: Process, skill: Path | None) -> int:
    parser = _parser(skill, "Ask the daemon that runs a model's jobs.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--status", action="store_true", help="whether it runs, and what it holds")
    what.add_argument("--jobs", action="store_true", help="the jobs that it holds")
    what.add_argument("--wait", metavar="J", help="wait for job J and save its files")
    what.add_argument("--cancel", metavar="J", help="cancel job J")
    what.add_argument("--shutdown", action="store_true", help="end its jobs, then the daemon")
    given = parser.parse_args(process.words)
    if given.wait or given.cancel:
        require_modules(_PACKAGES, process.script, process.words, process.environ)
        from fal_runtime.command import main
        from fal_runtime.jobs.ledger import open_ledger

        action: Literal["result", "cancel"] = "result" if given.wait else "cancel"
        name = given.wait or given.cancel
        with closing(open_ledger(process.environ, process.folder, process.say)) as ledger:
            options = options_about(ledger, action, name, given.model_id)
        # What it says is of the script that has these commands as options.
        sys.argv[0] = str(Path(sys.argv[0]).with_name("fal_api_call.py"))
        return main(options, model_id=None, skill=skill)
    from fal_runtime.daemon.status import daemon_status, shut_down

    model = _model(skill, given.model_id)
    place = DaemonPlace.of(process.environ, model.skill, str(model.model_id))
    status = daemon_status(place.folder)
    shown = (shut_down(status) if given.shutdown else status).as_json()
    _print(process, {"jobs": shown["jobs"]} if given.jobs else shown)
    return 0


def options_about(
    ledger: "Ledger", action: Literal["result", "cancel"], name: str, model_id: str | None
) -> list[str]:
    """Return the words of `fal_api_call.py` that wait for a job, as its own call did, or cancel it.

    `model_id` is of a job that the ledger does not know. Raises UsageError without one, and
    LocalError for a ledger that cannot be read.
    """
    from fal_runtime.jobs.job import collect_command

    job = ledger.job(name)
    if job is not None and action == "result":
        words = collect_command(job)[len(job.options.command) :]
        return ["-m", job.model_id, *words]
    if job is None and model_id is None:
        shown = one_line(name, 100)
        text = f"the ledger has no job {shown}: fal's request ID needs its model as well (-m)"
        raise UsageError("usage", text)
    known = job.model_id if job is not None else str(model_id)
    return ["-m", known, f"--{action}", name]


def _parser(skill: Path | None, purpose: str) -> argparse.ArgumentParser:
    """Return a parser that takes a model, the skill's own or its default unless one is given."""
    parser = argparse.ArgumentParser(description=purpose, allow_abbrev=False)
    own = preset_model(skill) if skill is not None else None
    text = "the model: its ID, or its name in a collection"
    parser.add_argument("-m", "--model-id", "--model", metavar="ID", default=own, help=text)
    return parser


def _model(skill: Path | None, name: str | None) -> CalledModel:
    """Return the model that is named; raises UsageError where none is, and none is the default."""
    if name is not None:
        return called_model(skill, name)
    if skill is not None:
        return chosen_model(skill, None)
    raise UsageError("usage", "-m/--model-id is required: the model")


def _fill_standard_streams() -> None:
    """Open what is closed of the three: the lock would get its number, and lose it to /dev/null."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _in_background(process: Process, place: DaemonPlace, config: Config, started: float) -> int:
    """Run the daemon in a process of its own, and return when clients can connect to it."""
    read_end, write_end = os.pipe()
    if os.fork() != 0:
        os.close(write_end)
        with open(read_end, encoding="utf-8") as pipe:  # noqa: PTH123 - it is open already
            answer = pipe.read()
        if not answer:
            raise LocalError("local_trouble", "the daemon ended as it began")
        print_out(answer.strip(), process.stdout)
        return 9 if "error" in json.loads(answer) else 0
    os.close(read_end)
    os.setsid()
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - no file
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    status = 9
    try:
        with open(write_end, "w", encoding="utf-8") as pipe:  # noqa: PTH123 - it is open already
            status = _serve(replace(process, stdout=pipe), place, config, started)
    finally:
        # The rest of a command line, whose process this is a copy of, is none of a daemon's.
        os._exit(status)


def _serve(process: Process, place: DaemonPlace, config: Config, started: float) -> int:
    """Run the daemon to its end; one JSON object is printed: it has begun, or why it cannot."""
    from fal_runtime.daemon.server import run_daemon
    from fal_runtime.jobs.ledger import open_ledger

    log = logging.Logger("daemon", logging.INFO)
    try:
        _import_rooms()
        ledger = open_ledger(process.environ, process.folder, log.warning, daemon=True)
        ready = partial(_begun, process)
        run_daemon(place, config, ledger, started=started, ready=ready, log=log)
    except FalError as error:
        return _failed(process, error)
    return 0


def _begun(process: Process) -> None:
    """Say that clients can connect; who waits for it reads to the end.

    That nobody waits any more must not end the daemon: on a busy machine it is late.
    """
    with suppress(OutputError, BrokenPipeError):
        _print(process, {"status": "STARTED", "pid": os.getpid()})
        if process.stdout is not None and process.stdout is not sys.stdout:
            process.stdout.close()


def _import_rooms() -> None:
    for room in _ROOMS:
        package = importlib.import_module(f"fal_runtime.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _failed(process: Process, error: FalError) -> int:
    """Print an error, for people and as the one JSON object; return its exit status."""
    process.say(f"error: {error}")
    with suppress(OutputError):
        _print(process, {"error": error.as_json()})
    return error.exit_status


def _print(process: Process, answer: Mapping[str, Any]) -> None:
    print_out(json_text(answer, process.stdout), process.stdout)


if __name__ == "__main__":
    sys.exit(daemon_main())
