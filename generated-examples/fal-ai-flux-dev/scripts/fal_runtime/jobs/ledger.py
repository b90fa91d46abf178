"""The ledger: every job of this user, each state on disk before it is acted on.

One SQLite file for all processes. Whoever works on a job owns its row; an owner is a process that
holds the lock of a file of its own, so that the rows of one that was killed are nobody's at once.
"""

import json
import os
import secrets
import sqlite3
import string
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from threading import Event, Lock, RLock
from typing import Any, BinaryIO, Literal, TypeVar

from fal_runtime.errors import LocalError, UsageError
from fal_runtime.fal.protocol import Price, unconfirmed
from fal_runtime.jobs.job import CANCELLED, Job, JobState
from fal_runtime.jobs.record import job_of_record, record_of_job, without_input
from fal_runtime.json_text import Value
from fal_runtime.paths import local_trouble, reason, take_lock
from fal_runtime.text import cut, one_line

Made = TypeVar("Made")

_FILE = "ledger.sqlite3"
# What the name of an owner begins with that is a daemon.
_DAEMON = "daemon-"
_LETTERS, _DIGITS, _ID_LENGTH = string.ascii_lowercase, string.digits, 8
_PATIENCE = 20.0
# What a ledger of each version becomes the next one by; a column is never renamed.
_MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, model_id TEXT NOT NULL, identity TEXT NOT NULL, state TEXT NOT NULL,
        ended INTEGER NOT NULL, request_id TEXT, owner TEXT, created REAL NOT NULL,
        changed REAL NOT NULL, prompt TEXT NOT NULL, job TEXT NOT NULL, body TEXT, content BLOB,
        billable_units REAL, unit_price REAL, currency TEXT
    );
    CREATE INDEX jobs_of_request ON jobs (request_id);
    CREATE INDEX jobs_of_time ON jobs (created);
    """,
    """
    CREATE TABLE links (
        identity TEXT NOT NULL, content TEXT NOT NULL, link TEXT NOT NULL,
        PRIMARY KEY (identity, content)
    );
    CREATE TABLE prices (
        identity TEXT NOT NULL, model_id TEXT NOT NULL, asked REAL NOT NULL,
        unit_price REAL, unit TEXT, currency TEXT, PRIMARY KEY (identity, model_id)
    );
    """,
)
_WHOLE = "job, body, content"
# The models that a question is about, in one parameter: all where it is null.
_AMONG = "(:among IS NULL OR model_id IN (SELECT value FROM json_each(:among)))"
_BOOKED = f"FROM jobs WHERE created >= :since AND billable_units IS NOT NULL AND {_AMONG}"
_PROMPTS = ("prompt", "text", "gen_text", "script", "lyrics", "input")
_LONGEST_PROMPT = 80
# What fal tells of a job again and again, and what follows from that.
_PASSING = {"queue_position", "logs", "streams", "polls", "troubles", "trouble", "changed"}
_LASTING = attrgetter(*(each.name for each in fields(Job) if each.name not in _PASSING))
_RESUMED: tuple[JobState, ...] = (
    "accepted", "submitting", "unknown", "submitted", "cancelling", "finished", "completed"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobSummary:
    """A job as a list shows it: without its input and its result, and the words of its prompt."""

    job: Job
    prompt: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What the jobs of one model or day cost; `unpriced` jobs are not in `cost`."""

    name: str
    currency: str
    jobs: int
    units: float
    cost: float
    unpriced: int


@dataclass(slots=True)
class _Write:
    """A change of the file that a thread waits for: what it returned, or why it was not made.

    `turn` comes when it is over, or is to be made by its own thread.
    """

    change: Callable[[sqlite3.Connection], Any]
    made: Any = None
    error: LocalError | None = None
    is_over: bool = False
    turn: Event = field(default_factory=Event)


