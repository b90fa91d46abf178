"""The options of a call: what each is called, what it takes, its check, default and help line."""

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from fal_runtime.errors import UsageError
from fal_runtime.paths import is_below
from fal_runtime.settings import LONGEST_WAIT, SHORTEST_INTERVAL
from fal_runtime.text import closest

# Each of these is a command of its own, without an input.
ABOUT_JOBS = ("status", "result", "cancel", "jobs", "upload")

_OUTPUT = Path("output")
# Of what names one thing a second one is a mistake: a field is called `model` as well, say.
_GIVEN_ONCE = ("preset", "model")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command line; it is a switch where `metavar` is None.

    `read` turns its text into its value, or raises argparse.ArgumentTypeError. `default` is what
    the help shows.
    """

    attribute: str
    group: str
    text: str
    metavar: str | None = None
    read: Callable[[str], object] = str
    short: str | None = None
    default: str | None = None
    nargs: str | None = None
    repeats: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The spellings, the long one first."""
        long = f"--{self.attribute.replace('_', '-')}"
        return (long,) if self.short is None else (long, self.short)

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the option to a parser; one that is not given is not in the parser's result."""
        settings: dict[str, Any] = {"dest": self.attribute, "default": argparse.SUPPRESS}
        if self.metavar is None:
            parser.add_argument(*self.names, action="store_true", **settings)
            return
        settings |= {"type": self.read, "nargs": self.nargs}
        if self.nargs == "?":
            settings["const"] = ""
        action = "append" if self.repeats else _Once if self.attribute in _GIVEN_ONCE else "store"
        parser.add_argument(*self.names, action=action, **settings)


class _Once(argparse.Action):
    """Store a value, and refuse a second one that would silently replace it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if hasattr(namespace, self.dest):
            parser.error(f"{option_string} can be given once only")
        setattr(namespace, self.dest, values)


def _unexpected(expected: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"expected {expected}, got {text[:80]!r}")


def _number(text: str, expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _unexpected(expected, text)
    return value


def _seconds(least: float, *, above: bool = False) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = _number(text, "a number")
        if value < least or (above and value == least) or value > LONGEST_WAIT:
            bound = "above" if above else "from"
            raise _unexpected(f"seconds {bound} {least:g} to {LONGEST_WAIT:.0f}", text)
        return value

    return read


def amount(text: str) -> float:
    """Return an amount of money; raises argparse.ArgumentTypeError."""
    expected = "an amount such as 0.50"
    value = _number(text, expected)
    if value < 0:
        raise _unexpected(expected, text)
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 7 and int(text) > 0):
        raise _unexpected("a whole number above 0, of 7 digits at most", text)
    return int(text)


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise _unexpected(" or ".join(choices), text)
        return text

    return read


def _not_empty(text: str) -> str:
    if not text.strip():
        raise _unexpected("a value", text)
    return text


def _header(text: str) -> str:
    if not (text.isascii() and text.isprintable() and text.strip() and len(text) <= 200):
        raise _unexpected("up to 200 printable ASCII characters", text)
    return text.strip()


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"{error}: {text[:80]!r}") from None


def _below_output(text: str) -> str:
    if not is_below(text):
        raise _unexpected("a file below --output, without .., not absolute", text)
    return text


def _switch(group: str, text: str) -> Any:  # noqa: ANN401
    return field(default=False, metadata={"group": group, "text": text})


def _option(
    group: str,
    text: str,
    metavar: str,
    read: Callable[[str], object] = str,
    default: object = None,
    **more: object,
) -> Any:  # noqa: ANN401 - as dataclasses.field
    row = {"group": group, "text": text, "metavar": metavar, "read": read, **more}
    return field(default=default, metadata=row)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """The options of one call; None means what the settings say, times are in seconds.

    This is the table of the command line as well: every field but the last two is an option of
    its name. `command` is the words that start this program and name its model: `next` builds on
    them. `words` is what was given after them, without a key.
    """

    args: str | None = _option("input", "the input as one JSON object", "JSON", short="-a")
    args_file: str | None = _option("input", "the same from a file, or from stdin with -", "FILE|-")
    set: tuple[str, ...] = _option(
        "input",
        "one nested value, such as --set loras.0.scale=0.5",
        "a.b=VALUE",
        default=(),
        repeats=True,
    )
    set_file: tuple[str, ...] = _option(
        "input", "one value from a text file, byte for byte", "a.b=FILE|-", default=(), repeats=True
    )
    preset: str | None = _option(
        "input", "a bundle of the model's defaults.yaml", "NAME", _not_empty
    )
    like: str | None = _option(
        "input", "call as job J did, with the changes given here", "J", _not_empty
    )
    allow_unknown: bool = _switch("input", "send --args fields that the schema does not know")
    no_validate: bool = _switch("input", "send the input without checking it")
    schema: str | None = _option(
        "input", "print the input schema, or one field in full", "[FIELD[.FIELD]]", nargs="?"
    )
    dry_run: bool = _switch("input", "check, print the exact request, send nothing; no key needed")
    output: Path = _option("files", "where files go", "DIR", _folder, default=_OUTPUT, short="-o")  # noqa: RUF009 - a field
    output_file: str | None = _option(
        "files", "name below --output; several files get _2, _3", "PATH", _below_output, short="-O"
    )
    auto_filename: bool = _switch("files", "name files {request_id}_{timestamp}.{ext}")
    save_logs: bool = _switch("files", "save the model's log under --output/logs")
    save_logs_inline: bool = _switch("files", "save the model's log beside the file")
    print: str = _option(
        "files",
        "paths: print only the saved paths, once completed",
        "json|paths",
        _one_of("json", "paths"),
        default="json",
    )
    quiet: bool = _switch("files", "no progress and no notices on stderr")
    submit: bool = _switch("jobs", "return at once; collect later with --result")
    status: str | None = _option("jobs", "ask how job J stands", "J", _not_empty)
    result: str | None = _option(
        "jobs", "wait for job J and save its files, free of charge", "J", _not_empty
    )
    cancel: str | None = _option("jobs", "cancel job J", "J", _not_empty)
    jobs: bool = _switch("jobs", "list this model's jobs, the newest first")
    upload: tuple[str, ...] = _option(
        "jobs", "upload files and print their links", "FILE", _not_empty, default=(), nargs="+"
    )
    wait: float = _option(
        "jobs", "seconds to wait here, 0 = to the end", "S", _seconds(0), default=100.0
    )
    poll_interval: float | None = _option(
        "jobs", "most seconds between two polls", "S", _seconds(SHORTEST_INTERVAL)
    )
    max_polls: int | None = _option("jobs", "deadline = polls x interval", "N", _count)
    no_queue: bool = _switch("jobs", "no daemon: queue directly")
    sync_only: bool = _switch("jobs", "one call to fal.run, no queue and no job to collect")
    priority: str | None = _option(
        "jobs", "place in the queue", "normal|low", _one_of("normal", "low")
    )
    start_timeout: float | None = _option(
        "jobs", "give up if not started in S (above 1)", "S", _seconds(1, above=True)
    )
    runner_hint: str | None = _option(
        "jobs", "run where jobs of this hint ran before", "HINT", _header
    )
    no_retry: bool = _switch("jobs", "fal does not retry a failed run itself")
    price: bool = _switch("jobs", "what a unit costs, and this input where it can be told")
    max_cost: float | None = _option(
        "jobs", "refuse what costs more, or cannot be told", "USD", amount, default=None
    )
    api_key: str | None = _option("jobs", "refused; set FAL_KEY", "KEY", _not_empty, short="-k")
    help: bool = field(
        default=False, metadata={"group": "jobs", "text": "print this page", "short": "-h"}
    )
    command: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def logs(self) -> bool:
        """Whether the job's log lines are saved."""
        return self.save_logs or self.save_logs_inline

    @property
    def shows_logs(self) -> bool:
        """Whether fal is asked for them: they are shown as they come, and saved where wanted."""
        return self.logs or not self.quiet

    @property
    def print_paths(self) -> bool:
        """Whether the saved paths are printed in place of the JSON object."""
        return self.print == "paths"

    @property
    def action(self) -> str | None:
        """The member of ABOUT_JOBS that is asked for; None where the model is called."""
        return next((name for name in ABOUT_JOBS if getattr(self, name)), None)


