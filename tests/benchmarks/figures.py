"""A measured figure beside its target, and the table that shows them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["Figure", "show"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the most (or the least) that it may be, where there is a bound."""

    what: str
    value: float
    target: float | None
    unit: str = ""
    note: str = ""
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is within its target, if it has one."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


def show(figures: Sequence[Figure], title: str) -> None:
    """Print the figures as a table."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("what", no_wrap=True)
    table.add_column("figure", justify="right")
    table.add_column("target", justify="right")
    table.add_column("met")
    table.add_column("measured")
    for one in figures:
        target, met = "", ""
        if one.target is not None:
            target = f"{'>=' if one.at_least else '<='} {_text(one.target, one.unit)}"
            met = "[green]yes[/]" if one.met else "[bold red]no[/]"
        table.add_row(one.what, _text(one.value, one.unit), target, met, one.note)
    # A pipe has no width of its own: this one keeps each figure on one line.
    Console(width=None if sys.stdout.isatty() else 110).print(table)


def _text(number: float, unit: str) -> str:
    return f"{number:,.2f}{unit}" if unit.startswith((" x", " ms")) else f"{number:,.0f}{unit}"
