"""The pipeline, the file to read first: documents → Model → entries → compare → write.

`generate` takes one model through it, `share_runtime` the skill that linked skills lead to.
"""

import errno
import os
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.errors import UsageError
from falsmith import __version__
from falsmith.collection import parse_collection
from falsmith.documents import CollectionDocuments, Documents, Json
from falsmith.errors import TargetError
from falsmith.model import Collection, Model
from falsmith.names import skill_name
from falsmith.parse import parse
from falsmith.render import (
    CREATOR,
    Mode,
    Options,
    recorded_options,
    render,
    render_collection,
    render_creator,
)
from falsmith.skill.ownership import (
    DEFAULTS,
    SETTINGS,
    Drift,
    compare,
    holds_files,
    owner,
    user_files,
    user_places,
)
from falsmith.skill.provenance import (
    PROVENANCE,
    collection_subject,
    read_provenance,
    version_tuple,
)
from falsmith.skill.tree import Entry, File, NoFile, content_at, temporary_name
from falsmith.skill.write import write

__all__ = [
    "Action",
    "GeneratedSkill",
    "RenderedSkill",
    "check_target",
    "generate",
    "made_with",
    "make",
    "parse_skill",
    "refuse_links",
    "refuse_newer",
    "render_skill",
    "share_runtime",
    "unknown_options",
    "write_skill",
]

Action = Literal["write", "check", "dry-run"]
# What hosts read of a SKILL.md: the Agent Skills specification asks for 5,000 tokens at most.
LONGEST_SKILL_FILE = 20_000
# How systems say that symbolic links are not to be had; Windows has an error of its own.
NO_LINKS = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})


@dataclass(frozen=True, slots=True)
class RenderedSkill:
    """A skill as a value: where it belongs, its entries, and what its documents got wrong.

    `models` are the IDs of its models by their short names, '' for that of a skill of one.
    """

    subject: str
    models: Mapping[str, str]
    folder: Path
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the skill's name, which is its folder's."""
        return self.folder.name

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """Return the paths of its entries."""
        return tuple(entry.path for entry in self.entries)


@dataclass(frozen=True, slots=True)
class GeneratedSkill(RenderedSkill):
    """A skill that was compared with its folder, and written if that was asked.

    `drift` is empty where nothing differed.
    """

    drift: tuple[Drift, ...]


def parse_skill(documents: Documents | CollectionDocuments, options: Options) -> Model | Collection:
    """Return what a skill is made of: one model, or a collection of several.

    Raises:
        SkillNameError: A model's ID or the skill's name cannot be used.

    """
    if isinstance(documents, Documents):
        return parse(documents, name=options.name, description=options.description)
    return parse_collection(documents, options.name or "", description=options.description)


def render_skill(parsed: Model | Collection, options: Options, output: Path) -> RenderedSkill:
    """Return the skill of one model, or of a collection, as it belongs below `output`.

    Of the disk only the names of the user's own files are read.

    Raises:
        UsageError: There are more models than one SKILL.md can tell apart.

    """
    if isinstance(parsed, Model):
        folder = output / parsed.skill_name
        entries = render(parsed, options, user_files(folder))
        return RenderedSkill(parsed.id, {"": parsed.id}, folder, entries, parsed.warnings)
    folder = output / parsed.name
    mine = user_files(folder)
    entries = render_collection(parsed, options, mine)
    _check_size(parsed.name, entries, len(parsed.models))
    models = {short_name: model.id for short_name, model in parsed.models.items()}
    warnings = tuple(
        f"{model.id}: {one}" for model in parsed.models.values() for one in model.warnings
    )
    read = {f"{model.folder}/{DEFAULTS}" for model in parsed.models.values()}
    unread = sorted({f"references/{path}" for path in mine if path.endswith(DEFAULTS)} - read)
    warnings += tuple(
        f"{one} is read by no model of the collection: each has its own, in "
        "references/models/NAME/; move or remove it"
        for one in unread
    )
    return RenderedSkill(collection_subject(parsed.name), models, folder, entries, warnings)


def make(
    documents: Documents | CollectionDocuments, options: Options, output: Path
) -> RenderedSkill:
    """Return the skill that the documents describe: `parse_skill`, then `render_skill`."""
    return render_skill(parse_skill(documents, options), options, output)


def write_skill(
    made: RenderedSkill, mode: Mode, *, action: Action = "write", force: bool = False
) -> GeneratedSkill:
    """Compare a skill with its folder, and write what differs where `action` is "write".

    Raises:
        TargetError: The folder is in the way, edited, or cannot be written.

    """
    check_target(made.folder, made.subject, force=force or action == "check")
    drift = tuple(compare(made.entries, made.folder))
    if action != "check":
        _refuse_edited(drift, made.folder, force=force)
        if mode == "public":
            refuse_links(drift, made.folder)
    if action == "write":
        write(made.entries, made.folder, drift)
    return GeneratedSkill(
        made.subject, made.models, made.folder, made.entries, made.warnings, drift
    )


def generate(
    documents: Documents | CollectionDocuments,
    options: Options,
    output: Path,
    *,
    action: Action = "write",
    force: bool = False,
) -> GeneratedSkill:
    """Make the skill of one model, or of a collection, below `output`, or compare it.

    A skill in default mode links to the runtime that `share_runtime` puts there.

    Args:
        documents: The model's metadata and OpenAPI document, or those of several models.
        options: Mode, name and description of the skill.
        output: The folder that holds skills; made where it is missing.
        action: "write" writes what differs, "check" and "dry-run" write nothing.
        force: Overwrite files that the user edited, and take over a folder that is not ours.

    Raises:
        SkillNameError: The model's ID or the skill's name cannot be used.
        UsageError: There are more models than one SKILL.md can tell apart.
        TargetError: The folder is in the way, edited, or cannot be written.

    """
    made = make(documents, options, output)
    return write_skill(made, options.mode, action=action, force=force)


def share_runtime(
    output: Path, *, action: Action = "write", force: bool = False
) -> GeneratedSkill | None:
    """Put the creator skill, which other skills link to, below `output`, or compare it.

    Returns None where links cannot be made: skills must then carry copies.

    Raises:
        TargetError: The creator skill there was edited, is newer or is somebody else's.

    """
    # Without writing, what the machine can do is tried where nothing is left behind.
    if not _can_link(output if action == "write" else Path(tempfile.gettempdir())):
        return None
    creator = RenderedSkill(CREATOR, {}, output / CREATOR, render_creator(), ())
    try:
        if not force:
            refuse_newer(creator.folder)
        return write_skill(creator, "default", action=action, force=force)
    except TargetError as error:
        message = error.message.rstrip(".")
        raise TargetError(
            error.code, f"{message}. Or give each skill its own runtime with --standalone."
        ) from None


def made_with(folder: Path, model_id: str | None, record: Mapping[str, Json]) -> Options | None:
    """Return the options that a skill was made with, None where its record does not hold them.

    `model_id` is of the model that has the skill to itself, None for a collection.
    """
    options = recorded_options(record)
    if options is None:
        return None
    # A folder that was renamed, with all that is in it, is the skill of that name.
    named = options.name or (skill_name(model_id) if model_id is not None else None)
    return options if named == folder.name else replace(options, name=folder.name)


def unknown_options(folder: Path) -> TargetError:
    """Return the error of a skill whose record does not say how it was made."""
    return TargetError(
        "problems_found",
        f"{folder / PROVENANCE} does not say how the skill was made: generate it again, with "
        "--force",
    )


def _check_size(name: str, entries: Sequence[Entry], models: int) -> None:
    skill_file = next(one for one in entries if str(one.path) == "SKILL.md")
    size = len(skill_file.content) if isinstance(skill_file, File) else 0
    if size > LONGEST_SKILL_FILE:
        raise UsageError(
            "usage",
            f"the collection {name} has {models} models, and its SKILL.md {size:,} characters, of "
            f"which hosts read {LONGEST_SKILL_FILE:,}: make several collections of them",
        )


def _can_link(output: Path) -> bool:
    """Return whether symbolic links can be made below `output`, by making one."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        probe = output / temporary_name("link")
        probe.unlink(missing_ok=True)
        probe.symlink_to("nowhere")
        probe.unlink()
    except NotImplementedError:
        return False
    except OSError as error:
        # Any other trouble is not about links: writing there names it.
        return error.errno not in NO_LINKS and getattr(error, "winerror", None) is None
    return True


