"""What a model's category and fields mean for its caller: purpose, price, patience."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from fal_runtime.model_id import is_model_id
from falsmith.documents import Json
from falsmith.model import Channel, Output, Parameter, Traits
from falsmith.prose import binds, sentences

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
# Runs of these kinds take minutes and cost many times an image.
ASKS_FIRST = re.compile(r"video$|3d$|^training$")
# Minutes, from the platform's own estimate.
SLOW_ESTIMATE = 1.0
REWRITER = re.compile(
    r"prompt\w*(?:expan|optimi|enhanc|rewrit|upsampl|exten)"
    r"|(?:expan|optimi|enhanc|rewrit|upsampl|exten|augment|magic|auto)\w*_prompt"
)
REWRITES = re.compile(
    r"\brewrit\w+|\b(?:expand|enhanc|optimi[sz]|improv)\w*\s+(?:\w+\s+)?prompts?\b"
    r"|\bprompt\s+(?:expansion|enhancement|optimi[sz]ation|rewriting|upsampling)\b",
    re.I,
)
OFF_WORDS = ("off", "none", "disabled", "false", "no", "never")
# What a document says of money; a trade of quality for speed is none, nor is what makes no odds.
MONEY = re.compile(
    r"\b(?:cost(?:s|ing|lier)?|pric(?:e[sd]?|ing)|bill(?:s|ed|ing|able)?|charge[sd]?)\b"
    r"|\d\s?credits?\b|\$\s?\d|\bbilling units?\b|\d\s?x multiplier\b",
    re.I,
)
# Of these one stands in every sentence on money: to look for them takes a tenth of the time.
MONEY_HINTS = ("cost", "pric", "bill", "charge", "credit", "$", "multiplier")
TRADE = re.compile(
    r"\bat (?:the|an?)(?: \w+)? (?:cost|expense|price)\b|\bcost[- ](?:efficient|effective)"
    r"|\b(?:quality|runtime|speed|compute|computational|memory|latency) cost|\b(?:in|be) charge of",
    re.I,
)
DENIED = re.compile(
    r"\bregardless\b"
    r"|\b(?:does|do|will|is|are)(?:n't| not| no)\b[^,;]{0,80}?\b(?:cost|pric|bill|charg)"
    r"|\b(?:cost|price|billing)\b[^.;]{0,80}"
    r"\b(?:unchanged|unaffected|(?:is|are)(?:n't| not) \w+ed)\b"
    r"|\b(?:no|without|same)(?: \w+){0,2} (?:costs?|prices?|charges?|fees?)\b|\bfree of charge\b",
    re.I,
)
_USE = (
    r"(?:(?:video|output|audio)[- ])?(?:seconds?|minutes?|hours?|tokens?|frames?|characters?|words?"
    r"|megapixels?|samples?)"
)
BY_USE = re.compile(
    rf"\b(?:cost|pric|bill|charg)\w*\b.{{0,80}}?\b(?:(?:per|each|every)[- ]{_USE}|{_USE} usage"
    rf")\b|\bused (?:as|for) billing\b|\$\s?[\d.]+ ?(?:/|per )\s?{_USE}\b",
    re.I | re.S,
)
# Fields whose names suggest a price, where no document says so.
SUGGESTS = re.compile(
    r"resolution|quality|duration(?:_seconds|_ms)?|(?:image|video)_size|rendering_speed|megapixels"
    r"|(?:num|number_of|max)_(?:images|videos|frames|samples|outputs|generations|variations|songs"
    r"|results|layers|segments)(?:_per_size)?"
    r"|(?:upscale|upscaling|scale)_factor|desired_increase|(?:video|audio|music)_length(?:_ms)?"
    r"|seconds_total|total_seconds|extend_seconds_(?:before|after)|(?:texture|geometry)_quality"
    r"|generate_audio(?:_switch)?|(?:with_)?audio"
)
TRAINING_STEPS = re.compile(r"(?:\w+_)?(?:steps|iterations|epochs)")
NO_STEPS = re.compile(r"warmup|save|validation|inference|sample|checkpoint|log")
COMPRESSION = re.compile(r"jpe?g|webp|compress", re.I)
ONE_VALUE = re.compile(r"(\d+)\.\.\1(?:\.0)?")
# FFmpeg by wire: done in seconds, at a price of next to nothing.
TOOL = re.compile(r"/(?:workflow-utilities|ffmpeg-api)/")
ONE_STREAMED = re.compile(r"\balways (?:set to )?(?:1|one) for streaming\b", re.I)
CHEAPER = re.compile(r"\bcost[- ]?(?:efficient|effective)|\bcheaper\b|\beconomical\b", re.I)
BILLED = re.compile(r"\b(?:used (?:as|for)|basis (?:of|for)|for) billing\b|\bis billed\b", re.I)
# A rewriter that takes up only what would be refused.
MENDS = re.compile(r"\bprompts? (?:that|which) (?:fail|violat|(?:is|are) (?:refus|reject))", re.I)
# Of the sentences on the whole model those that a call can break.
REMARK = re.compile(
    r"\brequires? \d|\b\d+-\d+ images of\b|\b(?:requires|must|cannot|can't)\b"
    r"|\bno \w+ support\b|\bup to \d+ ?[MG]B\b|\bmax(?:imum)?\b.{0,20}\d|\bexceed\b"
    r"|\breferenced as\b|\bonly supported\b|\bnot available\b",
    re.I,
)
COUNTED = re.compile(r"\b\d+-\d+ images of\b", re.I)
FILE_SIZE = re.compile(r"\b(\d+) ?([MG]B)\b")
# A heading, and an item below it that says nothing without.
DEMANDS = re.compile(r"\brequirements?:$", re.I)
DEMAND = re.compile(
    r"(?!note|output|tip)[A-Z][a-z]+(?: [a-z]+)?: |(?:cannot|must|max(?:imum)?|up to|at least)\b",
    re.I,
)
# What needs its heading, or the sentence before it.
LEANS = re.compile(r"^(?:it|this|these|they)\b|\bthis mode\b|\balso supports\b", re.I)
# What a choice does stands with its field.
OF_A_CHOICE = re.compile(r"['\"`]([\w -]+)['\"`]:")
LONGEST_REMARK = 160
MOST_REMARKS = 4
# Prices go stale.
IN_BRACKETS = re.compile(r"\s*\([^()]*\$[^()]*\)")
AMOUNT = re.compile(r"\$\s?\d|\d\s?credits?\b|\bprice\b", re.I)
# Fields for what a training gives: an ID, or weights.
TRAINED = re.compile(r"finetune_id|loras?(?:_url|_path)?")
RESEARCH = re.compile(r"research|non[-_ ]?commercial")


def purpose(category: str) -> str:
    """Return what models of this category are for, beginning with the verb people search by."""
    return PURPOSES.get(category, "Run a fal.ai model")


def traits(
    model_id: str,
    category: str,
    metadata: Mapping[str, Any],
    parameters: Sequence[Parameter],
    *,
    outputs: Sequence[Output] = (),
    summaries: Sequence[str] = (),
    about_input: str = "",
) -> Traits:
    """Return what follows from a model's ID and kind, the list's metadata, fields and sentences."""
    estimate = metadata.get("duration_estimate")
    trains = category == "training" or metadata.get("kind") == "training"
    channel = _channel(model_id)
    is_tool = bool(TOOL.search(model_id))
    by_kind = (bool(ASKS_FIRST.search(category)) or trains) and not is_tool
    long = isinstance(estimate, int | float) and estimate >= SLOW_ESTIMATE
    usable = [
        one
        for one in parameters
        if not (one.deprecated or (channel == "stream" and ONE_STREAMED.search(one.description)))
    ]
    said = _said_of_money(usable)
    of_money = [tuple(_money(one)) for one in summaries]
    money = " ".join(one for each in of_money for one in each)
    priced = {one.name for one in usable if money and _is_priced(one, money)}
    levers = tuple(
        one
        for one in dict.fromkeys(
            (*said, *(one.name for one in usable if one.name in priced or _offers_cheaper(one)))
        )
        if one not in said or any(map(_costs, said[one]))
    )
    hints = (
        one.name
        for one in usable
        if not (is_tool or one.name in said or one.name in levers) and _suggests_price(one, trains)
    )
    billed = [
        one.path for one in outputs if "bill" in one.description and BILLED.search(one.description)
    ]
    switches = dict(_rewriters(usable))
    menders = {one.name for one in usable if one.name in switches and MENDS.search(one.description)}
    trained = [one.path for one in outputs if one.path.endswith("_id")]
    takes_trained = [one.name for one in usable if not trains and TRAINED.fullmatch(one.name)]
    texts = (*said.values(), *of_money)
    by_use = any(BY_USE.search(one) and _costs(one) for text in texts for one in text)
    priced_by_use = by_use or bool(billed)
    return Traits(
        prompt_rewriters={name: switches[name] for name in switches if name not in menders},
        prompt_menders={name: switches[name] for name in switches if name in menders},
        price_levers=levers,
        price_hints=tuple(hints),
        billed_by=tuple(billed),
        priced_by_use=priced_by_use,
        slow=(by_kind or long) and channel != "realtime",
        asks_first=by_kind or priced_by_use,
        is_for_research=bool(RESEARCH.search(str(metadata.get("license_type")).lower())),
        inference_ids=tuple(_model_ids(metadata, "inference_endpoint_ids")) if trains else (),
        trained_id="" if any(one.is_file for one in outputs) else next(iter(trained), ""),
        training_ids=tuple(_model_ids(metadata, "training_endpoint_ids")) if takes_trained else (),
        trained_field=next(iter(takes_trained), ""),
        remarks=tuple(_remarks(summaries, parameters, about_input)),
        channel=channel,
    )


def _remarks(
    summaries: Sequence[str], parameters: Sequence[Parameter], about_input: str
) -> Iterator[str]:
    """Yield what the platform says of the whole model that a caller must know.

    Of a model without a field that is all it says, at the beginning.
    """
    if not parameters:
        yield from islice((one for text in summaries for one in sentences(text)), 2)
        return
    fields = [one.name for one in parameters if "_" in one.name]
    remarks = (
        one
        for text in summaries
        if REMARK.search(text)
        or (_may_speak_of_money(text) and BY_USE.search(text))
        or ("_" in text and any(name in text for name in fields))
        for one in _statements(text)
        if len(one) <= LONGEST_REMARK
    )
    # What is said of the input as a whole stands with it.
    fields = [name for name in fields if name not in about_input]
    found = (one for one in dict.fromkeys(remarks) if _is_remark(one, fields, parameters))
    yield from islice(found, MOST_REMARKS)


def _statements(text: str) -> Iterator[str]:
    """Yield the sentences of a description; a demand on an input with the heading that names it."""
    heading = ""
    for sentence in sentences(text):
        one = IN_BRACKETS.sub("", sentence.lstrip("-*• "))
        if one.endswith(":"):
            heading = one if DEMANDS.search(one) else ""
        else:
            yield f"{heading} {one}" if heading and DEMAND.match(one) else one


def _is_remark(sentence: str, fields: Sequence[str], parameters: Sequence[Parameter]) -> bool:
    """Return whether a sentence binds, can stand alone and is no field's own."""
    if AMOUNT.search(sentence) or LEANS.search(sentence):
        return False
    choice = OF_A_CHOICE.match(sentence)
    if choice and any(choice[1] in one.choices for one in parameters):
        return False
    if BY_USE.search(sentence) or COUNTED.search(sentence):
        return True
    size = FILE_SIZE.search(sentence)
    if size:
        same = re.compile(rf"\b{size[1]}(?:\.0)? ?{size[2]}")
        if any(same.search(f"{one.limits} {one.description}") for one in parameters):
            return False
    names = "_" in sentence and any(name in sentence for name in fields)
    return (names or bool(REMARK.search(sentence))) and binds(sentence)


