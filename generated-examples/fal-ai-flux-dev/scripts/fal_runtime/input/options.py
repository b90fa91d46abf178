"""The options that every wrapper has, besides one flag for each input field of its model."""

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

__all__ = ["OPTIONS", "CallOptions", "Option", "option_names"]


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of one call, typed; None means what the settings say, times are in seconds.

    `command` is the words that start this program and name its model: `next` builds on them.
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
    print_paths: bool = False
    quiet: bool = False
    priority: str | None = None
    start_timeout: float | None = None
    no_retry: bool = False
    command: tuple[str, ...] = ()

    @property
    def logs(self) -> bool:
        """Whether the job's log lines are wanted."""
        return self.save_logs or self.save_logs_inline


@dataclass(frozen=True, slots=True)
class Option:
    """One option: spellings, what it takes (nothing if `metavar` is None), its line of help."""

    names: tuple[str, ...]
    group: str
    text: str
    metavar: str | None = None
    read: Callable[[str], str | float] = str
    default: str | float | None = None
    nargs: str | None = None

    @property
    def attribute(self) -> str:
        """Return the name under which the parsed value is found."""
        return self.names[0].removeprefix("--").replace("-", "_")

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add the option to a parser."""
        if self.metavar is None:
            parser.add_argument(*self.names, dest=self.attribute, action="store_true")
            return
        parser.add_argument(
            *self.names,
            dest=self.attribute,
            type=self.read,
            default=self.default,
            nargs=self.nargs,
            const="" if self.nargs == "?" else None,
            action=_ACTIONS.get(self.attribute, "store"),
        )


class _Once(argparse.Action):
    """Store a value, and refuse a second one that would silently replace it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} can be given once only")
        setattr(namespace, self.dest, values)


_ACTIONS: Mapping[str, str | type[argparse.Action]] = {"set": "append", "preset": _Once}


def option_names(options: tuple["Option", ...]) -> tuple[str, ...]:
    """Return every spelling of the options."""
    return tuple(name for option in options for name in option.names)


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number, got {text[:40]!r}")
    return value


def _above(limit: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = _finite(text)
        if value <= limit:
            raise argparse.ArgumentTypeError(f"expected seconds above {limit:g}, got {text!r}")
        return value

    return read


def _from_zero(text: str) -> float:
    value = _finite(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more seconds, got {text!r}")
    return value


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text[:40]!r}")
    return int(text)


def _one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"expected {' or '.join(choices)}, got {text[:40]!r}")
        return text

    return read


def _not_empty(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("expected a value, got an empty text")
    return text


def _below_output(text: str) -> str:
    """Read the name of a file that stays inside --output on every system."""
    paths = (PurePosixPath(text), PureWindowsPath(text))
    leaves = any(path.is_absolute() or path.drive or path.root for path in paths)
    if leaves or any(".." in path.parts for path in paths):
        raise argparse.ArgumentTypeError(
            f"expected a path below --output, without .., not absolute; got {text[:80]!r}"
        )
    if not paths[0].name or text.endswith(("/", "\\")) or not text.isprintable():
        raise argparse.ArgumentTypeError(f"expected the name of a file, got {text[:80]!r}")
    return text


OPTIONS = (
    Option(("--args", "-a"), "input", "the input as one JSON object", "JSON"),
    Option(("--args-file",), "input", "the same from a file, or from stdin with -", "FILE|-"),
    Option(("--set",), "input", "one nested value, such as --set loras.0.scale=0.5", "a.b=VALUE"),
    Option(("--preset",), "input", "a bundle of references/defaults.yaml", "NAME", _not_empty),
    Option(("--allow-unknown",), "input", "send --args fields that the schema does not know"),
    Option(("--no-validate",), "input", "send the input without checking it"),
    Option(
        ("--schema",),
        "input",
        "print the input schema, or one field in full",
        "[FIELD]",
        nargs="?",
    ),
    Option(("--dry-run",), "input", "check, print the exact request, send nothing; no key needed"),
    Option(("--output", "-o"), "files", "where files go", "DIR", default="./output"),
    Option(
        ("--output-file", "-O"),
        "files",
        "name below --output; several files get _2, _3",
        "PATH",
        _below_output,
    ),
    Option(("--auto-filename",), "files", "name files {request_id}_{timestamp}.{ext}"),
    Option(("--save-logs",), "files", "save the model's log under --output/logs"),
    Option(("--save-logs-inline",), "files", "save the model's log beside the file"),
    Option(
        ("--print",),
        "files",
        "paths: print only the saved paths, once completed",
        "json|paths",
        _one_of("json", "paths"),
        "json",
    ),
    Option(("--quiet",), "files", "no progress and no notices on stderr"),
    Option(("--submit",), "jobs", "return at once; collect later with --result"),
    Option(("--status",), "jobs", "ask how job J stands", "J", _not_empty),
    Option(
        ("--result",), "jobs", "wait for job J and save its files, free of charge", "J", _not_empty
    ),
    Option(("--cancel",), "jobs", "cancel job J", "J", _not_empty),
    Option(
        ("--upload",), "jobs", "upload files and print their links", "FILE", _not_empty, nargs="+"
    ),
    Option(("--wait",), "jobs", "seconds to wait here, 0 = to the end", "S", _from_zero, 100.0),
    Option(("--poll-interval",), "jobs", "most seconds between two polls", "S", _above(0)),
    Option(("--max-polls",), "jobs", "deadline = polls x interval", "N", _count),
    Option(("--no-queue",), "jobs", "no daemon: queue directly"),
    Option(("--sync-only",), "jobs", "one call to fal.run, no queue and no job to collect"),
    Option(("--priority",), "jobs", "place in the queue", "normal|low", _one_of("normal", "low")),
    Option(("--start-timeout",), "jobs", "give up if not started in S (above 1)", "S", _above(1)),
    Option(("--no-retry",), "jobs", "fal does not retry a failed run itself"),
    Option(("--api-key", "-k"), "jobs", "deprecated: set FAL_KEY instead", "KEY", _not_empty),
    Option(("--help", "-h"), "jobs", "print this page"),
)
