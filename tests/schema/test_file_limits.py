"""What a document says of the files that a field takes."""

from typing import Any

import pytest

from falsmith.schema.file_limits import file_limits

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("description", "limits"),
    [
        ("Max file size: 10.0MB, Min width: 300px.", {"max_bytes": 10 * MEGABYTE}),
        ("A clip of up to 1.5 GB.", {"max_bytes": 1536 * MEGABYTE}),
        ("Must be less than 500 KB.", {"max_bytes": 500 * 1024}),
        ("≤100MB, at most 10 s.", {"max_bytes": 100 * MEGABYTE}),
        ("At most 20MB in total; max 5MB each.", {}),
        ("Recommended: max 5MB.", {}),
        ("Larger than 5MB takes longer.", {}),
        ("Must be a JPEG, PNG or .webp file.", {"formats": ["jpg", "png", "webp"]}),
        ("ONLY FBX format is taken.", {"formats": ["fbx"]}),
        ("Only .mp4/.mov files.", {"formats": ["mp4", "mov"]}),
        ("Only PNG keeps what is transparent.", {}),
        ("Supports WAV and MP3.", {}),
        ("Must be square. Only used at times.", {}),
    ],
)
def test_of_prose_what_leaves_no_doubt_is_a_limit(description: str, limits: dict[str, Any]) -> None:
    assert file_limits({}, description) == limits


def test_data_comes_before_prose() -> None:
    said = {
        "x-fal": {"max_file_size": 1000, "min_duration": 2.5, "timeout": 20},
        "max_width": 64,
    }
    assert file_limits(said, "Max 5MB.") == {
        "max_bytes": 1000,
        "min_duration": 2.5,
        "max_width": 64,
    }


@pytest.mark.parametrize("broken", [None, "10", True, -1, {}, float("nan")])
def test_a_limit_that_is_no_amount_is_none(broken: Any) -> None:
    assert file_limits({"max_file_size": broken, "x-fal": broken}, "") == {}
