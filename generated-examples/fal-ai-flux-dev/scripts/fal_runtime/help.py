"""What a model takes: the page of `--help`, short for every line costs, and `--schema`."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from fal_runtime.errors import Problem, UsageError
from fal_runtime.input.flags import Flag, field_flags
from fal_runtime.input.options import Option
from fal_runtime.json_text import Value
from fal_runtime.model import DescribedModels
from fal_runtime.schema.describe import describe
from fal_runtime.schema.document import AnySchema, SchemaDocument
from fal_runtime.text import closest, cut, one_line, short_json

_LONGEST_PAGE = 6_000
_SHORTEST_LINE = 6  # as in `*--a: b`
_LONGEST_SCHEMA = 10_000
_GROUPS = {"input": "Input", "files": "Files and answer", "jobs": "Jobs"}
_FILES = {"image": "photo.png", "video": "clip.mp4", "audio": "speech.mp3", "archive": "data.zip"}
_VALUES = """\
Values: booleans bare, true|false or --no-FIELD; lists by repeating the flag or as JSON; objects \
as JSON. Files: URL, data: URI, local path, or from:JOB and from:last, an earlier job's. """
_PRECEDENCE = "Precedence: --args < --set < --set-file"
_PRECEDENCE_WITH_DEFAULTS = """\
Precedence, by whole fields but for --set: {file} < --preset < --args < --set < --set-file"""
_ANSWER = """\
One JSON object on stdout. Exit: 0 done, 2 bad input (nothing sent), 3 key, 4 failed, 5 not \
collected yet (run `next`), 6 network, 7 unconfirmed (never send it again), 8 over --max-cost, \
9 this machine."""
_NARROWEST = 60
_OPTION_TEXT = 30


def help_page(
    script: str,
    title: str,
    document: SchemaDocument,
    options: tuple[Option, ...],
    *,
    model_given: bool,
    defaults: str | None = None,
    width: int = 80,
) -> str:
    """Return the page, below 6,000 characters whatever the schema holds, in lines of `width`.

    `script` is the command as it is typed, `title` one line on the model. --preset is shown with
    `defaults` only, which is the user's file of them; the names of the presets are not, for that
    would need PyYAML.
    """
    width = max(width, _NARROWEST)
    model = "" if model_given else " -m MODEL_ID"
    given = "[--FIELD VALUE ...]" if document.fields() else "[--args JSON]"
    head = _wrapped([f"usage: {script}{model} {given} [options]"], width, 7)
    head += ["", *_wrapped([one_line(title, 200)], width), ""]
    hidden = document.hidden()
    flags = [flag for flag in field_flags(document, options) if flag.field not in hidden]
    start = script if model_given else f"{script} -m OWNER/MODEL"
    head += _examples(start, flags, document, width)
    shown = [each for each in options if defaults is not None or each.attribute != "preset"]
    with_defaults = _PRECEDENCE_WITH_DEFAULTS.format(file=defaults)
    precedence = with_defaults if defaults is not None else _PRECEDENCE
    values = f"{_VALUES}{precedence} < flags." if document.fields() else f"{precedence}."
    tail = [*_all_option_lines(shown, width), *_wrapped(["", values, _ANSWER, ""], width)]
    frame = "\n".join([*head, "", *tail])
    fields = _fields(flags, document, _LONGEST_PAGE - len(frame) - 100, width)
    return "\n".join([*head, "", *fields, *tail])


def collection_page(
    script: str, models: DescribedModels, options: tuple[Option, ...], *, width: int = 80
) -> str:
    """Return the page of a collection, whose models each have one of their own.

    The models stand there in the most detail that there is room for, the default first. Raises
    LocalError for a model whose folder cannot be read.
    """
    width = max(width, _NARROWEST)
    head = _wrapped([f"usage: {script} -m NAME [--FIELD VALUE ...] [options]"], width, 7)
    note = "Each model takes fields of its own: -m NAME --help lists them."
    head += ["", note, "", f"Models ({len(models.by_name)}):"]
    shown = [each for each in options if each.attribute != "preset"]
    tail = [*_all_option_lines(shown, width), *_wrapped(["", _ANSWER, ""], width)]
    room = _LONGEST_PAGE - len("\n".join([*head, *tail])) - 100
    rows = []
    for model in sorted(models.by_name.values(), key=lambda each: each is not models.default):
        config = model.config()
        name = f"{model.name} (default)" if model is models.default else model.name
        title = f"{config.get('display_name') or ''} ({config.get('category') or 'model'})"
        line = f"  {name}: {one_line(title, 60)}"
        rows.append((f"{line}, {model.model_id}", line, name))
    for lines in ([row[0] for row in rows], [row[1] for row in rows]):
        listed = _wrapped(lines, width, 4)
        if len("\n".join(listed)) <= room:
            break
    else:
        listed = _wrapped([f"  {cut(', '.join(row[2] for row in rows), room)}"], width, 2)
    return "\n".join([*head, *listed, *tail])


