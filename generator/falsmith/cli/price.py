"""`falsmith price`: what models cost a unit, as the platform lists it."""

import sys
from dataclasses import asdict

import click

from falsmith.cli.options import json_option, notice, open_platform, print_json
from falsmith.names import check_model_id

__all__ = ["price"]

EXAMPLES = """\b
Examples:
  falsmith price fal-ai/flux/dev fal-ai/kokoro
What one input would cost: the script of a skill, with --price and the input.
"""


@click.command(epilog=EXAMPLES)
@click.argument("model_ids", metavar="ID...", nargs=-1, required=True)
@json_option
def price(model_ids: tuple[str, ...], as_json: bool) -> int:
    """Tell what a unit of each model costs; a key is needed.

    fal lists one price a model: tiers by resolution or duration stand only in the model's own text.
    """
    platform = open_platform()
    platform.config.required_key()
    asked = [check_model_id(model_id) for model_id in dict.fromkeys(model_ids)]
    prices = platform.prices(asked)
    if as_json:
        empty = {"unit_price": None, "unit": None, "currency": None}
        rows = [
            {"model_id": name, **(asdict(prices[name]) if name in prices else empty)}
            for name in asked
        ]
        print_json({"prices": rows})
    else:
        width = max(map(len, asked))
        for name in asked:
            listed = str(prices[name]) if name in prices else "no price is listed"
            sys.stdout.write(f"{name:<{width}}  {listed}\n")
    missing = [name for name in asked if name not in prices]
    if missing:
        notice(f"fal lists no price of {', '.join(missing)}: the IDs may be wrong")
    return 0
