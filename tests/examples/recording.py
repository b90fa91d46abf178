"""A run of an example against the local fal, as the README shows it: its terminal and its file."""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from falsmith.catalog.bundled import bundled_all
from falsmith.emulator import Emulator

__all__ = ["RECORDING", "RESULT", "record", "texts"]

# Below generated-examples/.
RECORDING, RESULT = "run.svg", "run.jpg"
SCRIPT = "fal-ai-flux-dev/scripts/fal_ai_flux_dev.py"
INPUT = ("--prompt", "A lighthouse on a cliff at dusk", "--seed", "7")
SHOWN = ("status", "job", "saved_path", "seed", "billable_units")
# What differs from run to run, and what stands for it.
JOB, REQUEST, FOLDER = "k3v9x2mq", "58a9b34e-c0b5-470b-93b1-b6771fa677d9", "/home/ada/fox"
TIME = re.compile(r"^\d{4}-\d\d-\d\dT[0-9:.]+Z ", re.MULTILINE)
PASSING = ("In&#160;the&#160;queue", "Running", "INFO")
WIDTH = 100
# Without rich's own font, which would be fetched from elsewhere.
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px;
line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def record(examples: Path) -> dict[str, bytes]:
    """Run the example, and return its terminal as an SVG and the picture that it saved."""
    with tempfile.TemporaryDirectory() as folder, Emulator(bundled_all(), delay=1) as emulator:
        place = Path(folder).resolve()
        # A daemon would outlive the run.
        command = (sys.executable, str(examples / SCRIPT), *INPUT, "--no-queue")
        environment = _environment(place, emulator.environment)
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=True
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        picture = Path(answer["saved_path"]).read_bytes()
        names = {answer["job"]: JOB, answer["request_id"]: REQUEST, str(place): FOLDER}
        names[shlex.join(command[:2])] = "python .../fal_ai_flux_dev.py"
        shown = json.dumps({name: answer[name] for name in SHOWN}, indent=2)
        screen = f"{done.stderr}{shown}"
        for name, stands in names.items():
            screen = screen.replace(name, stands)
        screen = TIME.sub("", screen)
    return {RECORDING: _svg(screen).encode(), RESULT: picture}


def texts(svg: bytes) -> list[str]:
    """Return what a recording says, whatever drew it, but for what depends on the moment."""
    lines = re.findall(r"<text [^>]*>([^<]*)</text>", svg.decode())
    return [line for line in lines if line.strip() and not line.startswith(PASSING)]


def _environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    state = {"HOME": str(folder), "FAL_STATE_DIR": str(folder / "state")}
    return kept | dict(settings) | state | {"PYTHONDONTWRITEBYTECODE": "1"}


def _svg(screen: str) -> str:
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: PTH123, SIM115
    words = shlex.join(INPUT)
    console.print(Text(f"$ python .../fal_ai_flux_dev.py {words}", style="bold"))
    console.print(Text(screen))
    return console.export_svg(title="", code_format=FORMAT, unique_id="run")
