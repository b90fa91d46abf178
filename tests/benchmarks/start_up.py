"""How fast the commands start that agents run most, against the import of one library."""

import sys
import tempfile
from pathlib import Path

from commands import FALSMITH, medians, seconds
from figures import Figure

__all__ = ["start_up"]

RUNS = 21
MODEL = "fal-ai/flux/schnell"
OTHERS = ("fal-ai/flux/dev", "fal-ai/whisper", "fal-ai/f5-tts", "fal-ai/clarity-upscaler")


def start_up() -> list[Figure]:
    """Return `falsmith --version` and wrappers' `--help` as multiples of `import httpx`."""
    with tempfile.TemporaryDirectory() as folder:
        generate = (*FALSMITH, "generate", "--offline", "--output", folder, "-m", MODEL)
        seconds(generate)
        (wrapper,) = Path(folder).glob("*/scripts/fal_ai_*.py")
        others = [word for model_id in OTHERS for word in ("-m", model_id)]
        seconds((*generate, "--collection", "five", *others))
        (collection,) = Path(folder).glob("*/scripts/five.py")
        taken = medians(
            {
                "httpx": (sys.executable, "-c", "import httpx"),
                "falsmith --version": (*FALSMITH, "--version"),
                "wrapper --help": (sys.executable, str(wrapper), "--help"),
                "collection --help": (sys.executable, str(collection), "--help"),
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
