"""JSON as a stranger reads it: strict, with a limit to depth, duplicate names refused."""

import json
import math
from typing import Any, NoReturn

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem, shown

__all__ = ["check_json_object", "json_object", "read_json"]

# Real documents reach a depth of about 20; walks of the checks recurse to this one.
DEEPEST = 80


def read_json(text: str) -> object:
    """Return the value of a JSON text; raises ValueError saying what is wrong with it."""
    try:
        value: object = json.loads(
            text, object_pairs_hook=_once, parse_constant=_no_json, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise ValueError(f"is nested more than {DEEPEST} deep") from None
    if _deeper(value):
        raise ValueError(f"is nested more than {DEEPEST} deep")
    return value


def json_object(folder: Folder, path: str) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None; `check_json_object` says why it is None."""
    try:
        value = read_json(folder.texts[path])
    except (KeyError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def check_json_object(folder: Folder, path: str) -> list[Problem]:
    """List why a file is no JSON object; a missing file is another check's matter."""
    if path not in folder.texts:
        return []
    try:
        value = read_json(folder.texts[path])
    except ValueError as error:
        return [Problem(path, f"is not valid JSON: {error}")]
    return [] if isinstance(value, dict) else [Problem(path, "is no JSON object")]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{shown(twice)} is given twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{shown(text)} is too large a number")
    return number


def _no_json(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deeper(value: object) -> bool:
    layer = [value]
    for _ in range(DEEPEST):
        layer = [inner for item in layer for inner in _inside(item)]
        if not layer:
            return False
    return True


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
