"""What an input says about the files that it wants: how large, how long, how many."""

import math
import re
from collections.abc import Mapping

from falsmith.documents import Json
from falsmith.emulator.media import Wish

__all__ = ["count_of", "wish_of"]

# The presets of fal's own ImageSize type.
PRESETS = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
SIZES = ("image_size", "video_size", "size")
LENGTHS = ("duration", "seconds_total", "duration_seconds", "seconds", "music_length")
COUNTS = ("num_images", "num_videos", "num_samples", "num_outputs", "batch_size")
LONG_SIDE = 1024
MOST_FILES = 32


def wish_of(inputs: Mapping[str, Json], category: str) -> Wish:
    """Return size and length that `inputs`, defaults included, ask for."""
    width, height = _size(inputs)
    return Wish(width, height, _seconds(inputs, 2.0 if "video" in category else 1.0))


def count_of(inputs: Mapping[str, Json]) -> int:
    """Return how many files `inputs` ask for; 1 where they do not say."""
    for name in COUNTS:
        value = inputs.get(name)
        if isinstance(value, int) and _is_whole(value):
            return min(max(value, 1), MOST_FILES)
    return 1


def _size(inputs: Mapping[str, Json]) -> tuple[int, int]:
    for value in (*(inputs.get(name) for name in SIZES), inputs):
        if isinstance(value, str) and value in PRESETS:
            return PRESETS[value]
        if isinstance(value, Mapping) and _is_whole(value.get("width"), value.get("height")):
            return value["width"], value["height"]
    return _of_ratio(inputs.get("aspect_ratio"))


def _is_whole(*values: Json) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _of_ratio(ratio: Json) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,3}):(\d{1,3})", ratio) if isinstance(ratio, str) else None
    wide, high = (max(int(side), 1) for side in found.groups()) if found else (1, 1)
    scale = LONG_SIDE / max(wide, high)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _seconds(inputs: Mapping[str, Json], default: float) -> float:
    for name in LENGTHS:
        value = inputs.get(name)
        found = (
            re.match(r"\d+(?:\.\d+)?", str(value)) if isinstance(value, str | int | float) else None
        )
        if found and not isinstance(value, bool) and math.isfinite(float(found[0])):
            return float(found[0])
    return default
