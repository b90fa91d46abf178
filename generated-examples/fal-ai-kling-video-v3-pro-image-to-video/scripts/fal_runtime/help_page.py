"""Tell what a model takes: the page of `--help`, short for every line costs, and `--schema`."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import UsageError
from .flags import Flag, field_flags
from .json_text import Value
from .options import Option
from .schema_walk import Schema, SchemaDocument
from .wording import clean, closest, describe, short, shortened

__all__ = ["help_page", "schema_answer"]

_LONGEST_PAGE = 6_000
_SHORTEST_LINE = 6  # as in `*--a: b`
_LONGEST_SCHEMA = 10_000
# The command sends it itself: true would put the files' bytes into the answer.
_HIDDEN = ("sync_mode",)
_GROUPS = {"input": "Input", "files": "Files and answer", "jobs": "Jobs"}
_FILES = {"image": "photo.png", "video": "clip.mp4", "audio": "speech.mp3", "archive": "data.zip"}
_HINTS = """\
Values: booleans bare, true|false or --no-FIELD; lists by repeating the flag or as JSON; objects as
JSON. Files: URL, data: URI or local path. {precedence}.
One JSON object on stdout. Exit: 0 done, 2 bad input (nothing sent), 3 key, 4 failed, 5 not
collected yet (run `next`), 6 network, 7 unconfirmed (never send it again), 9 this machine."""
_PRECEDENCE = "Precedence: --args < --set < flags"
_PRECEDENCE_WITH_DEFAULTS = """Precedence, by whole fields but for --set:
references/defaults.yaml < --preset < --args < --set < flags"""


def help_page(
    script: str,
    title: str,
    document: SchemaDocument,
    options: tuple[Option, ...],
    *,
    model_given: bool,
    has_defaults: bool = False,
) -> str:
    """Return the page, below 6,000 characters whatever the schema holds.

    `script` is the command as it is typed, `title` one line on the model. --preset is shown with
    `has_defaults` only; the names of the presets are not, for that would need PyYAML.
    """
    model = "" if model_given else " -m MODEL_ID"
    head = [f"usage: {script}{model} [--FIELD VALUE ...] [options]"]
    head += ["", shortened(clean(title), 200), "", *_examples(script, document, model_given)]
    shown = [each for each in options if has_defaults or each.attribute != "preset"]
    tail = [line for group in _GROUPS for line in _option_lines(group, shown)]
    precedence = _PRECEDENCE_WITH_DEFAULTS if has_defaults else _PRECEDENCE
    tail += ["", _HINTS.format(precedence=precedence), ""]
    frame = "\n".join([*head, "", *tail])
    fields = _fields(document, options, _LONGEST_PAGE - len(frame) - 100)
    return "\n".join([*head, "", *fields, *tail])


def schema_answer(document: SchemaDocument, field: str) -> dict[str, Any]:
    """Return the input schema, or with `field` that field's schema and the definitions it uses.

    A schema that would pass 10,000 characters is given as an outline, and its `$comment` says so.
    Raises UsageError for a field that the schema does not have.
    """
    if not field:
        whole = dict(document.root)
        return whole if len(json.dumps(whole, indent=2)) < _LONGEST_SCHEMA else _outline(document)
    fields = document.fields()
    name = next((n for n in (field, field.replace("-", "_")) if n in fields), None)
    if name is None:
        near = closest(field, fields)
        hint = f" Did you mean {near}?" if near else ""
        raise UsageError(
            "usage", f"the input has no field {field[:60]!r}.{hint} Its fields: {', '.join(fields)}"
        )
    return _in_full(fields[name], document)


def _examples(script: str, document: SchemaDocument, model_given: bool) -> list[str]:
    model = "" if model_given else " -m OWNER/MODEL"
    fields = {name: schema for name, schema in document.fields().items() if name not in _HIDDEN}
    if not fields:
        return ["Example:", f"  {script}{model} --args '{{...}}'"]
    required = [name for name in document.required() if name in fields] or list(fields)[:1]
    values = {name: _sample(name, fields[name], document) for name in required[:4]}
    words = [f"--{name} {_word(value)}" for name, value in values.items()]
    whole = json.dumps(values, ensure_ascii=True)
    return [
        "Examples:",
        f"  {script}{model} {' '.join(words)}",
        f"  {script}{model} --args-file - --dry-run <<'JSON'",
        f"  {whole}",
        "  JSON",
    ]


def _sample(name: str, schema: Schema, document: SchemaDocument) -> Value:
    """Return a short value for an example: a file's name, a choice, an example of the schema."""
    kind = document.file_kind([schema])
    types = document.types(schema)
    if kind is not None and "string" in types:
        return _FILES.get(kind, "model.glb" if kind == "3d" else "file.bin")
    given = [part.get("examples") for part in document.parts(schema)]
    first = [each[0] for each in given if isinstance(each, list) and each]
    for value in [*first, *document.choices([schema])]:
        if document.accepts(value, schema) and len(json.dumps(value)) <= 60:
            return value
    if "array" in types and "string" not in types:
        return [_sample(name, document.item_schema(schema), document)]
    plain = {"string": "...", "integer": 1, "number": 1.0, "boolean": True}
    return next((plain[each] for each in plain if each in types), {})


