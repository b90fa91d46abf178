"""Where a daemon is: its folder with lock, log and start marker, and its socket."""

import hashlib
import json
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from fal_runtime.daemon.protocol import PROTOCOL
from fal_runtime.errors import LocalError
from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.paths import reason, safe_name, take_lock
from fal_runtime.settings import SETTINGS_FILE
from fal_runtime.text import one_line

# The bytes of a socket's path that macOS takes; Linux takes four more.
_LONGEST_SOCKET = 103
# The daemon's name where no skill makes the call.
_NO_SKILL = "fal-api-call"


class DaemonError(LocalError):
    """There can be no daemon here, or it cannot be used; the message is the reason."""

    def __init__(self, message: str) -> None:
        super().__init__("local_trouble", message)


@dataclass(frozen=True, slots=True)
class Marker:
    """What the running daemon says of itself in its folder."""

    pid: int
    started: float
    socket: str
    model_id: str
    skill: str | None

    def write(self, folder: Path) -> None:
        """Write the marker, whole or not at all."""
        new = folder / "marker.new"
        new.write_text(json.dumps(asdict(self)), encoding="utf-8")
        new.replace(folder / "marker")

    @classmethod
    def read(cls, folder: Path) -> "Marker | None":
        """Return the marker of a daemon's folder, None where there is none that can be read."""
        try:
            given = parse_json((folder / "marker").read_bytes())
            marker = cls(**given)
        except (OSError, JsonTextError, TypeError):
            return None
        return marker if isinstance(marker.socket, str) else None

    def remove(self, folder: Path) -> None:
        """Remove the marker, if it is still this daemon's."""
        if Marker.read(folder) == self:
            with suppress(OSError):
                (folder / "marker").unlink()


@dataclass(frozen=True, slots=True)
class DaemonPlace:
    """The place of the daemon of one skill and model; nothing is made or looked at before use."""

    folder: Path
    socket_folders: tuple[Path, ...]
    model_id: str
    skill: Path | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str], skill: Path | None, model_id: str) -> "DaemonPlace":
        """Return the place of a skill's daemon for this model, by the environment of the user.

        Raises DaemonError where there is no home folder to put it in, or nothing to talk by.
        """
        if not hasattr(socket, "AF_UNIX") or os.name == "nt":
            raise DaemonError("this system has no Unix sockets")
        owner = skill.absolute().name if skill is not None else _NO_SKILL
        name = f"{safe_name(owner)}__{safe_name(model_id)}__v{PROTOCOL}"
        return cls(_root(environ) / name, _socket_folders(environ), model_id, skill)

    @property
    def lock(self) -> Path:
        """The file whose lock says who is the daemon."""
        return self.folder / "lock"

    @property
    def log(self) -> Path:
        """The log, without keys and inputs."""
        return self.folder / "log"

    def is_held(self, marker: Marker) -> bool:
        """Whether the daemon that wrote this marker can still be found and reached by it."""
        is_reachable = self.lock.is_file() and Path(marker.socket).is_socket()
        return is_reachable and Marker.read(self.folder) == marker

    def open(self) -> None:
        """Make the folder where it is missing; raises DaemonError where it is not the user's."""
        own_folder(self.folder)

    def new_socket(self) -> Path:
        """Return the path for a new socket, in the first folder that can have it.

        Raises DaemonError where there is none.
        """
        name = f"{hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]}.sock"
        reasons = []
        for folder in self.socket_folders:
            path = folder / name
            if len(os.fsencode(path)) > _LONGEST_SOCKET:
                shown = one_line(str(folder), 60)
                reasons.append(f"the path of {shown} is too long for a socket")
                continue
            try:
                own_folder(folder)
            except DaemonError as error:
                reasons.append(str(error))
                continue
            return path
        raise DaemonError("; ".join(reasons))

    def newest_change(self) -> float:
        """Return when scripts or settings of the skill changed last, in seconds since 1970.

        What claims to be of the future, as files of another machine may, would always be newest.
        """
        package = Path(__file__).absolute().parent.parent
        times = [place.stat().st_mtime for place in package.rglob("*.py")]
        if self.skill is not None:
            with suppress(OSError):
                times.append((self.skill / SETTINGS_FILE).stat().st_mtime)
        now = time.time()
        return max((changed for changed in times if changed <= now), default=0.0)


class RunsAlreadyError(Exception):
    """Another process is the daemon of this folder."""


@contextmanager
def locked(place: DaemonPlace) -> Iterator[None]:
    """Be the one daemon of the folder; the lock falls with the process, however that ends.

    Raises RunsAlreadyError, or DaemonError where files cannot be made.
    """
    place.open()
    with ExitStack() as stack:
        try:
            number = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            file = stack.enter_context(open(number, "wb"))  # noqa: PTH123 - it is open already
            is_free = take_lock(file, wait=False)
        except OSError as error:
            raise DaemonError(f"{place.lock} cannot be locked: {reason(error)}") from None
        if not is_free:
            raise RunsAlreadyError
        yield


def daemon_folders(environ: Mapping[str, str]) -> list[Path]:
    """Return the folder of every daemon that has been started, whether it still runs or not."""
    try:
        return sorted(folder for folder in _root(environ).iterdir() if folder.is_dir())
    except (DaemonError, OSError):
        return []


def own_folder(folder: Path) -> None:
    """Make a folder for the user alone; raises DaemonError where it is there and is not that."""
    shown = one_line(str(folder), 200)
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise DaemonError(f"the folder {shown} cannot be made: {reason(error)}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise DaemonError(f"{shown} is no folder")
    if found.st_uid != os.getuid():
        raise DaemonError(f"the folder {shown} belongs to another user")
    if found.st_mode & 0o077:
        raise DaemonError(f"the folder {shown} is open to other users: `chmod 700` it")


def _root(environ: Mapping[str, str]) -> Path:
    if environ.get("FAL_QUEUE_DIR"):
        return Path(environ["FAL_QUEUE_DIR"]).absolute()
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - never raises
    if not os.path.isabs(home):  # noqa: PTH117 - as it was given
        raise DaemonError("there is no home folder: set FAL_QUEUE_DIR")
    return Path(home) / ".cache" / "fal-queue"


def _socket_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where a socket may stand: the session's folder, then one below the temporary files."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    temporary = Path(environ.get("TMPDIR") or tempfile.gettempdir())
    own = temporary.absolute() / f"fal-queue-{os.getuid()}"
    return (Path(runtime), own) if os.path.isabs(runtime) else (own,)  # noqa: PTH117