def _is_priced(parameter: Parameter, money: str) -> bool:
    """Return whether sentences on money name several choices of a field."""
    named = [one for one in parameter.choices if isinstance(one, str) and f"{one}:" in money]
    return len(named) > 1


def _offers_cheaper(parameter: Parameter) -> bool:
    """Return whether one of a field's choices is said to be the cheaper one."""
    if parameter.choice_count < 2:
        return False
    about = parameter.description
    # A look for a word is a tenth of the work.
    return ("cost" in about or "cheap" in about or "economical" in about) and bool(
        CHEAPER.search(about)
    )


def _said_of_money(parameters: Sequence[Parameter]) -> Mapping[str, Sequence[str]]:
    """Return the sentences on money by field, and by the dotted names of members."""
    descriptions = {
        **{one.name: one.description for one in parameters},
        **{
            f"{one.name}.{member.name}": member.description
            for one in parameters
            for member in one.members
            if not member.deprecated
        },
    }
    # Most documents say nothing of money: one look at all of it is enough.
    if not _may_speak_of_money("\n".join(descriptions.values())):
        return {}
    said = {name: tuple(_money(description)) for name, description in descriptions.items()}
    return {name: text for name, text in said.items() if text}


def _may_speak_of_money(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in MONEY_HINTS)


