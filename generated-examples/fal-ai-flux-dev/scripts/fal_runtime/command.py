"""The command line that every wrapper shares, and the same call for Python programs.

Read from the top: words → model → its document → parsed line → checked call → request → result,
printed as the one JSON object.
"""

import atexit
import gc
import json
import shlex
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_runtime.errors import FalError, InputError, LocalError, Problem, UsageError, stopped_by
from fal_runtime.help import collection_page, help_page, known_field, schema_answer
from fal_runtime.input.flags import ParsedCommand, named_model, own_options, parse_command
from fal_runtime.input.options import (
    ABOUT_JOBS,
    CallOptions,
    Option,
    amount,
    python_options,
)
from fal_runtime.json_text import Value
from fal_runtime.model import (
    CalledModel,
    called_model,
    chosen_model,
    described_models,
    own_skill,
)
from fal_runtime.output.result import CallResult
from fal_runtime.output.standard_output import OutputError, json_text, print_out
from fal_runtime.process import (
    Process,
    hold_interrupts,
    take_interrupts,
    terminable,
)
from fal_runtime.text import one_line, printable_lines

if TYPE_CHECKING:
    from fal_runtime.input.prepare import PreparedInput
    from fal_runtime.jobs.job import Services
    from fal_runtime.jobs.ledger import Ledger
