"""One call from input to saved files: check, upload, submit once, wait, collect."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .config import Config
from .outcome import Outcome

if TYPE_CHECKING:
    from .arguments import PreparedInput

__all__ = [
    "JobOptions",
    "cancel_job",
    "job_result",
    "job_status",
    "preview_job",
    "run_job",
    "upload_files",
]


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How one call runs and where its files go; None means what the settings say.

    `command` is the command that `next` builds on, such as `python /skill/scripts/model.py`.
    """

    output: Path
    output_file: str | None = None
    auto_filename: bool = False
    poll_interval: float | None = None
    max_polls: int | None = None
    wait: float = 100.0
    submit: bool = False
    sync_only: bool = False
    save_logs: bool = False
    save_logs_inline: bool = False
    priority: str | None = None
    start_timeout: float | None = None
    no_retry: bool = False
    command: str = ""


def run_job(
    model_id: str,
    prepared: "PreparedInput",
    options: JobOptions,
    config: Config,
    *,
    report: Callable[[str], None],
) -> Outcome:
    """Call the model once and return what came of it; an error is part of the outcome."""
    return Outcome("REFUSED", model_id)


def preview_job(
    model_id: str, prepared: "PreparedInput", options: JobOptions, config: Config
) -> Outcome:
    """Return the exact request that `run_job` would send, without key and network."""
    return Outcome("DRY_RUN", model_id)


def job_status(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Callable[[str], None],
) -> Outcome:
    """Ask once how a job stands."""
    return Outcome("UNKNOWN", model_id, request_id)


def job_result(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Callable[[str], None],
) -> Outcome:
    """Wait for a job that was submitted before, then collect it."""
    return Outcome("UNKNOWN", model_id, request_id)


def cancel_job(
    model_id: str,
    request_id: str,
    options: JobOptions,
    config: Config,
    *,
    report: Callable[[str], None],
) -> Outcome:
    """Ask fal to cancel a job."""
    return Outcome("UNKNOWN", model_id, request_id)


def upload_files(
    paths: Sequence[Path], config: Config, *, report: Callable[[str], None]
) -> Outcome:
    """Upload local files and return their links as the result."""
    return Outcome("UNKNOWN", None)
