"""Two upstream documents become one Model; what is shown of them is chosen here, once."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from fal_runtime.file_kinds import word_kind
from fal_runtime.input.flags import flag_names, own_options
from fal_runtime.input.options import Option
from fal_runtime.schema.document import COMBINING, Schema, SchemaDocument
from fal_runtime.text import clean_text, one_line
from falsmith.description.line import Subject, describe_model
from falsmith.documents import Documents, Json
from falsmith.example.call import examples, long_text, usual_example
from falsmith.example.needs import alternatives
from falsmith.model import MISSING, Model, Output, Parameter
from falsmith.names import (
    TITLE_LIMIT,
    check_model_id,
    check_skill_name,
    full_title,
    readable_title,
    skill_name,
    wrapper_name,
)
from falsmith.prose import conditions, sentences
from falsmith.schema.branches import branches, follow
from falsmith.schema.file_kind import takes_links
from falsmith.schema.labels import choices, file_limits_label, has_few_lists, limits, type_label
from falsmith.schema.resolve import dig, input_schema, output_schema
from falsmith.screening import (
    fit_to_show,
    is_harmless_name,
    is_title,
    label_without_orders,
    screened,
)
from falsmith.steering import steering, without_steering
from falsmith.text import is_plain
from falsmith.traits import traits

__all__ = ["parse", "source_digest"]

# Sent as false unless it is given: media then come back as links, not as data URIs.
HIDDEN = frozenset({"sync_mode"})
SUMMARY_READ = 1_000
MARKDOWN_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*\)")
# The schema says that a field must be given, the words that it may be left out: the schema holds.
OPTION = re.compile(r"^optional:? (?=\w)|,? ?\(optional\)", re.I | re.M)
NOT_GIVEN = re.compile(r"if not (?:given|provided|set|specified)\b", re.I)
SWITCH = re.compile(r"(?:the )?default(?:s to|(?: value)?(?: is|:)) ?[`'\"]?(true|false)\b", re.I)
MEMBER_DEPTH = 3
# The keywords that lead from a field's schema to others.
NESTING = COMBINING | {"items"}
# A name, a code, a few words.
SAMPLE = re.compile(r"\S{1,48}|(?=.{1,24}$)\S.*")
# The catalogue's inputs have fewer than a hundred; those of objects of objects multiply.
MOST_MEMBERS = 1_000
OUTPUT_DEPTH = 4
# The catalogue's answers have fewer than a hundred; those of unions of objects multiply.
MOST_PLACES = 10_000
LIST_DEPTH = 3
# What an answer says of every file, or the file itself.
OF_FILES = frozenset({"url", "content_type", "file_name", "file_size", "file_data"})
OF_FILES |= {"width", "height", "duration", "fps", "num_frames"}
OF_FILES |= {"channels", "sample_rate", "bitrate"}
# What makes texts, where no schema of the answer says so.
WRITTEN = re.compile(r"(?:^|-)(?:text|json|llm)$")
# What a file is, where only its description says so.
NAMED_FILE = re.compile(r"\b(image|video|audio) (?:file|track)s?\b", re.IGNORECASE)
# What the catalogue calls a category; any other text could pose as an instruction to the reader.
CATEGORY = re.compile(r"(?=.{1,40}$)[a-z0-9]+(?:-[a-z0-9]+)*")
UNKNOWN = "unknown"
# What of the list's metadata a skill depends on.
SHOWN = (
    "display_name",
    "category",
    "kind",
    "description",
    "duration_estimate",
    "license_type",
    "inference_endpoint_ids",
    "training_endpoint_ids",
)
# What came in as JSON holds no circle to look for.
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


def parse(
    documents: Documents,
    *,
    name: str | None = None,
    short_name: str = "",
    description: str | None = None,
) -> Model:
    """Return the model that the documents describe.

    Args:
        documents: The list metadata, which may be empty, and the OpenAPI document.
        name: The skill's name, where the user chose one.
        short_name: What a collection calls the model, '' where the skill is its own.
        description: The skill's description, where the user wrote one.

    Raises:
        SkillNameError: The model ID or the name cannot be used.

    """
    model_id = check_model_id(documents.model_id)
    chosen = skill_name(model_id) if name is None else check_skill_name(name, model_id)
    inputs = input_schema(documents.openapi, model_id)
    outputs = output_schema(documents.openapi, model_id)
    schema, input_warnings = screened(inputs.schema, "input")
    answer, output_warnings = screened(outputs.schema, "output")
    category = _category(documents)
    title = _title(documents)
    parameters = tuple(sorted(_parameters(schema), key=lambda one: not one.required))
    results = tuple(_outputs(answer))
    given = {one.name for one in parameters}
    example, brief = examples(schema, parameters, f"{category} {model_id}")
    if not inputs.known:
        example = brief = usual_example(model_id)
    options = own_options(None if short_name else model_id, collection=bool(short_name))
    summaries, summary_warnings = _summaries(documents)
    words = describe_model(Subject(model_id, title, category, parameters, results, summaries))
    return Model(
        id=model_id,
        skill_name=chosen,
        short_name=short_name,
        wrapper=wrapper_name(chosen),
        display_name=title,
        category=category,
        description=one_line(description or "") or words.line,
        short_description=words.short,
        purpose=words.purpose,
        task=words.task,
        flow=words.flow,
        apart=words.apart,
        parameters=parameters,
        alternatives=alternatives(parameters),
        outputs=results,
        has_files=_has_files(results, category, is_known=outputs.known),
        has_seed="seed" in SchemaDocument(answer).fields() and "seed" in given,
        traits=traits(
            model_id,
            category,
            documents.metadata,
            parameters,
            outputs=results,
            summaries=summaries,
            about_input=schema.get("description", ""),
        ),
        example=example,
        brief_example=brief,
        # Of an unknown input no flag is known.
        flag_example=_flag_example(brief, options) if brief.keys() <= given else {},
        long_text=long_text(example, parameters),
        input_schema={**schema, **({"examples": [example]} if example else {})},
        input_is_known=inputs.known,
        output_schema=answer,
        output_is_known=outputs.known,
        warnings=(
            *inputs.warnings,
            *outputs.warnings,
            *input_warnings,
            *output_warnings,
            *summary_warnings,
            *_unshown_choices(parameters),
        ),
        source_digest=source_digest(documents),
    )


def source_digest(documents: Documents) -> str:
    """Return a digest of what the skill depends on: document and shown metadata."""
    shown = {key: documents.metadata.get(key) for key in SHOWN}
    source = CANONICAL.encode([shown, documents.openapi])
    return hashlib.sha256(source.encode("ascii", "backslashreplace")).hexdigest()


def _category(documents: Documents) -> str:
    """Return the category of the list, else of the document, where it is spelled as one."""
    own = dig(documents.openapi, "info", "x-fal-metadata", "category")
    for category in (documents.metadata.get("category"), own):
        if isinstance(category, str) and CATEGORY.fullmatch(category):
            return category
    return UNKNOWN


def _title(documents: Documents) -> str:
    """Return the platform's display name where it reads as a name, else one made of the ID."""
    display_name = documents.metadata.get("display_name")
    title = one_line(display_name) if isinstance(display_name, str) else ""
    title = one_line(re.sub(r"-{2,}", "-", re.sub(r"[<>`]", "", title)))
    usable = 0 < len(title) <= TITLE_LIMIT and is_title(title)
    model_id = documents.model_id
    return full_title(title, model_id) if usable else readable_title(model_id)


