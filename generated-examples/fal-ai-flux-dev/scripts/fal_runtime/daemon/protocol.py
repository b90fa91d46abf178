"""What client and daemon say to each other: one JSON object a line, its kind in `is`."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from fal_runtime.config import Config
from fal_runtime.jobs.record import value_of_json
from fal_runtime.json_text import parse_json
from fal_runtime.text import one_line

__all__ = [
    "LAST",
    "PROTOCOL",
    "Event",
    "Greeting",
    "HeldJob",
    "HeldJobs",
    "Leaving",
    "Lines",
    "Message",
    "ProtocolError",
    "Request",
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

    `identity` is whose jobs are run, `settings` the digest of the settings and of the way into the
    network, `started` the time, in seconds since 1970, after which a changed file means that an
    older program runs.
    """

    protocol: int
    version: str
    pid: int
    started: float
    identity: str
    settings: str
    leaving: bool


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks.

    run        run `subject`, a job of the ledger, or tell of it where it runs already: Events
    jobs       name the jobs that are held: HeldJobs
    hand over  leave for a newer daemon, whose identity is `subject`: Leaving
    shut down  take no more jobs, end those that are held, and leave: Leaving
    """

    do: Literal["run", "jobs", "hand over", "shut down"]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of a job, in `text`.

    taken      the daemon holds it: from now on it ends without the client
    waiting    a limit makes it wait, and which
    progress   a line for people
    submitted  fal has it
    refused    the daemon does not hold it, and why
    ended      the daemon is done with it: what became of it is in the ledger
    released   the daemon leaves and lets go of it: whoever claims it in the ledger goes on
    failed     trouble of the daemon itself, of this `code`, ended its work on the job
    """

    what: Literal[
        "taken", "waiting", "progress", "submitted", "refused", "ended", "released", "failed"
    ]
    job: str
    text: str = ""
    code: str = ""


# After these nothing more is told of a job.
LAST = ("refused", "ended", "released", "failed")


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


Message: TypeAlias = Greeting | Request | Event | HeldJobs | Leaving

_KINDS: Mapping[str, Any] = MappingProxyType({kind.__name__: kind for kind in get_args(Message)})


def encoded(message: Message) -> bytes:
    """Return the message as its line."""
    kind: Any = type(message)
    members = {each.name: getattr(message, each.name) for each in fields(kind)}
    shown = {"is": kind.__name__} | members
    return json.dumps(shown, default=asdict).encode() + b"\n"


def decoded(line: bytes) -> Message:
    """Return the message of a line; raises ProtocolError for what is none.

    Members that this version does not know are left out, so that a later one may add some.
    """
    try:
        given = parse_json(line)
        message: Message = value_of_json(_KINDS[given["is"]], given, strict=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = one_line(line.decode(errors="replace"), 100)
        raise ProtocolError(f"a line is no message of this protocol: {shown}") from None
    return message


def settings_digest(config: Config) -> str:
    """Return what tells one set of settings, and one way into the network, from another."""
    text = json.dumps([asdict(config.settings), config.network], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
