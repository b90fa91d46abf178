"""What sets a model apart from its siblings, by its fields."""

from collections.abc import Callable
from typing import Any

import pytest

from falsmith.model import Model

TEXT = {"type": "string"}
LINK = {"type": "string", "format": "uri"}


@pytest.mark.parametrize(
    ("field", "schema", "told"),
    [
        ("resolution", {"enum": ["480p", "1080p", "720p"]}, "Up to 1080p."),
        ("resolution", {"enum": ["720p"]}, "720p."),
        ("duration", {"enum": ["4s", "6s", "8s"]}, "4 to 8 s."),
        ("duration", {"type": "integer", "minimum": 3, "maximum": 15}, "3 to 15 s."),
        ("generate_audio", {"type": "boolean", "default": True}, "With sound."),
        ("generate_audio", {"type": "boolean", "default": False}, "Sound optional."),
        ("loras", {"type": "array", "items": {"type": "object"}}, "Takes LoRAs."),
        ("voice", {"enum": ["Ann", "Bob", "Cy"]}, "3 voices."),
        ("image_urls", {"type": "array", "items": LINK, "maxItems": 4}, "Up to 4 images."),
        ("upscale_factor", {"type": "number", "minimum": 1, "maximum": 8}, "Up to 8x."),
        ("scale", {"type": "number", "maximum": 8, "description": "Weight."}, "on fal.ai."),
        ("audio", {"type": "boolean", "default": True}, "With sound."),
        ("target_resolution", {"enum": ["1080p", "4k"]}, "Up to 4K."),
        ("target_fps", {"enum": ["30fps", "60fps"]}, "Up to 60 fps."),
        ("upscale_factor", {"type": "number", "maximum": 200, "minimum": 1}, "on fal.ai."),
        ("pbr", {"type": "boolean", "default": False}, "PBR materials optional."),
        ("task", {"enum": ["transcribe", "translate"]}, "Task: transcribe, translate."),
        ("background_color", {"enum": ["Black", "Transparent"]}, "Transparent background."),
        (
            "num_inference_steps",
            {"type": "integer", "default": 28, "description": "Ignored when distilled is on."},
            "on fal.ai.",
        ),
        ("num_inference_steps", {"type": "integer", "default": 4}, "4 steps."),
        ("resolution", {"enum": ["1080p"], "deprecated": True}, "on fal.ai."),
    ],
)
def test_fields_set_a_model_apart_from_its_siblings(
    field: str, schema: dict[str, Any], told: str, described: Callable[..., Model]
) -> None:
    model = described("acme/demo", {"prompt": TEXT, field: schema}, "prompt", "video")

    assert model.description.endswith(told)


@pytest.mark.parametrize(
    ("model_id", "told"),
    [
        ("acme/demo/fast", "Fast variant."),
        ("acme/demo/pro", "High-end variant."),
        ("acme/demo/4b/distilled", "4B parameters, distilled for speed."),
        ("acme/demo/480p", "480p."),
        ("acme/shotmaster-demo", "on fal.ai."),
        ("acme/demo/realtime", "Real-time."),
    ],
)
def test_an_id_tells_what_variant_it_is(
    model_id: str, told: str, described: Callable[..., Model]
) -> None:
    model = described(model_id, {"prompt": TEXT}, "prompt", "image", category="text-to-image")

    assert model.description.endswith(told)
