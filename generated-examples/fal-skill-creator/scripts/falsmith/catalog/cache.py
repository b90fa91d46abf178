"""The local cache: models and documents that the platform told, in one SQLite file."""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from falsmith.catalog import cache_rows
from falsmith.catalog.cache_file import (
    TROUBLES,
    cache_trouble,
    empty,
    is_damage,
    open_file,
    set_aside,
)
from falsmith.catalog.query import Found, Query
from falsmith.documents import Documents, Entry

__all__ = ["Cache", "Contents"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a cache holds: `synced` is when the last complete sync began, as ISO 8601, or empty.

    `pages` counts those of a sync that was begun later and is not complete.
    """

    models: int
    documents: int
    size: int
    synced: str
    origin: str
    pages: int


class Cache:
    """Models and their documents, found again without a network; several processes may use it.

    A file that is damaged, or that a newer falsmith wrote, is set aside, and `notice` is told.
    Every method raises LocalError where this machine lets nobody read or write the file; a file
    that is not there is an empty cache, and reading makes none. `path` None means memory.
    """

    def __init__(self, path: Path | None, notice: Callable[[str], None]) -> None:
        self.path = path
        self._notice = notice
        self._connection: sqlite3.Connection | None = None
        self._writes = path is None

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._writes = self.path is None

    def documents(self, model_id: str) -> Documents | None:
        """Return a model's documents, or None where the cache has none."""
        return self.read(lambda rows: cache_rows.documents(rows, model_id))

    def search(self, query: Query) -> list[Found]:
        """Return the models that fit, the best first where words rank them, else the newest."""
        return self.read(lambda rows: cache_rows.search(rows, query))

    def categories(self) -> dict[str, int]:
        """Return how many active models each category has."""
        return self.read(cache_rows.categories)

    def ids(self) -> tuple[str, ...]:
        """Return the IDs of all models, sorted."""
        statement = "SELECT model_id FROM models ORDER BY model_id"
        return self.read(lambda rows: tuple(row[0] for row in rows.execute(statement)))

    def remember(self, documents: Documents) -> None:
        """Write one model's documents."""
        self.add([documents])

    def add(self, all_documents: Iterable[Documents]) -> None:
        """Write several models' documents, in one transaction."""

        def work(rows: sqlite3.Connection) -> None:
            for one in all_documents:
                cache_rows.put(rows, Entry(one.model_id, one.metadata, one.openapi))
            cache_rows.delete_unused_documents(rows)

        self.write(work)

    def contents(self) -> Contents:
        """Return what the cache holds, and of when it is."""
        return self.read(self._contents)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads; a damaged file is set aside, and then there is nothing."""
        return self._try(work, write=False)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns; all that it writes is kept, or nothing of it."""

        def whole(rows: sqlite3.Connection) -> T:
            rows.execute("BEGIN IMMEDIATE")
            try:
                done = work(rows)
                rows.execute("COMMIT")
            finally:
                if rows.in_transaction:
                    rows.execute("ROLLBACK")
            return done

        return self._try(whole, write=True)

    def _try(self, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        try:
            return self._once(work, write=write)
        except TROUBLES as error:
            if self.path is None or not is_damage(error):
                raise cache_trouble(error, self.path) from error
        # Another process may have set the same file aside, and may use a new one by now.
        self.close()
        try:
            return self._once(work, write=write)
        except TROUBLES as error:
            if not is_damage(error):
                raise cache_trouble(error, self.path) from error
            return self._anew(work, error, self.path, write=write)

    def _anew(
        self,
        work: Callable[[sqlite3.Connection], T],
        damage: Exception,
        path: Path,
        *,
        write: bool,
    ) -> T:
        self.close()
        try:
            self._notice(set_aside(path, damage))
            return self._once(work, write=write)
        except TROUBLES as error:
            raise cache_trouble(error, path) from error

    def _once(self, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        if self._connection is None or (write and not self._writes):
            self.close()
            opened = open_file(self.path, write=write) if self.path else None
            self._connection = opened or empty()
            self._writes = write or self.path is None
        return work(self._connection)

    def _contents(self, rows: sqlite3.Connection) -> Contents:
        models, documents = rows.execute("SELECT count(*), count(digest) FROM models").fetchone()
        done = rows.execute(
            "SELECT started, origin FROM syncs WHERE ended IS NOT NULL ORDER BY number DESC"
        ).fetchone()
        begun = rows.execute("SELECT max(pages) FROM syncs WHERE ended IS NULL").fetchone()
        synced, origin = done or ("", "")
        return Contents(models, documents, self._size(), synced, origin, begun[0] or 0)

    def _size(self) -> int:
        ends = ("", "-wal") if self.path else ()
        files = [Path(f"{self.path}{end}") for end in ends]
        return sum(file.stat().st_size for file in files if file.exists())
