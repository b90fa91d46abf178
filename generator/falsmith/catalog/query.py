"""A search of the catalogue: what is searched for, what a model is found by, and what is found."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from fal_runtime.errors import UsageError
from fal_runtime.file_kinds import word_kind
from fal_runtime.schema.document import Schema, SchemaDocument
from fal_runtime.text import cut, one_line
from falsmith.documents import Json, ListEntry
from falsmith.names import readable_title
from falsmith.schema.branches import branches
from falsmith.schema.labels import choices
from falsmith.schema.resolve import dig
from falsmith.steering import without_steering

__all__ = [
    "Match",
    "Query",
    "Status",
    "abilities",
    "close_categories",
    "field_texts",
    "match_of",
    "unknown_ability",
]

Status = Literal["active", "deprecated", "all"]

# Far beyond any name of the catalogue, and short enough for the address line of any server.
TEXT_LIMIT, CATEGORY_LIMIT = 500, 100
# More names than these are no help in a message.
LISTED = 20
# How deep below an output the files of real models lie at most.
OUTPUT_DEPTH = 4
# Those that the catalogue uses; an unknown one is never refused.
_CATEGORIES = (
    "text-to-image image-to-image text-to-video image-to-video video-to-video audio-to-video "
    "text-to-audio text-to-speech audio-to-audio speech-to-speech video-to-audio speech-to-text "
    "audio-to-text image-to-text video-to-text vision image-to-json text-to-json text-to-text json "
    "llm text-to-3d image-to-3d 3d-to-3d training workflow"
)
CATEGORIES = frozenset(_CATEGORIES.split())
# The platform's longest summaries are whole articles; a listing has a line for each.
SUMMARY_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Query:
    """A search; one without text, category and abilities means every model of its status.

    `inputs` are names of input fields, `choices` pairs of a field and a value that it allows,
    `output_kinds` kinds of files that come out: a model must have all of them.
    Raises UsageError where a text is longer than any search, or the category empty.
    """

    text: str = ""
    category: str | None = None
    status: Status = "active"
    inputs: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    output_kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_long("the text to search for", self.text, TEXT_LIMIT)
        _refuse_long("the category", self.category or "", CATEGORY_LIMIT)
        if self.category is not None and not one_line(self.category):
            raise UsageError(
                "usage", "the category is empty: `falsmith categories` lists those that there are"
            )

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text, without anything invisible."""
        return tuple(one_line(self.text).split())

    @property
    def abilities(self) -> tuple[str, ...]:
        """What a model must be able to do, in the words of `abilities`."""
        names = (
            *(f"input:{name}" for name in self.inputs),
            *(f"choice:{name}={value}" for name, value in self.choices),
            *(f"output:{kind}" for kind in self.output_kinds),
        )
        return tuple(map(one_line, names))


@dataclass(frozen=True, slots=True)
class Match:
    """One model that a search found; an unknown text is empty, and all of them are one line.

    `missing` are the words of the search that none of its texts has.
    """

    model_id: str
    display_name: str
    category: str
    description: str
    status: str
    date: str
    license: str
    kind: str
    missing: tuple[str, ...] = ()

    @property
    def newest_first(self) -> tuple[tuple[int, ...], str]:
        """The key that sorts the newest model first, and those of one date by their IDs."""
        return tuple(-ord(char) for char in self.date) or (1,), self.model_id


def match_of(entry: ListEntry, openapi: Json = None) -> Match:
    """Return the match of a list entry; what its metadata lacks comes from its document, and ID."""
    about = dig(openapi, "info", "x-fal-metadata")

    def text(key: str, own: str = "") -> str:
        for value in (entry.metadata.get(key), dig(about, own)):
            if isinstance(value, str) and one_line(value):
                return one_line(value)
        return ""

    category = text("category", "category") or "unknown"
    return Match(
        model_id=entry.model_id,
        display_name=text("display_name") or readable_title(entry.model_id),
        category=category,
        description=_summary(text("description", "about"), category),
        status=text("status") or "active",
        date=text("date"),
        license=text("license_type"),
        kind=text("kind"),
    )


