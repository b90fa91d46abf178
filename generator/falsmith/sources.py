"""Where models come from: the Platform API, the cache, the bundled catalogue, or saved files."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from fal_runtime.errors import FalError, LocalError, UsageError
from falsmith.catalog.bundled import bundled_all, bundled_documents, bundled_ids
from falsmith.catalog.query import Match, Query, match_of
from falsmith.catalog.saved import DocumentFile, SavedSource
from falsmith.catalog.words import relaxed, renamed
from falsmith.documents import Documents, ListEntry, entry_documents
from falsmith.errors import DocumentError, ModelNotFoundError, SkillNameError
from falsmith.names import check_model_id, close_ids

if TYPE_CHECKING:
    from falsmith.catalog.cache import Cache
    from falsmith.platform import Platform

__all__ = ["Bundled", "Cached", "Indexed", "Live", "Offline", "SearchableSource", "Source"]

T = TypeVar("T")
Notice = Callable[[str], None]
EVERYTHING = Query(status="all")
# A live search that finds fewer models is asked in other words: so many times, for so many models.
FEW, MOST_REQUESTS, PAGE = 5, 4, 50


class Source(Protocol):
    """One place that has models; never falls back to another by itself."""

    def documents(self, model_id: str) -> Documents:
        """Return the model's documents; raises a FalError where it cannot."""

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, and an error for each that cannot be read."""


class SearchableSource(ABC):
    """A source that can be searched."""

    @abstractmethod
    def documents(self, model_id: str) -> Documents:
        """Return the model's documents; raises a FalError where it cannot."""

    def each(self, model_ids: Sequence[str]) -> Iterator[tuple[str, Documents | FalError]]:
        """Yield each model with its documents, or why they are not to be had."""
        for model_id in model_ids:
            try:
                yield model_id, self.documents(model_id)
            except (DocumentError, ModelNotFoundError, SkillNameError) as error:
                yield model_id, error

    @abstractmethod
    def search(self, query: Query, limit: int | None = None) -> Iterator[Match | DocumentError]:
        """Yield the models that fit, at most `limit`, and an error for each that is malformed.

        The best come first where words rank them, else the newest.
        """

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Yield the documents of every model that fits, and an error for each without any.

        One that lacks a word of the search is none of them.
        """
        yield from self._documents_of(self.search(query))

    def _documents_of(
        self, found: Iterable[Match | DocumentError]
    ) -> Iterator[Documents | DocumentError]:
        for one in found:
            if isinstance(one, Match) and one.missing:
                continue
            try:
                yield one if isinstance(one, DocumentError) else self.documents(one.model_id)
            except (DocumentError, ModelNotFoundError) as error:
                yield DocumentError(error.message, one.model_id)

    def all(self) -> Iterator[Documents | DocumentFile | DocumentError]:
        """Yield every model; saved files that name their model first are still to be read."""
        yield from self.matching(EVERYTHING)

    def categories(self) -> dict[str, int]:
        """Return how many active models each category has; models without one are `unknown`."""
        found = (one for one in self.search(Query()) if isinstance(one, Match))
        return dict(Counter(one.category for one in found))

    def abilities(self) -> frozenset[str]:
        """Return what any model takes and makes, as far as documents are at hand."""
        return frozenset()


class Live(SearchableSource):
    """The Platform API; what it answers about a model is kept in `cache`, where one is given.

    A cache that cannot be written takes nothing from a live answer: `notice` gets one line.
    """

    def __init__(
        self, platform: "Platform", cache: "Cache | None" = None, notice: Notice = lambda _: None
    ) -> None:
        self.platform = platform
        self._cache = cache
        self._notice = notice

    def documents(self, model_id: str) -> Documents:
        """Ask the platform for one model; the error for one that it lacks names close ones."""
        try:
            return self._remembered(self.platform.find(model_id))
        except ModelNotFoundError as error:
            close = self._close(model_id)
            if not close:
                raise
            raise ModelNotFoundError(f"{error.message}.{close}") from None

    def each(self, model_ids: Sequence[str]) -> Iterator[tuple[str, Documents | FalError]]:
        """Ask the platform for many models at once; raises what is not about one of them."""
        for model_id, entry in self.platform.find_each(model_ids):
            try:
                if entry is None:
                    raise ModelNotFoundError(f"fal knows no model {model_id} any more")
                if isinstance(entry, DocumentError):
                    raise entry
                yield model_id, self._remembered(entry_documents(entry, "the platform's list"))
            except (DocumentError, ModelNotFoundError) as error:
                yield model_id, error

    def search(self, query: Query, limit: int | None = None) -> Iterator[Match | DocumentError]:
        """Ask the platform, which ranks words itself; without any, the newest come first.

        Where it knows few that fit, what it finds by other words comes too, ranked here.
        Raises UsageError for abilities, which the platform cannot be asked for.
        """
        models = []
        for one in self._entries(query, limit if query.words else None):
            if isinstance(one, ListEntry):
                models.append(one)
            else:
                yield one
        if not query.words:
            yield from sorted(map(match_of, models), key=lambda one: one.newest_first)[:limit]
        elif len(models) >= min(FEW, limit or FEW):
            yield from map(match_of, models)
        else:
            yield from self._closest(query, models)[:limit]

    def _closest(self, query: Query, found: Sequence[ListEntry]) -> list[Match]:
        """Ask by other words, in a few requests, and rank what comes with what was found."""
        from falsmith.catalog.cache import Cache

        index = Cache(None, self._notice)
        index.add(found)
        names = renamed(query.text)
        for text in relaxed(query.text)[:MOST_REQUESTS]:
            count = index.contents().models
            # Once something is there, only other names of the same task come as close.
            if count == 0 or (count < FEW and text in names):
                more = self._entries(replace(query, text=text), PAGE)
                index.add(one for one in more if isinstance(one, ListEntry))
        ranked = index.search(Query(query.text, status="all"))
        known = {one.model_id for one in ranked}
        return [*ranked, *(match_of(one) for one in found if one.model_id not in known)]

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Ask the platform for the models that fit together with their documents."""
        found = []
        for entry in self._entries(query, documents=True):
            try:
                if isinstance(entry, DocumentError):
                    raise entry
                found.append(replace(entry, openapi=None))
                yield self._remembered(entry_documents(entry, "the platform's list"))
            except DocumentError as error:
                yield error
        if query.words and len(found) < FEW:
            known = {one.model_id for one in found}
            closest = self._closest(query, found)
            yield from self._documents_of(one for one in closest if one.model_id not in known)

    def categories(self) -> dict[str, int]:
        """Count the categories of the platform's whole list, beside the entries left out."""
        counts: Counter[str] = Counter()
        for one in self.search(Query()):
            if isinstance(one, DocumentError):
                self._notice(f"left out: {one}")
            else:
                counts[one.category] += 1
        return dict(counts)

    def _entries(
        self, query: Query, limit: int | None = None, *, documents: bool = False
    ) -> Iterator[ListEntry | DocumentError]:
        if query.abilities:
            raise UsageError(
                "usage",
                "--input, --choice and --output-kind search what is on this machine: add "
                "--offline, after `falsmith catalog sync` has fetched all models",
            )
        status = None if query.status == "all" else query.status
        words = " ".join(query.words)
        return self.platform.search(words, query.category, status, limit, documents=documents)

    def _close(self, model_id: str) -> str:
        """Return a sentence with the IDs known here that are close to one, or nothing."""
        known = set(bundled_ids())
        if self._cache is not None:
            with suppress(LocalError):
                known |= set(self._cache.ids())
        return close_ids(model_id, known - {model_id})

    def _remembered(self, documents: Documents) -> Documents:
        if self._cache is not None:
            try:
                self._cache.remember(documents)
            except LocalError as error:
                self._notice(f"not remembered: {error}")
                self._cache = None
        return documents


