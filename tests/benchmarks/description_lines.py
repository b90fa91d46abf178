"""How well the lines tell models apart: without their names, and without brands and versions."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from figures import Figure

from falsmith.documents import Documents
from falsmith.model import Model
from falsmith.parse import parse
from falsmith.sources import Source

__all__ = ["description_lines", "differing_in_brand_alone", "distinct_lines", "shared_titles"]

LONGEST_LINE = 250
WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)*")
# Words of a name that say what goes in and out: they are not the brand.
MEDIA = frozenset({"image", "video", "audio", "text", "to", "3d"})


def description_lines(source: Source) -> list[Figure]:
    """Return the shares of lines that repeat another, and of titles, over every document."""
    documents = [one for one in source.all() if isinstance(one, Documents)]
    models = [parse(one) for one in documents]
    told = [model for model, one in zip(models, documents, strict=True) if one.metadata]
    note, all_of = f"of {len(told):,} with metadata", f"of {len(models):,}"
    repeated = 1 - distinct_lines(told) if told else 0.0
    alike = differing_in_brand_alone(models)
    titles = shared_titles(models)
    longest = max((len(one.description) for one in models), default=0)
    return [
        Figure("lines that repeat one, without ID and title", 100 * repeated, 10, " %", note),
        Figure("lines that differ in brand and version alone", len(alike), None, "", all_of),
        Figure("models that share a title", len(titles), None, "", all_of),
        Figure("longest line", longest, LONGEST_LINE, " characters"),
    ]


def distinct_lines(models: Sequence[Model]) -> float:
    """Return the share of lines that are still different without ID and title."""
    return len({_nameless(one) for one in models}) / len(models)


def differing_in_brand_alone(models: Iterable[Model]) -> list[str]:
    """Return the IDs of models whose line, without all words of their name, is another's.

    Another's of the same category.
    """
    lines = {one.id: (one.category, _brandless(one)) for one in models}
    counts = Counter(lines.values())
    return [model_id for model_id, line in lines.items() if counts[line] > 1]


def shared_titles(models: Iterable[Model]) -> list[str]:
    """Return the IDs of models whose title is also another's."""
    titles = {one.id: one.display_name for one in models}
    counts = Counter(titles.values())
    return [model_id for model_id, title in titles.items() if counts[title] > 1]


def _nameless(model: Model) -> str:
    return model.description.replace(f"({model.id})", "").replace(model.display_name, "")


def _brandless(model: Model) -> tuple[str, ...]:
    names = set(WORD.findall(f"{model.id} {model.display_name}".lower())) - MEDIA
    return tuple(word for word in WORD.findall(_nameless(model).lower()) if word not in names)
