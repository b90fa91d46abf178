"""queue_config.yaml: settings that the runtime accepts."""

from fal_runtime.errors import FalError
from fal_runtime.settings import SETTINGS_FILE, load_settings
from falsmith.verify.folder import Folder
from falsmith.verify.problem import Problem
from falsmith.verify.yaml_text import read_yaml

__all__ = ["check_queue_config"]

LONGEST = 50_000


def check_queue_config(folder: Folder) -> list[Problem]:
    """Check that the file is plain YAML, then that the runtime takes each of its settings."""
    text = folder.texts.get(SETTINGS_FILE)
    if text is None:
        return []
    if len(text) > LONGEST:
        return [Problem(SETTINGS_FILE, f"is longer than {LONGEST:,} characters")]
    try:
        read_yaml(text)
        load_settings(folder.root, {})
    except ValueError as error:
        return [Problem(SETTINGS_FILE, str(error))]
    except OverflowError:
        return [Problem(SETTINGS_FILE, "holds a number that is too large")]
    except FalError as error:
        told = str(error).replace(str(folder.root / SETTINGS_FILE), SETTINGS_FILE)
        return [Problem(SETTINGS_FILE, told)]
    return []
