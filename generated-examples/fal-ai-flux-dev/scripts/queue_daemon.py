#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "httpx>=0.27,<1",
#     "jsonschema>=4.21,<5",
#     "platformdirs>=4.2,<5",
#     "pyyaml>=6.0.1,<7",
# ]
# ///
"""Run this skill's jobs in the background; calls start it by themselves."""

import sys
from pathlib import Path

# Not resolved: a linked script still belongs to the skill that it lies in.
SKILL = Path(__file__).absolute().parent.parent
sys.path.insert(0, str(SKILL / "scripts"))
if not (SKILL / "scripts" / "fal_runtime" / "command.py").is_file():
    sys.stderr.write(
        "error: scripts/fal_runtime is a link that leads nowhere: copy the skill together with "
        "fal-skill-creator beside it, or generate it with --standalone\n"
    )
    sys.exit(9)
if __name__ == "__main__" and sys.version_info[:2] < (3, 11):
    from fal_runtime.uv import leave_old_python

    leave_old_python(__file__)

from fal_runtime.model import own_skill  # noqa: E402
from fal_runtime.queue_command import daemon_main  # noqa: E402

if __name__ == "__main__":
    sys.exit(daemon_main(skill=own_skill()))
