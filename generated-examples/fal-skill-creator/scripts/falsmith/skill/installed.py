"""The skills that falsmith wrote into folders: what each is, and whether it still is that."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Literal

from fal_runtime.errors import UsageError
from falsmith import __version__
from falsmith.errors import TargetError
from falsmith.skill.provenance import LINK, PROVENANCE, Owned, owned, release
from falsmith.skill.tree import TEMPORARY, link_on_the_way, state_of

__all__ = ["Freshness", "Installed", "find", "is_as_written", "is_path", "linked_by", "locate"]

Freshness = Literal[
    "current", "older version", "newer version", "edited", "incomplete", "broken link"
]


@dataclass(frozen=True, slots=True)
class Installed:
    """One skill of falsmith: its record, and where its folder departs from it.

    `model_id` is None for the creator skill, `mode` where the record has none.
    """

    folder: Path
    model_id: str | None
    mode: str | None
    lazy: bool
    version: str
    edited: tuple[PurePosixPath, ...]
    missing: tuple[PurePosixPath, ...]
    broken_links: tuple[PurePosixPath, ...]

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
        newer = release(self.version) > release(__version__)
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
    """Tell whether a skill is named by a path rather than by its name."""
    return skill in (".", "..") or Path(skill).name != skill


def is_as_written(folder: Path, path: PurePosixPath, before: Owned) -> bool:
    """Tell whether the file or link at `path` in `folder` is what the record says of it."""
    place = folder / path
    if not (place.is_symlink() or place.is_file()):
        return False
    return state_of(place) in before.states.get(str(path), ())


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
    if owned(folder) is not None:
        yield folder
        return
    try:
        yield from _children(folder)
    except TargetError as error:
        yield error


def _children(folder: Path) -> list[Path]:
    """Return the folders, and the links to folders, in `folder`; none where there is no folder."""
    try:
        named = (place for place in folder.iterdir() if not place.name.startswith(TEMPORARY))
        return sorted(place for place in named if place.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: Path, error: OSError) -> TargetError:
    return TargetError("local_trouble", f"cannot read {folder}: {error.strerror or error}")


def _inspect(folder: Path) -> Installed | TargetError | None:
    before = owned(folder)
    if before is None:
        return _closed(folder)
    found: dict[str, list[PurePosixPath]] = {"edited": [], "missing": [], "broken link": []}
    try:
        for path in sorted(map(PurePosixPath, before.states)):
            found.get(_condition(folder, path, before), []).append(path)
    except TargetError as error:
        return error
    except OSError as error:
        return _unreadable(folder, error)
    mode = before.options.get("mode")
    return Installed(
        folder,
        # Only what is made for a model is made with options.
        before.subject if before.options else None,
        mode if isinstance(mode, str) else None,
        before.options.get("lazy") is True,
        before.version,
        *map(tuple, found.values()),
    )


def _closed(folder: Path) -> TargetError | None:
    """Return the error of a folder whose record may be there and cannot be read."""
    for place in (folder, folder / PROVENANCE):
        if os.path.lexists(place) and not os.access(place, os.R_OK):
            return TargetError("local_trouble", f"cannot read {place}: Permission denied")
    return None


def _condition(folder: Path, path: PurePosixPath, before: Owned) -> str:
    if path.is_absolute() or ".." in path.parts or link_on_the_way(folder, path) is not None:
        return "edited"
    place = folder / path
    if not os.path.lexists(place):
        return "missing"
    if _is_unpacked(place, path, before):
        return "as written"
    if not is_as_written(folder, path, before):
        return "edited"
    return "broken link" if place.is_symlink() and not os.access(place, os.R_OK) else "as written"


def _is_unpacked(place: Path, path: PurePosixPath, before: Owned) -> bool:
    """Tell whether copies stand in a link's place, of which each is known by itself."""
    if place.is_symlink() or not place.is_dir():
        return False
    return any(path in PurePosixPath(each).parents for each in before.states)


def _leads_into(skill: Path, folder: Path) -> bool:
    before = owned(skill)
    states = before.states.items() if before is not None else ()
    recorded = (path for path, known in states if any(one.startswith(LINK) for one in known))
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
    return f"no skill {skill[:80]!r} stands in {_listed(folders)}; {hint}"


def _listed(folders: Iterable[Path]) -> str:
    return ", ".join(map(str, folders))
