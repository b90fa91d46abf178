"""What a model's category and fields mean for its caller: price, permission, patience."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from falsmith.model import MISSING, Parameter, Traits

__all__ = ["CATEGORIES", "traits"]

# Those that the catalogue uses; an unknown one is never refused.
CATEGORIES = frozenset(
    {
        "text-to-image",
        "image-to-image",
        "text-to-video",
        "image-to-video",
        "video-to-video",
        "audio-to-video",
        "text-to-audio",
        "text-to-speech",
        "audio-to-audio",
        "speech-to-speech",
        "video-to-audio",
        "speech-to-text",
        "audio-to-text",
        "image-to-text",
        "video-to-text",
        "vision",
        "image-to-json",
        "text-to-json",
        "text-to-text",
        "json",
        "llm",
        "text-to-3d",
        "image-to-3d",
        "3d-to-3d",
        "training",
        "workflow",
    }
)
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
