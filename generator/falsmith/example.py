"""A model's example: a call that gives a good result, in the document's words before ours."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.input.files import find_local_files
from fal_runtime.schema.document import COMBINING, Location, SchemaDocument
from fal_runtime.schema.document import SchemaObject as Schema
from fal_runtime.text import one_line
from falsmith.documents import Json
from falsmith.model import Parameter
from falsmith.roles import is_own_file, text_for
from falsmith.sample import Sampler, numbered
from falsmith.schema.branches import follow
from falsmith.screening import is_harmless, is_link

__all__ = ["examples", "long_text"]

# Of a text, and of a value with parts, in a shown command.
LONGEST_SHOWN = 200
LONGEST_NESTED = 300
MOST_ITEMS = 4

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
BESIDE = re.compile(r"mask|(?:^|_)(?:end|last|tail)_|style|background|texture|control_|voice|font")
REFERENCES = re.compile(r"ref|images|image_urls|subject|character")
FRAMES = re.compile(
    r"first-last|first-and-last|flf2v|start-end|keyframe|transition|morph|sparsectrl"
)
FRAME = re.compile(r"(?:^|_)(?:first|start|end|last|tail)_|keyframe_[01]_image")
SPOKEN = re.compile(r"lip-?sync")
MASKED = re.compile(r"(?<!audio-)inpaint(?!-audio)|/fill\b|genfill|eraser?/mask")
OUTPAINTED = re.compile(r"outpaint|expand|uncrop")
SIDE = re.compile(r"(?:expand|extend|pad|outpaint)_\w*(?:left|right|top|bottom|up|down)\b")
SIDES: tuple[Json, ...] = (256, 128, 64, True)
TRIGGER = re.compile(r"(?:trigger|instance)_(?:word|phrase|prompt)")
FAILS = re.compile(r"if no\w* .{0,60}provided,? .{0,40}\bfail", re.IGNORECASE)
# How a text speaks of the other inputs: @Image1, <<<image_1>>>, [Video2].
MENTION = re.compile(
    r"[@<\[](image|figure|element|video|audio|character|reference)[ _]?\d"
    r"|\b(image|figure|video|audio|character) ?\d\b",
    re.IGNORECASE,
)

# A sentence that binds fields to each other.
BINDING = re.compile(r"at least one|either|one of|required", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?;])\s*(?=[A-Z])|\n+")
GROUP = re.compile(
    r"at least one of\b|at least one\b.*\b(?:must|required|needed)"
    r"|\beither\b.* or\b.*\b(?:must|required|needed|provided|has to|have to)\b"
    r"|\b(?:exactly |only )?one of\b.*\b(?:must|required|needed|has to)\b|\brequired unless\b"
    r"|\brequired (?:if|when)\b.*\b(?:not|no|neither|without|absent|missing|empty)\b",
    re.IGNORECASE,
)
CONDITION = re.compile(r"\brequired (?:if|when)\b(.*)", re.IGNORECASE)
STATE = re.compile(r"(\w+)[`'\"]* ?(?:is|=|==) ?(?:set to )?[`'\"]*(\w+)", re.IGNORECASE)

WORD = re.compile(r"\w+")
# A text whose lines are its form.
IN_LINES = re.compile(r"lyric|script|dialog|srt")
SENTENCE = re.compile(r"[.!?](?=[\"'”’)]?\s)|[。！？]|\n")
CLAUSE = re.compile(r"[,;:](?=\s)|[，；、]")


def examples(
    schema: Schema, parameters: Sequence[Parameter], subject: str
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return a good input in the document's own words, and the same as a command shows it.

    In a command a text has at most 200 characters, a link to a file becomes the name of a local
    one (`input.png`), and what is long or could mislead becomes a sample of ours.

    Args:
        schema: The screened input schema.
        parameters: Its fields, those that are hidden left out.
        subject: The model's category and ID, which tell what its input is for.

    """
    document = SchemaDocument(schema)
    fields = document.fields()
    sampler = Sampler(schema, subject=subject)
    needed = _needed(document, parameters, subject)
    example = {name: sampler.value(fields[name], name) for name in fields if name in needed}
    mentioned = _mentioned(example.values(), parameters, fields) - needed
    if mentioned:
        needed |= mentioned
        example |= {name: sampler.value(fields[name], name) for name in mentioned}
    example |= _side(document, parameters, subject)
    example = _told_apart({name: example[name] for name in fields if name in example})
    ours = Sampler(schema, subject=subject, brief=True)
    shown: Mapping[str, Json] = _told_apart(
        {name: _shown(name, value, document, ours) for name, value in example.items()}
    )
    # Fields of an object of one piece are valid one by one.
    if not (COMBINING | {"const", "enum", "not"}).isdisjoint(schema):
        shown = _whole(shown, example, document, ours)
    local = _local_files(example, document) | _local_files(shown, document)
    return _without(example, local), _without(shown, local)


