"""The words by which a model is chosen: what goes in, what comes out, what sets it apart."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from fal_runtime.file_kinds import word_kind
from falsmith.documents import Json
from falsmith.model import Output, Parameter
from falsmith.summary import content_words, facts
from falsmith.tasks import FALLBACKS, Task, find_task

__all__ = ["Description", "Subject", "describe"]

LONGEST_LINE = 250
LONGEST_FLOW = 60
LONGEST_PHRASE = 4
SHORT_LENGTHS = range(25, 65)
OPTIONAL_SHOWN = 3
MINOR_SHOWN = 2
LEAST_SUMMARY = 30
# A line that says so much needs no more: an agent reads it with fifty others.
LONG_ENOUGH = 200
# Where a sentence may end before its end.
CLAUSE = re.compile(r"[,;:]? (?:with|that|which|while|and|for|in|by)\b|[,;:] ")
BRACKETS = re.compile(r" [(].*?[)]")
WORDS = re.compile(r"[a-z0-9]+")
LETTERS = re.compile(r"[a-z]+")
ROLE_WORDS = re.compile(r"[a-z]+|3d")
# What the name of a file field says beside what the file is.
_FILE_WORDS = (
    "url urls uri path link file files data input inputs source archive driven lora base uov"
)
FILE_WORDS = frozenset(_FILE_WORDS.split())
SPELLED = {"ref": "reference", "tail": "end", "img": "image", "pdf": "PDF", "srt": "SRT"}
SPELLED |= {
    "id": "identity",
    "images": "image",
    "videos": "video",
    "audios": "audio",
    "last": "end",
}
NOUNS = {
    "image": "picture",
    "video": "video",
    "audio": "recording",
    "3d": "3D model",
    "text": "text",
}
MADE = {"image": "Make images", "video": "Make videos", "audio": "Make audio"}
KINDS = {"3d": "3D model", "archive": "zip"}
OWN_NOUNS = frozenset(
    {"mask", "masks", "frame", "PDF", "SRT", "embedding", "element", "elements", "tracks"}
)
# Objects whose files help a run that is given its inputs elsewhere.
HELPERS = frozenset({"dynamic_masks", "fill_image", "validation"})
MEDIA = ("image", "video", "audio", "3d", "archive")
SHOWN_OPTIONAL = frozenset({"image", "video", "audio", "3d"})
# What an answer holds beside what was asked for.
BESIDE = re.compile(
    r"thumbnail|preview|visuali[sz]ation|viz|debug|input|config|sprite|mask|zip|base_model|rendered|raw|pbr"
)
TEXT_FIELD = re.compile(
    r"(?:\w+_)?(?:prompts?|texts?|script|lyrics|messages|inputs?|instructions?)"
)
NO_TEXT_FIELD = re.compile(
    r"negative|voice|style|system|ref_|reference|audio|texture|seed|edit_prompt|id\b"
)
INNER_TEXTS = frozenset({"prompt", "text"})
TIMES = frozenset({"timestamps", "words", "chunks", "segments"})
_WRITTEN = "text output outputs results result caption answer generated_text messages choices scene"
WRITTEN = frozenset(_WRITTEN.split())


@dataclass(frozen=True, slots=True)
class Subject:
    """A model as it is looked at here: its names, its fields, its answer, the platform's words."""

    model_id: str
    title: str
    category: str
    parameters: Sequence[Parameter]
    outputs: Sequence[Output]
    summaries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Description:
    """One model in words.

    `line` is for who chooses among many, `short` for a list of names; `purpose` reads `Animate a
    picture into a video (image + text to video)`, and `task` is how it goes on after "to".
    """

    line: str
    short: str
    purpose: str
    task: str


