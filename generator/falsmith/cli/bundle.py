"""`falsmith bundle`: skills as hosts take them, judged as public before anything is written."""

import hashlib
import os
import sys
from pathlib import Path

import click

from fal_runtime.errors import FalError
from fal_runtime.text import printable_lines
from falsmith.cli.generate import generate
from falsmith.cli.options import json_option, notice, print_json, quiet_option
from falsmith.cli.problems import print_problems, problems_as_json, summary
from falsmith.publish.bundle import Bundle, BundleRequest, write_bundle
from falsmith.publish.bundle import bundle as make_bundle
from falsmith.publish.details import Details, read_details
from falsmith.publish.formats import FORMATS
from falsmith.skill.ownership import USER_FILES
from falsmith.text import counted

__all__ = ["bundle"]

EXAMPLES = """\b
Examples:
  falsmith bundle .claude/skills/fal-ai-flux-dev -o dist --format skill
  falsmith bundle .claude/skills/fal-ai-* -o site --format well-known
  falsmith bundle .claude/skills/fal-ai-* -o dist --format all --name acme-media \\
      --version 1.0.0 --author "Acme Studio"
"""
OWN = [path.name for path in USER_FILES]


@click.command(epilog=EXAMPLES)
@click.argument(
    "folders", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to make; it must not be there yet.",
)
@click.option(
    "--format",
    "form",
    required=True,
    type=click.Choice([*FORMATS, "all"]),
    help="What to make; all makes each in a folder of its name.",
)
@click.option("--name", help="The plugin's and marketplace's name.  [default: one skill's own]")
@click.option("--version", help="The plugin's version, such as 1.0.0.")
@click.option("--author", help="Who publishes it.")
@click.option("--license", help="The plugin's licence.  [default: the one that all skills have]")
@click.option("--homepage", help="An https:// address.")
@click.option("--description", help="What the plugin is for.  [default: named from its skills]")
@click.option(
    "--include",
    "included",
    multiple=True,
    type=click.Choice(OWN),
    help="Hand on this file of your own too; repeatable.",
)
@click.option("--allow-edited", is_flag=True, help="Hand on texts as you edited them.")
@json_option
@quiet_option
def bundle(
    folders: tuple[Path, ...],
    output: Path,
    form: str,
    name: str | None,
    version: str | None,
    author: str | None,
    license: str | None,  # noqa: A002 - click names it as the option
    homepage: str | None,
    description: str | None,
    included: tuple[str, ...],
    allow_edited: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Pack skills as hosts take them: archives, a site's index, plugins, a folder.

    Links are replaced by copies; your guide.md and defaults.yaml stay out. Each skill is then
    verified as public. Name, version, author, license, homepage and description can also stand in
    a [tool.falsmith] table of pyproject.toml. The same skills give the same bytes. Exit status:
    0 done, 1 problems, 2 bad usage, 9 trouble with files; after any but 0 nothing was written.
    """
    said = Details(name, version, author, license, homepage, description)
    request = BundleRequest(
        folders=tuple(dict.fromkeys(Path(os.path.abspath(one)) for one in folders)),  # noqa: PTH100
        output=output,
        formats=tuple(FORMATS) if form == "all" else (form,),
        details=said.over(read_details(Path.cwd())),
        handed_on=frozenset(included),
        allow_edited=allow_edited,
        generate=generate,
    )
    made = make_bundle(request)
    if made.files:
        write_bundle(made, request)
    if as_json:
        print_json(_as_json(made, request))
    else:
        _print(made, request, quiet=quiet)
    if not quiet:
        for note in made.notes:
            notice(note)
    return 0 if made.files else 1


def _print(made: Bundle, request: BundleRequest, *, quiet: bool) -> None:
    for one in made.judged:
        if not quiet or one.packed is None:
            print_problems(one.folder, one.found, quiet=quiet)
    for name, files in made.files.items():
        place = printable_lines(str(_place(name, request)))
        sys.stdout.write(f"wrote: {place} ({counted(len(files), 'file')})\n")
        if not quiet:
            sys.stdout.write(f"  {FORMATS[name].use.replace('FOLDER', f'./{place}')}\n")
    if not made.files:
        sys.stdout.write(f"{_summary(made)}; nothing was written\n")


def _as_json(made: Bundle, request: BundleRequest) -> dict[str, object]:
    reply: dict[str, object] = {
        "skills": problems_as_json({one.folder: one.found for one in made.judged}),
        "formats": [
            {
                "format": name,
                "path": str(_place(name, request).absolute()),
                "files": len(files),
                "archives": [
                    {
                        "path": str(file.path),
                        "size": len(file.content),
                        "sha256": hashlib.sha256(file.content).hexdigest(),
                    }
                    for file in files
                    if file.path.suffix in (".skill", ".zip")
                ],
            }
            for name, files in made.files.items()
        ],
        "notes": list(made.notes),
    }
    if not made.files:
        message = f"{_summary(made)}; nothing was written"
        reply["error"] = FalError("problems_found", message).as_json()
    return reply


def _place(name: str, request: BundleRequest) -> Path:
    """Return where the files of a format stand."""
    return request.output if len(request.formats) == 1 else request.output / name


def _summary(made: Bundle) -> str:
    return summary({one.folder: one.found for one in made.judged})
