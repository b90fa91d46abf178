"""The IDs of fal's models: which texts are one, and which app each belongs to."""

import re

from fal_runtime.errors import UsageError
from fal_runtime.text import cut

# Owner, app and up to six path segments; the catalogue's longest ID has 62 characters.
MODEL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.~-]*){1,7}")
_LONGEST = 200
# The official clients still take the digits of an owner, a hyphen and the app's name.
_OLD_ID = re.compile(r"(\d+)-([A-Za-z0-9_][A-Za-z0-9_.~-]*)")
# IDs of these two carry a namespace before owner and app, as the official clients know it.
_NAMESPACES = ("workflows", "comfy")


def is_model_id(text: str) -> bool:
    """Return whether a text can be a model's ID, and so a path below fal's hosts."""
    return len(text) <= _LONGEST and ".." not in text and MODEL_ID.fullmatch(text) is not None


def checked_model_id(model_id: str) -> str:
    """Return the ID, `123-app` as `123/app`; raises UsageError for a text that can be none."""
    old = _OLD_ID.fullmatch(model_id)
    model_id = f"{old[1]}/{old[2]}" if old is not None else model_id
    if is_model_id(model_id):
        return model_id
    shown = repr(cut(model_id, 200))
    raise UsageError("usage", f"{shown} is no model ID: it reads owner/app or owner/app/variant")


def app_of(model_id: str) -> str:
    """Return owner and app of an ID, with the namespace where there is one.

    Jobs live below the app, never below the whole ID.
    """
    parts = model_id.split("/")
    return "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])
