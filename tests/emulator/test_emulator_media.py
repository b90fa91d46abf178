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
from xml.etree import ElementTree

import pytest

from fal_runtime.file_headers import FileHeaders, read_headers
from falsmith.emulator.media import MediaFile, produce
from falsmith.emulator.order import Order, order_of

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


def elements(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and body of each element of a Matroska file, outer ones before those inside."""
    while data:
        width = 9 - data[0].bit_length()
        name, data = data[:width], data[width:]
        assert data[0] == 1
        size = int.from_bytes(data[1:8])
        body, data = data[8 : 8 + size], data[8 + size :]
        assert len(body) == size
        yield name, body
        if width == 4 or name in (b"\xae", b"\xe0"):
            yield from elements(body)


def gif_frames(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield the delay and the number of pixels of each frame of a GIF."""
    assert data[:6] == b"GIF89a"
    at, delay = 13 + 3 * 4, 0
    while data[at] != 0x3B:
        is_picture = data[at] == 0x2C
        if data[at : at + 2] == b"\x21\xf9":
            (delay,) = struct.unpack("<H", data[at + 4 : at + 6])
        at += 11 if is_picture else 2
        body = b""
        while data[at]:
            body += data[at + 1 : at + 1 + data[at]]
            at += 1 + data[at]
        at += 1
        if is_picture:
            yield delay, lzw_pixels(body)


def lzw_pixels(body: bytes) -> int:
    """Return how many pixels a GIF's codes for four colours stand for."""
    value, width, count = int.from_bytes(body, "little"), 3, 0
    lengths: list[int] = []
    before = 0
    while (code := value & ((1 << width) - 1)) != 5:
        value >>= width
        if code == 4:
            lengths, width, before = [1] * 4 + [0, 0], 3, 0
            continue
        if before and len(lengths) < 4096:
            lengths.append(before + 1)
        before = lengths[code]
        count += before
        width = min(max(3, len(lengths).bit_length()), 12)
    return count


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
    file = produce("image", "image", Order(width, height), SEED)
    found = chunks(file.data)
    assert struct.unpack(">IIBB", found[b"IHDR"][:10]) == (width, height, 2, 3)
    assert len(zlib.decompress(found[b"IDAT"])) == height * (1 + (width * 2 + 7) // 8)
    assert file.facts == {"width": width, "height": height}


def test_a_wav_plays_for_the_length_that_was_asked_for() -> None:
    file = produce("audio", "audio", Order(seconds=3), SEED)
    with wave.open(io.BytesIO(file.data)) as reader:
        assert reader.getnchannels() == file.facts["channels"]
        assert reader.getnframes() / reader.getframerate() == file.facts["duration"]
        assert any(reader.readframes(100))
    assert file.facts["duration"] == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize(
    "order",
    [
        Order(1280, 720, 5),
        Order(850, 482, 2, fps=29.97),
        Order(16, 16, 1, fps=1),
        Order(33, 5, 3, words=("mov", "h264")),
    ],
)
def test_a_video_has_the_size_the_length_and_the_rate_that_it_claims(order: Order) -> None:
    file = produce("video", "video", order, SEED)
    found = dict(boxes(file.data))
    frames = round(order.seconds * order.fps)
    assert (file.facts["num_frames"], file.facts["fps"]) == (frames, order.fps)
    assert read_headers(io.BytesIO(file.data)).duration == pytest.approx(
        file.facts["duration"], abs=0.001
    )
    assert file.facts["duration"] == pytest.approx(order.seconds, abs=1 / order.fps)
    size = struct.unpack(">II", found[b"tkhd"][-8:])
    assert [side >> 16 for side in size] == [file.facts["width"], file.facts["height"]]
    assert list(size) == [side // 2 * 2 << 16 for side in (order.width, order.height)]
    ((scale, total),) = [struct.unpack(">II", found[b"mdhd"][12:20])]
    count, each = struct.unpack(">II", found[b"stts"][8:16])
    assert (count, total) == (frames, count * each)
    assert total / scale == pytest.approx(file.facts["duration"], abs=0.001)
    sizes = struct.unpack(f">{frames}I", found[b"stsz"][12:])
    (offset,) = struct.unpack(">I", found[b"stco"][8:])
    assert sum(sizes) == len(found[b"mdat"])
    kinds = []
    for size in sizes:
        (length,) = struct.unpack(">I", file.data[offset : offset + 4])
        assert length == size - 4
        kinds.append(file.data[offset + 4] & 0x1F)
        offset += size
    # One key frame, and then frames that refer to it.
    assert kinds == [5] + [1] * (frames - 1)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
@pytest.mark.parametrize(
    ("kind", "order", "codec"),
    [
        ("video", Order(1280, 720, 2), "h264"),
        ("video", Order(1280, 720, 2, words=("webm",)), "vp9"),
        ("video", Order(1280, 720, 2, words=("gif",)), "gif"),
        ("audio", Order(seconds=2, words=("mp3",)), "mp3"),
        ("audio", Order(seconds=2, words=("aac",)), "aac"),
        ("audio", Order(seconds=2, words=("opus",)), "opus"),
        ("audio", Order(seconds=2, words=("flac",)), "flac"),
    ],
)
def test_ffprobe_reads_every_frame(tmp_path: Path, kind: str, order: Order, codec: str) -> None:
    file = produce(kind, kind, order, SEED)
    path = tmp_path / f"output.{file.extension}"
    path.write_bytes(file.data)
    entries = "stream=codec_name,nb_read_frames"
    command = ["ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_entries", entries]
    told = subprocess.run([*command, str(path)], capture_output=True, check=True)
    (stream,) = json.loads(told.stdout)["streams"]
    assert told.stderr == b""
    assert stream["codec_name"] == codec
    assert int(stream["nb_read_frames"]) == file.facts.get("num_frames", stream["nb_read_frames"])


def test_a_jpeg_has_its_size_and_one_code_for_each_block() -> None:
    file = produce("image", "image", Order(70, 30, words=("jpeg",)), SEED)
    assert (file.extension, file.content_type) == ("jpg", "image/jpeg")
    assert file.data.startswith(b"\xff\xd8") and file.data.endswith(b"\xff\xd9")
    at = file.data.index(b"\xff\xc0")
    assert struct.unpack(">HH", file.data[at + 5 : at + 9]) == (30, 70)
    scan = file.data[file.data.index(b"\xff\xda") + 14 : -2].replace(b"\xff\x00", b"\xff")
    # 9 by 4 blocks of three components: 30 bits for the first, six for each other.
    assert len(scan) == (30 + 6 * 35 + 7) // 8


def test_a_webp_has_its_size() -> None:
    file = produce("image", "image", Order(70, 30, words=("webp",)), SEED)
    assert (file.data[:4], file.data[8:16]) == (b"RIFF", b"WEBPVP8L")
    assert int.from_bytes(file.data[4:8], "little") == len(file.data) - 8
    bits = int.from_bytes(file.data[21:25], "little")
    assert (bits & 0x3FFF, bits >> 14 & 0x3FFF) == (69, 29)


def test_a_drawing_is_an_svg_of_its_size() -> None:
    file = produce("image", "image", Order(70, 30), SEED, "svg")
    assert (file.extension, file.content_type) == ("svg", "image/svg+xml")
    drawing = ElementTree.fromstring(file.data)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert (drawing.get("width"), drawing.get("height")) == ("70", "30")
    assert file.facts == {"width": 70, "height": 30}


@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("extension", ["wav", "mp3", "aac", "flac"])
def test_a_sound_has_the_sample_rate_that_was_ordered(extension: str, rate: int) -> None:
    order = Order(seconds=2, rate=rate, words=(extension,))
    data = produce("audio", "audio", order, SEED).data
    match extension:
        case "wav":
            told = int.from_bytes(data[24:28], "little")
        case "flac":
            told = int.from_bytes(data[18:21]) >> 4
        case "aac":
            codes = {11: 8000, 7: 22050, 6: 24000, 4: 44100, 3: 48000}
            told = codes[data[data.index(b"\xff\xf1") + 2] >> 2 & 15]
        case _:
            head = data[data.index(b"\xff", 10) :]
            # The version: 3 is MPEG-1, 2 is MPEG-2, whose rates are half of those.
            told = (44100, 48000, 32000)[head[2] >> 2 & 3] // (4 - (head[1] >> 3 & 3))
    # Layer III of MPEG-2 knows no 8 kHz; the file says what it has instead.
    expected = 44100 if (extension, rate) == ("mp3", 8000) else rate
    assert told == expected
    assert produce("audio", "audio", order, SEED).facts["sample_rate"] == expected


@pytest.mark.parametrize(
    ("extension", "beginning"),
    [
        ("mp3", b"ID3"),
        ("flac", b"fLaC"),
        ("ogg", b"OggS"),
        ("opus", b"OggS"),
        ("aac", b"ID3"),
        ("m4a", b"\0\0\0\x18ftypM4A "),
    ],
)
def test_a_sound_comes_in_the_format_that_was_ordered(extension: str, beginning: bytes) -> None:
    file = produce("audio", "audio", Order(seconds=2, words=(extension,)), SEED)
    assert file.extension == extension
    assert file.data.startswith(beginning)
    assert file.facts["duration"] == pytest.approx(2, abs=0.3)


def test_a_format_that_is_not_written_here_gives_another_that_says_so() -> None:
    file = produce("video", "video", Order(64, 64, words=("avi", "h264")), SEED)
    assert (file.extension, file.content_type, file.data[4:8]) == ("mp4", "video/mp4", b"ftyp")
    # VP9 codes what is wider than this in columns.
    assert produce("video", "video", Order(8192, 8, words=("webm",)), SEED).extension == "mp4"


@pytest.mark.parametrize(("extension", "name"), [("webm", b"webm"), ("mkv", b"matroska")])
def test_a_webm_holds_a_picture_of_its_size_and_its_repetitions(
    extension: str, name: bytes
) -> None:
    order = Order(850, 482, 2.5, fps=16, words=(extension, "vp9"))
    file = produce("video", "video", order, SEED)
    assert (file.extension, file.facts["duration"], file.facts["num_frames"]) == (
        extension,
        2.5,
        40,
    )
    found = list(elements(file.data))
    assert (b"\x42\x82", name) in found
    told = dict(found)
    assert struct.unpack(">d", told[b"\x44\x89"]) == (2500.0,)
    assert [int.from_bytes(told[name]) for name in (b"\xb0", b"\xba")] == [850, 482]
    frames = [body[4:] for name, body in found if name == b"\xa3"]
    assert frames[1:] == [b"\x88"] * 39
    # A key frame that is shown, its mark, and its sides.
    assert frames[0][:4] == b"\x83\x49\x83\x42"
    sides = int.from_bytes(frames[0][4:9]) >> 4 & 0xFFFFFFFF
    assert (sides >> 16, sides & 0xFFFF) == (849, 481)
    (first, second, third) = [int.from_bytes(body) for name, body in found if name == b"\xe7"]
    assert (first, second, third) == (0, 1000, 2000)


@pytest.mark.parametrize("size", [(2, 2), (66, 64), (1280, 720), (4096, 2304)])
def test_a_gif_has_all_its_pixels_and_lasts_as_long_as_it_claims(size: tuple[int, int]) -> None:
    file = produce("video", "video", Order(*size, 1.5, words=("gif",)), SEED)
    assert (file.kind, file.content_type) == ("video", "image/gif")
    frames = list(gif_frames(file.data))
    assert [pixels for _, pixels in frames] == [size[0] * size[1]] + [1] * (len(frames) - 1)
    assert sum(delay for delay, _ in frames) / 100 == pytest.approx(file.facts["duration"])
    assert file.facts["num_frames"] == len(frames)
    assert file.facts["duration"] == pytest.approx(1.5, abs=1 / file.facts["fps"])


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        ("model_glb", b"glTF"),
        ("obj", b"# falsmith"),
        ("fbx", b"; FBX"),
        ("usdz", b"PK\x03\x04"),
        ("stl", b"solid"),
        ("model_mesh", b"glTF"),
        ("blend", b"BLENDER-v300"),
    ],
)
def test_a_mesh_has_the_format_that_its_field_names(name: str, beginning: bytes) -> None:
    assert produce("3d", name, Order(), SEED).data.startswith(beginning)


@pytest.mark.parametrize(
    ("inputs", "category", "expected"),
    [
        ({"resolution": "480p", "aspect_ratio": "16:9"}, "text-to-video", {"width": 848}),
        ({"resolution": "480p", "aspect_ratio": "1:1"}, "text-to-video", {"width": 640}),
        ({"resolution": "720p"}, "image-to-video", {"width": 1280, "height": 720}),
        ({"resolution": "1080p", "aspect_ratio": "9:16"}, "text-to-video", {"height": 1920}),
        ({"resolution": "2K"}, "text-to-image", {"width": 2048, "height": 2048}),
        ({"image_size": "1536x1024"}, "text-to-image", {"width": 1536, "height": 1024}),
        ({"image_size": "portrait_4_3"}, "text-to-image", {"width": 768, "height": 1024}),
        ({"duration": "8s"}, "text-to-video", {"seconds": 8, "frames": 192}),
        ({"num_frames": 81, "fps": 16}, "text-to-video", {"seconds": 81 / 16, "frames": 81}),
        ({"duration": "auto"}, "text-to-video", {"seconds": 5}),
        ({"music_length_ms": 3000}, "text-to-audio", {"seconds": 3}),
        ({"text": "x" * 150}, "text-to-speech", {"seconds": 10}),
        ({"num_images": 3.0}, "text-to-image", {"count": 3}),
        ({"num_images": "2"}, "text-to-image", {"count": 2}),
        ({"output_format": "mp3_44100_128"}, "text-to-speech", {"words": ("mp3", "44100", "128")}),
        ({"audio_setting": {"format": "flac"}}, "text-to-speech", {"words": ("flac",)}),
        ({"style": "vector_illustration/line_art"}, "text-to-image", {"words": ("svg",)}),
        ({"target_formats": ["fbx", "obj"]}, "image-to-3d", {"words": ("fbx", "obj")}),
        ({"text": "x"}, "text-to-speech", {"rate": 24000}),
        ({"prompt": "x"}, "text-to-audio", {"rate": 44100}),
        ({"high_quality_audio": True}, "text-to-speech", {"rate": 48000}),
        ({"output_format": "mp3_22050_32"}, "text-to-audio", {"rate": 22050}),
        ({"sample_rate": "48 kHz"}, "text-to-speech", {"rate": 48000}),
        ({"output_format": {"sample_rate": 16000}}, "text-to-speech", {"rate": 16000}),
    ],
)
def test_an_input_says_what_it_wants(
    inputs: dict[str, Any], category: str, expected: dict[str, Any]
) -> None:
    order = order_of(inputs, category, FileHeaders())
    assert {name: getattr(order, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({}, (600, 400)),
        ({"aspect_ratio": "auto"}, (600, 400)),
        ({"aspect_ratio": "1:1"}, (1024, 1024)),
        ({"resolution": "2K"}, (2504, 1672)),
        ({"image_size": "square"}, (512, 512)),
    ],
)
def test_what_goes_in_is_what_comes_out_where_nothing_else_is_said(
    inputs: dict[str, Any], size: tuple[int, int]
) -> None:
    order = order_of(inputs, "image-to-image", FileHeaders("", 600, 400, 7.5))
    assert (order.width, order.height, order.seconds) == (*size, 7.5)


def test_a_glb_holds_a_scene_and_the_corners_that_it_names() -> None:
    data = produce("3d", "model_mesh", Order(), SEED).data
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    assert (kind, size % 4) == (b"JSON", 0)
    scene: dict[str, Any] = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    assert struct.unpack("<I4s", rest[:8]) == (scene["buffers"][0]["byteLength"], b"BIN\0")
    assert len(rest) - 8 == scene["accessors"][0]["count"] * 12


def test_a_zip_opens_and_its_picture_too() -> None:
    with zipfile.ZipFile(io.BytesIO(produce("archive", "zip", Order(), SEED).data)) as archive:
        assert archive.testzip() is None
        assert chunks(archive.read("output.png"))


def test_weights_have_a_header_that_describes_them() -> None:
    data = produce("file", "lora_file", Order(), SEED).data
    (length,) = struct.unpack("<Q", data[:8])
    (_, end) = json.loads(data[8 : 8 + length])["weight"]["data_offsets"]
    assert len(data) == 8 + length + end


def test_an_m4a_has_its_length_and_finds_its_frames() -> None:
    file = produce("audio", "audio", Order(seconds=2, rate=24000, words=("m4a",)), SEED)
    found = dict(boxes(file.data))
    scale, total = struct.unpack(">II", found[b"mdhd"][12:20])
    assert (scale, total / scale) == (24000, file.facts["duration"])
    headers = read_headers(io.BytesIO(file.data))
    assert headers.content_type == file.content_type == "audio/mp4"
    assert headers.duration == pytest.approx(total / scale, abs=0.001)
    (offset,) = struct.unpack(">I", found[b"stco"][8:])
    size, count = struct.unpack(">II", found[b"stsz"][4:])
    assert file.data[offset : offset + size * count] == found[b"mdat"]
    # The decoder is told the same rate: AAC of low complexity, code 6, one channel.
    assert b"\x05\x02\x13\x08" in found[b"stsd"]


@pytest.mark.parametrize(
    ("extension", "beginning"),
    [
        ("json", b'{"source"'),
        ("srt", b"1\n00:00:00,000 --> "),
        ("vtt", b"WEBVTT\n"),
        ("csv", b"source,seed\n"),
        ("npz", b"PK\x03\x04"),
    ],
)
def test_a_document_has_the_usual_format_of_its_field(extension: str, beginning: bytes) -> None:
    file = produce("file", "notes", Order(), SEED, extension)
    assert file.extension == extension
    assert file.data.startswith(beginning)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_every_byte(kind: str) -> None:
    def made(seed: bytes) -> MediaFile:
        return produce(kind, "output", Order(64, 64), seed)

    assert made(SEED) == made(SEED)
    assert made(SEED).data != made(bytes([9] * 32)).data
