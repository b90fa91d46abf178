"""The limits that a document states of a field's files, held against local files."""

import struct
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import InputError
from fal_runtime.input.prepare import prepare_command


def png(width: int, height: int) -> bytes:
    """Return the beginning of a picture."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIB", 13, b"IHDR", width, height, 8)


def wav(seconds: float) -> bytes:
    """Return the beginning of a sound of 1,000 bytes a second, and its silence."""
    head = struct.pack("<4sI4s4sIHHII4x", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 1000, 1000)
    return head + struct.pack("<4sI", b"data", int(seconds * 1000)) + bytes(int(seconds * 1000))


def check(path: Path, limits: Any) -> Any:
    link = {"type": "string", "x-file": "file", "x-file-limits": limits}
    schema = {"properties": {"a": {"anyOf": [link, {"type": "null"}]}}}
    words = ["--a", str(path)]
    return prepare_command(words, model_id="a/b", schema=schema, check_files=True).value["a"]


@pytest.mark.parametrize(
    ("name", "content", "limits", "told"),
    [
        ("a.png", bytes(3 << 20), {"max_bytes": 2 << 20}, "2 MB at most; it has 3 MB"),
        ("a.gif", b"x", {"formats": ["png", "jpg"]}, "formats png, jpg; it is a .gif"),
        ("a.png", png(299, 299), {"min_width": 300}, "minimum width of 300 px; it has 299 px"),
        ("a.png", png(5000, 5000), {"max_height": 4096}, "maximum height of 4,096 px"),
        (
            "a.png",
            png(300, 1000),
            {"min_aspect_ratio": 0.4, "max_aspect_ratio": 2.5},
            "minimum aspect ratio of 0.4",
        ),
        ("a", png(9000, 9000), {"max_pixels": 1000}, "pixels of 1,000; it has 81,000,000"),
        ("a.wav", wav(31), {"max_duration": 30.05}, "duration of 30.05 s; it has 31 s"),
        ("a.wav", wav(1.5), {"min_duration": 2}, "minimum duration of 2 s; it has 1.5 s"),
    ],
)
def test_a_file_that_breaks_a_stated_limit_is_refused_before_anything_is_sent(
    tmp_path: Path, name: str, content: bytes, limits: dict[str, Any], told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        check(tmp_path / name, limits)
    assert (caught.value.code, caught.value.problems[0].path) == ("invalid_input", "a")


@pytest.mark.parametrize(
    ("name", "content", "limits"),
    [
        ("a.jpeg", bytes(100), {"max_bytes": 100, "formats": ["jpg"], "min_width": 5}),
        ("a", b"x", {"formats": ["png"]}),
        ("a.png", png(300, 750), {"min_width": 300, "min_aspect_ratio": 0.4}),
        ("turned.png", png(900, 300), {"max_aspect_ratio": 1, "min_aspect_ratio": 0.3}),
        ("a.wav", wav(30.1), {"max_duration": 30.05}),
        ("a.png", png(5, 5), {"max_width": "5", "max_bytes": None, "formats": "png"}),
        ("a.png", png(5, 5), [1]),
    ],
)
def test_a_file_that_keeps_the_limits_or_cannot_be_measured_is_let_through(
    tmp_path: Path, name: str, content: bytes, limits: Any
) -> None:
    (tmp_path / name).write_bytes(content)
    assert check(tmp_path / name, limits) == f"<upload:{tmp_path / name}>"
