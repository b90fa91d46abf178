"""Every way a call can end badly: one table of codes, one small tree of exceptions."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from fal_runtime.text import one_line

Charged = Literal["no", "yes", "unknown"]
Retry = Literal["never", "after_fix", "same_job", "later"]


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table: what the code means, and what a caller may do about it."""

    exit_status: int
    charged: Charged
    retry: Retry
    meaning: str


# A code is never renamed and a retired one never used again: agents and scripts compare them.
CODES: Mapping[str, Code] = MappingProxyType(
    {
        "usage": Code(2, "no", "after_fix", "the options cannot be used together or read"),
        "invalid_input": Code(2, "no", "after_fix", "the input does not fit the model's schema"),
        "file_missing": Code(2, "no", "after_fix", "a local file cannot be read"),
        "invalid_settings": Code(2, "no", "after_fix", "a settings file or variable is wrong"),
        "invalid_document": Code(2, "no", "after_fix", "a saved model document cannot be used"),
        "model_not_found": Code(2, "no", "after_fix", "no model of this ID is known"),
        "name_in_use": Code(2, "no", "after_fix", "the skill's name cannot be used"),
        "problems_found": Code(1, "no", "after_fix", "a check found problems or differences"),
        "some_failed": Code(1, "no", "after_fix", "some of several models failed"),
        "edited": Code(1, "no", "after_fix", "files that were edited would be overwritten"),
        "key_missing": Code(3, "no", "after_fix", "no key is set"),
        "key_refused": Code(3, "no", "after_fix", "the key is refused"),
        "job_failed": Code(4, "unknown", "after_fix", "the model or the platform failed the job"),
        "cancelled": Code(4, "no", "never", "the job was cancelled"),
        "wait_over": Code(5, "unknown", "same_job", "the job is not finished yet"),
        "download_failed": Code(5, "yes", "same_job", "the result is there, a file is not"),
        "already_completed": Code(5, "yes", "same_job", "the job is done and cannot be cancelled"),
        "result_endpoint_only": Code(5, "yes", "same_job", "only the result endpoint can answer"),
        "network_blocked": Code(6, "no", "later", "this machine cannot reach fal"),
        "platform_down": Code(6, "no", "later", "fal answered with an error of its own"),
        "unconfirmed": Code(7, "unknown", "never", "fal may have accepted the job"),
        "over_limit": Code(8, "no", "after_fix", "a spending limit says no"),
        "local_trouble": Code(9, "no", "after_fix", "a file or folder cannot be written or read"),
        "internal_error": Code(9, "no", "after_fix", "this program has an error of its own"),
        "interrupted": Code(130, "unknown", "same_job", "the command was interrupted"),
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input: where, what came, what is expected."""

    path: str
    got: str
    expected: str
    closest: str | None = None

    def __str__(self) -> str:
        near = f"; did you mean {self.closest}?" if self.closest is not None else ""
        return f"{self.path}: got {self.got}, expected {self.expected}{near}"

    def as_json(self) -> dict[str, str]:
        """Return the problem as the JSON object of the command's answer."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(eq=False)
class FalError(Exception):
    """Something a caller must handle: `code` is a key of CODES, `message` says what and where.

    `next` is the words of a command that runs as it stands; `charged` and `retry` are the table's
    unless given; `outcome` is the object that a command line would print, for callers from Python.
    An error is complete when it is raised: `dataclasses.replace` makes one that says more.
    """

    code: str
    message: str
    problems: Sequence[Problem] = ()
    next: tuple[str, ...] | None = None
    charged: Charged | None = None
    retry: Retry | None = None
    outcome: Mapping[str, Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    @property
    def exit_status(self) -> int:
        """Return the exit status that the table gives to this code."""
        return CODES[self.code].exit_status

    def as_json(self) -> dict[str, Any]:
        """Return the `error` object of the command's answer."""
        row = CODES[self.code]
        shown: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "problems": [problem.as_json() for problem in self.problems],
            "charged": self.charged or row.charged,
            "retry": self.retry or row.retry,
        }
        return shown | ({"next": shlex.join(self.next)} if self.next is not None else {})


def stopped_by(cause: BaseException) -> str:
    """Return what ended a command, in words: an interrupt, or a fault of this program."""
    if isinstance(cause, KeyboardInterrupt):
        return "interrupted"
    reason = one_line(f"{type(cause).__name__}: {cause}", 300)
    return f"this program has an error of its own ({reason})"


class UsageError(FalError):
    """The command line or the settings cannot be used as given."""


class InputError(FalError):
    """The model's input is wrong, or a local file that it names cannot be read."""


class KeyMissingError(FalError):
    """No key is set, or fal refuses the one that is."""


class NotAcceptedError(FalError):
    """Nothing was accepted by fal: a later try cannot bill twice."""


class UnconfirmedError(FalError):
    """A submit went out and its fate is unknown: it is never sent again."""


class OverLimitError(FalError):
    """A spending limit says no, or cannot be held against what the call would cost."""


class JobError(FalError):
    """The job failed, or was cancelled."""


class NotCollectedError(FalError):
    """The job stands and can be collected later, free of charge."""


class LocalError(FalError):
    """Disk or permissions of this machine are the trouble."""
