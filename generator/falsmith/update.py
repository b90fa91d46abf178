"""Whether skills still say what their models' documents say, and how they are made to again."""

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.errors import FalError
from falsmith import __version__
from falsmith.documents import Documents, Json, load_json, skill_documents
from falsmith.drift import CLASSES, Change, Interface, changes
from falsmith.errors import DocumentError, ModelNotFoundError, TargetError
from falsmith.generate import (
    check_target,
    generate,
    made_with,
    make,
    refuse_links,
    refuse_newer,
    unknown_options,
)
from falsmith.model import Model
from falsmith.names import full_title, model_folder
from falsmith.parse import parse, source_digest
from falsmith.render import CREATOR, Options, render_creator
from falsmith.skill.edits import AroundEdits, Edit, around_edits
from falsmith.skill.installed import Installed
from falsmith.skill.provenance import NEW, PROVENANCE, read_provenance
from falsmith.skill.tree import Entry, File
from falsmith.skill.write import write
from falsmith.sources import Live, SearchableSource
from falsmith.verify.folder import read_folder
from falsmith.verify.references import check_defaults

__all__ = ["CheckedSkill", "UpdatedSkill", "check", "update"]

Status = Literal["fresh", "stale", "unknown"]
MODEL_CONFIG = "model_config.json"
SHOWN = ("display_name", "category")
# A diff is there to be read: of a new runtime in a skill, the first files tell enough.
LONGEST_DIFF = 200


@dataclass(frozen=True, slots=True)
class CheckedSkill:
    """A skill beside the documents of its models: the gravest change first, or why none is told."""

    skill: Installed
    status: Status
    changes: tuple[Change, ...] = ()
    error: FalError | None = None


def check(skills: Sequence[Installed], source: SearchableSource) -> Iterator[CheckedSkill]:
    """Yield each skill with what changed in its models' documents since it was made.

    A model of several skills is one question to the source. The creator skill has no document and
    is left out. A document that differs only in what a skill does not say leaves it fresh.

    Raises:
        FalError: The source cannot answer at all.

    """
    for one, documents in _documents_of(skills, source):
        yield _checked(one, documents, knows_all=isinstance(source, Live))


@dataclass(frozen=True, slots=True)
class UpdatedSkill:
    """What was done to one skill, or would be: nothing where `files` is empty.

    `files` were written, `retired` were removed, `edits` stayed.
    `models` are the IDs of its models by their short names, '' for that of a skill of one; the
    creator skill has none. `diff` is there of what was not written; `error` says
    why nothing was done, and `folder` is None where no single skill is to blame.
    """

    folder: Path | None
    models: Mapping[str, str]
    changes: tuple[Change, ...] = ()
    files: tuple[PurePosixPath, ...] = ()
    retired: tuple[PurePosixPath, ...] = ()
    edits: tuple[Edit, ...] = ()
    warnings: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    error: FalError | None = None


def update(
    skills: Sequence[Installed], source: SearchableSource, *, dry_run: bool = False
) -> Iterator[UpdatedSkill]:
    """Yield each skill after it was made anew, as it was made before, around the user's edits.

    A skill is written where anything of it differs from what this falsmith makes of its model's
    document today, be that stale, missing or left by a write that was interrupted. What linked
    skills lead to is updated before them. One failure stops no other skill, and nothing of a skill
    is written before all that could stop it was looked at.
    """
    runtimes: dict[Path, FalError | None] = {}
    for one in skills:
        if not one.models:
            yield _runtime(_absolute(one.folder).parent, runtimes, dry_run=dry_run)
    try:
        for one, documents in _documents_of(skills, source):
            folder = _absolute(one.folder)
            try:
                skill = _made_anew(one, folder, documents)
                if skill.options.mode == "default" and folder.parent not in runtimes:
                    yield _runtime(folder.parent, runtimes, dry_run=dry_run)
                trouble = runtimes.get(folder.parent)
                if skill.options.mode == "default" and trouble is not None:
                    raise trouble
                yield _written(skill, dry_run=dry_run)
            except FalError as error:
                yield UpdatedSkill(folder, one.model_ids, error=error)
            except Exception as error:
                # A document that nobody foresaw is one failure of many.
                message = f"this is an error of falsmith itself: {type(error).__name__}: {error}"
                unforeseen = FalError("internal_error", message[:500])
                yield UpdatedSkill(folder, one.model_ids, error=unforeseen)
    except FalError as error:
        yield UpdatedSkill(None, {}, error=error)


@dataclass(frozen=True, slots=True)
class _NewSkill:
    """One skill as it will be written."""

    folder: Path
    models: Mapping[str, str]
    options: Options
    parts: AroundEdits
    changes: tuple[Change, ...] = ()
    warnings: tuple[str, ...] = ()


