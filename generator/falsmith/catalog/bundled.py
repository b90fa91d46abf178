"""The catalogue that ships in the package: a few models, described in our own words.

Fields, types, choices, defaults and limits are those of fal's public documents; every text is ours.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from falsmith.documents import Documents, Json

__all__ = ["bundled_all", "bundled_documents", "bundled_ids"]

FOLDER = Path(__file__).with_name("bundled")


def bundled_ids() -> tuple[str, ...]:
    """Return the IDs of the bundled models, sorted."""
    return tuple(_metadata())


def bundled_documents(model_id: str) -> Documents | None:
    """Return the documents of a bundled model, or None where it is not bundled."""
    metadata = _metadata().get(model_id)
    if metadata is None:
        return None
    name = model_id.replace("/", "__") + ".json"
    return Documents(model_id, metadata, json.loads((FOLDER / "openapi" / name).read_bytes()))


def bundled_all() -> Iterator[Documents]:
    """Yield the documents of every bundled model, in the order of their IDs."""
    yield from filter(None, map(bundled_documents, bundled_ids()))


@cache
def _metadata() -> Mapping[str, Mapping[str, Json]]:
    entries = json.loads((FOLDER / "models.json").read_bytes())
    return dict(sorted((entry["endpoint_id"], entry["metadata"]) for entry in entries))
