"""What a model's result is billed by, and by how much of it: recorded where it was seen.

fal says how many units a result was, never why. The rules below give the units of every call whose
answer was recorded; for other models they are a guess by what the model makes.
"""

import math
from collections.abc import Mapping, Sequence

from falsmith.documents import Json
from falsmith.emulator.media import MediaFile
from falsmith.emulator.order import SPOKEN

__all__ = ["unit_of", "units_of"]

UNITS = {"image": "image", "video": "second", "audio": "second", "music": "second"}
UNITS |= {"speech": "1000 characters"}
# Families of models that bill the size of pictures, by the beginning of their IDs.
BY_SIZE = ("fal-ai/flux/", "fal-ai/flux-", "fal-ai/qwen-image")
# What a second without sound counts, where it is less than one with it.
SILENT = {"fal-ai/veo3": 0.5, "fal-ai/kling-video/v3/standard/": 0.6}
GROK_VIDEO, GROK_IMAGE = "xai/grok-imagine-video/", "xai/grok-imagine-image/edit"
SEEDANCE = "bytedance/seedance-2.0/"


def unit_of(model_id: str, category: str) -> str:
    """Return the unit in which a model is billed."""
    source, _, target = category.rpartition("-to-")
    if target == "image" and model_id.startswith(BY_SIZE):
        return "megapixels"
    if model_id.startswith(SEEDANCE):
        return "1000 tokens"
    if target == "text" and source in ("speech", "audio"):
        return "minute"
    return UNITS.get(target, "request")


def units_of(
    model_id: str,
    category: str,
    inputs: Mapping[str, Json],
    files: Sequence[MediaFile],
    lasts: float | None,
) -> float:
    """Return how many units a result is; `lasts` is the length of what went in, if it is known."""
    units = 1.0
    match unit_of(model_id, category):
        case "image":
            # The pictures that go in count a tenth here.
            given = len(inputs.get("image_urls", ())) if model_id == GROK_IMAGE else 0
            units = sum(file.kind == "image" for file in files) + given / 10
        case "megapixels":
            sizes = [file.facts["width"] * file.facts["height"] for file in files if file.facts]
            units = sum(max(1, round(size / 1_000_000)) for size in sizes)
        case "1000 tokens":
            # Pixels of all frames, one more than the length has, in thousands of 1,024.
            for video in [file.facts for file in files if file.kind == "video"]:
                pixels = video["width"] * video["height"] * (video["num_frames"] + 1)
                units = round(pixels / 1024 / 1000, 1)
        case "minute":
            units = max(1, math.ceil((lasts or 0) / 60))
        case "1000 characters":
            text = next((inputs[name] for name in SPOKEN if isinstance(inputs.get(name), str)), "")
            units = len(text) / 1000
        case "second":
            lengths = [file.facts.get("duration", 0.0) for file in files]
            units = _seconds(model_id, inputs, max(lengths, default=0.0), lasts)
    return round(units, 3)


def _seconds(
    model_id: str, inputs: Mapping[str, Json], seconds: float, lasts: float | None
) -> float:
    if model_id.startswith(GROK_VIDEO):
        sharp = 1.4 if inputs.get("resolution") == "720p" else 1.0
        given = 0.2 * math.floor(lasts or 0) + (0.04 if "image_url" in inputs else 0)
        return math.floor(seconds) * sharp + given
    silent = next((SILENT[start] for start in SILENT if model_id.startswith(start)), 1.0)
    return seconds * (silent if inputs.get("generate_audio") is False else 1.0)
