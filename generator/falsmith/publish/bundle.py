"""From skills' folders to what hosts take: copied, judged as public, packed, read back, written."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fal_runtime.errors import UsageError
from falsmith.errors import TargetError
from falsmith.publish.contents import listing, public_contents
from falsmith.publish.details import Details, check_details
from falsmith.publish.formats import FORMATS, PackedSkill
from falsmith.skill.ownership import compare, user_files
from falsmith.skill.provenance import read_provenance
from falsmith.skill.tree import File
from falsmith.skill.write import write
from falsmith.verify import Finding, verify
from falsmith.verify.record import CREATOR, PROVENANCE

if TYPE_CHECKING:
    import click

__all__ = ["Bundle", "BundleRequest", "JudgedSkill", "bundle", "write_bundle"]

# What hosts give the descriptions of all skills together (anthropics/claude-code#56966, and
# openai/codex: codex-rs/core-skills/src/render.rs): what is over it is dropped without a word.
LISTING_LIMIT = 8_000
LOST = (
    f"leads to nothing of {CREATOR} beside the skill that could be copied: put that there, or "
    "generate the skill again"
)


@dataclass(frozen=True, slots=True)
class BundleRequest:
    """What is asked for: which skills (absolute paths), in which formats, as what, by which rules.

    `handed_on` are the names of the user's own files that go along; `generate` parses the commands
    that the creator skill shows.
    """

    folders: tuple[Path, ...]
    output: Path
    formats: tuple[str, ...]
    details: Details
    handed_on: frozenset[str]
    allow_edited: bool
    generate: "click.Command | None"


@dataclass(frozen=True, slots=True)
class JudgedSkill:
    """One skill and what was found in it; `packed` is None where that is a problem."""

    folder: Path
    found: tuple[Finding, ...]
    packed: PackedSkill | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was asked for, made: files of each format, none where a skill has a problem."""

    judged: tuple[JudgedSkill, ...]
    files: Mapping[str, tuple[File, ...]]
    notes: tuple[str, ...]


def bundle(request: BundleRequest) -> Bundle:
    """Return the bundle of some skills; nothing is written but to a temporary folder.

    Raises:
        UsageError: Something asked for cannot be: it is named before a skill is judged.
        TargetError: A temporary folder cannot be written.

    """
    details = _checked(request)
    judged = tuple(_judged(folder, request) for folder in request.folders)
    packed = (one.packed for one in judged if one.packed is not None)
    skills = sorted(packed, key=lambda one: one.shown.name)
    if len(skills) < len(judged):
        return Bundle(judged, {}, ())
    files = {name: tuple(FORMATS[name].files(skills, details)) for name in request.formats}
    characters = sum(len(f"{one.shown.name} {one.shown.description}") for one in skills)
    crowded = (
        f"the names and descriptions of these {len(skills)} skills have {characters:,} characters; "
        f"hosts give the list of all skills about {LISTING_LIMIT:,} and drop the rest"
    )
    return Bundle(judged, files, (crowded,) if characters > LISTING_LIMIT else ())


def write_bundle(made: Bundle, request: BundleRequest) -> None:
    """Write the files of every format to the output, which is not there yet: whole or not at all.

    One format stands in the output itself, several in folders of their names.

    Raises:
        TargetError: It cannot be written, or does not hold afterwards what was written.

    """
    whole = len(made.files) == 1
    files = [
        file if whole else replace(file, path=PurePosixPath(name) / file.path)
        for name, each in made.files.items()
        for file in each
    ]
    write(files, request.output, compare(files, request.output))
    different = [one for one in compare(files, request.output) if one.kind != "extra"]
    if different:
        shutil.rmtree(request.output)
        raise TargetError(
            "local_trouble",
            f"{different[0].path} in {request.output} was not what had been written: the bundle "
            "was removed. Check the disk, and run again.",
        )


def _checked(request: BundleRequest) -> Details:
    """Return all details of the bundle; refuse what can be refused without a look at files."""
    for folder in request.folders:
        if folder.is_symlink():
            there = os.path.realpath(folder)
            message = f"{folder} is a symbolic link: name the folder that it leads to, {there}"
            raise UsageError("usage", message)
        if read_provenance(folder) is None:
            raise UsageError("usage", _no_skill(folder))
    counts = Counter(folder.name for folder in request.folders)
    for name in (name for name, count in counts.items() if count > 1):
        places = ", ".join(str(one) for one in request.folders if one.name == name)
        raise UsageError("usage", f"one bundle holds one skill {name}: choose one of {places}")
    output = Path(os.path.realpath(request.output))
    if os.path.lexists(request.output):
        raise UsageError(
            "usage", f"{request.output} exists already: remove it, or choose another --output"
        )
    for folder in request.folders:
        if output.is_relative_to(os.path.realpath(folder)):
            raise UsageError("usage", f"{request.output} is inside the skill {folder}")
    own = {Path(path).name for folder in request.folders for path in user_files(folder)}
    for name in sorted(request.handed_on - own):
        raise UsageError("usage", f"no skill here has {name}, which is to go along")
    details = request.details
    if details.name is None and len(request.folders) == 1:
        details = replace(details, name=request.folders[0].name)
    check_details(details, _needed(request.formats))
    return details


def _no_skill(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}: name the folders of skills, such as .claude/skills/*"
    if any(read_provenance(place) is not None for place in folder.iterdir() if place.is_dir()):
        return f"{folder} holds skills and is none: name those that go along, such as {folder}/*"
    return (
        f"{folder} is no skill of falsmith, or its {PROVENANCE} is lost: nobody could say what "
        "its code does. Name the folders of skills, such as .claude/skills/NAME"
    )


def _needed(formats: Sequence[str]) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    for name in formats:
        for detail in FORMATS[name].needs:
            needed.setdefault(detail, []).append(name)
    return needed


def _judged(folder: Path, request: BundleRequest) -> JudgedSkill:
    """Return a skill as it is handed on, and all that is wrong in its folder and in the copy."""
    contents = public_contents(folder, request.handed_on)
    found = {one for one in _verified(folder, request) if one.path not in contents.replaced}
    if contents.lost:
        # What they stand for would be missing in the copy.
        found |= {Finding(link, LOST) for link in contents.lost & contents.replaced}
        return JudgedSkill(folder, tuple(sorted(found)), None)
    with tempfile.TemporaryDirectory(prefix="falsmith-") as place:
        copy = Path(place) / folder.name
        write(contents.files, copy, compare(contents.files, copy))
        found |= set(_verified(copy, request))
        sound = all(one.severity == "notice" for one in found)
        packed = PackedSkill(listing(copy), contents.files) if sound else None
    return JudgedSkill(folder, tuple(sorted(found)), packed)


def _verified(folder: Path, request: BundleRequest) -> Iterator[Finding]:
    """Yield what `verify` finds; what could not be judged is not handed on."""
    for one in verify(
        folder,
        public=True,
        generate=request.generate,
        handed_on=request.handed_on,
        allow_edited=request.allow_edited,
    ):
        yield replace(one, severity="problem") if one.path == PROVENANCE else one
