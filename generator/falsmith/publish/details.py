"""What a publisher says of a bundle: its name, version, author, licence and home page."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from fal_runtime.errors import Problem, UsageError
from fal_runtime.text import closest, is_visible, short_json
from falsmith.names import SKILL_NAME
from falsmith.text_rules import plain_objections

__all__ = ["TABLE", "Details", "check_details", "read_details"]

TABLE = "tool.falsmith"
# semver.org, 2.0.0: three numbers, then what is before a release, then what is said of a build.
NUMBER, PART = r"(?:0|[1-9]\d*)", r"[0-9A-Za-z-]+"
BEFORE = rf"(?:{NUMBER}|\d*[A-Za-z-][0-9A-Za-z-]*)"
VERSION = re.compile(
    rf"{NUMBER}\.{NUMBER}\.{NUMBER}(?:-{BEFORE}(?:\.{BEFORE})*)?(?:\+{PART}(?:\.{PART})*)?",
    re.ASCII,
)
HOMEPAGE = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[^\s\"'<>\\]*)?")
# Claude Code and Codex keep these names, and names with these words, for themselves.
RESERVED_WORDS = ("anthropic", "claude", "codex", "openai")
RESERVED = frozenset({"agent-skills", "knowledge-work-plugins", "life-sciences", "personal"})
LIMITS = {"name": 64, "author": 100, "license": 100, "homepage": 500, "description": 1024}


@dataclass(frozen=True, slots=True)
class Details:
    """What was said; None where nothing was."""

    name: str | None = None
    version: str | None = None
    author: str | None = None
    license: str | None = None
    homepage: str | None = None
    description: str | None = None

    def over(self, other: "Details") -> "Details":
        """Return these details, and those of `other` where none are said here."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: text for name, text in said.items() if text is not None})


NAMES = tuple(one.name for one in fields(Details))


def read_details(folder: Path) -> Details:
    """Return what the table of the nearest pyproject.toml, in `folder` or above, says.

    Raises:
        UsageError: The file cannot be read, or its table holds what is no detail.

    """
    places = (each / "pyproject.toml" for each in (folder, *folder.parents))
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return Details()
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("invalid_settings", f"{file} cannot be read: {error}") from None
    tool = content.get("tool")
    table = tool.get("falsmith", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UsageError("invalid_settings", f"{file}: [{TABLE}] must be a table")
    wrong = [
        Problem(f"{TABLE}.{name}", short_json(text), "text in quotes")
        if name in NAMES
        else Problem(f"{TABLE}.{name}", "an unknown key", ", ".join(NAMES), closest(name, NAMES))
        for name, text in table.items()
        if name not in NAMES or not isinstance(text, str)
    ]
    if wrong:
        raise UsageError("invalid_settings", f"{file} cannot be used", wrong)
    return Details(**table)


def check_details(details: Details, needed: Mapping[str, Iterable[str]]) -> None:
    """Refuse details that no host takes.

    Args:
        details: What was said.
        needed: The formats that cannot do without a detail, by its name.

    Raises:
        UsageError: Some are missing or not in the form that hosts demand; all are named.

    """
    problems = [
        Problem(f"--{name}", "nothing", f"{_expected(name)}, for {' and '.join(formats)}")
        for name, formats in needed.items()
        if getattr(details, name) is None
    ]
    for name in NAMES:
        text = getattr(details, name)
        objection = None if text is None else _objection(name, text)
        if objection is not None:
            problems.append(Problem(f"--{name}", short_json(text), objection))
    if problems:
        raise UsageError(
            "usage",
            "the bundle cannot be made like this; nothing was written. Give what is asked for as "
            f"an option, or as a key of [{TABLE}] in pyproject.toml",
            problems,
        )


def _expected(name: str) -> str:
    return {
        "name": "a name such as acme-skills",
        "version": "a version such as 1.0.0 (semver.org)",
        "homepage": "an address such as https://example.com/skills",
    }.get(name, "a line of text")


def _objection(name: str, text: str) -> str | None:
    """Return what is expected in place of a detail, None where hosts take it."""
    form: Mapping[str, re.Pattern[str]] = {
        "name": SKILL_NAME,
        "version": VERSION,
        "homepage": HOMEPAGE,
    }
    if name in form and not form[name].fullmatch(text):
        return _expected(name)
    if len(text) > LIMITS.get(name, 100):
        return f"{LIMITS.get(name, 100)} characters at most, not {len(text)}"
    if not text.strip() or not is_visible(text):
        return "a line of visible text"
    if name == "name" and (text in RESERVED or any(word in text for word in RESERVED_WORDS)):
        return "another name: hosts keep this one for themselves"
    if "<" in text or ">" in text or "[TODO:" in text:
        return "a text without < and >, which hosts refuse, and without [TODO:"
    objections: Sequence[str] = plain_objections(text, False)
    return objections[0].removeprefix("line 1: ") if objections else None
