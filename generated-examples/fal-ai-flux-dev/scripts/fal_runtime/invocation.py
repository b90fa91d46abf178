"""Carry out one invocation: check the options and the input, then hand over to the job."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from fal_runtime.dependencies import require_modules
from fal_runtime.errors import FalError, InputError, Problem, UsageError
from fal_runtime.input.defaults import read_defaults
from fal_runtime.input.files import readable_file
from fal_runtime.input.options import CallOptions
from fal_runtime.input.prepare import GivenInput, Layers, PreparedInput, check_input
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import one_line

if TYPE_CHECKING:
    from fal_runtime.config import Config
    from fal_runtime.output.result import CallResult

__all__ = ["ABOUT_JOBS", "INSTALLED", "Invocation", "perform", "program_words"]

ReadInput: TypeAlias = Callable[[Layers], GivenInput]

# The command that pip and uv install.
INSTALLED = "falsmith"
ABOUT_JOBS = ("status", "result", "cancel", "upload")
# Pairs of options that say opposite things.
_OPPOSED = (
    ("submit", "sync_only"),
    ("output_file", "auto_filename"),
    *((name, "dry_run") for name in ABOUT_JOBS),
    *((name, given) for name in ABOUT_JOBS for given in ("args", "args_file", "set", "preset")),
)


@dataclass(frozen=True, slots=True)
class Invocation:
    """What is called and how; `options` has every option of ours, by its name with underscores.

    `settings` is the skill whose queue settings and defaults hold. `script` and `argv` are what
    was started, `command` the words that begin a command line about the job.
    """

    model_id: str | None
    settings: Path | None
    document: SchemaDocument
    options: Mapping[str, Any]
    script: Path
    argv: tuple[str, ...]
    command: tuple[str, ...]
    report: Callable[[str], None]


def perform(asked: Invocation, read_input: ReadInput, *, input_given: bool) -> "CallResult":
    """Carry out the invocation and return its outcome.

    `read_input` gives the input above the layers that the skill's defaults.yaml has; it is not
    asked where no input is wanted. Raises UsageError, InputError and LocalError before anything
    was sent.
    """
    action = _checked_action(asked.options, input_given)
    if asked.model_id is None and action != "upload":
        raise UsageError("usage", "-m/--model-id is required: the model to call")
    from fal_runtime.config import key_of_argument

    key = key_of_argument(asked.options["api_key"], os.environ, asked.report)
    validate = asked.document.known and not asked.options["no_validate"] and action is None
    needed = ("httpx", "yaml", "jsonschema") if validate else ("httpx", "yaml")
    require_modules(needed, asked.script, asked.argv)
    prepared = _prepared(asked, read_input) if action is None else None
    return _handed_over(asked, action, prepared, key)


def program_words(subcommand: str | None) -> list[str]:
    """Return the words that start this program again, from any folder."""
    script = Path(sys.argv[0]).absolute()
    if subcommand is None:
        return [sys.executable, str(script)]
    by_name = _is_on_path(script)
    return [*([INSTALLED] if by_name else [sys.executable, str(script)]), subcommand]


def _is_on_path(script: Path) -> bool:
    # `uv run` and `uvx` put a program on the PATH that the next command of a shell will not find.
    found = shutil.which(INSTALLED) if "UV" not in os.environ else None
    # What a relative entry of the PATH leads to from this folder only is never the same.
    return found is not None and _same_program(Path(found), script)


def _same_program(one: Path, other: Path) -> bool:
    """Tell whether the paths are one but for `.exe`, which Windows leaves out or not."""
    return one.with_suffix("") == other.with_suffix("")


def _checked_action(options: Mapping[str, Any], input_given: bool) -> str | None:
    """Return which of --status, --result, --cancel and --upload is asked for, if any."""
    actions = [name for name in ("submit", *ABOUT_JOBS) if options[name]]
    pairs = [*_OPPOSED, *([(actions[0], actions[1])] if len(actions) > 1 else [])]
    for one, other in pairs:
        if options[one] and options[other] not in (None, False):
            raise UsageError("usage", f"{_typed(one)} and {_typed(other)} exclude each other")
    action = next((name for name in actions if name != "submit"), None)
    if action is not None and input_given:
        raise UsageError("usage", f"{_typed(action)} takes no input: leave the input's flags out")
    return action


def _typed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _prepared(asked: Invocation, read_input: ReadInput) -> PreparedInput:
    if not asked.document.known:
        asked.report("notice: the model's input schema is not known here: its input is not checked")
    check = partial(
        check_input,
        validate=not asked.options["no_validate"],
        allow_unknown=asked.options["allow_unknown"],
    )
    layers = read_defaults(asked.settings, asked.document, asked.options["preset"], check)
    given = read_input(layers)
    prepared = check(given.value, asked.document, given.problems)
    for notice in prepared.notices:
        asked.report(f"notice: {notice}")
    return replace(prepared, sources=dict.fromkeys(prepared.value, "built in") | given.sources)


def _handed_over(
    asked: Invocation, action: str | None, prepared: PreparedInput | None, key: str | None
) -> "CallResult":
    from fal_runtime.config import load_config

    paths = [_upload_path(name) for name in asked.options["upload"] or ()]
    config = load_config(asked.settings, os.environ, key=key)
    try:
        return _outcome(asked, action, prepared, paths, config)
    except KeyboardInterrupt:
        from fal_runtime.output.result import CallResult

        text = "interrupted, and it is not known how far the job had come"
        return CallResult("UNKNOWN", asked.model_id, error=FalError("interrupted", text))


def _outcome(
    asked: Invocation,
    action: str | None,
    prepared: PreparedInput | None,
    paths: Sequence[Path],
    config: "Config",
) -> "CallResult":
    from fal_runtime.jobs import commands as job
    from fal_runtime.jobs.job import Services

    services, options = Services(config, asked.report), _call_options(asked)
    if action == "upload":
        return job.upload_files(services, paths)
    assert asked.model_id is not None, "every other action names a model"
    if action is not None:
        ask = {"status": job.job_status, "result": job.job_result, "cancel": job.cancel_job}[action]
        return ask(services, asked.model_id, asked.options[action], options)
    assert prepared is not None, "an input is prepared wherever no other action is asked for"
    run = job.preview_job if asked.options["dry_run"] else job.run_job
    return run(services, asked.model_id, prepared, options)


def _upload_path(name: str) -> Path:
    try:
        return readable_file(Path(name).expanduser())
    except (ValueError, RuntimeError) as error:
        shown = one_line(name, 100)
        problem = Problem(shown, str(error), "a file of this machine that can be read")
        message = f"{shown} cannot be uploaded: {error}"
        raise InputError("file_missing", message, [problem]) from None


def _call_options(asked: Invocation) -> CallOptions:
    names = (
        "output_file auto_filename poll_interval max_polls wait submit sync_only save_logs "
        "save_logs_inline quiet priority start_timeout no_retry"
    )
    given = {name: asked.options[name] for name in names.split()}
    output = Path(asked.options["output"]).expanduser().absolute()
    print_paths = asked.options["print"] == "paths"
    return CallOptions(output=output, command=asked.command, print_paths=print_paths, **given)
