"""A model: how its ID reads, and what a skill's own folder says of it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fal_runtime.errors import LocalError, UsageError
from fal_runtime.schema.document import SchemaDocument

__all__ = ["SkillModel", "checked_model_id", "known_model", "own_skill", "read_skill_model"]

_MODEL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*(/[A-Za-z0-9_][A-Za-z0-9_.~-]*)+")
_LONGEST_MODEL_ID = 200
_OLD_MODEL_ID = re.compile(r"(\d+)-([A-Za-z0-9_][A-Za-z0-9_.~-]*)")


@dataclass(frozen=True, slots=True)
class SkillModel:
    """The model of a skill: its ID, what it makes, and its input schema."""

    model_id: str
    category: str
    description: str
    document: SchemaDocument


def checked_model_id(model_id: str) -> str:
    """Return the ID as a path below fal's hosts, or raise UsageError for a malformed one."""
    old = _OLD_MODEL_ID.fullmatch(model_id)
    if old is not None:
        return f"{old[1]}/{old[2]}"
    if _MODEL_ID.fullmatch(model_id) is None or len(model_id) > _LONGEST_MODEL_ID:
        raise UsageError(
            "usage", f"{model_id[:200]!r} is no model ID: it reads owner/app or owner/app/variant"
        )
    return model_id


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


def own_skill() -> Path | None:
    """Return the skill that carries this package, None when it is installed elsewhere."""
    # Not resolved: in a skill the package may be a link, and the skill's own files are meant.
    skill = Path(__file__).absolute().parent.parent.parent
    return skill if (skill / "references" / "model_config.json").is_file() else None


def _object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(file, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise _broken(file, f"is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise _broken(file, "is not a JSON object")
    return found


def _broken(file: Path, reason: str) -> LocalError:
    return LocalError(
        "local_trouble",
        f"{file} {reason}. Generate the skill again with `falsmith generate --force`",
    )