def describe(subject: Subject) -> Description:
    """Return the words for a model, from its schema, its names and the platform's summary."""
    files = {one.name: kind for one in subject.parameters if (kind := _kind(one))}
    texts = [one for one in subject.parameters if one.name not in files and _is_text(one)]
    takes, makes = _takes(subject, files, texts), _makes(subject)
    task = find_task(_phrases(subject), set(takes), set(makes)) or _fallback(takes, makes)
    says = task.says.format(
        subject=NOUNS.get(takes[0], "file"),
        made=NOUNS.get(makes[0], makes[0]),
        control="video" if "video" in takes else "picture",
        variant=" ".join(_words(subject.model_id.rpartition("/")[2])).removesuffix(" style"),
    )
    result = task.gives.format(made=_noun(makes[0])) or " + ".join(map(_noun, makes[:3]))
    flow = _flow(subject.parameters, files, texts, takes)
    is_told = not flow or (flow == "text" and says.endswith(" from text"))
    purpose = says if is_told else f"{says} ({flow} to {result})"
    line = f"{purpose} with {subject.title} ({subject.model_id}) on fal.ai."
    if task.uses and len(line) + len(task.uses) + 6 <= LONGEST_LINE:
        line += f" Use {task.uses}."
    apart = (*_variant(subject.model_id), *_apart(subject.parameters))
    line += _sentence(apart, LONGEST_LINE - len(line))
    if len(line) < LONG_ENOUGH:
        said = content_words(line) | set(_words(subject.model_id))
        accepts = {*takes, *files.values(), *(["text"] if texts else [])}
        made = {one.partition(" ")[0] for one in makes}
        for fact in facts(subject.summaries, said, set(takes), accepts, made):
            if cut := _clause(fact, LONGEST_LINE - len(line) - 2):
                line += f" {cut}{'' if cut.endswith('...') else '.'}"
                break
    if len(line) < LONG_ENOUGH:
        minor = islice(_minor(subject.parameters), MINOR_SHOWN)
        line += _sentence(minor, LONGEST_LINE - len(line))
    short = _short(says, subject.title, f"{flow or 'input'} to {result}")
    return Description(line, short, purpose, says[0].lower() + says[1:])


def _sentence(parts: Iterable[str], room: int) -> str:
    """Return the parts that fit as a sentence, with a blank before it."""
    text = ""
    for part in dict.fromkeys(parts):
        longer = f"{text}, {part}" if text else f" {part[:1].upper()}{part[1:]}"
        if len(longer) + 1 > room:
            break
        text = longer
    return f"{text}." if text else ""


def _clause(fact: str, room: int) -> str:
    """Return the sentence, or the clauses of it that fit; empty where too little would be left."""
    if len(fact) <= room:
        return fact
    ends = [found.start() for found in CLAUSE.finditer(fact)]
    end = max((end for end in ends if end + 3 <= room), default=0)
    return f"{fact[:end]}..." if end >= LEAST_SUMMARY else ""


def _short(says: str, title: str, flow: str) -> str:
    """Return 25 to 64 characters that name the model, with as much of what it does as fits."""
    first = f"{says} with {title}"
    if len(first) in SHORT_LENGTHS:
        return first
    texts = (
        f"{BRACKETS.sub('', says)} with {title}",
        f"{title}: {flow}",
        f"{title}: {BRACKETS.sub('', flow)}",
        f"{title} on fal.ai",
        f"Run {title} on fal.ai",
        f"Run the model {title} on fal.ai",
        title,
    )
    return next(text for text in texts if len(text) in SHORT_LENGTHS)


def _words(text: str) -> list[str]:
    return WORDS.findall(text.lower())


def _phrases(subject: Subject) -> set[str]:
    """Return every row of words in the model's names, and its fields as rows of tasks name them."""
    found = {f"?{one.name}" for one in subject.parameters}
    found |= {f"@{one.name}" for one in subject.parameters if one.required}
    for text in (subject.model_id.partition("/")[2], subject.title):
        found.update(LETTERS.findall(text.lower()))
        words = _words(text)
        for start in range(len(words)):
            phrase = ""
            for word in words[start : start + LONGEST_PHRASE]:
                phrase = f"{phrase} {word}" if phrase else word
                found.add(phrase)
    return found


def _takes(
    subject: Subject, files: Mapping[str, str], texts: Sequence[Parameter]
) -> tuple[str, ...]:
    """Return the kinds that go in, `text` where no media has to; the category only hints."""
    required = {one.name for one in subject.parameters if _needs(one)}
    if needed := [kind for name, kind in files.items() if name in required]:
        return tuple(dict.fromkeys(needed))
    optional = tuple(dict.fromkeys(kind for kind in files.values() if kind in SHOWN_OPTIONAL))
    hint = subject.category.partition("-")[0]
    if hint in optional or (hint in MEDIA and not texts):
        return (hint,)
    told = hint in ("text", "llm") if not subject.parameters else hint == "text" and texts
    if told or any(one.required for one in texts):
        return ("text",)
    return optional or ("text" if texts else "settings",)


def _kind(parameter: Parameter) -> str:
    """Return the kind of file a field takes, itself or in its objects; empty for none."""
    if parameter.file_kind or parameter.name in FEATURES or parameter.name in HELPERS:
        return parameter.file_kind or ""
    return next((one.file_kind for one in parameter.members if one.file_kind in MEDIA), "")


def _needs(parameter: Parameter) -> bool:
    """Return whether a file must be given: in objects, where they cannot be without it."""
    files = [one.required for one in parameter.members if one.file_kind in MEDIA]
    return parameter.required and (bool(parameter.file_kind) or not files or any(files))


