"""Which fields a good call has: those that the document requires, and those that it should.

Documents require few of them: an edit without its picture is valid, and a prompt has a default.
"""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.schema.document import SchemaDocument
from fal_runtime.schema.document import SchemaObject as Schema
from fal_runtime.text import closest
from falsmith.documents import Json
from falsmith.model import MISSING, Parameter
from falsmith.roles import text_for
from falsmith.screening import is_link

__all__ = ["alternatives", "mentioned_fields", "needed_fields", "outpainted_side"]

# The texts that a call is about, where the document requires none of them.
TEXTS = ("prompt", "text", "instruction", "script", "text_prompt", "query", "input")
# A text that may be left out, because the model then has a better one of its own.
OPTIONAL = re.compile(
    r"\boptional|\bif (?:omitted|empty|left|no prompt|not (?:provided|given|set|specified))"
    r"|\bleave \w* ?empty|\bcan be empty|\bempty (?:string|which)|\bdeprecated\b"
    r"|\bapplies to \w+ \w+ only|\bwhen \w+ is not provided|\badditional (?:description|prompt)",
    re.IGNORECASE,
)
UNPROMPTED = re.compile(r"upscal|restor|enhanc|denois|speech-to-text|transcri|reframe|colori|layer")
# A default that names one thing (wheel, sad) is right for one input; a longer one for all.
LONGEST_NAME = 40

# The kinds of media that a model takes, by its category and ID, the likeliest first.
MEDIA = tuple(
    (re.compile(pattern), kinds)
    for pattern, kinds in (
        (r"^training", ("archive", "image", "video")),
        (r"^3d-to|remesh|retopolog|retexture", ("3d", "image")),
        (r"^video-to|^video |video-to-video", ("video", "image", "audio")),
        (r"^speech-to|^audio-to|audio-isolation|transcri", ("audio", "video", "image")),
        (
            r"^image-to|^vision|image-to-|img2img|[/-]i2[iv]\b|/edit\b|reference-to|remix|redux"
            r"|inpaint|outpaint|upscal|/effects\b|controlnet-union|ip-adapter|photomaker|sparsectrl"
            r"|first-last|flf2v",
            ("image", "video", "archive"),
        ),
    )
)
# What stands beside the picture that is worked on.
BESIDE = re.compile(
    r"mask|(?:^|_)(?:end|last|tail)_|style|background|texture|control_(?!video)|voice|font"
)
REFERENCES = re.compile(r"ref|images|image_urls|subject|character")
FRAMES = re.compile(
    r"first-last|first-and-last|flf2v|start-end|keyframe|transition|morph|sparsectrl"
)
FRAME = re.compile(r"(?:^|_)(?:first|start|end|last|tail)_|keyframe_[01]_image")
SPOKEN = re.compile(r"lip-?sync")
WEIGHTS = re.compile(r"lora|checkpoint|controlnet|ip_adapter|embedding|model_(?:name|path|file)")
MASKED = re.compile(r"(?<!audio-)inpaint(?!-audio)|/fill\b|genfill|eraser?/mask")
OUTPAINTED = re.compile(r"outpaint|expand|uncrop")
SIDE = re.compile(r"(?:expand|extend|pad|outpaint)_\w*(?:left|right|top|bottom|up|down)\b")
SIDES: tuple[Json, ...] = (256, 128, 64, True)
TRIGGER = re.compile(r"(?:trigger|instance)_(?:word|phrase|prompt)")
FAILS = re.compile(r"\bif (?:no\w*|none)\b.{0,80}\b(?:fail|error)", re.IGNORECASE)
# How a text speaks of the other inputs: @Image1, <<<image_1>>>, [Video2].
MENTION = re.compile(
    r"[@<\[](image|figure|element|video|audio|character|reference)[ _]?\d"
    r"|\b(image|figure|video|audio|character) ?\d\b",
    re.IGNORECASE,
)

EDIT = re.compile(r"(?:make|change|replace|remove|turn|convert|transform) ", re.IGNORECASE)
# Where a thing stands that is to be worked on.
PLACE = re.compile(r"prompts|point|box|region|coordinate|area|products")

# A sentence that binds fields to each other.
BINDING = re.compile(r"at least one|either|one of|required|must|neither", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?;])\s*(?=[A-Z])|\n+")
# Whether it holds only where something else is given.
IF_GIVEN = re.compile(
    r"\s*(?:if|when)\b(?! (?:not|no|neither|omitted|unset|empty)\b)", re.IGNORECASE
)
GROUP = re.compile(
    r"at least one\b|\beither\b.* or\b|\bone of\b.*\b(?:must|required|needed|has to|have to)\b"
    r"|\bmust\b.*\b(?:one of|or)\b|\bor\b.*\b(?:is|are|must be) (?:required|provided|given|set)\b"
    r"|\brequired unless\b|\bif (?:not|no|neither|omitted|unset|empty)\b.*\b(?:required|must)\b"
    r"|\brequired (?:if|when)\b.*\b(?:not|no|neither|without|absent|missing|empty)\b",
    re.IGNORECASE,
)
CONDITION = re.compile(r"\brequired (?:if|when|for|with)\b(.*)", re.IGNORECASE)
STATE = re.compile(r"(\w+)[`'\"]* ?(?:is|=|==) ?(?:set to )?[`'\"]*(\w+)", re.IGNORECASE)

