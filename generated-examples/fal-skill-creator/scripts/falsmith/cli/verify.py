"""`falsmith verify`: every rule over skills that are there, all problems at once."""

import json
import sys
from pathlib import Path

import click

from fal_runtime.errors import FalError
from falsmith.cli.generate import generate
from falsmith.cli.options import json_option, quiet_option
from falsmith.text import counted
from falsmith.verify import Problem
from falsmith.verify import verify as verify_skill

__all__ = ["verify"]

EXAMPLES = """\b
Examples:
  falsmith verify .claude/skills/fal-ai-flux-dev
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
    """Check skills: front matter, links, scripts, schemas, and every command that they show.

    Nothing in a folder is executed. All problems are listed at once. Exit status: 0 no problem,
    1 problems, 2 bad usage.
    """
    found: dict[Path, list[Problem]] = {}
    told_as_json = as_json or not sys.stdout.isatty()
    for folder in dict.fromkeys(folders):
        found[folder] = verify_skill(folder, public=True if public else None, generate=generate)
        if not told_as_json:
            _print(folder, found[folder], quiet=quiet)
    count = sum(map(len, found.values()))
    broken = sum(map(bool, found.values()))
    message = f"{counted(count, 'problem')} in {broken} of {counted(len(found), 'skill')}"
    if told_as_json:
        sys.stdout.write(json.dumps(_object(found, message if count else None), indent=1) + "\n")
    elif len(found) > 1 and not quiet:
        sys.stdout.write(f"{message}\n")
    return 1 if count else 0


def _print(folder: Path, problems: list[Problem], *, quiet: bool) -> None:
    for problem in problems:
        sys.stdout.write(f"{_visible(folder / problem.path)}: {problem.message}\n")
    if not problems and not quiet:
        sys.stdout.write(f"{_visible(folder)}: no problems\n")


def _visible(path: Path) -> str:
    """Escape what the name of a folder may hold and a terminal would obey or not show."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(path)
    )


def _object(found: dict[Path, list[Problem]], message: str | None) -> dict[str, object]:
    told: dict[str, object] = {
        "skills": [
            {
                "path": str(folder.absolute()),
                "problems": [{"path": one.path, "message": one.message} for one in problems],
            }
            for folder, problems in found.items()
        ]
    }
    if message is not None:
        told["error"] = FalError("problems_found", message).as_json()
    return told
