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
    """Check skills: the format, links, schemas, every command shown, and that the code is ours.

    Nothing in a folder is executed. All problems are listed at once; a notice names what could
    not be judged, such as the code of a skill that falsmith did not make. Exit status: 0 no
    problem, 1 problems, 2 bad usage.
    """
    found: dict[Path, list[Problem]] = {}
    prints_json = as_json or not sys.stdout.isatty()
    for folder in dict.fromkeys(folders):
        found[folder] = verify_skill(folder, public=True if public else None, generate=generate)
        if not prints_json:
            _print(folder, found[folder], quiet=quiet)
    problems = [_of(one, "problem") for one in found.values()]
    count = sum(map(len, problems))
    broken = sum(map(bool, problems))
    message = f"{counted(count, 'problem')} in {broken} of {counted(len(found), 'skill')}"
    if prints_json:
        sys.stdout.write(json.dumps(_object(found, message if count else None), indent=1) + "\n")
    elif len(found) > 1 and not quiet:
        sys.stdout.write(f"{message}\n")
    return 1 if count else 0


def _print(folder: Path, found: list[Problem], *, quiet: bool) -> None:
    problems, notices = _of(found, "problem"), _of(found, "notice")
    for one in problems:
        sys.stdout.write(f"{_visible(folder / one.path)}: {one.message}\n")
    if quiet:
        return
    for one in notices:
        sys.stdout.write(f"{_visible(folder / one.path)}: notice: {one.message}\n")
    if not problems:
        sys.stdout.write(f"{_visible(folder)}: no problems\n")


def _of(found: list[Problem], severity: str) -> list[Problem]:
    return [one for one in found if one.severity == severity]


def _visible(path: Path) -> str:
    """Return a path without what a terminal would obey or not show."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(path)
    )


def _object(found: dict[Path, list[Problem]], message: str | None) -> dict[str, object]:
    reply: dict[str, object] = {
        "skills": [
            {
                "path": str(folder.absolute()),
                "problems": _listed(_of(one, "problem")),
                "notices": _listed(_of(one, "notice")),
            }
            for folder, one in found.items()
        ]
    }
    if message is not None:
        reply["error"] = FalError("problems_found", message).as_json()
    return reply


def _listed(found: list[Problem]) -> list[dict[str, str]]:
    return [{"path": one.path, "message": one.message} for one in found]
