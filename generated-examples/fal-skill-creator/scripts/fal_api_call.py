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
"""Call any fal.ai model by its ID, or import `run_fal_api_job` from here."""

import signal
import sys

if __name__ == "__main__" and sys.platform != "win32":
    # Until the command can answer it, an interrupt waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))

from pathlib import Path  # noqa: E402

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

from fal_runtime.command import main, run_fal_api_job  # noqa: E402
from fal_runtime.model import own_skill  # noqa: E402

__all__ = ["run_fal_api_job"]

if __name__ == "__main__":
    sys.exit(main(model_id=None, skill=own_skill()))
