"""GIFs that move, of any size and length: one colour."""

import struct
from functools import lru_cache

__all__ = ["gif"]

# Of the compression: the bits of a pixel, and the codes that begin and end a table.
BITS, CLEAR, END = 2, 4, 5
LAST_CODE = 4095


@lru_cache(maxsize=32)
def gif(size: tuple[int, int], delay: int, frames: int, seed: bytes) -> bytes:
    """Return the file: GIF89a; each frame is shown for `delay` hundredths of a second."""
    parts = [
        b"GIF89a" + struct.pack("<HHBBB", *size, 0xF1, 0, 0) + seed[:12],
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
        b"\x21\xfe" + _blocks(seed.hex().encode()),
    ]
    for number in range(frames):
        # The frames after the first change one pixel, into what it was.
        width, height = (1, 1) if number else size
        parts.append(b"\x21\xf9\x04\0" + struct.pack("<H", delay) + b"\0\0")
        parts.append(b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + bytes([BITS]))
        parts.append(_blocks(_compressed(width * height)))
    return b"".join(parts) + b"\x3b"


@lru_cache(maxsize=8)
def _compressed(pixels: int) -> bytes:
    """Return so many pixels of colour 0; each code stands for one more than that before it."""
    value, length = 0, 0
    while pixels:
        value, length = value | CLEAR << length, length + (12 if length else BITS + 1)
        step = 0
        while pixels and step < LAST_CODE - CLEAR:
            step += 1
            run = min(step, pixels)
            value |= (CLEAR + run if run > 1 else 0) << length
            length += (step + CLEAR).bit_length()
            pixels -= run
    value |= END << length
    length += min((step + CLEAR + 1).bit_length(), 12)
    return value.to_bytes((length + 7) // 8, "little")


def _blocks(data: bytes) -> bytes:
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"
