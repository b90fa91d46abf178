"""A value that fits a schema: its first valid example, its default, a choice or a sample."""

import json
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from math import isfinite

from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from fal_runtime.input.files import find_local_files
from fal_runtime.schema.document import COMBINING, SchemaDocument
from fal_runtime.schema.document import SchemaObject as Schema
from fal_runtime.schema.validate import unknown_fields
from falsmith.documents import Json
from falsmith.schema.branches import follow
from falsmith.screening import fit_for_command, fit_to_show, is_harmless, is_link

__all__ = ["Sampler", "examples"]

# Fields that make a call say something, where the document requires none of them.
MEANINGFUL = ("prompt", "text", "input", "script", "query")
LONGEST_NESTED = 120
# A text of the document that stands in a command where none of ours is valid.
LONGEST_SHOWN = 200

DEPTH = 12
# Real fields take fewer than ten; a schema that refers to itself could take millions.
MOST_VALUES = 100
# Of all values that one sampler judges, as `SchemaDocument.steps` counts them; those of real
# models take some thousand.
MOST_STEPS = 100_000
# Where so many of its examples are wrong, the next ones are as well.
MOST_EXAMPLES = 100
LONGEST_TEXT = 10_000
# Keywords that speak of a single value and that `SchemaDocument.accepts` does not know.
INEXACT = COMBINING | {"maxLength", "minLength", "multipleOf", "not", "pattern"}
EXTENSIONS = {"image": "png", "video": "mp4", "audio": "mp3", "archive": "zip", "3d": "glb"}
OURS = frozenset(f"input.{extension}" for extension in (*EXTENSIONS.values(), "bin"))
TEXTS = {
    "prompt": "A red fox crossing a snowy field at dawn",
    "text": "The quick brown fox jumps over the lazy dog.",
}


def examples(schema: Schema) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return an input made of the required fields and a meaningful one, and it for a command.

    The second is short: samples of ours stand in it for values that are long or could mislead.
    """
    document = SchemaDocument(schema)
    fields = document.fields()
    example = _complete(document)
    texts = list(_texts(example, document))
    local = {name for name, text, is_file in texts if is_file and not is_link(text)}
    unfit = {name for name, text, is_file in texts if not fit_for_command(text, is_file=is_file)}
    unfit |= local | {name for name, value in example.items() if _is_long_nested(value)}
    if not unfit:
        return example, example
    sampler = Sampler(schema, brief=True)
    ours = {name: sampler.value(fields[name], name) for name in fields if name in unfit}
    example |= {name: ours[name] for name in local}
    brief = example | ours
    # Fields of an object of one piece are valid one by one.
    fits = (
        all(sampler.fits(ours[name], fields[name]) for name in ours)
        if (COMBINING | {"const", "enum", "not"}).isdisjoint(schema)
        else sampler.fits(brief, schema)
    )
    if not fits:
        # Theirs are longer, but valid. Where they mislead, better a command that is refused.
        brief |= {name: example[name] for name in unfit - _misleading(example, document)}
    # A default of a part may name a file as well: without its field nothing is uploaded.
    local = _local_files(example, document) | _local_files(brief, document)
    return _without(example, local), _without(brief, local)


def _is_long_nested(value: Json) -> bool:
    return isinstance(value, dict | list) and len(json.dumps(value)) > LONGEST_NESTED


def _without(example: Mapping[str, Json], names: Set[str]) -> dict[str, Json]:
    return {name: value for name, value in example.items() if name not in names}


def _misleading(example: Mapping[str, Json], document: SchemaDocument) -> set[str]:
    """Return the fields with a text that may steer, or that is longer than anyone reads."""
    return {
        name
        for name, text, is_file in _texts(example, document)
        if len(text) > LONGEST_SHOWN or not is_harmless(text, is_file=is_file)
    }


def _local_files(example: Mapping[str, Json], document: SchemaDocument) -> set[str]:
    """Return the fields in which the wrapper would find a file to upload, but samples of ours."""
    files, _ = find_local_files(dict(example), document, check=False)
    return {str(file.location[0]) for file in files if str(file.path) not in OURS}


def _complete(document: SchemaDocument) -> dict[str, Json]:
    """Return the example in the document's own words, in its order of fields."""
    sampler = Sampler(document.root)
    fields = document.fields()
    required = [name for name in document.required() if name in fields]
    example = {name: sampler.value(fields[name], name) for name in required}
    optional = [
        name
        for name in MEANINGFUL
        if name in fields and ("default" not in fields[name] or not required)
    ]
    if not required and not optional:
        optional = [name for name, part in fields.items() if part.get("examples")]
    for name in optional[:1]:
        value = example.get(name) or sampler.value(fields[name], name)
        example |= {name: value} if value else {}
    return {name: example[name] for name in fields if name in example}


def _texts(
    example: Mapping[str, Json], document: SchemaDocument
) -> Iterator[tuple[str, str, bool]]:
    """Yield the field, each text in its value, and whether that is a file; names of members too."""
    fields = document.fields()
    for field, whole in example.items():
        if isinstance(whole, str):
            yield field, whole, document.file_kind([fields[field]]) is not None
        elif isinstance(whole, dict | list):
            for location, value, schemas in document.visit({field: whole}):
                if isinstance(value, str):
                    yield field, value, document.file_kind(schemas) is not None
                if len(location) > 1 and isinstance(location[-1], str):
                    yield field, location[-1], False


