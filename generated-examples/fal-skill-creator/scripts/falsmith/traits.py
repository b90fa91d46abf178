"""What a model's category and fields mean for its caller: purpose, price, patience."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from falsmith.model import MISSING, Parameter, Traits

__all__ = ["purpose", "traits"]

# The categories that the catalogue uses; an unknown one is never refused.
PURPOSES = {
    "text-to-image": "Generate images from text",
    "image-to-image": "Edit, upscale or transform images",
    "text-to-video": "Generate videos from text",
    "image-to-video": "Animate images into videos",
    "video-to-video": "Edit, upscale or transform videos",
    "audio-to-video": "Make videos from audio",
    "text-to-audio": "Generate speech, music or sounds from text",
    "text-to-speech": "Turn text into speech",
    "audio-to-audio": "Edit or transform audio",
    "speech-to-speech": "Transform voices",
    "video-to-audio": "Make audio for videos",
    "speech-to-text": "Transcribe speech",
    "audio-to-text": "Describe or transcribe audio",
    "image-to-text": "Describe images",
    "video-to-text": "Describe videos",
    "vision": "Analyse images or videos",
    "image-to-json": "Extract structured data from images",
    "text-to-json": "Turn text into structured data",
    "text-to-text": "Transform text",
    "json": "Produce structured data",
    "llm": "Run a language model",
    "text-to-3d": "Generate 3D models from text",
    "image-to-3d": "Make 3D models from images",
    "3d-to-3d": "Edit or transform 3D models",
    "training": "Train a custom model",
    "workflow": "Run a workflow",
}
ASKS_FIRST = re.compile(r"video$|3d$|^training$")
# Minutes, from the platform's own estimate.
SLOW_ESTIMATE = 1.0
REWRITER = re.compile(
    r"prompt\w*(?:expan|optimi|enhanc|rewrit|upsampl|exten)"
    r"|(?:expan|optimi|enhanc|rewrit|upsampl|exten|augment|magic|auto)\w*_prompt"
)
LEVER = re.compile(
    r"resolution|quality|duration|(?:image|video)_size|rendering_speed|megapixels|generate_audio"
    r"|(?:num|number_of|max)_(?:images|videos|frames|samples|outputs|generations|variations)"
    r"|(?:upscale|upscaling|scale)_factor|video_length"
)
OFF = (MISSING, None, False, "")
OFF_WORDS = frozenset({"off", "none", "disabled", "false", "no", "never"})


def purpose(category: str) -> str:
    """Return what models of this category are for, beginning with the verb people search by."""
    return PURPOSES.get(category, "Run a fal.ai model")


def traits(category: str, metadata: Mapping[str, Any], parameters: Sequence[Parameter]) -> Traits:
    """Return the traits that follow from the category, the platform's estimate and the fields."""
    estimate = metadata.get("duration_estimate")
    asks_first = bool(ASKS_FIRST.search(category)) or metadata.get("kind") == "training"
    long = isinstance(estimate, int | float) and estimate >= SLOW_ESTIMATE
    return Traits(
        prompt_rewriters=tuple(one.name for one in parameters if _rewrites(one)),
        price_levers=tuple(one.name for one in parameters if _changes_price(one, category)),
        slow=asks_first or long,
        asks_first=asks_first,
    )


def _rewrites(parameter: Parameter) -> bool:
    default = parameter.default
    off = default in OFF or (isinstance(default, str) and default.lower() in OFF_WORDS)
    return bool(REWRITER.search(parameter.name.lower())) and not off and not parameter.file_kind


def _changes_price(parameter: Parameter, category: str) -> bool:
    name = parameter.name.lower()
    if name == "steps":
        return category == "training"
    return bool(LEVER.fullmatch(name)) and not parameter.deprecated
