"""What a skill says of itself: its record of how it was made, and the folders of its models."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from falsmith import __version__
from falsmith.names import is_short_name, model_folder
from falsmith.verify.folder import Folder

__all__ = [
    "COLLECTION",
    "CREATOR",
    "MODELS",
    "PROVENANCE",
    "VERSION",
    "ModelFolder",
    "is_collection",
    "is_creator",
    "is_of_this_version",
    "listed_files",
    "listed_links",
    "listed_models",
    "mode",
    "model_folders",
    "model_id",
    "recorded_options",
    "shared",
    "user_files",
    "was_generated",
]

PROVENANCE = "references/provenance.json"
MODEL_CONFIG = "model_config.json"
COLLECTION = "references/collection.json"
# Where a collection has a folder for each of its models.
MODELS = "references/models/"
VERSION = re.compile(r"\d+(?:\.\d+)+[A-Za-z0-9.+-]*")
# The skill that makes skills: other skills beside it may link to its runtime.
CREATOR = "fal-skill-creator"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where the files of one model stand: `references/` of a skill that has no other model.

    `name` is what its model_config.json has to say: that of the skill, or the short one of a
    collection's model. `reference` is its YAML reference, None where SKILL.md holds all of that.
    """

    path: str
    name: str
    reference: str | None

    @property
    def config(self) -> str:
        """The file that says which model it is."""
        return f"{self.path}/{MODEL_CONFIG}"

    @property
    def input_schema(self) -> str:
        """The schema of what the model takes."""
        return f"{self.path}/input.schema.json"

    @property
    def output_schema(self) -> str:
        """The schema of what the model gives."""
        return f"{self.path}/output.schema.json"

    @property
    def defaults(self) -> str:
        """The user's own settings for every call, which may be there."""
        return f"{self.path}/defaults.yaml"

    @property
    def files(self) -> tuple[str, ...]:
        """Everything that falsmith writes there of the model."""
        references = () if self.reference is None else (self.reference,)
        return (self.config, self.input_schema, self.output_schema, *references)


def model_folders(folder: Folder) -> tuple[ModelFolder, ...]:
    """Return where the files of each of the skill's models stand; the creator skill has none.

    Of a collection's models only those that have a usable name and any file at all: the others are
    named by `check_collection`.
    """
    if is_creator(folder):
        return ()
    if is_collection(folder):
        there = {path.removeprefix(MODELS).partition("/")[0] for path in folder.paths}
        listed = listed_models(folder) or {}
        names = [name for name in listed if name in there and is_short_name(name)]
        return tuple(
            ModelFolder(model_folder(name), name, f"{model_folder(name)}/reference.yaml")
            for name in names
        )
    lazy = recorded_options(folder).get("lazy") is True
    reference = f"references/tools/{folder.name}.yaml" if lazy else None
    return (ModelFolder(model_folder(""), folder.name, reference),)


def listed_models(folder: Folder) -> Mapping[str, Any] | None:
    """Return the ID of each model that a collection lists, None where it has no usable list."""
    models = (folder.json_object(COLLECTION) or {}).get("models")
    return models if isinstance(models, dict) else None


def model_id(folder: Folder, model: ModelFolder) -> str | None:
    """Return the ID of a model by its model_config.json, None where that holds no text."""
    found = (folder.json_object(model.config) or {}).get("model_id")
    return found if isinstance(found, str) else None


def user_files(folder: Folder) -> tuple[str, ...]:
    """Return where the user's own files may stand, which falsmith links and never writes."""
    return ("references/guide.md", *(model.defaults for model in model_folders(folder)))


def was_generated(folder: Folder) -> bool:
    """Return whether falsmith wrote the skill, though the record of that may be lost by now."""
    own = (COLLECTION, *(model.config for model in model_folders(folder)))
    return any(folder.has(path) for path in (PROVENANCE, *own))


def is_of_this_version(folder: Folder) -> bool:
    """Return whether the record names this falsmith, or no version that could be another one."""
    version = _record(folder).get("falsmith")
    return version == __version__ or not VERSION.fullmatch(str(version))


def is_creator(folder: Folder) -> bool:
    """Return whether this is the creator skill, which is of no model."""
    return _record(folder).get("skill") == CREATOR


def is_collection(folder: Folder) -> bool:
    """Return whether this is a skill for several models; where the record is lost, by its list."""
    record = folder.json_object(PROVENANCE)
    return folder.has(COLLECTION) if record is None else "collection" in record


def recorded_options(folder: Folder) -> Mapping[str, Any]:
    """Return the options that the skill was generated with, empty where the record has none."""
    options = _record(folder).get("options")
    return options if isinstance(options, dict) else {}


def mode(folder: Folder) -> object:
    """Return the mode that the skill was generated in, None where the record has none."""
    return recorded_options(folder).get("mode")


def listed_files(folder: Folder) -> Mapping[str, Any] | None:
    """Return the digest of each file that falsmith wrote, None where the record lists none."""
    files = _record(folder).get("files")
    return files if isinstance(files, dict) else None


def listed_links(folder: Folder) -> dict[str, str]:
    """Return the links that the skill is to have, by path; the value is where each one points."""
    links = _record(folder).get("links")
    if not isinstance(links, dict) or mode(folder) != "default":
        return {}
    return {path: target for path, target in links.items() if target == shared(path)}


def shared(path: str) -> str:
    """Return where a link at this path finds the same file in the creator skill beside it."""
    return "../" * (path.count("/") + 1) + f"{CREATOR}/{path}"


def _record(folder: Folder) -> Mapping[str, Any]:
    return folder.json_object(PROVENANCE) or {}