def _rewriters(parameters: Iterable[Parameter]) -> Iterator[tuple[str, Json]]:
    """Yield the switches that change the prompt by default, each with its value for off."""
    for one in parameters:
        named = "prompt" in one.name.lower() and REWRITER.search(one.name.lower())
        if one.file_kind or not (named or _says_rewrites(one)):
            continue
        off = [choice for choice in one.choices if str(choice).lower() in OFF_WORDS]
        if one.default is True:
            yield one.name, False
        elif isinstance(one.default, str) and off and one.default not in off:
            yield one.name, off[0]


def _says_rewrites(parameter: Parameter) -> bool:
    says = parameter.default is True and "prompt" in parameter.description.lower()
    return says and bool(REWRITES.search(parameter.description))


def _money(description: str) -> Iterator[str]:
    """Yield the sentences that speak of a price, without those that only weigh pros and cons."""
    if _may_speak_of_money(description):
        for sentence in sentences(description):
            if MONEY.search(TRADE.sub("", sentence)):
                yield sentence


def _costs(sentence: str) -> bool:
    return not DENIED.search(sentence)


def _suggests_price(parameter: Parameter, trains: bool) -> bool:
    name = parameter.name.lower()
    if not (trains or _has_price_in_name(name)):
        return False
    if parameter.choice_count == 1 or ONE_VALUE.fullmatch(parameter.limits):
        return False
    if trains and TRAINING_STEPS.fullmatch(name):
        return not NO_STEPS.search(name)
    if name in ("audio", "with_audio") and parameter.type != "boolean":
        return False
    if name == "quality" and (
        not parameter.choice_count or COMPRESSION.search(parameter.description)
    ):
        return False
    return _has_price_in_name(name)


# The same names stand in hundreds of documents.
@lru_cache(maxsize=4096)
def _has_price_in_name(name: str) -> bool:
    return bool(SUGGESTS.fullmatch(name))


def _model_ids(metadata: Mapping[str, Any], key: str) -> Iterator[str]:
    listed = metadata.get(key)
    if isinstance(listed, list):
        yield from (one for one in listed if isinstance(one, str) and is_model_id(one))


def _channel(model_id: str) -> Channel:
    """Return how the endpoint speaks where its ID says that it is not by the queue alone."""
    last = model_id.rpartition("/")[2]
    if last == "realtime":
        return "realtime"
    return "stream" if last == "stream" else "queue"
