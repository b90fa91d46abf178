"""A Model becomes its skill, as values: files from templates, and the runtime beside them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import Literal, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from fal_runtime.dependencies import PACKAGES
from falsmith import __version__
from falsmith.documents import Json
from falsmith.filters import FILTERS
from falsmith.model import Collection, Model
from falsmith.runtime_files import generator_files, runtime_files, templates_folder
from falsmith.skill.ownership import SETTINGS
from falsmith.skill.provenance import PROVENANCE
from falsmith.skill.tree import Entry, File, Link, digest

__all__ = [
    "CREATOR",
    "DEFAULT_LICENSE",
    "Mode",
    "Options",
    "collection_scripts",
    "model_scripts",
    "recorded_options",
    "render",
    "render_collection",
    "render_creator",
]

# The skill that carries falsmith, and what of it the other skills link to.
CREATOR = "fal-skill-creator"
SHARED = (
    "scripts/fal_api_call.py",
    "scripts/fal_runtime",
    "scripts/queue_client.py",
    "scripts/queue_daemon.py",
    "scripts/queue_protocol.py",
)
SCRIPTS = PurePosixPath("scripts")
WRAPPER = SCRIPTS / "WRAPPER.py"
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
# Written in lazy mode only: the full SKILL.md holds what the reference does.
LAZY_ONLY = PurePosixPath("references/tools")
REFERENCE = LAZY_ONLY / "SKILL_NAME.yaml"
# What describes one model of a collection, in a folder of its own, by the template that makes it.
OF_EACH_MODEL = {
    PurePosixPath(f"references/{name}"): name
    for name in ("input.schema.json", "model_config.json", "output.schema.json")
} | {REFERENCE: "reference.yaml"}

Mode = Literal["default", "standalone", "public"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Options:
    """How the skill is made; kept in its provenance, so that it can be made again."""

    mode: Mode = "default"
    lazy: bool = False
    name: str | None = None
    description: str | None = None
    license: str = DEFAULT_LICENSE


def recorded_options(record: Mapping[str, Json]) -> Options | None:
    """Return the options that a provenance holds, None where they are not all there."""
    mode = next((one for one in MODES if one == record.get("mode")), None)
    lazy, licence = record.get("lazy"), record.get("license")
    name, description = record.get("name"), record.get("description")
    if mode is None or not isinstance(lazy, bool) or not isinstance(licence, str):
        return None
    if not isinstance(name, str | None) or not isinstance(description, str | None):
        return None
    return Options(mode, lazy, name, description, licence)


def render(model: Model, options: Options, user_files: Set[str] = frozenset()) -> tuple[Entry, ...]:
    """Return everything that the model's skill holds, sorted by path, provenance last.

    `user_files` are the names of the user's own that are in its `references/`: SKILL.md links them.
    """
    variables = {
        "model": model,
        "options": options,
        "user_files": user_files,
        "slow": model.traits.slow,
    }
    texts = _rendered(_text_templates(lazy=options.lazy), variables)
    files = [_renamed(file, "SKILL_NAME", model.skill_name) for file in texts]
    scripts = model_scripts(model.id, model.wrapper, linked=options.mode == "default")
    subject = {"model_id": model.id, "options": _recorded(options)}
    return _complete([*files, *scripts], subject | {"source": {"sha256": model.source_digest}})


def render_collection(
    collection: Collection, options: Options, user_files: Set[str] = frozenset()
) -> tuple[Entry, ...]:
    """Return everything that the skill of several models holds, sorted by path, provenance last.

    `user_files` are the paths in its `references/` of the user's own: SKILL.md links them.
    """
    slow = any(model.traits.slow for model in collection.models.values())
    variables = {
        "collection": collection,
        "options": options,
        "user_files": user_files,
        "slow": slow,
    }
    own = {
        path: name for path, name in _template_names("collection").items() if path.parent != SCRIPTS
    }
    settings = {SETTINGS: _template_names("skill")[SETTINGS]}
    texts = _rendered(_loaded(own | settings), variables)
    models = (file for model in collection.models.values() for file in _model_folder(model))
    scripts = collection_scripts(collection.wrapper, linked=options.mode == "default")
    record = {
        "collection": collection.name,
        "default": collection.default,
        "models": {
            name: {"model_id": model.id, "sha256": model.source_digest}
            for name, model in collection.models.items()
        },
        "options": _recorded(options),
    }
    return _complete([*texts, *models, *scripts], record)


def model_scripts(model_id: str, wrapper: str, *, linked: bool) -> tuple[Entry, ...]:
    """Return what stands in `scripts/` of a model's skill.

    Skills of the same kind differ there in the wrapper's name and its MODEL_ID, in nothing else:
    `verify` compares each file with these.
    """
    return _scripts("skill", wrapper, linked=linked, model_id=model_id)


def collection_scripts(wrapper: str, *, linked: bool) -> tuple[Entry, ...]:
    """Return what stands in `scripts/` of a collection: only the wrapper's name is its own."""
    return _scripts("collection", wrapper, linked=linked)


