"""Videos of any size, length and frame rate: one colour, in H.264, in an MP4 or QuickTime file."""

import re
import struct
from functools import lru_cache

from falsmith.emulator.bits import packed, signed, text_bits, unsigned
from falsmith.emulator.boxes import box, full_box, movie

__all__ = ["video"]


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
    kind = box(b"ftyp", brand + struct.pack(">I", 512) + brand + b"isomavc1")
    note = box(b"free", b"falsmith emulator " + seed.hex().encode())
    entry = _entry(width, height, sequence, picture)

    def described(offset: int) -> bytes:
        table = b"".join(
            (
                full_box(b"stsd", struct.pack(">I", 1) + entry),
                full_box(b"stts", struct.pack(">III", 1, frames, step)),
                full_box(b"stss", struct.pack(">II", 1, 1)),
                full_box(b"stsc", struct.pack(">IIII", 1, 1, frames, 1)),
                full_box(b"stsz", struct.pack(f">II{frames}I", 0, frames, *sizes)),
                full_box(b"stco", struct.pack(">II", 1, offset)),
            )
        )
        return movie(full_box(b"vmhd", bytes(8), 1), table, scale, frames * step, size)

    start = len(kind) + len(note) + len(described(0)) + 8
    return kind + note + described(start) + box(b"mdat", b"".join(samples))


def _entry(width: int, height: int, sequence: bytes, picture: bytes) -> bytes:
    head = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    configuration = b"\x01" + sequence[1:4] + b"\xff\xe1" + struct.pack(">H", len(sequence))
    configuration += sequence + b"\x01" + struct.pack(">H", len(picture)) + picture
    return box(b"avc1", head + box(b"avcC", configuration))


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
