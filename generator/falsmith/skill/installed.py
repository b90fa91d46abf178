"""The skills that falsmith wrote into folders: what each is, and whether it still is that."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.errors import UsageError
from falsmith import __version__
from falsmith.documents import Json
from falsmith.errors import TargetError
from falsmith.skill.ownership import owner
from falsmith.skill.provenance import (
    NEW,
    PROVENANCE,
    RecordedModel,
    is_damaged,
    read_provenance,
    version_tuple,
)
from falsmith.skill.tree import LINK, is_temporary

__all__ = ["Freshness", "Installed", "find", "is_path", "linked_by", "locate"]

Freshness = Literal[
    "current", "older version", "newer version", "edited", "incomplete", "broken link"
]


@dataclass(frozen=True, slots=True)
class Installed:
    """One skill of falsmith: its provenance, and where its folder departs from it.

    `models` are those of a collection by their short names, and that of any other skill by ''; the
    creator skill has none. `default` and `options` stand as they are recorded. `unmerged` are the
    new versions of edited files that the user has not removed yet.
    """

    folder: Path
    models: Mapping[str, RecordedModel]
    default: str | None
    options: Mapping[str, Json]
    version: str
    edited: tuple[PurePosixPath, ...]
    missing: tuple[PurePosixPath, ...]
    broken_links: tuple[PurePosixPath, ...]
    unmerged: tuple[PurePosixPath, ...]

    @property
    def model_id(self) -> str | None:
        """The model that has the skill to itself, None where there is no such one."""
        return self.models[""].id if "" in self.models else None

    @property
    def model_ids(self) -> Mapping[str, str]:
        """The IDs of its models, by short names as `models`."""
        return {name: model.id for name, model in self.models.items()}

    @property
    def mode(self) -> str | None:
        """How the skill came by its runtime, None where that is not recorded."""
        mode = self.options.get("mode")
        return mode if isinstance(mode, str) else None

    @property
    def lazy(self) -> bool:
        """Whether it has the short SKILL.md."""
        return self.options.get("lazy") is True

    @property
    def freshness(self) -> Freshness:
        """What most keeps the skill from being current."""
        if self.broken_links:
            return "broken link"
        if self.missing:
            return "incomplete"
        if self.edited:
            return "edited"
        if self.version == __version__:
            return "current"
        newer = version_tuple(self.version) > version_tuple(__version__)
        return "newer version" if newer else "older version"


def find(folders: Iterable[Path]) -> Iterator[Installed | TargetError]:
    """Yield each skill of falsmith in `folders`, or below them at one level, sorted in each.

    A skill that several folders reach by links comes once. An error stands for each place that
    cannot be read; the others still come.
    """
    seen: set[str] = set()
    for place in chain.from_iterable(map(_candidates, folders)):
        if isinstance(place, TargetError):
            yield place
        elif (real := os.path.realpath(place)) not in seen:
            seen.add(real)
            found = _inspect(place)
            if found is not None:
                yield found


def locate(skill: str, folders: Sequence[Path]) -> Path:
    """Return the folder that a skill's name stands for in `folders`; a path stands for itself.

    Raises:
        UsageError: Nothing, or more than one place, is meant.

    """
    places = [Path(skill)] if is_path(skill) else [each / skill for each in folders]
    there = [place for place in places if skill and os.path.lexists(place)]
    if len(there) == 1:
        return _without_dots(there[0])
    if there:
        raise UsageError(
            "usage",
            f"{skill} stands in {_listed(place.parent for place in there)}: choose one with "
            "--output or --agent, or give its path",
        )
    if is_path(skill):
        raise UsageError("usage", f"there is nothing at {skill}: `falsmith list` lists the skills")
    raise UsageError("usage", _nothing(skill, folders))


def is_path(skill: str) -> bool:
    """Return whether a skill is named by a path rather than by its name."""
    return skill in (".", "..") or Path(skill).name != skill


def linked_by(folder: Path) -> list[str]:
    """Return the names of the skills beside `folder` that use what is in it through links."""
    beside = (place for place in _children(folder.parent) if place.name != folder.name)
    return [place.name for place in beside if not place.is_symlink() and _leads_into(place, folder)]


def _without_dots(place: Path) -> Path:
    """Return `place` without "..", as the system reads it; a link at its end stays a link."""
    path = place.absolute()
    if ".." not in path.parts:
        return path
    return path.resolve() if path.name == ".." else path.parent.resolve() / path.name


def _candidates(folder: Path) -> Iterator[Path | TargetError]:
    if read_provenance(folder) is not None or is_damaged(folder):
        yield folder
        return
    try:
        yield from _children(folder)
    except TargetError as error:
        yield error


def _children(folder: Path) -> list[Path]:
    """Return the folders, and the links to folders, in `folder`; none where there is no folder."""
    try:
        named = (place for place in folder.iterdir() if not is_temporary(place.name))
        return sorted(place for place in named if place.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        message = f"cannot read {folder}: {error.strerror or error}"
        raise TargetError("local_trouble", message) from error


def _inspect(folder: Path) -> Installed | TargetError | None:
    provenance = read_provenance(folder)
    if provenance is None:
        return _closed(folder)
    paths = sorted(map(PurePosixPath, provenance.contents))
    edited, missing, broken = [], [], []
    try:
        for path in paths:
            match owner(folder, path, provenance):
                case "missing" if path.suffix != NEW:
                    missing.append(path)
                case "edited":
                    edited.append(path)
                case "ours" if (
                    not os.access(folder / path, os.R_OK) and (folder / path).is_symlink()
                ):
                    broken.append(path)
    except TargetError as error:
        return error
    return Installed(
        folder,
        provenance.models,
        provenance.default,
        provenance.options,
        provenance.version,
        tuple(edited),
        tuple(missing),
        tuple(broken),
        tuple(path for path in paths if path.suffix == NEW and os.path.lexists(folder / path)),
    )


def _closed(folder: Path) -> TargetError | None:
    """Return the error of a folder whose provenance may be there and cannot be read, or is hurt."""
    for place in (folder, folder / PROVENANCE):
        if os.path.lexists(place) and not os.access(place, os.R_OK):
            return TargetError("local_trouble", f"cannot read {place}: Permission denied")
    if is_damaged(folder):
        message = "does not say any more of what the skill is: generate it again, with --force"
        return TargetError("problems_found", f"{folder / PROVENANCE} {message}")
    return None


def _leads_into(skill: Path, folder: Path) -> bool:
    provenance = read_provenance(skill)
    contents = provenance.contents.items() if provenance is not None else ()
    recorded = (path for path, known in contents if any(one.startswith(LINK) for one in known))
    inside = Path(os.path.realpath(folder))
    return any(_target(skill / path).is_relative_to(inside) for path in recorded)


def _target(link: Path) -> Path:
    """Return where a link leads by its own text; the place itself where there is no link."""
    leads = link.readlink() if os.path.islink(link) else link.name  # noqa: PTH114 - never raises
    return Path(os.path.normpath(os.path.join(os.path.realpath(link.parent), leads)))  # noqa: PTH118


def _nothing(skill: str, folders: Sequence[Path]) -> str:
    names = [one.folder.name for one in find(folders) if isinstance(one, Installed)]
    close = get_close_matches(skill, names, n=3)
    hint = f"close to it: {', '.join(close)}" if close else "`falsmith list` lists the skills"
    return (
        f"no skill {skill[:80]!r} stands in {_listed(folders)}; {hint}, and --output names another "
        "folder"
    )


def _listed(folders: Iterable[Path]) -> str:
    return ", ".join(map(str, folders))
