"""The one answer that every call ends with, whatever happened."""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fal_runtime.errors import FalError
from fal_runtime.json_text import Json

__all__ = ["CallResult", "SavedFile", "Status", "without_data"]

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

_ANSWER_LIMIT = 10_000

# (longest string, longest list): the first pair under which the answer is short enough is used.
_STEPS = ((4000, 60), (2000, 20), (600, 10), (200, 5), (80, 3), (20, 1))

_WHOLE_DATA_URI = re.compile(r"\s*data:([\w.+-]+/[\w.+-]+)?(;[^,;]*)*,", re.IGNORECASE)
_EMBEDDED_DATA_URI = re.compile(
    r"""data:(?:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w.+=-]+)*|(?:;[\w.+=-]+)+),[^\s"'<>)\]}]*""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One produced file on this machine; `url` is None where the answer held its bytes."""

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

    def as_json(self) -> dict[str, Any]:
        """Return the file as the JSON object of the command's answer."""
        told: dict[str, Any] = {
            "field": self.field,
            "kind": self.kind,
            "path": str(self.path),
            "url": self.url,
            "size": self.size,
            "sha256": self.sha256,
            "content_type": self.content_type,
        }
        measured = {"width": self.width, "height": self.height, "duration": self.duration}
        return told | _present(measured)


@dataclass(frozen=True, slots=True)
class CallResult:
    """What came of one command: done, failed, still running or refused.

    `job` is the name that `--status`, `--result` and `--cancel` take, None before there is one;
    `sources` tells of a dry run's input which of its values comes from where, `next` is the words
    of the command that collects a job that is left to itself.
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

    @property
    def exit_status(self) -> int:
        """Return 0, or the exit status of the error."""
        return self.error.exit_status if self.error is not None else 0

    @property
    def is_too_long(self) -> bool:
        """Tell whether the answer would have to be cut."""
        return _size(self._whole()) >= _ANSWER_LIMIT

    def as_json(self) -> dict[str, Any]:
        """Return the command's one JSON object: below 10,000 characters, without embedded data."""
        return _fit(self._whole())

    def _whole(self) -> dict[str, Any]:
        paths = [str(file.path) for file in self.files]
        told: dict[str, Any] = {
            "status": self.status,
            "job": self.job,
            "request_id": self.request_id,
            "model_id": self.model_id,
            "result": self.result,
            "files": [file.as_json() for file in self.files],
            "saved_path": paths[0] if paths else None,
            "saved_paths": paths,
        }
        return told | self._optional()

    def _optional(self) -> dict[str, Any]:
        return _present(
            {
                "seed": self.seed,
                "text": self.text,
                "logs_path": str(self.logs_path) if self.logs_path is not None else None,
                "billable_units": self.billable_units,
                "elapsed_s": round(self.elapsed_s, 3),
                "platform_request": self.platform_request,
                "sources": dict(self.sources) if self.sources is not None else None,
                "next": shlex.join(self.next) if self.next is not None else None,
                "error": self.error.as_json() if self.error is not None else None,
            }
        )


def without_data(value: Json) -> Json:
    """Return the value with the content of every `data:` URI replaced by its type and length."""
    if isinstance(value, str):
        return _string_without_data(value)
    if isinstance(value, dict):
        return {_string_without_data(str(key)): without_data(item) for key, item in value.items()}
    return [without_data(item) for item in value] if isinstance(value, list) else value


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _size(value: Json) -> int:
    """Return how many characters the value takes when it is printed as indented JSON."""
    return len(json.dumps(value, indent=2))


def _fit(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer below _ANSWER_LIMIT characters: what is long is cut, visibly.

    Only what the model, the platform or the user wrote is cut: identifiers, paths and the
    command of `next` stay whole.
    """
    clean = {name: without_data(value) for name, value in answer.items()}
    shown = clean
    for longest_string, most_items in _STEPS:
        if _size(shown) < _ANSWER_LIMIT:
            break
        shown = _cut_answer(clean, longest_string, most_items)
    return shown


def _cut_answer(answer: dict[str, Any], longest_string: int, most_items: int) -> dict[str, Any]:
    shown = dict(answer)
    for name in ("result", "platform_request", "sources", "text"):
        if name in shown:
            shown[name] = _cut(shown[name], longest_string, most_items)
    if "error" in shown:
        told = dict(shown["error"])
        for name in ("message", "problems"):
            told[name] = _cut(told[name], longest_string, most_items)
        shown["error"] = told
    if len(shown["files"]) > most_items:
        shown["not_shown"] = {"files": len(shown["files"]) - most_items}
        shown |= {name: shown[name][:most_items] for name in ("files", "saved_paths")}
    return shown


def _cut(value: Json, longest_string: int, most_items: int, depth: int = 8) -> Json:
    if isinstance(value, str) and len(value) > longest_string:
        return f"{value[:longest_string]}... ({len(value)} characters)"
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return "... (not shown)"
    more = len(value) - most_items
    if isinstance(value, list):
        kept = [_cut(item, longest_string, most_items, depth - 1) for item in value[:most_items]]
        return [*kept, f"... ({more} more)"] if more > 0 else kept
    shown: dict[str, Json] = {
        name[:200]: _cut(item, longest_string, most_items, depth - 1)
        for name, item in list(value.items())[: max(most_items, 3)]
    }
    return shown | ({"...": f"{len(value) - len(shown)} more"} if len(shown) < len(value) else {})


def _string_without_data(text: str) -> str:
    whole = _WHOLE_DATA_URI.match(text)
    if whole is not None:
        return f"<data: {whole.group(1) or 'text/plain'}, {len(text)} characters>"
    return _EMBEDDED_DATA_URI.sub(
        lambda found: f"<data: {found['type'] or 'text/plain'}, {len(found[0])} characters>", text
    )
