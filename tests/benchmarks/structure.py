"""How large the two packages are, and how much of the runtime one call runs through."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from commands import FALSMITH, seconds
from figures import Figure

import fal_runtime
import falsmith
from falsmith.catalog.bundled import bundled_documents
from falsmith.emulator import Emulator

__all__ = ["structure"]

MODEL = "fal-ai/flux/schnell"
# Runs a wrapper as a program does and prints the functions of the runtime that it entered; the
# body of a module or a class is no function (inspect.CO_OPTIMIZED).
ENTERED = """
import json, runpy, sys
entered = set()
def enter(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_flags & 1 and "/fal_runtime/" in code.co_filename:
        entered.add((code.co_filename, code.co_qualname))
wrapper, sys.argv = sys.argv[1], sys.argv[1:]
sys.setprofile(enter)
try:
    runpy.run_path(wrapper, run_name="__main__")
except SystemExit as end:
    sys.setprofile(None)
    functions = {one for one in entered if not one[1].endswith(">")}
    print("entered:", json.dumps([len(functions), len({file for file, _ in functions})]))
    sys.exit(end.code)
"""


def structure() -> list[Figure]:
    """Return the lines and modules of each package, and the functions and modules of one call.

    None of them has a target: they are shown so that growth is seen.
    """
    runtime, generator = _modules(fal_runtime.__file__), _modules(falsmith.__file__)
    functions, entered = _one_call()
    return [
        Figure("runtime", _lines(runtime), None, " lines", f"{len(runtime)} modules"),
        Figure("generator", _lines(generator), None, " lines", f"{len(generator)} modules"),
        Figure("one wrapper call", functions, None, " functions", f"in {entered} modules"),
    ]


def _modules(package: str | None) -> list[Path]:
    assert package is not None
    return sorted(Path(package).parent.rglob("*.py"))


def _lines(modules: list[Path]) -> int:
    return sum(module.read_text(encoding="utf-8").count("\n") for module in modules)


def _one_call() -> tuple[int, int]:
    """Return how many functions, of how many modules, make one picture by a wrapper."""
    documents = bundled_documents(MODEL)
    assert documents is not None
    with tempfile.TemporaryDirectory() as folder, Emulator([documents], delay=0.0) as emulator:
        seconds((*FALSMITH, "generate", "--offline", "-m", MODEL, "--output", folder))
        (wrapper,) = Path(folder).glob("*/scripts/fal_ai_*.py")
        command = (sys.executable, "-c", ENTERED, str(wrapper), "--prompt", "a cat")
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(emulator.environment),
            capture_output=True,
            text=True,
            check=True,
        )
    functions, modules = json.loads(done.stdout.rpartition("entered:")[2])
    return functions, modules
