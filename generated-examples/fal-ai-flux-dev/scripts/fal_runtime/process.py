"""The process that a command runs in: what it was given, and how it is interrupted."""

import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

from fal_runtime.text import printable_lines

# The command that pip and uv install.
_INSTALLED = "falsmith"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Process:
    """What a program is started with; nothing else reads the system for it.

    `words` follow the program's name. `program` is the words that start it once more, from any
    folder, and `typed` the same as a person would type them. `script` is the file that runs,
    `folder` the one that relative paths start at.
    """

    words: tuple[str, ...]
    program: tuple[str, ...]
    typed: tuple[str, ...]
    script: Path
    folder: Path
    environ: Mapping[str, str]
    stdin: TextIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    columns: int = 80

    @classmethod
    def current(cls, words: Sequence[str] | None, subcommand: str | None) -> "Process":
        """Return this process; `subcommand` is the word that calls us in a larger program."""
        folder = _working_folder()
        script = folder / sys.argv[0]
        program: tuple[str, ...] = (sys.executable, str(script))
        typed: tuple[str, ...] = ("python", sys.argv[0])
        if subcommand is not None:
            if _is_on_path(script, os.environ):
                program = typed = (_INSTALLED,)
            program, typed = (*program, subcommand), (*typed, subcommand)
        return cls(
            tuple(sys.argv[1:] if words is None else words),
            program,
            typed,
            script,
            folder,
            os.environ,
            sys.stdin,
            sys.stdout,
            sys.stderr,
            _columns(os.environ),
        )

    @classmethod
    def of_python(cls, skill: Path | None) -> "Process":
        """Return the process of a Python program that calls us: its words and streams stay its own.

        `skill` is the skill that carries this package, if one does.
        """
        script = skill / "scripts" / "fal_api_call.py" if skill is not None else None
        program = (sys.executable, str(script)) if script is not None else (_INSTALLED, "call")
        # No script: a program is never replaced by another process.
        folder = _working_folder()
        return cls((), program, program, Path(), folder, os.environ, None, None, None)

    def read_stdin(self) -> str:
        """Return all of standard input; raises OSError where there is none."""
        if self.stdin is None:
            raise OSError("there is no standard input")
        return self.stdin.buffer.read().decode()

    def say(self, line: str) -> None:
        """Print a line to stderr; that nobody can read it must never end a job."""
        if self.stderr is None:
            return
        try:
            print(printable_lines(line), file=self.stderr, flush=True)
        except OSError:
            return


@contextmanager
def terminable() -> Iterator[None]:
    """Have SIGTERM end a command as Ctrl-C does: both raise KeyboardInterrupt.

    A signal that is ignored, as under nohup or in a shell's background job, stays ignored, and one
    that a larger program handles stays its own.
    """
    before = {number: signal.getsignal(number) for number in _INTERRUPTS}
    try:
        if before[signal.SIGTERM] is signal.SIG_DFL:
            _handle([signal.SIGTERM], _interrupt)
        if before[signal.SIGINT] is signal.default_int_handler:
            _handle([signal.SIGINT], _interrupt)
        yield
    finally:
        for number, handler in before.items():
            _handle([number], handler)


def take_interrupts() -> None:
    """Let in the interrupts that a script has blocked since its first line.

    One that came meanwhile is raised here, as KeyboardInterrupt.
    """
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)


def hold_interrupts() -> None:
    """Ignore interrupts to the end of `terminable`: what is known by now is printed whole."""
    _handle(_INTERRUPTS, signal.SIG_IGN)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """End the command; who is impatient and interrupts again must not lose the job's ID."""
    hold_interrupts()
    raise KeyboardInterrupt


def _handle(numbers: Iterable[signal.Signals], handler: Any) -> None:  # noqa: ANN401 - as signal's
    for number in numbers:
        # Only the main thread of a program may; in another one nothing interrupts us.
        with suppress(ValueError):
            signal.signal(number, handler)


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was removed: what is done there says so
        return Path(os.environ.get("PWD") or os.sep)


def _columns(environ: Mapping[str, str]) -> int:
    """Return the width of the terminal, as `shutil` does, whose import takes longer than a page."""
    if environ.get("COLUMNS", "").isdecimal():
        return int(environ["COLUMNS"])
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


def _is_on_path(script: Path, environ: Mapping[str, str]) -> bool:
    """Whether the name alone starts this program, from any folder."""
    # `uv run` and `uvx` put a program on the PATH that the next command of a shell will not find.
    if "UV" in environ:
        return False
    import shutil

    installed = shutil.which(_INSTALLED, path=environ.get("PATH"))
    # What a relative entry of the PATH leads to from this folder only is never the same. Windows
    # leaves `.exe` out or not.
    return installed is not None and Path(installed).with_suffix("") == script.with_suffix("")