class Bundled:
    """The catalogue that ships with falsmith."""

    def documents(self, model_id: str) -> Documents:
        """Return a bundled model's documents."""
        documents = bundled_documents(model_id)
        if documents is None:
            raise ModelNotFoundError(
                f"{model_id} is not in the bundled catalogue, which has "
                f"{', '.join(bundled_ids())}: --source live asks the platform"
            )
        return documents

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every bundled model."""
        return iter(bundled_all())


class Indexed(SearchableSource):
    """The bundled models or saved documents, read once into a cache in memory to be searched."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems: list[DocumentError] = []

    def documents(self, model_id: str) -> Documents:
        """Return the model's documents, as the source does."""
        return self._source.documents(model_id)

    def all(self) -> Iterator[Documents | DocumentFile | DocumentError]:
        """Yield every model, as the source does."""
        source = self._source
        return source.files() if isinstance(source, SavedSource) else source.all()

    def search(self, query: Query, limit: int | None = None) -> Iterator[Match | DocumentError]:
        """Yield what could not be read, then the models that fit."""
        models = self._index.search(query)[:limit]
        yield from self._problems
        yield from models

    def categories(self) -> dict[str, int]:
        """Count the categories of the models."""
        return self._index.categories()

    def abilities(self) -> frozenset[str]:
        """Return what any of the models takes and makes."""
        return self._index.abilities()

    @cached_property
    def _index(self) -> "Cache":
        from falsmith.catalog.cache import Cache

        index = Cache(None, lambda _: None)
        index.add(self._readable())
        return index

    def _readable(self) -> Iterator[Documents]:
        """Yield the documents that can be read, one in memory at a time; keep the other errors."""
        for one in self._source.all():
            if isinstance(one, Documents):
                yield one
            else:
                self._problems.append(one)


