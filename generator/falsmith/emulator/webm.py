"""Videos in WebM and Matroska, of any size and length: one grey picture, in VP9."""

import struct
from functools import lru_cache

from falsmith.emulator.bits import packed, text_bits

__all__ = ["WIDEST", "webm"]

# Wider ones are coded in columns.
WIDEST = 4096
# What the zeros of a block of 64 by 64 pixels take at most: each says that nothing follows.
BLOCK_SIZE = 48
# A frame that shows the first one again.
SAME_FRAME = b"\x88"


@lru_cache(maxsize=32)
def webm(size: tuple[int, int], fps: float, frames: int, seed: bytes, name: bytes) -> bytes:
    """Return the file; `name` is `webm` or `matroska`.

    The container is RFC 9559, its video the bitstream of VP9, version 0.6.
    """
    millisecond = 1_000_000
    head = _element("4286", 1) + _element("42F7", 1) + _element("42F2", 4) + _element("42F3", 8)
    head += _element("4282", name) + _element("4287", 2) + _element("4285", 2)
    about = _element("2AD7B1", millisecond) + _element(
        "4489", struct.pack(">d", 1000 * frames / fps)
    )
    about += _element("4D80", b"falsmith emulator") + _element("5741", seed.hex().encode())
    track = _element("D7", 1) + _element("73C5", 1) + _element("83", 1) + _element("86", b"V_VP9")
    track += _element("23E383", round(1000 * millisecond / fps))
    track += _element("E0", _element("B0", size[0]) + _element("BA", size[1]))
    segment = _element("1549A966", about) + _element("1654AE6B", _element("AE", track))
    times = [round(1000 * number / fps) for number in range(frames)]
    for second in range(times[-1] // 1000 + 1):
        blocks = _element("E7", 1000 * second)
        for number in [at for at, time in enumerate(times) if time // 1000 == second]:
            frame = SAME_FRAME if number else _first_frame(*size)
            place = struct.pack(">BhB", 0x81, times[number] % 1000, 0 if number else 0x80)
            blocks += _element("A3", place + frame)
        segment += _element("1F43B675", blocks)
    return _element("1A45DFA3", head) + _element("18538067", segment)


def _element(name: str, body: bytes | int) -> bytes:
    if isinstance(body, int):
        body = body.to_bytes(max((body.bit_length() + 7) // 8, 1))
    return bytes.fromhex(name) + b"\x01" + len(body).to_bytes(7) + body


def _first_frame(width: int, height: int) -> bytes:
    """Return a key frame: an arithmetic decoder reads zeros as the first choice everywhere.

    Those are the largest blocks, predicted from what is beside them, without rest.
    """
    columns, rows = (width + 63) // 64, (height + 63) // 64
    # The marker, profile 0, a key frame that is shown, alone; BT.601.
    digits = "10" + "00" + "0" + "0" + "1" + "1" + text_bits(0x498342, 24) + "001" + "0"
    digits += text_bits(width - 1, 16) + text_bits(height - 1, 16) + "0"
    # Context 0; no loop filter; a quantizer that is not lossless; no segments.
    digits += "00" + "0" * 10 + text_bits(100, 8) + "000" + "0"
    # One column, if there could be more, and one row.
    digits += ("0" if columns >= 8 else "") + "0"
    choices = bytes(8)
    digits += text_bits(len(choices), 16)
    return packed(digits) + choices + bytes(BLOCK_SIZE * columns * rows)
