"""A model's example: a call that gives a good result, in the document's words before ours."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from functools import lru_cache

from fal_runtime.input.files import find_local_files
from fal_runtime.json_text import put
from fal_runtime.schema.document import COMBINING, Location, Schema, SchemaDocument
from fal_runtime.text import one_line
from falsmith.documents import Json
from falsmith.example.needs import (
    effective_values,
    enabling_values,
    mentioned_fields,
    most_pictures,
    needed_fields,
    unmentioned_fields,
)
from falsmith.example.roles import another_text, is_own_file
from falsmith.example.sample import Sampler, numbered
from falsmith.model import Parameter
from falsmith.schema.file_kind import is_word
from falsmith.screening import is_harmless, is_link
from falsmith.text import texts_in

__all__ = ["examples", "long_text", "usual_example"]

# Of a text, and of a value with parts, in a shown command.
LONGEST_SHOWN = 200
LONGEST_NESTED = 300
MOST_ITEMS = 4

VOICE = re.compile(r"(?:voice|speaker)(?:_id|_name)?s?")
# A text whose lines are its form.
IN_LINES = re.compile(r"lyric|script|dialog|srt")
SENTENCE = re.compile(r"[.!?](?=[\"'”’)]?\s)|[。！？]|\n")
# The last line of a cut text that is a heading, or a shot of which the rest is gone.
LABEL = re.compile(r"\n+(?:[#* ]*[A-Z][\w -]{2,30}:?|\W*(?:Shot|Scene|Part) \d[^\n]{0,80})\W*$")
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
    required = {name for name in document.required() if name in fields}
    subject = f"{subject} {' '.join(_takes(parameters))}"
    sampler = Sampler(schema, subject=subject)
    needed = needed_fields(fields, required, parameters, subject)
    example = {name: sampler.value(fields[name], name) for name in needed}
    mentioned = mentioned_fields(example, parameters, fields) - needed
    example |= {name: sampler.value(fields[name], name) for name in mentioned}
    example |= effective_values(document, fields, parameters, subject)
    example |= enabling_values(example, parameters)
    if "batch" in subject:
        example = {name: _two(value) for name, value in example.items()}
    example = _with_distinct_files({name: example[name] for name in fields if name in example})
    ours = Sampler(schema, subject=subject, brief=True)
    shown: Mapping[str, Json] = _with_distinct_files(
        {name: _shown(name, value, fields[name], document, ours) for name, value in example.items()}
    )
    # Fields of an object of one piece are valid one by one.
    if not (COMBINING | {"const", "enum", "not"}).isdisjoint(schema):
        shown = _whole(shown, example, document, ours)
    unnamed = unmentioned_fields(example, shown) - required
    shown = _named_alone(example, _without(shown, unnamed))
    changed = {name: value for name, value in shown.items() if value is not example[name]}
    local = _local_files(example, fields, document) | _local_files(changed, fields, document)
    return _without(example, local), _without(shown, local)


def usual_example(model_id: str) -> dict[str, Json]:
    """Return what an endpoint of a public interface takes, where its document does not tell.

    OpenAI's API reference has the fields of `chat/completions` and `embeddings`.
    """
    if model_id.endswith("/chat/completions"):
        return {"model": "YOUR_MODEL", "messages": [{"role": "user", "content": "Hello!"}]}
    if model_id.endswith("/openai/v1/embeddings"):
        return {"model": "YOUR_MODEL", "input": "A lighthouse at dusk"}
    return {}


def _named_alone(example: Mapping[str, Json], shown: Mapping[str, Json]) -> dict[str, Json]:
    """Return what is shown, with no more pictures in a list than its texts still name."""
    most, least = most_pictures(example), most_pictures(shown)
    if not 0 < least < most:
        return dict(shown)
    return {
        name: value[:least] if isinstance(value, list) and "image" in name else value
        for name, value in shown.items()
    }


def _two(value: Json) -> Json:
    """Return a list of one text of ours with a second one: a batch has several."""
    second = another_text(value[0]) if isinstance(value, list) and len(value) == 1 else ""
    return [*value, second] if second else value


def _takes(parameters: Sequence[Parameter]) -> Iterator[str]:
    """Yield what a model takes that its category does not tell: kinds of media, a voice."""
    yield from dict.fromkeys(f"+{one.file_kind}" for one in parameters if one.file_kind)
    if any(VOICE.fullmatch(one.name) for one in parameters):
        yield "+voice"


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


def _with_distinct_files(example: Mapping[str, Json]) -> dict[str, Json]:
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


def _shown(name: str, value: Json, field: Schema, document: SchemaDocument, ours: Sampler) -> Json:
    """Return a value as it stands in a command; the value itself where it can stay."""
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
    name: str,
    text: str,
    schemas: Sequence[Schema],
    document: SchemaDocument,
    ours: Sampler,
    *,
    longest: int = LONGEST_SHOWN,
) -> str | None:
    """Return a text cut and without links to files, None where it cannot stand in a command."""
    plain = len(schemas) == 1 and _is_plain_text(schemas[0])
    kind = None if plain else document.file_kind(schemas)
    if kind is not None and is_link(text):
        return ours.file(name, kind, schemas)
    if kind is not None or not text:
        return text
    in_lines = bool(IN_LINES.search(name)) or text.count("\n") > MOST_ITEMS
    line = cut_text(text, in_lines=in_lines, longest=longest)
    shows = line.replace("\n", " ").isprintable()
    return line if line and shows and is_harmless(line, is_file=False) else None


def _shown_parts(name: str, value: Json, document: SchemaDocument, ours: Sampler) -> Json:
    """Return an object or a list with its texts and files as in a command, None if it is long."""
    for most, longest in ((MOST_ITEMS, LONGEST_SHOWN), (2, 100), (1, LONGEST_SHOWN)):
        short = _short_parts(name, _fewer(value, most), document, ours, longest)
        if short is not None and len(json.dumps(short)) <= LONGEST_NESTED:
            return value if short == value else short
    return None


def _short_parts(
    name: str, value: Json, document: SchemaDocument, ours: Sampler, longest: int
) -> Json:
    """Return a value with its texts and files as in a command, None where one misleads."""
    whole = {name: value}
    files: dict[str, list[Location]] = {}
    for location, part, schemas in document.visit(whole):
        member = location[-1] if len(location) > 1 else 0
        if isinstance(member, str) and not is_harmless(member, is_file=False):
            return None
        if isinstance(part, str):
            words = "_".join(step for step in location if isinstance(step, str))
            text = _shown_text(words, part, schemas, document, ours, longest=longest)
            if text is None:
                return None
            put(whole, location, text)
            if is_own_file(text):
                files.setdefault(text, []).append(location)
    for file, places in files.items():
        for number, place in enumerate(places, 1):
            put(whole, place, numbered(file, number) if len(places) > 1 else file)
    return whole[name]


def _fewer(value: Json, most: int) -> Json:
    """Return a copy of a value with at most so many items of each list in it."""
    if isinstance(value, list):
        return [_fewer(item, most) for item in value[:most]]
    if isinstance(value, dict):
        return {name: _fewer(member, most) for name, member in value.items()}
    return value


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


def _local_files(
    example: Mapping[str, Json], fields: Mapping[str, Schema], document: SchemaDocument
) -> set[str]:
    """Return the fields in which the wrapper would find a file to upload that is none of ours."""
    # A default of a part may name a file as well: without its field nothing is uploaded.
    foreign = {
        name: value
        for name, value in example.items()
        if not (isinstance(value, str) and _is_plain_text(fields[name]))
        and not all(is_link(text) or is_own_file(text) for text in texts_in(value))
    }
    if not foreign:
        return set()
    named = {
        str(location[0])
        for location, value, schemas in document.visit(foreign)
        if isinstance(value, str) and _names_file(value, schemas, document)
    }
    if not named:
        return named
    files, _ = find_local_files(foreign, document, check=False)
    return named & {str(file.location[0]) for file in files}


def _names_file(text: str, schemas: Sequence[Schema], document: SchemaDocument) -> bool:
    """Return whether a text names a file of this machine that is none of ours."""
    if is_link(text) or is_own_file(text) or document.file_kind(schemas) is None:
        return False
    takes_words = any("x-words" in part for part in document.parts(*schemas))
    return not (takes_words and is_word(text))


def _is_plain_text(field: Schema) -> bool:
    """Return whether a field takes a text, and surely no file."""
    return "x-file" not in field and COMBINING.isdisjoint(field)


def _without(example: Mapping[str, Json], names: Set[str]) -> dict[str, Json]:
    return {name: value for name, value in example.items() if name not in names}


def _without_label(cut: str, least: int) -> str:
    """Return a cut text without the heading of what does not follow."""
    found = LABEL.search(cut) if "\n" in cut else None
    return cut[: found.start()] if found and found.start() >= least else cut


@lru_cache(maxsize=4096)
def cut_text(text: str, *, in_lines: bool, longest: int = LONGEST_SHOWN) -> str:
    """Return so much of a text: whole sentences, else clauses, else words; '' of JSON.

    Lines stay apart where `in_lines`.
    """
    line = text.strip() if in_lines else one_line(text)
    if len(line) <= longest:
        return line
    if line[0] in "[{" and line[-1] in "]}":
        return ""
    head = line[:longest]
    for mark, least in ((SENTENCE, 40), (CLAUSE, longest // 2)):
        ends = [match.end() for match in mark.finditer(line, 0, longest + 1)]
        ends = [end for end in ends if least <= end <= longest]
        if ends:
            return _without_label(line[: ends[-1]], least).rstrip(" ,;:\n#*-，；、：")
    return head.rpartition(" ")[0].rstrip() or head
