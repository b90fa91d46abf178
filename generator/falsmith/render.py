"""A Model becomes the files of its skill, as values: the templates, and the runtime beside them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from falsmith import __version__
from falsmith.filters import FILTERS
from falsmith.model import MISSING, Model
from falsmith.tree import PROVENANCE, File, digest

__all__ = ["DEFAULT_LICENSE", "Mode", "Options", "render"]

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


def render(model: Model, options: Options) -> tuple[File, ...]:
    """Return every file of the model's skill, sorted by path, provenance last."""
    files = [*_rendered(model, options), *_runtime_files()]
    files.sort(key=lambda file: str(file.path))
    return (*files, _provenance(model, options, files))


def _rendered(model: Model, options: Options) -> Iterator[File]:
    environment, names = _environment()
    for name in names:
        if options.lazy or not name.startswith(LAZY_ONLY):
            text = environment.get_template(name).render(
                model=model, options=options, version=__version__, MISSING=MISSING
            )
            path = name.removesuffix(SUFFIX).replace("WRAPPER", model.wrapper)
            path = path.replace("SKILL_NAME", model.skill_name)
            yield File(PurePosixPath(path), text.encode(), executable=path.endswith(".py"))


def _provenance(model: Model, options: Options, files: list[File]) -> File:
    told = {
        "falsmith": __version__,
        "model_id": model.id,
        "options": asdict(options),
        "source": {"sha256": model.source_digest},
        "files": {str(file.path): digest(file.content) for file in files},
    }
    return File(PROVENANCE, f"{FILTERS['json_file'](told)}\n".encode())


@cache
def _environment() -> tuple[Environment, tuple[str, ...]]:
    """Return the Jinja environment and the templates that become files."""
    folder = _templates_folder()
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
    )
    environment.filters |= FILTERS
    environment.globals = {}
    names = environment.list_templates(extensions=["jinja"])
    return environment, tuple(
        name for name in names if not PurePosixPath(name).name.startswith("_")
    )


def _templates_folder() -> Path:
    """Return the templates: in the package once installed, beside `generator/` in a checkout."""
    packaged = Path(__file__).with_name("templates")
    folder = packaged if packaged.is_dir() else Path(__file__).parents[2] / "templates"
    return folder / "skill"


@cache
def _runtime_files() -> tuple[File, ...]:
    """Return the runtime package as files below `scripts/fal_runtime/`."""
    root = PurePosixPath("scripts/fal_runtime")
    return tuple(_modules(resources.files("fal_runtime"), root))


def _modules(folder: Traversable, path: PurePosixPath) -> Iterator[File]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _modules(entry, path / entry.name)
        elif entry.name.endswith((".py", ".typed")):
            yield File(path / entry.name, entry.read_bytes())
