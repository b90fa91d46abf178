"""The call for Python programs: the same checks, the same answer, errors as exceptions."""

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import FalError, UsageError
from .invocation import Invocation, perform
from .json_text import Value
from .model import checked_model_id, known_model, own_skill
from .options import OPTIONS, Option
from .schema_walk import SchemaDocument
from .wording import closest

if TYPE_CHECKING:
    from .outcome import Outcome

__all__ = ["run_fal_api_job"]

# What the function's own parameters say, or what only a command line has.
_NOT_HERE = frozenset({"args", "args_file", "set", "schema", "output", "help"})


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
    from .outcome import Outcome

    try:
        outcome = _performed(checked_model_id(model_id), submit_args, output_dir, options)
    except FalError as error:
        outcome = Outcome("REFUSED", model_id, error=error)
    answer = outcome.as_json()
    if outcome.error is not None:
        outcome.error.outcome = answer
        raise outcome.error
    return answer


def _performed(
    model_id: str, submit_args: Mapping[str, Any], output_dir: str | Path, options: dict[str, Any]
) -> "Outcome":
    skill = own_skill()
    known = known_model(skill, model_id)
    script = skill / "scripts" / "fal_api_call.py" if skill is not None else Path()
    program = [sys.executable, str(script)] if skill is not None else ["falsmith", "call"]
    asked = Invocation(
        model_id=model_id,
        settings=skill if known is not None else None,
        document=known.document if known is not None else SchemaDocument({}),
        options=_options(options) | {"output": str(output_dir)},
        # A program is never replaced by another process: it has its own argv.
        script=Path(),
        argv=(),
        command=shlex.join([*program, "-m", model_id]),
        report=_silent,
    )
    return perform(asked, lambda: (submit_args, ()), input_given=False)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its default or the given value, checked as on a command line."""
    named = {option.attribute: option for option in OPTIONS if option.attribute not in _NOT_HERE}
    for name in given:
        if name not in named:
            near = closest(name, named)
            hint = f"; did you mean {near}?" if near else f"; the options are {', '.join(named)}"
            raise UsageError("usage", f"run_fal_api_job has no option {name}{hint}")
    defaults = {o.attribute: o.default if o.metavar else False for o in OPTIONS}
    return defaults | {name: _checked(named[name], value) for name, value in given.items()}


def _checked(option: Option, value: Value) -> Value:
    if option.metavar is None or value is None:
        return bool(value) if option.metavar is None else option.default
    if option.nargs == "+":
        return [str(value)] if isinstance(value, str | Path) else [str(each) for each in value]
    try:
        return option.read(str(value))
    except argparse.ArgumentTypeError as error:
        raise UsageError("usage", f"{option.attribute}: {error}") from None


def _silent(_line: str) -> None:
    """Report nothing: only the command line prints."""
