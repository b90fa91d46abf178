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
        ("background", {"enum": ["auto", "transparent"]}, "Transparent background optional."),
        ("background_color", {"enum": ["Black", "Transparent"]}, "on fal.ai."),
        ("num_images", {"maximum": 4, "minimum": 1, "type": "integer"}, "Up to 4 results a run."),
        (
            "num_inference_steps",
            {"type": "integer", "default": 28, "description": "Ignored when distilled is on."},
            "on fal.ai.",
        ),
        ("num_inference_steps", {"type": "integer", "default": 4}, "4 steps."),
        ("resolution", {"enum": ["1080p"], "deprecated": True}, "on fal.ai."),
        ("num_frames", {"type": "integer", "default": 81}, "81 frames."),
        (
            "num_frames",
            {"type": "integer", "default": 81, "minimum": 17, "maximum": 161},
            "17 to 161 frames.",
        ),
        ("num_frames", {"enum": [81, 481, 161], "default": 81}, "81 to 481 frames."),
        ("geometry_file_format", {"enum": ["glb", "stl"]}, "As GLB, STL."),
        ("output_format", {"enum": ["fbx", "dict"]}, "on fal.ai."),
        ("output_format", {"enum": ["png", "jpeg"]}, "on fal.ai."),
        ("target_voice", {"enum": ["Ann", "Bob", "Cy"]}, "3 voices."),
        (
            "translation_language",
            {"enum": ["de", "en", "it"]},
            "3 languages to translate into.",
        ),
        ("audio_urls", {"type": "array", "items": LINK, "maxItems": 5}, "Up to 5 audio files."),
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
        ("acme/demo/batched", "Several inputs a call."),
    ],
)
def test_an_id_tells_what_variant_it_is(
    model_id: str, told: str, described: Callable[..., Model]
) -> None:
    model = described(model_id, {"prompt": TEXT}, "prompt", "image", category="text-to-image")

    assert model.description.endswith(told)


def test_a_scale_is_how_much_larger_only_where_something_is_enlarged(
    described: Callable[..., Model],
) -> None:
    fields = {"image_url": LINK, "scale": {"type": "number", "minimum": 1, "maximum": 4}}
    upscaler, cartoon = (
        described(f"acme/{name}", fields, "image_url", "image", category="image-to-image")
        for name in ("upscaler", "cartoonify")
    )

    assert upscaler.description.endswith("Up to 4x.")
    assert "4x" not in cartoon.description


def test_of_a_stream_the_number_that_is_always_one_is_no_feature(
    described: Callable[..., Model],
) -> None:
    note = "Always set to 1 for streaming output."
    images = {"type": "integer", "minimum": 1, "maximum": 4, "description": note}
    fields = {"prompt": TEXT, "num_images": images}
    stream = described("acme/demo/stream", fields, "prompt", "image", category="text-to-image")
    plain = described("acme/demo", fields, "prompt", "image", category="text-to-image")

    assert "results a run" not in stream.description
    assert plain.description.endswith("Up to 4 results a run.")