def _word(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return shlex.quote(clean(text))


def _option_lines(group: str, options: Sequence[Option]) -> list[str]:
    lines = ["", f"{_GROUPS[group]}:"]
    for option in (each for each in options if each.group == group):
        names = ", ".join(reversed(option.names)) + (f" {option.metavar}" if option.metavar else "")
        default = f" [{option.default:g}]" if isinstance(option.default, float) else ""
        default = f" [{option.default}]" if isinstance(option.default, str) else default
        lines.append(f"  {names:<27} {option.text}{default}")
    return lines


def _fields(document: SchemaDocument, options: tuple[Option, ...], room: int) -> list[str]:
    """Return the fields' lines in the most detail that there is room for."""
    flags = [flag for flag in field_flags(document, options) if flag.field not in _HIDDEN]
    if not flags:
        return ["The input's fields are not known: give them in --args; they are not checked."]
    if len(flags) * _SHORTEST_LINE > room:
        return _names_only(flags, document, room)
    for length, choices in ((100, 6), (60, 4), (30, 3), (0, 3), (0, 1)):
        lines = ["Fields (* required; --schema FIELD tells all):"]
        lines += [_field_line(flag, document, length, choices) for flag in flags]
        if len("\n".join(lines)) <= room:
            return lines
    return _names_only(flags, document, room)


def _field_line(flag: Flag, document: SchemaDocument, length: int, choices: int) -> str:
    schema = document.fields()[flag.field]
    star = "*" if flag.field in document.required() else " "
    told = shortened(describe(schema, document, choices=choices), 90)
    default = _default(schema, document)
    text = shortened(_description(schema, document), length) if length else ""
    return f" {star}{flag.names[0]}: {clean(told)}{default}{text and f'. {text}'}"


def _default(schema: Schema, document: SchemaDocument) -> str:
    found = [part["default"] for part in document.parts(schema) if "default" in part]
    return f" [{short(found[0], 30)}]" if found and found[0] is not None else ""


def _description(schema: Schema, document: SchemaDocument) -> str:
    found = (part.get("description") for part in document.parts(schema))
    return clean(next((text for text in found if isinstance(text, str)), ""))


def _names_only(flags: Sequence[Flag], document: SchemaDocument, room: int) -> list[str]:
    names_asked = frozenset(document.required())
    required = [flag for flag in flags if flag.field in names_asked]
    lines = [_field_line(flag, document, 0, 1)[:100] for flag in required[:10]]
    names = " ".join(flag.names[0] for flag in flags)
    left = max(room - len("\n".join(lines)) - 100, 200)
    return ["Fields (* required; --schema FIELD tells all):", *lines, f"  {shortened(names, left)}"]


def _in_full(schema: Schema, document: SchemaDocument) -> dict[str, Any]:
    given = document.root.get("$defs")
    definitions: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        found = [name for name in definitions if json.dumps(f"#/$defs/{name}") in text]
        waiting += [definitions[name] for name in found if name not in used]
        used |= {name: definitions[name] for name in found}
    whole = dict(schema) if isinstance(schema, Mapping) else {"$comment": "any value"}
    return whole | ({"$defs": used} if used else {})


def _outline(document: SchemaDocument) -> dict[str, Any]:
    fields = document.fields()
    for length in (300, 150, 80):
        told = {
            "$comment": "shortened: --schema FIELD prints one field in full",
            "required": list(document.required()),
            "properties": {
                name: {"$comment": shortened(describe(schema, document), length)}
                for name, schema in fields.items()
            },
        }
        if len(json.dumps(told, indent=2)) < _LONGEST_SCHEMA:
            break
    return told
