"""How fast the commands start that agents run most, against the import of one library."""

import sys
import tempfile
from pathlib import Path

from commands import FALSMITH, medians, seconds
from figures import Figure

__all__ = ["start_up"]

RUNS = 21
MODEL = "fal-ai/flux/schnell"


def start_up() -> list[Figure]:
    """Return `falsmith --version` and a wrapper's `--help` as multiples of `import httpx`."""
    with tempfile.TemporaryDirectory() as folder:
        seconds((*FALSMITH, "generate", "--offline", "-m", MODEL, "--output", folder))
        (wrapper,) = Path(folder).glob("*/scripts/fal_ai_*.py")
        taken = medians(
            {
                "httpx": (sys.executable, "-c", "import httpx"),
                "falsmith --version": (*FALSMITH, "--version"),
                "wrapper --help": (sys.executable, str(wrapper), "--help"),
            },
            RUNS,
        )
    reference = taken.pop("httpx")
    return [
        Figure(f"{what} : import httpx", each / reference, 1.0, " x", _note(each, reference))
        for what, each in taken.items()
    ]


def _note(taken: float, reference: float) -> str:
    return f"{taken * 1e3:.0f} ms : {reference * 1e3:.0f} ms"
