"""The cache's file: opened, its format checked, and set aside where it cannot be used."""

import hashlib
import sqlite3
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

from fal_runtime.config import Origins, is_loopback
from fal_runtime.errors import LocalError

__all__ = [
    "TROUBLES",
    "DamagedError",
    "NewerError",
    "cache_trouble",
    "default_path",
    "empty",
    "is_damage",
    "open_file",
    "set_aside",
]

# Marks the file as ours, "fals" in ASCII; the version changes with the tables below.
APPLICATION = 0x66616C73
VERSION = 1
# How long one process waits for another one's write, which takes a fraction of a second.
PATIENCE = 20.0
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
CREATE VIRTUAL TABLE words USING fts5 (
    display_name, model_id, category, tags, description, tokenize = 'porter unicode61'
);
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


class DamagedError(Exception):
    """The file is no cache of ours, or what it holds cannot be read back."""


class NewerError(DamagedError):
    """The file was written by a later version of falsmith."""


# What a file in bad shape, or a machine in trouble, makes of any use of the cache.
TROUBLES = (sqlite3.DatabaseError, DamagedError, UnicodeDecodeError, OSError)
# What sqlite says where it can make no journal beside the file.
NO_JOURNAL = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)


def default_path(platform: str = Origins().platform) -> Path:
    """Return where the cache of a platform stands: below the user's cache folder.

    Another platform than fal's own has a cache of its own. All that run on this machine share one:
    their ports change from day to day.
    """
    local = is_loopback(platform)
    mark = "local" if local else hashlib.sha256(platform.encode()).hexdigest()[:8]
    name = "catalog.db" if platform == Origins().platform else f"catalog-{mark}.db"
    return Path(user_cache_dir("falsmith", appauthor=False)) / name


def open_file(path: Path, *, write: bool) -> sqlite3.Connection | None:
    """Return a connection to the cache in `path`, which is made where it is to be written.

    Returns None where there is nothing to read. Raises what sqlite3 and the file system raise.
    """
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _opened(path, "rwc")
    # A process that ends while it makes the file, or finds no room, leaves nothing in it.
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        return _opened(path, "rw")
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & 0xFF not in NO_JOURNAL or _has_journal(path):
            raise
        # On a full or read-only disk no journal can be made: the file is read as it stands.
        return _opened(path, "ro&immutable=1")


def empty() -> sqlite3.Connection:
    """Return a cache in memory, with nothing in it."""
    return _connected("file::memory:")


def is_damage(error: Exception) -> bool:
    """Tell whether the file itself is to blame, not the machine that it stands on."""
    if isinstance(error, (DamagedError, UnicodeDecodeError)):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Python's own complaint about a text in the file that is no UTF-8.
        return isinstance(error, sqlite3.OperationalError)
    kinds = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return code & 0xFF in kinds or code == sqlite3.SQLITE_IOERR_SHORT_READ


def set_aside(path: Path, damage: Exception) -> str:
    """Rename the file and return what to tell people about it; raises LocalError where it stays."""
    word = "newer" if isinstance(damage, NewerError) else "damaged"
    target = path.with_name(f"{path.name}.{word}")
    try:
        # The journal belongs to the file: beside a new one it would be taken for that one's.
        for end in ("-wal", "-shm", "-journal", ""):
            with suppress(FileNotFoundError):
                Path(f"{path}{end}").replace(f"{target}{end}")
    except OSError as error:
        both = f"{damage}, and it cannot be renamed to {target.name}: {error.strerror}"
        raise cache_trouble(DamagedError(both), path) from error
    return (
        f"the cache {path} cannot be used: {damage}. It is set aside as {target.name}; "
        "`falsmith catalog sync` fills a new one"
    )


def cache_trouble(error: Exception, path: Path | None) -> LocalError:
    """Return the error of a cache that this machine does not let us read or write."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return LocalError(
        "local_trouble",
        f"the cache {path or 'in memory'} cannot be used: {reason}. Make room or make the folder "
        "writable, or name another cache folder with XDG_CACHE_HOME",
    )


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    return _connected(f"{path.absolute().as_uri()}?mode={mode}")


def _connected(uri: str) -> sqlite3.Connection:
    # Transactions are begun by hand, so that a write never begins as a read.
    connection = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_journal(path: Path) -> bool:
    """Tell whether a part of the cache stands in a journal beside its file."""
    journals = [Path(f"{path}{end}") for end in ("-wal", "-journal")]
    return any(journal.exists() and journal.stat().st_size for journal in journals)


def _prepare(connection: sqlite3.Connection) -> None:
    """Check the format, and make the tables where the file is new."""
    if _is_new(connection):
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have made them in the meantime.
        if _is_new(connection):
            _make_tables(connection)
        connection.execute("COMMIT")
        # Refused while others use the file; readers then wait for writers.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
    _check(connection)


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in TABLES.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _is_new(connection: sqlite3.Connection) -> bool:
    return _number(connection, "SELECT count(*) FROM sqlite_master") == 0


def _check(connection: sqlite3.Connection) -> None:
    version = _number(connection, "PRAGMA user_version")
    if _number(connection, "PRAGMA application_id") != APPLICATION or version < VERSION:
        raise DamagedError("it is no cache of falsmith")
    if version > VERSION:
        raise NewerError("a newer falsmith wrote it")


def _number(connection: sqlite3.Connection, statement: str) -> int:
    value: int = connection.execute(statement).fetchone()[0]
    return value
