"""Every command and example that a skill shows: its script is there and accepts it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from fal_runtime.errors import FalError, UsageError
from fal_runtime.input.flags import named_model, own_options, parse_command
from fal_runtime.input.prepare import prepare_command, raise_problems
from fal_runtime.schema.document import SchemaDocument
from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.front_matter import SKILL_FILE, body, read_yaml
from falsmith.verify.markdown import Block, read_markdown
from falsmith.verify.record import (
    COLLECTION,
    ModelFolder,
    is_collection,
    is_creator,
    model_folders,
    model_id,
)
from falsmith.verify.references import sound_schema
from falsmith.verify.scripts import wrapper_path
from falsmith.verify.shell import Command, read_shell

if TYPE_CHECKING:
    import click

__all__ = ["check_commands", "check_references"]

CALL_SCRIPT = "scripts/fal_api_call.py"
GENERATE_SCRIPT = "scripts/generate_fal_skill.py"
SHELLS = frozenset({"", "bash", "sh", "shell", "zsh", "console"})
COMMAND = re.compile(r"(?:python[0-9.]*|uv) ")
PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
MOST_COMMANDS = 100
# So many more of each model of a collection.
MORE_COMMANDS = 10
# With one of these no input is sent.
NO_INPUT = ("status", "result", "cancel", "jobs", "upload", "price", "schema", "help")
# With one of these no model is called; in a collection that of a job is known.
NO_MODEL = ("upload", "help")
OF_A_JOB = ("status", "result", "cancel", "like")


def check_commands(folder: Folder, generate: "click.Command | None" = None) -> list[Finding]:
    """Check every command line of SKILL.md and of the YAML references.

    `generate` knows the options of the creator skill's script; without it they are not checked.
    """
    problems: list[Finding] = []
    count, most = 0, MOST_COMMANDS + MORE_COMMANDS * len(model_folders(folder))
    for path, block in _blocks(folder):
        try:
            commands = read_shell(block.text)
        except ValueError as error:
            problems.append(_problem(path, block, 1, str(error).removeprefix("line 1: ")))
            continue
        count += len(commands)
        if count > most:
            return [*problems, Finding(path, f"shows more than {most} commands")]
        for command in commands:
            message = _objection(folder, command, generate)
            problems += [_problem(path, block, command.line, message)] if message else []
    return problems


def check_references(folder: Folder) -> list[Finding]:
    """Check the YAML references: readable, of their model, with examples that the model takes."""
    problems = []
    for model, path, text in _references(folder):
        try:
            value = read_yaml(text).value
        except ValueError as error:
            problems.append(Finding(path, f"is not usable YAML: {error}"))
            continue
        messages = _reference_objections(value, folder, model)
        problems += [Finding(path, message) for message in messages]
    return problems


def _references(folder: Folder) -> Iterator[tuple[ModelFolder, str, str]]:
    """Yield each model that has a YAML reference, with its path and text."""
    for model in model_folders(folder):
        if model.reference is not None and model.reference in folder.texts:
            yield model, model.reference, folder.texts[model.reference]


def _refusal(folder: Folder, script: str, words: Sequence[str], stdin: str | None) -> str | None:
    """Return why the runtime would refuse a command line, None where it would run it.

    None as well where a model's ID or its schema is broken, which other checks name.
    """
    ids = {model_id(folder, model): model for model in model_folders(folder)}
    if None in ids:
        return None
    collection = script != CALL_SCRIPT and is_collection(folder)
    preset = None if script == CALL_SCRIPT or collection else next(iter(ids))
    try:
        model = ids[preset] if preset is not None else _named(folder, words, collection=collection)
        schema = {} if model is None else sound_schema(folder, model.input_schema)
        if schema is None:
            return None
        return _unreadable_input(words, stdin, schema, preset=preset, collection=collection)
    except FalError as error:
        problems = (
            f"{one.path}: {quoted(one.got)}, expected {quoted(one.expected, 200)}"
            for one in error.problems[:5]
        )
        return "; ".join(problems) or error.message
    except (RecursionError, OverflowError) as error:
        return f"cannot be checked: {error}"


def _named(folder: Folder, words: Sequence[str], *, collection: bool) -> ModelFolder | None:
    """Return the model of the skill that a line is about, None where it names another or none.

    Raises UsageError where the script would: a collection's wrapper takes its own models only.
    """
    options = own_options(None, collection=collection)
    name = named_model(words, options[0])
    models = model_folders(folder)
    if name is None and collection:
        name = (folder.json_object(COLLECTION) or {}).get("default")
    found = next((one for one in models if name in (one.name, model_id(folder, one))), None)
    if found is None and name is None:
        line = parse_command(words, SchemaDocument({}), options).options
        if not any(getattr(line, each) for each in (*NO_MODEL, *(OF_A_JOB if collection else ()))):
            raise UsageError("usage", f"{options[0].names[0]} is missing")
    if found is None and name is not None and collection:
        there = ", ".join(model.name for model in models)
        raise UsageError("usage", f"{quoted(name)} is no model of this skill, which has {there}")
    return found


def _unreadable_input(
    words: Sequence[str],
    stdin: str | None,
    schema: Mapping[str, Any],
    *,
    preset: str | None,
    collection: bool,
) -> str | None:
    """Run the wrapper's checks: they raise FalError; return what only a shown text can lack."""
    options = own_options(preset, collection=collection)
    given = parse_command(words, SchemaDocument(schema), options)
    sends_input = all(getattr(given.options, name) in (None, False, ()) for name in NO_INPUT)
    files = [each.partition("=")[2] for each in given.options.set_file]
    files += [given.options.args_file] if given.options.args_file is not None else []
    # A file is the reader's own: nobody knows what will stand there.
    if not sends_input or any(file != "-" for file in files):
        raise_problems(given.unknown)
        return None
    if files and stdin is None:
        return "it reads standard input, and the text does not show what stands there"
    prepare_command(words, model_id=preset, schema=schema, stdin_text=stdin, collection=collection)
    return None