class Cached(SearchableSource):
    """The local cache alone."""

    def __init__(self, cache: "Cache") -> None:
        self._cache = cache

    def documents(self, model_id: str) -> Documents:
        """Return a model's documents as the platform gave them when they were cached."""
        documents = self._cache.documents(check_model_id(model_id))
        if documents is None:
            raise ModelNotFoundError(
                f"the cache has no document of {model_id}.{_close(model_id, self._cache.ids())} "
                "`falsmith catalog sync` fetches all models, --source live asks the platform"
            )
        return documents

    def search(self, query: Query, limit: int | None = None) -> Iterator[Match | DocumentError]:
        """Search the cache; raises ModelNotFoundError where nothing is in it."""
        self._refuse_empty()
        return iter(self._cache.search(query)[:limit])

    def categories(self) -> dict[str, int]:
        """Count the categories of the cached models."""
        self._refuse_empty()
        return self._cache.categories()

    def abilities(self) -> frozenset[str]:
        """Return what any of the cached models takes and makes."""
        return self._cache.abilities()

    def _refuse_empty(self) -> None:
        if not self._cache.contents().models:
            raise ModelNotFoundError(
                f"the cache {self._cache.path} is empty: fill it with `falsmith catalog sync`, "
                "or search with --source live or --source bundled"
            )


class Offline(SearchableSource):
    """The cache, then the bundled catalogue; a cache that cannot be read is named and left out.

    A cache that was never synced holds what was looked up by chance: the bundled models count
    beside it then, and do not once it has been complete.
    """

    def __init__(self, cache: "Cache", notice: Notice) -> None:
        self._cache: Cache | None = cache
        self._bundled = Indexed(Bundled())
        self._notice = notice

    def documents(self, model_id: str) -> Documents:
        """Return a model's documents from the cache, else from the bundled catalogue."""
        check_model_id(model_id)
        cached = self._read(lambda cache: cache.documents(model_id), None)
        documents = cached or bundled_documents(model_id)
        if documents is None:
            ids = (*self._ids(), *bundled_ids())
            raise ModelNotFoundError(
                f"neither the cache nor the bundled catalogue has a document of {model_id}."
                f"{_close(model_id, ids)} `falsmith catalog sync` fetches all models, and without "
                "--offline the model is looked up on fal's platform"
            )
        return documents

    def search(self, query: Query, limit: int | None = None) -> Iterator[Match | DocumentError]:
        """Search the cache, and the bundled models that are not in it unless it is complete."""
        models: list[Match] = self._read(lambda cache: cache.search(query), [])
        if not self._read(lambda cache: cache.contents().synced, ""):
            known = self._ids()
            bundled = (one for one in self._bundled.search(query) if isinstance(one, Match))
            models += [one for one in bundled if one.model_id not in known]
        # Both are in order; one that lacks no word stands before one that does, wherever it is.
        if query.words:
            models.sort(key=lambda one: len(one.missing))
        else:
            models.sort(key=lambda one: one.newest_first)
        return iter(models[:limit])

    def abilities(self) -> frozenset[str]:
        """Return what any model of the cache or the bundled catalogue takes and makes."""
        none: frozenset[str] = frozenset()
        cached = self._read(lambda cache: cache.abilities(), none)
        return cached | self._bundled.abilities()

    def _ids(self) -> tuple[str, ...]:
        return self._read(lambda cache: cache.ids(), ())

    def _read(self, read: "Callable[[Cache], T]", otherwise: T) -> T:
        if self._cache is None:
            return otherwise
        try:
            return read(self._cache)
        except LocalError as error:
            self._notice(f"{error}. Only the bundled catalogue is read")
            self._cache = None
            return otherwise


def _close(model_id: str, ids: Collection[str]) -> str:
    """Return a sentence with the IDs that are close to one that is not there, or nothing."""
    if model_id in ids:
        return " It was listed without one when the cache was filled."
    return close_ids(model_id, ids)