def _summaries(documents: Documents) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what the platform says of the model, without what steers, and warnings of that.

    The list's words come before the document's; what matters stands at the beginning of both.
    """
    about = dig(documents.openapi, "info", "x-fal-metadata", "about")
    kept, warnings = [], []
    for given in (documents.metadata.get("description"), about):
        text = clean_text(given[:SUMMARY_READ]) if isinstance(given, str) else ""
        text = MARKDOWN_LINK.sub(r"\1", text) if "](" in text else text
        rest, reason = without_steering(text)
        kept.append(rest)
        if reason and steering(text):
            warnings.append(f"the platform's description: a sentence was left out: {reason}")
    return tuple(kept), tuple(warnings)


def _parameters(schema: Schema) -> Iterator[Parameter]:
    """Yield the fields of an input, of all its branches where it is a union."""
    document = SchemaDocument(schema)
    required = frozenset(document.required())
    places = iter(range(MOST_MEMBERS))
    for name, part in document.fields().items():
        if not _is_hidden(name, part, schema):
            inside = tuple(_inside(part, schema))
            members = tuple(_members("", inside, schema, places))
            yield _parameter(name, inside, schema, name in required, members)


def _is_hidden(name: str, part: Schema, root: Schema) -> bool:
    """Return whether a field is the switch that each model has, and not another of its name."""
    return name in HIDDEN and all(one.get("type") == "boolean" for one in branches(part, root))


def _inside(part: Schema, root: Schema, depth: int = 0) -> Iterator[Schema]:
    """Yield a field's schema, its branches, and all that of the items of its lists."""
    if NESTING.isdisjoint(part):
        # Most fields are plain.
        yield part
        return
    whole = follow(part, root)
    yield whole
    if "$ref" in part and "description" in part:
        # What the definition itself says stands behind the field's own words.
        yield follow({"$ref": part["$ref"]}, root)
    parts = branches(whole, root)
    depth = depth if has_few_lists(parts) else LIST_DEPTH
    for one in parts:
        if one is not whole:
            yield one
        items = one.get("items")
        if items and depth < LIST_DEPTH and isinstance(items, Mapping):
            yield from _inside(items, root, depth + 1)


