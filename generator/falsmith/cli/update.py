"""`falsmith update`: stale skills are made anew, and what the user changed in them stays."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from fal_runtime.errors import FalError
from fal_runtime.text import printable_lines
from falsmith.cli.check import change_as_json, change_lines
from falsmith.cli.list_skills import collection_as_json, models_label, named_skills
from falsmith.cli.options import (
    folder_options,
    json_option,
    notice,
    open_source,
    print_json,
    quiet_option,
    source_options,
)
from falsmith.cli.program import program
from falsmith.skill.edits import Edit
from falsmith.text import counted
from falsmith.update import UpdatedSkill
from falsmith.update import update as update_skills

__all__ = ["update"]

EXAMPLES = """\b
Examples:
  falsmith update --dry-run
  falsmith update
  falsmith update skills/fal-ai-flux-dev --source openapi.json
"""


@click.command(epilog=EXAMPLES)
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@folder_options("the folders of all hosts")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would change, as a diff.")
@source_options
@json_option
@quiet_option
def update(
    folders: tuple[Path, ...],
    output: Path | None,
    agent: str | None,
    dry_run: bool,
    source: str | None,
    offline: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make stale skills anew: each DIR is a skill or holds skills; without: those of all hosts.

    A skill keeps the mode, name, description and options that it was made with. What you edited
    stays: the new version of such a file is put beside it as FILE.new, to merge and remove, and an
    edited queue_config.yaml keeps its values and gains new settings. Files of your own are never
    touched; what you deleted comes back. After an interruption run the same command again. Exit
    status: 0 done, 1 some of several skills failed, else that of the failure: 2 bad usage or no
    document, 3 key refused, 6 no network or platform trouble, 9 trouble with files.
    """
    skills, left_out = named_skills(folders, output, agent)
    if not (skills or left_out):
        notice("no skill stands there: nothing was updated")
    done = []
    for one in update_skills(skills, open_source(source, offline=offline), dry_run=dry_run):
        # Nobody asked for the runtime that linked skills share: it is told where it changes.
        if one.models or one.error is not None or one.files:
            done.append(one)
            _print(one, dry_run=dry_run, as_json=as_json, quiet=quiet)
    failed = [*left_out, *(one.error for one in done if one.error is not None)]
    count = len(done) + len(left_out)
    if as_json:
        reply = _as_json(done, failed, count, dry_run=dry_run)
        print_json(reply)
    elif len(done) > 1:
        sys.stdout.write(f"{_summary(done, dry_run=dry_run)}\n")
        for one in () if dry_run else done:
            for edit in one.edits:
                if edit.new is not None and one.folder is not None:
                    sys.stdout.write(printable_lines(f"  to merge: {one.folder / edit.new}\n"))
    if len(failed) == count == 1:
        return failed[0].exit_status
    return 1 if failed else 0


def _status(one: UpdatedSkill, *, dry_run: bool) -> str:
    if one.error is not None:
        return "failed"
    if not one.files:
        return "unchanged"
    return "would update" if dry_run else "updated"


def _print(one: UpdatedSkill, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Print what became of a skill, errors on stderr; programs get it all at the end."""
    if one.error is not None:
        subject = f"{one.folder}: " if one.folder is not None else ""
        sys.stderr.write(printable_lines(program().named(f"error: {subject}{one.error}\n")))
    for warning in one.warnings if not quiet else ():
        sys.stderr.write(printable_lines(f"note: {models_label(one.models)}: {warning}\n"))
    status = _status(one, dry_run=dry_run)
    if as_json or one.error is not None or (quiet and status == "unchanged"):
        return
    files = f", {counted(len(one.files), 'file')}" if one.files else ""
    of = f" ({models_label(one.models)})" if one.models else ""
    sys.stdout.write(printable_lines(f"{one.folder}{of}: {status}{files}\n"))
    for line in change_lines(one.changes):
        sys.stdout.write(printable_lines(f"{line}\n"))
    for edit in one.edits:
        sys.stdout.write(printable_lines(f"  {_kept(edit)}\n"))
    for line in one.diff:
        sys.stdout.write(printable_lines(f"  | {line}\n"))


def _kept(edit: Edit) -> str:
    if edit.gained:
        return f"kept: the values in {edit.path}; new there: {', '.join(edit.gained)}"
    new = f"; merge its new version, {edit.new}, and remove that" if edit.new is not None else ""
    return f"kept: {edit.path}, which you edited{new}"


def _summary(done: Sequence[UpdatedSkill], *, dry_run: bool) -> str:
    states = Counter(_status(one, dry_run=dry_run) for one in done)
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{counted(len(done), 'skill')}: {counts}"


def _as_json(
    done: Sequence[UpdatedSkill], failed: Sequence[FalError], count: int, *, dry_run: bool
) -> dict[str, object]:
    reply: dict[str, object] = {"skills": [_row(one, dry_run=dry_run) for one in done]}
    if len(failed) == count == 1:
        reply["error"] = program().error(failed[0])
    elif failed:
        message = f"{len(failed)} of {count} failed"
        reply["error"] = program().error(FalError("some_failed", message))
    return reply


def _row(one: UpdatedSkill, *, dry_run: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "name": one.folder.name if one.folder is not None else None,
        "path": str(one.folder) if one.folder is not None else None,
        "model_id": one.models.get(""),
        **collection_as_json(one.models),
        "status": _status(one, dry_run=dry_run),
        "changes": list(map(change_as_json, one.changes)),
        "files": list(map(str, one.files)),
        "removed": list(map(str, one.retired)),
        "kept": [
            {
                "path": str(edit.path),
                "new": str(edit.new) if edit.new is not None else None,
                "gained": list(edit.gained),
            }
            for edit in one.edits
        ],
        "warnings": list(one.warnings),
    }
    if dry_run:
        row["diff"] = "\n".join(one.diff)
    return row if one.error is None else row | {"error": program().error(one.error)}
