"""Reads one schema of an OpenAPI document, keyword by keyword, into sound JSON Schema 2020-12."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fal_runtime.schema.document import is_quick
from fal_runtime.text import clean_text, one_line, short_json
from falsmith.documents import Json
from falsmith.schema.loops import cut_loops
from falsmith.text import CUT, clean_data

__all__ = ["FileMarks", "Schema", "SchemaReader"]

COMPONENT = "#/components/schemas/"
# The keywords whose values hold schemas; most schemas have none of them.
CHILDREN = frozenset({"additionalProperties", "allOf", "anyOf", "items", "oneOf", "prefixItems"})
CHILDREN |= {"properties", "required"}
VALUES = frozenset({"type", "enum", "const"})
TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
# Every one of the catalogue's 1,561 names is such a word; any other could not be shown unchanged.
FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

Schema = dict[str, Any]
# The keywords of a node, with those of the lists and unions that it stands in.
Said = Mapping[str, Json]
# Where, name and what is said there: what a text is to be marked with, where it links to a file.
FileMarks = Callable[[str, str, Said], Schema]


@dataclass(slots=True)
class SchemaReader:
    """Reads one schema tree; collects the definitions it needs and the warnings it meets."""

    components: Mapping[str, Json]
    file_marks: FileMarks
    defs: dict[str, Any] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def root(self, body: Json, side: str) -> Schema:
        """Return the outermost schema with its own reference replaced by what it names."""
        seen: set[str] = set()
        while isinstance(body, Mapping) and set(body) == {"$ref"}:
            name = self.component_name(body["$ref"], side)
            if name is None or name in seen:
                body = {}
            else:
                seen.add(name)
                body = self.components[name]
        if not isinstance(body, Mapping):
            self.note(side, "the document describes nothing here")
            body = {}
        schema = self.node(body, side, "")
        self.definitions()
        return schema

    def definitions(self) -> None:
        """Read every component that was referred to, and those that these refer to."""
        # Reading one can add to the list, whose end is then further away.
        for name in self.waiting:
            if name not in self.defs:
                self.defs[name] = {}
                self.defs[name] = self.node(self.components[name], name, name)
        for name in cut_loops(self.defs):
            self.note(name, "refers to itself without end, or too far; anything is allowed there")

    def node(self, node: Json, where: str, name: str, around: Said | None = None) -> Schema:
        """Return `node` with every keyword that is sound, in our spelling.

        `around` is what the lists and unions say that the node stands in.
        """
        if isinstance(node, bool):
            return {} if node else {"not": {}}
        if not isinstance(node, dict):
            self.note(where, "not a schema; anything is allowed here")
            return {}
        schema = _annotations(node)
        if "$ref" in node:
            schema |= self.reference(node, where)
        if not VALUES.isdisjoint(node):
            schema |= self.values(node, where)
        if not BOUNDS.keys().isdisjoint(node):
            schema |= self.limits(node, where)
        if not CHILDREN.isdisjoint(node):
            schema |= self.children(node, where, name, _said(node, around))
            if "allOf" in schema:
                schema = _without_lone_all_of(schema)
        if "string" in schema.get("type", ()):
            schema |= self.file_marks(where, name, _said(node, around))
        return _nullable(schema) if node.get("nullable") is True else schema

    def reference(self, node: Mapping[str, Json], where: str) -> Schema:
        """Return the reference as a local one; a dangling one allows anything and is noted."""
        target = self.component_name(node["$ref"], where)
        if target is None:
            return {}
        self.waiting.append(target)
        return {"$ref": "#/$defs/" + _escaped(target)}

    def component_name(self, reference: Json, where: str) -> str | None:
        """Return the component that `reference` names, or None (and a note) where there is none."""
        if isinstance(reference, str) and reference.startswith(COMPONENT):
            name = reference.removeprefix(COMPONENT).replace("~1", "/").replace("~0", "~")
            if name in self.components:
                return name
        self.note(where, f"refers to {one_line(str(reference), 80)}, which is not defined")
        return None

    def values(self, node: Mapping[str, Json], where: str) -> Schema:
        """Return type, enum and const."""
        schema: Schema = {}
        kind = node.get("type")
        if isinstance(kind, str) and kind in TYPES:
            schema["type"] = kind
        elif (
            isinstance(kind, list) and kind and all(isinstance(k, str) and k in TYPES for k in kind)
        ):
            schema["type"] = list(dict.fromkeys(kind))
        elif "type" in node:
            self.note(where, "has an unknown type; any type is allowed")
        if isinstance(node.get("enum"), list) and node["enum"]:
            schema["enum"] = _distinct(node["enum"])
        if "const" in node:
            schema["const"] = node["const"]
        return schema

    def limits(self, node: Mapping[str, Json], where: str) -> Schema:
        """Return the keywords that bound a number, a text or a list, where they make sense."""
        sound = {keyword: is_sound for keyword, is_sound in BOUNDS.items() if keyword in node}
        schema = {keyword: node[keyword] for keyword in sound if sound[keyword](node[keyword])}
        for exclusive, bound in EXCLUSIVE.items():
            if node.get(exclusive) is True and bound in schema:
                schema[exclusive] = schema.pop(bound)
        return schema

    def children(self, node: Mapping[str, Json], where: str, name: str, said: Said) -> Schema:
        """Return the keywords that hold schemas of their own."""
        schema: Schema = self.properties(node, where)
        for keyword in ("anyOf", "oneOf", "allOf"):
            branches = node.get(keyword)
            if isinstance(branches, list) and branches:
                schema[keyword] = [self.node(branch, where, name, said) for branch in branches]
        extra = node.get("additionalProperties")
        if isinstance(extra, bool):
            schema["additionalProperties"] = extra
        elif isinstance(extra, dict):
            schema["additionalProperties"] = self.node(extra, f"{where}.*", "")
        return schema | self.items(node, where, name, said)

    def properties(self, node: Mapping[str, Json], where: str) -> Schema:
        """Return properties in the document's display order, and the required names."""
        properties = node.get("properties")
        if not isinstance(properties, dict):
            return _required(node, ())
        listed = node.get("x-fal-order-properties")
        order = [key for key in listed if isinstance(key, str)] if isinstance(listed, list) else []
        names = dict.fromkeys([key for key in order if key in properties] + list(properties))
        for name in [name for name in names if not FIELD_NAME.fullmatch(name)]:
            del names[name]
            self.note(where, f"has a field that no flag can be named after, {short_json(name, 40)}")
        schema: Schema = {
            "properties": {key: self.node(properties[key], f"{where}.{key}", key) for key in names}
        }
        return schema | _required(node, names)

    def items(self, node: Mapping[str, Json], where: str, name: str, said: Said) -> Schema:
        """Return items; a tuple, in whichever of its three spellings, becomes prefixItems."""
        if "items" not in node and "prefixItems" not in node:
            return {}
        items = node.get("items")
        prefix = node.get("prefixItems", items if isinstance(items, list) else None)
        if isinstance(items, dict) and items and all(str(key).isdecimal() for key in items):
            prefix = [items[key] for key in sorted(items, key=int)]
            items = None
        schema: Schema = {}
        if isinstance(prefix, list) and prefix:
            schema["prefixItems"] = [self.node(part, f"{where}[]", name, said) for part in prefix]
        if isinstance(items, dict | bool):
            schema["items"] = self.node(items, f"{where}[]", name, said)
        return schema

    def note(self, where: str, message: str) -> None:
        """Remember an warning, each once."""
        self.warnings.setdefault(f"{one_line(where, 200)}: {message}")


