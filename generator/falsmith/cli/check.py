"""`falsmith check`: whether skills still fit the documents of their models, and what changed."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from fal_runtime.errors import FalError
from fal_runtime.text import printable_lines
from falsmith.cli.list_skills import collection_as_json, models_label, named_skills
from falsmith.cli.options import (
    first_lines,
    folder_options,
    json_option,
    notice,
    open_source,
    print_json,
    quiet_option,
    source_options,
)
from falsmith.drift import CLASSES, Change
from falsmith.text import counted
from falsmith.update import CheckedSkill
from falsmith.update import check as check_skills

__all__ = ["change_as_json", "change_lines", "check"]

EXAMPLES = """\b
Examples:
  falsmith check
  falsmith check skills/ --json
  falsmith check skills/fal-ai-flux-dev --source openapi.json
"""
CANNOT_TELL = 6
TITLES = {
    "breaking": "breaking",
    "result": "result or price may change",
    "additive": "additive",
    "cosmetic": "cosmetic",
}


@click.command(epilog=EXAMPLES)
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@folder_options("the folders of all hosts")
@source_options
@json_option
@quiet_option
def check(
    folders: tuple[Path, ...],
    output: Path | None,
    agent: str | None,
    source: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compare skills with the documents of their models: each DIR is a skill or holds skills.

    Without DIR: the folders of all hosts. A change is breaking (a call that worked may be refused,
    or its answer has moved), may change result or price (another default), additive, or cosmetic.
    A thousand skills are some twenty requests. Exit status: 0 all fresh, 1 some stale, 2 no skill
    in a DIR, 6 none stale and of some, or by the platform, nothing could be learned.
    """
    found, left_out = named_skills(folders, output, agent)
    skills = [one for one in found if one.models]
    if not (skills or left_out):
        notice("no skill of a model stands there: nothing was compared")
    checked = list(check_skills(skills, open_source(source, offline=offline))) if skills else []
    stale = [one for one in checked if one.status == "stale"]
    unknown = [one for one in checked if one.status == "unknown"]
    if as_json:
        print_json(_as_json(checked, left_out))
    else:
        _print(checked, quiet=quiet)
    return 1 if stale else CANNOT_TELL if unknown or left_out else 0


def _print(checked: Sequence[CheckedSkill], *, quiet: bool) -> None:
    for one in checked:
        if one.status == "fresh" and quiet and not one.skill.unmerged:
            continue
        state = f"stale, {TITLES[one.changes[0].kind]}" if one.changes else one.status
        line = f"{one.skill.folder} ({models_label(one.skill.model_ids)}): {state}"
        sys.stdout.write(f"{printable_lines(line)}\n")
        if one.error is not None:
            sys.stdout.write(printable_lines(f"  {one.error}\n"))
        for line in change_lines(one.changes):
            sys.stdout.write(printable_lines(f"{line}\n"))
        for path in one.skill.unmerged:
            sys.stdout.write(printable_lines(f"  to merge, for yours stands as it was: {path}\n"))
    if len(checked) > 1:
        sys.stdout.write(f"{_summary(checked)}\n")


def change_lines(changes: Sequence[Change]) -> Iterator[str]:
    """Yield lines that say the gravest changes: how grave each is, where, and what."""
    return first_lines(list(map(_in_words, changes)), ": --json lists all")


def _in_words(change: Change) -> str:
    place = {"input": "input", "output": "answer", "model": "the model"}[change.side]
    where = " ".join(filter(None, (change.model, place, change.path, change.message)))
    return f"{TITLES[change.kind]}: {where}"


def _summary(checked: Sequence[CheckedSkill]) -> str:
    states = Counter(one.status for one in checked)
    gravest = Counter(one.changes[0].kind for one in checked if one.changes)
    kinds = ", ".join(f"{gravest[kind]} {TITLES[kind]}" for kind in CLASSES if gravest[kind])
    stale = f"{states['stale']} stale{f' ({kinds})' if kinds else ''}"
    unknown = f", {states['unknown']} could not be checked" if states["unknown"] else ""
    return f"{counted(len(checked), 'skill')}: {states['fresh']} fresh, {stale}{unknown}"


def _as_json(checked: Sequence[CheckedSkill], left_out: Sequence[FalError]) -> dict[str, object]:
    reply: dict[str, object] = {"skills": [_row(one) for one in checked]}
    errors = [*(one.error for one in checked if one.error is not None), *left_out]
    if any(one.status == "stale" for one in checked):
        reply["error"] = FalError("problems_found", _summary(checked)).as_json()
    elif errors:
        reply["error"] = FalError(errors[0].code, f"{_summary(checked)}: {errors[0]}").as_json()
    return reply


def _row(one: CheckedSkill) -> dict[str, object]:
    row: dict[str, object] = {
        "name": one.skill.folder.absolute().name,
        "path": str(one.skill.folder.absolute()),
        "model_id": one.skill.model_id,
        **collection_as_json(one.skill.model_ids),
        "status": one.status,
        "class": one.changes[0].kind if one.changes else None,
        "changes": list(map(change_as_json, one.changes)),
        "unmerged": list(map(str, one.skill.unmerged)),
    }
    return row if one.error is None else row | {"error": one.error.as_json()}


def change_as_json(change: Change) -> dict[str, str]:
    """Return a change as it stands in an answer; of a collection, with the model's short name."""
    shown = {
        "class": change.kind,
        "side": change.side,
        "path": change.path,
        "message": change.message,
    }
    return shown | ({"model": change.model} if change.model else {})
