"""Whether the wrapper would accept a call of its model, given as a command line or as JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fal_runtime.errors import FalError
from fal_runtime.input.flags import named_model, own_options, parse_command
from fal_runtime.input.prepare import prepare_command, raise_problems
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.schema.steps import MOST_STEPS, steps
from falsmith.verify.json_text import read_json
from falsmith.verify.problem import shown

__all__ = ["Judge"]

# With one of these no input is sent; a file for --args-file is the reader's own.
NO_INPUT = ("status", "result", "cancel", "upload", "schema", "help")
# More than one of these, and a pattern may try ways without end to fit a text.
REPEATS = re.compile(r"(?<!\\)(?:[*+]|\{\d*,\d*\})")


@dataclass(slots=True)
class Judge:
    """Holds calls against a schema with the wrapper's own reader; the work of all has one limit."""

    model_id: str
    schema: Mapping[str, Any]
    steps_left: int = MOST_STEPS

    def __post_init__(self) -> None:
        self.schema = _quick(self.schema)

    def objection_to_input(self, value: object) -> str | None:
        """Return why the wrapper would refuse this input, None where it would send it."""
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            return "holds a value that JSON cannot carry: put dates in quotes"
        return self.objection(["--args-file", "-"], text)

    def objection(
        self, words: Sequence[str], stdin: str | None, *, preset: bool = True
    ) -> str | None:
        """Return why the script would refuse this command line, None where it would run it.

        `preset` tells a wrapper from fal_api_call.py, which needs --model-id.
        """
        for value in _values(words, stdin):
            if self.steps_left >= 0:
                self.steps_left -= steps(SchemaDocument(self.schema), value)
        if self.steps_left < 0:
            return "cannot be checked: the examples and the schema are too large together"
        try:
            return self._refusal(words, stdin, preset)
        except FalError as error:
            return _told(error)
        except (RecursionError, OverflowError) as error:
            return f"cannot be checked: {error}"

    def _refusal(self, words: Sequence[str], stdin: str | None, preset: bool) -> str | None:
        model_id = self.model_id if preset else named_model(words)
        schema = self.schema if model_id == self.model_id else {}
        options = own_options(model_id if preset else None)
        given = parse_command(words, SchemaDocument(schema), options)
        if model_id is None and not given.options.help:
            return "--model-id is missing"
        about = [name for name in NO_INPUT if getattr(given.options, name) not in (None, False, ())]
        file = given.options.args_file
        if about or file not in (None, "-"):
            raise_problems(given.unknown)
        elif file == "-" and stdin is None:
            return "it reads standard input, and the text does not show what stands there"
        else:
            owner = model_id if preset else None
            prepare_command(words, model_id=owner, schema=schema, stdin_text=stdin)
        return None


def _told(error: FalError) -> str:
    if not error.problems:
        return error.message
    return "; ".join(
        f"{problem.path}: {shown(problem.got)}, expected {shown(problem.expected, 200)}"
        for problem in error.problems[:5]
    )


def _values(words: Sequence[str], stdin: str | None) -> Iterator[object]:
    """Yield the inputs that the JSON in a command line can make, to measure them."""
    yield _read(stdin)
    for option, text in zip(["", *words], words, strict=False):
        name, _, value = text.partition("=")
        if option in ("--args", "-a"):
            yield _read(text)
        elif option == "--set" or name == "--set":
            yield _nested((text if option == "--set" else value).partition("=")[0])
        else:
            yield {_field(option): _read(text)}
            yield {_field(name): _read(value)}


def _read(text: str | None) -> object:
    try:
        return read_json(text or "null")
    except ValueError:
        return None


def _nested(path: str) -> object:
    value: object = {}
    for name in reversed(path.split(".")[:100]):
        value = {name: value}
    return value


def _field(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _quick(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without the patterns that could take for ever; the rest is checked."""
    return {name: _quick_part(part) for name, part in schema.items() if not _is_slow(name, part)}


def _quick_part(part: object) -> object:
    if isinstance(part, list):
        return [_quick_part(item) for item in part]
    return _quick(part) if isinstance(part, dict) else part


def _is_slow(name: str, part: object) -> bool:
    if name == "pattern" and isinstance(part, str):
        return len(REPEATS.findall(part)) > 1
    return name == "patternProperties"
