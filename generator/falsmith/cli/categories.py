"""`falsmith categories`: the kinds of models, and how many there are of each."""

import sys

import click

from falsmith.cli.options import json_option, open_source, print_json, source_options

__all__ = ["categories"]

EXAMPLES = """\b
Examples:
  falsmith categories
  falsmith categories --source live --json
"""


@click.command(epilog=EXAMPLES)
@source_options
@json_option
def categories(source: str | None, offline: bool, as_json: bool) -> int:
    """List the categories of active models, the largest first.

    They are counted from the local cache, and the bundled catalogue as long as that was never
    synced; --source live reads the platform's whole list.
    """
    counts = open_source(source, offline=offline, default="offline").categories()
    ordered = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    if as_json:
        print_json({"categories": ordered})
    else:
        for name, count in ordered.items():
            sys.stdout.write(f"{count:6,}  {name}\n")
    return 0
