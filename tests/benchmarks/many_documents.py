"""A catalogue as large as the real one, for where the real one is not at hand."""

import json
from pathlib import Path

from falsmith.catalog.bundled import bundled_all

__all__ = ["many_documents"]

COUNT = 1080


def many_documents(folder: Path) -> Path:
    """Save the bundled documents below `folder` over and over, each under an ID of its own."""
    documents = folder / "openapi"
    documents.mkdir()
    bundled = list(bundled_all())
    entries = []
    for place in range(COUNT):
        one = bundled[place % len(bundled)]
        model_id = f"{one.model_id}-{place // len(bundled)}"
        text = json.dumps(one.openapi).replace(one.model_id, model_id)
        (documents / f"{model_id.replace('/', '__')}.json").write_text(text)
        entries.append({"endpoint_id": model_id, "metadata": dict(one.metadata)})
    (folder / "models.json").write_text(json.dumps(entries))
    return folder
