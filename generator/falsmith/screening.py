"""A stranger's schema without what could steer the agent that reads the skill made of it."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from fal_runtime.schema.document import COMBINING, Schema, SchemaDocument
from fal_runtime.text import cut, one_line
from falsmith.documents import Json
from falsmith.schema.file_kind import is_word
from falsmith.steering import objection, steering, without_steering
from falsmith.text import texts_in

__all__ = [
    "fit_to_show",
    "is_harmless",
    "is_harmless_name",
    "is_link",
    "is_title",
    "label_without_orders",
    "screened",
]

LONGEST_CHOICE = 80
LONGEST_PLACE = 80
# A sentence ends in a title that has no sentence in it, or goes on after a mark.
SENTENCE = re.compile(r"[.!?:;,](?:\s|$)")
# A name speaks to nobody and tells nobody what to do.
ADDRESS = re.compile(
    r"\b(?:you|your|yourself|me|my|we|our|user|admin|administrator|root|sudo|please|must|should|shall"
    r"|always|never|now|instead|send|reply|respond|tell|trust|ignore|disregard|obey|forget|override|pretend|reveal|execute|delete"
    r"|do not|don't|password|secret|api key|instructions|system prompt)\b",
    re.I,
)
MEMBERS = re.compile(r" \{.*\}", re.DOTALL)
LONGEST_LABEL = 160
# The keywords whose values strangers word, as warnings name them, and those that hold schemas.
KEYWORDS = {
    "default": "its default",
    "description": "a sentence of its description",
    "examples": "an example",
    "format": "its format",
    "pattern": "its pattern",
}
PARTS = frozenset({"$defs", "additionalProperties", "allOf", "anyOf", "items", "oneOf"})
PARTS |= {"prefixItems", "properties"}

Side: TypeAlias = Literal["input", "output"]


def screened(schema: Schema, side: Side) -> tuple[Schema, tuple[str, ...]]:
    """Return a self-contained schema without steering words, and a warning for each left out.

    Sentences of descriptions, examples, defaults, patterns and formats go where they steer;
    examples and defaults of an input file also where they are no link, because the wrapper would
    upload the file of this machine that they name. Choices and constants stay: they are what is
    valid.
    """
    screen = _Screen(side, schema.get("$defs", {}))
    return screen.schema(schema, side), tuple(screen.warnings)


def is_link(text: str) -> bool:
    """Return whether the value of a file field is a link, and so no file of this machine."""
    return text.lower().startswith(("http://", "https://", "data:"))


def is_title(text: str) -> bool:
    """Return whether a text is a name: no sentence, no link, no order."""
    return not (SENTENCE.search(text) or ADDRESS.search(text) or objection(text))


def fit_to_show(choice: Json) -> bool:
    """Return whether an allowed value may stand where an agent reads: short, no link, no order."""
    if isinstance(choice, str):
        return _is_fit(choice)
    return not isinstance(choice, dict | list) or all(map(_is_fit, texts_in(choice, names=True)))


def _is_fit(text: str) -> bool:
    return len(text) <= LONGEST_CHOICE and not objection(text)


def is_harmless(text: str, *, is_file: bool) -> bool:
    """Return whether nothing in a sample steers its reader or names a file of this machine."""
    return is_link(text) and not steering(text) if is_file else not objection(text)


# A few hundred labels serve all the fields of the catalogue.
@lru_cache(maxsize=4096)
def label_without_orders(label: str) -> str:
    """Return a type in words, without names of members that are long or read as orders."""
    harmless = len(label) <= LONGEST_LABEL and is_harmless_name(label)
    return label if harmless else MEMBERS.sub("", label)[:LONGEST_LABEL]


@lru_cache(maxsize=4096)
def is_harmless_name(name: str) -> bool:
    """Return whether a name, or several, is no order when its hyphens are read as blanks."""
    return not objection(re.sub(r"[_-]+", " ", name))


class _Screen:
    def __init__(self, side: Side, definitions: Mapping[str, Schema]) -> None:
        self._side = side
        self._definitions = definitions
        self.warnings: dict[str, None] = {}

    def schema(self, schema: Json, where: str) -> Json:
        """Return a schema, and all in it, without what steers; itself where nothing does."""
        if not isinstance(schema, dict):
            return schema
        changed: dict[str, Json] = {}
        for keyword, value in schema.items():
            if keyword in KEYWORDS:
                kept, reason = self._kept(keyword, value, schema)
                if reason:
                    changed[keyword] = kept
                    place = cut(one_line(where), LONGEST_PLACE)
                    self.warnings.setdefault(f"{place}: {KEYWORDS[keyword]} was left out: {reason}")
            elif keyword in PARTS:
                kept = self._parts(keyword, value, where)
                if kept is not value:
                    changed[keyword] = kept
        if not changed:
            return schema
        screened = {**schema, **changed}
        return {
            key: value
            for key, value in screened.items()
            if value or key not in changed or key in PARTS
        }

    def _kept(self, keyword: str, value: Json, schema: Schema) -> tuple[Json, str | None]:
        """Return what stays of a keyword's value, and why the rest steers, None where all stays."""
        if keyword == "description":
            return without_steering(value)
        if keyword == "examples":
            reasons = [self._objection(one, schema) for one in value]
            first = next(filter(None, reasons), None)
            pairs = zip(value, reasons, strict=True)
            return [one for one, reason in pairs if reason is None] if first else value, first
        return None, self._objection(value, schema) if keyword == "default" else steering(value)

    def _parts(self, keyword: str, value: Json, where: str) -> Json:
        """Return the schemas under a keyword, screened; the value itself where nothing changed."""
        if keyword in ("items", "additionalProperties"):
            return self.schema(value, f"{where}[]")
        if keyword in ("properties", "$defs"):
            start = f"{where}." if keyword == "properties" else ""
            named = {name: self.schema(part, start + name) for name, part in value.items()}
            return named if any(named[name] is not value[name] for name in value) else value
        listed = [self.schema(part, where) for part in value]
        return (
            listed if any(new is not old for new, old in zip(listed, value, strict=True)) else value
        )

    def _objection(self, value: Json, schema: Schema) -> str | None:
        """Return why a value may not stand as a sample of the schema, None where it may."""
        if isinstance(value, str):
            steers = steering(value)
            if steers or self._side == "output" or not value or is_link(value):
                return steers
        elif isinstance(value, dict | list):
            texts = list(texts_in(value, names=True))
            steers = next(filter(None, map(steering, texts)), None)
            if steers or self._side == "output" or all(not text or is_link(text) for text in texts):
                return steers
        else:
            return None
        return "it names a file, and is no link" if self._holds_path(value, schema) else None

    def _holds_path(self, value: Json, schema: Schema) -> bool:
        """Return whether a text in the value stands where a file belongs, and is no link."""
        if isinstance(value, str) and COMBINING.isdisjoint(schema):
            return _is_path(value, [schema])
        document = SchemaDocument({**schema, "$defs": self._definitions})
        return any(
            isinstance(text, str) and _is_path(text, list(document.parts(*schemas)))
            for _, text, schemas in document.visit(value)
        )


def _is_path(text: str, parts: Sequence[Schema]) -> bool:
    """Return whether a text stands where a file belongs, and could be the path of one."""
    if not text or is_link(text) or not any("x-file" in part for part in parts):
        return False
    return not (is_word(text) and any("x-words" in part for part in parts))
