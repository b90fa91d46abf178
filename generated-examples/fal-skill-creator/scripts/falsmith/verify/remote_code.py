"""Commands that fetch code nobody has read, or send secrets: no text of a skill may show them."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from falsmith.verify.folder import Folder
from falsmith.verify.markdown import read_markdown
from falsmith.verify.problem import Problem, shown

__all__ = ["check_remote_code"]

FETCH = r"\b(?:curl|wget|aria2c|fetch -o|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
DECODE = r"\bbase64 +(?:-d|-D|--decode)\b"
INVOKE = r"\b(?:iex|invoke-expression)\b"
# Up to the next one of its kind: of thousands in a line each is read once.
AFTER_FETCH = rf"(?:{FETCH}|{DECODE})(?:(?!{FETCH}|{DECODE})[^\n;]){{0,300}}?"
AFTER_INVOKE = rf"{INVOKE}(?:(?!{INVOKE})[^\n;]){{0,300}}?"
# What may stand before the program that is run: `sudo -u root env A=b sh`.
BEFORE = (
    r"(?:(?:(?:sudo|doas|env|exec|command|nohup|busybox|xargs)(?:\s+-u\s+\S{1,40}|\s+-\S{1,40}){0,3}"
    r"|\w{1,40}=\S{0,100})\s+){0,3}"
)
SHELL = r"(?:ba|z|da|k|fi)?sh"
# With -m, -c or -e, or a script, an interpreter runs something else: what it is given is data.
SCRIPT = (
    r"\s+(?:-[uBq]\s+){0,2}[\"']?(?!-)[\w./~${}-]{1,200}"
    r"\.(?:py|sh|bash|js|mjs|cjs|ts|pl|rb|php)(?![\w./-])"
)
PROGRAM = (
    rf"[\"']?(?:\S{{0,100}}/)?(?:{SHELL}\b(?!{SCRIPT})|(?:iex|invoke-expression|pwsh|powershell)\b"
    r"|(?:python[0-9.]{0,5}|py|node|perl|ruby|php)\b"
    rf"(?!\s+-\w{{0,5}}[cemnp]|{SCRIPT})"
    r"|(?:deno|uv)\s+run\b)|\$\{?(?:SHELL|BASH)\b"
)
PIPED = re.compile(
    rf"{AFTER_FETCH}\|&?\s{{0,20}}{BEFORE}(?:{PROGRAM})"
    rf"|\b{SHELL}\s+-\w{{0,3}}c\s+[\"']?(?:\$\(|`)\s{{0,20}}{FETCH}"
    rf"|(?:\beval|\bsource|\b{SHELL}|(?:^|\s)\.)\s+(?:\S{{1,40}}\s{{0,5}})?(?:<<<\s{{0,5}})?"
    rf"[\"']?(?:\$\(|`|<\()\s{{0,20}}{FETCH}"
    rf"|{AFTER_INVOKE}(?:{FETCH}|downloadstring)"
    r"|\bexec\((?:(?!\bexec\()[^\n]){0,200}?(?:urlopen|requests\.get|httpx\.get)"
    r"|\b(?:uv|deno|pipx)\s+run\s+(?:-\S{1,40}\s+){0,5}https?://",
    re.IGNORECASE | re.MULTILINE,
)
# A download, and later the run of a file of the same name.
FETCHED = re.compile(
    rf"{FETCH}(?P<words>[^\n;&|]{{1,300}}(?:\|\s{{0,20}}tee\b[^\n;&|]{{1,300}})?)", re.IGNORECASE
)
STARTED = re.compile(
    rf"(?:(?:^|[;&|`])\s{{0,20}}{BEFORE}(?:{SHELL}|source|\.|python[0-9.]{{0,5}}|node|perl|ruby)"
    r"\s+(?:-\w+\s+){0,3}|(?=\./))(?P<file>[^\s;&|`]{1,200})",
    re.IGNORECASE | re.MULTILINE,
)
NEAR = 400
MOST_FETCHES = 50
SENT = re.compile(
    r"(?:\b(?:printenv|env|export -p|declare -x)\b[^\n;|]{0,100}|(?:^|[;&`(])\s{0,20}set\s{0,20})\|"
    rf"[^\n]{{0,300}}(?:{FETCH}|\bnc(?:at)?\b)"
    rf"|{FETCH}(?:(?!{FETCH})[^\n;]){{0,300}}?(?:(?:\$\(|`|<\()\s{{0,20}}(?:printenv|env)\b|/proc/[^/\s]+/environ)",
    re.IGNORECASE | re.MULTILINE,
)
# What a shell takes out of a word, and how a Markdown table writes a pipe.
NOISE = re.compile(r"''|\"\"|\$@|\\(?=[A-Za-z|])")
KEY_OPTION = re.compile(r"\.py\b[^\n]{0,300}?\s(?:--api-key|-k)[ =](?P<value>[^\s`]+)")
# agentskills.io, using scripts: one-off commands name the version that they run.
RUNNER = re.compile(
    r"\b(?:uvx|pipx run|npx|bunx|(?:pnpm|yarn) dlx|uv run (?:-\S+ )*--with|go (?:run|install)"
    r"(?= \S+\.\S+/))[ \t]+(?P<rest>[^\n`;|&]+)"
)
INSTALLER = re.compile(
    r"\b(?:pip[0-9.]* install|pipx install|uv tool install|npm (?:install|i)|(?:pnpm|yarn) add)"
    r"[ \t]+(?P<rest>[^\n`;|&]+)"
)
# Markdown takes indented lines for code; one that begins with a command is no sentence.
INDENTED = re.compile(
    r"(?: {4}|\t)\s*(?:\$ |sudo |python[0-9.]* -m )*"
    r"(?:pip[0-9.]*|pipx|uv|uvx|npm|npx|bunx|pnpm|yarn|go) [^\n]*"
)
COMMENT = re.compile(r"(?:^|[ \t])#.*", re.MULTILINE)
# The versions stand in the file that is named; an index and a target are no packages.
VALUE = re.compile(
    r"(?:^|\s)(?:(?:-[cert]|--requirement|--constraint|--editable|--target)[ =]\S+"
    r"|(?:-i|--index-url|--extra-index-url)[ =][\"']?(?:https?:|\$)\S+)"
)
PINNED = re.compile(r".+(?:@|[=<>~]=?)\s*v?[0-9].*")
PATH = re.compile(r"[.~]{0,2}/.*|\.(?:\[\S*\])?")
# Texts whose commands an agent follows; Python and templates have their own checks.
SHELL_SCRIPT = (".bash", ".sh", ".zsh")
FOLLOWED = (".md", ".yaml", ".yml", *SHELL_SCRIPT)
CONTINUED = re.compile(r"\\\n\s*")


def check_remote_code(folder: Folder) -> list[Problem]:
    """List downloads that are run at once, and whatever is installed without a version."""
    return [
        Problem(path, message)
        for path, text in folder.texts.items()
        for message in (*_objections(text), *_followed(path, text))
    ]


# Many skills carry the same runtime: one look at each of its files is enough.
@lru_cache(maxsize=256)
def _objections(text: str) -> tuple[str, ...]:
    plain = CONTINUED.sub(" ", text).replace("&#124;", "|")
    return tuple(_unread(NOISE.sub("", plain)))


def _unread(text: str) -> Iterator[str]:
    for pattern, told in (
        (PIPED, "runs what it downloads, unread: {}"),
        (SENT, "sends the environment, with every key in it, to somebody else: {}"),
    ):
        found = pattern.search(text)
        if found:
            yield told.format(shown(found[0]))
    file = _downloaded_and_run(text)
    if file:
        yield f"runs {shown(file)}, which it downloads, unread"


def _downloaded_and_run(text: str) -> str | None:
    for fetch in islice(FETCHED.finditer(text), MOST_FETCHES):
        words = (word.strip("\"'").rpartition("/")[2] for word in fetch["words"].split())
        names = {word for word in words if word and not word.startswith("-")}
        after = text[fetch.end() : fetch.end() + NEAR]
        for started in STARTED.finditer(after):
            if started["file"].strip("\"'").rpartition("/")[2] in names:
                return started["file"]
    return None


def _followed(path: str, text: str) -> Iterator[str]:
    if not path.endswith(FOLLOWED):
        return
    text = CONTINUED.sub(" ", text)
    if KEY_OPTION.search(text):
        yield "shows a key on a command line, where others see it: it belongs into FAL_KEY"
    code = _code(path, text)
    for pattern, first_only in ((RUNNER, True), (INSTALLER, False)):
        for found in pattern.finditer(code):
            rest = VALUE.sub(" ", found["rest"])
            names = [word.strip("\"'") for word in rest.split() if word[0] != "-"]
            for name in names[:1] if first_only else names:
                if not PINNED.fullmatch(name) and not PATH.fullmatch(name):
                    yield f"installs {shown(name)} in any version: name one, as in NAME==1.2"


def _code(path: str, text: str) -> str:
    """Return the commands of a text: in prose, the word after an installer is one of a sentence."""
    if not path.endswith(".md"):
        return COMMENT.sub("", text)
    markdown = read_markdown(text)
    indented = (line for line in markdown.prose if INDENTED.fullmatch(line))
    code = (part.text for part in (*markdown.blocks, *markdown.spans))
    return COMMENT.sub("", "\n".join((*code, *indented)))
