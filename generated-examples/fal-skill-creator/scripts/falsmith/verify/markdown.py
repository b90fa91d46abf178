"""Markdown, as far as a skill needs it: code blocks, code spans and the prose around them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Block", "Markdown", "read_markdown"]

FENCE = re.compile(r"(?P<indent>[ \t]*)(?P<marks>`{3,}|~{3,}) *(?P<language>[^`\s]*)[^`]*")
SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)([^`]+)\1(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of code, with the line where it starts (counted from 1)."""

    language: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Markdown:
    """Fenced blocks, code spans, and all lines with the code taken out of them."""

    blocks: tuple[Block, ...]
    spans: tuple[Block, ...]
    prose: tuple[str, ...]


def read_markdown(text: str) -> Markdown:
    """Take a text apart; a fence that is never closed reaches to the end, as renderers do it."""
    blocks: list[Block] = []
    prose: list[str] = []
    spans: list[Block] = []
    lines = iter(enumerate(text.split("\n"), start=1))
    for number, line in lines:
        opening = FENCE.fullmatch(line)
        if opening:
            code = _until_closed(lines, opening["marks"], opening["indent"])
            blocks.append(Block(opening["language"], "\n".join(code), number + 1))
            prose += [""] * (len(code) + 2)
        else:
            spans += [Block("", found[2].strip(), number) for found in SPAN.finditer(line)]
            prose.append(SPAN.sub("", line))
    return Markdown(tuple(blocks), tuple(spans), tuple(prose))


def _until_closed(lines: Iterator[tuple[int, str]], marks: str, indent: str) -> list[str]:
    code = []
    for _, line in lines:
        end = line.strip()
        if end.startswith(marks) and not end.strip(marks[0]):
            break
        code.append(line.removeprefix(indent))
    return code
