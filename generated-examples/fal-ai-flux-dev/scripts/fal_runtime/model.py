"""The model that is called, as the folder of its own skill describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fal_runtime.errors import LocalError
from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.model_id import checked_model_id
from fal_runtime.paths import content_of, reason
from fal_runtime.schema.document import SchemaDocument

# As deep as a document that a schema is made of.
_DEEPEST_SCHEMA = 100
_NOTHING_KNOWN = SchemaDocument({})


@dataclass(frozen=True, slots=True)
class CalledModel:
    """A model's ID and, where a skill is its own: the skill, the input's schema and a title."""

    model_id: str | None
    skill: Path | None = None
    document: SchemaDocument = _NOTHING_KNOWN
    title: str = "Call any fal.ai model by its ID"


def called_model(skill: Path | None, model_id: str | None) -> CalledModel:
    """Return the model of this ID, with what a skill knows of it where it is the skill's own.

    Raises UsageError for a text that is no ID, LocalError that names a file of the skill which is
    missing or is no JSON object.
    """
    checked = checked_model_id(model_id) if model_id is not None else None
    if skill is None or checked is None:
        return CalledModel(checked)
    config = _json_object(skill / "references" / "model_config.json")
    if config.get("model_id") != checked:
        return CalledModel(checked)
    known = config.get("input_schema_known") is not False
    schema = _json_object(skill / "references" / "input.schema.json") if known else {}
    title = f"{checked} ({config.get('category') or 'model'}): {config.get('description') or ''}"
    return CalledModel(checked, skill, SchemaDocument(schema), title)


def preset_model(skill: Path) -> str | None:
    """Return the ID of a skill's model; raises LocalError as `called_model`."""
    model_id = _json_object(skill / "references" / "model_config.json").get("model_id")
    return model_id if isinstance(model_id, str) else None


def defaults_file(skill: Path | None) -> Path | None:
    """Return a skill's defaults.yaml where there is one, be it only a link that leads nowhere."""
    file = skill.absolute() / "references" / "defaults.yaml" if skill is not None else None
    return file if file is not None and (file.is_symlink() or file.exists()) else None


def own_skill() -> Path | None:
    """Return the skill that carries this package, None when it is installed elsewhere."""
    # Not resolved: in a skill the package may be a link, and the skill's own files are meant.
    skill = Path(__file__).absolute().parent.parent.parent
    return skill if (skill / "references" / "model_config.json").is_file() else None


def _json_object(file: Path) -> dict[str, Any]:
    try:
        value = parse_json(content_of(file), deepest=_DEEPEST_SCHEMA, duplicates=True)
        if isinstance(value, dict):
            return value
        wrong = "is not a JSON object"
    except OSError as error:
        wrong = f"cannot be read: {reason(error)}"
    except JsonTextError as error:
        wrong = f"cannot be read: {error.reason}"
    raise LocalError(
        "local_trouble",
        f"{file} {wrong}. Generate the skill again with `falsmith generate --force`",
    )
