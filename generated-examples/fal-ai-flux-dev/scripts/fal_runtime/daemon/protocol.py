"""What client and daemon say to each other: one JSON object a line, its kind in `is`."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from types import MappingProxyType, UnionType
from typing import Any, TypeAlias, get_args, get_type_hints

from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.settings import Settings
from fal_runtime.text import one_line

__all__ = [
    "PROTOCOL",
    "Ended",
    "Failed",
    "Greeting",
    "HandOver",
    "HeldJob",
    "HeldJobs",
    "Jobs",
    "Leaving",
    "Lines",
    "Message",
    "Progress",
    "ProtocolError",
    "Refused",
    "Released",
    "Run",
    "Shutdown",
    "Submitted",
    "Taken",
    "Waiting",
    "decoded",
    "encoded",
    "settings_digest",
]

# The `__v2` of a daemon's folder.
PROTOCOL = 2

_LONGEST_LINE = 1 << 20


class ProtocolError(ValueError):
    """What came is no message of this protocol."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first line of every connection.

    `identity` is whose jobs are run, `settings` the digest of the settings, `started` the time, in
    seconds since 1970, after which a changed file means that an older program runs.
    """

    protocol: int
    version: str
    pid: int
    started: float
    identity: str
    settings: str
    leaving: bool


# What a client asks.


@dataclass(frozen=True, slots=True)
class Run:
    """Run this job of the ledger, or tell of it where it runs already."""

    job: str


@dataclass(frozen=True, slots=True)
class Jobs:
    """Name the jobs that are held."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Leave for a newer daemon: at once where it goes on with the same jobs."""

    identity: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Take no more jobs, end those that are held, and leave."""


# What the daemon answers, and tells of a job.


@dataclass(frozen=True, slots=True)
class HeldJob:
    """One job that the daemon holds; `waits` is for what it waits before it may start."""

    job: str
    state: str
    request_id: str | None
    waits: str | None


@dataclass(frozen=True, slots=True)
class HeldJobs:
    """The jobs that the daemon holds, in the order in which they came."""

    jobs: tuple[HeldJob, ...]


@dataclass(frozen=True, slots=True)
class Leaving:
    """The daemon takes no more jobs; so many are still held."""

    jobs: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The daemon holds the job: from now on it ends without the client."""

    job: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The daemon does not hold the job and says why."""

    job: str
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A limit makes the job wait."""

    job: str
    why: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A line about the job, for people."""

    job: str
    line: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """fal has the job."""

    job: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The daemon is done with the job: what became of it is in the ledger."""

    job: str


@dataclass(frozen=True, slots=True)
class Released:
    """The daemon leaves and lets go of the job: whoever claims it in the ledger goes on."""

    job: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Trouble of the daemon itself ended its work on the job; the ledger may not know of it."""

    job: str
    code: str
    message: str


Message: TypeAlias = (
    Greeting
    | Run
    | Jobs
    | HandOver
    | Shutdown
    | HeldJobs
    | Leaving
    | Taken
    | Refused
    | Waiting
    | Progress
    | Submitted
    | Ended
    | Released
    | Failed
)

_KINDS: Mapping[str, Any] = MappingProxyType({kind.__name__: kind for kind in get_args(Message)})


def encoded(message: Message) -> bytes:
    """Return the message as its line."""
    shown = {"is": type(message).__name__} | asdict(message)
    return json.dumps(shown, separators=(",", ":")).encode() + b"\n"


def decoded(line: bytes) -> Message:
    """Return the message of a line; raises ProtocolError for what is none.

    Members that this version does not know are left out, so that a later one may add some.
    """
    try:
        given = parse_json(line)
    except JsonTextError as error:
        raise ProtocolError(f"a line is no JSON: {error.reason}") from None
    kind = _KINDS.get(str(given.get("is"))) if isinstance(given, dict) else None
    if kind is None:
        shown = one_line(line.decode(errors="replace"), 100)
        raise ProtocolError(f"a line is no message of this protocol: {shown}")
    if kind is HeldJobs:
        if not isinstance(rows := given.get("jobs"), list):
            raise ProtocolError("HeldJobs has no good jobs")
        return HeldJobs(tuple(_filled(HeldJob, row) for row in rows))
    message: Message = _filled(kind, given)
    return message


def _filled(kind: Any, given: object) -> Any:  # noqa: ANN401 - a dataclass of the table
    """Return a message of this kind, each member of the type that its field has."""
    values = {}
    types = get_type_hints(kind)
    for each in fields(kind):
        value = given.get(each.name, MISSING) if isinstance(given, dict) else MISSING
        allowed = get_args(types[each.name]) if isinstance(types[each.name], UnionType) else ()
        allowed = allowed or (types[each.name],)
        if float in allowed and type(value) is int:
            value = float(value)
        if type(value) not in allowed:
            raise ProtocolError(f"{kind.__name__} has no good {each.name}")
        values[each.name] = value
    return kind(**values)


def settings_digest(settings: Settings) -> str:
    """Return what tells one set of settings from another."""
    told = json.dumps(asdict(settings), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


class Lines:
    """The lines of a connection out of the pieces in which they come."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Yield the messages that are whole now; raises ProtocolError."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            raise ProtocolError("a line has no end")
        yield from map(decoded, lines)
