"""The boxes of which MP4 and QuickTime files are made: ISO/IEC 14496-12."""

import struct

__all__ = ["box", "full_box", "movie"]

# A picture as it is: neither turned nor scaled.
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def box(name: bytes, body: bytes) -> bytes:
    """Return a box with its size and its name of four letters."""
    return struct.pack(">I", len(body) + 8) + name + body


def full_box(name: bytes, body: bytes, flags: int = 0) -> bytes:
    """Return a box of version 0 with its flags."""
    return box(name, struct.pack(">I", flags) + body)


def movie(
    media: bytes, table: bytes, scale: int, length: int, size: tuple[int, int] = (0, 0)
) -> bytes:
    """Return the box that describes the one track of a file.

    Args:
        media: The header of pictures or of sounds.
        table: The boxes that say where the samples are.
        scale: How many units of time a second has.
        length: How long the track is, in those.
        size: Of pictures, in pixels.

    """
    width, height = size
    handler, name = (b"vide", b"Video") if width else (b"soun", b"Sound")
    place = box(b"dinf", full_box(b"dref", struct.pack(">I", 1) + full_box(b"url ", b"", 1)))
    about = full_box(b"mdhd", struct.pack(">IIIIHH", 0, 0, scale, length, 0x55C4, 0))
    about += full_box(b"hdlr", struct.pack(">I4s12x", 0, handler) + name + b"Handler\0")
    about += box(b"minf", media + place + box(b"stbl", table))
    milliseconds = round(length * 1000 / scale)
    volume = 0 if width else 0x100
    shown = struct.pack(">IIIII8xHHHH", 0, 0, 1, 0, milliseconds, 0, 0, volume, 0) + MATRIX
    shown += struct.pack(">II", width << 16, height << 16)
    track = full_box(b"tkhd", shown, 3) + box(b"mdia", about)
    head = struct.pack(">IIIIIH10x", 0, 0, 1000, milliseconds, 0x10000, 0x100)
    head += MATRIX + bytes(24) + struct.pack(">I", 2)
    return box(b"moov", full_box(b"mvhd", head) + box(b"trak", track))
