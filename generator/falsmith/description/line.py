"""The line by which a skill is chosen among many, and the shorter words beside it."""

import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice

from falsmith.description.media import file_fields, flow, makes, noun, takes, text_fields
from falsmith.description.siblings import features, minor_features, variants
from falsmith.description.summary import content_words, facts
from falsmith.description.tasks import FALLBACKS, FIRST_WORDS, Task, find_task
from falsmith.model import Output, Parameter
from falsmith.text import in_sentence

__all__ = ["Description", "Subject", "describe_model"]

LONGEST_LINE = 250
LONGEST_PHRASE = 4
SHORT_LENGTHS = range(25, 65)
MINOR_SHOWN = 3
# A line that says so much needs no more: an agent reads it with fifty others.
LONG_ENOUGH = 200
# What the fields have said, the platform's words may contradict.
MEASURES = (
    re.compile(r"\b(?:\d{3,4}p|[1-9]k)\b", re.I),
    re.compile(r"\b\d+(?:\.\d+)?[- ]?s(?:ec(?:ond)?s?)?\b", re.I),
)
CUTS_OUT = "Remove the background of a video"
# A color that is none, and files that carry it.
CLEAR = re.compile(r"^transparent$|webm|vp9|prores", re.I)
SIZE = re.compile(r"\b(?:480|540|720|1080)p\b")
SOUND = re.compile(
    r"\bwith (?:(?!(?:or|no|optional|any|separate|muted|without)\b)[\w-]+ ){0,2}audio\b", re.I
)
BRACKETS = re.compile(r" [(].*?[)]")
WORDS = re.compile(r"[a-z0-9]+")
LETTERS = re.compile(r"[a-z]+")
SPEAKS = "Turn text into speech"
# What a live connection is set up by.
SIGNALS = frozenset({"sdp", "iceservers"})
GUIDES = {"canny": "outline", "depth": "depth", "pose": "pose"}
# What a task does something to, or makes.
THINGS = {"image": "picture", "audio": "recording", "3d": "3D model"}
MADE = {"image": "Make images", "video": "Make videos", "audio": "Make audio"}


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

    `line` is for who chooses among many, `short` for a list of names; `purpose` is the task alone
    (`Animate a picture into a video`), and `task` how it goes on after "to"; `flow` is what goes in
    and what comes out (`image + text to video`), `apart` what else the line says: what the model
    is taken for, and what sets it apart from others.
    """

    line: str
    short: str
    purpose: str
    task: str
    flow: str
    apart: str


def describe_model(subject: Subject) -> Description:
    """Return the words for a model, from its schema, its names and the platform's summary."""
    files = file_fields(subject.parameters)
    texts = text_fields(subject.parameters)
    taken = takes(subject.parameters, files, texts, subject.category)
    is_realtime = subject.model_id.endswith("/realtime")
    made = makes(subject.outputs, subject.category, is_realtime=is_realtime)
    given = flow(subject.parameters, files, texts, taken, subject.model_id)
    phrases = _phrases(subject) | {f"?{kind}" for kind in files.values()}
    # What takes a text in place of its pictures is named after the pictures.
    by_text = given.startswith("text") and not given.startswith("text or ")
    first = ("text",) if by_text else taken
    task = find_task(phrases, set(taken), set(made)) or _fallback(first, made)
    is_live = any(one.path in SIGNALS for one in subject.outputs)
    names = {
        "subject": "live video" if is_live else THINGS.get(taken[0], taken[0]),
        "made": THINGS.get(made[0], made[0]),
        "control": "video" if "video" in taken else "picture",
        "data": _data(given),
        "guide": _guide(subject.model_id),
        "variant": " ".join(_words(subject.model_id.rpartition("/")[2])).removesuffix(" style"),
    }
    says, uses = task.says.format(**names), task.uses.format(**names)
    result = _result(task, made, subject.outputs)
    # The sample of a voice, which another reads the text with.
    is_voiced = says == SPEAKS and "(+ audio" in given
    given = given.replace("(+ audio", "(+ voice audio") if is_voiced else given
    is_told = not given or (given == "text" and says.endswith(" from text"))
    line = says if is_told else f"{says} ({given} to {result})".replace(") (", ": ")
    line = f"{says} (over a live WebRTC connection only)" if is_live else line
    line += f" with {subject.title} ({subject.model_id}) on fal.ai."
    named = len(line)
    own = tuple(features(subject.parameters, enlarges=task.gives.startswith("larger")))
    accepted = {*taken, *files.values(), *(["text"] if texts else [])}
    apart = (
        *variants(subject.model_id),
        *(["can clone a voice"] if is_voiced else []),
        *(["OpenAI-compatible"] if "openai" in subject.title.lower().split("[")[-1] else []),
        *(["transparent background optional"] if _can_be_clear(says, subject.parameters) else []),
        *own,
        *(["with sound"] if _has_stated_sound(subject, made, accepted, own) else []),
        *_stated_size(subject),
    )
    if uses and len(line) + len(uses) + 6 <= LONGEST_LINE - min(map(len, apart), default=-2) - 2:
        line += f" Use {uses}."
    line += _sentence(apart, LONGEST_LINE - len(line))
    if len(line) < LONG_ENOUGH:
        said = content_words(line) | content_words(subject.model_id)
        kinds = {one.partition(" ")[0] for one in made}
        found = facts(subject.summaries, said, set(taken), accepted, kinds)
        fitting = [
            one
            for one in found
            if len(one) + 2 <= LONGEST_LINE - len(line)
            and not any(measure.search(line) and measure.search(one) for measure in MEASURES)
        ]
        # Of several the one that speaks of this variant, else the first.
        variant = content_words(subject.model_id.partition("/")[2].partition("/")[2])
        fact = max(fitting, key=lambda one: len(content_words(one) & variant), default="")
        line += f" {fact}." if fact else ""
    if len(line) < LONG_ENOUGH and "archive" not in taken:
        minor = islice(
            minor_features(subject.parameters, streams=subject.model_id.endswith("/stream")),
            MINOR_SHOWN,
        )
        line += _sentence(minor, LONGEST_LINE - len(line))
    whole_flow = f"{given or 'input'} to {result}"
    short = _short(says, subject.title, whole_flow)
    task_words = in_sentence(says)
    return Description(line, short, says, task_words, whole_flow, line[named:].strip())


