"""The command line that every wrapper shares, and the same call for Python programs."""

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_runtime.errors import FalError, InputError, UsageError
from fal_runtime.help import help_page, schema_answer
from fal_runtime.input.defaults import defaults_file
from fal_runtime.input.flags import Given, named_model, own_options, parse_command
from fal_runtime.input.options import OPTIONS, Option
from fal_runtime.input.prepare import given_input, layered, raise_problems
from fal_runtime.invocation import ABOUT_JOBS, INSTALLED, Invocation, perform, program_words
from fal_runtime.json_text import Value
from fal_runtime.model import SkillModel, known_model, own_skill
from fal_runtime.model_id import checked_model_id
from fal_runtime.output.standard_output import OutputError, print_out
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import closest

if TYPE_CHECKING:
    from fal_runtime.output.result import CallResult

__all__ = ["main", "run_fal_api_job"]

_NOTHING_KNOWN = SchemaDocument({})
# What the function's own parameters say, or what only a command line has.
_NOT_HERE = frozenset({"args", "args_file", "set", "schema", "output", "help"})


def main(
    argv: Sequence[str] | None = None,
    *,
    model_id: str | None,
    skill: Path | None,
    subcommand: str | None = None,
) -> int:
    """Run one command line and return its exit status.

    Args:
        argv: The words after the script's name; those of the process when None.
        model_id: The wrapper's model, None where `--model-id` names it.
        skill: The skill's folder, with `references/` and `queue_config.yaml`.
        subcommand: The word after the program's name, where this is a part of a larger program.

    """
    words = tuple(sys.argv[1:] if argv is None else argv)
    named = model_id if model_id is not None else _readable_model(words)
    program = program_words(subcommand)
    chosen = ["-m", named] if model_id is None and named is not None else []
    command = (*program, *chosen)
    try:
        return _answered(partial(_run, words, model_id, skill, program, command), named, command)
    except OutputError as error:
        _say(f"error: {error}")
        return error.exit_status


def run_fal_api_job(
    model_id: str, submit_args: Mapping[str, Any], output_dir: str | Path, **options: Value
) -> dict[str, Any]:
    """Call a model and return the object that the command line would print.

    Args:
        model_id: The model, such as `fal-ai/flux/dev`.
        submit_args: Its input; local files in file fields are uploaded.
        output_dir: The folder that the files go to.
        **options: The command line's options by their long names, such as `wait=0`,
            `submit=True`, `output_file="cat.png"` or `result="<request id>"`.

    Raises FalError, by its kind, for everything that is not done; its `outcome` is the object.

    """
    from fal_runtime.output.result import CallResult

    try:
        outcome = _performed(checked_model_id(model_id), submit_args, output_dir, options)
    except FalError as error:
        outcome = CallResult("REFUSED", model_id, error=error)
    answer = outcome.as_json()
    if outcome.error is not None:
        outcome.error.outcome = answer
        raise outcome.error
    return answer


def _answered(run: Callable[[], int], named: str | None, command: tuple[str, ...]) -> int:
    try:
        return run()
    except OutputError:
        raise
    except FalError as error:
        return _refuse(error, named, command)
    except KeyboardInterrupt:
        before = FalError("interrupted", "interrupted before anything was sent", charged="no")
        return _refuse(before, named, command)


def _run(
    words: tuple[str, ...],
    model_id: str | None,
    skill: Path | None,
    program: Sequence[str],
    command: tuple[str, ...],
) -> int:
    named = model_id if model_id is not None else named_model(words)
    if named is not None:
        named = checked_model_id(named)
    model = known_model(skill, named)
    document = model.document if model is not None else _NOTHING_KNOWN
    if {"-h", "--help"} & set(words):
        print_out(_help(model, document, model_id, skill, program))
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


def _outcome(asked: Invocation, given: Given) -> "CallResult":
    read = partial(given_input, given, asked.document, _stdin_text)
    try:
        if any(given.options[name] for name in ABOUT_JOBS):
            raise_problems(given.unknown)
        return perform(asked, read, input_given=bool(given.fields))
    except InputError as error:
        if asked.document.known and not given.options["upload"]:
            error.next = (*asked.command, "--schema")
        raise


