"""The units of a result, as recorded calls had them."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from falsmith.documents import Documents
from falsmith.emulator.billing import unit_of, units_of
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.media import MediaFile, produce
from falsmith.emulator.order import Order
from falsmith.emulator.responses import completed

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


def beginning(link: str) -> bytes | None:
    """Return what a recording kept of a data URI, of which it cut most."""
    if not link.startswith("data:"):
        return None
    kept = link.partition(",")[2].partition("…")[0]
    return base64.b64decode(kept[: len(kept) // 4 * 4])


@pytest.mark.corpus
def test_every_recorded_call_is_billed_as_it_was() -> None:
    folder = os.environ.get("FALSMITH_CORPUS")
    if not folder:
        pytest.skip("FALSMITH_CORPUS does not name a folder")
    calls = [
        call
        for file in sorted(Path(folder, "runs").glob("*.json"))
        for call in json.loads(file.read_bytes())
    ]
    seen = 0
    for call in calls:
        model_id = call["url"].removeprefix("https://fal.run/")
        document = Path(folder, "openapi", f"{model_id.replace('/', '__')}.json")
        if document.exists():
            endpoint = Endpoint(Documents(model_id, {}, json.loads(document.read_bytes())))
            inputs = call["request_body"]
            reply = completed(endpoint, inputs, lambda file, _: file.kind, beginning, b"")
            units = float(reply.headers["x-fal-billable-units"])
            billed = float(call["response_headers"]["x-fal-billable-units"])
            assert units == pytest.approx(billed, abs=0.01), model_id
            seen += 1
    assert seen