def refuse_newer(folder: Path) -> None:
    """Refuse to replace what was made by a falsmith that is newer than this one."""
    before = read_provenance(folder) if folder.is_dir() else None
    if before is not None and version_tuple(before.version) > version_tuple(__version__):
        raise TargetError(
            "name_in_use",
            f"{folder} was made by falsmith {before.version}, this is {__version__}: update it",
        )


def check_target(folder: Path, subject: str, *, force: bool) -> None:
    """Refuse a folder that is not this skill's, or that is no folder."""
    # Plain calls of the system: thousands of skills pass here.
    for place in (folder.parent, folder):
        if not os.path.isdir(place) and os.path.exists(place):  # noqa: PTH110, PTH112
            raise TargetError(
                "local_trouble",
                f"{place} is a file where a folder is needed: choose another --output",
            )
    if not os.path.lexists(folder):
        return
    if folder.is_symlink():
        raise TargetError(
            "local_trouble", f"{folder} is a symbolic link: remove it, or choose another --output"
        )
    before = read_provenance(folder)
    ours = before is not None and before.subject == subject
    if force or ours or not holds_files(folder):
        return
    whose = f"the {before.label}" if before is not None else "not a skill of falsmith"
    option = "--collection" if subject == collection_subject(folder.name) else "--name"
    name = "" if subject == CREATOR else f"another name with {option}, "
    lost = " (what stands where the skill's files go is then lost)" if before is None else ""
    raise TargetError(
        "name_in_use",
        f"{folder} is {whose}: choose {name}another folder with --output, or replace it with "
        f"--force{lost}",
    )


def _refuse_edited(drift: Sequence[Drift], folder: Path, *, force: bool) -> None:
    edited = [_shown(folder, one.path) for one in drift if one.kind == "edited"]
    if edited and not force:
        # An edited creator skill is in the way of all that would link to it.
        update = shlex.join(["falsmith", "update", str(folder)])
        around = "" if folder.name == CREATOR else f"; `{update}` makes the rest anew around them"
        raise TargetError(
            "edited",
            f"these files in {folder} were edited: {', '.join(edited)}. Nothing was written. "
            f"--force overwrites them{around}.",
        )


def _shown(folder: Path, path: PurePosixPath) -> str:
    content = content_at(folder, path)
    return f"{path} (now {content.value})" if content is NoFile.SPECIAL else str(path)


def refuse_links(drift: Sequence[Drift], folder: Path) -> None:
    """Refuse symbolic links that the user put into a folder that is to be public."""
    provenance = read_provenance(folder)
    extra = [one.path for one in drift if one.kind == "extra"]
    kept = [path for path in extra if owner(folder, path, provenance) != "ours"]
    links = [
        str(path)
        for path in (*kept, *user_places(folder), SETTINGS)
        if (folder / path).is_symlink()
    ]
    if links:
        raise TargetError(
            "problems_found",
            f"a public skill holds no symbolic links, {folder} has: {', '.join(links)}. "
            "Nothing was written. Remove them and run again.",
        )