def _scripts(
    folder: str, wrapper: str, *, linked: bool, model_id: str | None = None
) -> tuple[Entry, ...]:
    """Return the scripts of a skill whose wrapper's template stands in `folder`."""
    variables = {"model_id": model_id, "requirements": list(PACKAGES.values())}
    templates = _script_templates(folder, linked=linked)
    own = [_renamed(file, "WRAPPER", wrapper) for file in _rendered(templates, variables)]
    return (*own, *(_links() if linked else runtime_files()))


def _model_folder(model: Model) -> Iterator[File]:
    """Yield the files that describe one model of a collection."""
    names = _template_names("skill")
    templates = _loaded({path: names[path] for path in OF_EACH_MODEL})
    for file in _rendered(templates, {"model": model}):
        yield replace(file, path=PurePosixPath(model.folder, OF_EACH_MODEL[file.path]))


def render_creator(packages: Sequence[Entry] = ()) -> tuple[Entry, ...]:
    """Return everything that the creator skill holds, provenance last.

    `packages` stand in the place of the copies of both packages: links, in a checkout's examples.
    """
    variables = {"requirements": list(PACKAGES.values()), "packages": CREATOR_PACKAGES}
    carried = packages or (*runtime_files(), *generator_files())
    files = _rendered(_loaded(_template_names("creator")), variables)
    return _complete([*files, *carried], {"skill": CREATOR})


def _complete(files: Sequence[Entry], subject: Mapping[str, Json]) -> tuple[Entry, ...]:
    """Return the entries by path, and the provenance that says what they are and of what."""
    entries = sorted(files, key=lambda entry: str(entry.path))
    links = {str(link.path): str(link.target) for link in entries if isinstance(link, Link)}
    record = {"falsmith": __version__, **subject} | ({"links": links} if links else {})
    record["files"] = {
        str(file.path): digest(file.content) for file in entries if isinstance(file, File)
    }
    return (*entries, File(PROVENANCE, f"{FILTERS['json_file'](record)}\n".encode()))


@cache
def _recorded(options: Options) -> Mapping[str, Json]:
    return asdict(options)


@cache
def _links() -> tuple[Link, ...]:
    """Return the links that lead out of a skill, into the creator skill beside it."""
    paths = [PurePosixPath(path) for path in SHARED]
    return tuple(Link(one, PurePosixPath(*[".."] * len(one.parts), CREATOR, one)) for one in paths)


@cache
def _text_templates(*, lazy: bool) -> Mapping[PurePosixPath, Template]:
    return _loaded(
        {
            path: name
            for path, name in _template_names("skill").items()
            if path.parent != SCRIPTS and (lazy or path.parent != LAZY_ONLY)
        }
    )


@cache
def _script_templates(folder: str, *, linked: bool) -> Mapping[PurePosixPath, Template]:
    """Return the templates of `scripts/`, the wrapper's from `folder`."""
    names = dict(_template_names("skill")) | {WRAPPER: _template_names(folder)[WRAPPER]}
    return _loaded(
        {
            path: name
            for path, name in names.items()
            if path.parent == SCRIPTS and not (linked and str(path) in SHARED)
        }
    )


def _renamed(file: File, placeholder: str, name: str) -> File:
    path = str(file.path)
    if placeholder not in path:
        return file
    return replace(file, path=PurePosixPath(path.replace(placeholder, name)))


def _rendered(
    templates: Mapping[PurePosixPath, Template], variables: Mapping[str, object]
) -> Iterator[File]:
    for path, template in templates.items():
        text = template.render(variables, version=__version__)
        yield File(path, text.encode(), executable=path.suffix == ".py")


def _loaded(names: Mapping[PurePosixPath, str]) -> Mapping[PurePosixPath, Template]:
    return {path: _environment().get_template(name) for path, name in names.items()}


@cache
def _template_names(folder: str) -> Mapping[PurePosixPath, str]:
    """Return the templates below `folder` that become files, by the path that they write."""
    paths = {
        PurePosixPath(name.removesuffix(SUFFIX)).relative_to(folder): name
        for name in _environment().list_templates(extensions=["jinja"])
        if name.startswith(f"{folder}/")
    }
    return {path: name for path, name in paths.items() if not path.name.startswith(("_", "."))}


@cache
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
