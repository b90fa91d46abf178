"""JSON as a stranger reads it: strict, with a limit to depth, duplicate names refused."""

from typing import Any

from fal_runtime.json_text import JsonTextError, parse_json
from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem

__all__ = ["check_json_object", "json_object", "read_json"]

# Real documents reach a depth of about 20; walks of the checks recurse to this one.
DEEPEST = 80


def read_json(text: str) -> object:
    """Return the value of a JSON text; raises ValueError saying what is wrong with it."""
    value: object = parse_json(text, deepest=DEEPEST)
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
    except JsonTextError as error:
        return [Problem(path, f"cannot be read: {error.reason}")]
    return [] if isinstance(value, dict) else [Problem(path, "is no JSON object")]
