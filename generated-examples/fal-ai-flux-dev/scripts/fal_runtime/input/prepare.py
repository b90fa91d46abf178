"""One validated input, made of what a command line or a Python caller gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

from fal_runtime.errors import InputError, Problem, UsageError
from fal_runtime.input.files import FileProblem, LocalFile, find_local_files
from fal_runtime.input.flags import ParsedCommand, own_options, parse_command
from fal_runtime.input.options import CallOptions
from fal_runtime.input.values import digit_texts, field_value, set_nested
from fal_runtime.json_text import JsonTextError, parse_json, put, unsendable
from fal_runtime.paths import content_of, reason
from fal_runtime.schema.describe import describe, path_text
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.schema.validate import NOTHING, schema_problems, unknown_fields
from fal_runtime.text import cut, short_json

# Files are named in an input, not copied into it.
_LARGEST_FILE = 32 * 1024 * 1024
# Stands for the link of a file that is not uploaded yet.
_ANY_LINK = "https://local.file"

# Input fields by the name of their source, in the order in which the later ones win.
Layers: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A complete input; `<upload:/absolute/path>` stands where a local file's link will.

    `sources` is where its fields come from, and the nested values that --set gave.
    """

    value: dict[str, Any]
    local_files: tuple[LocalFile, ...] = ()
    notices: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GivenInput:
    """An input as it was given, what of it cannot be read, and where each value comes from."""

    value: dict[str, Any]
    sources: dict[str, str]
    problems: tuple[Problem, ...] = ()


def prepare_command(
    argv: Sequence[str],
    *,
    model_id: str | None,
    schema: Mapping[str, Any],
    stdin_text: str | None = None,
    check_files: bool = False,
    collection: bool = False,
) -> PreparedInput:
    """Read a wrapper's command line and check its input, without a key, a network or a call.

    `schema` is the content of `references/input.schema.json`, `stdin_text` what `--args-file -`
    reads. Without `check_files` a path such as `photo.png` needs no file behind it, so shown
    examples can be checked anywhere. Raises UsageError or InputError as the wrapper would.
    """
    document = SchemaDocument(schema)
    given = parse_command(argv, document, own_options(model_id, collection=collection))
    read = given_input(given, document, lambda: stdin_text or "")
    return check_input(
        read.value,
        document,
        read.problems,
        check_files=check_files,
        validate=not given.options.no_validate,
        allow_unknown=given.options.allow_unknown,
    )


