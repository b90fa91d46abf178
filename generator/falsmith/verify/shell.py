"""The commands in a piece of shell text, split into words; nothing is run and nothing expanded."""

import re
from dataclasses import dataclass, field

__all__ = ["Command", "read_shell"]

LONGEST = 200_000
# POSIX Shell Command Language, 2.2 and 2.3, as far as examples need it.
TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|\\\n)
      | (?P<newline>\n)
      | (?P<redirect>\d*(?:<<<|<<|>>|<|>)(?:&\d+)?)
      | (?P<separator>&&|\|\||\||;|&|\(|\))
      | '(?P<single>[^']*)'
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | \\(?P<escaped>.)
      | (?P<plain>[^\s'"\\|;&<>()]+)""",
    re.VERBOSE | re.DOTALL,
)
EXPANDED_UNQUOTED = re.compile(r"[$`*?\[{]")
EXPANDED_IN_QUOTES = re.compile(r"(?<!\\)[$`]")
ESCAPED_IN_QUOTES = re.compile(r'\\([$`"\\])|\\\n')


@dataclass(slots=True)
class Command:
    """One simple command: its line (from 1), its words, the text of its here-document.

    `expands`: the shell would replace a part of it: what runs is not what is shown.
    """

    line: int
    words: list[str] = field(default_factory=list)
    stdin: str | None = None
    expands: bool = False


def read_shell(text: str) -> list[Command]:
    """Return the commands of a text; raises ValueError for a quote or here-document left open."""
    if len(text) > LONGEST:
        raise ValueError(f"commands of more than {LONGEST:,} characters")
    reader = _Reader(text)
    while reader.place < len(text):
        reader.step()
    reader.end_line()
    return reader.commands


class _Reader:
    """Walks once through the text; the word is None between words."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.line = text, 0, 1
        self.commands: list[Command] = []
        self.command = Command(1)
        self.word: str | None = None
        self.redirect: str | None = None
        self.documents: list[tuple[Command, str, bool]] = []

    def step(self) -> None:
        """Take the next token."""
        if self.word is None and self.text[self.place] == "#":
            end = self.text.find("\n", self.place)
            self._move(len(self.text) if end < 0 else end)
            return
        match = TOKEN.match(self.text, self.place)
        if match is None:
            raise ValueError(f"line {self.line}: a quote is not closed")
        kind = str(match.lastgroup)
        if kind in ("single", "double", "escaped", "plain"):
            self._add(kind, match[kind])
        else:
            self._end_word()
        self._move(match.end())
        if kind == "redirect":
            self.redirect = None if "&" in match[kind] else match[kind]
        elif kind == "separator":
            self._end_command()
        elif kind == "newline":
            self.end_line()

    def end_line(self) -> None:
        """Close the command and take the here-documents that follow its line."""
        self._end_word()
        self._end_command()
        documents, self.documents = self.documents, []
        for command, end, is_quoted in documents:
            command.stdin = self._document(end)
            command.expands |= not is_quoted and bool(re.search(r"[$`\\]", command.stdin))

    def _add(self, kind: str, value: str) -> None:
        if self.word is None and not self.command.words:
            self.command.line = self.line
        if kind == "plain":
            self.command.expands |= bool(EXPANDED_UNQUOTED.search(value))
        elif self.redirect == "<<":
            self.redirect = "<<'"
        if kind == "double":
            self.command.expands |= bool(EXPANDED_IN_QUOTES.search(value))
            value = ESCAPED_IN_QUOTES.sub(r"\1", value)
        self.word = (self.word or "") + value

    def _end_word(self) -> None:
        word, redirect = self.word, self.redirect
        if word is None:
            return
        self.word = self.redirect = None
        if redirect is None:
            self.command.words.append(word)
        elif redirect == "<<<":
            self.command.stdin = word + "\n"
        elif redirect.startswith("<<"):
            self.documents.append((self.command, word, redirect == "<<'"))

    def _end_command(self) -> None:
        if self.command.words:
            self.commands.append(self.command)
        self.command = Command(self.line)

    def _document(self, end: str) -> str:
        lines: list[str] = []
        while self.place < len(self.text):
            found = self.text.find("\n", self.place)
            stop = len(self.text) if found < 0 else found
            line = self.text[self.place : stop]
            self._move(min(stop + 1, len(self.text)))
            if line == end:
                return "".join(lines)
            lines.append(line + "\n")
        raise ValueError(f"line {self.line}: the here-document has no last line {end[:20]!r}")

    def _move(self, place: int) -> None:
        self.line += self.text.count("\n", self.place, place)
        self.place = place
