"""A Model becomes its skill, as values: files from templates, and the runtime beside them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from falsmith import __version__
from falsmith.documents import Json
from falsmith.filters import FILTERS
from falsmith.model import MISSING, Model
from falsmith.provenance import PROVENANCE
from falsmith.runtime_files import generator_files, runtime_files, templates_folder
from falsmith.tree import Entry, File, Link, digest

__all__ = ["CREATOR", "DEFAULT_LICENSE", "Mode", "Options", "render", "render_creator"]

# The skill that carries falsmith, and the runtime that the other skills link to.
CREATOR = "fal-skill-creator"
SHARED = ("scripts/fal_api_call.py", "scripts/fal_runtime")

DEFAULT_LICENSE = "MIT-0"
SUFFIX = ".jinja"
# Written in lazy mode only: the full SKILL.md holds what the reference does.
LAZY_ONLY = "references/tools/"

Mode = Literal["default", "standalone", "public"]


@dataclass(frozen=True, slots=True)
class Options:
    """How the skill is made; kept in its provenance, so that it can be made again."""

    mode: Mode = "default"
    lazy: bool = False
    name: str | None = None
    description: str | None = None
    license: str = DEFAULT_LICENSE


def render(model: Model, options: Options) -> tuple[Entry, ...]:
    """Return everything that the model's skill holds, sorted by path, provenance last."""
    variables = {"model": model, "options": options, "MISSING": MISSING}
    names = (name for name in _template_names("skill") if _is_wanted(name, options))
    files = [_renamed(file, model) for file in _rendered("skill", names, variables)]
    told: dict[str, Json] = {"model_id": model.id, "options": asdict(options)}
    told["source"] = {"sha256": model.source_digest}
    if options.mode == "default":
        links = [Link(path, _shared(path)) for path in map(PurePosixPath, SHARED)]
        return _complete([*files, *links], told)
    return _complete([*files, *runtime_files()], told)


def render_creator() -> tuple[Entry, ...]:
    """Return everything that the creator skill holds, provenance last."""
    files = [
        *_rendered("creator", _template_names("creator"), {}),
        *runtime_files(),
        *generator_files(),
    ]
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


def _shared(path: PurePosixPath) -> PurePosixPath:
    """Return where a link at `path` leads: out of the skill, into the creator skill beside it."""
    return PurePosixPath(*[".."] * len(path.parts), CREATOR, path)


def _is_wanted(name: str, options: Options) -> bool:
    path = name.removeprefix("skill/").removesuffix(SUFFIX)
    if options.mode == "default" and path in SHARED:
        return False
    return options.lazy or not path.startswith(LAZY_ONLY)


def _renamed(file: File, model: Model) -> File:
    path = str(file.path).replace("WRAPPER", model.wrapper).replace("SKILL_NAME", model.skill_name)
    return replace(file, path=PurePosixPath(path))


def _rendered(folder: str, names: Iterable[str], variables: Mapping[str, object]) -> Iterator[File]:
    environment = _environment()
    for name in names:
        text = environment.get_template(name).render(variables, version=__version__)
        path = PurePosixPath(name.removesuffix(SUFFIX)).relative_to(folder)
        yield File(path, text.encode(), executable=path.suffix == ".py")


@cache
def _template_names(folder: str) -> tuple[str, ...]:
    """Return the templates below `folder` that become files."""
    names = _environment().list_templates(extensions=["jinja"])
    mine = (name for name in names if name.startswith(f"{folder}/"))
    return tuple(name for name in mine if not PurePosixPath(name).name.startswith("_"))


@cache
def _environment() -> Environment:
    """Return the one Jinja environment."""
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
