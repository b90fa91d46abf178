"""Videos of any size, length and frame rate: one colour, in H.264, in an MP4 or QuickTime file."""

import re
import struct
from functools import lru_cache

from falsmith.emulator.bits import packed, signed, text_bits, unsigned

__all__ = ["video"]

PCM_SAMPLES = 384


@lru_cache(maxsize=32)
def video(size: tuple[int, int], fps: float, frames: int, seed: bytes, brand: bytes) -> bytes:
    """Return the file; its sides are even, `brand` is its first one, such as `isom`.

    The container is ISO/IEC 14496-12, with ITU-T H.264 in it as ISO/IEC 14496-15 has it.
    """
    width, height = size
    columns, rows = (width + 15) // 16, (height + 15) // 16
    crop = columns * 16 - width, rows * 16 - height
    sequence, picture = _sequence(columns, rows, crop), _picture()
    samples = [_first_frame(columns * rows, columns, seed)]
    samples += [_same_frame(columns * rows, number) for number in range(1, frames)]
    sizes = [len(sample) for sample in samples]
    scale, step = round(fps * 1000), 1000
    kind = _box(b"ftyp", brand + struct.pack(">I", 512) + brand + b"isomavc1")
    note = _box(b"free", b"falsmith emulator " + seed.hex().encode())
    entry = _entry(width, height, sequence, picture)

    def movie(offset: int) -> bytes:
        length = round(frames * step * 1000 / scale)
        table = b"".join(
            (
                _full(b"stsd", struct.pack(">I", 1) + entry),
                _full(b"stts", struct.pack(">III", 1, frames, step)),
                _full(b"stss", struct.pack(">II", 1, 1)),
                _full(b"stsc", struct.pack(">IIII", 1, 1, frames, 1)),
                _full(b"stsz", struct.pack(f">II{frames}I", 0, frames, *sizes)),
                _full(b"stco", struct.pack(">II", 1, offset)),
            )
        )
        place = _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", b"", 1)))
        media = _full(b"vmhd", bytes(8), 1) + place + _box(b"stbl", table)
        about = _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, scale, frames * step, 0x55C4, 0))
        about += _full(b"hdlr", struct.pack(">I4s12x", 0, b"vide") + b"VideoHandler\0")
        track = _full(b"tkhd", struct.pack(">IIII", 0, 0, 1, 0) + _shown(length, width, height), 3)
        track += _box(b"mdia", about + _box(b"minf", media))
        head = struct.pack(">IIIIIH10x", 0, 0, 1000, length, 0x10000, 0x100)
        return _box(
            b"moov",
            _full(b"mvhd", head + MATRIX + bytes(24) + struct.pack(">I", 2)) + _box(b"trak", track),
        )

    start = len(kind) + len(note) + len(movie(0)) + 8
    return kind + note + movie(start) + _box(b"mdat", b"".join(samples))


MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def _full(name: bytes, body: bytes, flags: int = 0) -> bytes:
    return _box(name, struct.pack(">I", flags) + body)


def _shown(length: int, width: int, height: int) -> bytes:
    return (
        struct.pack(">I8xHHHH", length, 0, 0, 0, 0)
        + MATRIX
        + struct.pack(">II", width << 16, height << 16)
    )


def _entry(width: int, height: int, sequence: bytes, picture: bytes) -> bytes:
    head = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    configuration = b"\x01" + sequence[1:4] + b"\xff\xe1" + struct.pack(">H", len(sequence))
    configuration += sequence + b"\x01" + struct.pack(">H", len(picture)) + picture
    return _box(b"avc1", head + _box(b"avcC", configuration))


def _unit(kind: int, digits: str) -> bytes:
    """Return a NAL unit (7.3.1): its last bit is set, and no start code stands in it."""
    body = packed(digits + "1")
    return bytes([kind]) + re.sub(rb"\0\0(?=[\0-\x03])", b"\0\0\x03", body)


def _sequence(columns: int, rows: int, crop: tuple[int, int]) -> bytes:
    """Return the sequence parameters (7.3.2.1): constrained baseline, level 5.1."""
    right, bottom = crop
    digits = text_bits(66, 8) + text_bits(0xC0, 8) + text_bits(51, 8) + unsigned(0)
    # Frame numbers of 16 bits, pictures shown in the order of decoding, one to refer to.
    digits += unsigned(12) + unsigned(2) + unsigned(1) + "0"
    digits += unsigned(columns - 1) + unsigned(rows - 1) + "11"
    digits += "1" + unsigned(0) + unsigned(right // 2) + unsigned(0) + unsigned(bottom // 2)
    return _unit(0x67, digits + "0")


def _picture() -> bytes:
    """Return the picture parameters (7.3.2.2): variable-length codes, one slice group."""
    digits = unsigned(0) + unsigned(0) + "00" + unsigned(0) + unsigned(0) + unsigned(0)
    return _unit(0x68, digits + "0" + "00" + signed(0) + signed(0) + signed(0) + "1" + "00")


def _first_frame(blocks: int, columns: int, seed: bytes) -> bytes:
    """Return a key frame: the first macroblock as samples, all others as their neighbours."""
    digits = unsigned(0) + unsigned(7) + unsigned(0) + text_bits(0, 16) + unsigned(0) + "00"
    digits += signed(0) + unsigned(1) + unsigned(25)
    # The samples of the first stand on whole bytes, behind that of the unit's kind.
    digits += "0" * (-len(digits) % 8)
    luma, blue, red = (16 + value % 220 for value in seed[:3])
    samples = bytes([luma]) * 256 + bytes([blue]) * 64 + bytes([red]) * 64
    digits += "".join(text_bits(value, 8) for value in samples)
    # Predicted from what is beside it, without rest; the code of "no rest" depends on how much
    # there was beside it, and sampled ones count as full.
    usual, beside_samples = "00100" + "11" + "1", "00100" + "11" + "000011"
    others = [usual] * (blocks - 1)
    for place in {1, columns} if columns > 1 else {1}:
        if place < blocks:
            others[place - 1] = beside_samples
    return _sized(_unit(0x65, digits + "".join(others)))


@lru_cache(maxsize=4096)
def _same_frame(blocks: int, number: int) -> bytes:
    """Return a frame that is as the one before it: all macroblocks are skipped."""
    digits = unsigned(0) + unsigned(5) + unsigned(0) + text_bits(number % 65536, 16) + "00" + "0"
    return _sized(_unit(0x41, digits + signed(0) + unsigned(1) + unsigned(blocks)))


def _sized(unit: bytes) -> bytes:
    return struct.pack(">I", len(unit)) + unit