WORD = re.compile(r"\w+")
# Defaults that give nothing.
BLANK: tuple[Json, ...] = (MISSING, None, "", [])


def needed_fields(
    fields: Mapping[str, Schema],
    required: Set[str],
    parameters: Sequence[Parameter],
    subject: str,
) -> set[str]:
    """Return the fields without which a call fails or says nothing.

    Args:
        fields: The input's fields and their schemas.
        required: Those that the document requires.
        parameters: The fields that are shown.
        subject: The model's category and ID.

    """
    optional = [one for one in parameters if not one.required and not _is_deprecated(one)]
    shown = {one.name for one in optional if fields[one.name].get("examples")}
    needed = {*required, *_media(parameters, optional, shown, subject)}
    needed |= _text(needed, optional, shown, subject)
    needed |= _bound(needed, optional, shown, {one.name: one for one in parameters})
    if subject.startswith("training"):
        needed |= {
            one.name
            for one in optional
            if TRIGGER.fullmatch(one.name) or FAILS.search(one.description)
        }
    if needed.isdisjoint(TEXTS) and not any(one.name in TEXTS for one in parameters):
        # What is to be worked on is then told by places, such as points and boxes.
        needed |= set([one.name for one in optional if _is_place(one) and one.name in shown][:1])
    return needed or shown


def mentioned_fields(example: Mapping[str, Json], parameters: Sequence[Parameter]) -> set[str]:
    """Return the fields of which texts speak, such as `image_urls` where one says @Image1.

    An order to change something speaks of a picture.
    """
    texts = [value for value in example.values() if isinstance(value, str)]
    # A look for a number is a tenth of the work.
    numbered = [text for text in texts if "1" in text or "2" in text]
    mentions = {match[0].lower(): match for text in numbered for match in MENTION.finditer(text)}
    is_edit = any(map(EDIT.match, texts))
    found: set[str] = set()
    if not mentions and not is_edit:
        return found
    media = [one for one in parameters if _takes_media(one) and not BESIDE.search(one.name)]
    for words, match in mentions.items():
        kind = (match[1] or match[2]).lower().replace("figure", "image")
        named = [one.name for one in media if kind in one.name or words in one.description.lower()]
        named.sort(key=lambda name: not name.endswith("s"))
        found |= set(named[:1])
    if is_edit and example.keys().isdisjoint({one.name for one in media}):
        found |= set([one.name for one in media][:1])
    return found


def outpainted_side(
    document: SchemaDocument, parameters: Sequence[Parameter], subject: str
) -> dict[str, Json]:
    """Return a side to which an outpaint grows the picture, where all of them default to none."""
    if not OUTPAINTED.search(subject):
        return {}
    sides = [one for one in parameters if SIDE.search(one.name)]
    if not sides or any(one.required or one.default for one in sides if one.has_default):
        return {}
    name = next((one.name for one in sides if "right" in one.name), sides[0].name)
    field = document.fields()[name]
    return {name: next((side for side in SIDES if document.accepts(side, field)), None)}


def alternatives(parameters: Sequence[Parameter]) -> tuple[tuple[str, ...], ...]:
    """Return the fields of which one must be given, though none is required, as they tell."""
    optional = {one.name: one for one in parameters if not (one.required or _is_deprecated(one))}
    found: dict[tuple[str, ...], None] = {}
    for one in optional.values():
        for sentence in _binding(one.description):
            if GROUP.search(sentence) and not IF_GIVEN.match(sentence):
                named = {one.name, *WORD.findall(sentence)} & optional.keys()
                if len(named) > 1:
                    found[tuple(name for name in optional if name in named)] = None
    return tuple(found)


def _is_deprecated(parameter: Parameter) -> bool:
    about = parameter.description
    return parameter.deprecated or "eprecated]" in about or "[DEPRECATED" in about


