"""Put one nested value into an input: `--set loras.0.scale=0.5`."""

from typing import Any

from .errors import InputError, Problem, UsageError
from .json_text import JsonTextError, Value
from .schema_walk import SchemaDocument
from .values import single_value
from .wording import describe, short

__all__ = ["set_nested"]


def set_nested(value: dict[str, Any], assignment: str, document: SchemaDocument) -> None:
    """Change the input by one `a.0.b=TEXT`, making the objects and lists on the way.

    Raises UsageError for an assignment that cannot be read, InputError for one that does not fit.
    """
    path, equals, text = assignment.partition("=")
    steps = path.split(".")
    if not equals or not all(steps):
        raise UsageError(
            "usage", f"--set {assignment[:60]!r}: write it as NAME.NAME=VALUE or NAME.0.NAME=VALUE"
        )
    schemas: list[Any] = [document.root]
    place: Value = value
    for number, step in enumerate(steps):
        where = ".".join(steps[: number + 1])
        key = _key(place, step, where)
        schemas = document.members(schemas, key)
        if number + 1 == len(steps):
            _put(place, key, _value(text, schemas, document, where))
        else:
            place = _entered(place, key, schemas, document, steps[number + 1])


def _key(place: Value, step: str, where: str) -> str | int:
    if isinstance(place, dict):
        return step
    if not isinstance(place, list):
        raise _refused(where, short(place), "an object or a list to set a value in")
    if not (step.isascii() and step.isdecimal() and len(step) < 10 and int(step) <= len(place)):
        raise _refused(where, step, f"an index from 0 to {len(place)} (the next free one)")
    return int(step)


def _entered(
    place: Value, key: str | int, schemas: list[Any], document: SchemaDocument, following: str
) -> Value:
    """Return the member to go on in, made where it is absent, null or past the list's end."""
    there = place[key] if isinstance(place, dict) and key in place else None
    if isinstance(place, list) and isinstance(key, int) and key < len(place):
        there = place[key]
    if there is None:
        there = [] if _is_list(schemas, document, following) else {}
        _put(place, key, there)
    return there


def _is_list(schemas: list[Any], document: SchemaDocument, following: str) -> bool:
    types = frozenset[str]().union(*(document.types(schema) for schema in schemas))
    containers = types & {"array", "object"}
    return containers == {"array"} or (containers != {"object"} and following.isdecimal())


def _value(text: str, schemas: list[Any], document: SchemaDocument, where: str) -> Value:
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {}
    try:
        return single_value(text, schema, document)
    except JsonTextError as error:
        raise _refused(where, short(text), f"{describe(schema, document)}; {error}") from None


def _put(place: Value, key: str | int, new: Value) -> None:
    if isinstance(place, list) and key == len(place):
        place.append(new)
    else:
        place[key] = new


def _refused(where: str, got: str, expected: str) -> InputError:
    problem = Problem(where, got, expected)
    return InputError("invalid_input", f"--set {where}: got {got}, expected {expected}", [problem])
