"""input.schema.json and output.schema.json: valid JSON Schema 2020-12 that needs no other file."""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from falsmith.verify.folder import Folder
from falsmith.verify.json_text import check_json_object, json_object
from falsmith.verify.model_config import MODEL_CONFIG
from falsmith.verify.problem import Problem, shown
from falsmith.verify.subschemas import MOST_EXPANSIONS, defined, expansion, subschemas

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = ["INPUT_SCHEMA", "OUTPUT_SCHEMA", "check_schemas", "sound_schema"]

INPUT_SCHEMA = "references/input.schema.json"
OUTPUT_SCHEMA = "references/output.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_KINDS = ("image", "video", "audio", "archive", "3d", "file")
# Keywords that would let a schema be looked for elsewhere.
ADDRESSES = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
MOST_SHOWN = 10


def check_schemas(folder: Folder) -> list[Problem]:
    """Check both schemas, and that model_config.json says rightly whether the input is known."""
    problems = []
    for path in (INPUT_SCHEMA, OUTPUT_SCHEMA):
        if json_object(folder, path) is None:
            problems += check_json_object(folder, path)
        else:
            messages = _objections(folder.texts[path])
            problems += [Problem(path, message) for message in messages[:MOST_SHOWN]]
    return problems + _known(folder)


def sound_schema(folder: Folder, path: str) -> dict[str, Any] | None:
    """Return a schema that can be applied safely, or None where `check_schemas` objects to it."""
    schema = json_object(folder, path)
    return None if schema is None or _objections(folder.texts[path]) else schema


# Several checks of one skill ask for the same schema.
@lru_cache(maxsize=4)
def _objections(text: str) -> tuple[str, ...]:
    """Return what is wrong with a schema, given as the text of a JSON object."""
    schema: dict[str, Any] = json.loads(text)
    parts = list(subschemas(schema))
    found = [message for part in parts for message in (*_reference(part, schema), *_mark(part))]
    if schema.get("$schema") != DIALECT:
        found.append(f"$schema is {shown(schema.get('$schema'))}, must be {DIALECT}")
    known: dict[int, int] = {}
    if any(expansion(schema, known, part) > MOST_EXPANSIONS for part in parts):
        found.append("refers to itself without end, or expands to more than a validator can visit")
    found += [message for part in parts for message in _types(part)]
    return tuple(found or _invalid(schema))


def _reference(part: Mapping[str, Any], root: Mapping[str, Any]) -> list[str]:
    found = [f"{name} is not allowed: use $ref: #/$defs/NAME" for name in ADDRESSES if name in part]
    if "$ref" in part and defined(root, part["$ref"]) is None:
        found.append(f"$ref {shown(part['$ref'])} leads to no schema in $defs of this file")
    return found


def _mark(part: Mapping[str, Any]) -> list[str]:
    if "x-file" not in part or part["x-file"] in FILE_KINDS:
        return []
    return [f"x-file is {shown(part['x-file'])}, must be one of {', '.join(FILE_KINDS)}"]


def _types(part: Mapping[str, Any]) -> list[str]:
    """Catch what would make the metaschema's own check slow, and patterns that do not compile."""
    if isinstance(part.get("type"), list) and len(part["type"]) > 7:
        return ["type lists more than the seven types that there are"]
    pattern = part.get("pattern")
    if not isinstance(pattern, str):
        return []
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return [f"the pattern {shown(pattern)} is no regular expression"]
    return []


def _invalid(schema: dict[str, Any]) -> list[str]:
    """Return the first thing that the metaschema objects to."""
    try:
        error = next(_metaschema().iter_errors(schema), None)
    except RecursionError:
        return ["is nested too deeply"]
    if error is None:
        return []
    where = "/".join(str(step) for step in error.absolute_path) or "the top"
    return [f"is no valid JSON Schema: at {shown(where)}: {shown(error.message, 200)}"]


@cache
def _metaschema() -> "Draft202012Validator":
    # Made once: building it costs more than most checks of a whole skill.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _known(folder: Folder) -> list[Problem]:
    told = (json_object(folder, MODEL_CONFIG) or {}).get("input_schema_known")
    schema = json_object(folder, INPUT_SCHEMA)
    if schema is None or not isinstance(told, bool):
        return []
    if told and schema.get("type") != "object":
        return [Problem(INPUT_SCHEMA, 'must have "type": "object": an input is one JSON object')]
    if not told and ("properties" in schema or "type" in schema):
        return [Problem(INPUT_SCHEMA, "has fields, but model_config.json says none are known")]
    return []
