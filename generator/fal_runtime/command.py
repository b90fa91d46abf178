"""The command line that every wrapper shares, and the same call for Python programs."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import given_input, raise_problems
from .errors import FalError, InputError, UsageError
from .flags import Given, named_model, own_options, parse_command
from .help_page import help_page, schema_answer
from .invocation import ABOUT_JOBS, Invocation, perform
from .model import SkillModel, checked_model_id, known_model
from .python_call import run_fal_api_job
from .schema_walk import SchemaDocument

if TYPE_CHECKING:
    from .outcome import Outcome

__all__ = ["main", "run_fal_api_job"]

_NOTHING_KNOWN = SchemaDocument({})


def main(argv: Sequence[str] | None = None, *, model_id: str | None, skill: Path | None) -> int:
    """Run one command line and return its exit status.

    Args:
        argv: The words after the script's name; those of the process when None.
        model_id: The wrapper's model, None where `--model-id` names it.
        skill: The skill's folder, with `references/` and `queue_config.yaml`.

    """
    words = tuple(sys.argv[1:] if argv is None else argv)
    named = model_id if model_id is not None else _readable_model(words)
    command = _started(named if model_id is None else None)
    try:
        return _run(words, model_id, skill, command)
    except FalError as error:
        return _refuse(error, named, command)
    except KeyboardInterrupt:
        before = FalError("interrupted", "interrupted before anything was sent", charged="no")
        return _refuse(before, named, command)


def _run(words: tuple[str, ...], model_id: str | None, skill: Path | None, command: str) -> int:
    named = model_id if model_id is not None else named_model(words)
    if named is not None:
        named = checked_model_id(named)
    model = known_model(skill, named)
    document = model.document if model is not None else _NOTHING_KNOWN
    if {"-h", "--help"} & set(words):
        _show_text(_help(model, document, model_id))
        return 0
    given = parse_command(words, document, own_options(model_id))
    if given.options["schema"] is not None:
        _show_json(schema_answer(document, given.options["schema"]))
        return 0
    report = _silent if given.options["quiet"] else _say
    settings = skill if model is not None else None
    script = Path(sys.argv[0]).absolute()
    asked = Invocation(named, settings, document, given.options, script, words, command, report)
    return _show(_outcome(asked, given), given.options)


def _outcome(asked: Invocation, given: Given) -> "Outcome":
    if any(given.options[name] for name in ABOUT_JOBS):
        raise_problems(given.unknown)
    read = partial(given_input, given, asked.document, _stdin_text)
    return perform(asked, read, input_given=bool(given.fields))


def _help(model: SkillModel | None, document: SchemaDocument, preset: str | None) -> str:
    title = "Call any fal.ai model by its ID"
    if model is not None:
        title = f"{model.model_id} ({model.category or 'model'}): {model.description}"
    script = f"python {shlex.quote(sys.argv[0])}"
    return help_page(script, title, document, own_options(preset), preset is not None)


def _stdin_text() -> str:
    if sys.stdin is None:
        raise OSError("there is no standard input")
    return sys.stdin.buffer.read().decode("utf-8-sig")


def _show(outcome: "Outcome", options: Mapping[str, Any]) -> int:
    """Print the answer: the one JSON object, or the saved paths of a completed job."""
    if options["print"] == "paths" and outcome.status == "COMPLETED" and outcome.error is None:
        for file in outcome.files:
            _show_text(str(file.path))
        return outcome.exit_status
    _show_json(outcome.as_json())
    if outcome.error is not None:
        _say(f"error: {outcome.error}")
    return outcome.exit_status


def _refuse(error: FalError, model_id: str | None, command: str) -> int:
    from .outcome import Outcome

    if error.next is None and error.exit_status == 2:
        error.next = f"{command} {'--schema' if isinstance(error, InputError) else '--help'}"
    _show_json(Outcome("REFUSED", model_id, error=error).as_json())
    _say(f"error: {error}")
    return error.exit_status


def _readable_model(words: tuple[str, ...]) -> str | None:
    """Return the model of --model-id, None where none is given or it cannot be one."""
    try:
        named = named_model(words)
        return checked_model_id(named) if named is not None else None
    except UsageError:
        return None


def _started(model_id: str | None) -> str:
    """Return the beginning of a command that asks this script again, for the same model."""
    command = [sys.executable, str(Path(sys.argv[0]).absolute())]
    return shlex.join([*command, *(["-m", model_id] if model_id is not None else [])])


def _silent(_line: str) -> None:
    """Report nothing, as --quiet asks."""


def _show_json(answer: Mapping[str, Any]) -> None:
    """Print the one JSON object, with escapes where stdout cannot carry its characters."""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeError:
        text = json.dumps(answer, indent=2)
    _show_text(text)


def _show_text(text: str) -> None:
    """Print to stdout; a reader that has gone away is no error of ours."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(line: str) -> None:
    """Print a line to stderr; that nobody can read it must never end a job."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        return
