"""`falsmith search`: models by words, category and ability, as a table or as one JSON object."""

import dataclasses
from collections.abc import Sequence

import click

from fal_runtime.errors import UsageError
from falsmith.catalog.query import Match, Query, Status, close_categories, unknown_ability
from falsmith.cli.options import json_option, notice, open_source, print_json, source_options
from falsmith.errors import DocumentError
from falsmith.sources import Live, SearchableSource
from falsmith.text import counted

__all__ = ["explain_nothing", "print_matches", "search"]

DEFAULT_LIMIT = 20
COLUMNS = ("model", "category", "date", "licence", "kind", "name")
INDENT = "    "
# Below this, what is on the machine is a small part of the catalogue.
FEW = 100
WHOLE = (
    "after `falsmith catalog sync`, --offline searches fields, their choices and descriptions too"
)
EXAMPLES = """\b
Examples:
  falsmith search "remove the background of a video"
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
        as_json=as_json,
    )
    return 0


def print_matches(
    source: SearchableSource, query: Query, limit: int | None, *, as_json: bool
) -> int:
    """Search, print what fits, at most `limit` models, and return how many have all words.

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
        listed = [_object(one) for one in shown]
        print_json({"models": listed, "has_more": has_more})
    elif shown:
        _print_table(shown)
    if not models:
        explain_nothing(source, query)
    else:
        _explain_missing(source, shown)
    if has_more:
        notice(f"more models fit than the {limit} shown: --all lists every one")
    return sum(not one.missing for one in shown)


def _object(one: Match) -> dict[str, object]:
    described = {name: value or None for name, value in dataclasses.asdict(one).items()}
    return described | {"missing": list(one.missing)}


def _explain_missing(source: SearchableSource, shown: list[Match]) -> None:
    """Say that models lack words of the search, and what finds more than the platform does."""
    lacking = [one for one in shown if one.missing]
    if not lacking:
        return
    if len(lacking) < len(shown):
        lack = "lacks" if len(lacking) == 1 else "lack"
        notice(f"{len(lacking)} of these {lack} a word of the search")
        return
    notice("no model has all words: these come closest")
    if isinstance(source, Live):
        notice(f"the platform looks at names and summaries only; {WHOLE}")


def explain_nothing(source: SearchableSource, query: Query) -> None:
    """Print why nothing may have been found: an unknown category or ability, few models."""
    known = {} if isinstance(source, Live) or query.category is None else source.categories()
    close = close_categories(query.category, known) if query.category is not None else None
    unknown = unknown_ability(query.abilities, source.abilities()) if query.abilities else None
    if close is None and unknown is not None:
        notice(f"no model fits; {unknown}")
        return
    if close is None:
        notice(f"no model fits{_among(source)}")
        return
    hint = f"close to it: {', '.join(close)}" if close else "`falsmith categories` lists them"
    notice(f"no model fits; no category {query.category!r} is known here; {hint}")


def _among(source: SearchableSource) -> str:
    """Return among which models nothing was found, where there are more."""
    if isinstance(source, Live):
        return f"; the platform looks at names and summaries only; {WHOLE}"
    count = sum(source.categories().values())
    if count >= FEW:
        return ""
    return f" among {counted(count, 'model')}: `falsmith catalog sync` fetches the whole catalogue"


def _print_table(models: list[Match]) -> None:
    """Print two lines a model: what it is, and what it does."""
    from rich.console import Console
    from rich.text import Text

    rows = [
        (
            one.model_id + (" (deprecated)" if one.status == "deprecated" else ""),
            one.category,
            one.date[:10],
            one.license,
            one.kind,
            one.display_name,
        )
        for one in models
    ]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    console = Console()
    console.print(Text(_line(COLUMNS, widths), style="bold"), soft_wrap=True)
    for row, one in zip(rows, models, strict=True):
        # An ID is there to be copied: a narrow screen breaks the line and cuts no ID.
        console.print(Text(_line(row, widths)), soft_wrap=True)
        without = f"(without: {', '.join(one.missing)}) " if one.missing else ""
        summary = Text(f"{INDENT}{without}{one.description}", style="dim")
        console.print(summary, overflow="ellipsis", no_wrap=True)


def _line(values: Sequence[str], widths: Sequence[int]) -> str:
    padded = (value.ljust(width) for value, width in zip(values, widths, strict=True))
    return "  ".join(padded).rstrip()
