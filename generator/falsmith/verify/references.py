"""queue_config.yaml and the JSON of references/: the model, and schemas that need no other file."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fal_runtime.errors import FalError
from fal_runtime.file_kinds import MEDIA_KINDS
from fal_runtime.input.defaults import read_defaults
from fal_runtime.model import CalledModel
from fal_runtime.model_id import is_model_id
from fal_runtime.schema.document import SchemaDocument, is_quick
from fal_runtime.settings import SETTINGS_FILE, load_settings
from fal_runtime.text import one_line
from falsmith.verify.folder import MOST_SHOWN, Finding, Folder, quoted
from falsmith.verify.front_matter import read_yaml
from falsmith.verify.record import ModelFolder, model_folders, model_id

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

__all__ = [
    "check_defaults",
    "check_model_configs",
    "check_queue_config",
    "check_schemas",
    "sound_schema",
]

FIELDS = {
    "model_id": str,
    "name": str,
    "display_name": str,
    "category": str,
    "description": str,
    "input_schema_known": bool,
    "slow": bool,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE_KINDS = (*MEDIA_KINDS, "file")
# Keywords that would let a schema be looked for elsewhere.
ADDRESSES = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
# The keywords under which schemas stand: one, a list of them, or several by name.
HOLDERS = (
    "$defs", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "definitions",
    "dependentSchemas", "else", "if", "items", "not", "oneOf", "patternProperties", "prefixItems",
    "properties", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
BY_NAME = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
MOST_EXPANSIONS = 100_000
DEEPEST = 60
LONGEST_SETTINGS = 50_000


def check_model_configs(folder: Folder) -> list[Finding]:
    """Check the fields of each model_config.json and that they name the folder's model."""
    return [one for model in model_folders(folder) for one in _model_config(folder, model)]


def check_queue_config(folder: Folder) -> list[Finding]:
    """Check that the settings are plain YAML and that the runtime takes each of them."""
    text = folder.texts.get(SETTINGS_FILE)
    if text is None:
        return []
    if len(text) > LONGEST_SETTINGS:
        return [Finding(SETTINGS_FILE, f"is longer than {LONGEST_SETTINGS:,} characters")]
    try:
        read_yaml(text)
        load_settings(folder.root, {})
    except ValueError as error:
        return [Finding(SETTINGS_FILE, str(error))]
    except OverflowError:
        return [Finding(SETTINGS_FILE, "holds a number that is too large")]
    except FalError as error:
        message = str(error).replace(str(folder.root / SETTINGS_FILE), SETTINGS_FILE)
        return [Finding(SETTINGS_FILE, message)]
    return []


def check_defaults(folder: Folder, project: Path) -> list[Finding]:
    """Check the user's own settings of each model, as its wrapper reads them.

    `project` is the working folder, below which they may name files.
    """
    return [one for model in model_folders(folder) for one in _defaults(folder, model, project)]


def check_schemas(folder: Folder) -> list[Finding]:
    """Check both schemas of each model, and what its model_config.json says of the input."""
    return [one for model in model_folders(folder) for one in _schemas(folder, model)]


def sound_schema(folder: Folder, path: str) -> Mapping[str, Any] | None:
    """Return a schema that can be applied safely, or None where `check_schemas` objects to it."""
    schema = folder.json_object(path)
    return None if schema is None or _objections(folder.texts[path]) else schema


def _model_config(folder: Folder, model: ModelFolder) -> list[Finding]:
    config = folder.json_object(model.config)
    if config is None:
        return folder.json_problems(model.config)
    messages = [
        f"{name} is {quoted(config.get(name))}, must be "
        f"{'text' if kind is str else 'true or false'}"
        for name, kind in FIELDS.items()
        if not isinstance(config.get(name), kind)
    ]
    named = model_id(folder, model)
    if named is not None and not is_model_id(named):
        messages.append(f"model_id {quoted(named)} is no model ID such as fal-ai/flux/dev")
    if isinstance(config.get("name"), str) and config["name"] != model.name:
        messages.append(f"name is {quoted(config['name'])}, the folder {quoted(model.name)}")
    return [Finding(model.config, message) for message in messages]


def _defaults(folder: Folder, model: ModelFolder, project: Path) -> list[Finding]:
    schema = sound_schema(folder, model.input_schema)
    if model.defaults not in folder.texts or schema is None:
        return []
    place = folder.root / model.path
    document = SchemaDocument(schema)
    called = CalledModel(model_id(folder, model), model.name, folder.root, place, document)
    try:
        read_defaults(called, project, None, validate=True, allow_unknown=False)
    except FalError as error:
        message = error.message.replace(str(folder.root / model.defaults), model.defaults)
    except (OSError, RecursionError, OverflowError) as error:
        message = f"cannot be checked: {error}"
    else:
        return []
    return [Finding(model.defaults, one_line(message.removeprefix(f"{model.defaults}, ")))]


