"""Commands that fetch code nobody has read, or send secrets: no text of a skill may show them."""

import re
from collections.abc import Iterator
from functools import lru_cache

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem, shown

__all__ = ["check_remote_code"]

FETCH = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
RUN = r"(?:sudo\s+)?(?:env\s+)?(?:\S*/)?(?:(?:ba|z|da|k|fi)?sh|python[0-9.]*|node|perl|ruby|iex)\b"
PIPED = re.compile(
    rf"{FETCH}[^\n;]{{0,300}}?\|\s*{RUN}"
    rf"|\b(?:ba|z|da|k)?sh\s+-c\s+[\"']?(?:\$\(|`)\s*{FETCH}"
    rf"|(?:\beval|\bsource|\b(?:ba|z)?sh|(?:^|\s)\.)\s+[\"']?(?:\$\(|`|<\()\s*{FETCH}"
    rf"|\biex\b[^\n;]{{0,300}}{FETCH}",
    re.IGNORECASE | re.MULTILINE,
)
SENT = re.compile(
    rf"\b(?:printenv|env|export -p)\b[^\n;|]{{0,100}}\|[^\n]{{0,300}}(?:{FETCH}|\bnc(?:at)?\b)"
    rf"|{FETCH}[^\n;]{{0,300}}(?:\$\(|`|<\()\s*(?:printenv|env)\b",
    re.IGNORECASE,
)
KEY_OPTION = re.compile(r"\.py\b[^\n]{0,300}?\s(?:--api-key|-k)[ =](?P<value>[^\s`]+)")
# agentskills.io, using scripts: one-off commands name the version that they run.
RUNNER = re.compile(r"\b(?:uvx|pipx run|npx|bunx|pnpm dlx)\s+(?P<rest>[^\n`;|&]+)")
INSTALLER = re.compile(r"\b(?:pip[0-9.]*|pipx|uv tool) install\s+(?P<rest>[^\n`;|&]+)")
PINNED = re.compile(r".+(?:@|[=<>~]=?)\s*v?[0-9].*")
PATH = re.compile(r"[.~]?/.*|\.")
# Texts whose commands an agent follows; scripts and templates have their own checks.
FOLLOWED = (".md", ".yaml", ".yml")
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
    return tuple(_unread(CONTINUED.sub(" ", text)))


def _unread(text: str) -> Iterator[str]:
    for pattern, told in (
        (PIPED, "runs what it downloads, unread: {}"),
        (SENT, "sends the environment, with every key in it, to somebody else: {}"),
    ):
        found = pattern.search(text)
        if found:
            yield told.format(shown(found[0]))


def _followed(path: str, text: str) -> Iterator[str]:
    if not path.endswith(FOLLOWED):
        return
    text = CONTINUED.sub(" ", text)
    if KEY_OPTION.search(text):
        yield "shows a key on a command line, where others see it: it belongs into FAL_KEY"
    for pattern, first_only in ((RUNNER, True), (INSTALLER, False)):
        for found in pattern.finditer(text):
            names = [word.strip("\"'") for word in found["rest"].split() if word[0] != "-"]
            for name in names[:1] if first_only else names:
                if not PINNED.fullmatch(name) and not PATH.fullmatch(name):
                    yield f"installs {shown(name)} in any version: name one, as in NAME==1.2"
