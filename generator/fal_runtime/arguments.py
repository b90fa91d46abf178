"""Make one validated input of what a command line or a Python caller gives."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError, Problem, UsageError
from .file_fields import FileProblem, LocalFile, find_local_files
from .flags import Given, own_options, parse_command
from .json_text import JsonTextError, Value, parse_json, unsendable
from .schema_walk import SchemaDocument
from .validation import NOTHING, schema_problems, unknown_fields
from .values import digit_texts, field_value, set_nested
from .wording import describe, path_text, short

__all__ = [
    "LocalFile",
    "PreparedInput",
    "check_input",
    "given_input",
    "prepare_command",
    "raise_problems",
]


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A complete input; `<upload:/absolute/path>` stands where a local file's link will."""

    value: dict[str, Any]
    local_files: tuple[LocalFile, ...] = ()
    notices: tuple[str, ...] = ()


def prepare_command(
    argv: Sequence[str],
    *,
    model_id: str | None,
    schema: Mapping[str, Any],
    stdin_text: str | None = None,
    check_files: bool = False,
) -> PreparedInput:
    """Read a wrapper's command line and check its input, without a key, a network or a call.

    `schema` is the content of `references/input.schema.json`, `stdin_text` what `--args-file -`
    reads. Without `check_files` a path such as `photo.png` needs no file behind it, so shown
    examples can be checked anywhere. Raises UsageError or InputError as the wrapper would.
    """
    document = SchemaDocument(schema)
    given = parse_command(argv, document, own_options(model_id))
    value, problems = given_input(given, document, lambda: stdin_text or "")
    return check_input(
        value,
        document,
        problems,
        check_files=check_files,
        validate=not given.options["no_validate"],
        allow_unknown=given.options["allow_unknown"],
    )


def given_input(
    given: Given, document: SchemaDocument, read_stdin: Callable[[], str]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return a command line's input (--args, then --set, then flags) and what is unreadable."""
    value = _base(given.options, read_stdin)
    problems = list(given.unknown)
    for assignment in given.options["set"] or ():
        set_nested(value, assignment, document)
    fields = document.fields()
    for name, texts in given.fields.items():
        try:
            value[name] = field_value(texts, fields[name], document)
        except JsonTextError as error:
            expected = f"{describe(fields[name], document)}; {error}"
            problems.append(Problem(path_text((name,)), short(texts[0]), expected))
    return value, problems


def check_input(
    value: Mapping[str, Any],
    document: SchemaDocument,
    problems: Sequence[Problem] = (),
    *,
    check_files: bool = True,
    validate: bool = True,
    allow_unknown: bool = False,
) -> PreparedInput:
    """Return the input as it will be sent, or raise InputError that names every problem.

    `problems` are those found while reading; the given value is not changed.
    """
    whole = _sendable(value)
    notices = _with_digit_texts(whole, document) if validate else []
    if "boolean" in _named_types(document, "sync_mode"):
        whole.setdefault("sync_mode", False)
    files, file_problems = find_local_files(whole, document, check=check_files)
    found = list(problems)
    if validate and document.known:
        found += [] if allow_unknown else unknown_fields(whole, document)
        local = frozenset({f.location for f in files} | {p.location for p in file_problems})
        found += schema_problems(whole, document, local=local, allow_unknown=allow_unknown)
    raise_problems(found, file_problems)
    for file in files:
        _replace(whole, file.location, f"<upload:{file.path}>")
    return PreparedInput(whole, tuple(files), tuple(notices))


def raise_problems(found: Sequence[Problem], about_files: Sequence[FileProblem] = ()) -> None:
    """Raise one InputError that names every problem; return when there is none."""
    problems = [*found, *(each.problem for each in about_files)]
    told = {problem.path for problem in problems if problem.got != NOTHING}
    problems = [p for p in problems if p.got != NOTHING or p.path not in told]
    problems = list({(p.path, p.expected): p for p in problems}.values())
    if not problems:
        return
    missing = not found and all(each.missing for each in about_files)
    raise InputError("file_missing" if missing else "invalid_input", _message(problems), problems)


def _base(options: Mapping[str, Any], read_stdin: Callable[[], str]) -> dict[str, Any]:
    if options["args"] is not None and options["args_file"] is not None:
        raise UsageError("usage", "--args and --args-file cannot be given together")
    name, text = "--args", options["args"]
    if options["args_file"] is not None:
        name = f"--args-file {options['args_file']}"
        text = _file_text(options["args_file"], read_stdin)
    if text is None:
        return {}
    try:
        value = parse_json(text)
    except JsonTextError as error:
        raise InputError("invalid_input", f"{name} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError("invalid_input", f"{name} must be a JSON object, not {short(value)}")
    return value


def _file_text(name: str, read_stdin: Callable[[], str]) -> str:
    try:
        if name == "-":
            return read_stdin()
        return Path(name).expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("invalid_input", f"--args-file {name} is not UTF-8 text") from None
    except (OSError, ValueError, RuntimeError) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise InputError("file_missing", f"--args-file {name} cannot be read: {told}") from None


def _sendable(value: Mapping[str, Any]) -> dict[str, Any]:
    for name, member in value.items():
        reason = unsendable({name: member})
        if reason is not None:
            path = path_text((str(name).encode(errors="replace").decode(),))
            problem = Problem(path, type(member).__name__, f"JSON; {reason}")
            raise InputError("invalid_input", f"{path} cannot be sent: {reason}", [problem])
    return deepcopy(dict(value))


def _with_digit_texts(whole: dict[str, Any], document: SchemaDocument) -> list[str]:
    notices = []
    for location, text in digit_texts(whole, document):
        _replace(whole, location, text)
        notices.append(f'{path_text(location)}: {text} was sent as "{text}"')
    return notices


def _named_types(document: SchemaDocument, name: str) -> frozenset[str]:
    fields = document.fields()
    return document.types(fields[name]) if name in fields else frozenset()


def _replace(whole: Value, location: Sequence[str | int], new: Value) -> None:
    for step in location[:-1]:
        whole = whole[step]
    whole[location[-1]] = new


def _message(problems: Sequence[Problem]) -> str:
    """Return one line that names missing fields together and the first other problems."""
    missing = [f"{p.path} ({p.expected})" for p in problems if p.got == NOTHING]
    told = [f"required and missing: {', '.join(missing)}"] if missing else []
    for problem in [p for p in problems if p.got != NOTHING][:5]:
        near = f"; did you mean {problem.closest}?" if problem.closest else ""
        told.append(f"{problem.path}: got {problem.got}, expected {problem.expected}{near}")
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    text = f"the input has {count}: {'; '.join(told)}"
    return text if len(text) <= 1500 else f"{text[:1497]}..."
