"""Two upstream documents become one Model; every upstream text is cleaned here, once."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from fal_runtime.file_kinds import word_kind
from fal_runtime.input.flags import field_flags, own_options
from fal_runtime.schema.document import COMBINING, SchemaDocument, branches, follow
from fal_runtime.schema.document import SchemaObject as Schema
from fal_runtime.text import one_line
from falsmith.documents import Documents, Json
from falsmith.model import MISSING, Model, Output, Parameter
from falsmith.names import check_model_id, check_skill_name, skill_name, wrapper_name
from falsmith.sample import Sampler
from falsmith.schema.labels import choices, has_few_lists, limits, type_label
from falsmith.schema.resolve import dig, input_schema, output_schema
from falsmith.text import is_plain, shorten
from falsmith.traits import purpose, traits

__all__ = ["parse"]

# Sent as false unless it is given: media then come back as links, not as data URIs.
HIDDEN = frozenset({"sync_mode"})
# Fields that make a call say something, where the document requires none of them.
TELLING = ("prompt", "text", "input", "script", "query")
DISPLAY_NAME_LIMIT = 48
SHORT_DESCRIPTION_LENGTHS = range(25, 65)
BRIEF_TEXT, BRIEF_VALUE = 60, 120
DESCRIPTION_LIMIT = 120
OUTPUT_DEPTH = 4
# The catalogue's answers have fewer than a hundred; those of unions of objects multiply.
MOST_PLACES = 10_000
LIST_DEPTH = 3
# What the catalogue calls a category; any other text could pose as an instruction to the reader.
CATEGORY = re.compile(r"(?=.{1,40}$)[a-z0-9]+(?:-[a-z0-9]+)*")
UNKNOWN = "unknown"
# What came in as JSON holds no circle to look for.
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


def parse(
    documents: Documents, *, name: str | None = None, description: str | None = None
) -> Model:
    """Return the model that the documents describe.

    Args:
        documents: The list metadata, which may be empty, and the OpenAPI document.
        name: The skill's name, where the user chose one.
        description: The skill's description, where the user wrote one.

    Raises:
        SkillNameError: The model ID or the name cannot be used.

    """
    model_id = check_model_id(documents.model_id)
    chosen = skill_name(model_id) if name is None else check_skill_name(name, model_id)
    inputs = input_schema(documents.openapi, model_id)
    outputs = output_schema(documents.openapi, model_id)
    category = _category(documents)
    answer = tuple(_outputs(outputs.schema))
    parameters = tuple(sorted(_parameters(inputs.schema), key=lambda one: not one.required))
    example = _example(inputs.schema)
    brief = _brief_example(inputs.schema, example)
    title = _display_name(documents)
    return Model(
        id=model_id,
        skill_name=chosen,
        wrapper=wrapper_name(chosen),
        display_name=title,
        category=category,
        description=one_line(description or "") or _description(model_id, title, category),
        short_description=_short_description(model_id, category),
        task=_task(category, title),
        parameters=parameters,
        outputs=answer,
        has_files=not outputs.known or any(one.is_file for one in answer),
        has_seed="seed" in _properties(outputs.schema),
        traits=traits(category, documents.metadata, parameters),
        example=example,
        brief_example=brief,
        flag_example=_flag_example(inputs.schema, model_id, brief),
        input_schema=dict(inputs.schema) | ({"examples": [example]} if example else {}),
        input_is_known=inputs.known,
        output_schema=outputs.schema,
        output_is_known=outputs.known,
        oddities=inputs.oddities + outputs.oddities,
        source_digest=_digest(documents),
    )


def _digest(documents: Documents) -> str:
    """Return a digest of what the skill depends on: document and shown metadata."""
    shown = {key: documents.metadata.get(key) for key in ("display_name", "category", "kind")}
    source = CANONICAL.encode([shown, documents.openapi])
    return hashlib.sha256(source.encode("ascii", "backslashreplace")).hexdigest()


def _category(documents: Documents) -> str:
    told = dig(documents.openapi, "info", "x-fal-metadata", "category")
    for category in (documents.metadata.get("category"), told):
        if isinstance(category, str) and CATEGORY.fullmatch(category):
            return category
    return UNKNOWN


def _display_name(documents: Documents) -> str:
    told = documents.metadata.get("display_name")
    title = one_line(told) if isinstance(told, str) else ""
    words = one_line(re.sub(r"-{2,}", "-", re.sub(r"[<>`]", "", title)))
    return (words if len(words) <= DISPLAY_NAME_LIMIT else "") or documents.model_id


def _description(model_id: str, title: str, category: str) -> str:
    """Return the skill's description: our own words, with the words people search by first."""
    named = f"{title} ({model_id})" if title != model_id else model_id
    asked = f"asks for {category} or " if category != UNKNOWN else ""
    return f"{purpose(category)} with {named} on fal.ai. Use when the user {asked}names this model."


