"""A minimal MP4: one video track whose frames are PNG pictures, as ISO/IEC 14496-12 and -14 say."""

import struct
from collections.abc import Sequence

__all__ = ["FRAMES_PER_SECOND", "mp4"]

FRAMES_PER_SECOND = 4
# The identity matrix of 14496-12, in fixed-point numbers.
MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
# The object type that the MP4 registration authority gives to PNG: https://mp4ra.org/.
PNG_OBJECT_TYPE = 0x6D


def mp4(frames: Sequence[bytes], width: int, height: int) -> bytes:
    """Return the MP4 that shows `frames`, PNG files of `width` by `height`, one after the other."""
    kind = _box(b"ftyp", b"isom" + struct.pack(">I", 0x200) + b"isomiso2mp41")
    pictures = _box(b"mdat", b"".join(frames))
    movie = _box(b"moov", _movie_header(len(frames)), _track(frames, width, height, len(kind) + 8))
    return kind + pictures + movie


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def _full_box(name: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags), *parts)


def _movie_header(count: int) -> bytes:
    times = struct.pack(">IIII", 0, 0, FRAMES_PER_SECOND, count)
    speed_and_volume = struct.pack(">IH", 0x10000, 0x100) + bytes(10)
    return _full_box(b"mvhd", times, speed_and_volume, MATRIX, bytes(24), struct.pack(">I", 2))


def _track(frames: Sequence[bytes], width: int, height: int, offset: int) -> bytes:
    header = struct.pack(">IIIII", 0, 0, 1, 0, len(frames)) + bytes(16) + MATRIX
    header += struct.pack(">II", width << 16, height << 16)
    return _box(
        b"trak",
        _full_box(b"tkhd", header, flags=3),
        _box(
            b"mdia",
            _full_box(
                b"mdhd", struct.pack(">IIIIHH", 0, 0, FRAMES_PER_SECOND, len(frames), 0x55C4, 0)
            ),
            _full_box(b"hdlr", bytes(4), b"vide", bytes(12), b"video\0"),
            _box(
                b"minf",
                _full_box(b"vmhd", bytes(8), flags=1),
                _box(
                    b"dinf", _full_box(b"dref", struct.pack(">I", 1), _full_box(b"url ", flags=1))
                ),
                _samples(frames, width, height, offset),
            ),
        ),
    )


def _samples(frames: Sequence[bytes], width: int, height: int, offset: int) -> bytes:
    """Return the sample table: all frames lie in one chunk that starts at `offset`."""
    count = len(frames)
    sizes = struct.pack(f">II{count}I", 0, count, *map(len, frames))
    return _box(
        b"stbl",
        _full_box(
            b"stsd", struct.pack(">I", 1), _picture_entry(width, height, max(map(len, frames)))
        ),
        _full_box(b"stts", struct.pack(">III", 1, count, 1)),
        _full_box(b"stsc", struct.pack(">IIII", 1, 1, count, 1)),
        _full_box(b"stsz", sizes),
        _full_box(b"stco", struct.pack(">II", 1, offset)),
    )


def _picture_entry(width: int, height: int, largest: int) -> bytes:
    entry = bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HH", width, height)
    entry += struct.pack(">IIIH", 0x480000, 0x480000, 0, 1) + bytes(32) + struct.pack(">Hh", 24, -1)
    decoder = struct.pack(">BB", PNG_OBJECT_TYPE, 0x11) + struct.pack(">I", largest)[1:] + bytes(8)
    stream = struct.pack(">HB", 1, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02")
    return _box(b"mp4v", entry, _full_box(b"esds", _descriptor(3, stream)))


def _descriptor(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body
