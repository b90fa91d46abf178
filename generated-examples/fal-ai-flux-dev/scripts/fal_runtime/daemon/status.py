"""What a daemon says of itself, for those who ask from outside."""

from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fal_runtime.daemon.client import connected
from fal_runtime.daemon.place import Marker
from fal_runtime.daemon.protocol import Greeting, HeldJob, HeldJobs, Leaving, Request
from fal_runtime.fal.clock import utc_text


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """A daemon and the jobs that it holds; of one that does not run only the folder is known."""

    folder: Path
    status: Literal["RUNNING", "LEAVING", "NOT_RUNNING"] = "NOT_RUNNING"
    marker: Marker | None = None
    greeting: Greeting | None = None
    jobs: tuple[HeldJob, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the status as a JSON object."""
        shown: dict[str, Any] = {"status": self.status, "folder": str(self.folder)}
        if self.marker is not None and self.greeting is not None:
            shown |= {
                "model_id": self.marker.model_id,
                "skill": self.marker.skill,
                "pid": self.greeting.pid,
                "since": utc_text(self.greeting.started),
                "version": self.greeting.version,
            }
        return shown | {"jobs": [asdict(job) for job in self.jobs]}


def daemon_status(folder: Path) -> DaemonStatus:
    """Ask the daemon of a folder; raises DaemonError where one is there that does not answer."""
    marker = Marker.read(folder)
    channel = connected(marker)
    if channel is None:
        return DaemonStatus(folder)
    with closing(channel):
        jobs = channel.answer(Request("jobs"), HeldJobs).jobs
        status: Literal["RUNNING", "LEAVING"]
        status = "LEAVING" if channel.greeting.leaving else "RUNNING"
        return DaemonStatus(folder, status, marker, channel.greeting, jobs)


def shut_down(status: DaemonStatus) -> DaemonStatus:
    """Have a daemon end its jobs and leave; return how it stands now."""
    channel = connected(status.marker)
    if channel is None:
        return DaemonStatus(status.folder)
    with closing(channel):
        channel.answer(Request("shut down"), Leaving)
    return replace(status, status="LEAVING")