def _short_description(model_id: str, category: str) -> str:
    """Return 25 to 64 characters: what it does, and with which model where that fits."""
    endings = (f"with {model_id}", "on fal.ai", "with a fal.ai model")
    texts = [f"{purpose(category)} {ending}" for ending in endings]
    return next(text for text in texts if len(text) in SHORT_DESCRIPTION_LENGTHS)


def _task(category: str, title: str) -> str:
    """Return the purpose as it follows "to": generate images from text with FLUX.1 [dev]."""
    words = purpose(category)
    return f"{words[0].lower()}{words[1:]} with {title}"


def _parameters(schema: Schema) -> Iterator[Parameter]:
    required = frozenset(_required(schema))
    for name, part in _properties(schema).items():
        if name not in HIDDEN:
            yield _parameter(name, part, schema, required=name in required)


def _required(schema: Schema) -> Sequence[str]:
    """Return the fields that every input must hold, whatever branch of a union it takes."""
    plain: Sequence[str] = schema.get("required", ())
    return plain if COMBINING.isdisjoint(schema) else SchemaDocument(schema).required()


def _properties(schema: Schema) -> Mapping[str, Schema]:
    """Return the fields of an input, of all its branches where it is a union."""
    found: dict[str, Schema] = {}
    for branch in branches(schema, schema):
        found |= branch.get("properties", {})
    return found


def _parameter(name: str, part: Schema, root: Schema, *, required: bool) -> Parameter:
    followed = follow(part, root)
    parts = branches(part, root)
    return Parameter(
        name=name,
        type=type_label(parts, root),
        required=required,
        default=followed.get("default", MISSING),
        choices=choices(parts, root),
        limits=limits(parts),
        file_kind=_file_kind(parts, root),
        description=shorten(followed.get("description", ""), DESCRIPTION_LIMIT),
        deprecated=followed.get("deprecated", False),
    )


def _file_kind(parts: Sequence[Schema], root: Schema, depth: int = 0) -> str | None:
    """Return the kind of file that the field itself takes, alone or as a list."""
    depth = depth if has_few_lists(parts) else LIST_DEPTH
    for part in parts:
        items = part.get("items") if depth < LIST_DEPTH else None
        kind = part.get("x-file")
        if kind is None and items:
            kind = _file_kind(branches(items, root), root, depth + 1)
        if isinstance(kind, str):
            return kind
    return None


def _example(schema: Schema) -> dict[str, Json]:
    """Return an input made of the required fields and a telling one."""
    sampler = Sampler(schema)
    properties = _properties(schema)
    asked = [name for name in _required(schema) if name in properties]
    example = {name: sampler.value(properties[name], name) for name in asked}
    open_fields = {name for name, part in properties.items() if "default" not in part}
    telling = [
        name for name in TELLING if name in open_fields or (name in properties and not asked)
    ]
    telling = telling[:1]
    if not asked and not telling:
        telling = [name for name, part in properties.items() if part.get("examples")][:1]
    for name in telling:
        value = example.get(name) or sampler.value(properties[name], name)
        example |= {name: value} if value else {}
    return {name: example[name] for name in properties if name in example}


