"""`falsmith emulate`: a local fal on loopback, and the settings that point a client at it."""

import json
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from fal_runtime.config import KEY_VARIABLES
from fal_runtime.errors import UsageError
from falsmith.documents import Documents
from falsmith.text import counted

if TYPE_CHECKING:
    from falsmith.emulator import Emulator

__all__ = ["emulate", "own_ledger"]

EXAMPLES = """\b
Examples:
  falsmith emulate
  falsmith emulate --source saved-documents/ --delay 5
  falsmith emulate --port 8800 --state /tmp/fal --json
  falsmith emulate --tls -- python uses_fal_client.py
  falsmith emulate --fault submit:drop:times=1 -- python my_client.py
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
    "--delay",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a job takes, half of it in the queue.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep jobs, results, files and ports in DIR for the next run.  [default: memory]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="Let requests fail, such as submit:drop:times=1; @FILE has a rule a line; list shows all.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Settles what rules with chance=P leave open."
)
@click.option(
    "--require-key/--no-key",
    default=True,
    show_default=True,
    help="Whether calls of models need the key that is printed.",
)
@click.option(
    "--tls",
    is_flag=True,
    help="Speak https, with a certificate of its own, for clients that speak nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the settings as one JSON object.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def emulate(
    *,
    source: str,
    port: int,
    delay: float,
    state: Path | None,
    faults: Sequence[str],
    seed: int,
    require_key: bool,
    tls: bool,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run a local fal on loopback until Ctrl-C, or for as long as COMMAND runs against it.

    Nothing leaves this machine. COMMAND, after --, gets the settings that lead it here, and a
    ledger of its own (in --state DIR, where that is given) unless FAL_STATE_DIR names one. Without
    a command it prints the settings that point a client at it. It answers each model by its own
    schema, with real files that it makes itself, and says 501 to what it does not do. On each of
    its addresses, /_emulator/books tells what it accepted; /_emulator/faults and /_emulator/clock
    take rules and put its clock forward.
    """
    from falsmith.emulator import Emulator

    if "list" in faults:
        click.echo(_fault_help())
        return 0
    documents = _documents(source)
    emulator = Emulator(
        documents,
        delay=delay,
        require_key=require_key,
        port=port,
        tls=tls,
        state=state,
        faults=[rule for given in faults for rule in _rules(given)],
        seed=seed,
    )
    if command:
        with emulator, own_ledger(state) as ledger:
            # The user's own key is not for what runs against the emulator.
            inherited = {
                name: value for name, value in os.environ.items() if name not in KEY_VARIABLES
            }
            status = _run(command, ledger | inherited | emulator.environment)
            _tell_unserved(emulator, documents)
            return status
    with emulator, own_ledger(state) as ledger, suppress(KeyboardInterrupt):
        named = {name: os.environ.get(name) or value for name, value in ledger.items()}
        click.echo(_settings(emulator.environment | named, as_json=as_json))
        served = counted(len(documents), "model")
        click.echo(f"Serving {served} at invented prices; press Ctrl-C to stop.", err=True)
        threading.Event().wait()
    return 0


@contextmanager
def own_ledger(state: Path | None = None) -> Iterator[dict[str, str]]:
    """Yield the setting that keeps calls of an emulator out of the user's ledger of paid ones.

    With a folder for the emulator's own state the ledger is kept there, for the next run.
    """
    if state is not None:
        yield {"FAL_STATE_DIR": str(state.absolute() / "ledger")}
        return
    with TemporaryDirectory(prefix="falsmith-", ignore_cleanup_errors=True) as folder:
        yield {"FAL_STATE_DIR": folder}


def _rules(given: str) -> list[str]:
    """Return the rule that is given, or those of the file that it names."""
    if not given.startswith("@"):
        return [given]
    try:
        text = Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError("usage", f"The rules in {given[1:]} cannot be read: {error}") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _fault_help() -> str:
    """Return every word that a rule can have, with its meaning."""
    from falsmith.emulator.faults import EFFECTS, MODEL_ERRORS, OPTIONS, PLACES, REQUEST_ERRORS

    def rows(meanings: Mapping[str, str]) -> str:
        width = max(map(len, meanings)) + 2
        return "\n".join(f"  {name:{width}}{meaning}" for name, meaning in meanings.items())

    effects = {
        f"{name}={effect.value}".rstrip("="): effect.meaning for name, effect in EFFECTS.items()
    }
    return "\n".join(
        [
            "A rule reads PLACE:EFFECT[=VALUE][:OPTION...], such as status:error=405:times=2.",
            "A request can carry rules of its own in the header X-Fal-Emulator-Fault.",
            f"\nPlaces\n{rows(PLACES)}",
            f"\nEffects\n{rows(effects)}",
            f"\nOptions\n{rows(OPTIONS)}",
            f"\nErrors of fail\n  {', '.join([*MODEL_ERRORS, *REQUEST_ERRORS])}",
        ]
    )


def _run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end and return its status, as a shell would.

    Ctrl-C reaches the command as well: what to do and to say is its own affair.
    """
    # A handler that does nothing, for an interrupted wait would lose the status; unlike a signal
    # that is ignored, the command does not inherit it.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = subprocess.run(command, env=environment, check=False).returncode
    except OSError as error:
        raise UsageError(
            "usage", f"{command[0]} cannot be run: {error.strerror}. Name a program after --"
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else 128 - status


def _tell_unserved(emulator: "Emulator", documents: Sequence[Documents]) -> None:
    """Say of each model that was called and is not served here where models come from."""
    served = {one.model_id for one in documents}
    called = [
        one.path.strip("/").removesuffix("/stream")
        for one in emulator.requests
        if one.host in ("queue", "run") and one.method == "POST"
    ]
    for model_id in dict.fromkeys(one for one in called if one not in served):
        click.echo(
            f"This local fal does not know {model_id}: it serves {counted(len(served), 'model')}."
            " --source FOLDER serves others, from saved documents.",
            err=True,
        )


def _documents(source: str) -> list[Documents]:
    """Return the models of a source; saved documents that cannot be used are counted in a line."""
    if source == "bundled":
        from falsmith.catalog.bundled import bundled_all

        return list(bundled_all())
    from falsmith.catalog.saved import SavedSource

    found = list(SavedSource(Path(source)).all())
    unusable = [one for one in found if not isinstance(one, Documents)]
    if unusable:
        count = f"{counted(len(unusable), 'document')}, the first: " if len(unusable) > 1 else ""
        click.echo(f"Left out: {count}{unusable[0]}", err=True)
    return [one for one in found if isinstance(one, Documents)]


def _settings(environment: Mapping[str, str], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(environment)
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())