def _schemas(folder: Folder, model: ModelFolder) -> list[Finding]:
    problems = []
    for path in (model.input_schema, model.output_schema):
        if folder.json_object(path) is None:
            problems += folder.json_problems(path)
        else:
            messages = _objections(folder.texts[path])
            problems += [Finding(path, message) for message in messages[:MOST_SHOWN]]
    known = (folder.json_object(model.config) or {}).get("input_schema_known")
    schema = folder.json_object(model.input_schema)
    if schema is None or not isinstance(known, bool):
        return problems
    if known and schema.get("type") != "object":
        message = 'must have "type": "object": an input is one JSON object'
        problems.append(Finding(model.input_schema, message))
    if not known and ("properties" in schema or "type" in schema):
        message = "has fields, but model_config.json says none are known"
        problems.append(Finding(model.input_schema, message))
    return problems


# Several checks of one skill ask for the same schemas.
@lru_cache(maxsize=256)
def _objections(text: str) -> tuple[str, ...]:
    """Return what is wrong with a schema, given as the text of a JSON object."""
    schema: dict[str, Any] = json.loads(text)
    parts = list(_subschemas(schema))
    found = [message for part in parts for message in (*_reference(part, schema), *_mark(part))]
    if schema.get("$schema") != DIALECT:
        found.append(f"$schema is {quoted(schema.get('$schema'))}, must be {DIALECT}")
    known: dict[int, int] = {}
    if any(_expansion(schema, known, part) > MOST_EXPANSIONS for part in parts):
        found.append("refers to itself without end, or expands to more than a validator can visit")
    found += [message for part in parts for message in _types(part)]
    return tuple(found or _invalid(schema))


def _reference(part: Mapping[str, Any], root: Mapping[str, Any]) -> list[str]:
    found = [f"{name} is not allowed: use $ref: #/$defs/NAME" for name in ADDRESSES if name in part]
    if "$ref" in part and _defined(root, part["$ref"]) is None:
        found.append(f"$ref {quoted(part['$ref'])} leads to no schema in $defs of this file")
    return found


def _mark(part: Mapping[str, Any]) -> list[str]:
    if "x-file" not in part or part["x-file"] in FILE_KINDS:
        return []
    return [f"x-file is {quoted(part['x-file'])}, must be one of {', '.join(FILE_KINDS)}"]


def _types(part: Mapping[str, Any]) -> list[str]:
    """Return what would make the metaschema's own check slow, and patterns that cannot be tried."""
    if isinstance(part.get("type"), list) and len(part["type"]) > 7:
        return ["type lists more than the seven types that there are"]
    names = part.get("patternProperties")
    # Of a field's pattern the wrapper tries only a quick one, of a name's any.
    slow = [name for name in names if not is_quick(name)] if isinstance(names, Mapping) else []
    found = [f"the pattern {quoted(name)} of a name may take for ever" for name in slow]
    pattern = part.get("pattern")
    try:
        re.compile(pattern if isinstance(pattern, str) else "")
    except (re.error, RecursionError, OverflowError):
        found.append(f"the pattern {quoted(pattern)} is no regular expression")
    return found


def _invalid(schema: dict[str, Any]) -> list[str]:
    """Return the first thing that the metaschema objects to."""
    try:
        error = next(_metaschema().iter_errors(schema), None)
    except RecursionError:
        return ["is nested too deeply"]
    if error is None:
        return []
    where = "/".join(str(step) for step in error.absolute_path) or "the top"
    return [f"is no valid JSON Schema: at {quoted(where)}: {quoted(error.message, 200)}"]


@cache
def _metaschema() -> "Draft202012Validator":
    # Made once: building it costs more than most checks of a whole skill.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(Draft202012Validator.META_SCHEMA)


def _subschemas(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield the schema and every schema inside it, definitions included."""
    waiting: list[object] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            yield part
            waiting += [
                part[keyword] for keyword in HOLDERS if keyword in part and keyword not in BY_NAME
            ]
            named = [part[keyword] for keyword in BY_NAME if isinstance(part.get(keyword), Mapping)]
            waiting += [one for schemas in named for one in schemas.values()]


def _defined(root: Mapping[str, Any], reference: object) -> object:
    """Return the schema that `#/$defs/NAME` or `#` names in the document, None for any other."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/$defs/")):
        return None
    found = SchemaDocument(root).target({"$ref": reference})
    return found if isinstance(found, Mapping) else None


def _expansion(
    root: Mapping[str, Any], known: dict[int, int], schema: object, depth: int = 0
) -> int:
    """Return how many schemas speak of the same value once `$ref` and unions are followed.

    `known` remembers results between calls. A schema that refers to itself without moving into
    the value has no end: that, like any count above MOST_EXPANSIONS, is
    returned as MOST_EXPANSIONS + 1.
    """
    if not isinstance(schema, Mapping):
        return 1
    if depth > DEEPEST:
        return MOST_EXPANSIONS + 1
    if id(schema) not in known:
        known[id(schema)] = MOST_EXPANSIONS + 1
        parts = SchemaDocument(root).in_place(schema)
        inside = (_expansion(root, known, part, depth + 1) for part in parts)
        known[id(schema)] = min(1 + sum(inside), MOST_EXPANSIONS + 1)
    return known[id(schema)]
