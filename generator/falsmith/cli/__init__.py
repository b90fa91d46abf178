"""The command line: arguments, one call, print, exit status. Commands are imported when called."""

import importlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TextIO, cast

import click

from fal_runtime.errors import FalError
from fal_runtime.output.standard_output import OutputError, printing, unwritable
from fal_runtime.text import printable_lines
from falsmith import __version__
from falsmith.cli.program import COMMANDS, Program, internal_error

__all__ = ["cli", "run"]

# Each command stands in the module of its name, but for a name that Python has taken.
RENAMED = {"list": "list_skills"}


class _Commands(click.Group):
    """Imports a command's module only when that command is called.

    The creator skill carries the modules of some commands: those are all that it has.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for name in COMMANDS if _module(name).is_file())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"falsmith.cli.{_module(cmd_name).stem}")
        command = getattr(module, _module(cmd_name).stem)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the words begin with; raise UsageError, with the closest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], self.list_commands(ctx))
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _module(command: str) -> Path:
    return Path(__file__).with_name(f"{RENAMED.get(command, command)}.py")


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: falsmith generate -m fal-ai/flux/dev, then open the new skill's SKILL.md.",
)
@click.version_option(__version__, message="%(prog)s %(version)s", prog_name="falsmith")
def cli() -> None:
    """Turn fal.ai model IDs into agent skills that call the models safely."""


def run(arguments: Sequence[str], started: Program | None = None) -> int:
    """Run the command line and return its exit status; the one place that prints an error."""
    program = started or Program()
    helps = not arguments or not {"-h", "--help"}.isdisjoint(arguments)
    try:
        with _checked_output(program.named if helps else lambda text: text):
            return _run(arguments, program)
    except OutputError as error:
        click.echo(printable_lines(f"error: {error}"), err=True)
        return error.exit_status


def _run(arguments: Sequence[str], program: Program) -> int:
    words = list(arguments) or ["--help"]
    try:
        status = cli.main(words, prog_name="falsmith", standalone_mode=False, obj=program)
    except OutputError:
        raise
    except FalError as error:
        return _failed(error, arguments, program)
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        click.echo(printable_lines(program.named(usage.getvalue())), err=True, nl=False)
        return _failed(FalError("usage", error.format_message()), arguments, program, quiet=True)
    except (click.Abort, KeyboardInterrupt):
        message = "interrupted: the same command once more goes on with what is left"
        interrupted = FalError("interrupted", message, charged="no", retry="later")
        return _failed(interrupted, arguments, program)
    except Exception as error:
        return _failed(internal_error(error), arguments, program)
    return status if isinstance(status, int) else 0


def _failed(
    error: FalError, arguments: Sequence[str], program: Program, *, quiet: bool = False
) -> int:
    """Print an error for people, and as one JSON object for programs; return its exit status."""
    if not quiet:
        click.echo(printable_lines(program.named(f"error: {error}")), err=True)
        for problem in error.problems:
            text = f"  {problem.path}: {problem.got}; expected {problem.expected}"
            click.echo(printable_lines(text), err=True)
    if "--json" in arguments or not sys.stdout.isatty():
        sys.stdout.write(json.dumps({"error": program.error(error)}) + "\n")
    return error.exit_status


@contextmanager
def _checked_output(reworded: Callable[[str], str]) -> Iterator[None]:
    """Make standard output raise OutputError where it cannot be written, also at the end."""
    before = sys.stdout
    if isinstance(before, io.TextIOWrapper):
        # A terminal of few characters shows the others as escapes, not a traceback.
        before.reconfigure(errors="backslashreplace")
    sys.stdout = cast(
        TextIO, _ClosedStream() if before is None else _CheckedStream(before, reworded)
    )
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout = before


class _ClosedStream(io.StringIO):
    """Stands where the process was started without a standard output."""

    def write(self, _text: str) -> int:
        raise unwritable("it is closed")


class _CheckedStream:
    """A stream like the one it is given, but for the errors of writing and the words of help."""

    def __init__(self, stream: TextIO, reworded: Callable[[str], str]) -> None:
        self._stream = stream
        self._reworded = reworded

    def __getattr__(self, name: str) -> object:
        attribute: object = getattr(self._stream, name)
        return attribute

    def write(self, text: str) -> int:
        if text == "":  # Click tries streams with it, and would swallow the error.
            return 0
        with printing(self._stream):
            self._stream.write(self._reworded(text))
        return len(text)

    def flush(self) -> None:
        with printing(self._stream):
            self._stream.flush()
