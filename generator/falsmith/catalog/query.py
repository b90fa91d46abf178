"""A search of the catalogue: what is asked, and what is told of each model that is found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from fal_runtime.errors import UsageError
from fal_runtime.text import one_line
from falsmith.documents import Entry, Json
from falsmith.traits import PURPOSES

__all__ = ["Found", "Query", "Status", "close_categories", "found"]

Status = Literal["active", "deprecated", "all"]

# Far beyond any name of the catalogue, and short enough for the address line of any server.
TEXT_LIMIT, CATEGORY_LIMIT = 500, 100


@dataclass(frozen=True, slots=True)
class Query:
    """A search; one without text, category and abilities means every model of its status.

    `inputs` are names of input fields, `choices` pairs of a field and a value that it allows,
    `output_kinds` kinds of files that come out: a model must have all of them.
    Raises UsageError where a text is longer than any search, or the category empty.
    """

    text: str = ""
    category: str | None = None
    status: Status = "active"
    inputs: tuple[str, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    output_kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_long("the text to search for", self.text, TEXT_LIMIT)
        _refuse_long("the category", self.category or "", CATEGORY_LIMIT)
        if self.category is not None and not one_line(self.category):
            raise UsageError(
                "usage", "the category is empty: `falsmith categories` lists those that there are"
            )

    @property
    def words(self) -> tuple[str, ...]:
        """Return the words of the text, without anything invisible."""
        return tuple(one_line(self.text).split())

    @property
    def abilities(self) -> tuple[str, ...]:
        """Return what a model must be able to do, each named as the cache names it."""
        told = (
            *(f"input:{name}" for name in self.inputs),
            *(f"choice:{name}={value}" for name, value in self.choices),
            *(f"output:{kind}" for kind in self.output_kinds),
        )
        return tuple(map(one_line, told))


@dataclass(frozen=True, slots=True)
class Found:
    """What is told of a model that a search finds; an unknown text is empty."""

    model_id: str
    display_name: str
    category: str
    description: str
    status: str
    date: str
    license: str
    kind: str

    @property
    def newest_first(self) -> tuple[tuple[int, ...], str]:
        """Return a key that sorts the newest model first, and those of one date by their IDs."""
        return tuple(-ord(char) for char in self.date) or (1,), self.model_id


def found(entry: Entry, category: str = "") -> Found:
    """Return what a list entry tells, cleaned; `category` stands in where it tells none."""
    return Found(
        model_id=entry.model_id,
        display_name=_text(entry.metadata, "display_name") or entry.model_id,
        category=_text(entry.metadata, "category") or category,
        description=_text(entry.metadata, "description"),
        status=_text(entry.metadata, "status") or "active",
        date=_text(entry.metadata, "date"),
        license=_text(entry.metadata, "license_type"),
        kind=_text(entry.metadata, "kind"),
    )


def close_categories(category: str, known: Iterable[str]) -> list[str] | None:
    """Return up to three known categories that are close to an unknown one; None for a known one.

    Known are those that the catalogue had when this was written, and the given ones.
    """
    names = {*known, *PURPOSES}
    if category in names:
        return None
    return get_close_matches(category.lower(), sorted(names), n=3)


def _text(metadata: Mapping[str, Json], key: str) -> str:
    told = metadata.get(key)
    return one_line(told) if isinstance(told, str) else ""


def _refuse_long(name: str, told: str, limit: int) -> None:
    if len(told) > limit:
        raise UsageError("usage", f"{name} has {len(told)} characters, at most {limit} are allowed")
