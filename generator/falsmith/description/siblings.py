"""What sets a model apart from its siblings: by its ID and by its fields, in a few words each."""

import re
from collections.abc import Iterator, Sequence

from falsmith.description.media import role
from falsmith.documents import Json
from falsmith.model import Parameter

__all__ = ["features", "minor_features", "variants"]

LONGEST_SECONDS = 600
ID_WORDS = re.compile(r"[a-z0-9.]+")
VARIANT_SIZE = re.compile(r"(?P<weights>\d+(?:\.\d+)?b)|\d{3,4}p|[248]k")
VARIANTS = {
    "base": "base model",
    "batched": "several inputs a call",
    "distill": "distilled for speed",
    "distilled": "distilled for speed",
    "fast": "fast variant",
    "flash": "fast variant",
    "lightning": "fast variant",
    "rapid": "fast variant",
    "schnell": "fast variant",
    "turbo": "fast variant",
    "large": "large variant",
    "medium": "medium variant",
    "small": "small variant",
    "lite": "light variant",
    "mini": "light variant",
    "master": "high-end variant",
    "max": "high-end variant",
    "pro": "high-end variant",
    "ultra": "high-end variant",
    "standard": "standard variant",
    "stream": "streams partial results",
    "realtime": "real-time",
    "multilingual": "many languages",
    "preview": "preview version",
    "hd": "HD variant",
    "seamless": "seamless tiles",
}
# Fields that are a feature by being there.
FEATURES = {
    "camera_control": "camera control",
    "camera_fixed": "fixed camera",
    "camera_motion": "camera control",
    "camera_movement": "camera control",
    "character_ids": "recurring characters",
    "control_loras": "control LoRAs",
    "controlnet": "ControlNets",
    "controlnet_unions": "ControlNets",
    "controlnets": "ControlNets",
    "diarization": "speaker labels",
    "diarize": "speaker labels",
    "easycontrols": "ControlNets",
    "emotion": "emotions",
    "enable_pbr": "PBR materials",
    "enable_rigging": "rigging",
    "enable_web_search": "web search",
    "ip_adapter": "IP adapters",
    "ip_adapters": "IP adapters",
    "is_instrumental": "instrumentals",
    "loop": "seamless loop",
    "lora_path": "takes LoRAs",
    "lora_url": "takes LoRAs",
    "loras": "takes LoRAs",
    "multi_prompt": "multi-shot",
    "multi_prompts": "multi-shot",
    "pbr": "PBR materials",
    "profile_ids": "takes saved profiles",
    "rigging": "rigging",
    "speaker_voice_embedding_file_url": "takes cloned voices",
    "speakers": "several speakers",
    "style_id": "custom styles",
}
# The same, of little weight.
MINOR = {
    "colors": "sets the colors",
    "speed": "sets the speed",
    "style_preset": "style presets",
    "target_polycount": "sets the polygon count",
    "texture_size": "sets the texture size",
}
MINOR_NAMES = frozenset({*MINOR, "num_inference_steps", "num_frames", "aspect_ratio", "num_images"})
_SOUND = "generate_audio generate_audio_switch enable_audio audio with_audio sound enable_sound"
SOUND = frozenset(_SOUND.split())
# Choices that say what a model can do.
ABLE = frozenset({"task", "task_type", "operation", "response_style", "measurements", "maps"})
# The same of 3D models: in what they come.
FORMAT_FIELDS = frozenset({"geometry_file_format", "output_format", "target_formats"})
FORMATS = frozenset({"blend", "fbx", "glb", "obj", "stl", "usdz"})
LONGEST_CHOICES = 70
# A number that does not hold, or only where something is turned off.
NOT_IN_FORCE = re.compile(
    r"\bignored (?:when|if)\b|\bwhen disabled\b|\bno effect\b",
    re.I,
)
# Fields whose choices are counted.
COUNTED = {
    "effect": "effects",
    "effect_scene": "effects",
    "effect_type": "effects",
    "language": "languages",
    "language_boost": "languages",
    "language_code": "languages",
    "model": "models to choose from",
    "model_name": "models to choose from",
    "pikaffect": "effects",
    "preset_voice": "voices",
    "style": "styles",
    "target_language": "languages",
    "target_voice": "voices",
    "template": "templates",
    "translation_language": "languages to translate into",
    "voice": "voices",
    "voice_id": "voices",
}
DURATIONS = frozenset({"duration", "duration_seconds", "seconds_total", "video_length"})
FACTORS = frozenset(
    {"upscale_factor", "upscaling_factor", "scale", "scale_factor", "desired_increase"}
)
STREAMED_ALONE = re.compile(r"\balways (?:set to )?(?:1|one)\b", re.I)
# The length of what goes in, which makes numbers void.
MATCHED = re.compile(r"match_\w*length")
# A factor beyond it is the bound of a form.
LARGEST = 16
ITEMS = re.compile(r"(?:\d+\.\.|up to )(\d+) items")
RANGE = re.compile(r"(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)")
SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s?(?:s|fps)?")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([pPkK])")


