"""Every command that SKILL.md and the YAML reference show: its script is there and accepts it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from falsmith.verify.calls import Judge
from falsmith.verify.folder import Folder
from falsmith.verify.front_matter import SKILL_FILE, body
from falsmith.verify.json_text import json_object
from falsmith.verify.markdown import Block, read_markdown
from falsmith.verify.model_config import MODEL_CONFIG
from falsmith.verify.problem import Problem, shown
from falsmith.verify.provenance import is_creator
from falsmith.verify.schemas import INPUT_SCHEMA, sound_schema
from falsmith.verify.scripts import GENERATE_SCRIPT, wrapper_path
from falsmith.verify.shell import Command, read_shell
from falsmith.verify.yaml_text import read_yaml

if TYPE_CHECKING:
    import click

__all__ = ["check_commands", "check_reference"]

TOOLS = "references/tools/"
CALL_SCRIPT = "scripts/fal_api_call.py"
SHELLS = frozenset({"", "bash", "sh", "shell", "zsh", "console"})
COMMAND = re.compile(r"(?:python[0-9.]*|uv) ")
PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
MOST_COMMANDS = 100


@dataclass(frozen=True, slots=True)
class _Text:
    path: str
    block: Block


@dataclass(frozen=True, slots=True)
class _Scripts:
    """What is known of the scripts that commands run: who judges their options."""

    folder: Folder
    calls: Judge | None
    generate: "click.Command | None"

    def objection(self, script: str, words: list[str], stdin: str | None) -> str | None:
        preset = script == wrapper_path(self.folder)
        if script == GENERATE_SCRIPT and is_creator(self.folder):
            return None if self.generate is None else _usage(self.generate, words)
        if self.calls is None or not (preset or script == CALL_SCRIPT):
            return None
        return self.calls.objection(words, stdin, preset=preset)


def check_commands(folder: Folder, generate: "click.Command | None" = None) -> list[Problem]:
    """Check every command line of SKILL.md and of references/tools/.

    `generate` knows the options of the creator skill's script; without it they are not checked.
    """
    scripts = _Scripts(folder, _judge(folder), generate)
    problems: list[Problem] = []
    count = 0
    for text in _texts(folder):
        try:
            commands = read_shell(text.block.text)
        except ValueError as error:
            problems.append(_problem(text, 1, str(error).removeprefix("line 1: ")))
            continue
        count += len(commands)
        if count > MOST_COMMANDS:
            return [*problems, Problem(text.path, f"shows more than {MOST_COMMANDS} commands")]
        for command in commands:
            message = _objection(scripts, command)
            problems += [_problem(text, command.line, message)] if message else []
    return problems


def check_reference(folder: Folder) -> list[Problem]:
    """Check the YAML references: readable, of this model, with examples that the model takes."""
    judge = _judge(folder)
    problems = []
    for path, text in folder.below(TOOLS, ".yaml"):
        try:
            value = read_yaml(text).value
        except ValueError as error:
            problems.append(Problem(path, f"is not usable YAML: {error}"))
            continue
        messages = _reference_objections(value, judge)
        problems += [Problem(path, message) for message in messages]
    return problems


def _reference_objections(value: object, judge: Judge | None) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "is no mapping"
    elif judge is not None:
        told = value.get("model_id", judge.model_id)
        if told != judge.model_id:
            yield f"model_id is {shown(told)}, model_config.json has {shown(judge.model_id)}"
        for example in _examples(value):
            message = judge.objection_to_input(example)
            if message:
                yield f"the example would be refused: {message}"


def _examples(reference: dict[Any, Any]) -> list[Any]:
    """Return the example inputs of a reference: those of a field stand deeper and are not calls."""
    found = [reference["example"]] if "example" in reference else []
    more = reference.get("examples", [])
    return found + (list(more.values()) if isinstance(more, dict) else list(more or []))


def _judge(folder: Folder) -> Judge | None:
    """Return who judges the calls, None where model or schema are broken (other checks say so)."""
    if is_creator(folder):
        return Judge("", {})
    model_id = (json_object(folder, MODEL_CONFIG) or {}).get("model_id")
    schema = sound_schema(folder, INPUT_SCHEMA)
    if not isinstance(model_id, str) or schema is None:
        return None
    return Judge(model_id, schema)


def _texts(folder: Folder) -> Iterator[_Text]:
    markdown = read_markdown(body(folder))
    for block in markdown.blocks:
        if block.language.lower() in SHELLS:
            yield _Text(SKILL_FILE, block)
    for span in markdown.spans:
        if COMMAND.match(span.text):
            yield _Text(SKILL_FILE, span)
    for path, text in folder.below(TOOLS, ".yaml"):
        try:
            value = read_yaml(text).value
        except ValueError:
            continue
        for string in _strings(value):
            if COMMAND.match(string):
                yield _Text(path, Block("", string, 1))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _problem(text: _Text, line: int, message: str) -> Problem:
    where = f"line {text.block.line + line - 1}: " if text.path == SKILL_FILE else ""
    return Problem(text.path, f"{where}{message}")


def _objection(scripts: _Scripts, command: Command) -> str | None:
    script, words = _script(command.words)
    if script is None:
        return None
    folder = scripts.folder
    told = f"the command {shown(' '.join(command.words))}"
    if script not in folder.files and script not in folder.links:
        return f"{told}: {shown(script)} is not there; commands are relative to the skill folder"
    if command.expands:
        return f"{told}: the shell would replace $, `, *, ?, [ or {{ in it; use single quotes"
    message = scripts.objection(script, words, command.stdin)
    return f"{told} would be refused: {message}" if message else None


def _usage(command: "click.Command", words: list[str]) -> str | None:
    """Return what click says against the options of a command; the command is not run."""
    import click

    asked = [word for word in words if word != "--help"]
    try:
        command.make_context("generate", asked)
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