def _said(node: Mapping[str, Json], around: Said | None) -> Said:
    """Return what is said of a value by its node and by what that stands in."""
    if around is None:
        return node
    texts = [around.get("description"), around.get("limit_description"), node.get("description")]
    described = " ".join(text for text in texts if isinstance(text, str))
    return {**around, **node, "description": described}


def _annotations(node: Mapping[str, Json]) -> Schema:
    """Return description, default and examples."""
    schema: Schema = {}
    if not WORDS.isdisjoint(node):
        description = _description(node)
        if description:
            schema["description"] = description
    if "default" in node:
        schema["default"] = node["default"]
    if "examples" in node or "example" in node:
        examples = node.get("examples", [node.get("example")])
        if isinstance(examples, list) and examples:
            schema["examples"] = [clean_data(example) for example in examples]
    if node.get("deprecated") is True:
        schema["deprecated"] = True
    return schema


def _description(node: Mapping[str, Json]) -> str:
    """Return what a node says of its value, in paragraphs."""
    texts = (node.get("description"), node.get("limit_description"))
    parts = [
        clean_text(TIMEOUT.sub("", NUMBERED_MARK.sub(CUT, text)))
        if "Timeout" in text or "<|" in text
        else clean_text(text)
        for text in texts
        if isinstance(text, str)
    ]
    if not MISSPELT.keys().isdisjoint(node):
        parts += [
            f"{words} {node[key]}." for key, words in MISSPELT.items() if _is_number(node.get(key))
        ]
    return parts[0] if len(parts) == 1 else "\n\n".join(filter(None, parts))


