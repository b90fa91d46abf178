"""references/model_config.json: which model this is."""

from fal_runtime.model_id import is_model_id
from falsmith.verify.folder import Folder
from falsmith.verify.json_text import check_json_object, json_object
from falsmith.verify.problem import Problem, shown

__all__ = ["MODEL_CONFIG", "check_model_config"]

MODEL_CONFIG = "references/model_config.json"
FIELDS = {
    "model_id": str,
    "name": str,
    "display_name": str,
    "category": str,
    "description": str,
    "input_schema_known": bool,
    "slow": bool,
}


def check_model_config(folder: Folder) -> list[Problem]:
    """Check the fields of model_config.json and that they name this folder's skill."""
    config = json_object(folder, MODEL_CONFIG)
    if config is None:
        return check_json_object(folder, MODEL_CONFIG)
    messages = [
        f"{name} is {shown(config.get(name))}, must be {'text' if kind is str else 'true or false'}"
        for name, kind in FIELDS.items()
        if not isinstance(config.get(name), kind)
    ]
    model_id = config.get("model_id")
    if isinstance(model_id, str) and not is_model_id(model_id):
        messages.append(f"model_id {shown(model_id)} is no model ID such as fal-ai/flux/dev")
    if isinstance(config.get("name"), str) and config["name"] != folder.name:
        messages.append(f"name is {shown(config['name'])}, the folder {shown(folder.name)}")
    return [Problem(MODEL_CONFIG, message) for message in messages]
