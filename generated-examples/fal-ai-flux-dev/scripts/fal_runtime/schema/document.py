"""The one reader of a self-contained JSON Schema: what holds at a place, and which values fit."""

import operator
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import unquote

from fal_runtime.json_text import Value

_ALL_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})

# The keywords by which a schema takes in others; most have none of them.
COMBINING = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
# A catalogue's largest example takes some thousand steps; for this many, seconds are enough.
MOST_STEPS = 500_000

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "$comment", "title", "description"})

# Keywords that only a validator judges.
_INEXACT = frozenset({"allOf", "oneOf", "not", "if", "$dynamicRef"})
_INEXACT |= {"prefixItems", "contains", "uniqueItems", "unevaluatedItems"}
_INEXACT |= {"minProperties", "maxProperties", "patternProperties", "propertyNames"}
_INEXACT |= {"dependentRequired", "dependentSchemas", "unevaluatedProperties"}

_LONGEST_PATTERN = 100
# What repeats, but for a fixed number of times.
_REPEAT = re.compile(r"[*+?]|\{\d*,")
_REPEATED_GROUP = re.compile(r"\)[*+?{]|\\[1-9]")

Location: TypeAlias = tuple[str | int, ...]

# Whatever stands where a schema belongs: an object, a boolean, or something wrong.
AnySchema: TypeAlias = Any
Schema: TypeAlias = Mapping[str, Any]

# Whether a value fits a schema, by the identities of both: each pair is judged once.
_Verdicts: TypeAlias = dict[tuple[int, int], bool | None]


