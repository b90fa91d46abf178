"""A script run anew by uv, which brings the Python and the packages that its header asks for.

An old Python reads this module, and no other of the package: nothing here is newer than 3.7.
"""

import os
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALREADY_TRIED = "FAL_RUN_BY_UV"


def run_by_uv(script: str, words: "Sequence[str]", environ: "Mapping[str, str]") -> None:
    """Run the script with these words through uv, once; return where there is no uv."""
    import shutil
    import signal

    uv = shutil.which("uv", path=environ.get("PATH"))
    if uv is None or _ALREADY_TRIED in environ:
        return
    command = [uv, "run", "--quiet", "--script", script, *words]
    environ = {**environ, _ALREADY_TRIED: "1"}
    if os.name == "nt":
        # On Windows exec returns to the shell at once, as if the command had ended.
        import subprocess

        sys.exit(subprocess.call(command, env=environ))
    # Interrupts that the script has wait would wait in uv for ever.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
    os.execve(uv, command, environ)


def leave_old_python(script: str) -> NoReturn:
    """Run the script by a newer Python, through uv; else say what is needed, and exit 9."""
    import json

    run_by_uv(script, sys.argv[1:], os.environ)
    message = (
        "this is Python {}.{} ({}), and the skill needs 3.11 or later: run it by a newer one, or "
        "install uv (https://docs.astral.sh/uv/), which brings one by itself"
    ).format(*sys.version_info[:2], sys.executable)
    error = {"code": "local_trouble", "message": message, "problems": [], "charged": "no"}
    answer = {"status": "REFUSED", "error": {**error, "retry": "after_fix"}}
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    sys.stderr.write(f"error: {message}\n")
    sys.exit(9)
