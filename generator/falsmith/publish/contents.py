"""One skill as it is handed on: copies in the place of links, nothing of its author's own."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from falsmith.filters import json_file
from falsmith.skill.tree import File, digest
from falsmith.verify.folder import read_folder
from falsmith.verify.front_matter import SKILL_FILE, front_matter, read_yaml
from falsmith.verify.openai_yaml import OPENAI_YAML
from falsmith.verify.record import PROVENANCE, listed_links, user_files

__all__ = ["Listing", "PublicContents", "listing", "public_contents"]


@dataclass(frozen=True, slots=True)
class PublicContents:
    """The files that are handed on, by path, and what of the folder is not or not as it stands.

    `lost` are the links, there or only recorded, in whose place nothing can be copied.
    """

    files: tuple[File, ...]
    replaced: frozenset[str]
    lost: frozenset[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """What lists of skills show of one: its name and description, and what Codex shows."""

    name: str
    description: str
    license: str | None
    title: str
    short_description: str


def public_contents(root: Path, handed_on: Collection[str]) -> PublicContents:
    """Return a skill's files as `falsmith generate --public` would have written them.

    What is wrong with the folder is for `verify` to say.

    Args:
        root: The skill, of any mode, unedited or edited.
        handed_on: The names of the user's own files that go along.

    """
    source, _ = read_folder(root)
    left_out = {path for path in user_files(source) if PurePosixPath(path).name not in handed_on}
    links = listed_links(source)
    behind = {link: dict(_behind(root, link)) for link in links}
    copies = {path: content for each in behind.values() for path, content in each.items()}
    files = {path: content for path, content in source.files.items() if path not in left_out}
    record: dict[str, Any] = dict(source.json_object(PROVENANCE) or {})
    recorded = record.get("files")
    digests = dict(recorded) if isinstance(recorded, dict) else {}
    if SKILL_FILE in files:
        text = files[SKILL_FILE]
        files[SKILL_FILE] = _without_links(text, left_out)
        if digests.get(SKILL_FILE) == digest(text):
            digests[SKILL_FILE] = digest(files[SKILL_FILE])
    digests |= {path: digest(content) for path, content in copies.items()}
    options = record.get("options")
    if PROVENANCE in files and isinstance(options, dict):
        record = {key: value for key, value in record.items() if key != "links"}
        record["options"] = options | {"mode": "public"}
        record["files"] = dict(sorted(digests.items()))
        files[PROVENANCE] = f"{json_file(record)}\n".encode()
    caches = (str(PurePosixPath(path).parent) for path in source.leftovers)
    return PublicContents(
        tuple(
            # What is a program says so itself: not every file system does.
            File(PurePosixPath(path), content, executable=content.startswith(b"#!"))
            for path, content in sorted((files | copies).items())
        ),
        frozenset({*left_out, *links, *source.leftovers, *caches} - {"."}),
        (source.links | behind.keys()) - {link for link, copied in behind.items() if copied},
    )


def listing(folder: Path) -> Listing:
    """Return what a sound skill says of itself."""
    skill, _ = read_folder(folder)
    fields = front_matter(skill) or {}
    shown = read_yaml(skill.texts.get(OPENAI_YAML, "interface: {}")).value["interface"]
    return Listing(
        fields["name"],
        fields["description"],
        fields.get("license"),
        shown.get("display_name", fields["name"]),
        shown.get("short_description", fields["description"]),
    )


def _behind(root: Path, link: str) -> Iterator[tuple[str, bytes]]:
    """Yield what a listed link leads to, as files in its place; nothing from outside."""
    end = Path(os.path.realpath(root / link))
    if not end.is_relative_to(os.path.realpath(root.parent)):
        return
    if end.is_dir():
        shared, _ = read_folder(end)
        yield from ((f"{link}/{path}", content) for path, content in shared.files.items())
    elif end.is_file():
        yield link, end.read_bytes()


def _without_links(text: bytes, left_out: Collection[str]) -> bytes:
    """Return SKILL.md without the lines that link the files that are left out.

    With each such line goes one of the blank lines around it, where two would be left.
    """
    marks = [f"]({path})".encode() for path in left_out]
    kept: list[bytes] = []
    gone = False
    for line in text.split(b"\n"):
        if any(mark in line for mark in marks):
            gone = True
            continue
        if not (gone and line == b"" and kept[-1:] == [b""]):
            kept.append(line)
        gone = False
    return b"\n".join(kept)
