"""The whole catalogue into the cache, page by page: what is stored stays, and the rest goes on."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from fal_runtime.errors import LocalError
from falsmith.catalog.cache import Cache, cache_trouble, delete_unlisted, put
from falsmith.documents import ListEntry, entry_documents
from falsmith.errors import DocumentError, PlatformError
from falsmith.platform import CursorError, Page, Platform

__all__ = ["SyncProgress", "sync"]

# A cursor is the number of a page: after a day, the pages have other models on them.
RESUMED_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """How far a sync is: what it has stored so far, in this run and in those it goes on from.

    `broken` entries could not be read. Once it is `done`, `removed` models had vanished from the
    platform; `kept` ones had too, but stay because a broken entry may have been theirs.
    """

    number: int
    cursor: str | None
    pages: int
    models: int
    broken: int
    done: bool = False
    removed: int = 0
    kept: int = 0


def sync(platform: Platform, cache: Cache, notice: Callable[[str], None]) -> Iterator[SyncProgress]:
    """Read every page of the platform's list, with documents; yield at first and after each page.

    It goes on where one that was interrupted in the last day has ended. `notice` gets a line for
    each entry and each document that is broken. Raises LocalError where another process syncs the
    same cache or where the disk is in the way, and what `Platform.pages` raises; what was stored
    by then stays.
    """
    with _lock(cache.path):
        begun = _begin(platform, cache)
        try:
            yield from _follow(platform, cache, begun, notice)
        except CursorError:
            cache.write(_forget_unfinished)
            if begun.cursor is None:
                raise
            notice("the platform does not know where the last sync ended: it begins anew")
            yield from _follow(platform, cache, _begin(platform, cache), notice)


def _follow(
    platform: Platform, cache: Cache, progress: SyncProgress, notice: Callable[[str], None]
) -> Iterator[SyncProgress]:
    yield progress
    for page in platform.pages(cursor=progress.cursor, documents=True):
        for problem in filter(None, map(_problem, page.items)):
            notice(problem)
        progress = _store(platform, cache, progress, page)
        yield progress


def _problem(item: ListEntry | DocumentError) -> str | None:
    """Return what is wrong with an entry or with its document; one that brings none is sound."""
    if isinstance(item, DocumentError):
        return f"left out: {item}"
    try:
        if item.openapi is not None:
            entry_documents(item, "the platform's list")
    except DocumentError as error:
        return f"without a document: {error}"
    return None


def _begin(platform: Platform, cache: Cache) -> SyncProgress:
    """Return the progress of the unfinished sync of the last day, else of a new one."""
    now, origin = platform.clock.date(), platform.config.origins.platform

    def work(rows: sqlite3.Connection) -> SyncProgress:
        unfinished = rows.execute(
            "SELECT number, cursor, pages, models, broken FROM syncs "
            "WHERE ended IS NULL AND origin = ? AND started > ?",
            (origin, (now - RESUMED_WITHIN).isoformat()),
        ).fetchone()
        if unfinished is not None:
            return SyncProgress(*unfinished)
        _forget_unfinished(rows)
        # Numbers are never used again, so a model's number says whether this sync saw it.
        (last,) = rows.execute(
            "SELECT max(ifnull((SELECT max(number) FROM syncs), 0), "
            "ifnull((SELECT max(sync) FROM models), 0))"
        ).fetchone()
        rows.execute(
            "INSERT INTO syncs (number, origin, started) VALUES (?, ?, ?)",
            (last + 1, origin, now.isoformat()),
        )
        return SyncProgress(last + 1, None, 0, 0, 0)

    return cache.write(work)


def _store(platform: Platform, cache: Cache, before: SyncProgress, page: Page) -> SyncProgress:
    """Store a page and the place of the next one in one transaction, and the end with the last."""
    entries = [item for item in page.items if isinstance(item, ListEntry)]
    now = platform.clock.date()
    progress = replace(
        before,
        cursor=page.next_cursor,
        pages=before.pages + 1,
        models=before.models + len(entries),
        broken=before.broken + len(page.items) - len(entries),
    )

    def work(rows: sqlite3.Connection) -> SyncProgress:
        for entry in entries:
            put(rows, entry, progress.number)
        known = rows.execute(
            "UPDATE syncs SET cursor = ?, pages = ?, models = ?, broken = ? WHERE number = ?",
            (progress.cursor, progress.pages, progress.models, progress.broken, progress.number),
        )
        if not known.rowcount:
            raise LocalError(
                "local_trouble",
                f"the cache {cache.path} was replaced while it was filled: "
                "run `falsmith catalog sync` again",
            )
        return _finish(rows, progress, now) if page.next_cursor is None else progress

    return cache.write(work)


def _finish(rows: sqlite3.Connection, progress: SyncProgress, now: datetime) -> SyncProgress:
    """Mark the sync as complete, and remove the models of earlier ones that it did not see."""
    if not progress.models:
        raise PlatformError(
            "platform_down", "the platform lists no model at all: nothing was changed, try later"
        )
    number = (progress.number,)
    removed, kept = 0, 0
    if progress.broken:
        (kept,) = rows.execute("SELECT count(*) FROM models WHERE sync < ?", number).fetchone()
    else:
        removed = delete_unlisted(rows, progress.number)
    rows.execute("UPDATE syncs SET ended = ? WHERE number = ?", (now.isoformat(), *number))
    rows.execute("DELETE FROM syncs WHERE number < ?", number)
    return replace(progress, done=True, removed=removed, kept=kept)


def _forget_unfinished(rows: sqlite3.Connection) -> None:
    """Forget where an unfinished sync ended; what it stored stays."""
    rows.execute("DELETE FROM syncs WHERE ended IS NULL")


@contextmanager
def _lock(cache: Path | None) -> Iterator[None]:
    """Hold the right to sync this cache, which ends with this process, however that ends."""
    if cache is None:
        yield
        return
    # A lock of SQLite is one that every system has, and that no killed process leaves behind.
    path = Path(f"{cache}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(path, timeout=0, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise cache_trouble(error, path) from error
    with closing(lock):
        try:
            # Not EXCLUSIVE: of two that begin at the same moment, neither would get it.
            lock.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise cache_trouble(error, path) from error
            raise LocalError(
                "local_trouble",
                f"another `falsmith catalog sync` fills the cache {cache} at this moment: wait "
                "for it; `falsmith catalog info` shows how far it is",
            ) from error
        yield