def _summary(text: str, category: str) -> str:
    """Return the platform's sentences without those that could steer a reader, else our own."""
    sound, _ = without_steering(text)
    return cut(sound, SUMMARY_LIMIT) or "Run a fal.ai model"


def close_categories(category: str, known: Iterable[str]) -> list[str] | None:
    """Return up to three known categories that are close to an unknown one; None for a known one.

    Known are those that the catalogue had when this was written, and the given ones.
    """
    names = {*known, *CATEGORIES}
    if category in names:
        return None
    return get_close_matches(category.lower(), sorted(names), n=3)


def unknown_ability(wanted: Iterable[str], known: Iterable[str]) -> str | None:
    """Return what to say of the first wanted ability that no known model has, None without one.

    Abilities are worded as `abilities` does.
    """
    names = frozenset(known)
    ability = next((one for one in wanted if one not in names), None)
    if ability is None:
        return None
    what, _, name = ability.partition(":")
    group = f"{what}:"
    field, _, value = name.partition("=")
    if what == "choice" and any(one.startswith(f"choice:{field}=") for one in names):
        subject, group = f"value {value!r} of the field {field!r}", f"choice:{field}="
    elif what == "choice":
        name, subject, group = field, f"field {field!r} with choices", "choice:"
    else:
        subject = f"output kind {name!r}" if what == "output" else f"input field {name!r}"
    listed = {one.removeprefix(group) for one in names if one.startswith(group)}
    if group == "choice:":
        listed = {one.partition("=")[0] for one in listed}
    wanted_name = value if group.endswith("=") else name
    close = get_close_matches(wanted_name, sorted(listed), n=3)
    if close:
        hint = f"; close to it: {', '.join(close)}"
    elif len(listed) <= LISTED:
        hint = f"; known: {', '.join(sorted(listed))}" if listed else ""
    else:
        hint = "; `falsmith show ID` lists the fields of a model"
    return f"no {subject} is known here{hint}"


def abilities(inputs: Schema, outputs: Schema) -> frozenset[str]:
    """Return what a model takes and makes: `input:FIELD`, `choice:FIELD=VALUE`, `output:KIND`."""
    names = (*_input_abilities(inputs), *_output_abilities("", outputs, outputs, 0))
    return frozenset(map(one_line, names))


def field_texts(inputs: Schema) -> dict[str, str]:
    """Return the texts of a model's input that it is found by: names, choices, descriptions."""
    names: list[str] = []
    values: list[str] = []
    notes: list[str] = []
    # What no caller sees, nobody means.
    hidden = SchemaDocument(inputs).hidden()
    for branch in branches(inputs, inputs):
        for name, part in branch.get("properties", {}).items():
            if name in hidden:
                continue
            parts = branches(part, inputs)
            names.append(name)
            values += [str(value) for value in choices(parts, inputs)]
            notes += dict.fromkeys(one.get("description", "") for one in (part, *parts))
    texts = {"fields": names, "choices": values, "notes": notes}
    return {column: one_line(" ".join(found)) for column, found in texts.items()}


def _input_abilities(schema: Schema) -> Iterator[str]:
    for branch in branches(schema, schema):
        for name, part in branch.get("properties", {}).items():
            yield f"input:{name}"
            for value in choices(branches(part, schema), schema):
                yield f"choice:{name}={value if isinstance(value, str) else json.dumps(value)}"


def _output_abilities(path: str, part: Schema, root: Schema, depth: int) -> Iterator[str]:
    """Yield the kind of each file below `part`; the names on the way to it say more than it."""
    for branch in branches(part, root):
        if "x-file" in branch:
            yield f"output:{word_kind(path) or branch['x-file']}"
        elif depth < OUTPUT_DEPTH:
            for name, child in branch.get("properties", {}).items():
                yield from _output_abilities(f"{path}.{name}", child, root, depth + 1)
            if isinstance(branch.get("items"), Mapping):
                yield from _output_abilities(path, branch["items"], root, depth + 1)


def _refuse_long(name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise UsageError("usage", f"{name} has {len(text)} characters, at most {limit} are allowed")
