"""Which fields a good call has: those that the document requires, and those that it should.

Documents require few of them: an edit without its picture is valid, and a prompt has a default.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.schema.document import Schema, SchemaDocument
from fal_runtime.text import closest
from falsmith.documents import Json
from falsmith.example.roles import text_for
from falsmith.model import MISSING, Parameter
from falsmith.screening import is_link
from falsmith.text import texts_in

__all__ = [
    "alternatives",
    "effective_values",
    "enabling_values",
    "mentioned_fields",
    "most_pictures",
    "needed_fields",
    "unmentioned_fields",
]

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
SIDE = re.compile(
    r"(?:expand|extend|pad|outpaint)_\w*(?:left|right|top|bottom|up|down|before|after)\b"
)
LAST_SIDE = re.compile(r"right|after")
SIDES: tuple[Json, ...] = (256, 128, 64, True)
REFRAMED = re.compile(r"reframe|smart-resize")
RATIO = "9:16"
CUTS_OUT = re.compile(r"birefnet|\bben\b|rembg|background-removal")
CONTAINER = re.compile(r"output_(?:type|format|container)|codec")
ALPHA = re.compile(r"webm|vp9", re.IGNORECASE)
# A passage of sound or film that is worked on.
PASSAGE = re.compile(r"inpaint|trim|retake|cut-|extract")
ACTS = re.compile("|".join(one.pattern for one in (OUTPAINTED, REFRAMED, CUTS_OUT, PASSAGE)))
BOUND = re.compile(r"(?:mask_|section_)?(?:start|end)(?:_(?:time|seconds|second|s))?")
CONVERTED = re.compile(r"speech-to-speech|voice-chang|voice-conver|face-swap|style-transfer")
TARGET = re.compile(r"(?:^|_)(?:target|reference|ref)_")
SEVERAL = re.compile(r"/multi\b|avatar-multi|multitalk")
SECOND = re.compile(r"second|(?:person|speaker|_)2(?:_|$)")
TRIGGER = re.compile(r"(?:trigger|instance)_(?:word|phrase|prompt)")
FAILS = re.compile(r"\bif (?:no\w*|none)\b.{0,80}\b(?:fail|error)", re.IGNORECASE)
# How a text speaks of the other inputs: @Image1, <<<image_1>>>, [Video2].
MENTION = re.compile(
    r"[@<\[](image|figure|element|video|audio|character|reference)[ _]?\d"
    r"|\b(image|figure|video|audio|character) ?\d\b",
    re.IGNORECASE,
)

# Who speaks a line of a dialogue.
SPEAKER = re.compile(r"(?:^|\n|[.!?] )([A-Z][\w ]{0,20}):")
PICTURE = re.compile(r"@image[ _]?(\d{1,2})\b", re.IGNORECASE)
NAMED_BESIDE = re.compile(r"element|video|audio|character|reference")
EDIT = re.compile(r"(?:make|change|replace|remove|turn|convert|transform) ", re.IGNORECASE)
# Where a thing stands that is to be worked on.
PLACE = re.compile(r"prompts|point|box|region|coordinate|area|products")

# One of these stands in every sentence that binds fields to each other.
BINDING = ("at least one", "either", "one of", "required", "must", "neither")
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
# A medium of one mode: in the other a prompt takes its place.
MODE = re.compile(
    r"\brequired (?:for|in) (?:image|video|audio)(?!-to-video)[\w -]* mode\b", re.IGNORECASE
)
CONDITION = re.compile(r"\brequired (?:if|when|for|with)\b(.*)", re.IGNORECASE)
USED = re.compile(r"\b(?:used|applied|applies|effective) (?:only )?(?:when|if|for|with)\b(.*)")
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


def mentioned_fields(
    example: Mapping[str, Json], parameters: Sequence[Parameter], fields: Mapping[str, Schema]
) -> set[str]:
    """Return the fields of which texts speak, such as `image_urls` where one says @Image1.

    An order to change something speaks of a picture, and `Ann: Hello` of a speaker of that name.
    """
    found = _spoken_by(example, parameters, fields)
    mentions = _mentions(example)
    is_edit = any(EDIT.match(text) for text in example.values() if isinstance(text, str))
    if not mentions and not is_edit:
        return found
    media = [one for one in parameters if _takes_media(one) and not BESIDE.search(one.name)]
    for words, kind in mentions.items():
        named = [one.name for one in media if kind in one.name or words in one.description.lower()]
        named.sort(key=lambda name: not name.endswith("s"))
        found |= set(named[:1])
    if is_edit and example.keys().isdisjoint({one.name for one in media}):
        found |= set([one.name for one in media][:1])
    return found


def unmentioned_fields(example: Mapping[str, Json], shown: Mapping[str, Json]) -> set[str]:
    """Return the media that the whole texts name and those that are shown do not."""
    cut = [name for name, value in shown.items() if value is not example[name]]
    beside = [name for name in shown if NAMED_BESIDE.search(name)]
    if not (cut and beside):
        return set()
    whole, mentioned = set(_mentions(example).values()), set(_mentions(shown).values())
    gone = {word for word in whole - mentioned if word != "image"} if mentioned else set()
    return {name for name in beside if any(word in name for word in gone)}


def most_pictures(example: Mapping[str, Json]) -> int:
    """Return the highest number of a picture that texts name: 2 of @Image1 and @Image2."""
    texts = [text for text in example.values() if isinstance(text, str) and "1" in text]
    return max((int(one) for text in texts for one in PICTURE.findall(text)), default=0)


def _mentions(example: Mapping[str, Json]) -> dict[str, str]:
    """Return the kinds of the media of which texts speak, by their words: @image1 is an image."""
    return {
        match[0].lower(): (match[1] or match[2]).lower().replace("figure", "image")
        for text in example.values()
        # A look for a number is a tenth of the work.
        if isinstance(text, str) and ("1" in text or "2" in text)
        for match in MENTION.finditer(text)
    }


def _spoken_by(
    example: Mapping[str, Json], parameters: Sequence[Parameter], fields: Mapping[str, Schema]
) -> set[str]:
    """Return the fields whose examples name who speaks in a text of the example."""
    told_by_name = [
        one
        for one in parameters
        if one.members
        and one.name not in example
        and any(member.name.endswith(("_id", "name", "alias", "speaker")) for member in one.members)
    ]
    if not told_by_name:
        return set()
    spoken = {
        name
        for text in example.values()
        if isinstance(text, str) and ":" in text
        for name in SPEAKER.findall(text)
    }
    return {
        one.name
        for one in told_by_name
        if spoken and spoken & set(texts_in(fields[one.name].get("examples", ())))
    }


def effective_values(
    document: SchemaDocument,
    fields: Mapping[str, Schema],
    parameters: Sequence[Parameter],
    subject: str,
) -> dict[str, Json]:
    """Return values without which a run of this kind changes nothing, as all defaults are none.

    A side to which an outpaint grows, another aspect ratio of a reframe, a file for a cut-out
    that can be transparent, the bounds of a passage.
    """
    if not ACTS.search(subject):
        return {}
    optional = [one for one in parameters if not one.required and not _is_deprecated(one)]
    given: dict[str, Json] = {}
    if OUTPAINTED.search(subject):
        given |= _side(document, fields, parameters)
    if REFRAMED.search(subject):
        given |= {
            one.name: RATIO
            for one in optional
            if one.name == "aspect_ratio"
            and one.default in (*BLANK, "auto", "original")
            and RATIO in one.choices
        }
    if CUTS_OUT.search(subject) and "+video" in subject:
        given |= _see_through(optional)
    if PASSAGE.search(subject):
        given |= _bounds(fields, optional)
    return given


def enabling_values(
    example: Mapping[str, Json], parameters: Sequence[Parameter]
) -> dict[str, Json]:
    """Return the choices of other fields without which one of the example is not used."""
    others = {one.name: one for one in parameters if one.name not in example}
    descriptions = [
        one.description for one in parameters if one.name in example and not one.required
    ]
    return {
        name: choice
        for about in descriptions
        for used in USED.findall(about)
        for name, value in STATE.findall(used)
        if name in others
        for choice in others[name].choices
        if str(choice).lower() == value.lower() != str(others[name].default).lower()
    }


def _side(
    document: SchemaDocument, fields: Mapping[str, Schema], parameters: Sequence[Parameter]
) -> dict[str, Json]:
    """Return a side to which an outpaint grows, where all of them default to none."""
    sides = [one for one in parameters if SIDE.search(one.name)]
    if not sides or any(one.required or one.default for one in sides if one.has_default):
        return {}
    examples = {one.name: _first_example(fields[one.name]) for one in sides}
    name = max(examples, key=lambda name: (bool(examples[name]), bool(LAST_SIDE.search(name))))
    tried = (examples[name], *((10,) if "seconds" in name else SIDES))
    return {
        name: next((side for side in tried if side and document.accepts(side, fields[name])), None)
    }


def _see_through(optional: Sequence[Parameter]) -> dict[str, Json]:
    """Return the choices by which a cut-out of a film is transparent."""
    given: dict[str, Json] = {}
    for one in optional:
        clear = [way for way in one.choices if str(way).lower() == "transparent"]
        films = [way for way in one.choices if ALPHA.search(str(way))]
        if one.name == "background_color" and clear:
            given[one.name] = clear[0]
        elif CONTAINER.search(one.name) and films and not ALPHA.search(str(one.default)):
            given[one.name] = films[0]
    return given


def _bounds(fields: Mapping[str, Schema], optional: Sequence[Parameter]) -> dict[str, Json]:
    """Return where a passage begins and ends, where the document has an example of it."""
    bounds = {one.name: one for one in optional if BOUND.fullmatch(one.name)}
    examples = {name: _first_example(fields[name]) for name in bounds}
    if all(value is None for value in examples.values()):
        return {}
    values = {
        name: bounds[name].default if examples[name] is None else examples[name]
        for name in examples
    }
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def _first_example(field: Schema) -> Json:
    """Return the first example of a field, None without one."""
    return next(iter(field.get("examples", ())), None)


def alternatives(parameters: Sequence[Parameter]) -> tuple[tuple[str, ...], ...]:
    """Return the fields of which one must be given, though none is required, as they tell."""
    optional = {one.name: one for one in parameters if not (one.required or _is_deprecated(one))}
    found = (named for _, _, named in _bindings(optional.values(), optional) if len(named) > 1)
    return tuple(dict.fromkeys(found))


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
    media = [one for one in optional if _takes_media(one) and "WebRTC" not in one.description]
    if not media:
        return set()
    required = [one for one in parameters if one.required and _takes_media(one)]
    main = [one for one in media if not BESIDE.search(one.name)]
    if subject.partition(" +")[0].endswith("/realtime"):
        main = main or media
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
    if CONVERTED.search(subject):
        found |= {one.name for one in media if TARGET.search(one.name) and one.name in shown}
    if SEVERAL.search(subject):
        found |= {one.name for one in media if SECOND.search(one.name) and one.name in shown}
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
    for one, sentence, named in _bindings(optional, parameters):
        if len(named) > 1 and (needed | found).isdisjoint(named):
            # One with an example, else a file, else the first.
            fields = (parameters[name] for name in named)
            best = min(fields, key=lambda field: (field.name not in shown, not field.file_kind))
            found.add(best.name)
        elif not named and one.default in BLANK and _holds(sentence, parameters):
            found.add(one.name)
    return found


def _bindings(
    optional: Iterable[Parameter], parameters: Mapping[str, Parameter]
) -> Iterator[tuple[Parameter, str, tuple[str, ...]]]:
    """Yield each sentence that may bind a field, and the fields of which it asks for one, if so."""
    for one in optional:
        for sentence in _binding(one.description):
            is_group = GROUP.search(sentence) and not IF_GIVEN.match(sentence)
            said = {one.name, *WORD.findall(sentence)} if is_group else set()
            said |= {one.name, "prompt"} if MODE.search(sentence) else set()
            yield one, sentence, tuple(name for name in parameters if name in said)


@lru_cache(maxsize=4096)
def _binding(about: str) -> tuple[str, ...]:
    """Return the sentences of a description that may bind its field to others."""
    sentences = SENTENCE_END.split(about) if _may_bind(about) else ()
    return tuple(filter(_may_bind, sentences))


def _may_bind(text: str) -> bool:
    lower = text.lower()
    return any(words in lower for words in BINDING)


def _holds(sentence: str, parameters: Mapping[str, Parameter]) -> bool:
    """Return whether a field is required as long as others have the values of their defaults."""
    condition = CONDITION.search(sentence)
    states = STATE.findall(condition[1]) if condition else []
    # Some documents have renamed the field, but not in their prose.
    named = [(parameters.get(closest(name, parameters) or ""), value) for name, value in states]
    return bool(named) and all(
        field is not None and str(field.default).lower() == value.lower() for field, value in named
    )