def schema_answer(document: SchemaDocument, field: str) -> dict[str, Any]:
    """Return the input schema, or with `field` that field's schema and the definitions it uses.

    A field inside another one is named as `loras.scale`, or `loras.0.scale`. A schema that would
    pass 10,000 characters is given as an outline, and its `$comment` says so. Raises UsageError for
    a field that the schema does not have.
    """
    if not field:
        whole = dict(document.root)
        return whole if len(json.dumps(whole, indent=2)) < _LONGEST_SCHEMA else _outline(document)
    known, schemas, fields = _place(field, document)
    steps = field.split(".")
    if len(known) < len(steps):
        where, step = ".".join(known) or "the input", steps[len(known)]
        near = closest(step, fields)
        hint = f" Did you mean {near}?" if near else ""
        named = f" Its fields: {', '.join(fields)}" if fields else ""
        raise UsageError("usage", f"{where} has no field {step[:60]!r}.{hint}{named}")
    return _in_full(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, document)


def known_field(problem: Problem, document: SchemaDocument) -> str:
    """Return the field that a problem is about as `--schema` takes it, "" where there is none."""
    return ".".join(_place(problem.path.replace("[", ".").replace("]", ""), document)[0])


def _place(field: str, document: SchemaDocument) -> tuple[list[str], list[AnySchema], list[str]]:
    """Return the steps of a field's name that lead on, the schemas there, and the names in it."""
    known: list[str] = []
    schemas: list[AnySchema] = [document.root]
    for step in field.split("."):
        items = document.members(schemas, 0)
        if step.isdecimal() and items:
            known, schemas = [*known, step], items
            continue
        # The items of a list are alike: their index may be left out.
        places = [*schemas, *items]
        fields = list(document.properties(*places))
        name = next((each for each in (step, step.replace("-", "_")) if each in fields), None)
        if name is None:
            return known, schemas, fields
        known, schemas = [*known, name], document.members(places, name)
    return known, schemas, []


def _wrapped(lines: Sequence[str], width: int, indent: int = 0) -> list[str]:
    """Return the lines, each wrapped between words, its continuation indented."""
    import textwrap

    wrapper = textwrap.TextWrapper(
        width,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [part for line in lines for part in wrapper.wrap(line) or [""]]


def _examples(start: str, flags: Sequence[Flag], document: SchemaDocument, width: int) -> list[str]:
    if not flags:
        return ["Example:", *_command(start, ["--args '{...}'"], width)]
    required = frozenset(document.required())
    shown = [flag for flag in flags if flag.field in required][:4] or flags[:1]
    fields = document.fields()
    values = {flag.field: _sample(flag.field, fields[flag.field], document) for flag in shown}
    texts = {name: v if isinstance(v, str) else json.dumps(v) for name, v in values.items()}
    words = [f"{flag.names[0]} {shlex.quote(one_line(texts[flag.field]))}" for flag in shown]
    whole = json.dumps(values, ensure_ascii=True)
    whole = whole if len(whole) + 2 <= width else json.dumps(values, ensure_ascii=True, indent=2)
    return [
        "Examples:",
        *_command(start, words, width),
        *_command(start, ["--args-file - --dry-run <<'JSON'"], width),
        *(f"  {line}" for line in whole.splitlines()),
        "  JSON",
    ]


def _command(start: str, options: Sequence[str], width: int) -> list[str]:
    """Return a command as it can be typed: in one line, or where it is too long in several."""
    whole = f"  {' '.join([start, *options])}"
    if len(whole) <= width:
        return [whole]
    lines = [f"  {start}", *(f"    {option}" for option in options)]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]


