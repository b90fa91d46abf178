"""The options that choose the folder of skills: `--output`, or `--agent` for a host's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fal_runtime.errors import UsageError
from falsmith.hosts import HOST_FOLDERS

__all__ = ["chosen_folder", "folder_options", "known_folders"]

Command = TypeVar("Command", bound=Callable[..., Any])


def folder_options(fallback: str) -> Callable[[Command], Command]:
    """Return what adds `--output` and `--agent`; `fallback` tells what holds without both."""

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
            help=f"The folder that holds the skills.  [default: {fallback}]",
        )(command)

    return add


def chosen_folder(output: Path | None, agent: str | None) -> Path | None:
    """Return the folder that the options name, None without them; UsageError where they clash."""
    if output is not None and agent is not None:
        raise UsageError(
            "usage", "--output and --agent both choose the folder of the skills: drop one of them"
        )
    return output if agent is None else HOST_FOLDERS[agent]


def known_folders() -> tuple[Path, ...]:
    """Return every host's folder, each once."""
    return tuple(dict.fromkeys(HOST_FOLDERS.values()))
