"""What a media file says of itself in its headers: content type, width, height and duration.

Six formats whose headers are short and certain: PNG, JPEG, GIF, WebP, MP4 (QuickTime, M4A) and WAV.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

# More segments, chunks or boxes than any file has before what is looked for.
_MOST_SEGMENTS = 1000
_FILL, _SCAN = 0xFF, 0xDA
_LARGEST_MOVIE_BOX = 64 << 20
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# By brand (ISO 14496-12, 4.3); QuickTime's own is `qt`.
_BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4"}


@dataclass(frozen=True, slots=True)
class FileHeaders:
    """What the headers tell; "" and None stand for what they do not."""

    content_type: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None


_NOTHING = FileHeaders()


def read_headers(file: BinaryIO) -> FileHeaders:
    """Return what an open file says of itself; of another format, or of a broken file, nothing.

    Raises OSError where it cannot be read.
    """
    start = file.read(32)
    for magic, offset, read in _FORMATS:
        if start[offset : offset + len(magic)] == magic:
            try:
                return read(file, start)
            except (struct.error, IndexError, OverflowError):
                return _NOTHING
    return _NOTHING


def _png(_file: BinaryIO, start: bytes) -> FileHeaders:
    if start[12:16] != b"IHDR":
        return _NOTHING
    return _picture("image/png", *struct.unpack(">II", start[16:24]))


def _gif(_file: BinaryIO, start: bytes) -> FileHeaders:
    return _picture("image/gif", *struct.unpack("<HH", start[6:10]))


def _jpeg(file: BinaryIO, _start: bytes) -> FileHeaders:
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        mark, marker = struct.unpack(">BB", file.read(2))
        while mark == marker == _FILL:
            (marker,) = struct.unpack(">B", file.read(1))
        (size,) = struct.unpack(">H", file.read(2))
        if mark != _FILL or marker == _SCAN or size < 2:
            break
        if marker in _FRAME_MARKERS:
            height, width = struct.unpack(">xHH", file.read(5))
            return _picture("image/jpeg", width, height)
        file.seek(size - 2, 1)
    return _NOTHING


def _riff(file: BinaryIO, start: bytes) -> FileHeaders:
    if start[8:12] == b"WEBP":
        return _webp(start)
    if start[8:12] != b"WAVE":
        return _NOTHING
    end, rate = file.seek(0, 2), 0
    file.seek(12)
    for _ in range(_MOST_SEGMENTS):
        kind, size = struct.unpack("<4sI", file.read(8))
        here = file.tell()
        if kind == b"fmt ":
            (rate,) = struct.unpack("<8xI", file.read(12))
        if kind == b"data":
            # The header of a stream is written before its length is known.
            seconds = min(size, end - here) / rate if rate else 0.0
            return FileHeaders("audio/wav", duration=round(seconds, 3) or None)
        file.seek(here + size + size % 2)
    return _NOTHING


def _webp(start: bytes) -> FileHeaders:
    kind, width, height = start[12:16], 0, 0
    if kind == b"VP8X":
        sides = struct.unpack("<3s3s", start[24:30])
        width, height = (int.from_bytes(side, "little") + 1 for side in sides)
    elif kind == b"VP8L" and start[20] == 0x2F:
        (bits,) = struct.unpack("<I", start[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and start[23:26] == b"\x9d\x01\x2a":
        width, height = (size & 0x3FFF for size in struct.unpack("<HH", start[26:30]))
    return _picture("image/webp", width, height)


def _mp4(file: BinaryIO, start: bytes) -> FileHeaders:
    """Read the movie box (ISO 14496-12, 8.2.1), which may stand at the file's end."""
    movie = b""
    for kind, at, size in _boxes(file, 0, file.seek(0, 2)):
        if kind == b"moov" and size <= _LARGEST_MOVIE_BOX:
            file.seek(at)
            movie = file.read(size)
            break
    duration, width, height = 0.0, 0, 0
    inside = BytesIO(movie)
    for kind, at, size in _boxes(inside, 0, len(movie)):
        if kind == b"mvhd":
            later = movie[at] == 1
            scale, ticks = struct.unpack_from(">IQ" if later else ">II", movie, at + 12 + 8 * later)
            unknown = ticks >= 2 ** (64 if later else 32) - 1
            duration = ticks / scale if scale and not unknown else 0.0
        tracks = _boxes(inside, at, at + size) if kind == b"trak" and not width else ()
        for part, begin, _ in tracks:
            if part == b"tkhd":
                place = begin + 76 + 12 * (movie[begin] == 1)
                width, height = (each >> 16 for each in struct.unpack_from(">II", movie, place))
    content_type = _BRANDS.get(start[8:12], "video/mp4" if width and height else "")
    found = _picture(content_type, width, height) if width and height else _NOTHING
    return replace(found, content_type=content_type, duration=round(duration, 3) or None)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, place and size of the content of each box from `start` to `end`."""
    at = start
    for _ in range(_MOST_SEGMENTS):
        file.seek(at)
        head = file.read(16)
        if at + 8 > end or len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head[:8])
        length = 8
        if size == 1:
            (size,), length = struct.unpack(">Q", head[8:]), 16
        size = size or end - at
        if size < length:
            return
        yield kind, at + length, min(size, end - at) - length
        at += size


def _picture(content_type: str, width: int, height: int) -> FileHeaders:
    return FileHeaders(content_type, width, height) if width and height else _NOTHING


# (what stands there, where, the reader)
_FORMATS: tuple[tuple[bytes, int, Callable[[BinaryIO, bytes], FileHeaders]], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"GIF87a", 0, _gif),
    (b"GIF89a", 0, _gif),
    (b"RIFF", 0, _riff),
    (b"ftyp", 4, _mp4),
)
