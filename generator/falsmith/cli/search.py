"""`falsmith search`: models by words, category and ability."""

import sys

import click

from fal_runtime.errors import UsageError
from falsmith.catalog.query import Query, Status
from falsmith.cli.matches import print_matches
from falsmith.cli.options import json_option, open_source, source_options

__all__ = ["search"]

DEFAULT_LIMIT = 20
EXAMPLES = """\b
Examples:
  falsmith search "text to image"
  falsmith search -c image-to-video --limit 5
  falsmith search upscale --offline
  falsmith search --offline --input end_image_url --choice shot_type=customize
"""


@click.command(epilog=EXAMPLES)
@click.argument("text", nargs=-1)
@click.option("-c", "--category", metavar="CATEGORY", help="As `falsmith categories` lists them.")
@click.option(
    "--status",
    type=click.Choice(["active", "deprecated", "all"]),
    default="active",
    show_default=True,
    help="Which models.",
)
@click.option(
    "--limit", type=click.IntRange(1), help=f"The most models to list [default: {DEFAULT_LIMIT}]."
)
@click.option("--all", "everything", is_flag=True, help="List every match.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="FIELD",
    help="Offline: models that take this field; repeatable.",
)
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Offline: models whose field allows this value; repeatable.",
)
@click.option(
    "--output-kind",
    "output_kinds",
    multiple=True,
    metavar="KIND",
    help="Offline: models that make such files: image, video, audio, 3d ...; repeatable.",
)
@source_options
@json_option
def search(
    text: tuple[str, ...],
    category: str | None,
    status: Status,
    limit: int | None,
    everything: bool,
    inputs: tuple[str, ...],
    choices: tuple[str, ...],
    output_kinds: tuple[str, ...],
    source: str | None,
    offline: bool,
    as_json: bool,
) -> int:
    """Search models by TEXT; without any, the newest come first.

    The platform is asked, unless --offline or --source names what is on this machine: there,
    models are also found by what they take and make, as far as their documents are at hand.
    """
    if everything and limit is not None:
        raise UsageError("usage", "--all and --limit exclude each other: drop one of them")
    pairs = tuple(map(_pair, choices))
    query = Query(" ".join(text), category, status, inputs, pairs, output_kinds)
    print_matches(
        open_source(source, offline=offline),
        query,
        None if everything else limit or DEFAULT_LIMIT,
        as_json=as_json or not sys.stdout.isatty(),
    )
    return 0


def _pair(choice: str) -> tuple[str, str]:
    name, sign, value = choice.partition("=")
    if not (name and sign):
        raise UsageError("usage", f"--choice takes FIELD=VALUE, not {choice[:80]!r}")
    return name, value
