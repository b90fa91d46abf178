"""How many tokens an agent reads: SKILL.md in both forms, and the YAML reference."""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import bpe_openai
from figures import Figure

from falsmith.collection import parse_collection
from falsmith.documents import CollectionDocuments, Documents
from falsmith.names import short_name
from falsmith.parse import parse
from falsmith.render import Options, render, render_collection
from falsmith.skill.tree import Entry, File
from falsmith.sources import Source

__all__ = ["token_budgets"]

# So many models a collection, of like kind; its SKILL.md has so many tokens beside their rows.
COLLECTION_SIZE, COLLECTION_TOKENS = 20, 500
VOCABULARY = bpe_openai.get_encoding("o200k_base")


@dataclass(frozen=True, slots=True)
class Counts:
    """The tokens of what one model's skill has to be read."""

    lazy: int
    full: int
    reference: int
    document: int


def token_budgets(source: Source) -> list[Figure]:
    """Return the token counts over every document that can be used."""
    documents = [one for one in source.all() if isinstance(one, Documents)]
    counts = list(map(_counts, documents))
    note = f"{len(counts):,} models, o200k"
    lazy, full = [one.lazy for one in counts], [one.full for one in counts]
    ratios = [one.reference / one.document for one in counts]
    return [
        Figure("lazy SKILL.md, median", statistics.median(lazy), 350, " tokens", note),
        Figure("lazy SKILL.md, p99", _percentile(lazy, 99), 550, " tokens", note),
        Figure("full SKILL.md, median", statistics.median(full), 950, " tokens", note),
        Figure("full SKILL.md, p99", _percentile(full, 99), 2500, " tokens", note),
        Figure(
            "YAML reference : document, median",
            statistics.median(ratios),
            0.6,
            " x",
            f"{note}, minified",
        ),
        Figure(
            f"collection of {COLLECTION_SIZE}, beyond {COLLECTION_TOKENS}, most",
            max(_a_model(documents)),
            60,
            " tokens a model",
            note,
        ),
    ]


def _a_model(documents: Sequence[Documents]) -> Iterator[float]:
    """Yield for each collection what its SKILL.md has a model, beside what all of them have."""
    listed = sorted(documents, key=lambda one: str(one.metadata.get("category")))
    for start in range(0, len(listed), COLLECTION_SIZE):
        models = {short_name(one.model_id): one for one in listed[start : start + COLLECTION_SIZE]}
        collection = parse_collection(CollectionDocuments(models), "media")
        body = _contents(render_collection(collection, Options()))["SKILL.md"].decode()
        yield (_tokens(body) - COLLECTION_TOKENS) / len(models)


def _contents(entries: Sequence[Entry]) -> dict[str, bytes]:
    return {str(one.path): one.content for one in entries if isinstance(one, File)}


def _counts(documents: Documents) -> Counts:
    model = parse(documents)
    lazy = _contents(render(model, Options(lazy=True)))
    full = _contents(render(model, Options()))
    raw = json.dumps(documents.openapi, ensure_ascii=False, separators=(",", ":"))
    return Counts(
        _tokens(lazy["SKILL.md"].decode()),
        _tokens(full["SKILL.md"].decode()),
        _tokens(lazy[f"references/tools/{model.skill_name}.yaml"].decode()),
        _tokens(raw),
    )


def _tokens(text: str) -> int:
    return len(VOCABULARY.encode_ordinary(text))


def _percentile(values: Sequence[int], percent: int) -> float:
    """Return the value that `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
