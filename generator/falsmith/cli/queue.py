"""`falsmith queue`: all daemons of this user, and the ledger of their jobs."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fal_runtime.errors import UsageError
from fal_runtime.model import described_models
from fal_runtime.paths import safe_name
from fal_runtime.text import one_line
from falsmith.cli.options import default_folders, json_option, notice, print_json
from falsmith.text import counted

if TYPE_CHECKING:
    from fal_runtime.daemon.status import DaemonStatus
    from fal_runtime.jobs.ledger import Ledger

__all__ = ["queue"]

_SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400}
_EXAMPLES = """\b
Examples:
  falsmith queue status
  falsmith queue jobs --limit 50
  falsmith queue wait k3v8x2ab
  falsmith queue prune --older-than 30d
  falsmith queue spend --since 7d --by day
"""

_skill_option = click.option(
    "--skill",
    metavar="NAME|DIR",
    help="Only this skill's: its folder, or its name where it stands in a host's folder.",
)


@click.group(epilog=_EXAMPLES)
def queue() -> None:
    """See what the daemons of all skills do, and every job that this user has made."""


@queue.command()
@_skill_option
@json_option
def status(skill: str | None, as_json: bool) -> int:
    """List the daemons that run, and the jobs that each holds."""
    _print_daemons(_daemons(skill), as_json=as_json)
    return 0


@queue.command()
@_skill_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@json_option
def jobs(skill: str | None, limit: int, as_json: bool) -> int:
    """List the jobs of the ledger, newest first: when, model, state, prompt, files."""
    from fal_runtime.jobs.commands import listed_job

    model_ids = _model_ids(skill) if skill is not None else None
    waits = {job.job: job.waits for one in _daemons(skill) for job in one.jobs if job.waits}
    now = datetime.now(UTC).timestamp()
    with closing(_ledger()) as ledger:
        listed = [listed_job(entry, now) for entry in ledger.jobs(model_ids, limit=limit)]
    listed = [
        row | ({"waits": waits[str(row["job"])]} if row["job"] in waits else {}) for row in listed
    ]
    if as_json:
        print_json({"jobs": listed})
    elif listed:
        columns = ("job", "state", "when", "model_id", "prompt", "files")
        _print_table(columns, [_cells(row, columns) for row in listed])
    else:
        notice("the ledger has no such job")
    return 0


@queue.command()
@click.argument("job")
@click.option("-m", "--model-id", help="The model, where only fal knows the job.")
def wait(job: str, model_id: str | None) -> int:
    """Wait for a JOB, by our ID or fal's, and save its files as its own call did."""
    return _call("result", job, model_id)


@queue.command()
@click.argument("job")
@click.option("-m", "--model-id", help="The model, where only fal knows the job.")
def cancel(job: str, model_id: str | None) -> int:
    """Cancel a JOB, by our ID or fal's."""
    return _call("cancel", job, model_id)


@queue.command()
@_skill_option
@json_option
def shutdown(skill: str | None, as_json: bool) -> int:
    """Have the daemons end their jobs, take no new ones, and leave."""
    from fal_runtime.daemon.status import shut_down

    _print_daemons([shut_down(one) for one in _daemons(skill)], as_json=as_json)
    return 0


@queue.command()
@click.option(
    "--older-than",
    required=True,
    metavar="AGE",
    help="A number of hours, days or weeks, such as 12h, 30d or 8w.",
)
@json_option
def prune(older_than: str, as_json: bool) -> int:
    """Forget the jobs that ended longer ago; never one that is not collected.

    What they cost is forgotten with them: spend adds up what the ledger still has.
    """
    with closing(_ledger()) as ledger:
        count = ledger.prune(_ago("--older-than", older_than))
    if as_json:
        print_json({"pruned": count})
    else:
        sys.stdout.write(f"forgot {counted(count, 'job')}\n")
    return 0


