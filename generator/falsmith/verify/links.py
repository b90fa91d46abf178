"""Links of SKILL.md and of the reference texts: they resolve inside the folder, without chains."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, normpath
from urllib.parse import unquote

from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.front_matter import SKILL_FILE, body
from falsmith.verify.markdown import read_markdown
from falsmith.verify.record import MODELS, is_collection, model_folders, user_files

__all__ = ["check_links"]

INLINE = re.compile(r"\]\(\s*(?:<(?P<pointed>[^<>\n]*)>|(?P<plain>[^\s()<>]*))")
DEFINITION = re.compile(r" {0,3}\[[^\]\n]{1,200}\]:\s*<?(?P<plain>[^\s<>]+)")
TAG = re.compile(r"<(?:a|img)\s[^<>]*?(?:href|src)\s*=\s*[\"']?(?P<plain>[^\s\"'<>]+)", re.I)
# A backslash takes the meaning from the bracket after it (CommonMark 2.4), but from no other.
ESCAPED = re.compile(r"\\[\\\[\]<]")
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):")
# A path of the skill named in a code span, such as `references/input.schema.json`.
NAMED = re.compile(
    r"(?:references|scripts|agents|assets)/(?:models/<NAME>/)?[A-Za-z0-9._/-]*[A-Za-z0-9_]"
)
REFERENCES = "references/"
# Lazy mode's reference stands one folder lower.
TOOLS = "references/tools/"
# Stands in a path for the name of any model of a collection.
ANY_MODEL = f"{MODELS}<NAME>/"


@dataclass(frozen=True, slots=True)
class _Link:
    line: int
    target: str
    is_named: bool = False


def check_links(folder: Folder) -> list[Finding]:
    """Check every link of SKILL.md, of the files beside it and of references/.

    What stands elsewhere, as in assets/, is material: a template's links wait to be filled in.
    """
    named = (normpath(link.target) for link in _links(body(folder)))
    linked = {place for one in named for place in _places(folder, one)}
    problems = _check(folder, SKILL_FILE, body(folder), linked)
    for path, text in folder.below("", ".md"):
        is_read = "/" not in path or path.startswith(REFERENCES)
        problems += _check(folder, path, text, linked) if is_read and path != SKILL_FILE else []
    return problems


def _check(folder: Folder, path: str, text: str, linked: set[str]) -> list[Finding]:
    found = []
    for link in _links(text):
        message = _objection(folder, path, link, linked)
        if message:
            message = f"line {link.line}: the link {quoted(link.target)} {message}"
            found.append(Finding(path, message))
    return found


def _links(text: str) -> Iterator[_Link]:
    markdown = read_markdown(text)
    for line, prose in enumerate(markdown.prose, start=1):
        text_alone = ESCAPED.sub(lambda found: "\\" if found[0] == "\\\\" else " ", prose)
        for pattern in (INLINE, DEFINITION, TAG):
            for match in pattern.finditer(text_alone):
                yield _Link(line, next(filter(None, match.groups()), ""))
    for span in markdown.spans:
        if NAMED.fullmatch(span.text):
            yield _Link(span.line, span.text, is_named=True)


def _objection(folder: Folder, path: str, link: _Link, linked: set[str]) -> str | None:
    scheme = SCHEME.match(link.target)
    if scheme and scheme["scheme"].lower() in ("http", "https", "mailto"):
        return None
    file = unquote(link.target.partition("#")[0].partition("?")[0])
    if scheme or "\\" in file or file.startswith(("/", "~")):
        return "must be a relative path with forward slashes, or a web address"
    if not file:
        return None if link.target else "is empty"
    # A path named in a code span is relative to the skill folder wherever it stands.
    place = normpath(file if link.is_named else f"{dirname(path)}/{file}".lstrip("/"))
    places = _places(folder, place)
    # The user's own files are named in the text before they exist.
    if link.is_named and not set(user_files(folder)).isdisjoint(places):
        return None
    for one in [each for each in places if folder.has(each)] or places[:1]:
        message = (
            _objection_to_place(folder, one)
            or _depth(folder, one, link)
            or _chain(path, one, link, linked)
        )
        if message:
            return message
    return None


def _places(folder: Folder, place: str) -> list[str]:
    """Return the places that a path stands for: in a collection, each model's in that of NAME."""
    rest = place.removeprefix(ANY_MODEL)
    if rest == place or not is_collection(folder):
        return [place]
    return [f"{model.path}/{rest}" for model in model_folders(folder)]


def _objection_to_place(folder: Folder, place: str) -> str | None:
    if place.startswith(".."):
        return "leaves the skill folder"
    return None if folder.has(place) else "leads to a file that is not there"


def _depth(folder: Folder, place: str, link: _Link) -> str | None:
    is_other = link.is_named and not place.startswith(REFERENCES)
    deeper = (TOOLS, MODELS) if is_collection(folder) else TOOLS
    if is_other or place.count("/") < 2 or place.startswith(deeper):
        return None
    return "is two levels deep: what a text links to stands in references/ itself"


def _chain(path: str, place: str, link: _Link, linked: set[str]) -> str | None:
    is_other = link.is_named and not place.startswith(REFERENCES)
    if path == SKILL_FILE or is_other or place in linked | {SKILL_FILE, path}:
        return None
    return "makes a chain: SKILL.md must link to that file too"
