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
"""Make agent skills from fal.ai model IDs; `--help` lists the options."""

import sys
from pathlib import Path

SCRIPTS = Path(__file__).absolute().parent
sys.path.insert(0, str(SCRIPTS))

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
    """Run `falsmith generate` with this script's arguments."""
    from fal_runtime.dependencies import require_modules
    from fal_runtime.errors import FalError

    try:
        require_modules(PACKAGES, Path(__file__).absolute(), sys.argv[1:], PACKAGES)
    except FalError as error:
        sys.stderr.write(f"error: {error}\nrun: {error.next}\n")
        return error.exit_status
    from falsmith.cli import run

    return run(["generate", *_beside(sys.argv[1:])])


def _beside(arguments: list[str]) -> list[str]:
    """Return the arguments, with the folder of this skill's neighbours unless one is named."""
    if any(word.startswith(("-o", "--output", "--agent")) for word in arguments):
        return arguments
    return [*arguments, "--output", str(SCRIPTS.parent.parent)]


if __name__ == "__main__":
    sys.exit(main())
