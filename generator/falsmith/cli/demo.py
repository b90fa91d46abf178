"""`falsmith demo`: the whole line on this machine, from a bundled model to a saved file."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fal_runtime.config import KEY_VARIABLES
from fal_runtime.errors import JobError
from falsmith.cli.emulate import own_ledger
from falsmith.cli.program import program
from falsmith.documents import Json
from falsmith.generate import GeneratedSkill, generate
from falsmith.names import wrapper_name
from falsmith.render import Options
from falsmith.sources import Bundled
from falsmith.verify import verify

if TYPE_CHECKING:
    from falsmith.emulator import Emulator

__all__ = ["demo"]

MODEL_ID = "fal-ai/flux/schnell"
PROMPT = "A lighthouse on a cliff at dusk"


@click.command(epilog="\b\nExample:\n  falsmith demo -o /tmp/falsmith-demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where the skill and the file go.  [default: a new temporary folder]",
)
def demo(output: Path | None) -> int:
    """Make a skill, verify it, and run it against a local fal; no key, no network, no cost."""
    # Where its packages are missing, it says so before anything is written.
    from falsmith.emulator import Emulator

    documents = Bundled().documents(MODEL_ID)
    emulator = Emulator([documents])
    folder = output or Path(tempfile.mkdtemp(prefix="falsmith-demo-"))
    click.secho(f"1. Generate a skill for {MODEL_ID}", bold=True)
    skill = generate(documents, Options("public"), folder / "skills")
    _print_tree(skill)
    click.secho("\n2. Verify it", bold=True)
    problems = verify(skill.folder)
    for problem in problems:
        click.echo(f"   {problem.path}: {problem.message}")
    click.echo(f"   {len(problems)} problems")
    click.secho("\n3. Call the model through its wrapper, at a local fal", bold=True)
    result = _call(skill, emulator, folder / "output")
    click.echo(f"   status {result['status']}, request {result['request_id']}")
    for file in result["files"]:
        click.echo(f"   saved {file['path']} ({file['content_type']}, {file['size']} bytes)")
    return 1 if problems else 0


def _print_tree(skill: GeneratedSkill) -> None:
    click.echo(f"   {skill.folder}/")
    runtime = [path for path in skill.files if "fal_runtime" in path.parts]
    for path in skill.files:
        if path not in runtime:
            click.echo(f"     {path}")
    click.echo(f"     scripts/fal_runtime/ ({len(runtime)} files)")


def _call(skill: GeneratedSkill, emulator: "Emulator", output: Path) -> Mapping[str, Json]:
    """Run the wrapper as its user would, in its own process, and return the object it prints."""
    script = skill.folder / "scripts" / f"{wrapper_name(skill.name)}.py"
    # A daemon would outlive the local fal that it was started for.
    words = ["--prompt", PROMPT, "--output", str(output), "--no-queue"]
    command = [sys.executable, str(script), *words]
    # What is shown can be run again: the local fal of this run ends with it.
    shown = shlex.join(["falsmith", "emulate", "--", "python", str(script), *words])
    click.echo(f"   $ {program().named(shown)}")
    inherited = {name: value for name, value in os.environ.items() if name not in KEY_VARIABLES}
    with emulator, own_ledger() as ledger:
        done = subprocess.run(
            command,
            env=ledger | inherited | emulator.environment,
            stdout=subprocess.PIPE,
            check=False,
        )
    result: Mapping[str, Json] = json.loads(done.stdout)
    if done.returncode != 0:
        raise JobError("job_failed", f"the wrapper failed: {result['error']['message']}")
    return result
