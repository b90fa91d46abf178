"""The record in a skill's folder of what falsmith wrote there: for whom, how, and which files."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from falsmith.documents import Json, load_json
from falsmith.errors import DocumentError
from falsmith.names import is_short_name
from falsmith.skill.tree import LINK

__all__ = [
    "NEW",
    "PROVENANCE",
    "Provenance",
    "RecordedModel",
    "collection_subject",
    "is_collection",
    "is_damaged",
    "read_provenance",
    "version_tuple",
]

PROVENANCE = PurePosixPath("references/provenance.json")
COLLECTION = "collection "
# Ends the name of a file that falsmith put beside one that the user edited: to read and remove.
NEW = ".new"
# What JSON can say and no name of a file can hold: NUL, and half a character.
NO_NAME = re.compile(r"[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """A model of a skill, and the digest of the document that it was made from."""

    id: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """The record of one folder, and what it implies where a copy without links was made.

    `subject` is a model ID, the name of a skill that is of no model, or tells which collection it
    is; `models` are those of a collection by their short names, and that of any other skill by '';
    `default` is the one of a collection that is called where none is named. `contents` are, by
    path, what falsmith may have left there, in the terms of `content_at`: several after a write
    that was cut short. `options` is what the skill was made with, as it stands in the record;
    `interrupted` tells that a write was.
    """

    subject: str
    version: str
    contents: Mapping[str, frozenset[str]]
    options: Mapping[str, Json]
    interrupted: bool = False
    models: Mapping[str, RecordedModel] = field(default_factory=dict)
    default: str | None = None

    @property
    def label(self) -> str:
        """What the skill is, in words: `skill of fal-ai/flux/dev`, `collection voices`."""
        return self.subject if is_collection(self.subject) else f"skill of {self.subject}"


def read_provenance(folder: Path) -> Provenance | None:
    """Return the provenance of `folder`, None where there is none that can be read."""
    record = _record(folder)
    models = dict(_models(record))
    if "collection" not in record:
        subject = record.get("model_id", record.get("skill"))
    elif models and models.keys() == record["models"].keys():
        # A folder that was renamed, with all that is in it, is the collection of that name.
        subject = collection_subject(Path(os.path.abspath(folder)).name)  # noqa: PTH100
    else:
        subject = None
    if not isinstance(subject, str):
        return None
    contents = _contents(record)
    for path, target in _texts(record.get("links")):
        copies = dict(_copies(folder, PurePosixPath(path), PurePosixPath(target)))
        if copies and path not in copies:
            del contents[path]
        for copy, known in copies.items():
            contents[copy] = contents.get(copy, frozenset()) | known
    options = record.get("options")
    return Provenance(
        subject,
        str(record.get("falsmith", "")),
        contents,
        options if isinstance(options, dict) else {},
        interrupted="writing" in record,
        models=models,
        default=next((name for name in models if name == record.get("default")), None),
    )


def is_damaged(folder: Path) -> bool:
    """Return whether falsmith's record of `folder` does not say any more of what the skill is."""
    return "falsmith" in _record(folder) and read_provenance(folder) is None


def collection_subject(name: str) -> str:
    """Return the subject of a collection's provenance, which no model ID can be."""
    return f"{COLLECTION}{name}"


def is_collection(subject: str) -> bool:
    """Return whether a provenance is a collection's."""
    return subject.startswith(COLLECTION)


def _models(record: Mapping[str, Json]) -> Iterator[tuple[str, RecordedModel]]:
    """Yield each model that a record names as it has to, with its short name."""
    match record:
        case {"collection": str(), "models": dict(models)}:
            for name, one in models.items():
                match one:
                    case {"model_id": str(model_id)} if is_short_name(name):
                        yield name, RecordedModel(model_id, _digest(one))
        case {"model_id": str(model_id)}:
            yield "", RecordedModel(model_id, _digest(record.get("source")))


def _digest(source: Json) -> str | None:
    match source:
        case {"sha256": str(digest)}:
            return digest
    return None


def version_tuple(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, in the order of which versions follow one another."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _record(folder: Path) -> Mapping[str, Json]:
    """Return what provenance.json holds, nothing where there is no such file or no JSON in it."""
    place = folder / PROVENANCE
    try:
        # A pipe of this name would be waited for without end.
        record = load_json(place.read_bytes(), PROVENANCE.name) if place.is_file() else None
    except (OSError, DocumentError):
        return {}
    return record if isinstance(record, dict) else {}


def _contents(record: Mapping[str, Json]) -> dict[str, frozenset[str]]:
    contents: dict[str, frozenset[str]] = {}
    for key, prefix in (("files", ""), ("writing", ""), ("links", LINK)):
        for path, value in _texts(record.get(key)):
            contents[path] = contents.get(path, frozenset()) | {prefix + value}
    return contents


def _copies(
    folder: Path, link: PurePosixPath, target: PurePosixPath
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what the skill beside `folder`, to which `link` led, records of what it led to.

    Only where something else stands in the link's place, as after `cp -L`.
    """
    up, beside = target.parts[: len(link.parts)], target.parts[len(link.parts) :]
    place = folder / link
    # Neither raises, whatever a record that came from elsewhere may hold.
    if os.path.islink(place) or not os.path.lexists(place):  # noqa: PTH114
        return
    if set(up) != {".."} or not beside or ".." in beside:
        return
    source = PurePosixPath(*beside[1:])
    for path, known in _contents(_record(folder.parent / beside[0])).items():
        if PurePosixPath(path).is_relative_to(source):
            yield str(link / PurePosixPath(path).relative_to(source)), known


def _texts(value: Json) -> Iterator[tuple[str, str]]:
    """Yield each name and its text, or texts, but for those that no file can have."""
    if isinstance(value, dict):
        listed = ((k, v if isinstance(v, list) else [v]) for k, v in value.items())
        pairs = ((k, one) for k, several in listed for one in several if isinstance(one, str))
        yield from (pair for pair in pairs if not NO_NAME.search("".join(pair)))