_INPUT_OPTIONS = ("args", "args_file", "set", "set_file", "preset", "like")
# Pairs of options that say opposite things.
_OPPOSED = (
    ("submit", "sync_only"),
    ("price", "submit"),
    ("price", "dry_run"),
    *((name, "price") for name in ABOUT_JOBS),
    ("output_file", "auto_filename"),
    *((name, "dry_run") for name in ABOUT_JOBS),
    *((name, given) for name in ABOUT_JOBS for given in _INPUT_OPTIONS),
)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call, checked and complete: the next step sends something."""

    model: CalledModel
    options: CallOptions
    services: "Services"
    prepared: "PreparedInput | None"
    uploads: tuple[Path, ...]


def main(
    argv: Sequence[str] | None = None,
    *,
    model_id: str | None,
    skill: Path | None,
    collection: bool = False,
    subcommand: str | None = None,
) -> int:
    """Run one command line and return its exit status.

    Args:
        argv: The words after the script's name; those of the process when None.
        model_id: The wrapper's model, None where an option names it.
        skill: The skill's folder, with `references/` and `queue_config.yaml`.
        collection: Whether `--model` names one of the skill's own models, not `--model-id` any.
        subcommand: The word after the program's name, where this is a part of a larger program.

    """
    # What ends with the process needs no search for circles, which takes a sixth of a short call.
    atexit.register(gc.freeze)
    process = Process.current(argv, subcommand)
    with terminable():
        try:
            return _run(process, model_id, skill, collection=collection)
        except OutputError as error:
            process.say(f"error: {error}")
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
    skill = own_skill()
    process = Process.of_python(skill)
    try:
        model = called_model(skill, model_id)
        chosen = python_options(options, output_dir)
        line = ParsedCommand(
            replace(chosen, command=(*process.program, "-m", model_id)), {}, (), submit_args
        )
        call = _checked_call(process, model, line)
        with ExitStack() as stack:
            ledger = _ledger(process, call, stack)
            result = _perform(call, ledger)
    except FalError as error:
        result = CallResult("REFUSED", one_line(model_id, 200), error=error)
    shown = result.as_json()
    if result.error is not None:
        raise replace(result.error, outcome=shown) from result.error.__cause__
    return shown


def _run(process: Process, preset: str | None, skill: Path | None, *, collection: bool) -> int:
    """Carry out the command line of a process and print what came of it."""
    model, command, print_paths = CalledModel(preset), process.program, False
    options = own_options(preset, collection=collection)
    begun = result = None
    try:
        take_interrupts()
        name = preset if preset is not None else named_model(process.words, options[0])
        wants_page = bool({"-h", "--help"} & set(process.words))
        if not collection or skill is None:
            model = called_model(skill, name)
        elif name is None and wants_page:
            return _print_collection(process, skill, options)
        else:
            model = _chosen_model(process, skill, name, options)
        chosen = ("-m", model.name) if preset is None and model.name is not None else ()
        if wants_page:
            return _print_help(process, model, chosen, options)
        command = (*command, *chosen)
        line = parse_command(process.words, model.document, options)
        if line.options.schema is not None:
            schema = schema_answer(model.document, line.options.schema)
            print_out(json_text(schema, process.stdout), process.stdout)
            return 0
        print_paths = line.options.print_paths
        line = replace(line, options=replace(line.options, command=command))
        call = _checked_call(process, model, line)
        with ExitStack() as stack:
            ledger = _ledger(process, call, stack)
            begun = call
            result = _perform(call, ledger)
    except OutputError:
        raise
    except FalError as error:
        # What helps with an input is its schema: `_checked_call` names it, where there is one.
        asks_help = error.exit_status == 2 and not isinstance(error, InputError)
        following = (*command, "--help") if asks_help else None
        result = CallResult("REFUSED", model.model_id, error=error, next=following)
    except (KeyboardInterrupt, Exception) as cause:
        result = result or _broken_off(cause, model, begun)
    hold_interrupts()
    return _print_result(process, result, print_paths=print_paths)


def _chosen_model(
    process: Process, skill: Path, name: str | None, options: tuple[Option, ...]
) -> CalledModel:
    """Return the model of a collection that a line is about.

    That is the one it names, else the one of the job it names, else the default. A line that only
    uploads files is about none, one that lists jobs about all. Raises UsageError and LocalError.
    """
    if name is None:
        line = parse_command(process.words, CalledModel(None).document, options).options
        if line.upload or line.jobs:
            return CalledModel(None, skill=skill)
        job = line.status or line.result or line.cancel or line.like
        name = _model_of_job(process, job) if job is not None else None
    return chosen_model(skill, name)


def _model_of_job(process: Process, name: str) -> str | None:
    """Return the ID of the model that a job called, None where the ledger does not say."""
    from fal_runtime.dependencies import require_modules

    if not process.environ.get("FAL_STATE_DIR"):
        require_modules(["platformdirs"], process.script, process.words, process.environ)
    try:
        with closing(_open_ledger(process, _silent)) as ledger:
            job = ledger.job(name)
    except LocalError:
        return None
    return job.model_id if job is not None else None


def _checked_call(process: Process, model: CalledModel, line: ParsedCommand) -> _Call:
    """Check options, packages, input and settings of a call, in this order.

    Raises UsageError, InputError and LocalError: nothing was sent by then.
    """
    options = line.options
    # A job's own call says where its files go, unless the line does.
    if options.action is None or options.output != CallOptions().output:
        options = replace(options, output=process.folder / options.output)
    saves = not options.dry_run and options.action in (None, "result")
    if saves and not line.options.output.is_absolute() and not process.folder.is_dir():
        raise LocalError(
            "local_trouble",
            f"the working folder {one_line(str(process.folder))} is not there any more: change to "
            "one that is, or give --output an absolute path",
        )
    report = _silent if options.quiet else process.say
    _check_options(options, has_fields=bool(line.fields))
    if model.model_id is None and not (options.upload or (options.jobs and model.skill)):
        raise UsageError("usage", "-m/--model-id is required: the model to call")
    from fal_runtime.config import key_of_argument, load_config
    from fal_runtime.dependencies import require_modules

    key = key_of_argument(options.api_key, process.environ, report)
    validate = model.document.known and not options.no_validate and options.action is None
    needed = ["httpx", "yaml", *(["jsonschema"] if validate else [])]
    if not (options.dry_run or process.environ.get("FAL_STATE_DIR")):
        needed.append("platformdirs")
    require_modules(needed, process.script, process.words, process.environ)
    from fal_runtime.jobs.job import Services

    config = load_config(model.skill, process.environ, key=key, model_folder=model.folder)
    # A word may hold half a character: what it is in says what is wrong with that.
    half = "surrogatepass"
    words = tuple(
        config.redact(word.encode(errors=half)).decode(errors=half) for word in process.words
    )
    services = Services(config, report)
    options = replace(options, words=words, max_cost=_max_cost(options, process.environ))
    prepared = None
    try:
        is_given = line.fields or any(getattr(options, name) for name in _INPUT_OPTIONS)
        if options.action is None and (is_given or line.args or not options.price):
            prepared, options = _prepared_input(process, model, line, options, services)
        elif line.unknown:
            from fal_runtime.input.prepare import raise_problems

            raise_problems(line.unknown)
    except InputError as error:
        if not model.document.known or options.upload:
            raise
        fields = (known_field(problem, model.document) for problem in error.problems)
        about = next(filter(None, fields), None)
        asked = ("--schema",) if about is None else ("--schema", about)
        raise replace(error, next=(*options.command, *asked)) from None
    uploads = tuple(map(_readable_upload, options.upload))
    if options.action in (None, "result") and not (options.no_queue or options.sync_only):
        from fal_runtime.daemon.client import DaemonClient

        daemon = DaemonClient(config, str(model.model_id), process.environ)
        services = replace(services, daemon=daemon)
    return _Call(model, options, services, prepared, uploads)


def _max_cost(options: CallOptions, environ: Mapping[str, str]) -> float | None:
    """Return the spending limit of the command line, else of the environment."""
    text = environ.get("FAL_MAX_COST", "").strip()
    if options.max_cost is not None or not text:
        return options.max_cost
    try:
        return amount(text)
    except ArgumentTypeError as error:
        raise UsageError("invalid_settings", f"FAL_MAX_COST: {error}") from None


def _check_options(options: CallOptions, *, has_fields: bool) -> None:
    """Raise UsageError where options contradict each other."""
    actions = [name for name in ("submit", *ABOUT_JOBS) if getattr(options, name)]
    pairs = [*_OPPOSED, *([(actions[0], actions[1])] if len(actions) > 1 else [])]
    for one, other in pairs:
        if getattr(options, one) and getattr(options, other) not in (None, False, ()):
            raise UsageError("usage", f"{_typed(one)} and {_typed(other)} exclude each other")
    if options.action is not None and has_fields:
        action = _typed(options.action)
        raise UsageError("usage", f"{action} takes no input: leave the input's flags out")


def _typed(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _prepared_input(
    process: Process,
    model: CalledModel,
    line: ParsedCommand,
    options: CallOptions,
    services: "Services",
) -> tuple["PreparedInput", CallOptions]:
    """Return the checked input: defaults.yaml or an earlier call, then what the line gives.

    The options are returned as well, for an earlier call says how it was run.
    """
    from fal_runtime.input.defaults import read_defaults
    from fal_runtime.input.prepare import check_input, given_input

    report = services.report
    if not model.document.known:
        report("notice: the model's input schema is not known here: its input is not checked")
    checks = {"validate": not options.no_validate, "allow_unknown": options.allow_unknown}
    layers = read_defaults(model, process.folder, options.preset, **checks)
    if options.like is not None:
        from fal_runtime.jobs.earlier import call_like

        with closing(_open_ledger(process, services.report)) as ledger:
            liked, options = call_like(ledger, options.like, str(model.model_id), options)
        # What stood in the defaults then is in that input.
        preset = {name: layer for name, layer in layers.items() if name != "defaults"}
        layers = {f"like {options.like}": liked, **preset}
    given = given_input(line, model.document, process.read_stdin, layers)
    value = _with_earlier_files(process, model, given.value, options, services)
    prepared = check_input(value, model.document, given.problems, **checks)
    for notice in prepared.notices:
        report(f"notice: {notice}")
    sources = dict.fromkeys(prepared.value, "built in") | given.sources
    return replace(prepared, sources=sources), options


def _with_earlier_files(
    process: Process,
    model: CalledModel,
    value: dict[str, Any],
    options: CallOptions,
    services: "Services",
) -> dict[str, Any]:
    """Return the input with the files of earlier jobs that it names."""
    from fal_runtime.jobs.earlier import names_earlier_files, with_earlier_files

    if not names_earlier_files(value, model.document):
        return value
    with closing(_open_ledger(process, services.report)) as ledger, ExitStack() as stack:
        connection = None if options.dry_run else stack.enter_context(services.connected())
        return with_earlier_files(value, model.document, ledger, connection)


def _open_ledger(process: Process, report: Callable[[str], None]) -> "Ledger":
    from fal_runtime.jobs.ledger import open_ledger

    return open_ledger(process.environ, process.folder, report)


def _readable_upload(name: str) -> Path:
    from fal_runtime.input.files import readable_file

    try:
        return readable_file(Path(name).expanduser())
    except (ValueError, RuntimeError) as error:
        shown = one_line(name, 100)
        problem = Problem(shown, str(error), "a file of this machine that can be read")
        message = f"{shown} cannot be uploaded: {error}"
        raise InputError("file_missing", message, [problem]) from None


def _perform(call: _Call, ledger: "Ledger | None") -> CallResult:
    """Carry out a checked call: here begins what talks to fal, and what is written down."""
    from fal_runtime.jobs import commands

    options, services, model_id = call.options, call.services, call.model.model_id or ""
    if ledger is None:
        assert call.prepared is not None, "only a preview does without the ledger"
        return commands.preview_job(services, model_id, call.prepared, options)
    if call.uploads:
        return _in_short(commands.upload_files(services, ledger, call.uploads), options)
    if options.jobs:
        skill = None if model_id else call.model.skill
        ids = [model_id] if skill is None else described_models(skill).ids
        return commands.list_jobs(ledger, ids, services.clock.date())
    assert model_id, "every other action names a model"
    if options.price:
        from fal_runtime.jobs.price import price_job

        return price_job(services, ledger, call.model, call.prepared)
    if call.prepared is not None:
        return commands.run_job(services, ledger, model_id, call.prepared, options)
    about_job = {
        "status": commands.job_status,
        "result": commands.job_result,
        "cancel": commands.cancel_job,
    }
    name = options.status or options.result or options.cancel or ""
    return about_job[options.action or ""](services, ledger, model_id, name, options)


def _in_short(uploaded: CallResult, options: CallOptions) -> CallResult:
    """Return the links of many uploads as a file that lists them."""
    from fal_runtime.output.folder import open_output_folder, save_lines

    if not uploaded.is_too_long:
        return uploaded
    folder = open_output_folder(options.output)
    lines = json.dumps(uploaded.result, indent=2).splitlines()
    place = save_lines(folder, folder.path, "uploads", "json", lines)
    return replace(uploaded, result=None, result_path=place)


def _ledger(process: Process, call: _Call, stack: ExitStack) -> "Ledger | None":
    """Return the user's ledger, None for a preview; what asks about fal's own ID can do without.

    The spending limit is held against the prices that it knows. Raises LocalError where there is no
    usable ledger and OverLimitError: nothing was sent by then.
    """
    from fal_runtime.jobs.ledger import Ledger, is_job_id

    options = call.options
    if options.dry_run:
        return None
    name = options.status or options.result or options.cancel
    try:
        ledger = _open_ledger(process, call.services.report)
    except LocalError as error:
        # A job by our ID is in the ledger or nowhere.
        if not call.uploads and (name is None or is_job_id(name)):
            raise
        instead = "" if call.uploads else "; the job is looked up at fal alone"
        call.services.report(f"notice: {error}{instead}")
        ledger = Ledger(None)
    stack.enter_context(closing(ledger))
    if call.prepared is not None and options.max_cost is not None and not options.price:
        from fal_runtime.jobs.price import check_cost

        check_cost(call.services, ledger, call.model, call.prepared, options.max_cost)
    return ledger


def _broken_off(cause: BaseException, model: CalledModel, call: _Call | None) -> CallResult:
    """Return the result of what ended outside a job: inside one, it is the job's own result."""
    # What only looks sends nothing.
    sent = (
        call is not None
        and call.prepared is not None
        and not (call.options.dry_run or call.options.price)
    )
    code = "unconfirmed" if sent else "internal_error"
    code = "interrupted" if isinstance(cause, KeyboardInterrupt) else code
    how_far = (
        ", and it is not known how far the job had come" if sent else " before anything was sent"
    )
    error = FalError(code, stopped_by(cause) + how_far, charged=None if sent else "no")
    error.__cause__ = cause
    return CallResult("UNKNOWN" if sent else "REFUSED", model.model_id, error=error)