def _sample(name: str, schema: AnySchema, document: SchemaDocument) -> Value:
    """Return a short value for an example: a file's name, a choice, an example of the schema.

    An example that names a file of this machine is left out: who runs it would upload the file.
    """
    kind = document.file_kind([schema])
    types = document.types(schema)
    if kind is not None and "string" in types:
        return _FILES.get(kind, "model.glb" if kind == "3d" else "file.bin")
    given = [part.get("examples") for part in document.parts(schema)]
    first = [each[0] for each in given if isinstance(each, list) and each]
    for value in [*first, *document.choices([schema])]:
        fits = document.accepts(value, schema) and len(json.dumps(value)) <= 60
        if fits and isinstance(value, list | dict):
            from fal_runtime.input.files import find_local_files

            fits = not any(find_local_files({name: value}, document, check=False))
        if fits:
            return value
    if "array" in types and "string" not in types:
        return [_sample(name, document.item_schema(schema), document)]
    plain = {"string": "...", "integer": 1, "number": 1.0, "boolean": True}
    return next((plain[each] for each in plain if each in types), {})


def _all_option_lines(options: Sequence[Option], width: int) -> list[str]:
    lines = [line for group in _GROUPS for line in _option_lines(group, options)]
    return _wrapped(lines, width, _OPTION_TEXT)


def _option_lines(group: str, options: Sequence[Option]) -> list[str]:
    lines = ["", f"{_GROUPS[group]}:"]
    for option in (each for each in options if each.group == group):
        names = ", ".join(reversed(option.names)) + (f" {option.metavar}" if option.metavar else "")
        default = f" [{option.default}]" if option.default is not None else ""
        lines.append(f"{f'  {names}':<{_OPTION_TEXT - 1}} {option.text}{default}")
    return lines


def _fields(flags: Sequence[Flag], document: SchemaDocument, room: int, width: int) -> list[str]:
    """Return the fields' lines in the most detail that there is room for."""
    if not flags:
        unknown = "The input's fields are not known: give them in --args; they are not checked."
        return _wrapped([unknown], width)
    heading = "Fields (* required; --schema FIELD tells all):"
    schemas, required = document.fields(), frozenset(document.required())

    def line(flag: Flag, length: int, choices: int) -> str:
        star = "*" if flag.field in required else " "
        words = _field_words(schemas[flag.field], document, length, choices)
        return f" {star}{flag.names[0]}: {words}"

    for length, choices in ((100, 6), (60, 4), (30, 3), (0, 3), (0, 1)):
        if len(flags) * _SHORTEST_LINE > room:
            break
        lines = [line(flag, length, choices) for flag in flags]
        lines = [heading, *_wrapped(lines, width, 4)]
        if len("\n".join(lines)) <= room:
            return lines
    lines = [line(flag, 0, 1)[:100] for flag in flags if flag.field in required][:10]
    names = " ".join(flag.names[0] for flag in flags)
    left = max(room - len("\n".join(lines)) - 200, 200)
    return [heading, *_wrapped([*lines, f"  {cut(names, left)}"], width, 2)]


def _field_words(schema: AnySchema, document: SchemaDocument, length: int, choices: int) -> str:
    """Return what a field takes, its default, and its description as far as `length`."""
    kind = one_line(cut(describe(schema, document, choices=choices), 90))
    default = next(iter(document.defaults([schema])), None)
    words = f"{kind} [{short_json(default, 30)}]" if default is not None else kind
    texts = [part.get("description") for part in document.parts(schema)] if length else []
    text = next((one_line(text) for text in texts if isinstance(text, str)), "")
    return f"{words}. {cut(text, length)}" if text else words


def _in_full(schema: AnySchema, document: SchemaDocument) -> dict[str, Any]:
    given = document.root.get("$defs")
    definitions: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        text = json.dumps(waiting.pop())
        names = [name for name in definitions if json.dumps(f"#/$defs/{name}") in text]
        waiting += [definitions[name] for name in names if name not in used]
        used |= {name: definitions[name] for name in names}
    whole = dict(schema) if isinstance(schema, Mapping) else {"$comment": "any value"}
    return whole | ({"$defs": used} if used else {})


def _outline(document: SchemaDocument) -> dict[str, Any]:
    fields = document.fields()
    for length in (300, 150, 80):
        outline = {
            "$comment": "shortened: --schema FIELD prints one field in full",
            "required": list(document.required()),
            "properties": {
                name: {"$comment": cut(describe(schema, document), length)}
                for name, schema in fields.items()
            },
        }
        if len(json.dumps(outline, indent=2)) < _LONGEST_SCHEMA:
            break
    return outline
