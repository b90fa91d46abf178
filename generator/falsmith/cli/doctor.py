"""`falsmith doctor`: what works on this machine, what does not, and what to do about it."""

import json
import os
import sys
from pathlib import Path

import click

from fal_runtime.errors import FalError
from falsmith.doctor import Check, Verdict, examine

__all__ = ["doctor"]

COLOURS: dict[Verdict, str] = {"ok": "green", "warning": "yellow", "problem": "red"}


# The option of the other commands would import packages whose absence is to be shown here.
@click.command(epilog="\b\nExamples:\n  falsmith doctor\n  falsmith doctor --offline --json")
@click.option("--offline", is_flag=True, help="Ask nothing of the network.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object; the default when piped."
)
def doctor(offline: bool, as_json: bool) -> int:
    """Check Python, uv, packages, key, hosts, folders, sockets and links.

    The key is never shown. One free request to fal tests it. Exit status: 0 no
    problem, 1 problems; warnings are of things that can be done without.
    """
    told_as_json = as_json or not sys.stdout.isatty()
    checks = []
    for check in examine(os.environ, Path(), offline=offline):
        checks.append(check)
        if not told_as_json:
            _print(check)
    problems = sum(check.verdict == "problem" for check in checks)
    if told_as_json:
        sys.stdout.write(json.dumps(_object(checks, problems), indent=1) + "\n")
    return 1 if problems else 0


def _print(check: Check) -> None:
    mark = click.style(f"{check.verdict:8}", fg=COLOURS[check.verdict])
    click.echo(f"{mark} {check.name:20} {check.found}")
    if check.verdict != "ok" and check.advice:
        click.echo(f"{'':30}{check.advice}")


def _object(checks: list[Check], problems: int) -> dict[str, object]:
    report: dict[str, object] = {
        "checks": [
            {
                "name": check.name,
                "verdict": check.verdict,
                "found": check.found,
                "advice": check.advice or None,
            }
            for check in checks
        ]
    }
    if problems:
        message = f"{problems} of {len(checks)} checks found a problem"
        report["error"] = FalError("problems_found", message).as_json()
    return report
