"""The rows of the cache: how a model and its document are written, searched and read back."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping

from fal_runtime.text import one_line
from falsmith.catalog.abilities import abilities
from falsmith.catalog.cache_file import DamagedError
from falsmith.catalog.query import Found, Query, found
from falsmith.documents import Documents, Entry, Json, entry_documents
from falsmith.errors import DocumentError

__all__ = [
    "categories",
    "delete_unused_documents",
    "delete_unused_words",
    "documents",
    "put",
    "search",
]

# bm25 weights of the columns of `words`: a name tells more than a sentence about it.
WEIGHTS = "8.0, 4.0, 4.0, 2.0, 1.0"
PUT_MODEL = """
INSERT INTO models (model_id, metadata, category, status, date, digest, sync)
VALUES (:model_id, :metadata, :category, :status, :date, :digest, :sync)
ON CONFLICT (model_id) DO UPDATE SET
    metadata = excluded.metadata,
    category = coalesce(nullif(excluded.category, ''), category),
    status = excluded.status,
    date = excluded.date,
    digest = coalesce(excluded.digest, digest),
    sync = coalesce(excluded.sync, sync)
"""
CATEGORY = "coalesce(nullif(models.category, ''), 'unknown')"
Row = tuple[str, str, str]


def put(connection: sqlite3.Connection, entry: Entry, sync: int | None = None) -> None:
    """Write a model, or write it anew; a document stays where the entry brings no usable one.

    `sync` numbers the sync that saw the model in the platform's list.
    """
    openapi = _usable_document(entry)
    told = found(entry, _category(openapi))
    digest = _put_document(connection, openapi)
    before = connection.execute(
        "SELECT id, digest FROM models WHERE model_id = ?", (entry.model_id,)
    ).fetchone()
    row = {"model_id": entry.model_id, "metadata": json.dumps(entry.metadata), "digest": digest}
    shown = {"category": told.category, "status": told.status, "date": told.date}
    connection.execute(PUT_MODEL, row | shown | {"sync": sync})
    number = before[0] if before else _number(connection, entry.model_id)
    _put_words(connection, number, told, entry.metadata.get("tags"))
    if openapi is not None and (before is None or before[1] != digest):
        _put_abilities(connection, number, Documents(entry.model_id, entry.metadata, openapi))


def search(connection: sqlite3.Connection, query: Query) -> list[Found]:
    """Return the models that fit, the best first where words rank them, else the newest."""
    rows = _rows(connection, query, " AND ")
    if not rows and len(query.words) > 1:
        rows = _rows(connection, query, " OR ")
    return [found(Entry(*_entry(row)), row[2]) for row in rows]


def documents(connection: sqlite3.Connection, model_id: str) -> Documents | None:
    """Return a model's documents, or None; raises DamagedError where they cannot be read back."""
    row = connection.execute(
        "SELECT metadata, body FROM models JOIN documents USING (digest) WHERE model_id = ?",
        (model_id,),
    ).fetchone()
    if row is None:
        return None
    try:
        return Documents(model_id, json.loads(row[0]), json.loads(zlib.decompress(row[1])))
    except (zlib.error, ValueError, TypeError):
        raise DamagedError(f"its document of {model_id} is damaged") from None


