#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "click>=8.1,<9",
#     "httpx>=0.27,<1",
#     "jinja2>=3.1.4,<4",
#     "jsonschema>=4.21,<5",
#     "platformdirs>=4.2,<5",
#     "rich>=13.7,<16",
#     "pyyaml>=6.0.1,<7",
# ]
# ///
"""Find models, and make, list and remove skills for them; `--help` lists the commands."""

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

SKILL = Path(__file__).absolute().parent.parent
sys.path.insert(0, str(SKILL / "scripts"))
if __name__ == "__main__" and sys.version_info[:2] < (3, 11):
    from fal_runtime.uv import leave_old_python

    leave_old_python(__file__)

PACKAGES = {
    "click": "click>=8.1,<9",
    "httpx": "httpx>=0.27,<1",
    "jinja2": "jinja2>=3.1.4,<4",
    "jsonschema": "jsonschema>=4.21,<5",
    "platformdirs": "platformdirs>=4.2,<5",
    "rich": "rich>=13.7,<16",
    "yaml": "pyyaml>=6.0.1,<7",
}


def main() -> int:
    """Run falsmith with this script's arguments; skills stand beside this one."""
    changed = _changed()
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        sys.stderr.write(
            f"error: {SKILL} is not as falsmith wrote it: {', '.join(changed[:5])}{more}. Nothing "
            "was done, for what it carries goes into every skill that it makes. Copy it again from "
            "where it came, or replace it with `falsmith generate --force` of an installed "
            "falsmith\n"
        )
        return 9
    from fal_runtime.dependencies import require_modules
    from fal_runtime.errors import FalError

    try:
        require_modules(PACKAGES, Path(__file__).absolute(), sys.argv[1:], os.environ, PACKAGES)
    except FalError as error:
        sys.stderr.write(f"error: {error}\nrun: {shlex.join(error.next or ())}\n")
        if "--json" in sys.argv or not sys.stdout.isatty():
            sys.stdout.write(json.dumps({"error": error.as_json()}) + "\n")
        return error.exit_status
    from falsmith.cli import run
    from falsmith.cli.program import Program

    # Hints name what was started: this script, and for other commands falsmith.py beside it.
    start = Path(sys.argv[0])
    commands = shlex.join(["python", str(start.with_name("falsmith.py"))])
    return run(sys.argv[1:], Program(commands, f"{commands} generate", SKILL.parent))


def _changed() -> list[str]:
    """Return what would be handed on and is edited, missing, or added, by this skill's record."""
    record = "references/provenance.json"
    try:
        # Anything but a file may be a pipe, which would be waited for without end.
        place = SKILL / record
        provenance = json.loads(place.read_bytes() if place.is_file() else b"")
        files = {path: known for path, known in provenance["files"].items() if _is_program(path)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [record]
    # A write that was cut short leaves two versions, mixed.
    if "writing" in provenance:
        return [record]
    places = {place.relative_to(SKILL).as_posix(): place for place in SKILL.glob("scripts/**/*")}
    found = {path: _digest(place) for path, place in places.items() if _is_program(path)}
    return sorted(path for path in files | found if files.get(path) != found.get(path))


def _is_program(path: str) -> bool:
    # Python imports compiled modules as well, but those of __pycache__ with their source alone.
    kinds = (".py", ".json", ".jinja", ".typed", ".pyc", ".pyd", ".so")
    return path.startswith("scripts/") and path.endswith(kinds) and "/__pycache__/" not in path


def _digest(place: Path) -> str:
    # Git on Windows writes other ends of lines, which change nothing.
    content = place.read_bytes().replace(b"\r\n", b"\n") if place.is_file() else b"no file"
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