@dataclass(frozen=True, slots=True)
class SchemaDocument:
    """A model's input schema; every method takes wrong types anywhere in it without raising."""

    root: Schema

    @property
    def known(self) -> bool:
        """Return whether the schema says anything at all about the input."""
        return bool(set(self.root) - _ANNOTATIONS)

    def fields(self) -> dict[str, Any]:
        """Return the schemas of the input's own fields, in the document's order."""
        return self.properties(self.root)

    def properties(self, *schemas: AnySchema) -> dict[str, Any]:
        """Return the schemas of the fields that objects of these schemas hold, by their names."""
        fields: dict[str, Any] = {}
        for part in self.parts(*schemas):
            for name, schema in _mapping(part, "properties").items():
                fields.setdefault(name, schema)
        return fields

    def required(self) -> tuple[str, ...]:
        """Return the names of the fields that every input must hold."""
        waiting, seen, names = [self.root], set[int](), dict[str, None]()
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict) and id(part) not in seen:
                seen.add(id(part))
                required = _sequence(part, "required")
                names |= dict.fromkeys(name for name in required if isinstance(name, str))
                waiting += [*reversed(_sequence(part, "allOf")), self.target(part)]
        return tuple(names)

    def hidden(self) -> tuple[str, ...]:
        """Return the names of fields that are shown nowhere, and sent as false unless given.

        True in a boolean `sync_mode` would put the files' bytes into the answer.
        """
        field = self.fields().get("sync_mode")
        is_switch = field is not None and self.types(field) - {"null"} == {"boolean"}
        return ("sync_mode",) if is_switch else ()

    def parts(self, *schemas: AnySchema) -> Iterator[Schema]:
        """Yield, once each, the schemas that speak of the same value: refs, allOf, anyOf, oneOf."""
        waiting, seen = [*reversed(schemas)], set[int]()
        while waiting:
            part = waiting.pop()
            if not isinstance(part, dict) or id(part) in seen:
                continue
            seen.add(id(part))
            yield part
            if not COMBINING.isdisjoint(part):
                waiting += reversed(self.in_place(part))

    def in_place(self, schema: Schema) -> list[AnySchema]:
        """Return the schemas that `schema` names and that speak of the same value."""
        if COMBINING.isdisjoint(schema):
            return []
        unions = [part for key in ("allOf", "anyOf", "oneOf") for part in _sequence(schema, key)]
        return [self.target(schema), *unions] if "$ref" in schema else unions

    def target(self, schema: Schema) -> AnySchema:
        """Return what the schema's `$ref` points at, True where it points at nothing."""
        reference = schema.get("$ref")
        # The name of an anchor is no way to it.
        if not isinstance(reference, str) or reference.partition("/")[0] != "#":
            return True
        place: AnySchema = self.root
        for step in reference[1:].split("/")[1:]:
            name = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict) and name in place:
                place = place[name]
            elif isinstance(place, list) and name.isdecimal() and int(name) < len(place):
                place = place[int(name)]
            else:
                return True
        return place

    def types(self, schema: AnySchema) -> frozenset[str]:
        """Return the JSON types that the schema lets through; `number` includes `integer`."""
        return self._types(schema, {})

    def accepts(self, value: Value, schema: AnySchema) -> bool:
        """Return whether a value fits by type, choices, range and required members.

        It decides how a text is read, also where no validator can be imported; it does not
        replace validation.
        """
        return self._verdict(value, schema, {}, exact=False) is not False

    def fits_plainly(self, value: Value, schema: AnySchema) -> bool | None:
        """Return whether a value is valid by keywords that are judged here.

        None where a validator must judge; it takes a tenth of a second to import.
        """
        return self._verdict(value, schema, {}, exact=True)

    def members(self, schemas: Sequence[Any], step: str | int) -> list[Any]:
        """Return, once each, the schemas of a value's member (a name) or item (an index)."""
        return _of(self.parts(*schemas), step)

    def item_schema(self, schema: AnySchema) -> AnySchema:
        """Return the schema of an array's further items."""
        items = [part["items"] for part in self.parts(schema) if "items" in part]
        return items[0] if len(items) == 1 else {"anyOf": items} if items else {}

    def visit(self, value: Value) -> Iterator[tuple[Location, Any, list[Any]]]:
        """Yield location, value and schemas of an input and everything in it, outermost first."""
        waiting: list[tuple[Location, Any, list[Any]]] = [((), value, [self.root])]
        while waiting:
            location, current, schemas = waiting.pop()
            yield location, current, schemas
            entries = _entries(current)
            parts = list(self.parts(*schemas)) if entries else []
            inside = [((*location, step), member, _of(parts, step)) for step, member in entries]
            waiting.extend(reversed(inside))

    def steps(self, value: Value) -> int:
        """Return how many pairs of schema and value a validator visits, MOST_STEPS + 1 at most.

        Definitions that refer to one another can make that grow without bound with each level of
        the value, while schema and value stay small.
        """
        waiting: list[tuple[AnySchema, Value]] = [(self.root, value)]
        count = 0
        while waiting and count <= MOST_STEPS:
            schema, part = waiting.pop()
            if isinstance(schema, dict):
                # A validator takes ten times as long for a reference.
                count += (10 if "$ref" in schema else 1) + len(_sequence(schema, "enum"))
                count += len(part) ** 2 if "uniqueItems" in schema and _entries(part) else 0
                waiting += [(other, part) for other in self.in_place(schema)]
                waiting += [(_member(schema, step), inner) for step, inner in _entries(part)]
        return min(count, MOST_STEPS + 1)

    def file_kind(self, schemas: Sequence[Any]) -> str | None:
        """Return the first `x-file` kind of a place, None where no file stands."""
        return next(iter(self.file_kinds(schemas)), None)

    def file_kinds(self, schemas: Sequence[Any]) -> list[str]:
        """Return all `x-file` kinds of a place, once each."""
        kinds = self._values_of(schemas, "x-file")
        return list(dict.fromkeys(kind for kind in kinds if isinstance(kind, str)))

    def takes_words(self, schemas: Sequence[Any]) -> bool:
        """Return whether a place takes other texts than files as well (`x-words`)."""
        return any(value is True for value in self._values_of(schemas, "x-words"))

    def file_limits(self, schemas: Sequence[Any]) -> Mapping[str, Any]:
        """Return what a file of the place must keep to (`x-file-limits`), if that is one thing."""
        limits = self._values_of(schemas, "x-file-limits")
        return limits[0] if len(limits) == 1 and isinstance(limits[0], dict) else {}

    def choices(self, schemas: Sequence[Any]) -> list[Any]:
        """Return the values that the place's enumerations and constants name."""
        values: list[Any] = []
        for part in self.parts(*schemas):
            values += [*_sequence(part, "enum"), *([part["const"]] if "const" in part else [])]
        return values

    def defaults(self, schemas: Sequence[AnySchema]) -> list[Value]:
        """Return the place's defaults."""
        return self._values_of(schemas, "default")

    def examples(self, schemas: Sequence[AnySchema]) -> list[Value]:
        """Return the place's examples and defaults."""
        parts = self.parts(*schemas)
        shown = [example for part in parts for example in _sequence(part, "examples")]
        return shown + self.defaults(schemas)

    def _values_of(self, schemas: Sequence[AnySchema], keyword: str) -> list[Any]:
        return [part[keyword] for part in self.parts(*schemas) if keyword in part]

    def _types(self, schema: AnySchema, known: dict[int, frozenset[str]]) -> frozenset[str]:
        if not isinstance(schema, dict):
            return _ALL_TYPES
        if id(schema) in known:
            return known[id(schema)]
        # What refers to itself says nothing more about the types.
        known[id(schema)], types = _ALL_TYPES, _own_types(schema)
        if not COMBINING.isdisjoint(schema):
            for part in [self.target(schema), *_sequence(schema, "allOf")]:
                types &= self._types(part, known)
            for key in ("anyOf", "oneOf"):
                branches = [self._types(branch, known) for branch in _sequence(schema, key)]
                types &= frozenset[str]().union(*branches) if branches else _ALL_TYPES
        known[id(schema)] = types
        return types

    def _verdict(
        self, value: Value, schema: AnySchema, known: _Verdicts, *, exact: bool
    ) -> bool | None:
        if not isinstance(schema, dict) or (exact and not _INEXACT.isdisjoint(schema)):
            return None if exact else schema is not False
        pair = (id(value), id(schema))
        if pair not in known:
            # What leads back to itself says nothing more of the value.
            known[pair] = None
            doubt = False
            for verdict in self._verdicts(value, schema, known, exact=exact):
                doubt = doubt or verdict is None
                if verdict is False:
                    break
            else:
                verdict = None if doubt else True
            known[pair] = verdict
        return known[pair]

    def _verdicts(
        self, value: Value, schema: Schema, known: _Verdicts, *, exact: bool
    ) -> Iterator[bool | None]:
        """Yield what each keyword says of a value; where in doubt None."""
        judged = partial(self._verdict, known=known, exact=exact)
        if exact and isinstance(value, dict | list):
            yield True if schema.keys().isdisjoint({"enum", "const"}) else None
        yield _fits_alone(value, schema)
        if exact:
            yield _fits_form(value, schema)
        if not COMBINING.isdisjoint(schema):
            together = [self.target(schema)] if "$ref" in schema else []
            for part in together + _sequence(schema, "allOf"):
                yield judged(value, part)
            for key in ("anyOf", "oneOf"):
                if union := [judged(value, branch) for branch in _sequence(schema, key)]:
                    yield True if True in union else None if None in union else False
        for step, member in _entries(value):
            inside = _member(schema, step)
            if inside is not None:
                yield judged(member, inside)


