"""What goes in and what comes out, from the schema, with the task that it allows."""

from collections.abc import Callable
from typing import Any

import pytest

from falsmith.model import Model

TEXT = {"type": "string"}
LINK = {"type": "string", "format": "uri"}
LINKS = {"type": "array", "items": LINK}


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
            "acme/background-removal",
            {"video_url": LINK, "format": {"enum": ["mp4", "webm"]}},
            "video_url",
            "video",
            "video-to-video",
            "Remove the background of a video (video to video)",
        ),
        (
            "acme/fill",
            {"image_url": LINK, "mask_url": LINK, "prompt": TEXT},
            "image_url mask_url prompt",
            "image",
            "image-to-image",
            "Repaint a masked area of a picture (inpainting: image + mask + text to image)",
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
            "Transcribe a recording or answer questions about it (audio to text with timestamps)",
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
        (
            "acme/dubbing",
            {
                "audio_url": {**LINK, "description": "Either audio_url or video_url is needed."},
                "video_url": LINK,
            },
            "",
            "video",
            "audio-to-video",
            "Dub a video or audio into another language (audio or video to video)",
        ),
        (
            "acme/demo",
            {
                "image_url": LINK,
                "video_url": {**LINK, "description": "Cannot be combined with image_url."},
            },
            "",
            "video",
            "image-to-video",
            "Animate a picture into a video (image or video to video)",
        ),
        (
            "acme/demo/multiconditioning",
            {"prompt": TEXT, "videos": LINKS, "images": LINKS},
            "prompt",
            "video",
            "video-to-video",
            "Make a video from text, guided by images and videos at chosen frames "
            "(text (+ videos, images) to video)",
        ),
        (
            "acme/demo/reference-to-video",
            {"prompt": TEXT, "image_urls": LINKS, "video_urls": LINKS},
            "prompt",
            "video",
            "image-to-video",
            "Make a video that keeps the subjects of reference images "
            "(text (+ images, videos) to video)",
        ),
        (
            "acme/demo-trainer/i2v",
            {
                "training_data_url": {
                    **LINK,
                    "description": "A zip archive with images and/or videos.",
                }
            },
            "training_data_url",
            "lora_file",
            "training",
            "Train an image-to-video LoRA on your own pictures or clips "
            "(zip of images or videos to LoRA weights)",
        ),
        (
            "acme/demo/character",
            {
                "prompt": TEXT,
                "reference_image_urls": {**LINKS, "description": "Only 1 image is supported."},
                "image_urls": {**LINKS, "description": "A set of style references."},
            },
            "prompt reference_image_urls",
            "image",
            "image-to-image",
            "Make a picture that keeps the person or character of reference images "
            "(reference image + text (+ style images) to image)",
        ),
        (
            "acme/demo/voice-clone/f5-tts",
            {"text": TEXT},
            "text",
            "audio",
            "text-to-speech",
            "Turn text into speech (text to audio)",
        ),
        (
            "acme/demo/text-to-speech",
            {"text": TEXT, "audio_url": LINK},
            "text",
            "audio",
            "text-to-speech",
            "Turn text into speech (text (+ voice audio) to audio)",
        ),
        (
            "acme/vibevoice",
            {"script": TEXT, "speakers": {"type": "array"}},
            "script",
            "audio",
            "text-to-speech",
            "Speak a script of several voices (text to audio)",
        ),
        (
            "acme/vibevoice",
            {"script": TEXT, "speaker": {"enum": ["Ann", "Bo"]}},
            "script",
            "audio",
            "text-to-speech",
            "Turn text into speech (text to audio)",
        ),
        (
            "acme/demo/music",
            {"prompt": TEXT, "lyrics": TEXT},
            "prompt lyrics",
            "audio",
            "text-to-audio",
            "Make music from text",
        ),
        (
            "acme/f5-tts",
            {"text": TEXT, "ref_audio_url": LINK},
            "text ref_audio_url",
            "audio",
            "text-to-speech",
            "Speak a text in a cloned voice (reference audio + text to audio)",
        ),
        (
            "acme/demo/animate",
            {"video_url": {**LINK, "default": "https://media.example/sample.mp4"}},
            "",
            "video",
            "image-to-video",
            "Transform a video (video to video)",
        ),
        (
            "acme/demo/generate",
            {"prompt": TEXT, "model_id": TEXT},
            "prompt model_id",
            "image",
            "text-to-image",
            "Make images from text with your own fine-tuned model (model ID + text to image)",
        ),
        (
            "acme/demo",
            {"prompt": TEXT, "image_url": {**LINK, "description": "Required in picture mode."}},
            "",
            {"type": "object", "properties": {"model_glb": LINK}},
            "image-to-3d",
            "Turn a picture into a 3D model (text or image to 3D model)",
        ),
        (
            "acme/demo/merge-audios",
            {"audio_urls": {"type": "array", "items": LINK}},
            "audio_urls",
            "audio",
            "audio-to-audio",
            "Join audio files into one (audio files to audio)",
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

    assert purpose.startswith(model.purpose.removesuffix(")"))
    assert model.description.startswith(f"{purpose} with {model.display_name} ({model_id}) on fal.")
