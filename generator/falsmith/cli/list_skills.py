"""`falsmith list`: the skills of falsmith in this project, and how fresh each is."""

import os
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fal_runtime.errors import UsageError
from fal_runtime.text import one_line
from falsmith.cli.options import (
    chosen_folder,
    default_folders,
    folder_options,
    json_option,
    notice,
    print_json,
)
from falsmith.errors import TargetError
from falsmith.skill.installed import Installed, find
from falsmith.text import counted

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["collection_as_json", "list_skills", "models_label", "named_skills"]

EXAMPLES = """\b
Examples:
  falsmith list
  falsmith list --agent codex
  falsmith list skills/ --json
"""


@click.command("list", epilog=EXAMPLES)
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@folder_options("the folders of all hosts")
@json_option
def list_skills(
    folders: tuple[Path, ...], output: Path | None, agent: str | None, as_json: bool
) -> int:
    """List falsmith's skills in each DIR, or in the folders of all hosts in this project.

    No network is used. A skill is current (unedited, made by this version), of an
    older or newer version, edited, incomplete (files are missing), or has a broken link.
    """
    skills, _ = found_skills(folders, output, agent)
    if as_json:
        print_json({"skills": [_as_json(one) for one in skills]})
    elif skills:
        _print(skills)
    else:
        named = ", ".join(map(str, _places(folders, output, agent)))
        notice(f"no skill of falsmith stands in {named}; --output names another folder")
    return 0


def named_skills(
    folders: tuple[Path, ...], output: Path | None, agent: str | None
) -> tuple[list[Installed], list[TargetError]]:
    """Return what `found_skills` does; raise UsageError also for a folder of `folders` without."""
    for folder in folders:
        if folder.is_dir() and next(find([folder]), None) is None:
            raise UsageError("usage", f"{folder} is no skill of falsmith and holds none")
    return found_skills(folders, output, agent)


def found_skills(
    folders: tuple[Path, ...], output: Path | None, agent: str | None
) -> tuple[list[Installed], list[TargetError]]:
    """Return the skills in the folders that are named, else in those of all hosts.

    What cannot be read is told, and why it is left out is the second list. Raises UsageError for
    what is no folder.
    """
    _check_folders([*folders, *([output] if output is not None else [])])
    skills, left_out = [], []
    for found in find(_places(folders, output, agent)):
        if isinstance(found, Installed):
            skills.append(found)
        else:
            left_out.append(found)
            notice(f"left out: {found}")
    return skills, left_out


def _places(folders: tuple[Path, ...], output: Path | None, agent: str | None) -> tuple[Path, ...]:
    chosen = chosen_folder(output, agent)
    return (*folders, *([chosen] if chosen is not None else [])) or default_folders()


def _check_folders(named: list[Path]) -> None:
    for folder in named:
        if not os.path.isdir(folder):  # noqa: PTH112 - never raises
            raise UsageError("usage", f"{folder} is no folder: name one that holds skills")


def _as_json(skill: Installed) -> dict[str, object]:
    return {
        "name": skill.folder.absolute().name,
        "path": str(skill.folder.absolute()),
        "model_id": skill.model_id,
        **collection_as_json(skill.model_ids),
        "mode": skill.mode,
        "lazy": skill.lazy,
        "falsmith": skill.version,
        "freshness": skill.freshness,
        "edited": list(map(str, skill.edited)),
        "missing": list(map(str, skill.missing)),
        "broken_links": list(map(str, skill.broken_links)),
        "unmerged": list(map(str, skill.unmerged)),
    }


def models_label(model_ids: Mapping[str, str]) -> str:
    """Return of which model a skill is, or of how many, by their short names."""
    return model_ids.get("") or (counted(len(model_ids), "model") if model_ids else "")


def collection_as_json(model_ids: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Return the models of a collection as they stand in an answer, nothing of any other skill."""
    return {"models": model_ids} if model_ids and "" not in model_ids else {}


def _print(skills: list[Installed]) -> None:
    """Print a table a folder."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for folder, each in groupby(skills, key=lambda one: one.folder.parent):
        console.print(f"[bold]{escape(one_line(str(folder)))}[/]", highlight=False)
        table = _table(each)
        # Names are there to be copied: a narrow screen folds lines and breaks no name.
        unbounded = console.options.update(max_width=10_000)
        console.width = max(console.width, console.measure(table, options=unbounded).maximum)
        console.print(table)


def _table(skills: Iterable[Installed]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("skill", "model", "mode", "falsmith", "freshness"):
        table.add_column(name, no_wrap=True)
    for one in skills:
        mode = ", ".join([one.mode or "", *(["lazy"] if one.lazy else [])])
        name = one.folder.absolute().name
        cells = (name, models_label(one.model_ids), mode, one.version, _freshness(one))
        # A record that came with a skill from elsewhere may hold anything.
        table.add_row(*(escape(one_line(cell)) for cell in cells))
    return table


def _freshness(skill: Installed) -> str:
    counts = {
        "broken link": skill.broken_links,
        "incomplete": skill.missing,
        "edited": skill.edited,
    }
    count = len(counts.get(skill.freshness, ()))
    return f"{skill.freshness} ({count})" if count else skill.freshness
