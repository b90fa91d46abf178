"""A value that fits a schema: its first valid example, its default, a choice or a sample."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING

from fal_runtime.file_kinds import content_type_of
from fal_runtime.schema.document import Schema, SchemaDocument
from fal_runtime.schema.validate import unknown_fields
from falsmith.documents import Json
from falsmith.example.roles import file_for, is_own_file, misses_medium, number_for, text_for
from falsmith.schema.branches import branches, follow
from falsmith.schema.file_kind import takes_links
from falsmith.screening import fit_to_show

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = ["Sampler", "numbered"]

DEPTH = 12
# Real fields take fewer than ten; a schema that refers to itself could take millions.
MOST_VALUES = 100
# Of all values that one sampler judges, as `SchemaDocument.steps` counts them; those of real
# models take some thousand.
MOST_STEPS = 100_000
# Where so many of its examples are wrong, the next ones are as well.
MOST_EXAMPLES = 100
LONGEST_TEXT = 10_000
MILLISECONDS = re.compile(r"\bmilliseconds\b", re.IGNORECASE)


class Sampler:
    """Samples values of one self-contained schema; keeps its validator between calls.

    `subject` is the category and ID of the model whose input it is: it tells which words and
    files suit a field. An answer has none, and its files are links. `brief` samples are short: no
    examples of the document.
    """

    def __init__(self, root: Schema, *, subject: str | None = None, brief: bool = False) -> None:
        self._root = root
        self._subject = subject
        self._brief = brief
        self._made_values = 0
        self._steps_left = MOST_STEPS
        self._definitions = root.get("$defs", {})
        self._validator: Draft202012Validator | None = None
        self._document = SchemaDocument(root)

    def fits(self, value: Json, schema: Schema) -> bool:
        """Return whether `value` is valid under `schema` and names only fields that it knows.

        No: also where that could take very long to find out, with what was judged before.
        """
        plainly = self._document.fits_plainly(value, schema)
        if plainly is False:
            return False
        is_nested = isinstance(value, dict | list)
        if is_nested or plainly is None:
            part = SchemaDocument({**schema, "$defs": self._definitions})
            # Only definitions can make much of little.
            if self._definitions and self._takes_too_long(value, part):
                return False
            if is_nested and unknown_fields(value, part):
                return False
        return plainly or not any(True for _ in self._errors(value, schema))

    def _takes_too_long(self, value: Json, part: SchemaDocument) -> bool:
        if self._steps_left >= 0:
            self._steps_left -= part.steps(value)
        return self._steps_left < 0

    def _errors(self, value: Json, schema: Schema) -> Iterator[object]:
        """Yield what is wrong with `value`; nothing where it is valid."""
        from jsonschema import Draft202012Validator
        from referencing.exceptions import Unresolvable

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
        examples = () if self._brief else resolved.get("examples", ())[:MOST_EXAMPLES]
        subject = self._subject or ""
        fitting = [one for one in examples if not misses_medium(name, one, subject)]
        yield from (one for one in fitting if not _is_blank(one, name))
        default = resolved.get("default")
        is_blank = _is_blank(default, name)
        if default is not None and not is_blank and not (self._brief and "type" in resolved):
            yield default
        allowed = [*([resolved["const"]] if "const" in resolved else []), *resolved.get("enum", ())]
        yield from islice(filter(fit_to_show, allowed), 1)
        # Nothing made here is one of them.
        if not allowed and depth < DEPTH:
            yield from self._made(resolved, name, depth)
        yield from (one for one in (*examples, default) if _is_blank(one, name))

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
                yield from self._strings(schema, name)
            case "integer" | "number":
                yield from filter(isfinite, _numbers(schema, name, whole=kind == "integer"))
            case "boolean":
                yield False
            case "array":
                yield from self._array(schema, name, depth)
            case "object":
                yield from self._objects(schema, depth)
            case _:
                yield None

    def file(self, name: str, kind: str, schemas: Sequence[Schema]) -> str:
        """Return a file for a place: the name of a local one, or in an answer a link."""
        about = next((part["description"] for part in schemas if "description" in part), "")
        if not takes_links(about):
            content_type = content_type_of(file_for(name, kind, "", ""))
            return f"data:{content_type};base64,YOUR_{kind.upper()}"
        file = file_for(name, kind, about, self._subject or "")
        formats = [
            one for part in schemas for one in part.get("x-file-limits", {}).get("formats", ())
        ]
        if formats and file.rpartition(".")[2] not in formats:
            file = f"{file.rpartition('.')[0]}.{formats[0]}"
        return file if self._subject is not None else f"https://example.com/{file}"

    def _strings(self, schema: Schema, name: str) -> Iterator[str]:
        if "x-file" in schema and "x-words" not in schema:
            yield self.file(name, schema["x-file"], [schema])
        text = text_for(name, schema.get("description", ""), self._subject or "")
        if not text and "x-file" in schema:
            yield self.file(name, schema["x-file"], [schema])
        if not text and self._subject is not None and name.isidentifier():
            text = f"YOUR_{name.upper()}"
        length = schema.get("minLength", 0)
        text = (text or "example").ljust(min(length, LONGEST_TEXT), ".")
        yield text[: schema.get("maxLength", LONGEST_TEXT)]
        yield from ("#000000", "a", "1", "2026-01-01", "00000000-0000-4000-8000-000000000000")

    def _array(self, schema: Schema, name: str, depth: int) -> Iterator[Json]:
        fixed = [self.value(part, name, depth + 1) for part in schema.get("prefixItems", ())]
        least = max(schema.get("minItems", 0), 0 if fixed else 1)
        item = schema.get("items", {})
        room = min(least, 16) - len(fixed)
        if isinstance(item, Mapping) and "description" in schema and "$ref" not in item:
            item = {"description": schema["description"], **item}
        made = [self.value(item, name, depth + 1)] * room if isinstance(item, Mapping) else []
        if room > 1 and isinstance(made[0], str) and is_own_file(made[0]):
            made = [numbered(made[0], number) for number in range(1, room + 1)]
        yield fixed + made
        yield []

    def _objects(self, schema: Schema, depth: int) -> Iterator[Json]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = [key for key in schema.get("required", ()) if key in properties]
        if not required and self._subject is not None:
            required = [key for key in properties if self._tells(key, properties[key])]
        yield {key: self.value(properties[key], key, depth + 1) for key in required}
        yield {key: self.value(part, key, depth + 1) for key, part in properties.items()}

    def _tells(self, name: str, schema: Schema) -> bool:
        """Return whether a member says something, in an object that requires none."""
        parts = branches(schema, self._root)
        return (
            "examples" in schema
            or number_for(name) is not None
            or any("x-file" in part or "enum" in part for part in parts)
        )


def _is_blank(default: Json, name: str) -> bool:
    """Return whether a default says nothing: no text, no item, no place."""
    if isinstance(default, str):
        return not default.strip(" .")
    return default == [] or (default == 0 and number_for(name) is not None and default is not False)


def numbered(file: str, number: int) -> str:
    """Return the name of a file with a number: `input.png` becomes `input_2.png`."""
    stem, _, extension = file.rpartition(".")
    return f"{stem}_{number}.{extension}"


def _numbers(schema: Schema, name: str, *, whole: bool) -> Iterator[int | float]:
    usual = number_for(name)
    if usual is not None:
        yield usual * 1000 if MILLISECONDS.search(schema.get("description", "")) else usual
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1 if whole else 0.5)
    start = least if least is not None else min(1, most) if most is not None else 1
    if "strength" in name and least is not None and most is not None:
        yield (least + most) / 2
    yield start
    yield start + step
    yield (start // step + 1) * step
    if most is not None:
        yield from (most, most - step, (start + most) / 2)
