"""`falsmith verify`: every rule over skills that are there, all problems at once."""

import os
import sys
from glob import escape, glob
from pathlib import Path

import click

from fal_runtime.errors import FalError
from falsmith.cli.generate import generate
from falsmith.cli.options import json_option, print_json, quiet_option
from falsmith.cli.problems import of_severity, print_problems, problems_as_json, summary
from falsmith.verify import Finding
from falsmith.verify import verify as verify_skill
from falsmith.verify.front_matter import SKILL_FILE

__all__ = ["verify"]

EXAMPLES = """\b
Examples:
  falsmith verify .claude/skills/fal-ai-flux-dev
  falsmith verify .claude/skills
  falsmith verify --public dist/*
"""


@click.command(epilog=EXAMPLES)
@click.argument(
    "folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path)
)
@click.option(
    "--public",
    is_flag=True,
    help="Also the rules of a skill that is handed to others; else as each skill was generated.",
)
@json_option
@quiet_option
def verify(folders: tuple[Path, ...], public: bool, as_json: bool, quiet: bool) -> int:
    """Check skills: the format, links, schemas, every command shown, and that the code is ours.

    Each DIR is a skill or holds skills. Nothing in a folder is executed. All problems are listed at
    once; a notice names what could not be judged, such as the code of a skill that falsmith did
    not make. Exit status: 0 no problem, 1 problems, 2 bad usage.
    """
    found: dict[Path, list[Finding]] = {}
    for folder in dict.fromkeys(one for named in folders for one in _skills(named)):
        found[folder] = verify_skill(folder, public=True if public else None, generate=generate)
        if not as_json:
            print_problems(folder, found[folder], quiet=quiet)
    broken = any(of_severity(one, "problem") for one in found.values())
    if as_json:
        reply: dict[str, object] = {"skills": problems_as_json(found)}
        if broken:
            reply["error"] = FalError("problems_found", summary(found)).as_json()
        print_json(reply)
    elif len(found) > 1 and not quiet:
        sys.stdout.write(f"{summary(found)}\n")
    return 1 if broken else 0


def _skills(folder: Path) -> list[Path]:
    """Return a skill's folder, or those of the skills that it holds."""
    if os.path.lexists(folder / SKILL_FILE):
        return [folder]
    found = glob(f"{escape(str(folder))}/*/{SKILL_FILE}")  # noqa: PTH207 - never raises
    return sorted(Path(one).parent for one in found) or [folder]
