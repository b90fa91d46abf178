"""The local cache: models and documents that the platform gave, in one SQLite file with FTS5.

A damaged file is thrown away and filled again: nothing is in it that the platform does not have.
"""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

from fal_runtime.config import Origins, is_loopback
from fal_runtime.errors import LocalError
from fal_runtime.text import one_line
from falsmith.catalog import ranking
from falsmith.catalog.query import Match, Query, abilities, field_texts, match_of
from falsmith.documents import Documents, Json, ListEntry, entry_documents
from falsmith.errors import DocumentError
from falsmith.schema.resolve import input_schema, output_schema

__all__ = ["Cache", "CacheContents", "cache_trouble", "default_path", "delete_unlisted", "put"]

# Marks the file as ours, "fals" in ASCII; the version changes with the tables below.
APPLICATION = 0x66616C73
VERSION = 2
MARKS = ("application_id", "user_version")
# Seconds in which one process waits for another one's write, which takes a fraction of one.
LOCK_TIMEOUT = 20.0
TABLES = """
CREATE TABLE documents (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    model_id TEXT NOT NULL UNIQUE,
    metadata TEXT NOT NULL,
    category TEXT NOT NULL,
    status TEXT NOT NULL,
    date TEXT NOT NULL,
    digest TEXT REFERENCES documents,
    sync INTEGER
);
CREATE INDEX models_by_digest ON models (digest);
CREATE TABLE abilities (
    ability TEXT NOT NULL, model INTEGER NOT NULL, PRIMARY KEY (ability, model)
) WITHOUT ROWID;
CREATE INDEX abilities_by_model ON abilities (model);
CREATE TABLE syncs (
    number INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    started TEXT NOT NULL,
    ended TEXT,
    cursor TEXT,
    pages INTEGER NOT NULL DEFAULT 0,
    models INTEGER NOT NULL DEFAULT 0,
    broken INTEGER NOT NULL DEFAULT 0
);
"""
TABLES += ranking.TABLE
PUT_MODEL = """
INSERT INTO models (model_id, metadata, category, status, date, digest, sync)
VALUES (:model_id, :metadata, :category, :status, :date, :digest, :sync)
ON CONFLICT (model_id) DO UPDATE SET
    metadata = excluded.metadata,
    category = coalesce(nullif(excluded.category, 'unknown'), category),
    status = excluded.status,
    date = excluded.date,
    digest = coalesce(excluded.digest, digest),
    sync = coalesce(excluded.sync, sync)
"""
# What sqlite says where it can make no journal beside the file.
NO_JOURNAL = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class _DamagedError(Exception):
    """The file is no cache of this version, or what it holds cannot be read back."""


# What a file in bad shape, or a machine in trouble, makes of any use of the cache.
TROUBLES = (sqlite3.DatabaseError, _DamagedError, UnicodeDecodeError, OSError)


@dataclass(frozen=True, slots=True)
class CacheContents:
    """What a cache holds: `synced` is when the last complete sync began, as ISO 8601, or empty.

    `pages` counts those of a sync that was begun later and is not complete.
    """

    models: int
    documents: int
    size: int
    synced: str
    origin: str
    pages: int


def default_path(platform: str = Origins().platform) -> Path:
    """Return where the cache of a platform stands: below the user's cache folder.

    Another platform than fal's own has a cache of its own. All that run on this machine share one:
    their ports change from day to day.
    """
    mark = hashlib.sha256(platform.encode()).hexdigest()[:8]
    if platform == Origins().platform:
        name = "catalog.db"
    else:
        name = f"catalog-{'local' if is_loopback(platform) else mark}.db"
    return Path(user_cache_dir("falsmith", appauthor=False)) / name