def categories(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many active models each category has; models without one count as unknown."""
    rows = connection.execute(
        f"SELECT {CATEGORY}, count(*) FROM models WHERE status = 'active' GROUP BY 1"
    )
    return dict(rows.fetchall())


def delete_unused_documents(connection: sqlite3.Connection) -> None:
    """Delete the documents of no model: those of vanished ones, and former versions."""
    connection.execute(
        "DELETE FROM documents WHERE digest NOT IN "
        "(SELECT digest FROM models WHERE digest IS NOT NULL)"
    )


def delete_unused_words(connection: sqlite3.Connection) -> None:
    """Delete what vanished models were found by."""
    connection.execute("DELETE FROM words WHERE rowid NOT IN (SELECT id FROM models)")
    connection.execute("DELETE FROM abilities WHERE model NOT IN (SELECT id FROM models)")


def _usable_document(entry: Entry) -> Mapping[str, Json] | None:
    try:
        return entry_documents(entry, "the list").openapi
    except DocumentError:
        return None


def _put_document(connection: sqlite3.Connection, openapi: Mapping[str, Json] | None) -> str | None:
    """Write a document once, by the digest of its text, whose order of fields is kept."""
    if openapi is None:
        return None
    body = json.dumps(openapi, separators=(",", ":")).encode("ascii")
    digest = hashlib.sha256(body).hexdigest()
    known = connection.execute("SELECT 1 FROM documents WHERE digest = ?", (digest,)).fetchone()
    if known is None:
        connection.execute("INSERT INTO documents VALUES (?, ?)", (digest, zlib.compress(body)))
    return digest


def _put_words(connection: sqlite3.Connection, number: int, told: Found, tags: Json) -> None:
    words = tags if isinstance(tags, list) else []
    tagged = " ".join(one_line(tag) for tag in words if isinstance(tag, str))
    connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
    connection.execute(
        "INSERT INTO words (rowid, display_name, model_id, category, tags, description) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (number, told.display_name, told.model_id, told.category, tagged, told.description),
    )


def _put_abilities(connection: sqlite3.Connection, number: int, model: Documents) -> None:
    connection.execute("DELETE FROM abilities WHERE model = ?", (number,))
    connection.executemany(
        "INSERT INTO abilities VALUES (?, ?)", [(one, number) for one in sorted(abilities(model))]
    )


def _rows(connection: sqlite3.Connection, query: Query, joint: str) -> list[Row]:
    clauses, values = zip(*_conditions(query, joint), strict=True)
    ranked = f"bm25(words, {WEIGHTS}), " if query.words else ""
    table = "models JOIN words ON words.rowid = id" if query.words else "models"
    statement = (
        f"SELECT models.model_id, metadata, {CATEGORY} FROM {table} "
        f"WHERE {' AND '.join(clauses)} ORDER BY {ranked}date DESC, models.model_id"
    )
    return connection.execute(statement, [one for one in values if one is not None]).fetchall()


def _conditions(query: Query, joint: str) -> Iterator[tuple[str, str | None]]:
    """Yield each condition, and the value that it is given."""
    yield ("true", None) if query.status == "all" else ("status = ?", query.status)
    if query.words:
        # A word of signs alone stands in no index: no model would have all words.
        words = [word for word in query.words if any(map(str.isalnum, word))] or query.words
        # Quoted, a word is searched for as it is, whatever signs it holds; * finds longer ones.
        quoted = ('"' + word.replace('"', '""') + '"*' for word in words)
        yield "words MATCH ?", joint.join(quoted)
    if query.category is not None:
        yield f"{CATEGORY} = ?", one_line(query.category)
    for ability in query.abilities:
        yield "id IN (SELECT model FROM abilities WHERE ability = ?)", ability


def _entry(row: Row) -> tuple[str, Mapping[str, Json], None]:
    try:
        return row[0], json.loads(row[1]), None
    except ValueError:
        raise DamagedError(f"its metadata of {row[0]} is damaged") from None


def _number(connection: sqlite3.Connection, model_id: str) -> int:
    rows = connection.execute("SELECT id FROM models WHERE model_id = ?", (model_id,))
    number: int = rows.fetchone()[0]
    return number


def _category(openapi: Json) -> str:
    """Return the category that a document tells, for a model of which the list tells none."""
    info = openapi.get("info") if isinstance(openapi, Mapping) else None
    about = info.get("x-fal-metadata") if isinstance(info, Mapping) else None
    told = about.get("category") if isinstance(about, Mapping) else None
    return one_line(told) if isinstance(told, str) else ""