def _makes(subject: Subject) -> tuple[str, ...]:
    """Return the kinds that come out, the one that the category names before all."""
    hint = subject.category.rpartition("-")[2]
    kinds = [one.kind for one in subject.outputs if one.is_file]
    realtime = subject.model_id.endswith("/realtime")
    if hint in kinds or (hint in MEDIA and (realtime or set(kinds) == {"file"})):
        return (hint,)
    main = [one.kind for one in subject.outputs if one.is_file and not BESIDE.search(one.path)]
    if main or kinds:
        return tuple(dict.fromkeys(main or kinds))
    return (_answer({one.path for one in subject.outputs}, hint),)


def _answer(names: Set[str], hint: str) -> str:
    """Return what an answer without files is."""
    if hint in map(word_kind, names) or (not names and hint in MEDIA):
        return hint
    if names & WRITTEN or hint in ("text", "llm"):
        return "text with timestamps" if names & TIMES else "text"
    return "JSON" if names or hint == "json" else "result"


def _fallback(takes: Sequence[str], makes: Sequence[str]) -> Task:
    kind = "text" if makes[0].startswith("text") else makes[0]
    says, uses = FALLBACKS.get((takes[0], kind)) or (MADE.get(kind, "Run a fal.ai model"), "")
    return Task("", says, uses)


def _is_text(parameter: Parameter) -> bool:
    name = parameter.name
    return any(one.name in INNER_TEXTS for one in parameter.members) or bool(
        not parameter.choice_count
        and TEXT_FIELD.fullmatch(name)
        and not NO_TEXT_FIELD.search(name)
        and parameter.type not in ("boolean", "number", "integer")
    )


def _flow(
    parameters: Sequence[Parameter],
    files: Mapping[str, str],
    texts: Sequence[Parameter],
    takes: Sequence[str],
) -> str:
    """Return what goes in: `image + text (+ end image)`; empty for a model without fields."""
    if not parameters:
        return ""
    roles = [(_needs(one), _role(one, files[one.name])) for one in parameters if one.name in files]
    needed = list(dict.fromkeys(role for required, role in roles if required))
    shown = [
        role for one, (_, role) in zip(files.values(), roles, strict=True) if one in SHOWN_OPTIONAL
    ]
    spare = [role for role in dict.fromkeys(shown) if role not in needed]
    if not needed and takes[0] != "text":
        nouns = [_noun(kind) for kind in takes]
        needed = [role for role in spare if any(noun in role for noun in nouns)] or nouns
        needed = [" or ".join(needed[:2])] if len(takes) > 1 or len(needed) > 2 else needed[:1]
        spare = [role for role in spare if role not in needed[0]]
    if any(one.required for one in texts) or not needed:
        needed.append("text" if texts else "settings")
    elif texts:
        spare.append("text")
    flow = " + ".join(needed)
    for count in range(min(len(spare), OPTIONAL_SHOWN), 0, -1):
        longer = f"{flow} (+ {', '.join(spare[:count])})"
        if len(longer) <= LONGEST_FLOW:
            return longer
    return flow


def _noun(kind: str) -> str:
    return KINDS.get(kind, kind)


def _role(parameter: Parameter, kind: str) -> str:
    """Return what a file is for, from its field's name: `end image`, `mask`, `zip of images`."""
    words = [SPELLED.get(word, word) for word in ROLE_WORDS.findall(parameter.name.lower())]
    words = [word for word in words if word not in FILE_WORDS]
    if kind == "archive":
        return f"zip of {'images' if 'image' in words else 'training data'}"
    if kind == "3d":
        words = [word for word in words if word not in ("model", "mesh")]
    if _noun(kind) not in words and OWN_NOUNS.isdisjoint(words):
        words = [*(word.removesuffix("s") for word in words), _noun(kind)]
    many = parameter.type.startswith("list") or "list of" in parameter.type
    text = " ".join(dict.fromkeys(words))
    return text + "s" if many and not text.endswith(("s", "audio")) else text


def _variant(model_id: str) -> Iterator[str]:
    """Yield what the words of an ID say of one variant among siblings."""
    app, _, variant = model_id.lower().partition("/")[2].partition("/")
    for word in ID_WORDS.findall(f"{app.replace('master', '')} {variant}"):
        if word in VARIANTS:
            yield VARIANTS[word]
        elif word[0].isdigit() and (size := VARIANT_SIZE.fullmatch(word)):
            yield f"{word.upper()} parameters" if size["weights"] else word.replace("k", "K")