def _made_anew(
    skill: Installed, folder: Path, documents: Mapping[str, Documents | FalError]
) -> _NewSkill:
    """Return the skill made anew; raises a FalError for whatever stands against it."""
    models = {}
    for name, one in documents.items():
        if isinstance(one, ModelNotFoundError) and name:
            left = [each.model_id for each in documents.values() if isinstance(each, Documents)]
            words = ["falsmith", "generate", "-o", str(folder.parent), "--collection", folder.name]
            words += [word for model_id in left for word in ("-m", model_id)]
            way_on = f" The collection goes on without it: {shlex.join(words)}" if left else ""
            raise ModelNotFoundError(f"{one.message.rstrip('.')}.{way_on}")
        if isinstance(one, FalError):
            raise one
        models[name] = replace(one, metadata=one.metadata or _listed(folder, name, one.model_id))
    refuse_newer(folder)
    options = made_with(folder, skill.model_id, skill.options)
    if options is None:
        raise unknown_options(folder)
    made = make(skill_documents(models, skill.default), options, folder.parent)
    parts = _around(made.entries, folder, made.subject)
    if options.mode == "public":
        refuse_links(parts.drift, folder)
    changes = _checked(skill, documents, knows_all=False).changes if parts.files else ()
    return _NewSkill(folder, made.models, options, parts, changes, made.warnings)


def _runtime(parent: Path, done: dict[Path, FalError | None], *, dry_run: bool) -> UpdatedSkill:
    """Update the creator skill in a folder of skills, and note how that went."""
    folder = parent / CREATOR
    done[parent] = None
    try:
        refuse_newer(folder)
        parts = _around(render_creator(), folder, CREATOR)
        return _written(_NewSkill(folder, {}, Options(), parts), dry_run=dry_run)
    except FalError as error:
        done[parent] = error
        return UpdatedSkill(folder, {}, error=error)


def _around(entries: Sequence[Entry], folder: Path, subject: str) -> AroundEdits:
    check_target(folder, subject, force=False)
    parts = around_edits(entries, folder)
    for place in {(folder / path).parent for path in parts.files}:
        if place.is_dir() and not os.access(place, os.W_OK):
            raise TargetError("local_trouble", f"{place} is read-only. Nothing was written")
    return parts


def _written(skill: _NewSkill, *, dry_run: bool) -> UpdatedSkill:
    parts = skill.parts
    warnings = skill.warnings if parts.files else ()
    if parts.files and not dry_run:
        write(parts.entries, skill.folder, parts.drift)
        # The user's own settings were made for what the model took before.
        written, _ = read_folder(skill.folder)
        refused = check_defaults(written, Path())
        warnings += tuple(f"{one.path}: {one.message}: mend it, no call goes" for one in refused)
    return UpdatedSkill(
        skill.folder,
        skill.models,
        skill.changes,
        parts.files,
        parts.retired,
        parts.edits,
        warnings,
        _diff(skill) if dry_run else (),
    )


def _diff(skill: _NewSkill) -> tuple[str, ...]:
    """Return the lines that would change; beside an edited file, those that differ from it."""
    entries = {one.path: one for one in skill.parts.entries}
    lines: list[str] = []
    for path in skill.parts.files:
        if path == PROVENANCE:
            continue
        entry = entries[path]
        if isinstance(entry, File):
            now = path.with_suffix("") if path.suffix == NEW else path
            before, after = _text(skill.folder / now), entry.content.decode()
            changed = unified_diff(
                before.splitlines(), after.splitlines(), str(now), str(path), lineterm=""
            )
            lines += changed
        else:
            lines.append(f"link {path} -> {entry.target}")
    lines += [f"removed {path}" for path in skill.parts.retired]
    more = len(lines) - LONGEST_DIFF
    return (*islice(lines, LONGEST_DIFF), *([f"... and {more} lines more"] if more > 0 else []))


def _text(place: Path) -> str:
    """Return what stands in a plain file, nothing where something else stands there."""
    if place.is_symlink() or not place.is_file():
        return ""
    return place.read_bytes().decode(errors="replace")


def _documents_of(
    skills: Sequence[Installed], source: SearchableSource
) -> Iterator[tuple[Installed, dict[str, Documents | FalError]]]:
    """Yield each skill with the documents of its models, by short name, as soon as all are there.

    A model of several skills is one question.
    """
    waiting: dict[str, list[int]] = {}
    for number, one in enumerate(skills):
        for model_id in dict.fromkeys(one.model_ids.values()):
            waiting.setdefault(model_id, []).append(number)
    found: dict[int, dict[str, Documents | FalError]] = {}
    for model_id, documents in source.each(list(waiting)):
        for number in waiting[model_id]:
            models = skills[number].models
            known = found.setdefault(number, {})
            known |= {name: documents for name, one in models.items() if one.id == model_id}
            if len(known) == len(models):
                yield skills[number], {name: known[name] for name in models}
                del found[number]


