"""The folder as a tree: the closed list of its files, their names, and its symbolic links."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from fal_runtime.paths import safe_name
from fal_runtime.settings import SETTINGS_FILE
from falsmith.names import is_short_name
from falsmith.skill.tree import Link
from falsmith.verify.folder import Finding, Folder, quoted
from falsmith.verify.front_matter import SKILL_FILE
from falsmith.verify.record import (
    COLLECTION,
    MODELS,
    PROVENANCE,
    is_collection,
    is_creator,
    is_of_this_version,
    listed_files,
    listed_links,
    listed_models,
    model_folders,
    user_files,
)
from falsmith.verify.scripts import expected_scripts

__all__ = [
    "check_files",
    "check_hard_links",
    "check_leftovers",
    "check_names",
    "check_new_versions",
    "check_symlinks",
    "check_user_files",
]

TEXTS = (SKILL_FILE, "agents/openai.yaml", PROVENANCE)
UNWANTED = {
    "metadata.json": "is left out by installers that keep their own file of this name: rename it",
    "plugin.json": "makes stores refuse the skill as a plugin",
}
OTHER_CODE = (
    ".bat", ".cmd", ".com", ".exe", ".fish", ".jar", ".lua", ".php", ".pl", ".ps1", ".psm1", ".pth",
    ".pyc", ".pyd", ".pyo", ".pyw", ".pyz", ".rb", ".so", ".vbs", ".wasm",
)  # fmt: skip
# What `update` puts beside a file that the user edited.
NEW = ".new"
LEFTOVER_FOLDER = re.compile(r"(__pycache__)/.*")
PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def check_files(folder: Folder) -> list[Finding]:
    """Compare the files that are there with those that the skill consists of.

    A skill of this version consists of what this falsmith writes, one of another version of what
    its provenance lists; both of these and the user's own files.
    """
    listed = listed_files(folder) or {}
    links, models = set(listed_links(folder)), model_folders(folder)
    known = {*TEXTS, *(path for model in models for path in model.files)}
    if not is_creator(folder):
        known.add(SETTINGS_FILE)
    if is_collection(folder):
        known.add(COLLECTION)
    if is_of_this_version(folder):
        scripts = expected_scripts(folder)
        links |= {str(entry.path) for entry in scripts if isinstance(entry, Link)}
        known |= {str(entry.path) for entry in scripts}
    else:
        known |= {*listed, *links}
    beside = {path for path in listed if _is_new_version(path, listed)}
    known -= beside
    message = "is missing: write the skill again with falsmith generate --force"
    problems = [Finding(path, message) for path in known if not folder.has(path)]
    for path in folder.files.keys() - set(user_files(folder)) - beside:
        # What stands in the place of a link is named once, as that.
        if path not in known and links.isdisjoint(map(str, PurePosixPath(path).parents)):
            problems += _stray(path, folder)
        elif path in known and listed and path not in listed and path != PROVENANCE:
            message = f"is not listed in {PROVENANCE}: write the skill again with falsmith generate"
            problems.append(Finding(path, message))
    return problems


def check_new_versions(folder: Folder, *, public: bool) -> list[Finding]:
    """List what was put beside edited files: a fault of what is handed on, else a notice."""
    listed = listed_files(folder) or {}
    return [
        Finding(
            path,
            f"is what falsmith would write in the place of {path.removesuffix(NEW)}, which was "
            "edited: merge what you need of it, and remove it",
            "problem" if public else "notice",
        )
        for path in folder.files
        if path in listed and _is_new_version(path, listed)
    ]


def _is_new_version(path: str, listed: Collection[str]) -> bool:
    return path.endswith(NEW) and path.removesuffix(NEW) in listed


def check_user_files(folder: Folder, handed_on: Collection[str]) -> list[Finding]:
    """List the user's own files, which go with a public skill only where that is asked for."""
    message = "is your own: take it out of a skill that is handed on, and generate the skill again"
    own = (path for path in user_files(folder) if PurePosixPath(path).name not in handed_on)
    return [Finding(path, message) for path in own if folder.has(path)]


def check_hard_links(folder: Folder) -> list[Finding]:
    """List files that are also another file somewhere: what changes there changes here."""
    message = "is a hard link, and may be a file from elsewhere: put a copy in its place"
    return [Finding(path, message) for path in folder.hard_links - folder.leftovers]


