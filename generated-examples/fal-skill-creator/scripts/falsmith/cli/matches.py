"""What a search found: a table for people, one JSON object for programs, notices beside both."""

import dataclasses
import json
import sys

from falsmith.catalog.query import Found, Query, close_categories
from falsmith.cli.options import notice
from falsmith.errors import DocumentError
from falsmith.sources import Catalogue, Live
from falsmith.text import counted

__all__ = ["explain_nothing", "print_matches"]

COLUMNS = ("model", "category", "date", "licence", "kind")
NAME_WIDTH, GAP = 16, 2
# Below this, what is on the machine is a small part of the catalogue.
FEW = 100


def print_matches(source: Catalogue, query: Query, limit: int | None, *, as_json: bool) -> int:
    """Search, print what fits, at most `limit` models, and return how many those are.

    A malformed entry is named and takes nothing from the others. Raises as the source does.
    """
    asked = None if limit is None else limit + 1
    models = []
    for one in source.search(query, asked):
        if isinstance(one, DocumentError):
            notice(f"left out: {one}")
        else:
            models.append(one)
    shown = models[:limit]
    has_more = len(shown) < len(models)
    if as_json:
        _print_object(shown, has_more=has_more)
    elif shown:
        _print_table(shown)
    if not models:
        explain_nothing(source, query)
    elif has_more:
        notice(f"more models fit than the {limit} shown: --all lists every one")
    return len(shown)


def _print_object(models: list[Found], *, has_more: bool) -> None:
    told = [
        {name: value or None for name, value in dataclasses.asdict(one).items()} for one in models
    ]
    sys.stdout.write(json.dumps({"models": told, "has_more": has_more}, indent=1) + "\n")


def _print_table(models: list[Found]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    rows = [[_marked(one), one.category, one.date[:10], one.license, one.kind] for one in models]
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


def _marked(model: Found) -> str:
    return model.model_id + (" (deprecated)" if model.status == "deprecated" else "")


def _searched(source: Catalogue) -> str:
    """Return a word on a catalogue in which little can be found."""
    count = FEW if isinstance(source, Live) else sum(source.categories().values())
    if count >= FEW:
        return ""
    return f" among {counted(count, 'model')}: `falsmith catalog sync` fetches the whole catalogue"


def explain_nothing(source: Catalogue, query: Query) -> None:
    """Tell why nothing may have been found: a category that nobody knows has close ones."""
    known = {} if isinstance(source, Live) or query.category is None else source.categories()
    close = close_categories(query.category, known) if query.category is not None else None
    if close is None:
        notice(f"no model fits{_searched(source)}")
        return
    hint = f"close to it: {', '.join(close)}" if close else "`falsmith categories` lists them"
    notice(f"no model fits; no category {query.category!r} is known here; {hint}")