def given_input(
    given: ParsedCommand,
    document: SchemaDocument,
    read_stdin: Callable[[], str],
    layers: Layers = MappingProxyType({}),
) -> GivenInput:
    """Return a command line's input: the layers, --args, --set, --set-file, then flags.

    A later field replaces an earlier one as a whole, be it an object or a list.
    """
    from_stdin = [each for each in given.options.set_file if each.endswith("=-")]
    if len(from_stdin) + (given.options.args_file == "-") > 1:
        raise UsageError("usage", "standard input (-) can be read once: give one of them a file")
    args = _args(given.options, read_stdin) if given.args is None else given.args
    value: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in {**layers, "args": args}.items():
        value |= layer
        sources |= dict.fromkeys(layer, source)
    problems = list(given.unknown)
    for source, path, text in _assignments(given.options, read_stdin):
        try:
            set_nested(value, path, text, document)
        except InputError as error:
            raise replace(error, message=f"--{source} {error}") from None
        sources[path] = source
    fields = document.fields()
    for name, texts in given.fields.items():
        try:
            value[name] = field_value(texts, fields[name], document)
        except JsonTextError as error:
            expected = f"{describe(fields[name], document)}; {error}"
            got = short_json(texts[0]) if len(texts) == 1 else f"{len(texts)} values"
            problems.append(Problem(path_text((name,)), got, expected))
    flags = dict.fromkeys(given.fields, "flag")
    kept = {path: by for path, by in sources.items() if path.partition(".")[0] not in flags}
    return GivenInput(value, kept | flags, tuple(problems))


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

    `problems` are those of reading it; the given value is not changed.
    """
    whole = _sendable(value)
    texts = digit_texts(whole, document) if validate else []
    for location, text in texts:
        put(whole, location, text)
    for name in document.hidden():
        whole.setdefault(name, False)
    files, file_problems = find_local_files(whole, document, check=check_files)
    wrong = list(problems)
    if validate and document.known:
        wrong += [] if allow_unknown else unknown_fields(whole, document)
        # Judged is what will be sent: a link, where a local file is named.
        paths = dict.fromkeys(file.path for file in files)
        links = {path: f"{_ANY_LINK}/{n}/{path.name}" for n, path in enumerate(paths)}
        linked = with_links(whole, files, links)
        for refused in file_problems:
            put(linked, refused.location, _ANY_LINK)
        wrong += schema_problems(linked, document, allow_unknown=allow_unknown)
    raise_problems(wrong, file_problems)
    for file in files:
        put(whole, file.location, f"<upload:{file.path}>")
    notices = (f'{path_text(location)}: {text} was sent as "{text}"' for location, text in texts)
    return PreparedInput(whole, tuple(files), tuple(notices))


def with_links(
    value: Mapping[str, Any], files: Sequence[LocalFile], links: Mapping[Path, str]
) -> dict[str, Any]:
    """Return the input with the link of each local file in its place."""
    whole = deepcopy(dict(value))
    for file in files:
        put(whole, file.location, links[file.path])
    return whole


def raise_problems(others: Sequence[Problem], about_files: Sequence[FileProblem] = ()) -> None:
    """Raise one InputError that names every problem; return when there is none."""
    problems = [*others, *(each.problem for each in about_files)]
    with_value = {problem.path for problem in problems if problem.got != NOTHING}
    problems = [p for p in problems if p.got != NOTHING or p.path not in with_value]
    problems = list({(p.path, p.expected): p for p in problems}.values())
    if not problems:
        return
    missing = [f"{p.path} ({p.expected})" for p in problems if p.got == NOTHING]
    parts = [f"required and missing: {', '.join(missing)}"] if missing else []
    parts += [str(problem) for problem in problems if problem.got != NOTHING][:5]
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    message = cut(f"the input has {count}: {'; '.join(parts)}", 1500)
    about_disk = not others and all(each.missing for each in about_files)
    raise InputError("file_missing" if about_disk else "invalid_input", message, problems)


def _assignments(
    options: CallOptions, read_stdin: Callable[[], str]
) -> Iterator[tuple[str, str, str]]:
    """Yield source, path and text of each --set, then of each --set-file."""
    given = [("set", each) for each in options.set]
    given += [("set-file", each) for each in options.set_file]
    for source, assignment in given:
        path, equals, text = assignment.partition("=")
        if not equals or not all(path.split(".")) or (source == "set-file" and not text):
            what = "FILE" if source == "set-file" else "VALUE"
            raise UsageError(
                "usage",
                f"--{source} {assignment[:60]!r}: write it as NAME.NAME={what} or "
                f"NAME.0.NAME={what}",
            )
        if source == "set-file":
            text = _file_text(f"--set-file {assignment}", text, read_stdin)
        yield source, path, text


def _args(options: CallOptions, read_stdin: Callable[[], str]) -> dict[str, Any]:
    if options.args is not None and options.args_file is not None:
        raise UsageError("usage", "--args and --args-file cannot be given together")
    name, text = "--args", options.args
    if options.args_file is not None:
        name = f"--args-file {options.args_file}"
        text = _file_text(name, options.args_file, read_stdin).removeprefix("\ufeff")
    if text is None:
        return {}
    try:
        value = parse_json(text)
    except JsonTextError as error:
        raise InputError("invalid_input", f"{name} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise InputError("invalid_input", f"{name} must be a JSON object, not {short_json(value)}")
    return value


def _file_text(option: str, name: str, read_stdin: Callable[[], str]) -> str:
    """Return the text of a file as it stands, byte for byte."""
    try:
        if name == "-":
            return read_stdin()
        content = content_of(Path(name).expanduser(), _LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise ValueError(f"it has more than {_LARGEST_FILE:,} bytes")
        return content.decode()
    except UnicodeDecodeError:
        why = "is not UTF-8 text; a picture or another file is given by its path, with --FIELD"
        raise InputError("invalid_input", f"{option} {why}") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError("file_missing", f"{option} cannot be read: {reason(error)}") from None


def _sendable(value: Mapping[str, Any]) -> dict[str, Any]:
    for name, member in value.items():
        why = unsendable({name: member})
        if why is not None:
            path = path_text((str(name).encode(errors="replace").decode(),))
            problem = Problem(path, type(member).__name__, f"JSON; {why}")
            raise InputError("invalid_input", f"{path} cannot be sent: {why}", [problem])
    return deepcopy(dict(value))