def _option_of(row: Field[Any]) -> Option:
    default = f"./{row.default}" if isinstance(row.default, Path) else f"{row.default or ''}"
    return Option(row.name, default=default.removesuffix(".0") or None, **row.metadata)


# The options of every wrapper. Where no model is preset one of two more names it: any by its ID, in
# a collection's wrapper one of its own.
OPTIONS = tuple(_option_of(row) for row in fields(CallOptions) if row.metadata)
MODEL_ID_OPTION = Option("model_id", "input", "the model to call", "ID", short="-m")
MODEL_OPTION = Option("model", "input", "the model; --help alone lists them", "NAME", short="-m")
MODEL_OPTIONS = (MODEL_ID_OPTION, MODEL_OPTION)

# What the parameters of a Python function say, or what only a command line has.
_NOT_IN_PYTHON = ("args", "args_file", "set", "set_file", "schema", "output", "help")


def python_options(given: Mapping[str, object], output: str | Path) -> CallOptions:
    """Return the options that a Python program gives, checked as on a command line.

    Raises UsageError for an option that there is not, or whose value does not fit.
    """
    named = {each.attribute: each for each in OPTIONS if each.attribute not in _NOT_IN_PYTHON}
    for name in given:
        if name not in named:
            near = closest(name, named)
            hint = f"; did you mean {near}?" if near else f"; the options are {', '.join(named)}"
            raise UsageError("usage", f"run_fal_api_job has no option {name}{hint}")
    values = {name: _python_value(named[name], each) for name, each in given.items()}
    values = {name: value for name, value in values.items() if value is not None}
    return CallOptions(output=_folder(str(output)), **values)


def _python_value(option: Option, value: object) -> Any:  # noqa: ANN401 - a field's value
    if option.metavar is None:
        return bool(value)
    if value is None:
        return None
    if option.nargs == "+":
        several = value if isinstance(value, list | tuple) else [value]
        return tuple(str(each) for each in several)
    try:
        return option.read(str(value))
    except argparse.ArgumentTypeError as error:
        raise UsageError("usage", f"{option.attribute}: {error}") from None