def is_quick(pattern: Value) -> bool:
    """Return whether a pattern can be tried here: short, one repetition at most, not of a group.

    The catalogue has three patterns in 1,080 documents. Any other is left to the server, because
    Python's engine may try for ever to fit a text to it, or reads it otherwise.
    """
    if not isinstance(pattern, str) or len(pattern) > _LONGEST_PATTERN:
        return False
    if _REPEATED_GROUP.search(pattern) or len(_REPEAT.findall(pattern)) > 1:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(pattern) is not None
    except (re.error, OverflowError, RecursionError, Warning):
        return False


def json_type(value: Value) -> str:
    """Return the JSON type of a Python value; a float without fraction counts as an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    names = {str: "string", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "object")


def same(one: Value, other: Value) -> bool:
    """Return whether two JSON values are equal; Python alone takes True for 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _fits_alone(value: Value, schema: Schema) -> bool:
    if json_type(value) not in _own_types(schema):
        return False
    if isinstance(schema.get("enum"), list) and not any(same(value, c) for c in schema["enum"]):
        return False
    if "const" in schema and not same(value, schema["const"]):
        return False
    if isinstance(value, dict):
        return all(name in value for name in _sequence(schema, "required"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    limits = (schema.get(keyword) for keyword in _RANGE)
    return all(
        fits(value, limit)
        for fits, limit in zip(_RANGE.values(), limits, strict=True)
        if isinstance(limit, int | float) and not isinstance(limit, bool)
    )


def _fits_form(value: Value, schema: Schema) -> bool | None:
    """Return whether a value keeps to names, length, pattern and multiple, None where in doubt."""
    if isinstance(value, dict) and schema.get("additionalProperties") is False:
        return value.keys() <= _mapping(schema, "properties").keys()
    if isinstance(value, str | list):
        size = "Length" if isinstance(value, str) else "Items"
        least, most = schema.get(f"min{size}", 0), schema.get(f"max{size}", len(value))
        if not isinstance(least, int) or not isinstance(most, int):
            return None
        if not least <= len(value) <= most:
            return False
    if isinstance(value, str) and "pattern" in schema:
        pattern = schema["pattern"]
        return re.search(pattern, value) is not None if is_quick(pattern) else None
    if json_type(value) in ("integer", "number") and "multipleOf" in schema:
        step = schema["multipleOf"]
        return value % step == 0 if isinstance(value, int) and type(step) is int and step else None
    return True


# Whether a number keeps a limit, by the limit's keyword.
_RANGE = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def _own_types(schema: Schema) -> frozenset[str]:
    named = schema.get("type")
    types = frozenset(_ALL_TYPES)
    if isinstance(named, str | list):
        names = {named} if isinstance(named, str) else {n for n in named if isinstance(n, str)}
        types = frozenset(names | ({"integer"} if "number" in names else set())) & _ALL_TYPES
    for values in (schema.get("enum"), [schema["const"]] if "const" in schema else None):
        if isinstance(values, list):
            types &= frozenset(json_type(value) for value in values)
    return types


def _of(parts: Iterable[Schema], step: str | int) -> list[Any]:
    members = (_member(part, step) for part in parts)
    known = [schema for schema in members if schema is not None]
    return known if len(known) < 2 else list({id(schema): schema for schema in known}.values())


def _member(schema: Schema, step: str | int) -> AnySchema:
    if isinstance(step, str):
        properties = _mapping(schema, "properties")
        if step in properties:
            return properties[step]
        others = schema.get("additionalProperties")
        return others if isinstance(others, dict) else None
    first = _sequence(schema, "prefixItems")
    return first[step] if step < len(first) else schema.get("items")


def _entries(value: Value) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return [(str(name), member) for name, member in value.items()]
    return list(enumerate(value)) if isinstance(value, list) else []


def _mapping(schema: Schema, key: str) -> Schema:
    value = schema.get(key)
    return value if isinstance(value, dict) else {}


def _sequence(schema: Schema, key: str) -> list[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []
