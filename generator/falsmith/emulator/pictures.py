"""Pictures of any size and little content, in the formats that image models write."""

import struct
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache

from falsmith.emulator.bits import packed, text_bits

__all__ = ["PICTURES", "png"]


@lru_cache(maxsize=64)
def png(width: int, height: int, seed: bytes) -> bytes:
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


def _jpeg(width: int, height: int, seed: bytes) -> bytes:
    """Return a JPEG of one colour: ITU-T T.81, baseline, three components.

    Its Huffman tables hold what it needs: no change, a change of seven bits, no detail.
    """
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    scan = b"".join(bytes([number, 0x00]) for number in (1, 2, 3))
    steady, new = bytes([1, 1, *[0] * 14, 0, 7]), bytes([1, *[0] * 15, 0])
    segments = (
        (0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        (0xFE, b"falsmith emulator " + seed.hex().encode()),
        (0xDB, b"\0" + bytes([8]) * 64),
        (0xC0, struct.pack(">BHHB", 8, height, width, 3) + components),
        (0xC4, b"\x00" + steady + b"\x10" + new),
        (0xDA, b"\x03" + scan + b"\0\x3f\0"),
    )
    head = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )
    # The first block says how far each component is from the middle: 64 to 127, up or down.
    first = "".join(
        "10" + text_bits(64 + value % 64 if value > 127 else value % 64, 7) + "0"
        for value in seed[:3]
    )
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    body = packed(first + "00" * 3 * (blocks - 1), "1").replace(b"\xff", b"\xff\x00")
    return b"\xff\xd8" + head + body + b"\xff\xd9"


def _webp(width: int, height: int, seed: bytes) -> bytes:
    """Return a lossless WebP of one colour: RFC 9649, 3. Each pixel takes no bit at all."""
    green, red, blue = seed[:3]
    # Bits go from the lowest of each byte up, so that everything stands in reverse here.
    codes = "".join("101" + text_bits(value, 8)[::-1] for value in (green, red, blue, 255))
    digits = "".join(
        (
            text_bits(width - 1, 14)[::-1],
            text_bits(height - 1, 14)[::-1],
            # No alpha, version 0; no transforms, no colour cache, one set of codes.
            "0000" + "000",
            codes,
            # The code of distances: one symbol of one bit.
            "1000",
        )
    )
    pieces = [digits[at : at + 8].ljust(8, "0")[::-1] for at in range(0, len(digits), 8)]
    data = b"\x2f" + bytes(int(piece, 2) for piece in pieces)
    # Programs that do not know a chunk skip it: here it tells one picture from another.
    chunks = _chunk(b"VP8L", data) + _chunk(b"FALS", seed)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _svg(width: int, height: int, seed: bytes) -> bytes:
    """Return a drawing: a circle on a plain ground."""
    ground, shape = seed[:3].hex(), seed[3:6].hex()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">\n<desc>falsmith emulator {seed.hex()}</desc>\n'
        f'<rect width="{width}" height="{height}" fill="#{ground}"/>\n'
        f'<circle cx="{width / 2:g}" cy="{height / 2:g}" r="{min(width, height) / 3:g}" '
        f'fill="#{shape}"/>\n</svg>\n'
    ).encode()


# The writer of each format by its extension.
PICTURES: Mapping[str, Callable[[int, int, bytes], bytes]] = {
    "png": png,
    "jpg": _jpeg,
    "webp": _webp,
    "svg": _svg,
}
