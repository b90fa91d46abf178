"""What an input asks of the files that it gets: how large, how long, how many, which format."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fal_runtime.fal.protocol import IMAGE_SIZES
from fal_runtime.file_headers import FileHeaders
from falsmith.documents import Json

__all__ = ["Order", "order_of"]

# The largest side that the platform's own ImageSize allows.
LONGEST_SIDE = 14142
MOST_SECONDS = 600.0
MOST_FRAMES = 20_000
MOST_FILES = 32
SIZES = ("image_size", "video_size", "size", "resolution", "output_size")
RESOLUTIONS = ("resolution", "target_resolution", "output_resolution")
LENGTHS = (
    "duration",
    "seconds_total",
    "total_seconds",
    "duration_seconds",
    "seconds",
    "music_length",
)
FRAMES = ("num_frames", "number_of_frames")
RATES = ("fps", "frames_per_second", "frame_rate", "output_fps", "export_fps", "target_fps")
COUNTS = ("num_images", "num_videos", "num_samples", "num_outputs", "num_songs", "batch_size")
FORMATS = (
    "output_format",
    "format",
    "image_format",
    "audio_format",
    "output_container_and_codec",
    "geometry_file_format",
    "video_output_type",
    "upload_audio_format",
    "target_formats",
)
SAMPLE_RATES = ("sample_rate", "sampling_rate", "audio_sample_rate")
# Those that sounds are made with, each of which every format but Opus has.
USUAL_RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)
SPOKEN = ("text", "prompt", "script", "input")
# Of speech, in a second.
CHARACTERS = 15


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of the files, whether it was said or is usual.

    Attributes:
        rate: Samples a second of a sound.
        words: The words of what was said of formats, such as mp3 and 44100, in their order.

    """

    width: int = 1024
    height: int = 1024
    seconds: float = 1.0
    fps: float = 24.0
    count: int = 1
    rate: int = 44100
    words: tuple[str, ...] = field(default=())

    @property
    def frames(self) -> int:
        """How many frames a video has."""
        return min(max(round(self.seconds * self.fps), 1), MOST_FRAMES)


def order_of(inputs: Mapping[str, Json], category: str, given: FileHeaders) -> Order:
    """Return what `inputs`, defaults included, want of a model of `category`.

    `given` is what is known of the files that go in: what comes out is like them where nothing
    else is said.
    """
    makes_video = "video" in category.rpartition("-to-")[2]
    fps = _first_number(inputs, RATES) or 24.0
    frames = _first_number(inputs, FRAMES) if makes_video else None
    seconds = frames / fps if frames else _seconds(inputs, category, given)
    width, height = _size(inputs, given, makes_video=makes_video)
    words = tuple(_words(inputs))
    return Order(
        min(max(width, 1), LONGEST_SIDE),
        min(max(height, 1), LONGEST_SIDE),
        min(max(seconds, 1 / fps if frames else 0.5), MOST_SECONDS),
        min(max(fps, 1.0), 240.0),
        int(min(max(_first_number(inputs, COUNTS) or 1, 1), MOST_FILES)),
        _rate(inputs, words, category),
        words,
    )


def _rate(inputs: Mapping[str, Json], words: tuple[str, ...], category: str) -> int:
    """Return the samples a second: `mp3_22050_32` and `48 kHz` say them, speech has fewer."""
    if inputs.get("high_quality_audio") is True:
        return 48000
    nested = [value for value in inputs.values() if isinstance(value, Mapping)]
    numbers = [_first_number(part, SAMPLE_RATES) or 0 for part in (inputs, *nested)]
    rates = [int(word) for word in words if word.isdigit()]
    rates += [round(number * 1000 if number < 1000 else number) for number in numbers]
    usual = 24000 if "speech" in category.rpartition("-to-")[2] else 44100
    return next((rate for rate in rates if rate in USUAL_RATES), usual)


def _seconds(inputs: Mapping[str, Json], category: str, given: FileHeaders) -> float:
    length = _first_number(inputs, LENGTHS)
    milliseconds = _first_number(inputs, ("music_length_ms", "duration_ms"))
    if length or milliseconds:
        return length or (milliseconds or 0) / 1000
    if given.duration is not None:
        return given.duration
    if "speech" in category.rpartition("-to-")[2]:
        text = next((inputs[name] for name in SPOKEN if isinstance(inputs.get(name), str)), "")
        return len(text) / CHARACTERS
    return 5.0 if "video" in category else 2.0


def _size(inputs: Mapping[str, Json], given: FileHeaders, *, makes_video: bool) -> tuple[int, int]:
    for value in (*(inputs.get(name) for name in SIZES), inputs):
        if isinstance(value, str) and value in IMAGE_SIZES:
            return IMAGE_SIZES[value]
        if isinstance(value, str) and (match := re.fullmatch(r"(\d{2,5})[x*](\d{2,5})", value)):
            return int(match[1]), int(match[2])
        if isinstance(value, Mapping):
            width, height = _number(value.get("width")), _number(value.get("height"))
            if width and height:
                return int(width), int(height)
    ratio = _ratio(inputs.get("aspect_ratio"))
    resolutions = (str(inputs.get(name, "")).lower() for name in RESOLUTIONS)
    area = next((area for area in map(_area, resolutions) if area), None)
    if given.width and given.height and ratio is None:
        if area is None:
            return given.width, given.height
        ratio = given.width / given.height
    # 720p is 1280 x 720 pixels, and as many in another ratio.
    area = area or (1280 * 720 if makes_video else 1024 * 1024)
    width = math.sqrt(area * (ratio or (16 / 9 if makes_video else 1.0)))
    return max(8, int(width / 8 + 0.01) * 8), max(8, int(area / width / 8 + 0.01) * 8)


def _area(resolution: str) -> float:
    """Return how many pixels `720p` or `2k` are; 0 for other words."""
    if match := re.fullmatch(r"(?:true_)?(\d{3,4})p", resolution):
        return int(match[1]) ** 2 * 16 / 9
    if match := re.fullmatch(r"(\d(?:\.\d)?)k", resolution):
        return (float(match[1]) * 1024) ** 2
    return float(int(resolution) ** 2) if re.fullmatch(r"\d{3,4}", resolution) else 0.0


def _ratio(value: Json) -> float | None:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?):(\d{1,3}(?:\.\d+)?)", str(value))
    return (
        float(match[1]) / float(match[2]) if match and float(match[1]) * float(match[2]) else None
    )


def _first_number(inputs: Mapping[str, Json], names: tuple[str, ...]) -> float | None:
    numbers = (_number(inputs.get(name)) for name in names)
    return next((number for number in numbers if number is not None), None)


def _number(value: Json) -> float | None:
    """Return a number, or the one that a text such as `8s` or `30fps` begins with."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    match = re.match(r"\d+(?:\.\d+)?", str(value))
    number = float(match[0]) if match else math.inf
    return number if 0 <= number < math.inf else None


def _words(inputs: Mapping[str, Json]) -> Iterator[str]:
    """Yield the words of every field that names a format, those of nested settings last."""
    for name in FORMATS:
        if isinstance(inputs.get(name), str):
            yield from re.findall(r"[a-z0-9]+", inputs[name].lower())
        elif isinstance(inputs.get(name), list):
            yield from (word for word in inputs[name] if isinstance(word, str))
    if str(inputs.get("style", "")).startswith("vector_illustration"):
        yield "svg"
    for value in inputs.values():
        if isinstance(value, Mapping):
            yield from _words({name: part for name, part in value.items() if isinstance(part, str)})
