"""The forms in which hosts take skills: which files each consists of."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from fal_runtime.text import cut
from falsmith.documents import Json
from falsmith.publish.archive import archive
from falsmith.publish.contents import Listing
from falsmith.publish.details import Details
from falsmith.skill.tree import File
from falsmith.text import counted

__all__ = ["FORMATS", "Format", "PackedSkill"]

# The Agent Skills discovery draft, 0.2.0: where an index stands, and how it says what it is.
WELL_KNOWN = PurePosixPath(".well-known/agent-skills")
DISCOVERY = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
PLUGINS = PurePosixPath("plugins")
SKILLS = PurePosixPath("skills")
KEYWORDS = ("agent-skills", "fal", "fal.ai")
CATEGORY = "Creativity"
# openai/codex, plugin-json-spec: at most three, of 128 characters.
MOST_PROMPTS = 3
LONGEST_DESCRIPTION = 1024


@dataclass(frozen=True, slots=True)
class PackedSkill:
    """One skill to be handed on: what lists show of it, and its files."""

    shown: Listing
    files: tuple[File, ...]

    def below(self, folder: PurePosixPath) -> Iterator[File]:
        """Yield the files as they stand in the skill's folder inside `folder`."""
        for file in self.files:
            yield replace(file, path=folder / self.shown.name / file.path)


@dataclass(frozen=True, slots=True)
class Format:
    """One form: what makes its files, what hosts demand to be told, and how it is used."""

    files: Callable[[Sequence[PackedSkill], Details], Iterator[File]]
    needs: tuple[str, ...]
    use: str


def _skill(skills: Sequence[PackedSkill], _details: Details) -> Iterator[File]:
    """Yield a `.skill` archive of each skill, in which its own folder stands."""
    for one in skills:
        content = archive(list(one.below(PurePosixPath())))
        yield File(PurePosixPath(f"{one.shown.name}.skill"), content)


def _well_known(skills: Sequence[PackedSkill], _details: Details) -> Iterator[File]:
    """Yield an archive of each skill, with SKILL.md at its root, and the index of them."""
    entries: list[Json] = []
    for one in skills:
        content = archive(one.files)
        file = File(WELL_KNOWN / f"{one.shown.name}.zip", content)
        entries.append(
            {
                "name": one.shown.name,
                "type": "archive",
                "description": one.shown.description,
                # Relative to the index: it holds below any address.
                "url": file.path.name,
                "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            }
        )
        yield file
    yield _json(WELL_KNOWN / "index.json", {"$schema": DISCOVERY, "skills": entries})


def _claude_plugin(skills: Sequence[PackedSkill], details: Details) -> Iterator[File]:
    """Yield a plugin of all skills and the marketplace that offers it."""
    place = PLUGINS / str(details.name)
    plugin = _plugin(skills, details)
    yield from _skills_of(place, skills)
    yield _json(place / ".claude-plugin/plugin.json", plugin)
    yield _json(
        PurePosixPath(".claude-plugin/marketplace.json"),
        {
            "name": details.name,
            "owner": {"name": details.author},
            "metadata": {"description": plugin["description"], "version": details.version},
            "plugins": [plugin | {"source": f"./{place}"}],
        },
    )


def _codex_plugin(skills: Sequence[PackedSkill], details: Details) -> Iterator[File]:
    """Yield a plugin of all skills and the marketplace that offers it."""
    place = PLUGINS / str(details.name)
    plugin = _plugin(skills, details)
    title = _title(skills, details)
    named = "\n".join(f"- {one.shown.title}: {one.shown.short_description}" for one in skills)
    interface: dict[str, Json] = {
        "displayName": title,
        "shortDescription": f"{counted(len(skills), 'skill')} for models of fal.ai",
        "longDescription": f"{plugin['description']}\n\n{named}",
        "developerName": details.author,
        "category": CATEGORY,
        "capabilities": ["Read", "Write"],
        "defaultPrompt": [f"{one.shown.short_description}." for one in skills[:MOST_PROMPTS]],
    }
    if details.homepage is not None:
        interface["websiteURL"] = details.homepage
    yield from _skills_of(place, skills)
    yield _json(
        place / ".codex-plugin/plugin.json",
        plugin | {"skills": "./skills/", "interface": interface},
    )
    yield _json(
        PurePosixPath(".agents/plugins/marketplace.json"),
        {
            "name": details.name,
            "interface": {"displayName": title},
            "plugins": [
                {
                    "name": details.name,
                    "source": {"source": "local", "path": f"./{place}"},
                    "policy": {"installation": "AVAILABLE", "authentication": "ON_USE"},
                    "category": CATEGORY,
                }
            ],
        },
    )


def _folder(skills: Sequence[PackedSkill], _details: Details) -> Iterator[File]:
    """Yield the skills as folders in `skills/`, where installers look for them first."""
    return _skills_of(PurePosixPath(), skills)


FORMATS: Mapping[str, Format] = {
    "skill": Format(_skill, (), "upload each archive, or unpack it in a folder of skills"),
    "well-known": Format(
        _well_known, (), "serve it at the root of a site; then: npx skills add https://SITE"
    ),
    "claude-plugin": Format(
        _claude_plugin,
        ("name", "version", "author"),
        "claude plugin marketplace add FOLDER, or push it as a repository",
    ),
    "codex-plugin": Format(
        _codex_plugin,
        ("name", "version", "author"),
        "codex plugin marketplace add FOLDER, or push it as a repository",
    ),
    "folder": Format(_folder, (), "npx skills add FOLDER, or push it as a repository"),
}


def _skills_of(place: PurePosixPath, skills: Sequence[PackedSkill]) -> Iterator[File]:
    for one in skills:
        yield from one.below(place / SKILLS)


def _plugin(skills: Sequence[PackedSkill], details: Details) -> dict[str, Json]:
    """Return what a plugin says of itself to both hosts."""
    titles = ", ".join(one.shown.title for one in skills)
    own = f"Skills for models of fal.ai: {titles}." if len(skills) > 1 else None
    said: dict[str, Json] = {
        "name": details.name,
        "version": details.version,
        "description": details.description
        or cut(own or skills[0].shown.description, LONGEST_DESCRIPTION),
        "author": {"name": details.author},
        "homepage": details.homepage,
        "license": details.license or _license_of_all(skills),
        "keywords": list(KEYWORDS),
    }
    return {key: value for key, value in said.items() if value is not None}


def _license_of_all(skills: Sequence[PackedSkill]) -> str | None:
    """Return the licence that all skills have, None where they differ."""
    licenses = {one.shown.license for one in skills}
    return licenses.pop() if len(licenses) == 1 else None


def _title(skills: Sequence[PackedSkill], details: Details) -> str:
    name = str(details.name)
    return skills[0].shown.title if len(skills) == 1 else name.replace("-", " ").capitalize()


def _json(path: PurePosixPath, value: Mapping[str, Json]) -> File:
    return File(path, f"{json.dumps(value, indent=2)}\n".encode())
