"""Following the references of a self-contained schema, and flattening its unions."""

from falsmith.schema.branches import branches, follow

TEXT = {"type": "string"}


def test_a_reference_is_followed_and_its_siblings_win() -> None:
    root = {"$defs": {"A": {"$ref": "#/$defs/B", "title": "a"}, "B": TEXT | {"title": "b"}}}

    assert follow({"$ref": "#/$defs/A"}, root) == TEXT | {"title": "a"}
    assert follow({"$ref": "#/$defs/Gone"}, root) == {}
    assert follow(TEXT, root) is TEXT


def test_a_chain_of_references_is_followed_and_one_that_leads_back_says_nothing() -> None:
    chain = {f"N{number}": {"$ref": f"#/$defs/N{number + 1}"} for number in range(9)}
    root = {"$defs": {**chain, "N9": TEXT, "A": {"$ref": "#/$defs/A"}}}

    assert follow({"$ref": "#/$defs/N0"}, root) == TEXT
    assert follow({"$ref": "#/$defs/A"}, root) == {}
    assert list(branches({"$ref": "#/$defs/A"}, root)) == [{}]


def test_branches_are_flattened_and_null_is_none() -> None:
    union = {"anyOf": [{"type": "null"}, {"const": None}, {"oneOf": [TEXT, {"type": "integer"}]}]}

    assert list(branches(union, {})) == [TEXT, {"type": "integer"}]


def test_choices_beside_a_union_are_what_may_be_sent() -> None:
    voice = {"enum": ["Ann", "Ben"], "anyOf": [TEXT, {"type": "null"}]}

    assert list(branches(voice, {})) == [voice]


def test_a_definition_is_entered_once() -> None:
    root = {"$defs": {"A": {"anyOf": [{"$ref": "#/$defs/B"}] * 9}, "B": TEXT}}

    assert list(branches({"anyOf": [{"$ref": "#/$defs/A"}] * 9}, root)) == [TEXT]