def long_text(example: Mapping[str, Json], parameters: Sequence[Parameter]) -> str:
    """Return the field of an example whose text outgrows a command line, '' without one."""
    files = {one.name for one in parameters if one.file_kind}
    return next(
        (
            name
            for name, value in example.items()
            if isinstance(value, str)
            and name not in files
            and (len(value) > LONGEST_SHOWN or "\n" in value or IN_LINES.search(name))
        ),
        "",
    )


def _needed(document: SchemaDocument, parameters: Sequence[Parameter], subject: str) -> set[str]:
    """Return the fields without which a call fails or says nothing."""
    known = document.fields()
    fields = {one.name: follow(known[one.name], document.root) for one in parameters}
    required = {name for name in document.required() if name in known}
    optional = [one for one in parameters if not one.required and not _is_deprecated(one, fields)]
    needed = required | _media(required, optional, fields, subject)
    needed |= _text(needed, optional, fields, subject)
    needed |= _bound(needed, optional, fields)
    if subject.startswith("training"):
        needed |= {one.name for one in optional if _is_trained_for(one.name, fields)}
    return needed or {name for name, part in fields.items() if part.get("examples")}


def _is_deprecated(parameter: Parameter, fields: Mapping[str, Schema]) -> bool:
    return (
        parameter.deprecated
        or "[deprecated]" in fields[parameter.name].get("description", "").lower()
    )


def _media(
    required: Set[str], optional: Sequence[Parameter], fields: Mapping[str, Schema], subject: str
) -> set[str]:
    """Return the media that a model of this kind needs, though its document requires none."""
    media = [one for one in optional if one.file_kind]
    if not media:
        return set()
    # What a call runs on if nothing is given is the demonstration's, not the user's.
    found = {
        one.name
        for one in media
        if isinstance(one.default, str)
        and is_link(one.default)
        and not BESIDE.search(one.name)
        and not OPTIONAL.search(fields[one.name].get("description", ""))
    }
    if not found and not any(re.search(r"image|video|audio|media|url", name) for name in required):
        kinds = next((kinds for pattern, kinds in MEDIA if pattern.search(subject)), ())
        usable = [one for one in media if one.file_kind in kinds and not BESIDE.search(one.name)]
        wants_references = "reference" in subject
        usable.sort(
            key=lambda one: (
                wants_references and not REFERENCES.search(one.name),
                not fields[one.name].get("examples"),
                kinds.index(str(one.file_kind)),
            )
        )
        found |= {one.name for one in usable[:1]}
    if SPOKEN.search(subject) and not any("audio" in name for name in required):
        found |= {one.name for one in [one for one in media if one.file_kind == "audio"][:1]}
    if FRAMES.search(subject):
        found |= {one.name for one in media if FRAME.search(one.name)}
    if MASKED.search(subject) and not any("mask" in name for name in required):
        given = {one.file_kind for one in media if one.name in found} or {"image", "video"}
        if any("video" in name for name in required):
            given = {"video"}
        masks = [one for one in media if "mask" in one.name]
        masks.sort(key=lambda one: one.file_kind not in given)
        found |= {one.name for one in masks[:1]}
    return found


def _text(
    needed: Set[str], optional: Sequence[Parameter], fields: Mapping[str, Schema], subject: str
) -> set[str]:
    """Return the text that says what is wanted, where none is required."""
    names = {one.name for one in optional if not one.file_kind}
    return set(
        [
            name
            for name in TEXTS
            if name in names and _says_something(name, fields[name], needed, subject)
        ][:1]
    )


def _says_something(name: str, field: Schema, needed: Set[str], subject: str) -> bool:
    """Return whether an optional text makes a better call than none."""
    about, default = field.get("description", ""), field.get("default")
    if not needed:
        return True
    if OPTIONAL.search(about) or UNPROMPTED.search(subject) or not needed.isdisjoint(TEXTS):
        return False
    if any(isinstance(one, str) and one.strip(" .") for one in field.get("examples", ())):
        return True
    if isinstance(default, str) and default.strip(" ."):
        return len(default) <= LONGEST_NAME
    return bool(text_for(name, about, subject))


