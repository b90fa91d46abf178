"""The one JSON object that every command ends with, whatever happened."""

import json
import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fal_runtime.errors import Charged, FalError
from fal_runtime.json_text import ReceivedJson, Value

Status = Literal[
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "IN_QUEUE",
    "IN_PROGRESS",
    "RESULT_ENDPOINT_ONLY",
    "UNKNOWN",
    "DRY_RUN",
    "REFUSED",
]

_CHARACTERS = 10_000
# (longest string, longest list): the first pair that makes the object short enough is used.
_CUTS = ((4000, 60), (2000, 20), (600, 10), (200, 5), (80, 3), (20, 0))
# What others wrote may be cut. Names, paths and commands are whole or not there at all.
_CUT = ("result", "platform_request", "sources", "text")
# In this order, where a folder's name alone is thousands of characters long.
_LEFT_OUT = ("logs_path", "saved_path", "result", "next")

# Compiled at the first use: not every command has a result.
_WHOLE_DATA_URI = r"\s*data:([\w.+-]+/[\w.+-]+)?(;[^,;]*)*,"
_EMBEDDED_DATA_URI = (
    r"data:(?:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*|(?:;[\w.+=-]+)+)"
    r""",[^\s"'<>)\]}]*"""
)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One produced file on this machine; `url` is None where the result held its bytes.

    `same_as` is the field that has the same link, where the file was saved for that one.
    """

    field: str
    kind: str
    path: Path
    url: str | None
    size: int
    sha256: str
    content_type: str
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    same_as: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the file as a member of the object's `files`."""
        shown = asdict(self) | {"path": str(self.path)}
        return {name: value for name, value in shown.items() if value is not None or name == "url"}