def _help(
    model: SkillModel | None,
    document: SchemaDocument,
    preset: str | None,
    skill: Path | None,
    program: Sequence[str],
) -> str:
    title = "Call any fal.ai model by its ID"
    if model is not None:
        title = f"{model.model_id} ({model.category or 'model'}): {model.description}"
    typed = program if program[0] == INSTALLED else ["python", sys.argv[0], *program[2:]]
    return help_page(
        shlex.join(typed),
        title,
        document,
        own_options(preset),
        model_given=preset is not None,
        has_defaults=model is not None and defaults_file(skill) is not None,
        width=shutil.get_terminal_size().columns,
    )


def _stdin_text() -> str:
    if sys.stdin is None:
        raise OSError("there is no standard input")
    return sys.stdin.buffer.read().decode("utf-8-sig")


def _show(outcome: "CallResult", options: Mapping[str, Any]) -> int:
    """Print the answer: the one JSON object, or the saved paths of a completed job.

    Where an answer without files is asked for its paths it goes to stderr: it has been paid for.
    """
    if options["print"] == "paths" and outcome.status == "COMPLETED" and outcome.error is None:
        for file in outcome.files:
            print_out(str(file.path))
        if not outcome.files:
            _say("the answer has no files, so there is no path to print; the answer itself:")
            _say(json.dumps(outcome.as_json(), indent=2))
        return outcome.exit_status
    if outcome.error is not None:
        _say(f"error: {outcome.error}")
    _show_json(outcome.as_json())
    return outcome.exit_status


def _refuse(error: FalError, model_id: str | None, command: tuple[str, ...]) -> int:
    from fal_runtime.output.result import CallResult

    # What helps with an input is its schema, where there is one: that is known where it is read.
    if error.next is None and error.exit_status == 2 and not isinstance(error, InputError):
        error.next = (*command, "--help")
    _say(f"error: {error}")
    _show_json(CallResult("REFUSED", model_id, error=error).as_json())
    return error.exit_status


def _readable_model(words: tuple[str, ...]) -> str | None:
    """Return the model of --model-id, None where none is given or it cannot be one."""
    try:
        named = named_model(words)
        return checked_model_id(named) if named is not None else None
    except UsageError:
        return None


def _silent(_line: str) -> None:
    """Report nothing, as --quiet asks."""


def _performed(
    model_id: str, submit_args: Mapping[str, Any], output_dir: str | Path, options: dict[str, Any]
) -> "CallResult":
    skill = own_skill()
    known = known_model(skill, model_id)
    script = skill / "scripts" / "fal_api_call.py" if skill is not None else Path()
    program = [sys.executable, str(script)] if skill is not None else [INSTALLED, "call"]
    asked = Invocation(
        model_id=model_id,
        settings=skill if known is not None else None,
        document=known.document if known is not None else SchemaDocument({}),
        options=_all_options(options) | {"output": str(output_dir)},
        # A program is never replaced by another process: it has its own argv.
        script=Path(),
        argv=(),
        command=(*program, "-m", model_id),
        report=_silent,
    )
    return perform(asked, lambda layers: layered(layers, submit_args), input_given=False)


def _all_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its default or the given value, checked as on a command line."""
    named = {option.attribute: option for option in OPTIONS if option.attribute not in _NOT_HERE}
    for name in given:
        if name not in named:
            near = closest(name, named)
            hint = f"; did you mean {near}?" if near else f"; the options are {', '.join(named)}"
            raise UsageError("usage", f"run_fal_api_job has no option {name}{hint}")
    defaults = {o.attribute: o.default if o.metavar else False for o in OPTIONS}
    return defaults | {name: _checked_option(named[name], value) for name, value in given.items()}


def _checked_option(option: Option, value: Value) -> Value:
    if option.metavar is None or value is None:
        return bool(value) if option.metavar is None else option.default
    if option.nargs == "+":
        return [str(value)] if isinstance(value, str | Path) else [str(each) for each in value]
    try:
        return option.read(str(value))
    except argparse.ArgumentTypeError as error:
        raise UsageError("usage", f"{option.attribute}: {error}") from None


def _show_json(answer: Mapping[str, Any]) -> None:
    """Print the one JSON object, with escapes where stdout cannot carry its characters."""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeError:
        text = json.dumps(answer, indent=2)
    print_out(text)


def _say(line: str) -> None:
    """Print a line to stderr; that nobody can read it must never end a job."""
    if sys.stderr is None:
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        return