class Ledger:
    """The open ledger of one process, which any of its threads may call.

    Every method raises LocalError where the file cannot be read or written.
    """

    def __init__(
        self, folder: Path | None, *, keeps_inputs: bool = True, daemon: bool = False
    ) -> None:
        """Open the ledger in a folder that is there, or for None one in memory.

        `daemon` says that a daemon does: what it had accepted a later one goes on with.
        """
        self.keeps_inputs = keeps_inputs
        self._place = str(folder / _FILE) if folder is not None else ":memory:"
        self._owners = folder / "owners" if folder is not None else None
        self._owner = f"{_DAEMON if daemon else ''}{secrets.token_hex(8)}"
        self._owner_file: BinaryIO | None = None
        self._lock = RLock()
        self._queue = Lock()
        self._waiting = list[_Write]()
        self._is_writing = False
        if folder is None:
            self._database = sqlite3.connect(self._place, isolation_level=None)
            self._migrate()
            return
        with local_trouble(folder), (folder / "opening").open("ab") as opening:
            # Of several processes that begin at once one makes the file, the others find it.
            take_lock(opening, wait=True)
            with local_trouble(folder / _FILE):
                os.close(os.open(self._place, os.O_RDWR | os.O_CREAT, 0o600))
            with self._trouble():
                self._database = sqlite3.connect(
                    self._place, _PATIENCE, isolation_level=None, check_same_thread=False
                )
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = FULL")
                self._migrate()

    def close(self) -> None:
        """Close it; what this process owned is nobody's from now on."""
        with self._lock:
            self._database.close()
            if self._owner_file is not None and self._owners is not None:
                self._owner_file.close()
                with suppress(OSError):
                    (self._owners / self._owner).unlink()

    def add(self, job: Job, *, own: bool = False) -> Job:
        """Write down a new job and return it with its ID; with `own` it is this process's own."""
        assert job.request is not None, "only a call of a model begins a job"
        kept = self._kept(job)
        assert kept.request is not None
        row = {
            "model_id": job.model_id,
            "identity": job.identity,
            "owner": self._own_name() if own else None,
            "created": job.created,
            "prompt": _prompt(job.request.body) if self.keeps_inputs else "",
        }
        with self._transaction() as database:
            job_id = _new_id()
            while database.execute("SELECT 1 FROM jobs WHERE id = ?", (job_id,)).fetchone():
                job_id = _new_id()
            row |= {"id": job_id, **_written(replace(kept, id=job_id))}
            row["body"] = _json(kept.request.body)
            columns, values = ", ".join(row), ", ".join(f":{name}" for name in row)
            database.execute(f"INSERT INTO jobs ({columns}) VALUES ({values})", row)
        return replace(job, id=job_id)

    def save(self, job: Job, before: Job | None = None) -> bool:
        """Write down what became of an own job, which is free again once it has ended.

        `before` is the value that was written last: what is the same is not written again.
        Returns False, and writes nothing, where the row is not this process's own any more.
        """
        if job.id is None or (before is not None and _lasting(before) == _lasting(job)):
            return True
        kept = self._kept(job)
        row = _written(kept)
        if kept.request is not None and (before is None or job.request is not before.request):
            row["body"] = _json(kept.request.body)
        if before is None or job.content is not before.content:
            row["content"] = kept.content
        changes = ", ".join(f"{name} = :{name}" for name in row)
        free = ", owner = NULL" if job.has_ended else ""
        row |= {"id": job.id, "own": self._own_name()}
        statement = f"UPDATE jobs SET {changes}{free} WHERE id = :id AND owner = :own"
        return self._write(lambda database: database.execute(statement, row).rowcount == 1)

    def claim(self, job_id: str) -> Job | None:
        """Make a job this process's own and return it as it can be gone on with.

        None where another process that lives has it, a thread of this one sends it, or there is no
        such job. Of a job whose process ended while it was being sent nobody knows whether fal has
        it.
        """
        row = self._write(partial(self._take, job_id))
        return _resumable(self._whole(*row)) if row is not None else None

    def _take(self, job_id: str, database: sqlite3.Connection) -> tuple[Any, ...] | None:
        question = f"SELECT owner, state, {_WHOLE} FROM jobs WHERE id = ?"
        found = database.execute(question, (job_id,)).fetchone()
        owner, state, *whole = found or (None, None)
        is_sent_here = owner == self._owner and state == "submitting"
        if state is None or is_sent_here or self._lives(owner):
            return None
        database.execute("UPDATE jobs SET owner = ? WHERE id = ?", (self._own_name(), job_id))
        return tuple(whole)

    def release(self, job_id: str) -> None:
        """Leave an own job to whoever claims it next."""
        with self._transaction() as database:
            own = (job_id, self._own_name())
            database.execute("UPDATE jobs SET owner = NULL WHERE id = ? AND owner = ?", own)

    def cancel(self, job_id: str) -> bool:
        """Cancel a job that nobody has begun to send, whoever owns it; False for any other."""
        with self._transaction() as database:
            job = self.job(job_id)
            if job is None or job.state != "accepted":
                return False
            row = _written(replace(job, state="cancelled", error=CANCELLED)) | {"id": job_id}
            changes = ", ".join(f"{name} = :{name}" for name in row)
            database.execute(f"UPDATE jobs SET {changes}, owner = NULL WHERE id = :id", row)
            return True

    def take_request(self, job: Job, request_id: str) -> bool:
        """Give a job the request that it may have become; False where another job has it."""
        with self._transaction() as database:
            done = database.execute(
                "UPDATE jobs SET request_id = :request WHERE id = :id AND NOT EXISTS "
                "(SELECT 1 FROM jobs WHERE request_id = :request AND id <> :id)",
                {"id": job.id, "request": request_id},
            )
            return done.rowcount == 1

    def taken(self, job: Job, request_ids: Iterable[str]) -> set[str]:
        """Return those of the requests that other jobs have."""
        rows = self._read(
            "SELECT request_id FROM jobs "
            "WHERE request_id IN (SELECT value FROM json_each(:wanted)) AND id IS NOT :id",
            {"wanted": _json(list(request_ids)), "id": job.id},
        )
        return {row[0] for row in rows}

    def looked_for(self, job: Job) -> int:
        """Return how many jobs of one input have an unknown request; 0 while one is sent."""
        rows = self._read(
            "SELECT state, owner FROM jobs "
            "WHERE request_id IS NULL AND state IN ('submitting', 'unknown') "
            "AND (model_id, identity, body) = "
            "(SELECT model_id, identity, body FROM jobs WHERE id = ?)",
            (job.id,),
        )
        is_sent = any(
            state == "submitting" and (owner == self._owner or self._lives(owner))
            for state, owner in rows
        )
        return 0 if is_sent else len(rows)

    def job(self, name: str, model_id: str | None = None) -> Job | None:
        """Return the job of our ID or of fal's, with its input and its result, None for none.

        Of several jobs of one request the newest is meant. Raises UsageError for a job of another
        model than `model_id`.
        """
        rows = self._read(
            f"SELECT {_WHOLE} FROM jobs WHERE id = :name OR request_id = :name "
            "ORDER BY id = :name DESC, created DESC LIMIT 1",
            {"name": name},
        )
        job = next((self._whole(*row) for row in rows), None)
        if job is not None and model_id not in (None, job.model_id):
            raise UsageError(
                "usage",
                f"{one_line(name, 100)} is a job of {job.model_id}, not of {model_id}",
                next=(*job.options.command, "--status", str(job.id)),
            )
        return job

    def jobs(
        self,
        model_ids: Collection[str] | None = None,
        state: JobState | None = None,
        limit: int = 20,
    ) -> list[JobSummary]:
        """Return the jobs, newest first: all, or those of models and of a state."""
        rows = self._read(
            "SELECT job, prompt FROM jobs "
            f"WHERE {_AMONG} AND state = ifnull(:state, state) "
            "ORDER BY created DESC, rowid DESC LIMIT :limit",
            {"among": _among(model_ids), "state": state, "limit": limit},
        )
        return [JobSummary(self._whole(job, None, None), prompt) for job, prompt in rows]

    def unfinished(self, identity: str, model_id: str) -> list[str]:
        """Return the IDs of the jobs that a starting daemon goes on with, oldest first.

        Nobody works on them. What was accepted and not sent is among them only where a daemon had
        taken it: of any other the command was ended, and may have been given again.
        """
        rows = self._read(
            "SELECT id, owner FROM jobs WHERE identity = ? AND model_id = ? "
            f"AND state IN {_RESUMED!r} AND (state <> 'accepted' OR owner LIKE ?) "
            "ORDER BY created, rowid",
            (identity, model_id, f"{_DAEMON}%"),
        )
        return [job_id for job_id, owner in rows if not self._lives(owner)]

    def prune(self, before: float) -> int:
        """Forget the jobs that ended before a time (UTC seconds); return how many.

        A job that is not collected, or of which nobody knows what became, is never forgotten.
        """
        with self._transaction() as database:
            return database.execute(
                "DELETE FROM jobs WHERE ended AND changed < ?", (before,)
            ).rowcount

    def link(self, identity: str, content: str) -> str | None:
        """Return the link of an earlier upload of the same content."""
        rows = self._read(
            "SELECT link FROM links WHERE identity = ? AND content = ?", (identity, content)
        )
        return rows[0][0] if rows else None

    def keep_link(self, identity: str, content: str, link: str) -> None:
        """Write down the link of an upload, where inputs are kept."""
        if self.keeps_inputs:
            row = (identity, content, link)
            with self._transaction() as database:
                database.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?)", row)

    def prices(self, identity: str, asked_after: float) -> dict[str, Price | None]:
        """Return the unit prices asked after a time (UTC seconds); None where fal lists none."""
        rows = self._read(
            "SELECT model_id, unit_price, unit, currency FROM prices "
            "WHERE identity = ? AND asked > ?",
            (identity, asked_after),
        )
        return {
            model_id: Price(*price) if price[0] is not None else None for model_id, *price in rows
        }

    def keep_prices(self, identity: str, prices: Mapping[str, Price | None], asked: float) -> None:
        """Write down unit prices as they were told."""
        rows = [
            (
                identity,
                model_id,
                asked,
                *((price.unit_price, price.unit, price.currency) if price else (None,) * 3),
            )
            for model_id, price in prices.items()
        ]
        with self._transaction() as database:
            database.executemany("INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?, ?, ?)", rows)

    def spent(
        self, since: float, by: Literal["model", "day"], model_ids: Collection[str] | None = None
    ) -> list[Spending]:
        """Return what the jobs cost that were begun after a time, where fal told the units."""
        name = "model_id" if by == "model" else "strftime('%Y-%m-%d', created, 'unixepoch')"
        rows = self._read(
            f"SELECT {name}, ifnull(currency, ''), count(*), round(sum(billable_units), 6), "
            "round(ifnull(sum(billable_units * unit_price), 0), 6), sum(unit_price IS NULL) "
            f"{_BOOKED} GROUP BY 1, 2 ORDER BY 1, 2",
            {"since": since, "among": _among(model_ids)},
        )
        return [Spending(*row) for row in rows]

    def unpriced_models(self, since: float, model_ids: Collection[str] | None = None) -> list[str]:
        """Return the models of those jobs of which nobody has asked what a unit costs."""
        rows = self._read(
            f"SELECT DISTINCT model_id {_BOOKED} AND unit_price IS NULL ORDER BY 1",
            {"since": since, "among": _among(model_ids)},
        )
        return [row[0] for row in rows]

    def keep_unit_price(self, model_id: str, price: Price) -> None:
        """Write down what a unit costs with all jobs of the model that have no unit price yet."""
        row = (price.unit_price, price.currency, model_id)
        with self._transaction() as database:
            database.execute(
                "UPDATE jobs SET unit_price = ?, currency = ? WHERE model_id = ? "
                "AND billable_units IS NOT NULL AND unit_price IS NULL",
                row,
            )

    def _kept(self, job: Job) -> Job:
        """Return what is written of a job."""
        return job if self.keeps_inputs else without_input(job)

    def _migrate(self) -> None:
        with self._transaction() as database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise LocalError(
                    "local_trouble",
                    f"the ledger {one_line(self._place)} was written by a newer version: generate "
                    "the skill again, or name another folder in FAL_STATE_DIR",
                )
            for statements in _MIGRATIONS[version:]:
                for statement in statements.split(";"):
                    database.execute(statement)
            database.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def _whole(self, record: str, body: str | None, content: bytes | None) -> Job:
        try:
            job = job_of_record(json.loads(record))
            if job.request is not None and body is not None:
                job = replace(job, request=replace(job.request, body=json.loads(body)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(error) from None
        return replace(job, content=content)

    def _own_name(self) -> str:
        """Return this owner's name, whose file is locked from now on."""
        if self._owners is not None and self._owner_file is None:
            with self._lock, local_trouble(self._owners):
                self._owners.mkdir(mode=0o700, exist_ok=True)
                self._owner_file = (self._owners / self._owner).open("wb")
                take_lock(self._owner_file, wait=True)
        return self._owner

    def _lives(self, owner: str | None) -> bool:
        """Whether another owner is there and has not closed its ledger."""
        if owner is None or owner == self._owner or self._owners is None:
            return False
        try:
            with (self._owners / owner).open("rb+") as file:
                return not take_lock(file, wait=False, shared=True)
        except FileNotFoundError:
            return False
        except OSError:
            return True

    def _read(self, question: str, values: Any = ()) -> list[Any]:  # noqa: ANN401 - as sqlite3
        with self._lock, self._trouble():
            return self._database.execute(question, values).fetchall()

    def _write(self, change: Callable[[sqlite3.Connection], Made]) -> Made:
        """Make a change together with those that other threads wait for; return what it returned.

        Every change waits for the disk, and a disk takes about as long for one as for many: while
        one thread writes, those that come wait, and the first of them writes for all.
        """
        write = _Write(change)
        with self._queue:
            self._waiting.append(write)
            has_to_wait, self._is_writing = self._is_writing, True
        if has_to_wait:
            write.turn.wait()
        if not write.is_over:
            self._write_together()
        if write.error is not None:
            raise write.error
        made: Made = write.made
        return made

    def _write_together(self) -> None:
        """Make the changes that wait, and leave those that come meanwhile to the first of them."""
        with self._queue:
            writes, self._waiting = self._waiting, []
        error: LocalError | None = LocalError("local_trouble", "the ledger was not written")
        try:
            with self._transaction() as database:
                made = [each.change(database) for each in writes]
            for each, result in zip(writes, made, strict=True):
                each.made = result
            error = None
        except LocalError as trouble:
            error = trouble
        finally:
            with self._queue:
                following = self._waiting[:1]
                self._is_writing = bool(following)
            for each in writes:
                each.error, each.is_over = error, True
                each.turn.set()
            for each in following:
                each.turn.set()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the database, alone to write: all of it is written at the end, or nothing."""
        with self._lock, self._trouble():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Turn an error of SQLite into one that names the file and says what helps."""
        try:
            yield
        except sqlite3.OperationalError as error:
            why = one_line(str(error), 200)
            if "locked" in why or "busy" in why:
                why += f": another program has held it for {_PATIENCE:g} seconds"
            place = one_line(self._place)
            message = f"the ledger {place} cannot be read or written: {why}"
            raise LocalError("local_trouble", message) from None
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> LocalError:
        return LocalError(
            "local_trouble",
            f"the ledger {one_line(self._place)} is damaged ({one_line(str(error), 200)}): move it "
            "away, and a new one is made. What ran before can be collected by fal's request ID "
            "(https://fal.ai/dashboard/requests)",
        )


def open_ledger(
    environ: Mapping[str, str],
    folder: Path,
    report: Callable[[str], None],
    *,
    daemon: bool = False,
) -> Ledger:
    """Open the user's ledger: in FAL_STATE_DIR, else where the platform keeps state.

    Where that folder cannot be written, as in a sandbox, it is `.falsmith/` in the working folder
    `folder`, and `report` is told. Raises LocalError where there is no usable ledger.
    """
    keeps_inputs = environ.get("FAL_LEDGER_INPUTS", "").strip() != "0"
    named = environ.get("FAL_STATE_DIR", "").strip()
    if named:
        state = folder / Path(named).expanduser()
        with local_trouble(state):
            _make_folder(state)
        return Ledger(state, keeps_inputs=keeps_inputs, daemon=daemon)
    from platformdirs import user_state_path

    state = user_state_path("falsmith", appauthor=False)
    try:
        _make_folder(state)
    except OSError as error:
        near = folder / ".falsmith"
        with local_trouble(near):
            _make_folder(near)
            (near / ".gitignore").write_text("*\n")
        cannot = f"{state} cannot be written ({reason(error)})"
        report(f"notice: jobs are kept in {near}, for {cannot}")
        state = near
    return Ledger(state, keeps_inputs=keeps_inputs, daemon=daemon)


def is_job_id(name: str) -> bool:
    """Whether a name is an ID of ours: fal's are longer."""
    return len(name) == _ID_LENGTH and name[0] in _LETTERS and set(name) <= set(_LETTERS + _DIGITS)


def _new_id() -> str:
    """Return a name that is none of fal's, and no number."""
    rest = (secrets.choice(_LETTERS + _DIGITS) for _ in range(_ID_LENGTH - 1))
    return secrets.choice(_LETTERS) + "".join(rest)


def _make_folder(folder: Path) -> None:
    """Make a folder for this user alone; raises OSError where files cannot be made in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "it is read-only")


def _written(job: Job) -> dict[str, Any]:
    """Return the columns that every state of a job writes."""
    return {
        "state": job.state,
        "ended": job.has_ended,
        "request_id": job.request_id,
        "changed": job.changed,
        "billable_units": job.billable_units,
        "job": _json(record_of_job(job)),
    }


def _lasting(job: Job) -> tuple[object, ...]:
    """Return the job's values without what fal tells anew with every status."""
    if job.state == "finished":
        job = replace(job, state="submitted", failure=None)
    values: tuple[object, ...] = _LASTING(job)
    return values


def _resumable(job: Job) -> Job:
    """Return a job that another process left, as the next step can take it."""
    job = replace(job, polls=0, troubles=0, trouble=None, submitted_here=False, streams=True)
    broken_off = job.state == "unknown" and job.error is not None and job.error.exit_status == 130
    if job.state == "submitting" or broken_off:
        ended = unconfirmed("the command that sent it was ended before the answer came")
        return replace(job, state="unknown", error=ended)
    if job.state == "accepted" and job.request is not None and job.request.digests:
        text = "nothing was sent, and its input was not kept (FAL_LEDGER_INPUTS=0): call it again"
        return replace(job, state="refused", error=LocalError("local_trouble", text))
    if job.has_ended or job.state in ("unknown", "saved"):
        return job
    # Who asks for a job again is not held to have cancelled it.
    state: JobState = "submitted" if job.state == "cancelling" else job.state
    return replace(job, state=state, error=None)


def _prompt(body: Mapping[str, Any]) -> str:
    """Return the first words of what was asked for."""
    texts = [body[name] for name in _PROMPTS if isinstance(body.get(name), str)]
    return cut(one_line(texts[0]), _LONGEST_PROMPT) if texts else ""


def _among(model_ids: Collection[str] | None) -> str | None:
    """Return the models that a question is about, as its one parameter; None for all."""
    return _json(list(model_ids)) if model_ids is not None else None


_json: Callable[[Value], str] = json.JSONEncoder(separators=(",", ":")).encode