def _brief_example(schema: Schema, example: Mapping[str, Json]) -> dict[str, Json]:
    """Return `example` with short samples in place of long values, for use in a command."""
    sampler = Sampler(schema, brief=True)
    properties = _properties(schema)
    long = [name for name, value in example.items() if not _is_brief(value)]
    brief = {name: sampler.value(properties[name], name) for name in long}
    # Fields of an object of one piece are valid one by one.
    whole = {**example, **brief}
    fits = (
        all(sampler.fits(brief[name], properties[name]) for name in long)
        if (COMBINING | {"const", "enum", "not"}).isdisjoint(schema)
        else sampler.fits(whole, schema)
    )
    return whole if fits else dict(example)


def _flag_example(schema: Schema, model_id: str, example: Mapping[str, Json]) -> dict[str, Json]:
    """Return `example` by the flags of the wrapper's own command line."""
    named = {name: part for name, part in _properties(schema).items() if name in example}
    document = SchemaDocument({"properties": named, "$defs": schema.get("$defs", {})})
    flags = field_flags(document, own_options(model_id))
    names = {flag.field: flag.names[0] for flag in flags}
    if not all(_survives(names.get(name)) and _survives(value) for name, value in example.items()):
        return {}
    return {names[name]: value for name, value in example.items()}


def _survives(value: Json) -> bool:
    """Tell whether a value can stand in a command of a Markdown code block as it is."""
    if value is None:
        return False
    text = value if isinstance(value, str) else json.dumps(value)
    return is_plain(text) and "```" not in text


def _is_brief(value: Json) -> bool:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return len(json.dumps(value)) <= BRIEF_VALUE and all(_is_brief(one) for one in inner)
    return not isinstance(value, str) or (len(value) <= BRIEF_TEXT and value.isprintable())


def _outputs(schema: Schema) -> Iterator[Output]:
    """Yield each value of the answer once: branches of a union may name the same."""
    found: dict[str, Output] = {}
    places = iter(range(MOST_PLACES))
    for name, part in _properties(schema).items():
        for output in _output(name, part, schema, places):
            found.setdefault(output.path, output)
    yield from found.values()


def _output(path: str, part: Schema, root: Schema, places: Iterator[int]) -> Iterator[Output]:
    """Yield the files that `part` holds at any depth, or the value itself where it holds none."""
    files = tuple(_files(path, part, root, (), places))
    text = shorten(follow(part, root).get("description", ""), DESCRIPTION_LIMIT)
    label = type_label(branches(part, root), root)
    yield from files or (Output(path, label, False, text),)


def _files(
    path: str, part: Schema, root: Schema, within: tuple[int, ...], places: Iterator[int]
) -> Iterator[Output]:
    """Yield the files in `part`; `within` are the objects around it, none is entered twice.

    Each look into a branch takes one of `places`; after the last, no more is found.
    """
    for branch, _ in zip(branches(part, root), places, strict=False):
        properties = branch.get("properties", {})
        link = properties.get("url", branch if path.rpartition(".")[2] != "url" else {})
        marks = [one.get("x-file") for one in branches(link, root)]
        kind = next((mark for mark in marks if isinstance(mark, str)), None)
        if kind is not None:
            text = shorten(follow(part, root).get("description", ""), DESCRIPTION_LIMIT)
            yield Output(path, word_kind(path) or kind, True, text)
        elif not properties and "items" not in branch:
            continue
        elif len(within) < OUTPUT_DEPTH and id(properties) not in within:
            inside = (*within, id(properties))
            for name, child in properties.items():
                yield from _files(f"{path}.{name}", child, root, inside, places)
            if isinstance(branch.get("items"), Mapping):
                yield from _files(f"{path}[]", branch["items"], root, inside, places)
