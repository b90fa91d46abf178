"""Options that several commands share, and what they mean."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fal_runtime.errors import UsageError
from falsmith.catalog.cache import Cache, default_path
from falsmith.catalog.saved import SavedSource
from falsmith.sources import Bundled, Cached, Catalogue, Indexed, Live, Offline

if TYPE_CHECKING:
    from falsmith.platform import Platform

__all__ = [
    "json_option",
    "notice",
    "open_cache",
    "open_platform",
    "open_source",
    "quiet_option",
    "source_options",
]

Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; the default when piped."
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


def open_source(
    source: str | None, *, offline: bool, default: str = "live", key: str | None = None
) -> Catalogue:
    """Return the source that the options name, or else `default`, where neither is given.

    Raises UsageError where they contradict.
    """
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
    from fal_runtime.config import key_of_argument, load_config
    from fal_runtime.fal.http import new_client
    from falsmith.platform import Platform

    config = load_config(None, os.environ, key=key_of_argument(key, os.environ, notice))
    return Platform(click.get_current_context().with_resource(new_client(config)), config)


def open_cache() -> Cache:
    """Return the user's cache, closed with the command; it is opened when it is first used."""
    from fal_runtime.config import load_config

    cache = Cache(default_path(load_config(None, os.environ).origins.platform), notice)
    return click.get_current_context().with_resource(closing(cache))


def notice(text: str) -> None:
    """Tell people something beside the answer."""
    click.echo(f"note: {text}", err=True)
