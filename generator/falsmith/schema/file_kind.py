"""Which texts in an input or an output are links to files, and of what kind.

The rules come from counting the catalogue: a name that ends in `_url` or `_urls` finds all file
inputs but a handful, whose examples are links; `path` of adapters takes repository names instead.
"""

import re
from collections.abc import Mapping
from typing import Any

from fal_runtime.file_kinds import extension_of, kind_of, word_kind

__all__ = ["extension_kind", "input_file_kind", "output_file_kind"]

# The kinds of the `ui.field` and `_fal_ui_field` hints of the platform's forms.
HINTS = {"image": "image", "image_mask": "image", "video": "video", "audio": "audio"}
HINTS |= {"archive": "archive", "file": "file"}
FILE_NAME = re.compile(r"(?:^|_)urls?(?:_?\d+)?$")
# Links that are addresses of a service, never content.
ADDRESS = re.compile(r"webhook|callback|redirect|endpoint|homepage|website|base_url|api_url")


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
    """Return the kind of a link's extension, None for an unknown one; `x-file` has no texts."""
    kind = kind_of("", link) if extension_of(link) else None
    return "file" if kind == "text" else kind


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
