"""A look at a skill's folder from outside: every rule, every problem, at once."""

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from falsmith.verify.collection import check_collection
from falsmith.verify.commands import check_commands, check_references
from falsmith.verify.folder import Finding, Folder, read_folder
from falsmith.verify.front_matter import (
    SKILL_FILE,
    check_body,
    check_front_matter,
    check_front_matter_fields,
    check_needs,
)
from falsmith.verify.links import check_links
from falsmith.verify.openai_yaml import check_openai_yaml
from falsmith.verify.provenance import check_edited, check_provenance
from falsmith.verify.record import PROVENANCE, mode, was_generated
from falsmith.verify.references import (
    check_defaults,
    check_model_configs,
    check_queue_config,
    check_schemas,
)
from falsmith.verify.scripts import FOREIGN, check_executable, check_scripts
from falsmith.verify.text import check_private, check_text
from falsmith.verify.tree import (
    check_files,
    check_hard_links,
    check_leftovers,
    check_names,
    check_new_versions,
    check_symlinks,
    check_user_files,
)

if TYPE_CHECKING:
    import click

__all__ = ["verify"]

# A new rule is one more function of this kind.
OF_ANY_SKILL: tuple[Callable[[Folder], list[Finding]], ...] = (
    check_names,
    check_text,
    check_body,
    check_front_matter,
    check_front_matter_fields,
    check_links,
    check_executable,
    check_openai_yaml,
)
OF_GENERATED_SKILLS: tuple[Callable[[Folder], list[Finding]], ...] = (
    check_files,
    check_scripts,
    check_needs,
    check_collection,
    check_model_configs,
    check_provenance,
    check_schemas,
    check_references,
    check_queue_config,
)


def verify(
    folder: Path,
    *,
    public: bool | None = None,
    generate: "click.Command | None" = None,
    handed_on: Collection[str] = (),
    allow_edited: bool = True,
) -> list[Finding]:
    """Return everything that is wrong with a skill's folder, sorted; nothing in it is executed.

    Whatever the folder holds becomes a problem, never an exception. Notices, which are no faults
    of the skill, say what could not be judged.

    Args:
        folder: The skill of a model, or the creator skill.
        public: Adds the rules of a skill that is handed to others; None means: symbolic links as
            the folder's provenance.json says, and the traces of its use are no fault.
        generate: Parses the commands that the creator skill shows; they are not run.
        handed_on: The names of the user's own files that go with a public skill on purpose.
        allow_edited: A text that the user edited is a notice, else a problem.

    """
    try:
        root = Path(os.path.abspath(folder))  # noqa: PTH100 - unlike resolve() it follows no link
    except OSError:
        return [Finding(".", "cannot be found: the working folder is gone")]
    # These never raise, whatever the path is; those of Path do for one that is too long.
    if public and os.path.islink(root):  # noqa: PTH114
        return [Finding(".", "is a symbolic link: a public skill is a folder of its own")]
    if not os.path.isdir(root):  # noqa: PTH112
        return [Finding(".", "is no folder: name the folder that holds SKILL.md")]
    if not any(os.path.lexists(root / name) for name in (SKILL_FILE, PROVENANCE)):
        message = "holds no skill: name a skill's own folder, such as .claude/skills/NAME"
        return [Finding(".", message)]
    skill, problems = read_folder(root)
    without_links = mode(skill) == "public" if public is None else public
    problems += check_symlinks(skill, public=without_links)
    problems += check_leftovers(skill, public=bool(public))
    problems += check_commands(skill, generate)
    problems += [problem for check in OF_ANY_SKILL for problem in check(skill)]
    if public:
        problems += [*check_private(skill), *check_hard_links(skill)]
    if was_generated(skill):
        problems += [problem for check in OF_GENERATED_SKILLS for problem in check(skill)]
        problems += check_edited(skill, allowed=allow_edited)
        problems += check_new_versions(skill, public=bool(public))
        # What is handed on has no project around it.
        problems += check_defaults(skill, root if public else Path())
        problems += check_user_files(skill, handed_on) if public else []
    else:
        problems.append(FOREIGN)
    shown = {Finding(_escaped(one.path), one.message, one.severity) for one in problems}
    return sorted(shown)


def _escaped(path: str) -> str:
    """Return a path without what a terminal would obey or not show."""
    escaped = path.encode("unicode_escape", "surrogatepass").decode("ascii")
    return escaped.replace("\\\\", "\\")