def _sentence(parts: Iterable[str], room: int) -> str:
    """Return the parts that fit as a sentence, with a blank before it."""
    text = ""
    for part in dict.fromkeys(parts):
        longer = f"{text}, {part}" if text else f" {part[:1].upper()}{part[1:]}"
        if len(longer) + 1 <= room:
            text = longer
    return f"{text}." if text else ""


def _result(task: Task, made: Sequence[str], outputs: Sequence[Output]) -> str:
    """Return what comes out, in words."""
    written = [one for one in outputs if not one.is_file and one.kind == "string"]
    if task.gives.endswith("as JSON") and made[0] == "image" and len(outputs) == len(written) + 1:
        return "marked image + text"
    return task.gives.format(made=noun(made[0])) or " + ".join(map(noun, made[:3]))


def _can_be_clear(says: str, parameters: Sequence[Parameter]) -> bool:
    """Return whether what is cut out of a video can stand on nothing."""
    return says == CUTS_OUT and any(
        CLEAR.search(str(choice)) for one in parameters for choice in one.choices
    )


def _has_stated_sound(
    subject: Subject, made: Sequence[str], accepted: Set[str], own: Sequence[str]
) -> bool:
    """Return whether the platform says that a video has sound, where no field is about it.

    Of what takes a recording or a video it may speak of that.
    """
    if "video" not in made or not accepted.isdisjoint(("audio", "video")):
        return False
    return not any("sound" in one for one in own) and any(map(SOUND.search, subject.summaries))


def _stated_size(subject: Subject) -> Iterator[str]:
    """Yield the one size of pictures that the platform names, where no field is about it."""
    if not any("resolution" in one.name for one in subject.parameters):
        sizes = {size.lower(): size for text in subject.summaries for size in SIZE.findall(text)}
        if len(sizes) == 1:
            yield from sizes.values()


def _data(given: str) -> str:
    """Return what a zip holds as people call it: `clips or pictures`."""
    held = given.partition("zip of ")[2].partition(" +")[0].partition(" (")[0]
    return held.replace("images", "pictures").replace("videos", "clips") or "files"


def _guide(model_id: str) -> str:
    """Return what a control picture or video tells, by the ID."""
    found = [guide for word, guide in GUIDES.items() if word in model_id]
    return " or ".join(found) or "structure"


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
        found.update(words)
        for start, first in enumerate(words):
            phrase = first
            for word in words[start + 1 : start + LONGEST_PHRASE] if first in FIRST_WORDS else ():
                phrase = f"{phrase} {word}"
                found.add(phrase)
    return found


def _fallback(takes: Sequence[str], makes: Sequence[str]) -> Task:
    kind = "text" if makes[0].startswith("text") else makes[0]
    says, uses = FALLBACKS.get((takes[0], kind)) or (MADE.get(kind, "Run a fal.ai model"), "")
    return Task("", says, uses)
