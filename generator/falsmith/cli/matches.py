"""What a search found: a table for people, one JSON object for programs, notices beside both."""

import dataclasses
import json
import sys

from falsmith.catalog.query import Found, Query, close_categories
from falsmith.cli.options import notice
from falsmith.errors import DocumentError
from falsmith.sources import Catalogue, Live

__all__ = ["print_matches"]


def print_matches(
    source: Catalogue, query: Query, limit: int | None, *, as_json: bool, more: str
) -> None:
    """Search and print what fits, at most `limit` models; `more` tells how to see the others.

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
        _explain_nothing(source, query)
    elif has_more:
        notice(f"more than {limit} models fit; {more}")


def _print_object(models: list[Found], *, has_more: bool) -> None:
    told = [
        {name: value or None for name, value in dataclasses.asdict(one).items()} for one in models
    ]
    sys.stdout.write(json.dumps({"models": told, "has_more": has_more}, indent=1) + "\n")


def _print_table(models: list[Found]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("model", "category", "date", "licence", "kind"):
        table.add_column(name, no_wrap=True, overflow="fold")
    table.add_column("name", no_wrap=True, overflow="ellipsis")
    for one in models:
        mark = " (deprecated)" if one.status == "deprecated" else ""
        cells = (one.category, one.date[:10], one.license, one.kind, one.display_name)
        table.add_row(escape(one.model_id + mark), *map(escape, cells))
    Console().print(table)


def _explain_nothing(source: Catalogue, query: Query) -> None:
    known = {} if isinstance(source, Live) or query.category is None else source.categories()
    close = close_categories(query.category, known) if query.category is not None else None
    if close is None:
        notice("no model fits")
    elif close:
        notice(f"no category is called {query.category!r}; close to it: {', '.join(close)}")
    else:
        notice(f"no category is called {query.category!r}; `falsmith categories` lists them")
