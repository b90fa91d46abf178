"""What changed between two interfaces of a model, by what it means for who calls it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from fal_runtime.schema.document import Schema, SchemaDocument, same
from fal_runtime.text import short_json
from falsmith.documents import Json
from falsmith.schema.branches import follow

__all__ = ["CLASSES", "Change", "Class", "Interface", "Side", "changes"]

Side: TypeAlias = Literal["input", "output", "model"]
# breaking: a call that worked may be refused, or its answer is read in vain. result: the same call
# may give another result, or cost another price. The gravest stands first.
Class: TypeAlias = Literal["breaking", "result", "additive", "cosmetic"]
CLASSES: tuple[Class, ...] = get_args(Class)
# Objects of objects of objects: the catalogue has six levels.
DEEPEST = 12
MOST_SHOWN = 6
SAYS_NOTHING = frozenset({"$schema", "$defs", "description", "default", "examples", "deprecated"})
NUMBERS = frozenset({"integer", "number"})
# What may be said of a value of each type: keyword, its words, whether more of it is stricter.
BOUNDS: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    "number": (
        ("minimum", "at least {}", True),
        ("exclusiveMinimum", "more than {}", True),
        ("maximum", "at most {}", False),
        ("exclusiveMaximum", "less than {}", False),
    ),
    "string": (
        ("minLength", "at least {} characters", True),
        ("maxLength", "at most {} characters", False),
    ),
    "array": (("minItems", "at least {} items", True), ("maxItems", "at most {} items", False)),
}
WORDS = {
    "boolean": "true or false", "integer": "a whole number", "number": "a number",
    "string": "a text", "array": "a list", "object": "an object", "null": "null",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different: where (a dotted path, empty for the whole), and how.

    `model` is the short name of one of a collection.
    """

    kind: Class
    side: Side
    path: str
    message: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a model takes and answers (self-contained schemas), and what lists show of it.

    The schema of an input that is not known is None, that of such an answer says nothing.
    """

    input: Schema | None
    output: Schema
    shown: Mapping[str, str] = field(default_factory=dict)


def changes(before: Interface, after: Interface) -> tuple[Change, ...]:
    """Return what is different, the gravest first, else in the order of the fields."""
    found: dict[Change, None] = {}
    ours, theirs = before.input, after.input
    if ours is None or theirs is None:
        if ours is not None:
            found[_in("breaking", "", "is no longer described")] = None
        elif theirs is not None:
            found[_in("additive", "", "is described now")] = None
    else:
        found |= dict.fromkeys(
            _input(_root(ours), _root(theirs), "", 0, was_required=True, required=True)
        )
    answers = _root(before.output), _root(after.output)
    found |= dict.fromkeys(_output(*answers, "", 0, required=True))
    for name, text in after.shown.items():
        if before.shown.get(name, text) != text:
            message = f"is {short_json(text)} now, {short_json(before.shown[name])} before"
            found[Change("cosmetic", "model", name, message)] = None
    return tuple(sorted(found, key=lambda one: CLASSES.index(one.kind)))


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of a document: the schemas as they stand there, and the branches they come to."""

    document: SchemaDocument
    outer: tuple[Schema, ...]
    branches: tuple[Schema, ...]

    def types(self, *, listed: bool) -> frozenset[str]:
        """Return the types that are taken by a list of choices, or freely."""
        found: frozenset[str] = frozenset()
        for branch in self.branches:
            if ("enum" in branch or "const" in branch) == listed:
                found |= self.document.types(branch)
        return found - {"integer"} if "number" in found else found

    def choices(self) -> list[Json]:
        """Return the values that are listed, null left out: it is a type of its own here."""
        listed = self.document.choices(self.branches)
        return [one for one in listed if one is not None]

    def accepts(self, value: Json) -> bool:
        """Return whether the value is taken, by type, choices and range."""
        return any(self.document.accepts(value, branch) for branch in self.branches)

    def accepts_null(self) -> bool:
        """Return whether null is taken."""
        return self.accepts(None)

    def of_type(self, *types: str) -> list[Schema]:
        """Return the branches that take one of the types freely."""
        return [
            branch
            for branch in self.branches
            if "enum" not in branch and "const" not in branch
            if not self.document.types(branch).isdisjoint(types)
        ]

    def is_described(self) -> bool:
        """Return whether anything is said of its values but what only accompanies them."""
        return all(branch.keys() - SAYS_NOTHING for branch in self.branches)

    def said(self, keyword: str) -> Json:
        """Return what the place says of itself under an annotation's keyword, None for nothing."""
        every = (*self.outer, *self.branches)
        return next((one[keyword] for one in every if one.get(keyword) is not None), None)

    def members(self) -> dict[str, list[Schema]]:
        """Return the members of its objects, each with all its schemas."""
        found: dict[str, list[Schema]] = {}
        for branch in self.branches:
            for name, member in _mapping(branch.get("properties")).items():
                found.setdefault(name, []).append(member)
        return found

    def required(self) -> frozenset[str]:
        """Return the members that every object must have."""
        objects = [one for one in self.branches if "properties" in one or "required" in one]
        each = [frozenset(one.get("required", ())) for one in objects]
        return frozenset.intersection(*each) if each else frozenset()

    def items(self) -> list[Schema]:
        """Return the schemas of the items of its lists."""
        return [branch["items"] for branch in self.branches if "items" in branch]

    def inside(self, schemas: Sequence[Schema]) -> "_Place":
        """Return the place of a member or an item."""
        return _place(schemas, self.document.root)