@dataclass(frozen=True, slots=True)
class SavedResult:
    """A result whose files are saved.

    `result` is None where it is too long to be shown: `path` is then the file that holds it.
    `lost` has a line for each file that could not be had; `may_come` says that one may be later.
    """

    result: ReceivedJson
    path: Path | None
    files: tuple[SavedFile, ...]
    lost: tuple[str, ...]
    seed: int | None
    text: str | None
    may_come: bool = False


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of one command: done, failed, still running or refused.

    `job` is the name that `--status`, `--result` and `--cancel` take, None before there is one.
    `result_path` is the file that holds a result too long to be shown. `sources` names, in a dry
    run, where each value of the input comes from. `next` is the words of the command that goes on.
    `charged` is who pays where there is no error that would say so.
    """

    status: Status
    model_id: str | None
    request_id: str | None = None
    job: str | None = None
    result: Any = None
    files: tuple[SavedFile, ...] = ()
    error: FalError | None = None
    seed: int | None = None
    text: str | None = None
    logs_path: Path | None = None
    billable_units: float | None = None
    elapsed_s: float = 0.0
    platform_request: Mapping[str, Any] | None = None
    sources: Mapping[str, str] | None = None
    next: tuple[str, ...] | None = None
    result_path: Path | None = None
    charged: Charged | None = None

    @property
    def exit_status(self) -> int:
        """The exit status of the error, 0 without one."""
        return self.error.exit_status if self.error is not None else 0

    @property
    def is_too_long(self) -> bool:
        """Whether the object would have to be cut."""
        return _length(printable(self._whole())) >= _CHARACTERS

    def as_json(self) -> dict[str, Any]:
        """Return the object: JSON below 10,000 characters, without the content of data: URIs.

        What the model, the platform or the user wrote is cut where the object would be longer, and
        of many files the first are shown.
        """
        whole: dict[str, Any] = printable(self._whole())
        shown = whole
        for longest_string, longest_list in _CUTS:
            if _length(shown) < _CHARACTERS:
                return shown
            shown = self._shortened(whole, longest_string, longest_list)
        for name in _LEFT_OUT:
            place = shown.get("error", shown) if name == "next" else shown
            if _length(shown) >= _CHARACTERS and place.get(name) is not None:
                place[name] = None
                shown["not_shown"] = shown.get("not_shown", {}) | {name: "too long"}
        return shown

    def _whole(self) -> dict[str, Any]:
        paths = [str(path) for path in dict.fromkeys(file.path for file in self.files)]
        saved_to = {"saved_to": str(self.result_path)} if self.result_path is not None else None
        shown: dict[str, Any] = {
            "status": self.status,
            "job": self.job,
            "request_id": self.request_id,
            "model_id": self.model_id,
            "result": saved_to or self.result,
            "files": [file.as_json() for file in self.files],
            "saved_path": paths[0] if paths else None,
            "saved_paths": paths,
        }
        error = self.error.as_json() if self.error is not None else None
        following = shlex.join(self.next) if self.next is not None else None
        if error is not None and following is not None:
            error.setdefault("next", following)
        if_known = {
            "seed": self.seed,
            "text": self.text,
            "logs_path": str(self.logs_path) if self.logs_path is not None else None,
            "billable_units": self.billable_units,
            "charged": self.charged if error is None else None,
            "elapsed_s": round(self.elapsed_s, 3),
            "platform_request": self.platform_request,
            "sources": dict(self.sources) if self.sources is not None else None,
            "next": following if error is None else None,
            "error": error,
        }
        return shown | {name: value for name, value in if_known.items() if value is not None}

    def _shortened(
        self, whole: dict[str, Any], longest_string: int, longest_list: int
    ) -> dict[str, Any]:
        shown = dict(whole)
        for name in _CUT:
            if name in shown and not (name == "result" and self.result_path is not None):
                shown[name] = _cut(shown[name], longest_string, longest_list)
        if "error" in shown:
            error = shown["error"]
            cut = {n: _cut(error[n], longest_string, longest_list) for n in ("message", "problems")}
            shown["error"] = error | cut
        shown["files"] = [
            file | {"url": _cut(file["url"], longest_string, longest_list)}
            for file in shown["files"][:longest_list]
        ]
        shown["saved_paths"] = shown["saved_paths"][:longest_list]
        missing = len(whole["files"]) - len(shown["files"])
        return shown | ({"not_shown": {"files": missing}} if missing else {})


def printable(value: Value) -> Value:
    """Return the value as an answer may show it.

    Of a `data:` URI only type and length are left; NaN and the infinities, which JSON lacks, become
    null.
    """
    if isinstance(value, str):
        return _without_data(value)
    if isinstance(value, dict):
        return {_without_data(str(key)): printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _length(value: ReceivedJson) -> int:
    """Return how many characters the value takes when it is printed as indented JSON."""
    return len(json.dumps(value, indent=2))


def _cut(
    value: ReceivedJson, longest_string: int, longest_list: int, depth: int = 8
) -> ReceivedJson:
    if isinstance(value, str) and len(value) > longest_string:
        return f"{value[:longest_string]}... ({len(value)} characters)"
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "... (not shown)"
    more = len(value) - longest_list
    if isinstance(value, list):
        kept = [
            _cut(each, longest_string, longest_list, depth - 1) for each in value[:longest_list]
        ]
        return [*kept, f"... ({more} more)"] if more > 0 else kept
    shown: dict[str, ReceivedJson] = {
        name[:200]: _cut(item, longest_string, longest_list, depth - 1)
        for name, item in list(value.items())[: max(longest_list, 3)]
    }
    return shown | ({"...": f"{len(value) - len(shown)} more"} if len(shown) < len(value) else {})


def _without_data(text: str) -> str:
    whole = re.match(_WHOLE_DATA_URI, text, re.IGNORECASE)
    if whole is not None:
        return f"<data: {whole.group(1) or 'text/plain'}, {len(text)} characters>"
    return re.sub(
        _EMBEDDED_DATA_URI,
        lambda found: f"<data: {found['type'] or 'text/plain'}, {len(found[0])} characters>",
        text,
        flags=re.IGNORECASE,
    )