def check_leftovers(folder: Folder, *, public: bool) -> list[Finding]:
    """List what Python and file managers left behind: a fault of what is handed on, else none."""
    places = sorted({LEFTOVER_FOLDER.sub(r"\1", path) for path in folder.leftovers})
    if public:
        message = (
            "is left over from running or looking at the skill: remove it before handing it on"
        )
        return [Finding(path, message) for path in places]
    message = "holds compiled Python that nobody compared: remove it if you did not run the skill"
    return [Finding(path, message, "notice") for path in places if path.endswith("__pycache__")]


def check_names(folder: Folder) -> list[Finding]:
    """List names that some file systems, archives or hosts cannot hold, or that deceive the eye."""
    paths = folder.paths - folder.leftovers
    problems = [Finding(path, message) for path in paths for message in _objections(path)]
    same = Counter(one.casefold() for one in {way for path in paths for way in _ways(path)})
    message = "has a name that differs from another one in capitals only: some disks keep one"
    for path in paths:
        # Of a folder that is there twice not each file is named.
        clash = next((way for way in _ways(path) if same[way.casefold()] > 1), None)
        problems += [Finding(clash, message)] if clash is not None else []
    return problems


def check_symlinks(folder: Folder, *, public: bool) -> list[Finding]:
    """List every link of a public skill; of another one, all links but exactly the listed ones."""
    if public:
        own = ["."] if folder.root.is_symlink() else []
        message = "is a symbolic link: a public skill holds copies (falsmith generate --public)"
        return [Finding(path, message) for path in [*own, *folder.links]]
    listed = listed_links(folder)
    problems = [
        Finding(path, f"is no symbolic link to {quoted(target)}, as {PROVENANCE} has it")
        for path, target in listed.items()
        if path not in folder.links
    ]
    found = [Finding(path, _objection_to_link(folder, path, listed)) for path in folder.links]
    return problems + [problem for problem in found if problem.message]


def _stray(path: str, folder: Folder) -> Iterator[Finding]:
    """Yield why a file that falsmith did not write is a problem, and what to do.

    The folder of a model that a collection does not list is named once, as a whole.
    """
    message = "is no file of falsmith's: keep notes in references/guide.md, and remove it here"
    if path.startswith(".") or "/." in path:
        message = "is no file of falsmith's: hosts may take it for settings of theirs; remove it"
    elif path.startswith("scripts/"):
        message = "is no file of falsmith's: nobody judged it, and it may hide a module; remove it"
    elif is_collection(folder) and path.startswith(MODELS):
        listed, name = listed_models(folder), path.removeprefix(MODELS).partition("/")[0]
        if listed is None or (name in listed and not is_short_name(name)):
            # The list is at fault: that is another check's matter.
            return
        if name not in listed:
            path, message = f"{MODELS}{name}", f"is of no model that {COLLECTION} lists: remove it"
    elif is_collection(folder) and path == "references/defaults.yaml":
        message = (
            f"is read by no model of a collection: each has its own, {MODELS}NAME/defaults.yaml"
        )
    yield Finding(path, message)


def _objections(path: str) -> Iterator[str]:
    name = path.rpartition("/")[2]
    if not PLAIN_PATH.fullmatch(path):
        yield "has a name of other characters than letters, digits, dot, hyphen, underscore"
    # A safe name has an underscore before it where Windows has a device of that name.
    if any(safe_name(part)[0] == "_" or part.endswith(".") for part in path.split("/")):
        yield "has a name that Windows refuses: rename it"
    if path != SKILL_FILE and name.lower() == SKILL_FILE.lower():
        yield "would be taken for a skill of its own: only SKILL.md at the top may have this name"
    if name in UNWANTED:
        yield UNWANTED[name]
    if name.lower().endswith(OTHER_CODE):
        yield "is a program that nobody checks here: a skill's scripts are Python, in .py files"


def _ways(path: str) -> list[str]:
    """Return every folder on the way to a path, from the top, and the path itself."""
    return [*map(str, reversed(PurePosixPath(path).parents)), path]


def _objection_to_link(folder: Folder, path: str, listed: dict[str, str]) -> str:
    """Return what is wrong with a link, "" where nothing is."""
    root = folder.root
    try:
        target = (root / path).readlink().as_posix()
        end = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        return "is a symbolic link that leads nowhere"
    if not end.is_relative_to(root.resolve().parent):
        return "is a symbolic link that leaves the folder of the skills"
    if path not in listed:
        return f"is a symbolic link that {PROVENANCE} does not list"
    if target != listed[path]:
        return f"is a symbolic link to {quoted(target)}, not to {quoted(listed[path])} as listed"
    return ""
