"""`falsmith show`: one model: what it does, takes and returns, an example, oddities and price."""

import json

import click

from fal_runtime.errors import FalError
from fal_runtime.fal.protocol import Price
from fal_runtime.text import cut, one_line, short_json
from falsmith.catalog.query import Match, match_of
from falsmith.cli.options import json_option, notice, open_source, print_json, source_options
from falsmith.documents import Documents, ListEntry
from falsmith.model import MISSING, Model, Output, Parameter
from falsmith.names import check_model_id
from falsmith.parse import parse
from falsmith.platform import Platform
from falsmith.sources import Live

__all__ = ["show"]

EXAMPLES = """\b
Examples:
  falsmith show fal-ai/flux/dev
  falsmith show fal-ai/whisper --offline --json
"""
CHOICES_SHOWN = 8
# Of a default and of a note in the table; --json has them whole.
DEFAULT_LIMIT, NOTE_LIMIT = 60, 300


@click.command(epilog=EXAMPLES)
@click.argument("model_id", metavar="ID")
@source_options
@json_option
def show(model_id: str, source: str | None, offline: bool, as_json: bool) -> int:
    """Show what a model takes and returns; the price too, where a key is set."""
    opened = open_source(source, offline=offline)
    documents = opened.documents(check_model_id(model_id))
    model, listed = parse(documents), _listed(documents)
    price, why_not = None, "only the live platform says it"
    if isinstance(opened, Live):
        price, why_not = _price(opened.platform, model_id)
    if as_json:
        print_json(_object(model, listed, price))
    else:
        _print(model, listed, str(price) if price else f"unknown ({why_not})")
    return 0


def _listed(documents: Documents) -> Match:
    return match_of(
        ListEntry(documents.model_id, documents.metadata, documents.openapi), documents.openapi
    )


def _price(platform: Platform, model_id: str) -> tuple[Price | None, str]:
    """Return the price, else why there is none; that takes nothing from the model."""
    if platform.config.key is None:
        return None, "set FAL_KEY to see it"
    try:
        return platform.prices([model_id]).get(model_id), "the platform names none"
    except FalError as error:
        notice(f"no price: {error}")
        return None, "see the note"


def _object(model: Model, listed: Match, price: Price | None) -> dict[str, object]:
    return {
        "model_id": model.id,
        "display_name": model.display_name,
        "category": model.category,
        "description": listed.description,
        "status": listed.status,
        "date": listed.date or None,
        "license": listed.license or None,
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


def _print(model: Model, listed: Match, price: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # What is upstream's is text, not markup, and nothing in it steers a terminal.
    console = Console(highlight=False, markup=False)

    def part(heading: str, text: str) -> None:
        if text:
            console.print(Text.assemble((f"{heading:9}", "bold"), one_line(text)))

    console.print(Text(one_line(model.display_name), style="bold"))
    facts = (model.id, model.category, listed.date[:10], listed.license)
    mark = "deprecated" if listed.status == "deprecated" else ""
    console.print(one_line(", ".join(filter(None, (*facts, mark)))), soft_wrap=True)
    console.print(one_line(listed.description))
    console.print()
    table = Table(box=None, header_style="bold", pad_edge=False)
    longest = max((len(one_line(one.name)) for one in model.parameters), default=0)
    # A name is there to be copied: a narrow screen folds the other columns.
    table.add_column("field", no_wrap=True, min_width=longest)
    for header in ("takes", "default", "notes"):
        table.add_column(header, overflow="fold")
    for one in model.parameters:
        table.add_row(*map(Text, map(one_line, _row(one))))
    console.print(table)
    console.print()
    part("returns", ", ".join(_output(one) for one in model.outputs) or "not published")
    part("example", json.dumps(model.example, ensure_ascii=False))
    part("price", price)
    for warning in model.warnings:
        part("oddity", warning)


def _row(one: Parameter) -> tuple[str, str, str, str]:
    choices = [json.dumps(value, ensure_ascii=False) for value in one.choices[:CHOICES_SHOWN]]
    if one.choice_count > len(choices):
        choices.append(f"... {one.choice_count:,} in all")
    kind = one.type if one.file_kind is None else f"{one.type}: {_file(one.file_kind)} or link"
    default = "" if one.default is MISSING else short_json(one.default, DEFAULT_LIMIT)
    takes = ", ".join(part for part in (kind, one.limits, *choices) if part)
    note = cut(one_line(one.description), NOTE_LIMIT)
    return one.name, takes, "required" if one.required else default, note


def _file(kind: str) -> str:
    return "file" if kind == "file" else f"{kind} file"


def _output(one: Output) -> str:
    return f"{one.path} ({_file(one.kind) if one.is_file else one.kind})"
