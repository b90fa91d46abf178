"""The models that a skill describes, one or a collection, and the model that is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fal_runtime.errors import LocalError, UsageError
from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.model_id import checked_model_id
from fal_runtime.paths import content_of, reason
from fal_runtime.schema.document import SchemaDocument
from fal_runtime.text import closest

# As deep as a document that a schema is made of.
_DEEPEST_SCHEMA = 100
_NOTHING_KNOWN = SchemaDocument({})
# So many short names are all told; of more only the first.
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class DescribedModel:
    """A model that a skill describes: what `-m` calls it there, its ID, its folder.

    The name is a short one in a collection, the ID where the skill has one model.
    """

    name: str
    model_id: str
    folder: Path

    def config(self) -> dict[str, Any]:
        """Return its model_config.json; raises LocalError."""
        return _json_object(self.folder / "model_config.json")


@dataclass(frozen=True, slots=True)
class DescribedModels:
    """All models that a skill describes, by name, and the one that is meant where none is named."""

    by_name: Mapping[str, DescribedModel]
    default: DescribedModel | None

    @property
    def ids(self) -> list[str]:
        """The IDs of all of them."""
        return [model.model_id for model in self.by_name.values()]

    def find(self, text: str) -> DescribedModel | None:
        """Return the model of a name or an ID, None where the skill has none such."""
        each = self.by_name.values()
        return self.by_name.get(text) or next((one for one in each if one.model_id == text), None)


@dataclass(frozen=True, slots=True)
class CalledModel:
    """A model's ID and what `-m` calls it; what its skill knows of it, where one describes it.

    That is the skill, the model's folder in there, the input's schema and a title.
    """

    model_id: str | None
    name: str | None = None
    skill: Path | None = None
    folder: Path | None = None
    document: SchemaDocument = _NOTHING_KNOWN
    title: str = "Call any fal.ai model by its ID"

    @property
    def defaults_place(self) -> str:
        """Where the user's own defaults of the model stand, seen from its skill."""
        if self.skill is None or self.folder is None:
            return "references/defaults.yaml"
        return (self.folder.relative_to(self.skill) / "defaults.yaml").as_posix()

    @property
    def defaults_file(self) -> Path | None:
        """The user's defaults.yaml where there is one, be it only a link that leads nowhere."""
        file = self.folder.absolute() / "defaults.yaml" if self.folder is not None else None
        return file if file is not None and (file.is_symlink() or file.exists()) else None


def described_models(skill: Path) -> DescribedModels:
    """Return the models that a skill describes.

    Raises LocalError that names a file of the skill which is missing, is no JSON object, or does
    not say what a collection holds.
    """
    references = skill / "references"
    file = references / "collection.json"
    if not (file.is_file() or (references / "models").is_dir()):
        model_id = _json_object(references / "model_config.json").get("model_id")
        if not isinstance(model_id, str):
            return DescribedModels({}, None)
        only = DescribedModel(model_id, model_id, references)
        return DescribedModels({model_id: only}, only)
    collection = _json_object(file)
    ids, default = collection.get("models"), collection.get("default")
    if not isinstance(ids, dict) or not all(isinstance(each, str) for each in ids.values()):
        raise _broken(file, "does not name its models")
    by_name = {
        name: DescribedModel(name, model_id, references / "models" / name)
        for name, model_id in ids.items()
    }
    if default is None:
        return DescribedModels(by_name, None)
    if not isinstance(default, str) or default not in by_name:
        raise _broken(file, "has a default that is none of its models")
    return DescribedModels(by_name, by_name[default])


def called_model(skill: Path | None, name: str | None) -> CalledModel:
    """Return any model, by its ID or by what the skill calls it, with what the skill knows of it.

    Raises UsageError for a text that is no ID, LocalError as `described_models`.
    """
    if name is None:
        return CalledModel(None)
    if skill is not None and (found := described_models(skill).find(name)) is not None:
        return _called(skill, found)
    model_id = checked_model_id(name)
    return CalledModel(model_id, model_id)


def chosen_model(skill: Path, name: str | None) -> CalledModel:
    """Return a model of the skill's own: by its name or ID, or the default where none is named.

    Raises UsageError that lists them where there is no such model, LocalError as `called_model`.
    """
    models = described_models(skill)
    found = models.default if name is None else models.find(name)
    if found is not None:
        return _called(skill, found)
    names = list(models.by_name)
    listed = ", ".join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        listed = f"{listed}, and {len(names) - _MOST_NAMES} more that --help lists"
    if name is None:
        raise UsageError("usage", f"-m/--model is required; the models are {listed}")
    known = [*names, *models.ids]
    near = closest(name, known, cutoff=0.75)
    hint = f"; did you mean {near}?" if near is not None else "."
    raise UsageError(
        "usage",
        f"{name[:200]!r} is no model of this skill{hint} The models are {listed}. Any other model "
        "is called by its ID with scripts/fal_api_call.py -m ID",
    )


def preset_model(skill: Path) -> str | None:
    """Return the ID of a skill's default model, None where one must be named; raises LocalError."""
    default = described_models(skill).default
    return default.model_id if default is not None else None


def own_skill() -> Path | None:
    """Return the skill that carries this package, None when it is installed elsewhere."""
    # Not resolved: in a skill the package may be a link, and the skill's own files are meant.
    skill = Path(__file__).absolute().parent.parent.parent
    files = ("model_config.json", "collection.json")
    return skill if any((skill / "references" / name).is_file() for name in files) else None


def _called(skill: Path, model: DescribedModel) -> CalledModel:
    config = model.config()
    known = config.get("input_schema_known") is not False
    schema = _json_object(model.folder / "input.schema.json") if known else {}
    title = f"{model.model_id} ({config.get('category') or 'model'})"
    title = f"{title}: {config.get('description') or ''}"
    return CalledModel(
        model.model_id, model.name, skill, model.folder, SchemaDocument(schema), title
    )


def _json_object(file: Path) -> dict[str, Any]:
    try:
        value = parse_json(content_of(file), deepest=_DEEPEST_SCHEMA, duplicates=True)
    except OSError as error:
        raise _broken(file, f"cannot be read: {reason(error)}") from None
    except JsonTextError as error:
        raise _broken(file, f"cannot be read: {error.reason}") from None
    if not isinstance(value, dict):
        raise _broken(file, "is not a JSON object")
    return value


def _broken(file: Path, wrong: str) -> LocalError:
    text = f"{file} {wrong}. Generate the skill again with `falsmith generate --force`"
    return LocalError("local_trouble", text)
