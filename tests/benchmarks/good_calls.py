"""Whether the call that a skill shows is a good one: the document's words, the media it needs."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from figures import Figure

from fal_runtime.file_kinds import extension_of
from falsmith.documents import Documents
from falsmith.model import Model
from falsmith.parse import parse
from falsmith.schema.branches import branches, follow
from falsmith.sources import Source

__all__ = ["good_calls"]

# What takes pictures, videos or sound by the words of its category or ID.
TAKES_MEDIA = re.compile(
    r"^(?:image|video|audio|speech|3d)-to-|^(?:vision|training) |image-to-(?:image|video|3d)"
    r"|video-to-video|/edit\b|/inpaint|/outpaint|reference-to-|first-last-frame|upscale"
)
# Their documents' own example is that of the sibling that takes text alone: no word of a picture.
OF_A_SIBLING = frozenset(f"nvidia/nemotron-3-nano-omni/{one} prompt" for one in ("audio", "vision"))
NOBODY = re.compile(r'example\.com|"example"|red fox crossing|quick brown fox')


def good_calls(source: Source) -> list[Figure]:
    """Return how many shown calls have words or files that they should not, or lack a medium."""
    models = [parse(one) for one in source.all() if isinstance(one, Documents)]
    note = f"{len(models):,} models"
    shown = [f"{one.id} {name}" for one in models for name in _fillers(one)]
    fillers = [one for one in shown if one not in OF_A_SIBLING]
    without = [one.id for one in models if _lacks_medium(one)]
    nobody = [one.id for one in models if NOBODY.search(json.dumps(one.brief_example))]
    return [
        Figure("our filler where the document has an example", len(fillers), 0, "", _few(fillers)),
        Figure("calls without the medium that they need", len(without), 0, "", _few(without)),
        Figure("calls with a file or word of nobody", len(nobody), 0, "", _few(nobody) or note),
    ]


def _few(found: list[str]) -> str:
    return ", ".join(found[:3])


def _fillers(model: Model) -> Iterator[str]:
    """Yield the fields that show a text which no example or default of theirs begins with."""
    properties = model.input_schema.get("properties", {})
    for name, value in model.brief_example.items():
        field = follow(properties.get(name, {}), model.input_schema)
        own = [one for one in field.get("examples", ()) if isinstance(one, str) and one.strip()]
        if not own or not isinstance(value, str) or _takes_file(field, model.input_schema):
            continue
        if not any(_words(text)[: len(_words(value))] == _words(value) for text in own):
            yield name


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _lacks_medium(model: Model) -> bool:
    """Return whether a model of a kind that takes media has a field for them and shows none."""
    fields = [
        part
        for part in model.input_schema.get("properties", {}).values()
        if _takes_file(part, model.input_schema)
    ]
    if not fields or not TAKES_MEDIA.search(f"{model.category} {model.id}"):
        return False
    return not any(
        extension_of(text) or text.startswith("data:") for text in _texts(model.brief_example)
    )


def _takes_file(field: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    parts = branches(field, root)
    lists = [part["items"] for part in parts if isinstance(part.get("items"), Mapping)]
    return any("x-file" in part for part in parts) or any(
        "x-file" in part for items in lists for part in branches(items, root)
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(part)
