"""The files that a model produces, of every kind, with real content; a seed gives its own bytes.

Pictures and sounds are made in the size and length that the input wants; a video, a mesh and
weights are data files of the package with the seed, and a video's length, put into them.
"""

import io
import json
import math
import re
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

from falsmith.documents import Json

__all__ = ["MediaFile", "MediaRequest", "file_count", "media_request", "produce"]

FOLDER = files("falsmith.emulator") / "files"
# Where the data files hold the seed, as 64 hexadecimal digits.
SEED_MARK = b"0" * 64
SAMPLE_RATE = 8000
# The largest side that the platform's own ImageSize allows.
LONGEST_SIDE = 14142
MOST_SECONDS = 60
MOST_FILES = 32
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
# What video.mp4 shows, and where it holds times, in milliseconds: bytes behind a box's name.
VIDEO_FRAMES, VIDEO_SIZE = 8, (320, 180)
VIDEO_DURATIONS = {b"mvhd": 20, b"tkhd": 24, b"mdhd": 20}
FRAME_DURATION = (b"stts", 16)


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """What an input wants of its files: the size in pixels and the length in seconds."""

    width: int = 1024
    height: int = 1024
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A produced file: its bytes, and what is true of them."""

    kind: str
    extension: str
    content_type: str
    data: bytes
    facts: Mapping[str, int | float] = field(default_factory=dict)


def media_request(inputs: Mapping[str, Json], category: str) -> MediaRequest:
    """Return what `inputs`, defaults included, want of the files of a model of `category`."""
    width, height = _size(inputs)
    return MediaRequest(width, height, _seconds(inputs, 2.0 if "video" in category else 1.0))


def file_count(inputs: Mapping[str, Json]) -> int:
    """Return how many files `inputs` want; 1 where they do not say."""
    for name in COUNTS:
        value = inputs.get(name)
        if isinstance(value, int) and _is_whole(value):
            return min(max(value, 1), MOST_FILES)
    return 1


def produce(kind: str, name: str, request: MediaRequest, seed: bytes) -> MediaFile:
    """Return a file of `kind` (a value of `x-file`) for the output field called `name`.

    `seed` is 32 bytes.
    """
    return _document(name, seed) if kind == "file" else MAKERS[kind](request, seed)


def _image(request: MediaRequest, seed: bytes) -> MediaFile:
    width, height = (min(max(side, 1), LONGEST_SIDE) for side in (request.width, request.height))
    facts = {"width": width, "height": height}
    return MediaFile("image", "png", "image/png", _png(width, height, seed), facts)


def _video(request: MediaRequest, seed: bytes) -> MediaFile:
    frame = round(_length(request) * 1000 / VIDEO_FRAMES)
    data = bytearray(_from_file("video.mp4", seed))
    times = [(box, place, frame * VIDEO_FRAMES) for box, place in VIDEO_DURATIONS.items()]
    for box, place, milliseconds in (*times, (*FRAME_DURATION, frame)):
        struct.pack_into(">I", data, data.index(box) + place, milliseconds)
    facts: dict[str, int | float] = dict(zip(("width", "height"), VIDEO_SIZE, strict=True))
    facts |= {"num_frames": VIDEO_FRAMES, "frame_count": VIDEO_FRAMES, "fps": 1000 / frame}
    facts |= {"duration": frame * VIDEO_FRAMES / 1000}
    return MediaFile("video", "mp4", "video/mp4", bytes(data), facts)


def _audio(request: MediaRequest, seed: bytes) -> MediaFile:
    period = 16 + seed[0] % 24
    wave_form = [round(12000 * math.sin(2 * math.pi * step / period)) for step in range(period)]
    periods = max(1, round(_length(request) * SAMPLE_RATE / period))
    target = io.BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setparams((1, 2, SAMPLE_RATE, 0, "NONE", "not compressed"))
        writer.writeframes(struct.pack(f"<{period}h", *wave_form) * periods)
    facts = {"duration": period * periods / SAMPLE_RATE, "sample_rate": SAMPLE_RATE, "channels": 1}
    return MediaFile("audio", "wav", "audio/wav", target.getvalue(), facts)


def _length(request: MediaRequest) -> float:
    return min(max(request.seconds, 0.5), MOST_SECONDS)


def _mesh(_request: MediaRequest, seed: bytes) -> MediaFile:
    return MediaFile("3d", "glb", "model/gltf-binary", _from_file("mesh.glb", seed))


def _archive(_request: MediaRequest, seed: bytes) -> MediaFile:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("output.txt"), seed.hex() + "\n")
        archive.writestr(zipfile.ZipInfo("output.png"), _png(64, 64, seed))
    return MediaFile("archive", "zip", "application/zip", target.getvalue())


def _document(name: str, seed: bytes) -> MediaFile:
    """Return the file for a field whose kind is only `file`: its name says what it holds."""
    if "config" in name or "json" in name:
        data = json.dumps({"source": "falsmith emulator", "seed": seed.hex()}).encode()
        return MediaFile("file", "json", "application/json", data)
    if "lora" in name or "weights" in name or "safetensors" in name:
        data = _from_file("weights.safetensors", seed)
        return MediaFile("file", "safetensors", "application/octet-stream", data)
    text = f"Made by the falsmith emulator for the field {name}: {seed.hex()}\n"
    return MediaFile("file", "txt", "text/plain", text.encode())


def _from_file(name: str, seed: bytes) -> bytes:
    return (FOLDER / name).read_bytes().replace(SEED_MARK, seed.hex().encode())


@lru_cache(maxsize=64)
def _png(width: int, height: int, seed: bytes) -> bytes:
    """Return a PNG of stripes in four colours, in eight rows: https://www.w3.org/TR/png-3/."""
    lines = []
    for row in range(8):
        # One byte is four pixels of two bits.
        line = b"\0" + seed[row : row + 1] * ((width + 3) // 4)
        lines.append(line * (height * (row + 1) // 8 - height * row // 8))
    header = struct.pack(">IIBBBBB", width, height, 2, 3, 0, 0, 0)
    pixels = zlib.compress(b"".join(lines), 1)
    parts = (b"IHDR", header), (b"PLTE", seed[-12:]), (b"IDAT", pixels), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _size(inputs: Mapping[str, Json]) -> tuple[int, int]:
    for value in (*(inputs.get(name) for name in SIZES), inputs):
        if isinstance(value, str) and value in PRESETS:
            return PRESETS[value]
        if isinstance(value, Mapping) and _is_whole(value.get("width"), value.get("height")):
            return value["width"], value["height"]
    ratio = inputs.get("aspect_ratio")
    match = re.fullmatch(r"(\d{1,3}):(\d{1,3})", ratio) if isinstance(ratio, str) else None
    wide, high = (max(int(side), 1) for side in match.groups()) if match else (1, 1)
    scale = LONG_SIDE / max(wide, high)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _is_whole(*values: Json) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _seconds(inputs: Mapping[str, Json], default: float) -> float:
    for name in LENGTHS:
        value = inputs.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            match = re.match(r"\d+(?:\.\d+)?", str(value))
            if match and math.isfinite(float(match[0])):
                return float(match[0])
    return default


MAKERS: Mapping[str, Callable[[MediaRequest, bytes], MediaFile]] = {
    "3d": _mesh,
    "archive": _archive,
    "audio": _audio,
    "image": _image,
    "video": _video,
}
