"""Sounds of any length: a tone where that is simple, silence where the format is compressed."""

import io
import math
import struct
import wave
from collections.abc import Callable, Mapping

from falsmith.emulator.bits import packed, text_bits

__all__ = ["SOUNDS", "Sound"]

RATE = 8000
# The data of a sound, how long it is in seconds, and its samples a second.
Sound = tuple[bytes, float, int]


def _wav(seconds: float, seed: bytes) -> Sound:
    """Return a tone: samples of 16 bits, mono."""
    period = 16 + seed[0] % 24
    wave_form = [round(12000 * math.sin(2 * math.pi * step / period)) for step in range(period)]
    count = max(1, round(seconds * RATE))
    samples = struct.pack(f"<{period}h", *wave_form) * (count // period + 1)
    # The first sample, which nobody hears, tells one file from another.
    samples = seed[1:3] + samples[2 : 2 * count]
    target = io.BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        writer.writeframes(samples)
    return target.getvalue(), count / RATE, RATE


def _mp3(seconds: float, seed: bytes) -> Sound:
    """Return silence: ISO/IEC 11172-3, layer III, 44.1 kHz, mono, 32 kbit/s."""
    frame = b"\xff\xfb\x10\xc4".ljust(104, b"\0")
    frames = max(1, round(seconds * 44100 / 1152))
    return _id3(seed) + frame * frames, frames * 1152 / 44100, 44100


def _aac(seconds: float, seed: bytes) -> Sound:
    """Return silence: ISO/IEC 13818-7 in ADTS, 44.1 kHz, mono."""
    block = bytes.fromhex("00c800802380")
    header = text_bits(0xFFF, 12) + "0001" + "01" + text_bits(4, 4) + "0" + text_bits(1, 3)
    header += "0000" + text_bits(7 + len(block), 13) + text_bits(0x7FF, 11) + "00"
    frames = max(1, round(seconds * 44100 / 1024))
    return _id3(seed) + (packed(header) + block) * frames, frames * 1024 / 44100, 44100


def _id3(seed: bytes) -> bytes:
    """Return an ID3 tag (version 2.3) with a title."""
    text = b"\0falsmith emulator " + seed.hex().encode()
    tag = b"TIT2" + struct.pack(">IH", len(text), 0) + text
    # The size has seven bits a byte.
    return b"ID3\x03\0\0" + bytes([0, 0, len(tag) >> 7, len(tag) & 0x7F]) + tag


def _comment(seed: bytes) -> bytes:
    """Return a Vorbis comment, which FLAC and Opus share."""
    entry = b"SEED=" + seed.hex().encode()
    head = struct.pack("<I", 8) + b"falsmith" + struct.pack("<II", 1, len(entry))
    return head + entry


def _flac(seconds: float, seed: bytes) -> Sound:
    """Return silence: RFC 9639, frames of constant samples, 16 bits, mono."""
    count = max(4096, round(seconds * RATE / 4096) * 4096)
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += packed(text_bits(RATE, 20) + "000" + "01111" + text_bits(count, 36)) + bytes(16)
    note = _comment(seed)
    blocks = b"\x00" + len(info).to_bytes(3) + info + b"\x84" + len(note).to_bytes(3) + note
    frames = b"".join(_flac_frame(number) for number in range(count // 4096))
    return b"fLaC" + blocks + frames, count / RATE, RATE


def _flac_frame(number: int) -> bytes:
    # 4096 samples, 8 kHz, mono, 16 bits; the number as UTF-8 would write it.
    head = b"\xff\xf8\xc4\x08" + chr(number).encode("utf-8", "surrogatepass")
    head += bytes([_crc(head, 0x07, 8)])
    body = head + b"\0" + b"\0\0"
    return body + _crc(body, 0x8005, 16).to_bytes(2)


def _ogg(seconds: float, seed: bytes) -> Sound:
    """Return silence: Opus (RFC 6716) in Ogg (RFC 7845), mono, in packets of 20 ms."""
    packets = max(1, min(round(seconds * 50), 30_000))
    serial = int.from_bytes(seed[:4])
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48000, 0, 0)
    tags = b"OpusTags" + _comment(seed)
    pages = [_ogg_page(2, 0, serial, 0, [head]), _ogg_page(0, 0, serial, 1, [tags])]
    silence = b"\xf8\xff\xfe"
    for number, first in enumerate(range(0, packets, 200), 2):
        last = min(first + 200, packets)
        flags = 4 if last == packets else 0
        pages.append(_ogg_page(flags, last * 960, serial, number, [silence] * (last - first)))
    return b"".join(pages), packets / 50, 48000


def _ogg_page(flags: int, position: int, serial: int, number: int, packets: list[bytes]) -> bytes:
    sizes = bytes(len(packet) for packet in packets)
    head = b"OggS\0" + struct.pack("<BqII", flags, position, serial, number)
    tail = bytes([len(sizes)]) + sizes + b"".join(packets)
    checksum = _crc(head + bytes(4) + tail, 0x04C11DB7, 32)
    return head + struct.pack("<I", checksum) + tail


def _crc(data: bytes, polynomial: int, width: int) -> int:
    """Return a checksum whose bits go from the highest down, as FLAC and Ogg want it."""
    top, mask, value = 1 << (width - 1), (1 << width) - 1, 0
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


# The writer of each format by its extension.
SOUNDS: Mapping[str, Callable[[float, bytes], Sound]] = {
    "wav": _wav,
    "mp3": _mp3,
    "aac": _aac,
    "flac": _flac,
    "ogg": _ogg,
    "opus": _ogg,
}
