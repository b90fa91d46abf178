"""How one call runs and where its files go, as a command line or a caller chooses."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["JobOptions"]


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of one call; None means what the settings say, times are in seconds.

    `command` is the command that `next` builds on, such as `python /skill/scripts/model.py`.
    """

    output: Path = Path("output")
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

    @property
    def logs(self) -> bool:
        """Tell whether the job's log lines are wanted."""
        return self.save_logs or self.save_logs_inline
