"""The folder as a tree: which files must be there, how they are named, where links may lead."""

import re
from pathlib import Path

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem

__all__ = ["check_names", "check_required", "check_symlinks"]

REQUIRED = (
    "SKILL.md",
    "agents/openai.yaml",
    "queue_config.yaml",
    "references/input.schema.json",
    "references/model_config.json",
    "references/output.schema.json",
    "references/provenance.json",
    "scripts/fal_api_call.py",
    "scripts/fal_runtime/__init__.py",
    "scripts/fal_runtime/command.py",
)
PLAIN_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def check_required(folder: Folder) -> list[Problem]:
    """List the files without which the skill cannot work."""
    return [
        Problem(path, "is missing: generate the skill again with --force")
        for path in REQUIRED
        if not folder.has(path)
    ]


def check_names(folder: Folder) -> list[Problem]:
    """List names that some file systems or archives cannot hold, or that deceive the eye."""
    return [
        Problem(
            path, "has a name of other characters than letters, digits, dot, hyphen, underscore"
        )
        for path in [*folder.files, *folder.links]
        if not PLAIN_PATH.fullmatch(path)
    ]


def check_symlinks(folder: Folder, *, public: bool) -> list[Problem]:
    """List every link of a public skill; of another one, the links that leave the output root."""
    if public:
        own = ["."] if folder.root.is_symlink() else []
        told = "is a symbolic link: a public skill holds copies (falsmith generate --public)"
        return [Problem(path, told) for path in [*own, *folder.links]]
    home = folder.root.resolve().parent
    return [problem for path in folder.links for problem in _leaving(path, folder.root, home)]


def _leaving(path: str, root: Path, home: Path) -> list[Problem]:
    try:
        target = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        return [Problem(path, "is a symbolic link that leads nowhere")]
    if target.is_relative_to(home):
        return []
    return [Problem(path, "is a symbolic link that leaves the folder of the skills")]
