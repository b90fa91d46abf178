"""Symbolic links: those that share the creator skill's runtime, where provenance lists them."""

from pathlib import Path

from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem, shown
from falsmith.verify.provenance import PROVENANCE, listed_links

__all__ = ["check_symlinks"]


def check_symlinks(folder: Folder, *, public: bool) -> list[Problem]:
    """List every link of a public skill; of another one, all links but exactly the listed ones."""
    if public:
        own = ["."] if folder.root.is_symlink() else []
        told = "is a symbolic link: a public skill holds copies (falsmith generate --public)"
        return [Problem(path, told) for path in [*own, *folder.links]]
    listed = listed_links(folder)
    found = [Problem(path, _objection(folder.root, path, listed)) for path in folder.links]
    missing = [
        Problem(path, f"is no symbolic link to {shown(target)}, as {PROVENANCE} has it")
        for path, target in listed.items()
        if path not in folder.links
    ]
    return missing + [problem for problem in found if problem.message]


def _objection(root: Path, path: str, listed: dict[str, str]) -> str:
    """Return what is wrong with a link, "" where nothing is."""
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
        return f"is a symbolic link to {shown(target)}, not to {shown(listed[path])} as listed"
    return ""
