"""A Model becomes its skill, as values: files from templates, and the runtime beside them."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from fal_runtime.dependencies import PACKAGES
from falsmith import __version__
from falsmith.documents import Json
from falsmith.filters import FILTERS
from falsmith.model import MISSING, Model
from falsmith.runtime_files import generator_files, runtime_files, templates_folder
from falsmith.skill.provenance import PROVENANCE
from falsmith.skill.tree import Entry, File, Link, digest

__all__ = ["CREATOR", "DEFAULT_LICENSE", "Mode", "Options", "render", "render_creator"]

# The skill that carries falsmith, and what of it the other skills link to.
CREATOR = "fal-skill-creator"
SHARED = ("scripts/fal_api_call.py", "scripts/fal_runtime")
# What falsmith imports, by module; the requirements are those of pyproject.toml.
CREATOR_PACKAGES = dict(
    sorted(
        {
            **PACKAGES,
            "click": "click>=8.1,<9",
            "jinja2": "jinja2>=3.1.4,<4",
            "rich": "rich>=13.7,<16",
        }.items()
    )
)

DEFAULT_LICENSE = "MIT-0"
SUFFIX = ".jinja"
PLACEHOLDER = re.compile("WRAPPER|SKILL_NAME")
# Written in lazy mode only: the full SKILL.md holds what the reference does.
LAZY_ONLY = PurePosixPath("references/tools")

Mode = Literal["default", "standalone", "public"]


@dataclass(frozen=True, slots=True)
class Options:
    """How the skill is made; kept in its provenance, so that it can be made again."""

    mode: Mode = "default"
    lazy: bool = False
    name: str | None = None
    description: str | None = None
    license: str = DEFAULT_LICENSE


def render(model: Model, options: Options, house: Set[str] = frozenset()) -> tuple[Entry, ...]:
    """Return everything that the model's skill holds, sorted by path, provenance last.

    `house` names the user's own files that are in its `references/`: SKILL.md links them.
    """
    variables = {"model": model, "options": options, "house": house, "MISSING": MISSING}
    variables["requirements"] = list(PACKAGES.values())
    linked = options.mode == "default"
    wanted = _skill_templates(linked=linked, lazy=options.lazy)
    files = [_renamed(file, model) for file in _rendered(wanted, variables)]
    told: dict[str, Json] = {"model_id": model.id, "options": _told(options)}
    told["source"] = {"sha256": model.source_digest}
    return _complete([*files, *(_links() if linked else runtime_files())], told)


def render_creator() -> tuple[Entry, ...]:
    """Return everything that the creator skill holds, provenance last."""
    variables = {"requirements": list(PACKAGES.values()), "packages": CREATOR_PACKAGES}
    files = [*_rendered(_templates("creator"), variables), *runtime_files(), *generator_files()]
    return _complete(files, {"skill": CREATOR})


def _complete(files: Sequence[Entry], told: dict[str, Json]) -> tuple[Entry, ...]:
    """Return the entries by path, and the provenance that tells what they are."""
    entries = sorted(files, key=lambda entry: str(entry.path))
    links = {str(link.path): str(link.target) for link in entries if isinstance(link, Link)}
    told = {"falsmith": __version__} | told | ({"links": links} if links else {})
    told["files"] = {
        str(file.path): digest(file.content) for file in entries if isinstance(file, File)
    }
    return (*entries, File(PROVENANCE, f"{FILTERS['json_file'](told)}\n".encode()))


@cache
def _told(options: Options) -> Mapping[str, Json]:
    return asdict(options)


@cache
def _links() -> tuple[Link, ...]:
    """Return the links that lead out of a skill, into the creator skill beside it."""
    paths = [PurePosixPath(path) for path in SHARED]
    return tuple(Link(one, PurePosixPath(*[".."] * len(one.parts), CREATOR, one)) for one in paths)


@cache
def _skill_templates(*, linked: bool, lazy: bool) -> Mapping[PurePosixPath, Template]:
    return {
        path: template
        for path, template in _templates("skill").items()
        if (lazy or path.parent != LAZY_ONLY) and not (linked and str(path) in SHARED)
    }


def _renamed(file: File, model: Model) -> File:
    path = str(file.path)
    if not PLACEHOLDER.search(path):
        return file
    path = path.replace("WRAPPER", model.wrapper).replace("SKILL_NAME", model.skill_name)
    return replace(file, path=PurePosixPath(path))


def _rendered(
    templates: Mapping[PurePosixPath, Template], variables: Mapping[str, object]
) -> Iterator[File]:
    for path, template in templates.items():
        text = template.render(variables, version=__version__)
        yield File(path, text.encode(), executable=path.suffix == ".py")


@cache
def _templates(folder: str) -> Mapping[PurePosixPath, Template]:
    """Return the templates below `folder` that become files, by the path that they write."""
    environment = _environment()
    names = environment.list_templates(extensions=["jinja"])
    paths = {
        PurePosixPath(name.removesuffix(SUFFIX)).relative_to(folder): name
        for name in names
        if name.startswith(f"{folder}/")
    }
    return {
        path: environment.get_template(name)
        for path, name in paths.items()
        if not path.name.startswith(("_", "."))
    }


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
    )
    environment.filters |= FILTERS
    environment.globals = {}
    return environment
