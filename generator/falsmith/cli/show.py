"""`falsmith show`: one model's parameters, outputs, example, warnings and price."""

import json
import sys

import click

from fal_runtime.errors import FalError
from fal_runtime.text import one_line
from falsmith.cli.options import json_option, notice, open_source, source_options
from falsmith.model import MISSING, Model, Parameter
from falsmith.names import check_model_id
from falsmith.parse import parse
from falsmith.platform import Platform, Price
from falsmith.sources import Live

__all__ = ["show"]

EXAMPLES = """\b
Examples:
  falsmith show fal-ai/flux/dev
  falsmith show fal-ai/whisper --offline --json
"""
CHOICES_SHOWN = 8


@click.command(epilog=EXAMPLES)
@click.argument("model_id", metavar="ID")
@source_options
@json_option
def show(model_id: str, source: str | None, offline: bool, as_json: bool) -> int:
    """Show what a model takes and returns; the price too, where a key is set."""
    opened = open_source(source, offline=offline)
    model = parse(opened.documents(check_model_id(model_id)))
    price = _price(opened.platform, model_id) if isinstance(opened, Live) else None
    if as_json or not sys.stdout.isatty():
        sys.stdout.write(json.dumps(_object(model, price), indent=1) + "\n")
    else:
        _print(model, price)
    return 0


def _price(platform: Platform, model_id: str) -> Price | None:
    """Return the price; a platform that refuses it takes nothing from the model."""
    try:
        return platform.price(model_id)
    except FalError as error:
        notice(f"no price: {error}")
        return None


def _object(model: Model, price: Price | None) -> dict[str, object]:
    return {
        "model_id": model.id,
        "display_name": model.display_name,
        "category": model.category,
        "price": {"unit_price": price.unit_price, "unit": price.unit, "currency": price.currency}
        if price
        else None,
        "parameters": [_parameter(one) for one in model.parameters],
        "outputs": [
            {"path": one.path, "kind": one.kind, "file": one.is_file} for one in model.outputs
        ],
        "example": model.example,
        "warnings": list(model.warnings),
    }


def _parameter(parameter: Parameter) -> dict[str, object]:
    described: dict[str, object] = {
        "name": parameter.name,
        "type": parameter.type,
        "required": parameter.required,
        "limits": parameter.limits,
        "choices": list(parameter.choices),
        "file": parameter.file_kind,
        "description": parameter.description,
    }
    return described | ({} if parameter.default is MISSING else {"default": parameter.default})


def _print(model: Model, price: Price | None) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    def safe(text: str) -> str:
        """Return upstream text without what steers a terminal, and without rich's markup."""
        return escape(one_line(text))

    console = Console()
    console.print(f"[bold]{safe(model.display_name)}[/]  {safe(model.id)}  {safe(model.category)}")
    table = Table(box=None, header_style="bold")
    longest = max((len(one_line(one.name)) for one in model.parameters), default=0)
    # A name is there to be copied: a narrow screen folds the other columns.
    table.add_column("field", no_wrap=True, min_width=longest)
    for header in ("type", "default", "notes"):
        table.add_column(header, overflow="fold")
    for one in model.parameters:
        default = "" if one.default is MISSING else json.dumps(one.default)
        choices = ", ".join(json.dumps(value) for value in one.choices[:CHOICES_SHOWN])
        if len(one.choices) > CHOICES_SHOWN:
            choices += f", ... ({len(one.choices)})"
        kind = ", ".join(part for part in (one.type, one.limits, choices) if part)
        row = (one.name, kind, "required" if one.required else default, one.description)
        table.add_row(*map(safe, row))
    console.print(table)
    returned = ", ".join(f"{one.path} ({one.kind})" for one in model.outputs)
    console.print(f"[bold]returns[/]  {safe(returned or 'not published')}")
    console.print(f"[bold]example[/]  {safe(json.dumps(model.example))}")
    if price:
        amount = f"{price.unit_price} {price.currency} per {price.unit}"
        console.print(f"[bold]price[/]  {safe(amount)}")
    for warning in model.warnings:
        console.print(f"[bold]note[/]  {safe(warning)}")
