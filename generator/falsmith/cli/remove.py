"""`falsmith remove`: one skill goes, what the user changed or added in it stays."""

from pathlib import Path

import click

from fal_runtime.errors import UsageError
from fal_runtime.text import printable_lines
from falsmith.cli.options import (
    chosen_folder,
    default_folders,
    first_lines,
    folder_options,
    json_option,
    notice,
    print_json,
    quiet_option,
)
from falsmith.skill.installed import is_path, locate
from falsmith.skill.remove import Removal, plan_removal
from falsmith.skill.remove import remove as remove_skill

__all__ = ["remove"]

EXAMPLES = """\b
Examples:
  falsmith remove fal-ai-flux-dev
  falsmith remove fal-ai-flux-dev --agent codex --dry-run
  falsmith remove skills/fal-ai-whisper --force
"""


@click.command(epilog=EXAMPLES)
@click.argument("skill")
@folder_options("the folders of all hosts")
@click.option("--force", is_flag=True, help="Remove also what you edited and added.")
@click.option("--dry-run", is_flag=True, help="Remove nothing; list what would be removed.")
@json_option
@quiet_option
def remove(
    skill: str,
    output: Path | None,
    agent: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Remove SKILL, a name or a path: every file in it that falsmith wrote and nobody edited.

    Links are removed, never followed. The skill that others link to stays while they do. Exit
    status: 0 done, 2 not a skill of falsmith or not clear which, 9 trouble with files.
    """
    chosen = chosen_folder(output, agent)
    if chosen is not None and is_path(skill):
        raise UsageError(
            "usage", f"{skill} is a path: give the skill's name, or drop --output and --agent"
        )
    folder = locate(skill, default_folders() if chosen is None else [chosen])
    removal = plan_removal(folder, force=force)
    if not dry_run:
        remove_skill(removal)
    status = "would remove" if dry_run else "removed"
    if as_json:
        print_json(_as_json(removal, status))
    else:
        _print(removal, status)
    if not quiet and not dry_run:
        _notices(removal)
    return 0


def _as_json(removal: Removal, status: str) -> dict[str, object]:
    return {
        "name": removal.folder.name,
        "path": str(removal.folder),
        "status": status,
        "removed": len(removal.removed),
        "kept": [{"path": str(one.path), "why": one.why} for one in removal.kept],
        "broken_links_in": list(removal.linked_by),
    }


def _print(removal: Removal, status: str) -> None:
    kept = f", {len(removal.kept)} kept" if removal.kept else ""
    click.echo(printable_lines(f"{status}: {removal.folder} ({len(removal.removed)} files{kept})"))
    kept_files = [f"kept, because {one.why}: {one.path}" for one in removal.kept]
    for line in first_lines(kept_files):
        click.echo(printable_lines(line))


def _notices(removal: Removal) -> None:
    if removal.kept:
        notice("what was kept is yours: falsmith will not touch it, delete it when you like")
    if any(str(one.path) == "SKILL.md" for one in removal.kept):
        notice(
            "agents still find the skill by its SKILL.md, which you edited: delete "
            f"{removal.folder} to end that (--force removes edited files at once)"
        )
    if removal.linked_by:
        notice(f"links into it now lead nowhere in: {', '.join(removal.linked_by)}")