@queue.command()
@_skill_option
@click.option("--since", default="30d", metavar="AGE", show_default=True, help="As far back.")
@click.option("--by", type=click.Choice(["model", "day"]), default="model", show_default=True)
@json_option
def spend(skill: str | None, since: str, by: Literal["model", "day"], as_json: bool) -> int:
    """Add up what the jobs cost: the units that fal billed, times what a unit costs.

    A unit price that was never asked is asked now, where a key is set. fal's own bill is the truth:
    discounts and tiers are not in its price list.
    """
    from fal_runtime.config import load_config
    from fal_runtime.fal.http import Connection, new_client
    from fal_runtime.jobs.price import spent

    begun_after = _ago("--since", since)
    model_ids = _model_ids(skill) if skill is not None else None
    config = load_config(None, os.environ)
    with closing(_ledger()) as ledger, new_client(config) as client:
        rows = spent(Connection(client, config, notice), ledger, begun_after, by, model_ids)
    totals: dict[str, float] = {}
    for row in rows:
        if row.unpriced < row.jobs:
            totals[row.currency] = round(totals.get(row.currency, 0.0) + row.cost, 6)
    unpriced = sum(row.unpriced for row in rows)
    if as_json:
        shown = {"since": since, "by": by, "spent": [asdict(row) for row in rows]}
        print_json({**shown, "total": totals, "unpriced": unpriced})
        return 0
    if rows:
        cells = [
            [
                row.name,
                str(row.jobs),
                f"{row.units:g}",
                f"{row.cost:g} {row.currency}".strip() if row.unpriced < row.jobs else "unknown",
            ]
            for row in rows
        ]
        _print_table((by, "jobs", "units", "cost"), cells)
    sums = ", ".join(f"{cost:g} {currency}" for currency, cost in totals.items()) or "nothing"
    more = f"; {counted(unpriced, 'job')} without a price" if unpriced else ""
    sys.stdout.write(f"together: {sums}{more}\n")
    return 0


def _ago(option: str, text: str) -> float:
    """Return the time (UTC seconds) that is an age ago; raises UsageError."""
    age = re.fullmatch(r"(\d{1,6})([hdw])", text)
    if age is None:
        raise UsageError("usage", f"{option} takes 12h, 30d or 8w, not {one_line(text, 40)}")
    return datetime.now(UTC).timestamp() - int(age[1]) * _SECONDS[age[2]]


def _call(action: Literal["result", "cancel"], job: str, model_id: str | None) -> int:
    """Do what `falsmith call` does with a job; so its hints name that command."""
    from fal_runtime.command import main
    from fal_runtime.queue_command import options_about

    with closing(_ledger()) as ledger:
        words = options_about(ledger, action, job, model_id)
    return main(words, model_id=None, skill=None, subcommand="call")


def _ledger() -> "Ledger":
    from fal_runtime.jobs.ledger import open_ledger

    return open_ledger(os.environ, Path.cwd(), notice)


def _daemons(skill: str | None) -> list["DaemonStatus"]:
    """Return the daemons that run, all or those of a skill; raises DaemonError for a mute one."""
    from fal_runtime.daemon.place import daemon_folders
    from fal_runtime.daemon.status import daemon_status

    named = f"{safe_name(_folder(skill).absolute().name)}__" if skill is not None else ""
    folders = [one for one in daemon_folders(os.environ) if one.name.startswith(named)]
    found = [daemon_status(folder) for folder in folders]
    return [one for one in found if one.status != "NOT_RUNNING"]


def _folder(skill: str) -> Path:
    """Return a skill's folder, by its path or by its name in a host's folder; raises UsageError."""
    places = [Path(skill), *(folder / skill for folder in default_folders())]
    found = next((place for place in places if (place / "references").is_dir()), None)
    if found is None:
        raise UsageError("usage", f"{one_line(skill, 200)} is no skill; `falsmith list` names them")
    return found


def _model_ids(skill: str) -> list[str]:
    return described_models(_folder(skill)).ids


def _print_daemons(found: Sequence["DaemonStatus"], *, as_json: bool) -> None:
    rows = [one.as_json() for one in found]
    if as_json:
        print_json({"daemons": rows})
    elif rows:
        columns = ("model_id", "status", "pid", "since", "jobs")
        _print_table(columns, [_cells(row | {"jobs": len(row["jobs"])}, columns) for row in rows])
    else:
        notice("no daemon runs: a call starts its skill's")


def _cells(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    """Return what a table shows of a row: of a list its first item and how many more there are."""
    shown = []
    for name in columns:
        value = row.get(name)
        if isinstance(value, list):
            more = f" and {len(value) - 1} more" if len(value) > 1 else ""
            value = f"{value[0]}{more}" if value else ""
        shown.append(one_line(str(value if value is not None else "")))
    return shown


# Columns of a table that give way on a narrow screen.
_FOLDED = ("model_id", "model", "prompt", "files")


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, cells in zip(columns, zip(*rows, strict=True), strict=True):
        # What is short and needed stays whole; a narrow screen folds the rest. Width alone would
        # not do: rich takes from such a column too, gives it back, and cuts the line's end.
        whole = name not in _FOLDED
        width = max(map(len, (name, *cells))) if whole else None
        table.add_column(name.removesuffix("_id"), min_width=width, no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