ID_WORDS = re.compile(r"[a-z0-9.]+")
VARIANT_SIZE = re.compile(r"(?P<weights>\d+(?:\.\d+)?b)|\d{3,4}p|[248]k")
VARIANTS = {
    "base": "base model",
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
}


def _apart(parameters: Sequence[Parameter]) -> Iterator[str]:
    """Yield what sets a model apart from its siblings, by its fields."""
    for one in parameters:
        name = one.name
        if one.deprecated:
            continue
        if name == "resolution":
            yield from _resolution(one)
        elif name in ("duration", "video_length"):
            yield from _duration(one)
        elif name in SOUND:
            yield "with sound" if one.default is True else "sound optional"
        elif name in FEATURES:
            yield FEATURES[name]
        elif name == "background" and "transparent" in one.choices:
            yield "transparent background"
        elif name in COUNTED and one.choice_count > 2:
            yield f"{one.choice_count} {COUNTED[name]}"
        elif name in FACTORS and (most := _most(one)):
            yield f"up to {most:g}x"
        elif one.file_kind and (items := ITEMS.search(one.limits)):
            yield f"up to {items[1]} {_role(one, one.file_kind)}"


def _minor(parameters: Sequence[Parameter]) -> Iterator[str]:
    """Yield what still differs where siblings are alike."""
    for one in parameters:
        name = one.name
        if one.deprecated:
            continue
        if name == "num_inference_steps" and isinstance(one.default, int):
            yield f"{one.default} steps"
        elif name == "num_frames" and isinstance(one.default, int) and one.default > 1:
            yield f"{one.default} frames"
        elif name == "aspect_ratio" and one.choice_count > 2:
            yield f"{one.choice_count} aspect ratios"
        elif name == "num_images" and (most := _most(one)):
            yield f"up to {most:g} results a run"
        elif name in MINOR:
            yield MINOR[name]


FEATURES = {
    "camera_control": "camera control",
    "camera_fixed": "fixed camera possible",
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
    "lora_path": "takes LoRAs",
    "lora_url": "takes LoRAs",
    "loras": "takes LoRAs",
    "multi_prompt": "multi-shot",
    "multi_prompts": "multi-shot",
    "pbr": "PBR materials",
    "rigging": "rigging",
    "style_id": "custom styles",
}
MINOR = {
    "colors": "color control",
    "negative_prompt": "negative prompt",
    "speed": "speed control",
    "style_preset": "style presets",
    "target_fps": "frame rate",
    "target_polycount": "polygon count",
    "texture_size": "texture size",
}
SOUND = frozenset({"generate_audio", "generate_audio_switch", "enable_audio"})
COUNTED = {
    "effect": "effects",
    "effect_scene": "effects",
    "effect_type": "effects",
    "language": "languages",
    "language_code": "languages",
    "model": "models to choose from",
    "model_name": "models to choose from",
    "pikaffect": "effects",
    "preset_voice": "voices",
    "style": "styles",
    "target_language": "languages",
    "template": "templates",
    "voice": "voices",
    "voice_id": "voices",
}
FACTORS = frozenset(
    {"upscale_factor", "upscaling_factor", "scale", "scale_factor", "desired_increase"}
)
ITEMS = re.compile(r"(?:\d+\.\.|up to )(\d+) items")
RANGE = re.compile(r"(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)")
SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s?s?")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s?([pPkK])")


def _resolution(parameter: Parameter) -> Iterator[str]:
    found = [SIZE.fullmatch(str(one)) for one in parameter.choices]
    sizes = {(1000 if one[2] in "kK" else 1) * float(one[1]): one[0] for one in found if one}
    if sizes:
        most = sizes[max(sizes)].replace("k", "K").replace("P", "p")
        yield most if len(sizes) == 1 else f"up to {most}"


def _duration(parameter: Parameter) -> Iterator[str]:
    values = [_seconds(one) for one in parameter.choices]
    seconds = sorted(one for one in values if one)
    bounds = RANGE.fullmatch(parameter.limits)
    if bounds:
        seconds = [float(bounds[1]), float(bounds[2])]
    if seconds and seconds[-1] <= 600:
        least, most = seconds[0], seconds[-1]
        yield f"{most:g} s" if least == most else f"{least:g} to {most:g} s"


def _seconds(value: Json) -> float:
    found = SECONDS.fullmatch(str(value))
    return float(found[1]) if found else 0


def _most(parameter: Parameter) -> float:
    bounds = RANGE.fullmatch(parameter.limits)
    values = [_seconds(one) for one in parameter.choices] or [0.0]
    most = float(bounds[2]) if bounds else max(values)
    return most if most > 1 else 0