def _root(schema: Schema) -> _Place:
    """Return the place of a whole input or answer; its example is falsmith's own choice."""
    return _place([{key: value for key, value in schema.items() if key != "examples"}], schema)


def _place(schemas: Sequence[Schema], root: Schema) -> _Place:
    known = [one for one in schemas if isinstance(one, Mapping)]
    branches = [branch for one in schemas for branch in _branches(one, root, frozenset())]
    return _Place(SchemaDocument(root), tuple(follow(one, root) for one in known), tuple(branches))


def _branches(schema: Json, root: Schema, entered: frozenset[str]) -> Iterator[Schema]:
    """Yield what a value may satisfy: `$ref` followed, unions flattened, `allOf` merged."""
    if not isinstance(schema, Mapping):
        yield from () if schema is False else ({},)
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in entered:
            yield {}
            return
        entered |= {reference}
    whole = dict(follow(schema, root))
    for part in whole.pop("allOf", ()):
        whole = _merged(follow(part, root), whole)
    unions = [one for key in ("anyOf", "oneOf") for one in whole.pop(key, ())]
    if not unions:
        yield whole
        return
    own = {key: value for key, value in whole.items() if key not in SAYS_NOTHING}
    for one in unions:
        for branch in _branches(one, root, entered):
            yield _merged(branch, own)


def _merged(one: Schema, other: Schema) -> dict[str, Any]:
    """Return both schemas as one; where both say the same keyword the other one wins."""
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    return merged


def _input(
    old: _Place, new: _Place, path: str, depth: int, *, was_required: bool, required: bool
) -> Iterator[Change]:
    """Yield how what is taken at a place differs: what was right must still be right."""
    refused = [one for one in old.choices() if not new.accepts(one)]
    added = [one for one in new.choices() if not old.accepts(one)]
    if refused:
        yield _in("breaking", path, f"no longer takes {_listed(refused)}")
    if added:
        yield _in("additive", path, f"also takes {_listed(added)}")
    yield from _types(old, new, path, was_required=was_required, required=required)
    yield from _bounds(old, new, path)
    yield from _default(old, new, path, required)
    yield from _said(old, new, "input", path)
    if depth == DEEPEST:
        return
    had, has = old.members(), new.members()
    if not has or not old.of_type("object"):
        # No object is taken, as is told already, or any; or none was.
        had, has = {}, {}
    must, musts = old.required(), new.required()
    for name, schemas in had.items():
        inside = f"{path}.{name}".lstrip(".")
        if name not in has:
            yield _in("breaking", inside, "is gone")
            continue
        if name in musts - must:
            yield _in("breaking", inside, "is required now")
        if name in must - musts:
            yield _in("additive", inside, "is no longer required")
        member = old.inside(schemas), new.inside(has[name])
        yield from _input(
            *member, inside, depth + 1, was_required=name in must, required=name in musts
        )
    for name in (one for one in has if one not in had):
        inside = f"{path}.{name}".lstrip(".")
        if name in musts:
            yield _in("breaking", inside, "is new and required")
        else:
            yield _in("additive", inside, "is new")
    yield from _order(had, has, "input", path)
    if old.items() and new.items():
        items = old.inside(old.items()), new.inside(new.items())
        yield from _input(*items, f"{path}[]", depth + 1, was_required=True, required=True)
    yield from _positions(old, new, "input", path)


