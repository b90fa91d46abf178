"""The words of every model in an index of SQLite's FTS5, and how well each model fits a search."""

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from falsmith.catalog.words import SearchTerms, Word, apart, search_terms

__all__ = ["COLUMNS", "TABLE", "Rank", "delete_words", "put_words", "ranks"]

# The texts that a model is found by, and how much a word in each of them says: what a model is
# called says more than what is said of it, and that more than what its fields are called.
COLUMNS: Mapping[str, float] = {
    "model_id": 12.0,
    "title": 10.0,
    "summary": 5.0,
    "tags": 4.5,
    "category": 4.0,
    "fields": 2.5,
    "choices": 2.0,
    "notes": 0.7,
}
TABLE = f"""
CREATE VIRTUAL TABLE words USING fts5 ({", ".join(COLUMNS)}, tokenize = 'porter unicode61')
"""
# Where the beginning of a word is enough: in a sentence, `end` would find `endless`.
NAMES = ("model_id", "title", "tags")
SHORTEST_BEGINNING = 3
# How much it counts beside a word that is found: a word that says a task, another name in place of
# the word, its beginning alone, each further text that has it, two words side by side, what
# becomes of what, and each word that is missing. Tried out on a hundred phrases.
TASK, OTHER, BEGINNING, FURTHER, BESIDE, CONVERSION, MISSING = 2.0, 0.8, 0.5, 0.3, 0.4, 1.0, 0.85
# How many other words may stand between two that belong together.
DISTANCE = 3
# Of a model that lacks a word, how much of the best score it must have to be named.
GOOD = 0.4

Texts = Mapping[str, str]
# Phrases in the index's own language, the columns to look in, and how much they count.
Phrases = tuple[str, Iterable[str], float]


@dataclass(frozen=True, slots=True)
class Rank:
    """How well a model fits, and the words that it has in none of its texts."""

    score: float
    missing: tuple[str, ...]


def put_words(rows: sqlite3.Connection, number: int, texts: Texts) -> None:
    """Write some of the texts of a model by its number; the others stay as they are."""
    values = [apart(text) for text in texts.values()]
    assigned = ", ".join(f"{name} = ?" for name in texts)
    written = rows.execute(f"UPDATE words SET {assigned} WHERE rowid = ?", [*values, number])
    if not written.rowcount:
        columns, marks = ", ".join(["rowid", *texts]), ", ".join("?" * (len(texts) + 1))
        rows.execute(f"INSERT INTO words ({columns}) VALUES ({marks})", [number, *values])


def delete_words(rows: sqlite3.Connection, numbers: str, values: Iterable[object]) -> None:
    """Delete the texts of the models whose numbers a SELECT gives."""
    rows.execute(f"DELETE FROM words WHERE rowid IN ({numbers})", tuple(values))


def ranks(rows: sqlite3.Connection, text: str, among: frozenset[int]) -> dict[int, Rank]:
    """Return the rank of each model that fits: has all words, or is nearly as good as the best."""
    asked = search_terms(text)
    index = _Index(rows, among)
    scores: dict[int, float] = {}
    having: dict[int, set[str]] = {}
    for word in asked.words:
        factor = TASK if word.is_task else 1.0
        for number, score in index.scores(_of_word(word)).items():
            scores[number] = scores.get(number, 0.0) + factor * score
            having.setdefault(number, set()).add(word.text)
    for phrases, factor in _of_several(asked):
        for number, score in index.scores([(phrases, COLUMNS, 1.0)]).items():
            if number in scores:
                scores[number] += factor * score
    found = {}
    for number, score in scores.items():
        missing = tuple(one.text for one in asked.words if one.text not in having[number])
        found[number] = Rank(round(score * MISSING ** len(missing), 6), missing)
    best = max((one.score for one in found.values()), default=0.0)
    return {
        number: one for number, one in found.items() if not one.missing or one.score >= GOOD * best
    }


def _of_word(word: Word) -> Iterator[Phrases]:
    yield _quoted(word.text), COLUMNS, 1.0
    if word.others:
        yield " OR ".join(map(_quoted, word.others)), COLUMNS, OTHER
    if len(word.text) >= SHORTEST_BEGINNING:
        yield f"{_quoted(word.text)} *", NAMES, BEGINNING


def _of_several(asked: SearchTerms) -> Iterator[tuple[str, float]]:
    """Yield what says more than its words do each by itself, and how much."""
    for first, second in pairwise(asked.words):
        near = f"NEAR({_quoted(first.text)} {_quoted(second.text)}, {DISTANCE})"
        same = [_quoted(one) for one in first.others if one in second.others]
        yield " OR ".join([near, *same]), BESIDE
    for conversion in asked.conversions:
        yield _quoted(conversion), CONVERSION


@dataclass(frozen=True, slots=True)
class _Index:
    """The index, of which only some models are looked at."""

    rows: sqlite3.Connection
    among: frozenset[int]

    def scores(self, searched: Iterable[Phrases]) -> dict[int, float]:
        """Return how much the models that have any of the phrases gain by them.

        The text that says most counts, and the others a little; what few models have says more.
        """
        weights: dict[int, dict[str, float]] = {}
        for phrases, columns, factor in searched:
            for column in columns:
                weight = factor * COLUMNS[column]
                for number in self._having(phrases, column):
                    known = weights.setdefault(number, {})
                    known[column] = max(weight, known.get(column, 0.0))
        rarity = math.log(1 + len(self.among) / (1 + len(weights)))
        return {number: rarity * _together(known.values()) for number, known in weights.items()}

    def _having(self, phrases: str, column: str) -> frozenset[int]:
        statement = "SELECT rowid FROM words WHERE words MATCH ?"
        found = self.rows.execute(statement, (f"{column} : ({phrases})",))
        return self.among.intersection(number for (number,) in found)


def _together(weights: Iterable[float]) -> float:
    all_weights = sorted(weights)
    return all_weights[-1] + FURTHER * sum(all_weights[:-1])


def _quoted(phrase: str) -> str:
    """Return a phrase as one that is searched for as it is, whatever it holds."""
    return '"' + apart(phrase).replace('"', '""') + '"'
