"""The code of a skill: byte for byte what this falsmith writes, else not judged."""

import os
from functools import lru_cache
from itertools import zip_longest

from falsmith import __version__
from falsmith.names import wrapper_name
from falsmith.render import collection_scripts, model_scripts, render_creator
from falsmith.skill.tree import Entry, File
from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.record import (
    PROVENANCE,
    is_collection,
    is_creator,
    is_of_this_version,
    mode,
    model_folders,
    model_id,
)

__all__ = ["FOREIGN", "check_executable", "check_scripts", "expected_scripts", "wrapper_path"]

SCANNER = "read it, or scan it with a tool for that, such as Cisco's skill-scanner"
FOREIGN = Finding(
    PROVENANCE,
    "is missing: falsmith did not make this skill, so only the rules of any skill apply and its "
    f"code was not judged; {SCANNER}",
    "notice",
)
REMEDY = "do not run it if you did not change it; falsmith generate --force writes it anew"


def wrapper_path(folder: Folder) -> str:
    """Return the path of the script that presets the skill's model."""
    return f"scripts/{wrapper_name(folder.name)}.py"


def expected_scripts(folder: Folder) -> tuple[Entry, ...]:
    """Return what this falsmith writes into `scripts/` of a skill with this name and model."""
    if is_creator(folder):
        return _creator_scripts()
    name, linked = wrapper_name(folder.name), mode(folder) == "default"
    if is_collection(folder):
        return collection_scripts(name, linked=linked)
    (model,) = model_folders(folder)
    return model_scripts(model_id(folder, model) or "", name, linked=linked)


def check_scripts(folder: Folder) -> list[Finding]:
    """Compare each script that is there with the one that this falsmith writes."""
    if not is_of_this_version(folder):
        version = quoted((folder.json_object(PROVENANCE) or {}).get("falsmith"))
        message = (
            f"names falsmith {version}, this is {__version__}: the code in scripts/ was not "
            "compared with anything; generate the skill again, or verify it with that version"
        )
        return [Finding(PROVENANCE, message, "notice")]
    expected = {str(e.path): e.content for e in expected_scripts(folder) if isinstance(e, File)}
    preset = () if is_collection(folder) else model_folders(folder)
    if any(model_id(folder, model) is None for model in preset):
        # What is wrong with model_config.json is another check's matter.
        del expected[wrapper_path(folder)]
    problems = [
        Finding(path, _difference(folder.files[path], content))
        for path, content in expected.items()
        if folder.files.get(path, content) != content
    ]
    return [problem for problem in problems if problem.message]


def check_executable(folder: Folder) -> list[Finding]:
    """Note scripts with a "#!" line that may not be executed, where the file system can say so.

    Some installers of skills drop that permission: `python scripts/NAME.py` needs none.
    """
    if os.name != "posix":
        return []
    return [
        Finding(path, "is not executable: run it by python, or chmod +x it", "notice")
        for path, text in folder.below("scripts/", ".py")
        if text.startswith("#!") and path not in folder.executables
    ]


@lru_cache(maxsize=1)
def _creator_scripts() -> tuple[Entry, ...]:
    return tuple(entry for entry in render_creator() if entry.path.parts[0] == "scripts")


def _difference(found: bytes, expected: bytes) -> str:
    """Return where a script differs, "" where it is this falsmith's copy that has the CRLF."""
    plain, right = found.replace(b"\r\n", b"\n"), expected.replace(b"\r\n", b"\n")
    if plain == right and b"\r" not in found:
        return ""
    if plain == right:
        return (
            "has carriage returns, as Git on Windows writes them, where falsmith writes LF alone: "
            "check it out with core.autocrlf=false, or run falsmith generate --force"
        )
    lines = zip_longest(_lines(plain), _lines(right), fillvalue="nothing")
    number, one, other = next(
        (number, one, other) for number, (one, other) in enumerate(lines, start=1) if one != other
    )
    where = f"line {number} is {quoted(one)}"
    return f"is not what falsmith {__version__} writes: {where}, not {quoted(other)}; {REMEDY}"


def _lines(content: bytes) -> list[str]:
    # What differs as bytes differs as this text, be it UTF-8 or not.
    return content.decode("utf-8", "surrogateescape").split("\n")
