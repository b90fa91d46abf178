"""What falsmith wrote into a folder, by its own record there: whose skill it is, which files."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from falsmith.documents import Json, load_json
from falsmith.errors import DocumentError

__all__ = ["LINK", "PROVENANCE", "Owned", "owned", "release"]

PROVENANCE = PurePosixPath("references/provenance.json")
# Before the target, where a link stands in the place of a digest.
LINK = "link:"
# What JSON can say and no name of a file can hold: NUL, and half a character.
NO_NAME = re.compile(r"[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Owned:
    """What a folder's provenance says: whose skill it is, made by which version, with what in it.

    `subject` is a model ID, or the name of a skill that is of no model; `states` are the digests
    of the files and the targets of the links that falsmith wrote, and of the files that a copy
    without links has put in a link's place; `options` is what it was made with, as it stands there.
    """

    subject: str
    version: str
    states: Mapping[str, frozenset[str]]
    options: Mapping[str, Json]


def owned(folder: Path) -> Owned | None:
    """Return what the provenance of `folder` says, or None where there is none to be read."""
    told = _record(folder)
    subject = told.get("model_id", told.get("skill"))
    if not isinstance(subject, str):
        return None
    states = _states(told)
    for path, target in _texts(told.get("links")):
        for copied, known in _copied(folder, PurePosixPath(path), PurePosixPath(target)):
            states[copied] = states.get(copied, frozenset()) | known
    options = told.get("options")
    return Owned(
        subject,
        str(told.get("falsmith", "")),
        states,
        options if isinstance(options, dict) else {},
    )


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which an older one is told from a newer one."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _record(folder: Path) -> Mapping[str, Json]:
    """Return the provenance of `folder`, empty where there is none to be read."""
    try:
        told = load_json((folder / PROVENANCE).read_bytes(), PROVENANCE.name)
    except (OSError, DocumentError):
        return {}
    return told if isinstance(told, dict) else {}


def _states(told: Mapping[str, Json]) -> dict[str, frozenset[str]]:
    states: dict[str, frozenset[str]] = {}
    for key, prefix in (("files", ""), ("writing", ""), ("links", LINK)):
        for path, value in _texts(told.get(key)):
            states[path] = states.get(path, frozenset()) | {prefix + value}
    return states


def _copied(
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
    led = PurePosixPath(*beside[1:])
    for path, known in _states(_record(folder.parent / beside[0])).items():
        if PurePosixPath(path).is_relative_to(led):
            yield str(link / PurePosixPath(path).relative_to(led)), known


def _texts(value: Json) -> Iterator[tuple[str, str]]:
    """Yield each name and its text, or texts, but for those that no file can have."""
    if isinstance(value, dict):
        listed = ((k, v if isinstance(v, list) else [v]) for k, v in value.items())
        pairs = ((k, one) for k, several in listed for one in several if isinstance(one, str))
        yield from (pair for pair in pairs if not NO_NAME.search("".join(pair)))
