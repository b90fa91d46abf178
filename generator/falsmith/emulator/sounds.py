"""Sounds of any length: a tone where that is simple, silence where the format is compressed."""

import io
import math
import struct
import wave
from collections.abc import Callable, Mapping

from falsmith.emulator.bits import packed, text_bits
from falsmith.emulator.boxes import box, full_box, movie

__all__ = ["SOUNDS", "Sound"]

# What layer III knows: of MPEG-1, and at half of them of MPEG-2. The place of each is its code.
MPEG_RATES = (44100, 48000, 32000)
# What AAC knows, by its code.
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
# A frame of AAC without content.
AAC_SILENCE = bytes.fromhex("00c800802380")
# The data of a sound, how long it is in seconds, and its samples a second.
Sound = tuple[bytes, float, int]


def _wav(seconds: float, rate: int, seed: bytes) -> Sound:
    """Return a tone: samples of 16 bits, mono."""
    # Between 205 and 500 hertz.
    period = rate // 500 + seed[0] * rate // 88_500
    wave_form = [round(12000 * math.sin(2 * math.pi * step / period)) for step in range(period)]
    count = max(1, round(seconds * rate))
    samples = struct.pack(f"<{period}h", *wave_form) * (count // period + 1)
    # The first sample, which nobody hears, tells one file from another.
    samples = seed[1:3] + samples[2 : 2 * count]
    target = io.BytesIO()
    with wave.open(target, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", "not compressed"))
        writer.writeframes(samples)
    return target.getvalue(), count / rate, rate


def _mp3(seconds: float, rate: int, seed: bytes) -> Sound:
    """Return silence, mono, 32 kbit/s: layer III of ISO/IEC 11172-3, and of 13818-3 for low rates.

    A rate that it does not know becomes 44.1 kHz.
    """
    halved = 2 * rate in MPEG_RATES
    rate = rate if halved or rate in MPEG_RATES else 44100
    code = MPEG_RATES.index(rate * (1 + halved))
    # The fourth bit rate of MPEG-2 is the first of MPEG-1.
    head = bytes([0xFF, 0xF3 if halved else 0xFB, (0x40 if halved else 0x10) | code << 2, 0xC4])
    samples = 576 if halved else 1152
    frame = head.ljust(samples // 8 * 32_000 // rate, b"\0")
    frames = max(1, round(seconds * rate / samples))
    return _id3(seed) + frame * frames, frames * samples / rate, rate


def _aac(seconds: float, rate: int, seed: bytes) -> Sound:
    """Return silence: ISO/IEC 13818-7 in ADTS, mono; a rate that it does not know is 44.1 kHz."""
    rate = rate if rate in AAC_RATES else 44100
    header = text_bits(0xFFF, 12) + "0001" + "01" + text_bits(AAC_RATES.index(rate), 4) + "0"
    header += (
        text_bits(1, 3) + "0000" + text_bits(7 + len(AAC_SILENCE), 13) + text_bits(0x7FF, 11) + "00"
    )
    frames = max(1, round(seconds * rate / 1024))
    return _id3(seed) + (packed(header) + AAC_SILENCE) * frames, frames * 1024 / rate, rate


def _m4a(seconds: float, rate: int, seed: bytes) -> Sound:
    """Return the silence of AAC in an MPEG-4 file: ISO/IEC 14496-14."""
    rate = rate if rate in AAC_RATES else 44100
    frames = max(1, round(seconds * rate / 1024))
    length = frames * 1024
    # Low complexity, the code of the rate, one channel.
    about = packed("00010" + text_bits(AAC_RATES.index(rate), 4) + "0001" + "000")
    decoder = _described(4, b"\x40\x15" + bytes(11) + _described(5, about))
    stream = full_box(b"esds", _described(3, b"\0\1\0" + decoder + _described(6, b"\2")))
    entry = struct.pack(">6xH8xHH4xI", 1, 1, 16, rate << 16) + stream
    note = box(b"free", b"falsmith emulator " + seed.hex().encode())
    start = box(b"ftyp", b"M4A " + struct.pack(">I", 512) + b"M4A isom") + note
    table = b"".join(
        (
            full_box(b"stsd", struct.pack(">I", 1) + box(b"mp4a", entry)),
            full_box(b"stts", struct.pack(">III", 1, frames, 1024)),
            full_box(b"stsc", struct.pack(">IIII", 1, 1, frames, 1)),
            full_box(b"stsz", struct.pack(">II", len(AAC_SILENCE), frames)),
            full_box(b"stco", struct.pack(">II", 1, len(start) + 8)),
        )
    )
    movie_box = movie(full_box(b"smhd", bytes(4)), table, rate, length)
    return start + box(b"mdat", AAC_SILENCE * frames) + movie_box, length / rate, rate


def _described(tag: int, body: bytes) -> bytes:
    """Return a descriptor: ISO/IEC 14496-1, 7.2.6."""
    return bytes([tag, len(body)]) + body


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


def _flac(seconds: float, rate: int, seed: bytes) -> Sound:
    """Return silence: RFC 9639, frames of constant samples, 16 bits, mono."""
    count = max(4096, round(seconds * rate / 4096) * 4096)
    info = struct.pack(">HH", 4096, 4096) + bytes(6)
    info += packed(text_bits(rate, 20) + "000" + "01111" + text_bits(count, 36)) + bytes(16)
    note = _comment(seed)
    blocks = b"\x00" + len(info).to_bytes(3) + info + b"\x84" + len(note).to_bytes(3) + note
    frames = b"".join(_flac_frame(number) for number in range(count // 4096))
    return b"fLaC" + blocks + frames, count / rate, rate


def _flac_frame(number: int) -> bytes:
    # 4096 samples at the rate of the stream, mono, 16 bits; the number as UTF-8 would write it.
    head = b"\xff\xf8\xc0\x08" + chr(number).encode("utf-8", "surrogatepass")
    head += bytes([_crc(head, 0x07, 8)])
    body = head + b"\0" + b"\0\0"
    return body + _crc(body, 0x8005, 16).to_bytes(2)


def _ogg(seconds: float, _rate: int, seed: bytes) -> Sound:
    """Return silence: Opus (RFC 6716) in Ogg (RFC 7845), mono, in packets of 20 ms, at 48 kHz."""
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
SOUNDS: Mapping[str, Callable[[float, int, bytes], Sound]] = {
    "wav": _wav,
    "mp3": _mp3,
    "aac": _aac,
    "m4a": _m4a,
    "flac": _flac,
    "ogg": _ogg,
    "opus": _ogg,
}
