"""Whether skills still say what the documents of their models say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fal_runtime.errors import FalError
from falsmith import __version__
from falsmith.documents import Documents, Json, load_json
from falsmith.drift import Change, Interface, changes
from falsmith.errors import DocumentError, ModelNotFoundError
from falsmith.generate import generate
from falsmith.model import Model
from falsmith.parse import parse, source_digest
from falsmith.render import recorded_options
from falsmith.skill.installed import Installed
from falsmith.skill.provenance import PROVENANCE
from falsmith.sources import Catalogue, Live

__all__ = ["Checked", "check"]

Status = Literal["fresh", "stale", "unknown"]
SHOWN = ("display_name", "category")


@dataclass(frozen=True, slots=True)
class Checked:
    """One skill beside the document of its model: the gravest change first; or why nobody knows."""

    skill: Installed
    status: Status
    changes: tuple[Change, ...] = ()
    error: FalError | None = None


def check(skills: Sequence[Installed], source: Catalogue) -> Iterator[Checked]:
    """Yield each skill with what changed in its model's document since it was made.

    Skills of one model are one question to the source. The creator skill has no document and is
    left out. A document that differs only in what a skill does not say leaves it fresh.

    Raises:
        FalError: The source cannot answer at all.

    """
    by_model: dict[str, list[Installed]] = {}
    for one in skills:
        if one.model_id is not None:
            by_model.setdefault(one.model_id, []).append(one)
    for model_id, documents in source.each(list(by_model)):
        for one in by_model[model_id]:
            if isinstance(documents, FalError):
                yield _without_document(one, documents, is_gone=isinstance(source, Live))
            else:
                yield _checked(one, documents)


def _without_document(skill: Installed, error: FalError, *, is_gone: bool) -> Checked:
    """Return what a missing document means: only the platform knows that a model is gone."""
    if is_gone and isinstance(error, ModelNotFoundError):
        return Checked(skill, "stale", (Change("breaking", "model", "", "is gone from fal"),))
    return Checked(skill, "unknown", error=error)


def _checked(skill: Installed, documents: Documents) -> Checked:
    try:
        if _recorded_digest(skill.folder) == source_digest(documents):
            return Checked(skill, "fresh")
        before = _as_written(skill.folder)
        # A document saved by itself comes without the list's metadata.
        after = _as_parsed(parse(documents, name=skill.folder.name), bool(documents.metadata))
        found = changes(before, after) or _reworded(skill, documents)
    except FalError as error:
        return Checked(skill, "unknown", error=error)
    return Checked(skill, "stale" if found else "fresh", found)


def _recorded_digest(folder: Path) -> Json:
    source = _object(folder, str(PROVENANCE)).get("source")
    return source.get("sha256") if isinstance(source, dict) else None


def _as_written(folder: Path) -> Interface:
    """Return the interface that a skill was made for; raises DocumentError for a broken file."""
    config = _object(folder, "references/model_config.json")
    known = config.get("input_schema_known") is not False
    return Interface(
        _object(folder, "references/input.schema.json") if known else None,
        _object(folder, "references/output.schema.json"),
        {name: config[name] for name in SHOWN if isinstance(config.get(name), str)},
    )


def _as_parsed(model: Model, has_metadata: bool) -> Interface:
    shown = {"display_name": model.display_name, "category": model.category}
    return Interface(
        model.input_schema if model.input_is_known else None,
        model.output_schema,
        shown if has_metadata else {},
    )


def _reworded(skill: Installed, documents: Documents) -> tuple[Change, ...]:
    """Return a change where the same skill, made anew by the same falsmith, says something else."""
    options = recorded_options(skill.options)
    if options is None or skill.version != __version__ or not documents.metadata:
        return ()
    made = generate(documents, options, skill.folder.parent, action="check")
    texts = [str(one.path) for one in made.drift if one.kind == "stale" and one.path != PROVENANCE]
    message = f"would have other words in {', '.join(texts)}"
    return (Change("cosmetic", "model", "", message),) if texts else ()


def _object(folder: Path, path: str) -> Mapping[str, Json]:
    """Return the JSON object in a file of a skill; raises DocumentError where there is none."""
    place = folder / path
    try:
        value = load_json(place.read_bytes(), str(place))
    except OSError as error:
        raise DocumentError(f"{place} cannot be read: {error.strerror}") from None
    if not isinstance(value, dict):
        raise DocumentError(f"{place} holds no JSON object")
    return value
