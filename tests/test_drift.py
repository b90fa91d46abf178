"""What a difference between two documents means for who calls the model."""

from typing import Any

import pytest

from falsmith.drift import Change, Interface, changes

OBJECT = {"type": "object"}
NOTHING: dict[str, Any] = {}


def field(schema: Any, *, required: bool = False) -> dict[str, Any]:
    """Return the schema of an input or answer with one field, x."""
    return {**OBJECT, "properties": {"x": schema}, "required": ["x"] if required else []}


def of_input(old: Any, new: Any) -> list[tuple[str, str, str]]:
    found = changes(Interface(old, NOTHING), Interface(new, NOTHING))
    assert all(one.side == "input" for one in found)
    return [(one.kind, one.path, one.message) for one in found]


def of_answer(old: Any, new: Any) -> list[tuple[str, str, str]]:
    found = changes(Interface(None, old), Interface(None, new))
    assert all(one.side == "output" for one in found)
    return [(one.kind, one.path, one.message) for one in found]


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
NULL = {"type": "null"}
SIZE = {**OBJECT, "properties": {"w": INTEGER, "h": INTEGER}, "required": ["w"]}


def either(*schemas: Any) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


def one_of(*values: Any) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


# Before, now, and what is said of the field; the same the other way round.
INPUTS: list[tuple[Any, Any, list[tuple[str, str]], list[tuple[str, str]]]] = [
    (STRING, STRING, [], []),
    (
        one_of("a", "b"), one_of("b", "c"),
        [("breaking", 'no longer takes "a"'), ("additive", 'also takes "c"')],
        [("breaking", 'no longer takes "c"'), ("additive", 'also takes "a"')],
    ),
    (one_of("a", "b"), one_of("b", "a"), [], []),
    ({"const": "a"}, one_of("a"), [], []),
    (
        STRING, one_of("a"),
        [("breaking", 'takes nothing but "a"')],
        [("additive", "also takes a text other than the choices before")],
    ),
    (
        either(one_of("a"), SIZE), one_of("a"),
        [("breaking", "no longer takes an object")],
        [("additive", "also takes an object")],
    ),
    (
        {"enum": [4, 8]}, {"enum": ["4", "8"]},
        [("breaking", "no longer takes 4, 8"), ("additive", 'also takes "4", "8"')],
        [("breaking", 'no longer takes "4", "8"'), ("additive", "also takes 4, 8")],
    ),
    (
        STRING, INTEGER,
        [("breaking", "no longer takes a text"), ("additive", "also takes a whole number")],
        [("breaking", "no longer takes a whole number"), ("additive", "also takes a text")],
    ),
    (
        NUMBER, INTEGER,
        [("breaking", "takes whole numbers only")],
        [("additive", "also takes a number")],
    ),
    (
        STRING, either(STRING, NULL),
        [("cosmetic", "also takes null")],
        [("breaking", "no longer takes null")],
    ),
    (
        {}, SIZE,
        [("breaking", "takes an object only"), ("additive", "is new"), ("breaking", "is new and")],
        [("additive", "takes anything now")],
    ),
    (
        {**INTEGER, "minimum": 1, "maximum": 4}, {**INTEGER, "minimum": 2, "maximum": 8},
        [("breaking", "takes at least 2 now, at least 1 before"),
         ("additive", "takes at most 8 now, at most 4 before")],
        [("breaking", "takes at most 4 now, at most 8 before"),
         ("additive", "takes at least 1 now, at least 2 before")],
    ),
    (
        STRING, {**STRING, "maxLength": 9},
        [("breaking", "takes at most 9 characters now, any before")],
        [("additive", "takes any now, at most 9 characters before")],
    ),
    (
        either({**STRING, "maxLength": 9}, NULL), either({**STRING, "maxLength": 5}, NULL),
        [("breaking", "takes at most 5 characters now, at most 9 characters before")],
        [("additive", "takes at most 9 characters now, at most 5 characters before")],
    ),
    (
        {"type": "array", "items": STRING}, {"type": "array", "items": INTEGER, "minItems": 2},
        [("breaking", "takes at least 2 items now, any before"),
         ("breaking", "no longer takes a text"), ("additive", "also takes a whole number")],
        [("breaking", "no longer takes a whole number"),
         ("additive", "takes any now, at least 2 items before"), ("additive", "also takes a text")],
    ),
    (
        INTEGER, {**INTEGER, "multipleOf": 8},
        [("breaking", "multipleOf is 8 now, null before")],
        [("additive", "multipleOf is null now, 8 before")],
    ),
    (
        {**INTEGER, "default": 4}, {**INTEGER, "default": 8},
        [("result", "is 8 now where it is left out, 4 before")],
        [("result", "is 4 now where it is left out, 8 before")],
    ),
    (
        {**INTEGER, "default": None}, {**INTEGER, "default": 8},
        [("result", "is 8 now where it is left out")],
        [("result", "has no default now, 8 before")],
    ),
    ({**INTEGER, "default": None}, INTEGER, [], []),
    (
        {**STRING, "description": "A"}, {**STRING, "description": "B", "examples": ["c"]},
        [("cosmetic", "has another description and other examples")],
        [("cosmetic", "has another description and other examples")],
    ),
    (STRING, {**STRING, "deprecated": True}, [("cosmetic", "is called deprecated")], []),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(INPUTS)))