def cache_trouble(error: Exception, path: Path | None) -> LocalError:
    """Return the error of a cache that this machine does not let us read or write."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return LocalError(
        "local_trouble",
        f"the cache {path or 'in memory'} cannot be used: {reason}. Make room or make the folder "
        "writable, or name another cache folder with XDG_CACHE_HOME",
    )


class Cache:
    """Models and their documents, found again without a network; several processes may use it.

    A file that is damaged, or of another version, is deleted, and `notice` gets a line about it.
    Every method raises LocalError where this machine lets nobody read or write the file; a file
    that is not there is an empty cache, and reading makes none. `path` None means memory.
    """

    def __init__(self, path: Path | None, notice: Callable[[str], None]) -> None:
        self.path = path
        self._notice = notice
        self._connection: sqlite3.Connection | None = None
        self._writable = False

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def documents(self, model_id: str) -> Documents | None:
        """Return a model's documents, or None where the cache has none."""
        return self.read(lambda rows: _documents(rows, model_id))

    def search(self, query: Query) -> list[Match]:
        """Return the models that fit, the best first where words rank them, else the newest.

        Models that lack words, but are nearly as good as the best one, fit too.
        """
        return self.read(lambda rows: _search(rows, query))

    def categories(self) -> dict[str, int]:
        """Return how many active models each category has; models without one are `unknown`."""
        statement = "SELECT category, count(*) FROM models WHERE status = 'active' GROUP BY 1"
        return self.read(lambda rows: dict(rows.execute(statement).fetchall()))

    def abilities(self) -> frozenset[str]:
        """Return what any model takes and makes, as `query.abilities` words it."""
        statement = "SELECT DISTINCT ability FROM abilities"
        return self.read(lambda rows: frozenset(row[0] for row in rows.execute(statement)))

    def ids(self) -> tuple[str, ...]:
        """Return the IDs of all models, sorted."""
        statement = "SELECT model_id FROM models ORDER BY model_id"
        return self.read(lambda rows: tuple(row[0] for row in rows.execute(statement)))

    def remember(self, documents: Documents) -> None:
        """Write one model's documents."""
        self.add([documents])

    def add(self, models: Iterable[Documents | ListEntry]) -> None:
        """Write what is known of several models, in one transaction."""

        def work(rows: sqlite3.Connection) -> None:
            for one in models:
                put(rows, ListEntry(one.model_id, one.metadata, one.openapi))
            _delete_unused_documents(rows)

        self.write(work)

    def contents(self) -> CacheContents:
        """Return what the cache holds, and of when it is."""

        def work(rows: sqlite3.Connection) -> CacheContents:
            models, documents = rows.execute(
                "SELECT count(*), count(digest) FROM models"
            ).fetchone()
            complete = rows.execute(
                "SELECT started, origin FROM syncs WHERE ended IS NOT NULL ORDER BY number DESC"
            ).fetchone()
            begun = rows.execute("SELECT max(pages) FROM syncs WHERE ended IS NULL").fetchone()
            files = [Path(f"{self.path}{end}") for end in ("", "-wal") if self.path is not None]
            size = sum(file.stat().st_size for file in files if file.exists())
            synced, origin = complete or ("", "")
            return CacheContents(models, documents, size, synced, origin, begun[0] or 0)

        return self.read(work)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` reads; a damaged file is deleted, and then there is nothing."""
        return self._do(work, write=False)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` returns; all that it writes is kept, or nothing of it."""

        def whole(rows: sqlite3.Connection) -> T:
            rows.execute("BEGIN IMMEDIATE")
            try:
                result = work(rows)
                rows.execute("COMMIT")
            finally:
                if rows.in_transaction:
                    rows.execute("ROLLBACK")
            return result

        return self._do(whole, write=True)

    def _do(self, work: Callable[[sqlite3.Connection], T], *, write: bool) -> T:
        # A second try, because another process may have replaced the same damaged file by now.
        for attempt in ("first", "again", "anew"):
            try:
                return work(self._open(write=write))
            except TROUBLES as error:
                if attempt == "anew" or self.path is None or not _is_damage(error):
                    raise cache_trouble(error, self.path) from error
                self.close()
                if attempt == "again":
                    self._delete(self.path, error)
        raise AssertionError("the last attempt returns or raises")

    def _open(self, *, write: bool) -> sqlite3.Connection:
        if self._connection is None or (write and not self._writable):
            self.close()
            self._connection = _opened(self.path, write=write)
            self._writable = write or self.path is None
        return self._connection

    def _delete(self, path: Path, damage: Exception) -> None:
        try:
            # The journal belongs to the file: beside a new one it would be taken for that one's.
            for end in ("-wal", "-shm", "-journal", ""):
                Path(f"{path}{end}").unlink(missing_ok=True)
        except OSError as error:
            both = f"{damage}, and it cannot be deleted: {error.strerror}"
            raise cache_trouble(_DamagedError(both), path) from error
        self._notice(
            f"the cache {path} could not be used: {damage}. It was deleted; "
            "`falsmith catalog sync` fills a new one"
        )


def put(rows: sqlite3.Connection, entry: ListEntry, sync: int | None = None) -> None:
    """Write a model, or write it anew; a document stays where the entry brings no usable one.

    `sync` numbers the sync that saw the model in the platform's list.
    """
    openapi, digest = None, None
    with suppress(DocumentError):
        openapi = entry_documents(entry, "the list").openapi
        digest = _put_document(rows, openapi)
    match = match_of(entry, openapi)
    select = "SELECT id, digest FROM models WHERE model_id = ?"
    before = rows.execute(select, (entry.model_id,)).fetchone()
    row = {"model_id": entry.model_id, "metadata": json.dumps(entry.metadata), "digest": digest}
    row |= {"category": match.category, "status": match.status, "date": match.date}
    rows.execute(PUT_MODEL, row | {"sync": sync})
    number, _ = before or rows.execute(select, (entry.model_id,)).fetchone()
    texts = {"model_id": match.model_id, "title": match.display_name, "category": match.category}
    texts |= {"summary": match.description, "tags": _tags(entry)}
    if openapi is not None and (before is None or before[1] != digest):
        inputs = input_schema(openapi, entry.model_id).schema
        outputs = output_schema(openapi, entry.model_id).schema
        texts |= field_texts(inputs)
        able = sorted(abilities(inputs, outputs))
        rows.execute("DELETE FROM abilities WHERE model = ?", (number,))
        rows.executemany("INSERT INTO abilities VALUES (?, ?)", [(one, number) for one in able])
    ranking.put_words(rows, number, texts)


def _tags(entry: ListEntry) -> str:
    tags = entry.metadata.get("tags")
    texts = [one for one in tags if isinstance(one, str)] if isinstance(tags, list) else []
    return " ".join(map(one_line, texts))


def delete_unlisted(rows: sqlite3.Connection, sync: int) -> int:
    """Delete the models that earlier syncs listed and this one did not; return how many."""
    unlisted = "(SELECT id FROM models WHERE sync < ?)"
    ranking.delete_words(rows, unlisted, (sync,))
    rows.execute(f"DELETE FROM abilities WHERE model IN {unlisted}", (sync,))
    count = rows.execute("DELETE FROM models WHERE sync < ?", (sync,)).rowcount
    _delete_unused_documents(rows)
    return count


def _delete_unused_documents(rows: sqlite3.Connection) -> None:
    """Delete the documents of no model: those of vanished ones, and former versions."""
    rows.execute(
        "DELETE FROM documents WHERE digest NOT IN "
        "(SELECT digest FROM models WHERE digest IS NOT NULL)"
    )


def _put_document(rows: sqlite3.Connection, openapi: Mapping[str, Json]) -> str:
    """Write a document once, by the digest of its text, whose order of fields is kept."""
    body = json.dumps(openapi, separators=(",", ":")).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    known = rows.execute("SELECT 1 FROM documents WHERE digest = ?", (digest,)).fetchone()
    if known is None:
        rows.execute("INSERT INTO documents VALUES (?, ?)", (digest, zlib.compress(body)))
    return digest


def _documents(rows: sqlite3.Connection, model_id: str) -> Documents | None:
    row = rows.execute(
        "SELECT metadata, body FROM models JOIN documents USING (digest) WHERE model_id = ?",
        (model_id,),
    ).fetchone()
    if row is None:
        return None
    try:
        return Documents(model_id, json.loads(row[0]), json.loads(zlib.decompress(row[1])))
    except (zlib.error, ValueError, TypeError):
        raise _DamagedError(f"its document of {model_id} is damaged") from None


def _search(rows: sqlite3.Connection, query: Query) -> list[Match]:
    clauses, values = zip(*_conditions(query), strict=True)
    found = rows.execute(
        "SELECT id, models.model_id, metadata, models.category, words.summary "
        f"FROM models JOIN words ON words.rowid = id WHERE {' AND '.join(clauses)} "
        "ORDER BY date DESC, models.model_id",
        [one for one in values if one is not None],
    ).fetchall()
    if query.words:
        ranks = ranking.ranks(rows, query.text, frozenset(row[0] for row in found))
        found = [row for row in found if row[0] in ranks]
        found.sort(key=lambda row: -ranks[row[0]].score)
    try:
        return [
            replace(
                match_of(ListEntry(model_id, json.loads(metadata), None)),
                category=category,
                description=summary,
                missing=ranks[number].missing if query.words else (),
            )
            for number, model_id, metadata, category, summary in found
        ]
    except ValueError:
        raise _DamagedError("its metadata is damaged") from None


def _conditions(query: Query) -> Iterator[tuple[str, str | None]]:
    """Yield each condition, and the value that it is given."""
    yield ("true", None) if query.status == "all" else ("status = ?", query.status)
    if query.category is not None:
        yield "models.category = ?", one_line(query.category)
    for ability in query.abilities:
        yield "id IN (SELECT model FROM abilities WHERE ability = ?)", ability


def _is_damage(error: Exception) -> bool:
    """Return whether the file itself is to blame, not the machine that it stands on."""
    if isinstance(error, (_DamagedError, UnicodeDecodeError)):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Python's own complaint about a text in the file that is no UTF-8.
        return isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def _opened(path: Path | None, *, write: bool) -> sqlite3.Connection:
    """Return a connection to the cache in `path`, which is made where it is to be written.

    Where there is nothing to read, it is an empty one in memory. Raises any of TROUBLES.
    """
    if path is None:
        return _connected("file::memory:")
    uri = path.absolute().as_uri()
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _connected(f"{uri}?mode=rwc")
    # A process that ends while it makes the file, or finds no room, leaves nothing in it.
    if not path.exists() or path.stat().st_size == 0:
        return _connected("file::memory:")
    try:
        return _connected(f"{uri}?mode=rw")
    except sqlite3.OperationalError as error:
        journals = [Path(f"{path}{end}") for end in ("-wal", "-journal")]
        is_whole = not any(one.exists() and one.stat().st_size for one in journals)
        if is_whole and getattr(error, "sqlite_errorcode", 0) & 0xFF in NO_JOURNAL:
            # On a full or read-only disk no journal can be made: the file is read as it stands.
            return _connected(f"{uri}?mode=ro&immutable=1")
        raise


def _connected(uri: str) -> sqlite3.Connection:
    """Return a connection whose file has our tables; they are made where it is new."""
    # Transactions are begun by hand, so that a write never begins as a read.
    rows = sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT, isolation_level=None)
    try:
        rows.execute("PRAGMA synchronous = NORMAL")
        if _is_new(rows):
            rows.execute("BEGIN IMMEDIATE")
            # Another process may have made them in the meantime.
            if _is_new(rows):
                for statement in TABLES.split(";"):
                    rows.execute(statement)
                rows.execute(f"PRAGMA application_id = {APPLICATION}")
                rows.execute(f"PRAGMA user_version = {VERSION}")
            rows.execute("COMMIT")
            # Refused while others use the file; readers then wait for writers.
            with suppress(sqlite3.OperationalError):
                rows.execute("PRAGMA journal_mode = WAL")
        marks = [rows.execute(f"PRAGMA {name}").fetchone()[0] for name in MARKS]
        if marks != [APPLICATION, VERSION]:
            raise _DamagedError("it is no cache of this version of falsmith")
    except BaseException:
        rows.close()
        raise
    return rows


def _is_new(rows: sqlite3.Connection) -> bool:
    return not rows.execute("SELECT 1 FROM sqlite_master").fetchone()
