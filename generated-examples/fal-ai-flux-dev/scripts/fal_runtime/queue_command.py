"""The command lines of `queue_daemon.py` and `queue_client.py`."""

import argparse
import importlib
import json
import logging
import os
import pkgutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Literal, TextIO

from fal_runtime.config import Config, load_config
from fal_runtime.daemon.place import DaemonPlace, RunsAlreadyError, UnusableError, locked
from fal_runtime.dependencies import require_modules
from fal_runtime.errors import FalError, LocalError, UsageError
from fal_runtime.model import CalledModel, called_model, chosen_model, preset_model
from fal_runtime.text import one_line

_PACKAGES = ("httpx", "platformdirs", "yaml")
# What a daemon may come to need: all of it is imported at its start, for the files may change.
_ROOMS = ("daemon", "fal", "input", "jobs", "output")


def daemon_main(argv: Sequence[str] | None = None, skill: Path | None = None) -> int:
    """Be a model's daemon, or start it in the background; return the exit status."""
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
    given = parser.parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    try:
        require_modules(
            ("httpx", "platformdirs", "yaml"), Path(sys.argv[0]).absolute(), words, os.environ
        )
        model = _model(given.skill, given.model_id)
        config = load_config(model.skill, os.environ, model_folder=model.folder)
        config.required_key()
        place = DaemonPlace.of(os.environ, model.skill, str(model.model_id))
        run = _in_background if given.background else partial(_serve, told=sys.stdout)
        with locked(place):
            return run(place, config, started)
    except RunsAlreadyError:
        _print({"status": "RUNNING"}, sys.stdout)
        return 0
    except UnusableError as error:
        return _failed(LocalError("local_trouble", str(error)))
    except FalError as error:
        return _failed(error)


def client_main(argv: Sequence[str] | None = None, skill: Path | None = None) -> int:
    """Ask a model's daemon, or about one of its jobs; return the exit status."""
    parser = _parser(skill, "Ask the daemon that runs a model's jobs.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--status", action="store_true", help="whether it runs, and what it holds")
    what.add_argument("--jobs", action="store_true", help="the jobs that it holds")
    what.add_argument("--wait", metavar="J", help="wait for job J and save its files")
    what.add_argument("--cancel", metavar="J", help="cancel job J")
    what.add_argument("--shutdown", action="store_true", help="end its jobs, then the daemon")
    given = parser.parse_args(argv)
    words = sys.argv[1:] if argv is None else argv
    try:
        if given.wait or given.cancel:
            require_modules(_PACKAGES, Path(sys.argv[0]).absolute(), words, os.environ)
            options = options_about(
                "result" if given.wait else "cancel", given.wait or given.cancel, given.model_id
            )
            from fal_runtime.command import main

            # What it says is of the script that has these commands as options.
            sys.argv[0] = str(Path(sys.argv[0]).with_name("fal_api_call.py"))
            return main(options, model_id=None, skill=skill)
        from fal_runtime.daemon.status import daemon_status, shut_down

        model = _model(skill, given.model_id)
        place = DaemonPlace.of(os.environ, model.skill, str(model.model_id))
        status = daemon_status(place.folder)
        shown = (shut_down(status) if given.shutdown else status).as_json()
    except UnusableError as error:
        return _failed(LocalError("local_trouble", str(error)))
    except FalError as error:
        return _failed(error)
    _print({"jobs": shown["jobs"]} if given.jobs else shown, sys.stdout)
    return 0


def options_about(
    action: Literal["result", "cancel"], name: str, model_id: str | None
) -> list[str]:
    """Return the words of `fal_api_call.py` that wait for a job, as its own call did, or cancel it.

    `model_id` is of a job that the ledger does not know. Raises UsageError without one, and
    LocalError as `open_ledger`.
    """
    from fal_runtime.jobs.job import collect_command
    from fal_runtime.jobs.ledger import open_ledger

    with closing(open_ledger(os.environ, Path.cwd(), _say)) as ledger:
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


def _in_background(place: DaemonPlace, config: Config, started: float) -> int:
    """Run the daemon in a process of its own, and return when clients can connect to it."""
    read_end, write_end = os.pipe()
    if os.fork() != 0:
        os.close(write_end)
        with open(read_end, encoding="utf-8") as told:  # noqa: PTH123 - it is open already
            answer = told.read()
        if not answer:
            return _failed(LocalError("local_trouble", "the daemon ended as it began"))
        sys.stdout.write(answer)
        return 9 if "error" in json.loads(answer) else 0
    os.close(read_end)
    os.setsid()
    with open(os.devnull, "r+b") as nothing:  # noqa: PTH123 - no file
        for stream in (0, 1, 2):
            os.dup2(nothing.fileno(), stream)
    status = 9
    try:
        with open(write_end, "w", encoding="utf-8") as told:  # noqa: PTH123 - it is open already
            status = _serve(place, config, started, told)
    finally:
        # The rest of a command line, whose process this is a copy of, is none of a daemon's.
        os._exit(status)


def _serve(place: DaemonPlace, config: Config, started: float, told: TextIO) -> int:
    """Run the daemon to its end; `told` gets one JSON object: it has begun, or why it cannot."""
    from fal_runtime.daemon.server import run_daemon
    from fal_runtime.jobs.ledger import open_ledger

    log = logging.Logger("daemon", logging.INFO)
    try:
        _import_rooms()
        ledger = open_ledger(os.environ, Path.cwd(), log.warning, daemon=True)
        run_daemon(place, config, ledger, started=started, ready=partial(_begun, told), log=log)
    except UnusableError as error:
        _print({"error": LocalError("local_trouble", str(error)).as_json()}, told)
        return 9
    except FalError as error:
        _print({"error": error.as_json()}, told)
        return error.exit_status
    return 0


def _begun(told: TextIO) -> None:
    """Say that clients can connect; who waits for it reads to the end."""
    _print({"status": "STARTED", "pid": os.getpid()}, told)
    if told is not sys.stdout:
        told.close()


def _import_rooms() -> None:
    for room in _ROOMS:
        package = importlib.import_module(f"fal_runtime.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _failed(error: FalError) -> int:
    sys.stderr.write(f"error: {error}\n")
    _print({"error": error.as_json()}, sys.stdout)
    return error.exit_status


def _print(answer: Mapping[str, Any], stream: TextIO) -> None:
    stream.write(json.dumps(answer, indent=None if stream is not sys.stdout else 2) + "\n")
    stream.flush()


if __name__ == "__main__":
    sys.exit(daemon_main())
