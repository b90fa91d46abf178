"""One model, once through: documents, Model, files, folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from falsmith.documents import Documents
from falsmith.errors import TargetError
from falsmith.parse import parse
from falsmith.render import Options, render
from falsmith.tree import Drift, File, compare, holds_files, links, owned, write

__all__ = ["Action", "Skill", "generate"]

Action = Literal["write", "check", "dry-run"]


@dataclass(frozen=True, slots=True)
class Skill:
    """What generation did for one model, or would do; `drift` is empty where nothing differed."""

    model_id: str
    name: str
    folder: Path
    files: tuple[File, ...]
    drift: tuple[Drift, ...]
    oddities: tuple[str, ...]


def generate(
    documents: Documents,
    options: Options,
    output: Path,
    *,
    action: Action = "write",
    force: bool = False,
) -> Skill:
    """Make the skill of one model below `output`, or compare it with what is there.

    Args:
        documents: The model's metadata and OpenAPI document.
        options: Mode, name and description of the skill.
        output: The folder that holds skills; made where it is missing.
        action: "write" writes what differs, "check" and "dry-run" write nothing.
        force: Overwrite files that the user edited, and take over a folder that is not ours.

    Raises:
        SkillNameError: The model's ID or the skill's name cannot be used.
        TargetError: The folder is in the way, edited, or cannot be written.

    """
    model = parse(documents, name=options.name, description=options.description)
    files = render(model, options)
    folder = output / model.skill_name
    _check_target(output, folder, model.id, force=force or action == "check")
    drift = tuple(compare(files, folder))
    if action != "check":
        _refuse_edited(drift, folder, force=force)
    if action == "write":
        write(files, folder, drift)
        _refuse_links(folder, options)
    return Skill(model.id, model.skill_name, folder, files, drift, model.oddities)


def _check_target(output: Path, folder: Path, model_id: str, *, force: bool) -> None:
    """Refuse a folder that is not this model's skill, or that is no folder."""
    for place in (output, folder):
        if place.exists() and not place.is_dir():
            raise TargetError(
                "local_trouble",
                f"{place} is a file where a folder is needed: choose another --output",
            )
    if folder.is_symlink():
        raise TargetError(
            "local_trouble", f"{folder} is a symbolic link: remove it, or choose another --output"
        )
    before = owned(folder) if folder.is_dir() else None
    ours = before is not None and before.model_id == model_id
    if force or ours or not holds_files(folder):
        return
    whose = f"the skill of {before.model_id}" if before is not None else "not a skill of falsmith"
    raise TargetError(
        "name_in_use",
        f"{folder} is {whose}: choose another name with --name, another folder with --output, "
        "or replace it with --force",
    )


def _refuse_edited(drift: Sequence[Drift], folder: Path, *, force: bool) -> None:
    changed = [str(one.path) for one in drift if one.kind == "edited"]
    if changed and not force:
        listed = ", ".join(changed)
        raise TargetError(
            "edited",
            f"these files in {folder} were edited: {listed}. Nothing was written. "
            "Keep your changes elsewhere and run again with --force to overwrite them.",
        )


def _refuse_links(folder: Path, options: Options) -> None:
    found = links(folder) if options.mode == "public" else []
    if found:
        listed = ", ".join(str(path) for path in found)
        raise TargetError(
            "problems_found", f"a public skill holds no symbolic links, {folder} has: {listed}"
        )