def _bound(
    needed: Set[str], optional: Sequence[Parameter], fields: Mapping[str, Schema]
) -> set[str]:
    """Return what must be given though no single field is required, as descriptions tell."""
    found: set[str] = set()
    for one in optional:
        about = fields[one.name].get("description", "")
        if not BINDING.search(about):
            continue
        for sentence in SENTENCE_END.split(about):
            if GROUP.search(sentence) and not sentence.lower().startswith(("if ", "when ")):
                named = {one.name, *(word for word in WORD.findall(sentence) if word in fields)}
                if len(named) > 1 and named.isdisjoint(needed | found):
                    found.add(_likeliest(named, optional, fields))
            elif _holds(sentence, fields):
                found.add(one.name)
    return found


def _is_trained_for(name: str, fields: Mapping[str, Schema]) -> bool:
    """Return whether a trainer's field names what it learns, or it fails without the field."""
    return bool(TRIGGER.fullmatch(name) or FAILS.search(fields[name].get("description", "")))


def _likeliest(names: Set[str], optional: Sequence[Parameter], fields: Mapping[str, Schema]) -> str:
    """Return which of some fields to give: one with an example, else a file, else the first."""
    order = {one.name: (not one.file_kind, place) for place, one in enumerate(optional)}
    return min(
        names, key=lambda name: (not fields[name].get("examples"), order.get(name, (True, 0)))
    )


def _holds(sentence: str, fields: Mapping[str, Schema]) -> bool:
    """Return whether a field is required as long as others have the values of their defaults."""
    condition = CONDITION.search(sentence)
    states = STATE.findall(condition[1]) if condition else []
    return bool(states) and all(
        name in fields and str(fields[name].get("default")).lower() == value.lower()
        for name, value in states
    )


def _mentioned(
    values: Iterable[Json], parameters: Sequence[Parameter], fields: Mapping[str, Schema]
) -> set[str]:
    """Return the fields of which the texts speak, such as `image_urls` where one says @Image1."""
    found: set[str] = set()
    for match in {
        match[0]: match
        for text in values
        if isinstance(text, str)
        for match in MENTION.finditer(text)
    }.values():
        word = (match[1] or match[2]).lower().replace("figure", "image")
        named = [
            one.name
            for one in parameters
            if (
                word in one.name
                or match[0].lower() in fields[one.name].get("description", "").lower()
            )
            and one.type.startswith(("list", "string", "object"))
            and not BESIDE.search(one.name)
            and one.name not in TEXTS
        ]
        named.sort(key=lambda name: (not name.endswith("s"), not fields[name].get("examples")))
        found |= set(named[:1])
    return found