def _media(
    parameters: Sequence[Parameter],
    optional: Sequence[Parameter],
    shown: Set[str],
    subject: str,
) -> set[str]:
    """Return the media that a model of this kind needs, though its document requires none.

    `shown` are the fields of which the document has an example.
    """
    media = [one for one in optional if _takes_media(one)]
    if not media:
        return set()
    required = [one for one in parameters if one.required and _takes_media(one)]
    main = [one for one in media if not BESIDE.search(one.name)]
    # What a call runs on where nothing is given is the demonstration's, not the user's.
    found = {one.name for one in main if _is_demonstration(one)}
    if not found and all(BESIDE.search(one.name) for one in required):
        kinds = next((kinds for pattern, kinds in MEDIA if pattern.search(subject)), ())
        usable = [one for one in main if _kind(one) in kinds]
        usable.sort(
            key=lambda one: (
                "reference" in subject and not REFERENCES.search(one.name),
                one.name not in shown,
                kinds.index(_kind(one)),
            )
        )
        found |= {one.name for one in usable[:1]}
    if SPOKEN.search(subject) and not any(_kind(one) == "audio" for one in required):
        found |= set([one.name for one in media if _kind(one) == "audio"][:1])
    if FRAMES.search(subject):
        found |= {one.name for one in media if FRAME.search(one.name)}
    if MASKED.search(subject) and not any("mask" in one.name for one in required):
        given = [*required, *(one for one in media if one.name in found)]
        moving = any(_kind(one) == "video" for one in given)
        masks = [one for one in media if "mask" in one.name]
        masks.sort(key=lambda one: (_kind(one) == "video") != moving)
        found |= {one.name for one in masks[:1]}
    return found


def _is_place(parameter: Parameter) -> bool:
    """Return whether a field is a list of parts that is empty where nothing is given."""
    is_empty = parameter.default in ([], None) or not parameter.has_default
    return bool(PLACE.search(parameter.name)) and parameter.type.startswith("list") and is_empty


def _takes_media(parameter: Parameter) -> bool:
    return bool(_kind(parameter)) and not WEIGHTS.search(parameter.name)


def _kind(parameter: Parameter) -> str:
    """Return the kind of file that a field takes, by itself or in its parts; '' of none."""
    if parameter.file_kind or not parameter.members:
        return parameter.file_kind or ""
    return next((one.file_kind for one in parameter.members if one.file_kind), "")


def _is_demonstration(parameter: Parameter) -> bool:
    default = parameter.default
    linked = isinstance(default, str) and is_link(default)
    return linked and not OPTIONAL.search(parameter.description)


def _text(
    needed: Set[str], optional: Sequence[Parameter], shown: Set[str], subject: str
) -> set[str]:
    """Return the text that says what is wanted, where none is required."""
    texts = {one.name: one for one in optional if one.name in TEXTS and not one.file_kind}
    if not texts or (needed and (UNPROMPTED.search(subject) or not needed.isdisjoint(TEXTS))):
        return set()
    wanted = [
        name
        for name in TEXTS
        if name in texts and (not needed or _is_wanted(texts[name], name in shown, subject))
    ]
    return set(wanted[:1])


def _is_wanted(text: Parameter, is_shown: bool, subject: str) -> bool:
    """Return whether an optional text makes a better call than none."""
    if OPTIONAL.search(text.description):
        return False
    default = text.default if isinstance(text.default, str) else ""
    if is_shown or default.strip(" ."):
        return is_shown or len(default) <= LONGEST_NAME
    return bool(text_for(text.name, text.description, subject))


def _bound(
    needed: Set[str],
    optional: Sequence[Parameter],
    shown: Set[str],
    parameters: Mapping[str, Parameter],
) -> set[str]:
    """Return what must be given though no single field is required, as descriptions tell."""
    found: set[str] = set()
    for one in optional:
        for sentence in _binding(one.description):
            if GROUP.search(sentence) and not IF_GIVEN.match(sentence):
                named = {one.name, *WORD.findall(sentence)} & parameters.keys()
                if len(named) > 1 and named.isdisjoint(needed | found):
                    # One with an example, else a file, else the first.
                    found.add(
                        min(
                            (parameters[name] for name in parameters if name in named),
                            key=lambda field: (field.name not in shown, not field.file_kind),
                        ).name
                    )
            elif one.default in BLANK and _holds(sentence, parameters):
                found.add(one.name)
    return found


@lru_cache(maxsize=4096)
def _binding(about: str) -> tuple[str, ...]:
    """Return the sentences of a description that may bind its field to others."""
    sentences = SENTENCE_END.split(about) if BINDING.search(about) else ()
    return tuple(filter(BINDING.search, sentences))


def _holds(sentence: str, parameters: Mapping[str, Parameter]) -> bool:
    """Return whether a field is required as long as others have the values of their defaults."""
    condition = CONDITION.search(sentence)
    states = STATE.findall(condition[1]) if condition else []
    # Some documents have renamed the field, but not in their prose.
    named = [(parameters.get(closest(name, parameters) or ""), value) for name, value in states]
    return bool(named) and all(
        field is not None and str(field.default).lower() == value.lower() for field, value in named
    )
