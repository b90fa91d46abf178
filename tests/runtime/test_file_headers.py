"""What media files say of themselves in their headers, and that broken ones say nothing."""

import struct
from io import BytesIO

import pytest

from fal_runtime.file_headers import FileHeaders, read_headers


def box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    """Return a box of an MP4 file."""
    if large:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def movie(*, later: bool, width: int = 320, height: int = 240) -> bytes:
    """Return a movie box of 2.5 seconds with a track of sound and one of pictures."""
    times = struct.pack(">QQIQ" if later else ">IIII", 0, 0, 1000, 2500)
    version = bytes([later, 0, 0, 0])
    tracks = b""
    for size in ((0, 0), (width, height)):
        place = bytes(32 if later else 20) + bytes(16 + 36)
        place += struct.pack(">II", size[0] << 16, size[1] << 16)
        tracks += box(b"trak", box(b"edts", b"") + box(b"tkhd", version + place))
    return box(b"moov", box(b"mvhd", version + times) + tracks)


FILM = box(b"ftyp", b"isom" + bytes(4))
MEDIA = box(b"mdat", bytes(5000))
JPEG = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"ab"
FRAME = b"\xff\xff\xc2" + struct.pack(">HBHH", 11, 8, 360, 640)
WAVE = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16)
WEBP = b"RIFF\0\0\0\0WEBP"

WHOLE = {
    "png": (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 360),
        FileHeaders("image/png", 640, 360),
    ),
    "gif": (b"GIF89a" + struct.pack("<HH", 640, 360), FileHeaders("image/gif", 640, 360)),
    "jpeg": (JPEG + FRAME, FileHeaders("image/jpeg", 640, 360)),
    "lossy webp": (
        WEBP + b"VP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640 | 1 << 14, 360),
        FileHeaders("image/webp", 640, 360),
    ),
    "lossless webp": (
        WEBP + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 359 << 14 | 1 << 28),
        FileHeaders("image/webp", 640, 360),
    ),
    "extended webp": (
        WEBP + b"VP8X" + bytes(8) + b"\x7f\x02\0" + b"\x67\x01\0",
        FileHeaders("image/webp", 640, 360),
    ),
    "mp4": (FILM + movie(later=False) + MEDIA, FileHeaders("video/mp4", 320, 240, 2.5)),
    "mp4 with its movie box behind": (
        FILM + MEDIA + movie(later=True),
        FileHeaders("video/mp4", 320, 240, 2.5),
    ),
    "mp4 with a large box": (
        FILM + box(b"mdat", bytes(100), large=True) + movie(later=False),
        FileHeaders("video/mp4", 320, 240, 2.5),
    ),
    "quicktime": (
        box(b"ftyp", b"qt  " + bytes(4)) + movie(later=False),
        FileHeaders("video/quicktime", 320, 240, 2.5),
    ),
    "m4a": (
        box(b"ftyp", b"M4A " + bytes(4)) + movie(later=False, width=0),
        FileHeaders("audio/mp4", duration=2.5),
    ),
    "wav": (
        WAVE + b"LIST" + struct.pack("<I", 3) + bytes(4) + b"data" + struct.pack("<I", 24000)
        + bytes(24000),
        FileHeaders("audio/wav", duration=1.5),
    ),
    "streamed wav": (
        WAVE + b"data" + struct.pack("<I", 0xFFFFFFFF) + bytes(8000),
        FileHeaders("audio/wav", duration=0.5),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_headers_tell_what_a_file_is(name: str) -> None:
    content, expected = WHOLE[name]
    assert read_headers(BytesIO(content)) == expected


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_anywhere_says_nothing_untrue(name: str) -> None:
    content, expected = WHOLE[name]
    for length in [*range(min(len(content), 120)), len(content) // 2]:
        found = read_headers(BytesIO(content[:length]))
        assert found.width in (None, expected.width)
        assert found.height in (None, expected.height)
        assert found.duration is None or found.duration <= (expected.duration or 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff" + b"\xff" * 5000,
        JPEG + b"\xff\xda" + struct.pack(">H", 12) + FRAME,
        b"\xff\xd8\xff\xe0\x00\x00" * 3000,
        FILM + struct.pack(">I4s", 4, b"moov") * 3000,
        FILM + struct.pack(">I4sQ", 1, b"moov", 1 << 63),
        FILM + box(b"moov", box(b"mvhd", b"") + box(b"trak", box(b"tkhd", b"\1"))),
        FILM + box(b"moov", box(b"mvhd", bytes(12) + b"\xff" * 8)),
        b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 3000,
        b"RIFF\0\0\0\0AVI ",
        b"GIF89a\0\0\0\0",
        b"<html>",
    ],
)
def test_a_broken_file_says_nothing_and_ends_soon(content: bytes) -> None:
    assert read_headers(BytesIO(content)) == FileHeaders()
