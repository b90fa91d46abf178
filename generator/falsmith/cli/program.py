"""How this command line was started: what help and hints call it, and where its skills stand."""

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from fal_runtime.errors import FalError

__all__ = ["COMMANDS", "Program", "internal_error", "program"]

COMMANDS = {
    "bundle": "Pack skills as hosts take them, checked as public.",
    "call": "Call any model by its ID; its input is sent unchecked.",
    "catalog": "Keep the whole catalogue on this machine.",
    "categories": "List the kinds of models.",
    "check": "Compare skills with the documents of their models.",
    "demo": "Make a skill from the bundled catalogue and run it against a local fal.",
    "doctor": "Check this machine: Python, packages, key, network, folders.",
    "emulate": "Run a local fal for tests and demonstrations.",
    "generate": "Make skills from model IDs.",
    "list": "List the skills of falsmith in this project.",
    "price": "Tell what models cost, as fal lists it.",
    "queue": "See and end the daemons that run jobs; find, wait for, cancel and forget jobs.",
    "remove": "Remove a skill, keeping what you changed in it.",
    "search": "Search models by words, category and ability.",
    "show": "Show a model's parameters, answer, example and warnings.",
    "update": "Make stale skills anew, around what you changed in them.",
    "upload": "Upload files and print their links.",
    "verify": "Check skills against every rule they must satisfy.",
}
NAMED = re.compile(rf"\bfalsmith (?P<command>\[OPTIONS\]|{'|'.join(COMMANDS)})(?![\w-])")


@dataclass(frozen=True, slots=True)
class Program:
    """The words that start it, those that start its `generate`, and its own folder of skills.

    `skills` is None for the installed program, whose folders depend on the command.
    """

    words: str = "falsmith"
    generate: str = "falsmith generate"
    skills: Path | None = None

    def named(self, text: str) -> str:
        """Return `text` with every command of falsmith called as this program was started."""
        return NAMED.sub(self._command, text)

    def error(self, error: FalError) -> dict[str, Any]:
        """Return the `error` object of an answer."""
        described = error.as_json()
        return described | {"message": self.named(described["message"])}

    def _command(self, found: re.Match[str]) -> str:
        command = found["command"]
        return self.generate if command == "generate" else f"{self.words} {command}"


def program() -> Program:
    """Return the program of the command that runs, the installed one where none does."""
    context = click.get_current_context(silent=True)
    return context.obj if context is not None and isinstance(context.obj, Program) else Program()


def internal_error(error: Exception) -> FalError:
    """Return the error of what nobody expected, and print its traceback for who mends it."""
    traceback.print_exception(error)
    reason = f"{type(error).__name__}: {error}"
    return FalError("internal_error", f"this is an error of falsmith itself: {reason[:500]}")
