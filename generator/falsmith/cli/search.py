"""`falsmith search`: models by words, category and ability, as a table or as one JSON object."""

import dataclasses
import json
import sys

import click

from fal_runtime.errors import UsageError
from falsmith.catalog.query import Match, Query, Status, close_categories, unknown_ability
from falsmith.cli.options import json_option, notice, open_source, source_options
from falsmith.errors import DocumentError
from falsmith.sources import Catalogue, Live
from falsmith.text import counted

__all__ = ["explain_nothing", "print_matches", "search"]

DEFAULT_LIMIT = 20
COLUMNS = ("model", "category", "date", "licence", "kind")
NAME_WIDTH, GAP = 16, 2
# Below this, what is on the machine is a small part of the catalogue.
FEW = 100
EXAMPLES = """\b
Examples:
  falsmith search "text to image"
  falsmith search -c image-to-video --limit 5
  falsmith search upscale --offline
  falsmith search --offline --input end_image_url --choice shot_type=customize
"""


@click.command(epilog=EXAMPLES)
@click.argument("text", nargs=-1)
@click.option("-c", "--category", metavar="CATEGORY", help="As `falsmith categories` lists them.")
@click.option(
    "--status",
    type=click.Choice(["active", "deprecated", "all"]),
    default="active",
    show_default=True,
    help="Which models.",
)
@click.option(
    "--limit", type=click.IntRange(1), help=f"The most models to list [default: {DEFAULT_LIMIT}]."
)
@click.option("--all", "everything", is_flag=True, help="List every match.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FIELD",
    help="Offline: models that take this field; repeatable.",
)
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Offline: models whose field allows this value; repeatable.",
)
@click.option(
    "--output-kind",
    "output_kinds",
    multiple=True,
    metavar="KIND",
    help="Offline: models that make such files: image, video, audio, 3d ...; repeatable.",
)
@source_options
@json_option
def search(
    text: tuple[str, ...],
    category: str | None,
    status: Status,
    limit: int | None,
    everything: bool,
    inputs: tuple[str, ...],
    choices: tuple[str, ...],
    output_kinds: tuple[str, ...],
    source: str | None,
    offline: bool,
    as_json: bool,
) -> int:
    """Search models by TEXT; without any, the newest come first.

    The search runs on fal's platform, or with --offline or --source on this machine: there,
    models are also found by what they take and make, as far as their documents are at hand.
    """
    if everything and limit is not None:
        raise UsageError("usage", "--all and --limit exclude each other: drop one of them")
    pairs = []
    for choice in choices:
        name, sign, value = choice.partition("=")
        if not (name and sign):
            raise UsageError("usage", f"--choice takes FIELD=VALUE, not {choice[:80]!r}")
        pairs.append((name, value))
    query = Query(" ".join(text), category, status, inputs, tuple(pairs), output_kinds)
    print_matches(
        open_source(source, offline=offline),
        query,
        None if everything else limit or DEFAULT_LIMIT,
        as_json=as_json or not sys.stdout.isatty(),
    )
    return 0


def print_matches(source: Catalogue, query: Query, limit: int | None, *, as_json: bool) -> int:
    """Search, print what fits, at most `limit` models, and return how many those are.

    A malformed entry is named and takes nothing from the others. Raises as the source does.
    """
    models = []
    for one in source.search(query, None if limit is None else limit + 1):
        if isinstance(one, DocumentError):
            notice(f"left out: {one}")
        else:
            models.append(one)
    shown = models[:limit]
    has_more = len(shown) < len(models)
    if as_json:
        listed = [
            {name: value or None for name, value in dataclasses.asdict(one).items()}
            for one in shown
        ]
        sys.stdout.write(json.dumps({"models": listed, "has_more": has_more}, indent=1) + "\n")
    elif shown:
        _print_table(shown)
    if not models:
        explain_nothing(source, query)
    elif has_more:
        notice(f"more models fit than the {limit} shown: --all lists every one")
    return len(shown)


def explain_nothing(source: Catalogue, query: Query) -> None:
    """Print why nothing may have been found: an unknown category or ability, few models."""
    known = {} if isinstance(source, Live) or query.category is None else source.categories()
    close = close_categories(query.category, known) if query.category is not None else None
    unknown = unknown_ability(query.abilities, source.abilities()) if query.abilities else None
    if close is None and unknown is not None:
        notice(f"no model fits; {unknown}")
        return
    if close is None:
        count = FEW if isinstance(source, Live) else sum(source.categories().values())
        among = (
            f" among {counted(count, 'model')}: `falsmith catalog sync` fetches the whole catalogue"
        )
        notice(f"no model fits{among if count < FEW else ''}")
        return
    hint = f"close to it: {', '.join(close)}" if close else "`falsmith categories` lists them"
    notice(f"no model fits; no category {query.category!r} is known here; {hint}")


def _print_table(models: list[Match]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    rows = []
    for one in models:
        mark = " (deprecated)" if one.status == "deprecated" else ""
        rows.append([one.model_id + mark, one.category, one.date[:10], one.license, one.kind])
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    used = sum(widths) + GAP * len(widths)
    console = Console()
    # An ID is there to be copied: a narrow screen folds the line and cuts no ID.
    console.width = max(console.width, used + NAME_WIDTH)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header, width in zip(COLUMNS, widths, strict=True):
        table.add_column(header, no_wrap=True, width=width)
    table.add_column("name", no_wrap=True, overflow="ellipsis", max_width=console.width - used)
    for row, one in zip(rows, models, strict=True):
        table.add_row(*map(escape, (*row, one.display_name)))
    console.print(table)
