"""`falsmith catalog`: the whole catalogue on this machine, and what is there of it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from fal_runtime.errors import FalError, LocalError
from falsmith.catalog.cache import Cache, CacheContents
from falsmith.catalog.sync import SyncProgress, sync
from falsmith.cli.options import (
    json_option,
    notice,
    open_cache,
    open_platform,
    print_json,
    quiet_option,
)
from falsmith.cli.program import program

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Keep the platform's whole catalogue on this machine, for work without a network."""


@catalog.command("sync", epilog="\b\nExample:\n  falsmith catalog sync")
@json_option
@quiet_option
def sync_command(as_json: bool, quiet: bool) -> int:
    """Fetch every model and its document into the local cache.

    One request is sent at a time. What was interrupted goes on where it ended, within a day.
    Models that vanished from the platform are removed once the whole list was read.
    """
    cache = open_cache()
    last = None
    try:
        with _progress(cache.contents().models, quiet=quiet) as show:
            for last in sync(open_platform(), cache, (lambda _: None) if quiet else notice):
                show(last)
    except (FalError, KeyboardInterrupt):
        if last is not None and last.pages:
            notice(f"{last.models} models are stored and stay: run the same command again")
        raise
    if last is not None:
        _print_sync(last, cache, as_json=as_json)
    return 0


@catalog.command(epilog="\b\nExample:\n  falsmith catalog info --json")
@json_option
def info(as_json: bool) -> int:
    """Show what the local cache holds, how old that is, and where it stands."""
    cache = open_cache()
    contents = cache.contents()
    if as_json:
        print_json(_object(contents, cache))
        return 0
    synced = "never complete"
    if contents.synced:
        synced = f"{_ago(contents.synced)} from {contents.origin}"
    lines = [
        f"path       {cache.path}",
        f"models     {contents.models:,}",
        f"documents  {contents.documents:,}",
        f"size       {contents.size / 1e6:.1f} MB",
        f"synced     {synced}",
    ]
    if contents.pages:
        hint = program().named("`falsmith catalog sync`")
        lines.append(f"unfinished a sync stands at page {contents.pages}: {hint}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


@contextmanager
def _progress(known: int, *, quiet: bool) -> Iterator[Callable[[SyncProgress], None]]:
    """Give what shows a sync's progress: a bar, measured by the models known before, or nothing."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (rich.TextColumn("catalogue"), rich.BarColumn(), rich.TextColumn("{task.completed}"))
    with rich.Progress(*columns, rich.TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=known or None)

        def show(now: SyncProgress) -> None:
            longer = max(known, now.models + 1) if known else None
            bar.update(task, completed=now.models, total=now.models if now.done else longer)

        yield show


def _print_sync(last: SyncProgress, cache: Cache, *, as_json: bool) -> None:
    # Closed, the journal is part of the file, and the size is what stays.
    cache.close()
    contents = cache.contents()
    if not contents.synced:
        raise LocalError(
            "local_trouble",
            f"the cache {cache.path} was removed while it was filled: run the same command again",
        )
    if last.kept:
        notice(
            f"{last.kept} models are no longer listed; they are kept, because broken entries "
            "of the list may be theirs"
        )
    if as_json:
        counts = {"removed": last.removed, "kept": last.kept, "broken": last.broken}
        print_json(_object(contents, cache) | counts)
        return
    gone = f", {last.removed} vanished ones removed" if last.removed else ""
    sys.stdout.write(
        f"{contents.models:,} models, {contents.documents:,} with documents{gone}: "
        f"{cache.path} ({contents.size / 1e6:.1f} MB)\n"
    )


def _object(contents: CacheContents, cache: Cache) -> dict[str, object]:
    age = _age(contents.synced) if contents.synced else None
    return {
        "path": str(cache.path),
        "models": contents.models,
        "documents": contents.documents,
        "size": contents.size,
        "synced": contents.synced or None,
        "age_s": age,
        "origin": contents.origin or None,
        "unfinished_pages": contents.pages,
    }


def _age(when: str) -> int:
    return max(0, int((datetime.now(UTC) - datetime.fromisoformat(when)).total_seconds()))


def _ago(when: str) -> str:
    """Return how long ago it was, in the largest unit that fits."""
    seconds = _age(when)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