def test_what_was_right_to_send_must_still_be_right(row: int) -> None:
    old, new, forth, back = INPUTS[row]
    for before, after, told in ((old, new, forth), (new, old, back)):
        found = of_input(field(before), field(after))
        assert [kind for kind, _, _ in found] == [kind for kind, _ in sorted(told, key=_gravity)]
        messages = [message for _, _, message in found]
        assert all(any(one.startswith(text) for one in messages) for _, text in told), messages
        assert all(path.startswith("x") for _, path, _ in found)


def _gravity(told: tuple[str, str]) -> int:
    return ["breaking", "result", "additive", "cosmetic"].index(told[0])


def test_fields_that_come_and_go_and_must_be_sent() -> None:
    old = {**OBJECT, "properties": {"a": STRING, "b": STRING, "c": STRING}, "required": ["c"]}
    new = {**OBJECT, "properties": {"b": STRING, "c": STRING, "d": STRING, "e": STRING},
           "required": ["b", "d"]}  # fmt: skip
    assert of_input(old, new) == [
        ("breaking", "a", "is gone"),
        ("breaking", "b", "is required now"),
        ("breaking", "d", "is new and required"),
        ("additive", "c", "is no longer required"),
        ("additive", "e", "is new"),
    ]


def test_who_must_send_a_field_now_is_not_told_of_null_too() -> None:
    found = of_input(field(either(STRING, NULL)), field(STRING, required=True))
    assert found == [("breaking", "x", "is required now")]


def test_a_required_field_has_no_use_for_a_default() -> None:
    found = of_input(
        field({**INTEGER, "default": 4}, required=True),
        field({**INTEGER, "default": 8}, required=True),
    )
    assert [kind for kind, _, _ in found] == ["cosmetic"]


def test_members_are_named_by_their_path_however_they_are_referred_to() -> None:
    defs = {"Lora": {**OBJECT, "properties": {"path": STRING, "scale": {**NUMBER, "maximum": 4}}}}
    reference = {"$ref": "#/$defs/Lora"}
    old = {**field({"type": "array", "items": {"allOf": [reference]}}), "$defs": defs}
    inline = {**OBJECT, "properties": {"path": STRING, "scale": {**NUMBER, "maximum": 1}}}
    assert of_input(old, field({"type": "array", "items": inline})) == [
        ("breaking", "x[].scale", "takes at most 1 now, at most 4 before")
    ]


