"""What an emulator remembers: jobs, files, uploads, its ports; in memory, or in a folder."""

import json
import sqlite3
from pathlib import Path

from fal_runtime.errors import UsageError

__all__ = ["open_state", "remember_ports", "remembered_ports"]

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    request_id TEXT PRIMARY KEY,
    model_id TEXT NOT NULL,
    host TEXT NOT NULL,
    inputs TEXT NOT NULL,
    accepted REAL NOT NULL,
    started REAL NOT NULL,
    ended REAL NOT NULL,
    kept REAL NOT NULL,
    payloads INTEGER NOT NULL,
    reply TEXT NOT NULL,
    collected INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, content_type TEXT, data BLOB);
CREATE TABLE IF NOT EXISTS uploads (ticket TEXT PRIMARY KEY, path TEXT, content_type TEXT);
CREATE TABLE IF NOT EXISTS parts (
    ticket TEXT, number INTEGER, etag TEXT, data BLOB, PRIMARY KEY (ticket, number)
);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, expires REAL);
CREATE TABLE IF NOT EXISTS ports (list TEXT);
"""


def open_state(folder: Path | None) -> sqlite3.Connection:
    """Return the database in `folder`, which is made where it is missing; None keeps it in memory.

    The one thread that serves writes it; other threads of the process may read.

    Raises:
        UsageError: The folder cannot be used, or is of another version of falsmith.

    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        place = ":memory:" if folder is None else str(folder / "emulator.sqlite")
        rows = sqlite3.connect(place, isolation_level=None, check_same_thread=False)
        try:
            _prepare(rows, folder)
        except BaseException:
            rows.close()
            raise
    except (OSError, sqlite3.Error) as error:
        message = f"The emulator cannot keep its state in {folder}: {error}. Name another --state."
        raise UsageError("usage", message) from None
    return rows


def _prepare(rows: sqlite3.Connection, folder: Path | None) -> None:
    # A killed process loses nothing that was written; only a machine without power would.
    rows.execute("PRAGMA journal_mode=WAL")
    rows.execute("PRAGMA synchronous=NORMAL")
    (version,) = rows.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        message = f"{folder} holds the state of another falsmith: name an empty --state folder."
        raise UsageError("usage", message)
    rows.executescript(SCHEMA)
    rows.execute(f"PRAGMA user_version={VERSION}")


def remembered_ports(rows: sqlite3.Connection) -> list[int]:
    """Return the ports of the run before, where the links of its jobs lead; none at first."""
    row = rows.execute("SELECT list FROM ports").fetchone()
    ports: list[int] = json.loads(row[0]) if row else []
    return ports


def remember_ports(rows: sqlite3.Connection, ports: list[int]) -> None:
    """Keep the ports for the next run."""
    rows.execute("DELETE FROM ports")
    rows.execute("INSERT INTO ports VALUES (?)", (json.dumps(ports),))