def _output(old: _Place, new: _Place, path: str, depth: int, *, required: bool) -> Iterator[Change]:
    """Yield how what is answered at a place differs: what was read must still be there."""
    yield from _types_of_answer(old, new, path, required=required)
    kinds = old.document.file_kind(old.branches), new.document.file_kind(new.branches)
    if kinds[0] != kinds[1] and None not in kinds:
        inferred = "file" in kinds
        message = f"is a file of kind {kinds[1]} now, {kinds[0]} before"
        yield _out("cosmetic" if inferred else "result", path, message)
    yield from _said(old, new, "output", path)
    if depth == DEEPEST:
        return
    had, has = old.members(), new.members()
    for name, schemas in had.items():
        inside = f"{path}.{name}".lstrip(".")
        promised = name in old.required()
        if name not in has:
            # What only describes a file is not missed: the runtime saves and measures the file.
            detail = not promised and any("x-file" in one for one in _links(had))
            yield _out("cosmetic" if detail else "breaking", inside, "is gone")
            continue
        if promised and name not in new.required():
            yield _out("result", inside, "may be missing now")
        member = old.inside(schemas), new.inside(has[name])
        yield from _output(*member, inside, depth + 1, required=promised)
    for name in has:
        if name not in had:
            yield _out("additive", f"{path}.{name}".lstrip("."), "is new")
    yield from _order(had, has, "output", path)
    if old.items() and new.items():
        items = old.inside(old.items()), new.inside(new.items())
        yield from _output(*items, f"{path}[]", depth + 1, required=True)
    yield from _positions(old, new, "output", path)


def _types(
    old: _Place, new: _Place, path: str, *, was_required: bool, required: bool
) -> Iterator[Change]:
    """Yield which types are taken freely, and no longer or only now; choices are told already."""
    before, after = old.types(listed=False), new.types(listed=False)
    if "number" in before and "integer" in after:
        yield _in("breaking", path, "takes whole numbers only")
    lost = before - after - (NUMBERS if after & NUMBERS else frozenset())
    # Who must send a field now is told so: that null was the same as nothing is then no news.
    lost -= {"null"} if required and not was_required else set()
    if lost & new.types(listed=True):
        yield _in("breaking", path, f"takes nothing but {_listed(new.choices())}")
    elif len(lost) > 2:
        yield _in("breaking", path, f"takes {_typed(after)} only")
    elif lost:
        yield _in("breaking", path, f"no longer takes {_typed(lost)}")
    gained = after - before - ({"integer"} if "number" in before else frozenset())
    if gained == {"null"} and not required:
        # To send it is to leave the field out.
        yield _in("cosmetic", path, "also takes null")
    elif len(after) >= len(WORDS) - 1 and gained:
        yield _in("additive", path, "takes anything now")
    elif gained:
        other = " other than the choices before" if gained & old.types(listed=True) else ""
        yield _in("additive", path, f"also takes {_typed(gained)}{other}")


def _types_of_answer(old: _Place, new: _Place, path: str, *, required: bool) -> Iterator[Change]:
    """Yield which types and values an answer may have now that nobody had to expect before."""
    before = old.types(listed=False) | old.types(listed=True)
    after = new.types(listed=False) | new.types(listed=True)
    if old.is_described() != new.is_described():
        if new.is_described():
            yield _out("additive", path, "is described now")
        else:
            yield _out("result", path, "is no longer described")
    elif new.is_described():
        other = after - before - {"null"}
        other -= {"integer"} if "number" in before else set()
        if other:
            was, now = _typed(before - {"null"}), _typed(after - {"null"})
            yield _out("breaking", path, f"is {now} now, {was} before")
        if new.accepts_null() and not old.accepts_null():
            yield _out("result" if required else "cosmetic", path, "may be null now")
    more = [one for one in new.choices() if not old.accepts(one)]
    if more:
        yield _out("additive", path, f"may also be {_listed(more)}")


