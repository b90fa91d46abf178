"""`falsmith emulate`: a local fal on loopback, and the settings that point a client at it."""

import json
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click

from fal_runtime.errors import UsageError
from falsmith.documents import Documents
from falsmith.text import counted

__all__ = ["emulate"]

# Settings of the user's own key, which a command that runs against the emulator must not use.
KEYS = frozenset({"FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_VARIABLE", "FAL_AUTH_SCHEME"})
EXAMPLES = """\b
Examples:
  falsmith emulate
  falsmith emulate --source saved-documents/ --delay 5
  falsmith emulate --port 8800 --json
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--source",
    default="bundled",
    show_default=True,
    metavar="bundled|PATH",
    help="The models to serve: the bundled ones, or saved documents in a file or a folder.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65531),
    default=0,
    show_default=True,
    help="The first of five ports in a row; 0 takes free ones.",
)
@click.option(
    "--polls",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="How many times a job is found unfinished before it is completed.",
)
@click.option(
    "--delay",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a job takes at least, half of it in the queue.",
)
@click.option(
    "--require-key/--no-key",
    default=True,
    show_default=True,
    help="Whether calls of models need the key that is printed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as one JSON object.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def emulate(
    *,
    source: str,
    port: int,
    polls: int,
    delay: float,
    require_key: bool,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run a local fal on loopback until Ctrl-C, or for as long as COMMAND runs against it.

    Nothing leaves this machine. COMMAND, after --, gets the settings that lead it here. Without
    one, it prints the settings that point a client at it. It answers each model by its own schema,
    with real files that it makes itself, and says 501 to what it does not do.
    """
    from falsmith.emulator import Emulator

    documents = list(_documents(source))
    emulator = Emulator(documents, polls=polls, delay=delay, require_key=require_key, port=port)
    if command:
        with emulator:
            inherited = {name: value for name, value in os.environ.items() if name not in KEYS}
            return _run(command, inherited | emulator.environment)
    with emulator, suppress(KeyboardInterrupt):
        click.echo(_settings(emulator.environment, as_json=as_json))
        click.echo(f"Serving {counted(len(documents), 'model')}; press Ctrl-C to stop.", err=True)
        threading.Event().wait()
    return 0


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end and return its status, as a shell would."""
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise UsageError(
            "usage", f"{command[0]} cannot be run: {error.strerror}. Name a program after --"
        ) from None
    while True:
        # Ctrl-C reaches the command as well: what to do and to say is its own affair.
        with suppress(KeyboardInterrupt):
            status = process.wait()
            return status if status >= 0 else 128 - status


def _documents(source: str) -> Iterator[Documents]:
    """Yield the models of a source; a saved document that cannot be used is named and left out."""
    if source == "bundled":
        from falsmith.catalog.bundled import bundled_all

        yield from bundled_all()
        return
    from falsmith.catalog.saved import SavedSource

    for one in SavedSource(Path(source)).all():
        if isinstance(one, Documents):
            yield one
        else:
            click.echo(f"Left out: {one}", err=True)


def _settings(environment: Mapping[str, str], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(environment)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())
