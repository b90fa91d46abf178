"""What of an edited skill stays when it is made anew: the user's files, the user's settings."""

import json
import os
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from fal_runtime.errors import FalError
from fal_runtime.settings import Settings, load_settings
from fal_runtime.yaml_file import YamlTextError, read_nodes
from falsmith import __version__
from falsmith.errors import TargetError
from falsmith.filters import json_file
from falsmith.skill.ownership import SETTINGS, Drift, compare, owner
from falsmith.skill.provenance import NEW, PROVENANCE, Provenance, read_provenance
from falsmith.skill.tree import Entry, File, NoFile, content_at, digest

__all__ = ["AroundEdits", "Edit", "around_edits"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that the user edited and that stays.

    `new` is the file beside it with what falsmith would write there, None where there is nothing
    that the user has not seen yet; `gained` are the settings that are added to it.
    """

    path: PurePosixPath
    new: PurePosixPath | None = None
    gained: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AroundEdits:
    """The entries that can be written without the loss of an edit, and how the folder differs.

    `retired` is falsmith's own and goes, because it is no longer generated; `outdated` tells that
    the record is of another version, or of a write that was interrupted.
    """

    entries: tuple[Entry, ...]
    drift: tuple[Drift, ...]
    edits: tuple[Edit, ...]
    retired: tuple[PurePosixPath, ...]
    outdated: bool

    @property
    def files(self) -> tuple[PurePosixPath, ...]:
        """What is to be written: not the record alone, for a document that reads the same."""
        different = tuple(one.path for one in self.drift if one.kind != "extra")
        needed = self.retired or self.outdated or set(different) - {PROVENANCE}
        return different if needed else ()


def around_edits(entries: Sequence[Entry], folder: Path) -> AroundEdits:
    """Return the entries with those moved beside that would replace what the user edited.

    What falsmith would write stands in the provenance for both, so that an edited file stays known
    as one, and is put beside it once: not again after the user has removed it.

    Raises:
        TargetError: A file cannot be read, or something that is not falsmith's stands where a file
            or a folder has to.

    """
    provenance = read_provenance(folder) or Provenance("", "", {}, {})
    edited = {one.path for one in compare(entries, folder) if one.kind == "edited"}
    _refuse_outside(edited, folder)
    here: list[Entry] = []
    beside: list[File] = []
    edits: list[Edit] = []
    for entry in entries[:-1]:
        mine = entry.path in edited
        if isinstance(entry, File) and entry.path == SETTINGS and not mine:
            mine = owner(folder, SETTINGS, provenance) == "edited"
            merged = _merged(entry, folder, provenance) if mine else None
            if merged is not None:
                settings, gained = merged
                edits += [Edit(SETTINGS, gained=gained)] if gained else []
                here.append(settings)
                continue
        if not mine:
            here.append(entry)
            continue
        new = _beside(entry, folder, provenance)
        beside += [new] if new is not None else []
        edits.append(Edit(entry.path, new.path if new is not None else None))
    kept = (*here, *beside, _recorded(entries[-1], beside))
    drift = compare(kept, folder)
    if any(edit.gained for edit in edits):
        # Where nothing is added to them, settings that were edited are no difference.
        drift = sorted([*drift, Drift("stale", SETTINGS)], key=lambda one: str(one.path))
    retired = []
    for path in map(PurePosixPath, provenance.contents.keys() - {str(one.path) for one in kept}):
        if path == PROVENANCE or path in edited:
            continue
        match owner(folder, path, provenance):
            case "ours":
                retired.append(path)
            case "edited" if path != SETTINGS:
                edits.append(Edit(path))
    return AroundEdits(
        kept,
        tuple(drift),
        tuple(sorted(edits, key=lambda edit: str(edit.path))),
        tuple(sorted(retired)),
        provenance.interrupted or provenance.version != __version__,
    )


def _refuse_outside(edited: Set[PurePosixPath], folder: Path) -> None:
    """Refuse a link or a file in the place of a folder: nothing can be put beside what it hides."""
    hidden = [one for one in sorted(edited) if content_at(folder, one) is NoFile.OUTSIDE]
    if hidden:
        raise TargetError(
            "edited",
            f"a link or a file stands in the place of a folder of {folder}, on the way to "
            f"{hidden[0]}. Nothing was written. Move it away and run the same command again.",
        )


def _beside(entry: Entry, folder: Path, provenance: Provenance) -> File | None:
    """Return the file that shows the user what an edited one would be, None where it is known.

    It is news until falsmith has written it once; then it stays until the user has removed it.
    """
    if not isinstance(entry, File):
        return None
    new = entry.path.with_name(entry.path.name + NEW)
    listed = str(new) in provenance.contents
    stands = owner(folder, new, provenance) == "ours"
    if not _is_news(entry, provenance) and not (listed and (stands or provenance.interrupted)):
        return None
    if owner(folder, new, provenance) in ("edited", "added") and content_at(folder, new) != digest(
        entry.content
    ):
        raise TargetError(
            "edited",
            f"{new} in {folder} is your own or was edited, and a new version of {entry.path} has "
            "to stand there. Nothing was written. Move it away and run the same command again.",
        )
    return File(new, entry.content)


def _is_news(file: File, provenance: Provenance) -> bool:
    return digest(file.content) not in provenance.contents.get(str(file.path), ())


def _merged(
    template: File, folder: Path, provenance: Provenance
) -> tuple[File, tuple[str, ...]] | None:
    """Return the user's settings, and after them the names of those that they gain.

    A setting that is added has the value that holds without it: a skill behaves as before. Returns
    None where they are no plain file of valid settings to which lines can be added.
    """
    place = folder / SETTINGS
    if os.path.islink(place):  # noqa: PTH114 - never raises
        return None
    try:
        load_settings(folder, {})
        text = place.read_bytes().decode()
        there = _names(text)
        # Of a write that was killed the record has what was there and what was to come.
        unsettled = len(provenance.contents.get(str(SETTINGS), ())) > 1
        if not (_is_news(template, provenance) or unsettled):
            return template, ()
        default = template.content.decode()
        lines = default.splitlines()
        gained = {name: line for name, line in _names(default).items() if name not in there}
        merged = text if text.endswith("\n") or not text else f"{text}\n"
        for name, line in gained.items():
            comment = line
            while comment and lines[comment - 1].startswith("#"):
                comment -= 1
            value = json.dumps(getattr(Settings(), name))
            merged += "\n".join(["", *lines[comment:line], f"{name}: {value}", ""])
        if list(_names(merged)) != [*there, *gained]:
            return None
    except (FalError, YamlTextError, UnicodeDecodeError, OSError):
        return None
    return replace(template, content=merged.encode()), tuple(gained)


def _names(text: str) -> dict[str, int]:
    """Return the settings that a text names, each with its line, counted from 0."""
    node = read_nodes(text)
    return {key.value: key.start_mark.line for key, _ in node.value} if node is not None else {}


def _recorded(provenance: Entry, beside: Sequence[File]) -> File:
    """Return the provenance, which names the files beside the edited ones as well."""
    assert isinstance(provenance, File)
    if not beside:
        return provenance
    record = json.loads(provenance.content)
    record["files"] |= {str(file.path): digest(file.content) for file in beside}
    return replace(provenance, content=f"{json_file(record)}\n".encode())
