"""Real files, built in code: every kind that a model produces, the same bytes for a seed."""

import io
import json
import math
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from falsmith.emulator.mp4 import FRAMES_PER_SECOND, mp4

__all__ = ["Product", "Wish", "produce"]

SAMPLE_RATE = 8000
# The largest side that the platform's own ImageSize allows.
LONGEST_SIDE = 14142
VIDEO_SIDE = 320
MOST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Wish:
    """What the input asks of its files: the size in pixels and the length in seconds."""

    width: int = 1024
    height: int = 1024
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Product:
    """A produced file: its bytes, and what is true of them."""

    kind: str
    extension: str
    content_type: str
    data: bytes
    facts: Mapping[str, int | float] = field(default_factory=dict)


def produce(kind: str, name: str, wish: Wish, seed: bytes) -> Product:
    """Return a file of `kind` (a value of `x-file`) for the output field called `name`."""
    if kind == "file":
        return _document(name, seed)
    return MAKERS[kind](wish, seed)


def _image(wish: Wish, seed: bytes) -> Product:
    width, height = (min(max(side, 1), LONGEST_SIDE) for side in (wish.width, wish.height))
    facts = {"width": width, "height": height}
    return Product("image", "png", "image/png", _png(width, height, seed), facts)


def _video(wish: Wish, seed: bytes) -> Product:
    scale = VIDEO_SIDE / max(wish.width, wish.height, 1)
    width, height = (max(2, round(side * scale)) for side in (wish.width, wish.height))
    count = max(1, round(_length(wish) * FRAMES_PER_SECOND))
    frames = [_png(width, height, seed + bytes([number % 2])) for number in range(count)]
    facts = {"width": width, "height": height, "fps": FRAMES_PER_SECOND, "num_frames": count}
    facts |= {"frame_count": count}
    data = mp4(frames, width, height)
    seconds = count / FRAMES_PER_SECOND
    return Product("video", "mp4", "video/mp4", data, facts | {"duration": seconds})


def _audio(wish: Wish, seed: bytes) -> Product:
    period = 16 + seed[0] % 24
    wave_form = [round(12000 * math.sin(2 * math.pi * step / period)) for step in range(period)]
    periods = max(1, round(_length(wish) * SAMPLE_RATE / period))
    target = io.BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setparams((1, 2, SAMPLE_RATE, 0, "NONE", "not compressed"))
        writer.writeframes(struct.pack(f"<{period}h", *wave_form) * periods)
    facts = {"duration": period * periods / SAMPLE_RATE, "sample_rate": SAMPLE_RATE, "channels": 1}
    return Product("audio", "wav", "audio/wav", target.getvalue(), facts)


def _length(wish: Wish) -> float:
    return min(max(wish.seconds, 0.5), MOST_SECONDS)


def _mesh(wish: Wish, seed: bytes) -> Product:
    """Return a triangle as binary glTF 2.0, https://registry.khronos.org/glTF/specs/2.0/."""
    height = 1 + seed[0] % 8
    corners = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, height, 0)
    position = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
    scene = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [position | {"min": [0, 0, 0], "max": [1, height, 0]}],
        "bufferViews": [{"buffer": 0, "byteLength": len(corners)}],
        "buffers": [{"byteLength": len(corners)}],
    }
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    chunks += struct.pack("<I4s", len(corners), b"BIN\0") + corners
    data = struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
    return Product("3d", "glb", "model/gltf-binary", data)


def _archive(wish: Wish, seed: bytes) -> Product:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("output.txt"), seed.hex() + "\n")
        archive.writestr(zipfile.ZipInfo("output.png"), _png(64, 64, seed))
    return Product("archive", "zip", "application/zip", target.getvalue())


def _document(name: str, seed: bytes) -> Product:
    """Return the file for a field whose kind is only `file`: its name tells what it holds."""
    if "config" in name or "json" in name:
        data = json.dumps({"source": "falsmith emulator", "seed": seed.hex()}).encode()
        return Product("file", "json", "application/json", data)
    if "lora" in name or "weights" in name or "safetensors" in name:
        return Product("file", "safetensors", "application/octet-stream", _tensors(seed))
    text = f"Made by the falsmith emulator for the field {name}: {seed.hex()}\n"
    return Product("file", "txt", "text/plain", text.encode())


def _tensors(seed: bytes) -> bytes:
    """Return a safetensors file with one tensor: header length, JSON header, values."""
    values = seed[:4].ljust(4, b"\0")
    header = json.dumps({"weight": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + values


@lru_cache(maxsize=64)
def _png(width: int, height: int, seed: bytes) -> bytes:
    """Return a PNG of 8 by 8 fields in four colours, mirrored: https://www.w3.org/TR/png-3/."""
    digest = (seed * (48 // len(seed) + 1))[:48]
    lines = []
    for row in range(8):
        picks = [digest[row * 4 + column] % 4 for column in range(4)]
        fields = [value for value in picks + picks[::-1] for _ in range(-(-width // 8))][:width]
        line = b"\0" + _packed(fields)
        lines.append(line * (height * (row + 1) // 8 - height * row // 8))
    header = struct.pack(">IIBBBBB", width, height, 2, 3, 0, 0, 0)
    colours = digest[32:44]
    parts = (b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(b"".join(lines), 1))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))


def _packed(values: list[int]) -> bytes:
    """Return two-bit values, four a byte, the first in the highest bits."""
    quads = values + [0] * (-len(values) % 4)
    return bytes(
        quads[at] << 6 | quads[at + 1] << 4 | quads[at + 2] << 2 | quads[at + 3]
        for at in range(0, len(quads), 4)
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


MAKERS: Mapping[str, Callable[[Wish, bytes], Product]] = {
    "3d": _mesh,
    "archive": _archive,
    "audio": _audio,
    "image": _image,
    "video": _video,
}