def _members(
    path: str, inside: Sequence[Schema], root: Schema, places: Iterator[int], depth: int = 0
) -> Iterator[Parameter]:
    """Yield the members of the objects inside a field, and theirs.

    Each takes one of `places`; after the last, no more is found.
    """
    found: dict[str, tuple[Schema, bool]] = {}
    for one in inside:
        for name, member in one.get("properties", {}).items():
            if is_harmless_name(name):
                found.setdefault(f"{path}{name}", (member, name in one.get("required", ())))
    for (name, (member, required)), _ in zip(found.items(), places, strict=False):
        within = tuple(_inside(member, root))
        yield _parameter(name, within, root, required)
        if depth < MEMBER_DEPTH:
            yield from _members(f"{name}.", within, root, places, depth + 1)


def _parameter(
    name: str,
    inside: Sequence[Schema],
    root: Schema,
    required: bool,
    members: tuple[Parameter, ...] = (),
) -> Parameter:
    whole, parts = inside[0], branches(inside[0], root)
    allowed = choices(parts, root)
    marked = next((one for one in inside if "x-file" in one), {})
    description = _description_of(inside)
    if required:
        description = _without_option(description)
    if isinstance(whole.get("default"), bool) and "efault" in description:
        description = _without_other_default(description, whole["default"])
    return Parameter(
        name=name,
        type=label_without_orders(type_label(parts, root)),
        required=required,
        default=whole.get("default", MISSING),
        choices=tuple(filter(fit_to_show, allowed)),
        choice_count=len(allowed),
        limits=", ".join(filter(None, (limits(parts), file_limits_label(marked, description)))),
        file_kind=marked.get("x-file"),
        description=description,
        deprecated=whole.get("deprecated", False),
        takes_words="x-words" in marked,
        takes_links=takes_links(description),
        samples=() if allowed else tuple(_samples(inside)),
        members=members,
    )


def _unshown_choices(parameters: Sequence[Parameter], place: str = "input") -> Iterator[str]:
    """Yield a warning for each field of which not every choice may stand where an agent reads."""
    for one in parameters:
        where = f"{place}.{one.name}"
        unshown = one.choice_count - len(one.choices)
        if unshown:
            yield f"{where}: choices not shown: {unshown} of {one.choice_count}, long or steering"
        yield from _unshown_choices(one.members, where)


def _samples(inside: Sequence[Schema]) -> Iterator[str]:
    """Yield the short texts among a field's examples, where there are several and no other."""
    examples = [example for one in inside if "examples" in one for example in one["examples"]]
    if len(examples) < 2 and not any(isinstance(one, list) for one in examples):
        return
    flat = [text for one in examples for text in (one if isinstance(one, list) else [one])]
    short = [one for one in flat if isinstance(one, str) and SAMPLE.fullmatch(one)]
    if len(short) > 1 and len(short) == len(flat):
        yield from dict.fromkeys(one for one in short if is_plain(one) and fit_to_show(one))