def test_what_refers_to_itself_comes_to_an_end() -> None:
    node = {**OBJECT, "properties": {"next": {"$ref": "#/$defs/Node"}, "n": INTEGER}}
    other = {**OBJECT, "properties": {"next": {"$ref": "#/$defs/Node"}, "n": STRING}}
    old = {**field({"$ref": "#/$defs/Node"}), "$defs": {"Node": node}}
    new = {**field({"$ref": "#/$defs/Node"}), "$defs": {"Node": other}}
    assert ("breaking", "x.n", "no longer takes a whole number") in of_input(old, new)


def test_the_order_of_fields_is_cosmetic() -> None:
    old = {**OBJECT, "properties": {"a": STRING, "b": STRING}}
    new = {**OBJECT, "properties": {"b": STRING, "a": STRING}}
    assert of_input(old, new) == [("cosmetic", "", "has its fields in another order")]


LINK = {"type": "string", "x-file": "image"}
FILE = {**OBJECT, "properties": {"url": LINK, "file_size": INTEGER}, "required": ["url"]}
VIDEO = {**OBJECT, "properties": {"url": {"type": "string", "x-file": "video"}}}
ANSWERS: list[tuple[Any, Any, list[tuple[str, str, str]]]] = [
    (field(FILE), {**OBJECT, "properties": {"y": FILE}},
     [("breaking", "x", "is gone"), ("additive", "y", "is new")]),
    (field(FILE), field({"type": "array", "items": FILE}),
     [("breaking", "x", "is a list now, an object before"), ("breaking", "x.url", "is gone"),
      ("cosmetic", "x.file_size", "is gone")]),
    (field({**FILE, "required": ["url", "file_size"]}), field(FILE),
     [("result", "x.file_size", "may be missing now")]),
    (field(FILE), field({**FILE, "properties": {"url": LINK}}),
     [("cosmetic", "x.file_size", "is gone")]),
    (field(STRING), field(either(STRING, NULL)), [("cosmetic", "x", "may be null now")]),
    (field(STRING, required=True), field(either(STRING, NULL), required=True),
     [("result", "x", "may be null now")]),
    (field(STRING), field(either(STRING, INTEGER)),
     [("breaking", "x", "is a whole number or a text now, a text before")]),
    (field(either(STRING, INTEGER)), field(STRING), []),
    (field(one_of("a")), field(one_of("a", "b")), [("additive", "x", 'may also be "b"')]),
    (field({}), field(STRING), [("additive", "x", "is described now")]),
    (field(STRING), field({}), [("result", "x", "is no longer described")]),
    (field(FILE), field(VIDEO),
     [("result", "x.url", "is a file of kind video now, image before"),
      ("result", "x.url", "may be missing now"), ("cosmetic", "x.file_size", "is gone")]),
]  # fmt: skip


@pytest.mark.parametrize("row", range(len(ANSWERS)))
def test_what_was_read_of_an_answer_must_still_be_there(row: int) -> None:
    old, new, told = ANSWERS[row]
    assert sorted(of_answer(old, new)) == sorted(told)


def test_an_input_that_is_no_longer_known_is_breaking() -> None:
    known, unknown = Interface(field(STRING), NOTHING), Interface(None, NOTHING)
    assert changes(known, unknown) == (Change("breaking", "input", "", "is no longer described"),)
    assert changes(unknown, known) == (Change("additive", "input", "", "is described now"),)
    assert changes(unknown, unknown) == ()


def test_another_title_is_cosmetic_and_a_title_that_is_not_known_says_nothing() -> None:
    old = Interface(None, NOTHING, {"display_name": "Sketch", "category": "text-to-image"})
    (change,) = changes(old, Interface(None, NOTHING, {"display_name": "Sketch 2"}))
    assert change == Change(
        "cosmetic", "model", "display_name", 'is "Sketch 2" now, "Sketch" before'
    )
    assert changes(old, Interface(None, NOTHING, {})) == ()
