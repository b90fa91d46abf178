"""The model of a skill, as the skill's own folder describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fal_runtime.errors import LocalError
from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.schema.document import SchemaDocument

__all__ = ["SkillModel", "defaults_file", "known_model", "own_skill", "read_skill_model"]

# As deep as a document that a schema is made of.
_DEEPEST_SCHEMA = 100


@dataclass(frozen=True, slots=True)
class SkillModel:
    """The model of a skill: its ID, what it makes, and its input schema."""

    model_id: str
    category: str
    description: str
    document: SchemaDocument


def read_skill_model(skill: Path) -> SkillModel:
    """Read `references/model_config.json` and `references/input.schema.json`.

    Raises LocalError that names the file when one is missing or is no JSON object.
    """
    config = _object(skill / "references" / "model_config.json")
    known = config.get("input_schema_known") is not False
    schema = _object(skill / "references" / "input.schema.json") if known else {}
    return SkillModel(
        str(config.get("model_id")),
        str(config.get("category") or ""),
        str(config.get("description") or ""),
        SchemaDocument(schema),
    )


def known_model(skill: Path | None, model_id: str | None) -> SkillModel | None:
    """Return the skill's model when that is the one meant, else None."""
    model = read_skill_model(skill) if skill is not None and model_id is not None else None
    return model if model is not None and model.model_id == model_id else None


def defaults_file(skill: Path | None) -> Path | None:
    """Return a skill's defaults.yaml where there is one, be it only a link that leads nowhere."""
    file = skill.absolute() / "references" / "defaults.yaml" if skill is not None else None
    return file if file is not None and (file.is_symlink() or file.exists()) else None


def own_skill() -> Path | None:
    """Return the skill that carries this package, None when it is installed elsewhere."""
    # Not resolved: in a skill the package may be a link, and the skill's own files are meant.
    skill = Path(__file__).absolute().parent.parent.parent
    return skill if (skill / "references" / "model_config.json").is_file() else None


def _object(file: Path) -> dict[str, Any]:
    try:
        found = parse_json(file.read_bytes(), deepest=_DEEPEST_SCHEMA, duplicates=True)
    except OSError as error:
        raise _broken(file, f"cannot be read: {error.strerror}") from None
    except JsonTextError as error:
        raise _broken(file, f"cannot be read: {error.reason}") from None
    if not isinstance(found, dict):
        raise _broken(file, "is not a JSON object")
    return found


def _broken(file: Path, reason: str) -> LocalError:
    return LocalError(
        "local_trouble",
        f"{file} {reason}. Generate the skill again with `falsmith generate --force`",
    )