def _links(members: Mapping[str, Sequence[Schema]]) -> Sequence[Schema]:
    """Return the schemas of the link by which an object is a file, none where it is no file."""
    return [one for one in members.get("url", ()) if isinstance(one, Mapping)]


def _bounds(old: _Place, new: _Place, path: str) -> Iterator[Change]:
    """Yield limits that are tighter or looser, of what is taken freely before and after."""
    for kind, limits in BOUNDS.items():
        types = tuple(NUMBERS) if kind == "number" else (kind,)
        ours, theirs = old.of_type(*types), new.of_type(*types)
        if not ours or not theirs:
            continue
        for keyword, words, more_is_stricter in limits:
            was = _loosest(ours, keyword, more_is_stricter)
            now = _loosest(theirs, keyword, more_is_stricter)
            if was == now:
                continue
            tighter = was is None or (now is not None and (now > was) == more_is_stricter)
            phrases = [
                words.format(short_json(one)) if one is not None else "any" for one in (now, was)
            ]
            kind_of: Class = "breaking" if tighter and now is not None else "additive"
            yield _in(kind_of, path, f"takes {phrases[0]} now, {phrases[1]} before")
    for keyword in ("multipleOf", "pattern", "uniqueItems"):
        was, now = _only(old, keyword), _only(new, keyword)
        if was == now:
            continue
        kind_of = "additive" if now in (None, False) else "breaking"
        yield _in(kind_of, path, f"{keyword} is {short_json(now)} now, {short_json(was)} before")


def _loosest(branches: Sequence[Schema], keyword: str, more_is_stricter: bool) -> Json:
    """Return the limit that lets most through, None where one branch has none."""
    found = [branch[keyword] for branch in branches if branch.get(keyword) is not None]
    if len(found) < len(branches):
        return None
    return min(found) if more_is_stricter else max(found)


def _only(place: _Place, keyword: str) -> Json:
    return next((branch[keyword] for branch in place.branches if keyword in branch), None)


def _default(old: _Place, new: _Place, path: str, required: bool) -> Iterator[Change]:
    """Yield that what is left out becomes another value; a default of null says nothing."""
    was, now = old.said("default"), new.said("default")
    if was is now or same(was, now):
        return
    if now is None:
        message = f"has no default now, {short_json(was)} before"
    elif was is None:
        message = f"is {short_json(now)} now where it is left out"
    else:
        message = f"is {short_json(now)} now where it is left out, {short_json(was)} before"
    yield _in("cosmetic" if required else "result", path, message)


def _said(
    old: _Place, new: _Place, side: Literal["input", "output"], path: str
) -> Iterator[Change]:
    """Yield what is said in other words."""
    words = {"description": "description", "examples": "examples", "format": "format"}
    different = [words[one] for one in words if old.said(one) != new.said(one)]
    if different:
        yield Change("cosmetic", side, path, f"has another {' and other '.join(different)}")
    if new.said("deprecated") and not old.said("deprecated"):
        yield Change("cosmetic", side, path, "is called deprecated")
    if side == "input" and _only(old, "x-file") != _only(new, "x-file"):
        now = _only(new, "x-file")
        message = f"takes a file of kind {now}" if now else "is not taken for a file now"
        yield Change("cosmetic", side, path, message)


def _order(
    had: Iterable[str], has: Iterable[str], side: Literal["input", "output"], path: str
) -> Iterator[Change]:
    ours, theirs = list(had), list(has)
    if [one for one in ours if one in theirs] != [one for one in theirs if one in ours]:
        yield Change("cosmetic", side, path, "has its fields in another order")


def _positions(
    old: _Place, new: _Place, side: Literal["input", "output"], path: str
) -> Iterator[Change]:
    if _only(old, "prefixItems") != _only(new, "prefixItems"):
        yield Change("breaking", side, path, "has other values at its positions")


def _typed(types: Iterable[str]) -> str:
    return " or ".join(WORDS[one] for one in WORDS if one in types)


def _listed(values: Sequence[Json]) -> str:
    shown = ", ".join(short_json(one, 40) for one in values[:MOST_SHOWN])
    more = len(values) - MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _in(kind: Class, path: str, message: str) -> Change:
    return Change(kind, "input", path, message)


def _out(kind: Class, path: str, message: str) -> Change:
    return Change(kind, "output", path, message)
