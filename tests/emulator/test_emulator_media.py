"""The produced files are what their types say, read by other means than they were written."""

import io
import json
import shutil
import struct
import subprocess
import wave
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from falsmith.emulator.media import MediaFile, MediaRequest, produce

SEED = bytes(range(32))
KINDS = ("image", "video", "audio", "3d", "archive", "file")
CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each box of an MP4, outer ones before those inside."""
    while data:
        (size,) = struct.unpack(">I", data[:4])
        assert 8 <= size <= len(data)
        yield data[4:8], data[8:size]
        if data[4:8] in CONTAINERS:
            yield from boxes(data[8:size])
        data = data[size:]


def chunks(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by name, each with a good checksum."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = {}, 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack(">I", data[at + 8 + size : at + 12 + size])
        assert checksum == zlib.crc32(name + body)
        found[name] = body
        at += 12 + size
    return found


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 13), (64, 48), (1024, 768)])
def test_a_png_has_its_size_and_all_its_pixels(width: int, height: int) -> None:
    file = produce("image", "image", MediaRequest(width, height), SEED)
    found = chunks(file.data)
    assert struct.unpack(">IIBB", found[b"IHDR"][:10]) == (width, height, 2, 3)
    assert len(zlib.decompress(found[b"IDAT"])) == height * (1 + (width * 2 + 7) // 8)
    assert file.facts == {"width": width, "height": height}


def test_a_wav_plays_for_the_length_that_was_asked_for() -> None:
    file = produce("audio", "audio", MediaRequest(seconds=3), SEED)
    with wave.open(io.BytesIO(file.data)) as reader:
        assert reader.getnchannels() == file.facts["channels"]
        assert reader.getnframes() / reader.getframerate() == file.facts["duration"]
        assert any(reader.readframes(100))
    assert file.facts["duration"] == pytest.approx(3, abs=0.01)


def test_the_sample_table_of_an_mp4_leads_to_pictures() -> None:
    file = produce("video", "video", MediaRequest(1600, 900, 2), SEED)
    found = dict(boxes(file.data))
    (offset,) = struct.unpack(">I", found[b"stco"][8:])
    sizes = struct.unpack(">8I", found[b"stsz"][12:])
    assert sum(sizes) == len(found[b"mdat"])
    for size in sizes:
        picture = chunks(file.data[offset : offset + size])
        assert struct.unpack(">II", picture[b"IHDR"][:8]) == (320, 180)
        offset += size
    assert (file.facts["duration"], file.facts["num_frames"]) == (2, 8)


def test_a_video_says_how_long_it_is_in_every_place_of_its_own() -> None:
    file = produce("video", "video", MediaRequest(1600, 900, 5), SEED)
    found = dict(boxes(file.data))
    (shown,) = struct.unpack(">I", found[b"tkhd"][20:24])
    times = [struct.unpack(">II", found[box][12:20]) for box in (b"mvhd", b"mdhd")]
    count, each = struct.unpack(">II", found[b"stts"][8:16])
    assert (times, shown, count * each) == ([(1000, 5000)] * 2, 5000, 5000)
    assert (file.facts["duration"], file.facts["fps"]) == (5, 1.6)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_reads_the_mp4(tmp_path: Path) -> None:
    file = produce("video", "video", MediaRequest(1600, 900, 2), SEED)
    path = tmp_path / "video.mp4"
    path.write_bytes(file.data)
    entries = "stream=codec_name,width,height,duration,nb_frames"
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_entries", entries, str(path)]
    told = subprocess.run(command, capture_output=True, check=True)
    (stream,) = json.loads(told.stdout)["streams"]
    assert told.stderr == b""
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("png", 320, 180)
    assert (float(stream["duration"]), stream["nb_frames"]) == (2, "8")


def test_a_glb_holds_a_scene_and_the_corners_that_it_names() -> None:
    data = produce("3d", "model_mesh", MediaRequest(), SEED).data
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    assert (kind, size % 4) == (b"JSON", 0)
    scene: dict[str, Any] = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    assert struct.unpack("<I4s", rest[:8]) == (scene["buffers"][0]["byteLength"], b"BIN\0")
    assert len(rest) - 8 == scene["accessors"][0]["count"] * 12


def test_a_zip_opens_and_its_picture_too() -> None:
    with zipfile.ZipFile(
        io.BytesIO(produce("archive", "zip", MediaRequest(), SEED).data)
    ) as archive:
        assert archive.testzip() is None
        assert chunks(archive.read("output.png"))


def test_weights_have_a_header_that_describes_them() -> None:
    data = produce("file", "lora_file", MediaRequest(), SEED).data
    (length,) = struct.unpack("<Q", data[:8])
    (_, end) = json.loads(data[8 : 8 + length])["weight"]["data_offsets"]
    assert len(data) == 8 + length + end


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_every_byte(kind: str) -> None:
    def made(seed: bytes) -> MediaFile:
        return produce(kind, "output", MediaRequest(64, 64), seed)

    assert made(SEED) == made(SEED)
    assert made(SEED).data != made(bytes([9] * 32)).data
