"""What falsmith wrote into a folder, by its own record there: whose skill it is, which files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from falsmith.documents import Json, load_json
from falsmith.errors import DocumentError

__all__ = ["LINK", "PROVENANCE", "Owned", "owned", "release"]

PROVENANCE = PurePosixPath("references/provenance.json")
# Before the target, where a link stands in the place of a digest.
LINK = "link:"


@dataclass(frozen=True, slots=True)
class Owned:
    """What a folder's provenance says: whose skill it is, made by which version, with what in it.

    `subject` is a model ID, or the name of a skill that is of no model; `states` are the digests
    of the files and the targets of the links that falsmith wrote; `options` is what it was made
    with, as it stands there.
    """

    subject: str
    version: str
    states: Mapping[str, frozenset[str]]
    options: Mapping[str, Json]


def owned(folder: Path) -> Owned | None:
    """Return what the provenance of `folder` says, or None where there is none to be read."""
    try:
        told = load_json((folder / PROVENANCE).read_bytes(), PROVENANCE.name)
    except (OSError, DocumentError):
        return None
    subject = told.get("model_id", told.get("skill")) if isinstance(told, dict) else None
    if not isinstance(subject, str):
        return None
    states: dict[str, frozenset[str]] = {}
    for key, prefix in (("files", ""), ("writing", ""), ("links", LINK)):
        for path, value in _texts(told.get(key)):
            states[path] = states.get(path, frozenset()) | {prefix + value}
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


def _texts(value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        listed = ((k, v if isinstance(v, list) else [v]) for k, v in value.items())
        yield from ((k, one) for k, several in listed for one in several if isinstance(one, str))