def _absolute(folder: Path) -> Path:
    """Return where a skill stands by its own name, whatever it was called; links are kept."""
    return Path(os.path.abspath(folder))  # noqa: PTH100


def _checked(
    skill: Installed, documents: Mapping[str, Documents | FalError], *, knows_all: bool
) -> CheckedSkill:
    """Return what changed; `knows_all` of a source that a model is gone from where it lacks it."""
    provenance = read_provenance(skill.folder)
    if provenance is not None and provenance.interrupted:
        message = "has a skill that was written in part: falsmith update completes it"
        return CheckedSkill(skill, "stale", (Change("breaking", "model", "", message),))
    found: list[Change] = []
    errors = []
    for name, one in documents.items():
        try:
            if not isinstance(one, FalError):
                found += _changes(skill, name, one)
            elif knows_all and isinstance(one, ModelNotFoundError):
                # Only the platform knows that a model is gone.
                found.append(Change("breaking", "model", "", "is gone from fal", name))
            else:
                errors.append(one)
        except FalError as error:
            errors.append(error)
    if not (found or errors):
        found += _reworded(skill, documents)
    found.sort(key=lambda change: CLASSES.index(change.kind))
    status: Status = "stale" if found else "unknown" if errors else "fresh"
    return CheckedSkill(skill, status, tuple(found), next(iter(errors), None))


def _changes(skill: Installed, name: str, documents: Documents) -> list[Change]:
    """Return what changed in the document of one of a skill's models."""
    if skill.models[name].sha256 == source_digest(documents):
        return []
    folder = skill.folder / model_folder(name)
    # A document saved by itself comes without the list's metadata.
    model = parse(documents, name=_absolute(skill.folder).name)
    after = _as_parsed(model, bool(documents.metadata))
    return [replace(one, model=name) for one in changes(_as_written(folder), after)]


def _as_written(folder: Path) -> Interface:
    """Return the interface that a skill was made for; raises DocumentError for a broken file."""
    known = _object(folder / MODEL_CONFIG).get("input_schema_known") is not False
    return Interface(
        _object(folder / "input.schema.json") if known else None,
        _object(folder / "output.schema.json"),
        _shown(folder),
    )


def _shown(folder: Path) -> dict[str, str]:
    """Return what lists showed of the model when the skill was made."""
    config = _object(folder / MODEL_CONFIG)
    return {name: config[name] for name in SHOWN if isinstance(config.get(name), str)}


def _listed(folder: Path, name: str, model_id: str) -> dict[str, str]:
    """Return what stands for the list's metadata beside a document that was saved by itself.

    A title is told with what it leaves out of the ID: as listed, it has the words before that.
    Where the user deleted it, nothing does.
    """
    place = folder / model_folder(name)
    shown = _shown(place) if (place / MODEL_CONFIG).exists() else {}
    words = shown.pop("display_name", "").split()
    starts = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    title = next((one for one in starts if full_title(one, model_id) == " ".join(words)), "")
    return shown | {"display_name": title}


def _as_parsed(model: Model, has_metadata: bool) -> Interface:
    shown = {"display_name": model.display_name, "category": model.category}
    return Interface(
        model.input_schema if model.input_is_known else None,
        model.output_schema,
        shown if has_metadata else {},
    )


def _reworded(skill: Installed, documents: Mapping[str, Documents | FalError]) -> list[Change]:
    """Return a change where the same skill, made anew by the same falsmith, says something else."""
    folder = _absolute(skill.folder)
    options = made_with(folder, skill.model_id, skill.options)
    models = {name: one for name, one in documents.items() if isinstance(one, Documents)}
    same = all(skill.models[name].sha256 == source_digest(one) for name, one in models.items())
    listed = all(one.metadata for one in models.values())
    if same or options is None or skill.version != __version__ or not listed:
        return []
    made = generate(skill_documents(models, skill.default), options, folder.parent, action="check")
    texts = [str(one.path) for one in made.drift if one.kind == "stale" and one.path != PROVENANCE]
    message = f"would have other words in {', '.join(texts)}"
    return [Change("cosmetic", "model", "", message)] if texts else []


def _object(place: Path) -> Mapping[str, Json]:
    """Return the JSON object in a file of a skill; raises DocumentError where there is none."""
    try:
        value = load_json(place.read_bytes(), str(place))
    except OSError as error:
        raise DocumentError(f"{place} cannot be read: {error.strerror}") from None
    if not isinstance(value, dict):
        raise DocumentError(f"{place} holds no JSON object")
    return value
