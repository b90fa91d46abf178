"""The units of a result, as recorded calls had them."""

from typing import Any

import pytest

from falsmith.emulator.billing import unit_of, units_of
from falsmith.emulator.media import MediaFile, produce
from falsmith.emulator.order import Order

IMAGE, VIDEO = "text-to-image", "text-to-video"


def made(kind: str, order: Order, count: int = 1) -> list[MediaFile]:
    return [produce(kind, kind, order, bytes(32)) for _ in range(count)]


@pytest.mark.parametrize(
    ("model", "inputs", "files", "lasts", "units"),
    [
        (("acme/paint", IMAGE), {}, made("image", Order(), 3), None, 3),
        (("acme/story", "text-to-json"), {}, [], None, 1),
        (("acme/speak", "text-to-speech"), {"text": "x" * 250}, [], None, 0.25),
        (("acme/write", "speech-to-text"), {}, [], None, 1),
        (("acme/write", "speech-to-text"), {}, [], 61.0, 2),
        (("fal-ai/flux/dev", IMAGE), {}, made("image", Order(1024, 768), 2), None, 2),
        (("fal-ai/flux/dev", IMAGE), {}, made("image", Order(2048, 2048)), None, 4),
        (("fal-ai/sora-2/image-to-video", VIDEO), {}, made("video", Order(seconds=4)), None, 4),
        (
            ("fal-ai/veo3.1/image-to-video", VIDEO),
            {"generate_audio": False},
            made("video", Order(seconds=4)),
            None,
            2,
        ),
        (
            ("fal-ai/kling-video/v3/standard/text-to-video", VIDEO),
            {"generate_audio": False},
            made("video", Order(seconds=5)),
            None,
            3,
        ),
        (
            ("bytedance/seedance-2.0/fast/image-to-video", VIDEO),
            {},
            made("video", Order(640, 640, 4)),
            None,
            38.8,
        ),
        (
            ("xai/grok-imagine-video/image-to-video", VIDEO),
            {"resolution": "720p", "image_url": "https://fal.example/a.png"},
            made("video", Order(seconds=6)),
            None,
            8.44,
        ),
        (
            ("xai/grok-imagine-video/edit-video", "video-to-video"),
            {"resolution": "480p"},
            made("video", Order(seconds=8)),
            8.04,
            9.6,
        ),
        (
            ("xai/grok-imagine-image/edit", "image-to-image"),
            {"image_urls": ["https://fal.example/a.png"]},
            made("image", Order()),
            None,
            1.1,
        ),
    ],
)
def test_units_are_those_of_recorded_calls(
    model: tuple[str, str],
    inputs: dict[str, Any],
    files: list[MediaFile],
    lasts: float | None,
    units: float,
) -> None:
    assert units_of(*model, inputs, files, lasts) == pytest.approx(units)


def test_the_unit_follows_what_a_model_makes() -> None:
    told = {
        category: unit_of("acme/any", category)
        for category in (
            "text-to-image",
            "image-to-video",
            "text-to-speech",
            "llm",
            "speech-to-text",
        )
    }
    assert list(told.values()) == ["image", "second", "1000 characters", "request", "minute"]
    assert unit_of("fal-ai/flux/dev", "text-to-image") == "megapixels"
