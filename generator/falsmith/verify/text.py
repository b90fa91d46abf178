"""What no text of a skill may hold: keys, downloads that are run, hidden characters, chat tokens.

Nor, where the skill is handed on, what tells of its author: places on a machine, e-mail addresses.
These are plain checks: what is written to be overlooked is left to scanners of code.
"""

import re
from collections.abc import Iterator

from falsmith.text_rules import MARK, TOKEN, matches, plain_objections
from falsmith.verify.folder import Finding, Folder
from falsmith.verify.markdown import read_markdown
from falsmith.verify.record import was_generated

__all__ = ["check_private", "check_text", "objections_to_value"]

# In code, the others are as often XML, HTML or the index of a list.
MARK_IN_CODE = re.compile(MARK, re.I)
CODE = (
    ".bash", ".cjs", ".css", ".htm", ".html", ".jinja", ".js", ".json", ".mjs", ".py", ".sh",
    ".svg", ".ts", ".xml", ".xsd", ".zsh",
)  # fmt: skip
# The home folders of Linux, macOS and Windows; the names that manuals use for anybody are nobody's.
ANYBODY = r"(?:user|username|you|yourname|your-name|name|me|someone|example|runner|shared|public)"
HOME = re.compile(
    r"(?<![\w.~-])(?:(?:/home|/Users|(?:/mnt)?/?[a-z]:?[/\\]{1,2}Users)[/\\]{1,2}"
    rf"(?!{ANYBODY}\b)[a-z0-9_][\w.-]*|/root/[\w.]|/(?:private/)?var/folders/\w)",
    re.IGNORECASE,
)
# fal's own, those of hosts that clone by SSH, and the names that RFC 2606 keeps for examples.
E_MAIL = re.compile(
    r"(?<![\w.+-])(?!git@)[a-z0-9_][\w.+-]{0,63}@"
    r"(?!(?:[\w-]+\.)*(?:fal\.ai|example(?:\.\w+)?|test|invalid|localhost)\b)"
    r"(?:[a-z0-9-]+\.)+[a-z]{2,24}\b",
    re.IGNORECASE,
)


def check_text(folder: Folder) -> list[Finding]:
    """Check every text file; what a skill of others shows as code may name chat tokens."""
    generated = was_generated(folder)
    return [
        Finding(path, message)
        for path, text in folder.texts.items()
        for message in (
            *plain_objections(text, path.endswith(".py")),
            *_tokens(path, text, generated),
        )
    ]


def check_private(folder: Folder) -> list[Finding]:
    """Check every text file for what its author may not want to hand on."""
    return [
        Finding(path, message)
        for path, text in folder.texts.items()
        for message in (
            *matches(HOME, text, "a path of somebody's machine: remove it"),
            *matches(E_MAIL, text, "an e-mail address: remove it"),
        )
    ]


def objections_to_value(value: object) -> Iterator[str]:
    """Yield what no value of a YAML file may hold: escapes keep it out of the file's own text."""
    if isinstance(value, str):
        tokens = matches(TOKEN, value, "a control token of chat models")
        for message in (*plain_objections(value, False), *tokens):
            yield f"{message} (it stands there as an escape)"
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from objections_to_value(part)


def _tokens(path: str, text: str, generated: bool) -> list[str]:
    message = "a control token of chat models: remove it"
    if generated:
        return matches(TOKEN, text, message)
    if path.endswith(CODE):
        return matches(MARK_IN_CODE, text, message)
    prose = "\n".join(read_markdown(text).prose) if path.endswith(".md") else text
    return matches(MARK_IN_CODE, text, message) or matches(TOKEN, prose, message)
