"""references/collection.json: the models of a collection, and that their folders are there."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from falsmith.names import is_short_name
from falsmith.verify.folder import MOST_SHOWN, Finding, Folder, quoted
from falsmith.verify.record import (
    COLLECTION,
    MODELS,
    is_collection,
    listed_models,
    model_folders,
    model_id,
)

__all__ = ["check_collection"]


def check_collection(folder: Folder) -> list[Finding]:
    """Check the list of a collection's models: their names, IDs, folders, and the default."""
    if not is_collection(folder):
        return []
    collection = folder.json_object(COLLECTION)
    if collection is None:
        return folder.json_problems(COLLECTION)
    messages = islice(_objections(collection, folder), MOST_SHOWN)
    return [Finding(COLLECTION, message) for message in messages]


def _objections(collection: Mapping[str, Any], folder: Folder) -> Iterator[str]:
    if collection.get("name") != folder.name:
        yield f"name is {quoted(collection.get('name'))}, the folder {quoted(folder.name)}"
    models = listed_models(folder)
    if not models:
        yield "models must be an object that gives each model's ID by its short name"
        return
    if collection.get("default") not in (None, *models):
        yield f"default is {quoted(collection.get('default'))}, which is none of its models"
    there = {model.name: model for model in model_folders(folder)}
    for name, listed in models.items():
        if not is_short_name(name):
            yield (
                f"{quoted(name)} cannot be a model's short name: a-z, 0-9 and single hyphens "
                "between them are allowed"
            )
        elif not (name in there or folder.has(f"{MODELS}{name}")):
            yield f"lists {quoted(name)}, and there is no folder {MODELS}{name}"
        elif name in there and model_id(folder, there[name]) not in (None, listed):
            found = quoted(model_id(folder, there[name]))
            yield f"lists {quoted(name)} as {quoted(listed)}, its model_config.json has {found}"