def _required(node: Mapping[str, Json], names: Iterable[str]) -> Schema:
    """Return the required names, those of `names` first and in their order."""
    required = node.get("required")
    if not isinstance(required, list):
        return {}
    names_required = dict.fromkeys(
        key for key in required if isinstance(key, str) and FIELD_NAME.fullmatch(key)
    )
    return {
        "required": list(
            dict.fromkeys([key for key in names if key in names_required] + list(names_required))
        )
    }


def _nullable(schema: Schema) -> Schema:
    """Return an OpenAPI 3.0 `nullable` schema in the spelling of JSON Schema: or null."""
    outer = {
        key: schema.pop(key)
        for key in ("description", "default", "examples", "deprecated")
        if key in schema
    }
    return outer | {"anyOf": [schema, {"type": "null"}]}


def _without_lone_all_of(schema: Schema) -> Schema:
    """Return `allOf` of one member as that member beside the keywords that accompany it."""
    branches: list[Schema] = schema["allOf"]
    if len(branches) != 1 or set(branches[0]) & (set(schema) - {"allOf"}):
        return schema
    return {key: value for key, value in schema.items() if key != "allOf"} | branches[0]


def _distinct(values: list[Json]) -> list[Json]:
    """Return `values` without repetitions; 1, 1.0 and true are different values here."""
    return list({(type(value), repr(value)): value for value in values}.values())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


BOUNDS: dict[str, Callable[[Any], bool]] = {
    "minimum": _is_number,
    "maximum": _is_number,
    "exclusiveMinimum": _is_number,
    "exclusiveMaximum": _is_number,
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "minLength": _is_count,
    "maxLength": _is_count,
    "minItems": _is_count,
    "maxItems": _is_count,
    "uniqueItems": lambda value: isinstance(value, bool),
    # The server judges any other.
    "pattern": is_quick,
    "format": lambda value: isinstance(value, str),
}
# Bounds that documents spell as their libraries do: no validator knows them, a caller should.
MISSPELT = {"min": "At least", "ge": "At least", "max": "At most", "le": "At most"}
WORDS = frozenset({"description", "limit_description", *MISSPELT})
# How a text refers to an input. Chats have such marks as well: it may not stand, nor be unsaid.
NUMBERED_MARK = re.compile(r"<\|\w{1,20}\d\|>")
# How long the platform waits for a file is no concern of the caller's.
TIMEOUT = re.compile(r", Timeout: [\d.]+ ?s\b")
EXCLUSIVE = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def _escaped(name: str) -> str:
    """Return a definition's name as it stands in a reference (RFC 6901, RFC 3986)."""
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25")
