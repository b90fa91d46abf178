"""The command line: arguments, one call, print, exit status. Commands are imported when called."""

import importlib
import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import click

from fal_runtime.errors import FalError
from fal_runtime.output.standard_output import OutputError
from falsmith import __version__
from falsmith.cli.checked_output import checked_output
from falsmith.hosts import DEFAULT_FOLDER

__all__ = ["cli", "run"]

# Each command stands in the module of its name, but for a name that Python has taken.
RENAMED = {"list": "list_skills"}
COMMANDS = {
    "call": "Call any model by its ID; its input is sent unchecked.",
    "catalog": "Keep the whole catalogue on this machine.",
    "categories": "List the kinds of models.",
    "demo": "Make a skill from the bundled catalogue and run it against a local fal.",
    "doctor": "Check this machine: Python, packages, key, network, folders.",
    "emulate": "Run a local fal for tests and demonstrations.",
    "generate": "Make skills from model IDs.",
    "list": "List the skills of falsmith in this project.",
    "remove": "Remove a skill, keeping what you changed in it.",
    "search": "Search models by words, category and ability.",
    "show": "Show a model's parameters, answer, example and oddities.",
    "upload": "Upload files and print their links.",
    "verify": "Check skills against every rule they must satisfy.",
}


class _Commands(click.Group):
    """Imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = RENAMED.get(cmd_name, cmd_name)
        command = getattr(importlib.import_module(f"falsmith.cli.{name}"), name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the words begin with; raise UsageError, with the closest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = get_close_matches(args[0], COMMANDS)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"{error.message}{hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: falsmith generate -m fal-ai/flux/dev, then look into .claude/skills.",
)
@click.version_option(__version__, message="%(prog)s %(version)s", prog_name="falsmith")
def cli() -> None:
    """Turn fal.ai model IDs into agent skills that call the models safely."""


def run(arguments: Sequence[str], *, skills: Path = DEFAULT_FOLDER) -> int:
    """Run the command line and return its exit status; the one place that prints an error.

    `skills` is the folder that `generate` writes to where no option names one.
    """
    try:
        with checked_output():
            return _answered(arguments, skills)
    except OutputError as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_status


def _answered(arguments: Sequence[str], skills: Path) -> int:
    words = list(arguments) or ["--help"]
    try:
        status = cli.main(words, prog_name="falsmith", standalone_mode=False, obj=skills)
    except OutputError:
        raise
    except FalError as error:
        _print_error(error, arguments)
        return error.exit_status
    except click.ClickException as error:
        error.show()
        _print_error(FalError("usage", error.format_message()), arguments, quiet=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        message = "interrupted: the same command once more goes on with what is left"
        interrupted = FalError("interrupted", message, charged="no", retry="later")
        _print_error(interrupted, arguments)
        return interrupted.exit_status
    return status if isinstance(status, int) else 0


def _print_error(error: FalError, arguments: Sequence[str], *, quiet: bool = False) -> None:
    if not quiet:
        click.echo(f"error: {error}", err=True)
        for problem in error.problems:
            click.echo(f"  {problem.path}: {problem.got}; expected {problem.expected}", err=True)
    if "--json" in arguments or not sys.stdout.isatty():
        sys.stdout.write(json.dumps({"error": error.as_json()}) + "\n")
