"""Which texts in an input or an output are links to files, and of what kind.

The rules come from counting the catalogue: a name that ends in `_url` or `_urls` finds all file
inputs but a handful, whose examples are links; `path` of adapters takes repository names instead.
"""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["extension_kind", "input_file_kind", "output_file_kind", "word_kind"]

# The kinds of the `ui.field` and `_fal_ui_field` hints of the platform's forms.
HINTS = {"image": "image", "image_mask": "image", "video": "video", "audio": "audio"}
HINTS |= {"archive": "archive", "file": "file"}
FILE_NAME = re.compile(r"(?:^|_)urls?(?:_?\d+)?$")
# Links that are addresses of a service, never content.
ADDRESS = re.compile(r"webhook|callback|redirect|endpoint|homepage|website|base_url|api_url")
# The first word that a name holds decides: `mask_video_url` is a video, `training_data_url` a zip.
WORDS = (
    ("archive", re.compile(r"zip|archive|tarball|images?_data|training_data|dataset")),
    ("video", re.compile(r"video|movie|footage|clip")),
    ("audio", re.compile(r"audio|voice|song|music|speech|sound|vocals")),
    ("image", re.compile(r"image|img|photo|picture|thumbnail|texture|mask|frame|face|garment")),
    ("3d", re.compile(r"mesh|glb|gltf|fbx|usdz|blend|armature|(?:^|_)(?:obj|stl|ply|3d)(?:_|$)")),
)
EXTENSIONS = {
    "image": "png jpg jpeg webp gif bmp tiff avif heic svg",
    "video": "mp4 mov webm mkv avi m4v",
    "audio": "mp3 wav flac ogg opus m4a aac mpga",
    "archive": "zip tar tgz gz 7z",
    "3d": "glb gltf fbx obj usdz stl ply blend mtl",
    "file": "safetensors json txt csv yaml pt bin srt vtt pdf",
}
KIND_OF_EXTENSION = {ext: kind for kind, exts in EXTENSIONS.items() for ext in exts.split()}


def input_file_kind(where: str, name: str, schema: Mapping[str, Any], hint: str) -> str | None:
    """Return the kind of file that the text called `name` links to, or None where it is no link."""
    if not _free_text(schema) or ADDRESS.search(name.lower()):
        return None
    example = _example_kind(schema)
    linked = example not in (None, "file") and not name.lower().endswith("path")
    if hint in HINTS or FILE_NAME.search(name.lower()) or linked:
        return HINTS.get(hint) or _word_kind(where, name) or example or "file"
    return None


def output_file_kind(where: str, name: str, schema: Mapping[str, Any], hint: str) -> str | None:
    """Return the kind of a produced file: the `url` of a file object, or a text named `…_url`."""
    if not _free_text(schema) or not FILE_NAME.search(name.lower()):
        return None
    return HINTS.get(hint) or _word_kind(where, name) or _example_kind(schema) or "file"


def extension_kind(link: str) -> str | None:
    """Return the kind that the extension of a link's path tells, or None."""
    path = re.split(r"[?#]", link, maxsplit=1)[0]
    return KIND_OF_EXTENSION.get(path.rsplit(".", 1)[-1].lower()) if "." in path[-12:] else None


def word_kind(name: str) -> str | None:
    """Return the kind that the words of a field's name tell, or None."""
    return next((kind for kind, words in WORDS if words.search(name.lower())), None)


def _free_text(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    texts = kind == "string" or (isinstance(kind, list) and "string" in kind)
    return texts and not schema.keys() & {"enum", "const"} and schema.get("format") != "binary"


def _word_kind(where: str, name: str) -> str | None:
    owner = where.replace("[]", "").rpartition(".")[0].rpartition(".")[2]
    return word_kind(name) or (word_kind(owner) if name == "url" else None)


def _example_kind(schema: Mapping[str, Any]) -> str | None:
    for example in schema.get("examples", ()):
        if isinstance(example, str) and example.startswith(("http://", "https://")):
            return extension_kind(example)
    return None