def _description_of(inside: Sequence[Schema]) -> str:
    """Return all that the document says of a field and what it takes, by paragraphs."""
    if len(inside) == 1:
        return str(inside[0].get("description", ""))
    texts = dict.fromkeys(one["description"] for one in inside if "description" in one)
    return "\n\n".join(texts)


def _without_option(description: str) -> str:
    """Return what is said of a field that must be given, without what says that it may not be."""
    if not (OPTION.search(description) or NOT_GIVEN.search(description)):
        return description
    kept = [one for one in sentences(description) if not NOT_GIVEN.match(one)]
    text = "\n\n".join(OPTION.sub("", one) for one in kept)
    return text[:1].upper() + text[1:]


def _without_other_default(description: str, default: bool) -> str:
    """Return what is said of a switch, without a sentence that gives it another default."""
    other = "false" if default else "true"
    parts = sentences(description)
    kept = [one for one in parts if (said := SWITCH.match(one)) is None or said[1].lower() != other]
    return description if len(kept) == len(parts) else "\n\n".join(kept)


def _flag_example(example: Mapping[str, Json], options: tuple[Option, ...]) -> dict[str, Json]:
    """Return `example` by the flags of the command line of a wrapper with these options.

    Empty where a name or a value cannot stand in a command of a Markdown code block as it is.
    """
    names = flag_names(example, options)
    texts = [value if isinstance(value, str) else json.dumps(value) for value in example.values()]
    if None in example.values():
        return {}
    if not all(is_plain(text) and "```" not in text for text in (*names.values(), *texts)):
        return {}
    return {names[name]: value for name, value in example.items()}


def _has_files(outputs: Sequence[Output], category: str, *, is_known: bool) -> bool:
    """Return whether the answer brings files; what of an unknown one the category tells."""
    return any(one.is_file for one in outputs) or not (is_known or WRITTEN.search(category))


def _outputs(schema: Schema) -> Iterator[Output]:
    """Yield each value of the answer once: branches of a union may name the same."""
    found: dict[str, Output] = {}
    places = iter(range(MOST_PLACES))
    for name, part in SchemaDocument(schema).fields().items():
        for output in _values(name, part, schema, (), places):
            found.setdefault(output.path, output)
    yield from found.values()


def _values(
    path: str, part: Schema, root: Schema, within: tuple[int, ...], places: Iterator[int]
) -> Iterator[Output]:
    """Yield the files in `part`, or all of it where it holds none."""
    files = tuple(_files(path, part, root, within, places))
    label = label_without_orders(type_label(branches(part, root), root))
    yield from files or (Output(path, label, False, _about(part, root)),)


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
            about = _about(part, root)
            said = NAMED_FILE.search(about) if kind == "file" else None
            named = word_kind(path.replace(".", "_")) or (said and said[1].lower())
            yield Output(path, named or kind, True, about)
            for name in [one for one in properties if one not in OF_FILES]:
                inside = (*within, id(properties))
                yield from _values(f"{path}.{name}", properties[name], root, inside, places)
        elif not properties and "items" not in branch:
            continue
        elif len(within) < OUTPUT_DEPTH and id(properties) not in within:
            inside = (*within, id(properties))
            about = part.get("description", branch.get("description", ""))
            inner = {f"{path}.{name}": child for name, child in properties.items()}
            if isinstance(branch.get("items"), Mapping):
                inner[f"{path}[]"] = branch["items"]
            for place, child in inner.items():
                for output in _files(place, child, root, inside, places):
                    yield _within(about, output, is_item=output.path == f"{path}[]")


def _within(about: str, output: Output, *, is_item: bool) -> Output:
    """Return a value of the answer with what is said of the list or the object that holds it.

    Of a list of files that is said of each; of an object only what holds for all its members.
    """
    if is_item:
        return replace(output, description=about or output.description)
    kept = conditions(about)
    return replace(output, description=f"{output.description}\n\n{kept}") if kept else output


def _about(part: Schema, root: Schema) -> str:
    return _description_of(tuple(_inside(part, root)))