def variants(model_id: str) -> Iterator[str]:
    """Yield what the words of an ID say of one variant among siblings."""
    app, _, variant = model_id.lower().partition("/")[2].partition("/")
    for word in ID_WORDS.findall(f"{app.replace('master', '')} {variant}"):
        if word in VARIANTS:
            yield VARIANTS[word]
        elif word[0].isdigit() and (size := VARIANT_SIZE.fullmatch(word)):
            yield f"{word.upper()} parameters" if size["weights"] else word.replace("k", "K")


def features(parameters: Sequence[Parameter], *, enlarges: bool) -> Iterator[str]:
    """Yield what sets a model apart from its siblings, by its fields.

    A scale of one that `enlarges` is how much; of another it may be the strength of an effect.
    """
    for one in parameters:
        name = one.name
        if one.deprecated:
            continue
        if name in ("resolution", "target_resolution"):
            yield from _resolution(one)
        elif name in DURATIONS:
            yield from _duration(one)
        elif name in SOUND and one.type == "boolean":
            yield "with sound" if one.default is True else "sound optional"
        elif (name in ABLE or name in FORMAT_FIELDS) and one.choice_count > 1:
            yield from _abilities(one)
        elif name in FEATURES:
            is_off = one.type == "boolean" and one.default is False
            yield f"{FEATURES[name]} optional" if is_off else FEATURES[name]
        elif name == "background" and "transparent" in one.choices:
            yield "transparent background optional"
        elif name in COUNTED and one.choice_count > 2:
            yield f"{one.choice_count} {COUNTED[name]}"
        elif name == "target_fps":
            yield f"up to {most:g} fps" if (most := _most(one)) else "sets the frame rate"
        elif (
            name in FACTORS
            and (enlarges or name.startswith("upscal"))
            and 0 < (most := _most(one)) <= LARGEST
        ):
            yield f"up to {most:g}x"
        elif one.file_kind and (items := ITEMS.search(one.limits)) and items[1] != "1":
            yield f"up to {items[1]} {role(one, one.file_kind)}"


def minor_features(parameters: Sequence[Parameter], *, streams: bool) -> Iterator[str]:
    """Yield what still differs where siblings are alike."""
    follows = any(MATCHED.fullmatch(one.name) and one.default is True for one in parameters)
    for one in parameters:
        name = one.name
        if name not in MINOR_NAMES:
            continue
        if one.deprecated or NOT_IN_FORCE.search(one.description):
            continue
        if streams and STREAMED_ALONE.search(one.description):
            continue
        if name == "num_inference_steps" and isinstance(one.default, int):
            yield f"{one.default} steps"
        elif name == "num_frames" and isinstance(one.default, int) and one.default > 1:
            if follows:
                continue
            yield _from_to(_span(one) or (one.default, one.default), "frames")
        elif name == "aspect_ratio" and one.choice_count > 2:
            yield f"{one.choice_count} aspect ratios"
        elif name == "num_images" and (most := _most(one)):
            yield f"up to {most:g} results a run"
        elif name in MINOR:
            yield MINOR[name]


def _abilities(parameter: Parameter) -> Iterator[str]:
    """Yield what there is to choose from: `task: transcribe, translate`, `as GLB, FBX`."""
    if parameter.name in FORMAT_FIELDS:
        formats = [one.upper() for one in parameter.choices if one in FORMATS]
        yield from [f"as {', '.join(formats)}"] if len(formats) > 1 else ()
        return
    words = ", ".join(str(one).replace("_", " ") for one in parameter.choices)
    if len(words) <= LONGEST_CHOICES and len(parameter.choices) == parameter.choice_count:
        yield f"{parameter.name.replace('_', ' ')}: {words}"


def _resolution(parameter: Parameter) -> Iterator[str]:
    found = [SIZE.fullmatch(str(one)) for one in parameter.choices]
    sizes = {(1000 if one[2] in "kK" else 1) * float(one[1]): one[0] for one in found if one}
    if sizes:
        most = sizes[max(sizes)].replace("k", "K").replace("P", "p")
        yield most if len(sizes) == 1 else f"up to {most}"


def _duration(parameter: Parameter) -> Iterator[str]:
    span = _span(parameter)
    if span and span[1] <= LONGEST_SECONDS:
        yield _from_to(span, "s")


def _from_to(span: tuple[float, float], unit: str) -> str:
    least, most = span
    return f"{most:g} {unit}" if least == most else f"{least:g} to {most:g} {unit}"


def _span(parameter: Parameter) -> tuple[float, float] | None:
    """Return the least and the most that a field takes, None where it has no bounds."""
    if bounds := RANGE.fullmatch(parameter.limits):
        return float(bounds[1]), float(bounds[2])
    values = [value for one in parameter.choices if (value := _seconds(one))]
    return (min(values), max(values)) if values else None


def _seconds(value: Json) -> float:
    found = SECONDS.fullmatch(str(value))
    return float(found[1]) if found else 0


def _most(parameter: Parameter) -> float:
    bounds = RANGE.fullmatch(parameter.limits)
    values = [_seconds(one) for one in parameter.choices] or [0.0]
    most = float(bounds[2]) if bounds else max(values)
    return most if most > 1 else 0
