"""What goes in and what comes out, from the schema, with the task that it allows."""

from collections.abc import Callable
from typing import Any

import pytest

from falsmith.model import Model

TEXT = {"type": "string"}
LINK = {"type": "string", "format": "uri"}


@pytest.mark.parametrize(
    ("model_id", "fields", "required", "output", "category", "purpose"),
    [
        (
            "acme/lipsync/v2",
            {"video_url": LINK, "audio_url": LINK},
            "video_url audio_url",
            "video",
            "video-to-video",
            "Lip-sync a video to speech (video + audio to video)",
        ),
        (
            "acme/background/remove",
            {"image_url": LINK},
            "image_url",
            "image",
            "image-to-image",
            "Remove the background of a picture (image to transparent image)",
        ),
        (
            "acme/fill",
            {"image_url": LINK, "mask_url": LINK, "prompt": TEXT},
            "image_url mask_url prompt",
            "image",
            "image-to-image",
            "Repaint a masked area of a picture (inpainting) (image + mask + text to image)",
        ),
        (
            "acme/demo/image-to-video",
            {"prompt": TEXT, "image_url": LINK, "tail_image_url": LINK},
            "prompt image_url",
            "video",
            "image-to-video",
            "Animate a picture into a video (image + text (+ end image) to video)",
        ),
        (
            "acme/demo",
            {"prompt": TEXT, "first_frame_url": LINK, "last_frame_url": LINK},
            "prompt first_frame_url last_frame_url",
            "video",
            "image-to-video",
            "Animate from a first to a last frame (first frame + end frame + text to video)",
        ),
        (
            "acme/demo-trainer",
            {"images_data_url": LINK, "steps": {"type": "integer"}},
            "images_data_url",
            "lora_file",
            "training",
            "Train an image LoRA on your own pictures (zip of images to LoRA weights)",
        ),
        (
            "acme/demo",
            {"audio_url": LINK},
            "audio_url",
            {"type": "object", "properties": {"text": TEXT, "chunks": {"type": "array"}}},
            "speech-to-text",
            "Answer questions about a recording (audio to text with timestamps)",
        ),
        (
            "acme/demo",
            {"prompt": TEXT, "reference_image_url": LINK},
            "prompt",
            "image",
            "text-to-image",
            "Make images from text (text (+ reference image) to image)",
        ),
        (
            "acme/demo",
            {"prompt": TEXT, "video_url": LINK, "image_url": LINK},
            "",
            "video",
            "image-to-video",
            "Animate a picture into a video (image (+ video, text) to video)",
        ),
        ("acme/demo", {}, "", {}, "workflow", "Run a fal.ai model"),
    ],
)
def test_the_purpose_is_the_task_with_what_goes_in_and_what_comes_out(
    *,
    model_id: str,
    fields: dict[str, Any],
    required: str,
    output: dict[str, Any],
    category: str,
    purpose: str,
    described: Callable[..., Model],
) -> None:
    model = described(model_id, fields, required, output, category=category)

    assert purpose.startswith(model.purpose)
    assert model.description.startswith(f"{purpose} with {model.display_name} ({model_id}) on fal.")