class Sampler:
    """Samples values of one self-contained schema; keeps its validator between calls.

    `brief` samples are short: no examples of the document, names of local files for links.
    """

    def __init__(self, root: Schema, *, brief: bool = False) -> None:
        self._root = root
        self._brief = brief
        self._made_values = 0
        self._steps_left = MOST_STEPS
        self._definitions = root.get("$defs", {})
        self._validator: Draft202012Validator | None = None

    def fits(self, value: Json, schema: Schema) -> bool:
        """Return whether `value` is valid under `schema` and names only fields that it knows.

        No: also where that could take very long to find out, with what was judged before.
        """
        is_nested = isinstance(value, dict | list)
        if not is_nested and INEXACT.isdisjoint(schema):
            return SchemaDocument(schema).accepts(value, schema)
        if is_nested or not COMBINING.isdisjoint(schema):
            part = SchemaDocument({**schema, "$defs": self._definitions})
            # Only definitions can make much of little.
            if self._definitions and self._takes_too_long(value, part):
                return False
            if is_nested and unknown_fields(value, part):
                return False
        return not any(True for _ in self._errors(value, schema))

    def _takes_too_long(self, value: Json, part: SchemaDocument) -> bool:
        if self._steps_left >= 0:
            self._steps_left -= part.steps(value)
        return self._steps_left < 0

    def _errors(self, value: Json, schema: Schema) -> Iterator[object]:
        """Yield what is wrong with `value`; nothing where it is valid."""
        try:
            if self._validator is None:
                self._validator = Draft202012Validator(dict(self._root))
            yield from self._validator.evolve(schema=dict(schema)).iter_errors(value)
        except (RecursionError, Unresolvable) as error:
            yield error

    def value(self, schema: Schema, name: str = "", depth: int = 0) -> Json:
        """Return the first candidate that fits `schema`, else the last one that was tried.

        Args:
            schema: The schema to satisfy, the root or a part of it.
            name: The field's name, which helps to choose a sensible text.
            depth: How deep in a value that is being made; 0 from outside.

        """
        chosen: Json = None
        self._made_values = self._made_values + 1 if depth else 0
        if self._made_values > MOST_VALUES:
            return chosen
        for candidate in self._candidates(schema, name, depth):
            chosen = candidate
            if self.fits(candidate, schema):
                break
        return chosen

    def _candidates(self, schema: Schema, name: str, depth: int) -> Iterator[Json]:
        resolved = follow(schema, self._root)
        if not self._brief:
            yield from resolved.get("examples", ())[:MOST_EXAMPLES]
        if resolved.get("default") is not None and not (self._brief and "type" in resolved):
            yield resolved["default"]
        allowed = [*([resolved["const"]] if "const" in resolved else []), *resolved.get("enum", ())]
        yield from islice(filter(fit_to_show, allowed), 1)
        # Nothing made here is one of them.
        if not allowed and depth < DEPTH:
            yield from self._made(resolved, name, depth)

    def _made(self, schema: Schema, name: str, depth: int) -> Iterator[Json]:
        for keyword in ("anyOf", "oneOf"):
            for branch in schema.get(keyword, ()):
                if branch != {"type": "null"}:
                    yield self.value(branch, name, depth + 1)
        if "allOf" in schema:
            yield self._merged(schema["allOf"], name, depth)
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            yield from self._of_type(kind, schema, name, depth)

    def _merged(self, branches: list[Schema], name: str, depth: int) -> Json:
        parts = [self.value(branch, name, depth + 1) for branch in branches]
        merged: dict[str, Json] = {}
        for part in parts:
            if isinstance(part, dict):
                merged |= part
        return merged or parts[0]

    def _of_type(self, kind: str, schema: Schema, name: str, depth: int) -> Iterator[Json]:
        match kind:
            case "string":
                yield from self._links(schema)
                yield from _plain_texts(schema, name)
            case "integer" | "number":
                yield from filter(isfinite, _numbers(schema, whole=kind == "integer"))
            case "boolean":
                yield False
            case "array":
                yield from self._array(schema, name, depth)
            case "object":
                yield from self._objects(schema, depth)
            case _:
                yield None

    def _links(self, schema: Schema) -> Iterator[str]:
        if "x-file" in schema:
            file = f"input.{EXTENSIONS.get(schema['x-file'], 'bin')}"
            yield file if self._brief else f"https://example.com/{file}"

    def _array(self, schema: Schema, name: str, depth: int) -> Iterator[Json]:
        fixed = [self.value(part, name, depth + 1) for part in schema.get("prefixItems", ())]
        least = max(schema.get("minItems", 0), 0 if fixed else 1)
        item = schema.get("items", {})
        room = min(least, 16) - len(fixed)
        made = [self.value(item, name, depth + 1)] * room if isinstance(item, Mapping) else []
        yield fixed + made
        yield []

    def _objects(self, schema: Schema, depth: int) -> Iterator[Json]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = [key for key in schema.get("required", ()) if key in properties]
        yield {key: self.value(properties[key], key, depth + 1) for key in required}
        yield {key: self.value(part, key, depth + 1) for key, part in properties.items()}


def _plain_texts(schema: Schema, name: str) -> Iterator[str]:
    spoken = next((text for word, text in TEXTS.items() if word in name.lower()), "example")
    length = schema.get("minLength", 0)
    yield spoken.ljust(min(length, LONGEST_TEXT), ".")[: schema.get("maxLength", LONGEST_TEXT)]
    yield from ("#000000", "a", "1", "2026-01-01", "00000000-0000-4000-8000-000000000000")


def _numbers(schema: Schema, *, whole: bool) -> Iterator[int | float]:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1 if whole else 0.5)
    start = least if least is not None else min(1, most) if most is not None else 1
    yield start
    yield start + step
    yield (start // step + 1) * step
    if most is not None:
        yield from (most, most - step, (start + most) / 2)
