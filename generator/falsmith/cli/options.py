"""Options that several commands share, and what they mean."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from fal_runtime.errors import UsageError
from falsmith.catalog.saved import SavedSource
from falsmith.sources import Bundled, Live, Source

__all__ = ["json_option", "open_source", "quiet_option", "source_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; the default when piped."
)
quiet_option = click.option("--quiet", is_flag=True, help="No progress, no notices.")


def source_options(command: Command) -> Command:
    """Add `--source` and `--offline`."""
    command = click.option(
        "--offline", is_flag=True, help="Use no network: the catalogue that ships with falsmith."
    )(command)
    return click.option(
        "--source",
        metavar="live|bundled|PATH",
        help="Where documents come from: the Platform API (default), the bundled catalogue, or "
        "saved OpenAPI documents, list pages or a folder of them.",
    )(command)


def open_source(source: str | None, *, offline: bool) -> Source:
    """Return the source that the options name; raises UsageError where they contradict."""
    if offline and source == "live":
        raise UsageError(
            "usage", "--offline and --source live exclude each other: drop one of them"
        )
    if source == "bundled" or (offline and source is None):
        return Bundled()
    if source is None or source == "live":
        return _live()
    return SavedSource(Path(source))


def _live() -> Source:
    from fal_runtime.config import load_config
    from fal_runtime.http import new_client
    from falsmith.platform import Platform

    return Live(Platform(new_client(), load_config(None, os.environ)))