def _print_help(
    process: Process, model: CalledModel, chosen: Sequence[str], options: tuple[Option, ...]
) -> int:
    page = help_page(
        shlex.join((*process.typed, *chosen)),
        model.title,
        model.document,
        options,
        model_given=model.model_id is not None,
        defaults=model.defaults_place if model.defaults_file is not None else None,
        width=process.columns,
    )
    print_out(printable_lines(page), process.stdout)
    return 0


def _print_collection(process: Process, skill: Path, options: tuple[Option, ...]) -> int:
    script = shlex.join(process.typed)
    page = collection_page(script, described_models(skill), options, width=process.columns)
    print_out(printable_lines(page), process.stdout)
    return 0


def _print_result(process: Process, result: CallResult, *, print_paths: bool) -> int:
    """Print the result: the one JSON object, or the saved paths of a completed job.

    Where paths are asked for and there are none, the object goes to stderr: it has been paid for.
    """
    error = result.error
    shown = json_text(result.as_json(), process.stdout)
    if error is None and print_paths and result.status == "COMPLETED":
        for path in dict.fromkeys(file.path for file in result.files):
            print_out(str(path), process.stdout)
        if not result.files:
            process.say("the answer has no files, so there is no path to print; the answer itself:")
            process.say(shown)
        return 0
    if error is not None and isinstance(error.__cause__, Exception):
        import traceback

        process.say("".join(traceback.format_exception(error.__cause__)))
    try:
        print_out(shown, process.stdout)
    except OutputError:
        if error is not None:
            process.say(f"error: {error}")
        raise
    return result.exit_status


def _silent(_line: str) -> None:
    """Report nothing, as --quiet asks."""