def _reference_objections(value: object, folder: Folder, model: ModelFolder) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "is no mapping"
        return
    expected = model_id(folder, model)
    named = value.get("model_id", expected)
    if expected is not None and named != expected:
        yield f"model_id is {quoted(named)}, model_config.json has {quoted(expected)}"
    # Examples of a single field stand deeper and are not calls.
    examples = [value["example"]] if "example" in value else []
    more = value.get("examples", [])
    examples += list(more.values()) if isinstance(more, dict) else list(more or [])
    if len(examples) > MOST_COMMANDS:
        yield f"has more than {MOST_COMMANDS} examples"
    for example in examples[:MOST_COMMANDS]:
        message = _objection_to_input(folder, model, example)
        if message:
            yield f"the example would be refused: {message}"


def _objection_to_input(folder: Folder, model: ModelFolder, value: object) -> str | None:
    """Return why the wrapper would refuse this input, None where it would send it."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return "holds a value that JSON cannot carry: put dates in quotes"
    words = ["--args-file", "-", *(("-m", model.name) if is_collection(folder) else ())]
    return _refusal(folder, wrapper_path(folder), words, text)


def _blocks(folder: Folder) -> Iterator[tuple[str, Block]]:
    """Yield the pieces of text that are or may be commands, with the file that they stand in."""
    markdown = read_markdown(body(folder))
    for block in markdown.blocks:
        if block.language.lower() in SHELLS:
            yield SKILL_FILE, block
    for span in markdown.spans:
        if COMMAND.match(span.text):
            yield SKILL_FILE, span
    for _, path, text in _references(folder):
        try:
            value = read_yaml(text).value
        except ValueError:
            continue
        for string in _strings(value):
            if COMMAND.match(string):
                yield path, Block("", string, 1)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _problem(path: str, block: Block, line: int, message: str) -> Finding:
    where = f"line {block.line + line - 1}: " if path == SKILL_FILE else ""
    return Finding(path, f"{where}{message}")


def _objection(folder: Folder, command: Command, generate: "click.Command | None") -> str | None:
    script, words = _script(command.words)
    if script is None:
        return None
    shown = f"the command {quoted(' '.join(command.words))}"
    if not folder.has(script):
        return f"{shown}: {quoted(script)} is not there; commands are relative to the skill folder"
    if command.expands:
        return f"{shown}: the shell would replace $, `, *, ?, [ or {{ in it; use single quotes"
    if is_creator(folder) and script == GENERATE_SCRIPT:
        message = _usage(generate, words) if generate is not None else None
    elif script == CALL_SCRIPT or (script == wrapper_path(folder) and model_folders(folder)):
        message = _refusal(folder, script, words, command.stdin)
    else:
        message = None
    return f"{shown} would be refused: {message}" if message else None


def _usage(command: "click.Command", words: Sequence[str]) -> str | None:
    """Return what click says against the options of a command; the command is not run."""
    import click

    try:
        command.make_context("generate", [word for word in words if word != "--help"])
    except click.UsageError as error:
        return error.format_message()
    return None


def _script(words: list[str]) -> tuple[str | None, list[str]]:
    """Return the script that a command runs and what is passed to it, None for other commands."""
    rest = list(words)
    while rest and ASSIGNMENT.fullmatch(rest[0]):
        del rest[0]
    if rest[:2] == ["uv", "run"] or (rest and PYTHON.fullmatch(rest[0])):
        while rest and not rest[0].endswith(".py"):
            del rest[0]
    if not rest or "scripts/" not in rest[0] or not rest[0].endswith(".py"):
        return None, []
    return normpath(rest[0]), rest[1:]
