"""The format of a produced file, as the document of its model tells it."""

import re
from collections.abc import Iterator, Mapping

from fal_runtime.file_kinds import extension_of
from fal_runtime.schema.document import Schema
from falsmith.documents import Json

__all__ = ["stated_format"]

# The words of a description that are formats, and nothing else in English.
FORMAT = re.compile(
    r"(?<![a-z0-9])(svg|gif|png|jpe?g|webp|mp4|webm|mov|mkv|wav|mp3|flac|ogg|opus|aac|m4a"
    r"|glb|gltf|obj|fbx|stl|ply|usdz|json|srt|vtt|csv|zip|npz|safetensors"
    r"|(?<=\.)(?:splat|blend|txt))(?![a-z0-9])"
)
NAMED = frozenset({"svg", "blend", "json", "srt", "vtt", "csv", "zip", "npz", "safetensors"})
# What an ID says of a model whose pictures are drawings.
DRAWS = re.compile(r"svg|vector(?:i[sz]e)?(?:[/-]|$)")


def stated_format(schema: Schema, name: str, model_id: str) -> str:
    """Return the extension of the files of an output field, '' where nothing tells it.

    An example's link counts before the description, and that before the names of field and model.
    """
    links = (extension_of(link) for link in _links(schema.get("examples")))
    if by_example := next(filter(None, links), ""):
        return by_example
    about = schema.get("description")
    if isinstance(about, str) and (word := FORMAT.search(about.lower())):
        return extension_of(f"file.{word[1]}")
    if by_name := next((word for word in name.lower().split("_") if word in NAMED), ""):
        return by_name
    if "splat" in name:
        return "ply"
    return "svg" if name.startswith("image") and DRAWS.search(model_id) else ""


def _links(example: Json) -> Iterator[str]:
    """Yield the links of an example: of a file, of a list of files, or a link itself."""
    if isinstance(example, str):
        yield example
    elif isinstance(example, list):
        for part in example:
            yield from _links(part)
    elif isinstance(example, Mapping):
        yield from _links(example.get("url"))
