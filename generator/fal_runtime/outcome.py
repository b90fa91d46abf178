"""The one answer that every call ends with, whatever happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import FalError
from .shorten import ANSWER_LIMIT, fit, size

__all__ = ["Outcome", "SavedFile", "Status"]

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
class Outcome:
    """What came of one command: done, failed, still running or refused.

    `job` is the name that `--status`, `--result` and `--cancel` take, None before there is one.
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

    @property
    def exit_status(self) -> int:
        """Return 0, or the exit status of the error."""
        return self.error.exit_status if self.error is not None else 0

    @property
    def is_too_long(self) -> bool:
        """Tell whether the answer would have to be cut."""
        return size(self._whole()) >= ANSWER_LIMIT

    def as_json(self) -> dict[str, Any]:
        """Return the command's one JSON object: below 10,000 characters, without embedded data."""
        return fit(self._whole())

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
                "error": self.error.as_json() if self.error is not None else None,
            }
        )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
