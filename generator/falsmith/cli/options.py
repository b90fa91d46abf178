"""What several commands share: options, what they mean, and how an answer is printed."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fal_runtime.errors import UsageError
from fal_runtime.text import printable_lines
from falsmith.catalog.saved import SavedSource
from falsmith.cli.program import program
from falsmith.hosts import DEFAULT_FOLDER, HOST_FOLDERS
from falsmith.sources import Bundled, Cached, Indexed, Live, Offline, SearchableSource

if TYPE_CHECKING:
    from falsmith.catalog.cache import Cache
    from falsmith.platform import Platform

__all__ = [
    "chosen_folder",
    "default_folder",
    "default_folders",
    "first_lines",
    "folder_options",
    "json_option",
    "notice",
    "open_cache",
    "open_platform",
    "open_source",
    "print_json",
    "quiet_option",
    "source_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

MOST_LINES = 12


def _for_programs(_context: click.Context, _option: click.Parameter, is_asked: bool) -> bool:
    """Return whether JSON is printed: where that is asked for, or nobody looks at a terminal."""
    return is_asked or not sys.stdout.isatty()


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_for_programs,
    help="Print one JSON object; the default when piped.",
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress, no notices.")


def source_options(command: Command) -> Command:
    """Add `--source` and `--offline`."""
    command = click.option(
        "--offline",
        is_flag=True,
        help="Use no network: the local cache, then the catalogue that ships with falsmith.",
    )(command)
    return click.option(
        "--source",
        metavar="live|cache|bundled|PATH",
        help="Where models come from: the Platform API (live), the local cache, the bundled "
        "catalogue, or saved OpenAPI documents, list pages or a folder of them.",
    )(command)


def folder_options(fallback: str) -> Callable[[Command], Command]:
    """Return what adds `--output` and `--agent`; `fallback` says what holds without both."""

    def add(command: Command) -> Command:
        command = click.option(
            "--agent",
            type=click.Choice(list(HOST_FOLDERS)),
            help="The folder of this host's skills in the project, in place of --output.",
        )(command)
        return click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            help=f"The folder that holds the skills.  [default: {fallback}; a skill's "
            "script: the folder where that skill stands]",
        )(command)

    return add


def chosen_folder(output: Path | None, agent: str | None) -> Path | None:
    """Return the folder that the options name, None without them; UsageError where they clash."""
    if output is not None and agent is not None:
        raise UsageError(
            "usage", "--output and --agent both choose the folder of the skills: drop one of them"
        )
    return output if agent is None else HOST_FOLDERS[agent]


def default_folder() -> Path:
    """Return where skills are written without an option: beside the skill that does it."""
    return program().skills or DEFAULT_FOLDER


def default_folders() -> tuple[Path, ...]:
    """Return where skills are looked for without an option: each host's folder, each once."""
    own = program().skills
    return tuple(dict.fromkeys(HOST_FOLDERS.values())) if own is None else (own,)


def open_source(
    source: str | None, *, offline: bool, default: str = "live", key: str | None = None
) -> SearchableSource:
    """Return the source that the options name, or else `default`, where neither is given.

    Raises UsageError where they contradict, or where a key on the command line is not allowed.
    """
    if key is not None:
        from fal_runtime.config import key_of_argument

        # Seen and logged it is also where no source needs it.
        key = key_of_argument(key, os.environ, notice)
    if offline and source == "live":
        raise UsageError(
            "usage", "--offline and --source live exclude each other: drop one of them"
        )
    if source == "":
        raise UsageError("usage", "--source is empty: name live, cache, bundled or a path")
    match source or ("offline" if offline else default):
        case "live":
            return Live(open_platform(key), open_cache(), notice)
        case "cache":
            return Cached(open_cache())
        case "bundled":
            return Indexed(Bundled())
        case "offline" if source is None:
            return Offline(open_cache(), notice)
        case path:
            return Indexed(SavedSource(Path(path)))


def open_platform(key: str | None = None) -> "Platform":
    """Return the Platform API's client, closed with the command; raises as `load_config` does."""
    from fal_runtime.config import load_config
    from fal_runtime.fal.http import new_client
    from falsmith.platform import Platform

    config = load_config(None, os.environ, key=key)
    return Platform(click.get_current_context().with_resource(new_client(config)), config)


def open_cache() -> "Cache":
    """Return the user's cache, closed with the command; it is opened when it is first used."""
    from fal_runtime.config import load_config
    from falsmith.catalog.cache import Cache, default_path

    cache = Cache(default_path(load_config(None, os.environ).origins.platform), notice)
    return click.get_current_context().with_resource(closing(cache))


def print_json(answer: Mapping[str, object]) -> None:
    """Print the one JSON object of a command."""
    sys.stdout.write(json.dumps(answer, indent=1) + "\n")


def first_lines(lines: Sequence[str], all_of_them: str = "") -> Iterator[str]:
    """Yield the first lines, indented, and how many more there are and where all of them are."""
    yield from (f"  {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"  ... and {len(lines) - MOST_LINES} more{all_of_them}"


def notice(text: str) -> None:
    """Print something for people beside the answer."""
    click.echo(printable_lines(program().named(f"note: {text}")), err=True)
