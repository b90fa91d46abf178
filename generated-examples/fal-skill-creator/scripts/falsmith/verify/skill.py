"""A stranger's look at a skill's folder: every rule, every problem, at once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from falsmith.verify.code import check_code
from falsmith.verify.commands import check_commands, check_reference
from falsmith.verify.folder import Folder, read_folder
from falsmith.verify.front_matter import (
    SKILL_FILE,
    check_body,
    check_front_matter,
    check_front_matter_fields,
    check_needs,
)
from falsmith.verify.links import check_links
from falsmith.verify.model_config import check_model_config
from falsmith.verify.openai_yaml import check_openai_yaml
from falsmith.verify.problem import Problem
from falsmith.verify.provenance import (
    PROVENANCE,
    check_edited,
    check_listing,
    check_provenance,
    is_public,
    was_generated,
)
from falsmith.verify.queue_config import check_queue_config
from falsmith.verify.remote_code import check_remote_code
from falsmith.verify.schemas import check_schemas
from falsmith.verify.scripts import (
    check_executable,
    check_script_headers,
    check_shadowing,
    check_wrapper,
)
from falsmith.verify.symlinks import check_symlinks
from falsmith.verify.text import check_text
from falsmith.verify.tree import check_language, check_names, check_required

if TYPE_CHECKING:
    import click

__all__ = ["verify"]

# A new rule is one more function of this kind.
OF_ANY_SKILL: tuple[Callable[[Folder], list[Problem]], ...] = (
    check_names,
    check_text,
    check_body,
    check_front_matter,
    check_front_matter_fields,
    check_links,
    check_code,
    check_remote_code,
    check_executable,
    check_openai_yaml,
)
OF_GENERATED_SKILLS: tuple[Callable[[Folder], list[Problem]], ...] = (
    check_required,
    check_language,
    check_needs,
    check_wrapper,
    check_shadowing,
    check_script_headers,
    check_model_config,
    check_provenance,
    check_listing,
    check_edited,
    check_schemas,
    check_reference,
    check_queue_config,
)
FOREIGN = Problem(
    PROVENANCE, "is missing: falsmith did not make this skill; only the rules of any skill apply"
)


def verify(
    folder: Path, *, public: bool | None = None, generate: "click.Command | None" = None
) -> list[Problem]:
    """Return everything that is wrong with a skill's folder, sorted; nothing in it is executed.

    Whatever the folder holds becomes a problem, never an exception.

    Args:
        folder: The skill of a model, or the creator skill.
        public: Adds the rules of a skill that is handed to others; None means: as the folder's
            provenance.json says.
        generate: Parses the commands that the creator skill shows; they are not run.

    """
    root = Path(os.path.normpath(folder.absolute()))
    # These never raise, whatever the path is; those of Path do for one that is too long.
    if public and os.path.islink(root):  # noqa: PTH114
        return [Problem(".", "is a symbolic link: a public skill is a folder of its own")]
    if not os.path.isdir(root):  # noqa: PTH112
        return [Problem(".", "is no folder: name the folder that holds SKILL.md")]
    if not any(os.path.lexists(root / name) for name in (SKILL_FILE, PROVENANCE)):
        told = "holds no skill: name a skill's own folder, such as .claude/skills/NAME"
        return [Problem(".", told)]
    found, problems = read_folder(root)
    problems += check_symlinks(found, public=is_public(found) if public is None else public)
    problems += check_commands(found, generate)
    problems += [problem for check in OF_ANY_SKILL for problem in check(found)]
    if was_generated(found):
        problems += [problem for check in OF_GENERATED_SKILLS for problem in check(found)]
    else:
        problems.append(FOREIGN)
    return sorted({Problem(_plain(problem.path), problem.message) for problem in problems})


def _plain(path: str) -> str:
    """Escape what a file name may hold and a terminal should not show."""
    escaped = path.encode("unicode_escape", "surrogatepass").decode("ascii")
    return escaped.replace("\\\\", "\\")