def _side(
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


def _told_apart(example: Mapping[str, Json]) -> dict[str, Json]:
    """Return an example in which no two fields name the same file of ours."""
    given: dict[str, int] = {}
    apart: dict[str, Json] = {}
    for name, value in example.items():
        if isinstance(value, str) and is_own_file(value):
            given[value] = given.get(value, 0) + 1
            apart[name] = numbered(value, given[value]) if given[value] > 1 else value
        else:
            apart[name] = value
    return apart


def _shown(name: str, value: Json, document: SchemaDocument, ours: Sampler) -> Json:
    """Return a value as it stands in a command; the value itself where it can stay."""
    field = document.fields()[name]
    if not isinstance(value, str | dict | list):
        return value
    short = (
        _shown_text(name, value, [field], document, ours)
        if isinstance(value, str)
        else _shown_parts(name, value, document, ours)
    )
    if short is value or (short is not None and ours.fits(short, field)):
        return short
    sample = ours.value(field, name)
    # Theirs are longer, but valid. Where they mislead, better a command that is refused.
    if ours.fits(sample, field) or _misleads({name: value}, document):
        return sample
    return value


def _shown_text(
    name: str, text: str, schemas: Sequence[Schema], document: SchemaDocument, ours: Sampler
) -> str | None:
    """Return a text cut and without links to files, None where it cannot stand in a command."""
    kind = document.file_kind(schemas)
    if kind is not None and is_link(text):
        return ours.file(name, kind, schemas)
    if kind is not None or not text:
        return text
    line = cut_text(text, in_lines=bool(IN_LINES.search(name)))
    plain = line.replace("\n", " ").isprintable()
    return line if line and plain and is_harmless(line, is_file=False) else None


def _shown_parts(name: str, value: Json, document: SchemaDocument, ours: Sampler) -> Json:
    """Return an object or a list with its texts and files as in a command, None if it is long."""
    whole = {name: _fewer(value)}
    files: dict[str, list[Location]] = {}
    for location, part, schemas in document.visit(whole):
        member = location[-1] if len(location) > 1 else 0
        if isinstance(member, str) and not is_harmless(member, is_file=False):
            return None
        if isinstance(part, str):
            words = "_".join(step for step in location if isinstance(step, str))
            text = _shown_text(words, part, schemas, document, ours)
            if text is None:
                return None
            _put(whole, location, text)
            if is_own_file(text):
                files.setdefault(text, []).append(location)
    for file, places in files.items():
        for number, place in enumerate(places, 1):
            _put(whole, place, numbered(file, number) if len(places) > 1 else file)
    short = whole[name]
    if len(json.dumps(short)) > LONGEST_NESTED:
        return None
    return value if short == value else short


def _fewer(value: Json) -> Json:
    """Return a copy of a value with at most the first four items of each list in it."""
    if isinstance(value, list):
        return [_fewer(item) for item in value[:MOST_ITEMS]]
    if isinstance(value, dict):
        return {name: _fewer(member) for name, member in value.items()}
    return value


def _put(whole: Json, location: Location, text: str) -> None:
    """Put a text where another one stands."""
    for step in location[:-1]:
        whole = whole[step]
    whole[location[-1]] = text


def _whole(
    shown: Mapping[str, Json],
    example: Mapping[str, Json],
    document: SchemaDocument,
    ours: Sampler,
) -> Mapping[str, Json]:
    """Return what is shown of an input that is valid as a whole or not at all."""
    if ours.fits(dict(shown), document.root):
        return shown
    return {
        name: value if _misleads({name: example[name]}, document) else example[name]
        for name, value in shown.items()
    }


def _misleads(example: Mapping[str, Json], document: SchemaDocument) -> bool:
    """Return whether a text may steer, or is longer than anyone reads."""
    return any(
        len(text) > LONGEST_SHOWN or not is_harmless(text, is_file=is_file)
        for text, is_file in _texts(example, document)
    )


def _texts(example: Mapping[str, Json], document: SchemaDocument) -> Iterator[tuple[str, bool]]:
    """Yield each text in an input and whether that is a file; names of members too."""
    for location, value, schemas in document.visit(dict(example)):
        if isinstance(value, str):
            yield value, document.file_kind(schemas) is not None
        if len(location) > 1 and isinstance(location[-1], str):
            yield location[-1], False


def _local_files(example: Mapping[str, Json], document: SchemaDocument) -> set[str]:
    """Return the fields in which the wrapper would find a file to upload that is none of ours."""
    # A default of a part may name a file as well: without its field nothing is uploaded.
    paths = (
        text
        for text, is_file in _texts(example, document)
        if is_file and not is_link(text) and not is_own_file(text)
    )
    if next(paths, None) is None:
        return set()
    files, _ = find_local_files(dict(example), document, check=False)
    return {str(file.location[0]) for file in files if not is_own_file(str(file.path))}


def _without(example: Mapping[str, Json], names: Set[str]) -> dict[str, Json]:
    return {name: value for name, value in example.items() if name not in names}


@lru_cache(maxsize=4096)
def cut_text(text: str, *, in_lines: bool) -> str:
    """Return at most 200 characters: whole sentences, else clauses, else words; '' of JSON.

    Lines stay apart where `in_lines`.
    """
    line = text.strip() if in_lines else one_line(text)
    if len(line) <= LONGEST_SHOWN:
        return line
    if line[0] in "[{" and line[-1] in "]}":
        return ""
    head = line[:LONGEST_SHOWN]
    for mark, least in ((SENTENCE, 40), (CLAUSE, 100)):
        ends = [match.end() for match in mark.finditer(line, 0, LONGEST_SHOWN + 1)]
        ends = [end for end in ends if least <= end <= LONGEST_SHOWN]
        if ends:
            return line[: ends[-1]].rstrip(" ,;:\n，；、：")
    return head.rpartition(" ")[0].rstrip() or head
