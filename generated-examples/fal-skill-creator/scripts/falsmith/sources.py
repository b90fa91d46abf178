"""Where models come from: the Platform API, the cache, the bundled catalogue, or saved files."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Protocol, TypeVar

from fal_runtime.errors import LocalError, UsageError
from falsmith.catalog.bundled import bundled_all, bundled_documents, bundled_ids
from falsmith.catalog.cache import Cache
from falsmith.catalog.index import Indexed, Source, each_match
from falsmith.catalog.query import Found, Query, found
from falsmith.documents import Documents, Entry, entry_documents
from falsmith.errors import DocumentError, ModelNotFoundError
from falsmith.names import check_model_id

if TYPE_CHECKING:
    from falsmith.platform import Platform

__all__ = ["Bundled", "Cached", "Catalogue", "Live", "Offline", "Source"]

T = TypeVar("T")
Notice = Callable[[str], None]
EVERYTHING = Query(status="all")


class Catalogue(Source, Protocol):
    """A source that can be searched."""

    def search(self, query: Query, limit: int | None = None) -> Iterator[Found | DocumentError]:
        """Yield the models that fit, at most `limit`, and an error for each that is malformed.

        The best come first where words rank them, else the newest.
        """

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Yield the documents of every model that fits, and an error for each without any."""

    def categories(self) -> dict[str, int]:
        """Return how many active models each category has."""


class Live:
    """The Platform API; what it tells of a model is remembered in `cache`, where one is given.

    A cache that cannot be written takes nothing from a live answer: `notice` is told, once.
    """

    def __init__(
        self, platform: "Platform", cache: Cache | None = None, notice: Notice = lambda _: None
    ) -> None:
        self.platform = platform
        self._cache = cache
        self._notice = notice

    def documents(self, model_id: str) -> Documents:
        """Ask the platform for one model."""
        return self._remembered(self.platform.find(model_id))

    def all(self) -> Iterator[Documents | DocumentError]:
        """Read the platform's whole list, with documents."""
        return self.matching(EVERYTHING)

    def search(self, query: Query, limit: int | None = None) -> Iterator[Found | DocumentError]:
        """Ask the platform, which ranks words itself; without any, the newest come first.

        Raises UsageError for abilities, which the platform cannot be asked for.
        """
        if query.words:
            yield from map(_told, self._entries(query, limit))
            return
        told = [_told(entry) for entry in self._entries(query)]
        yield from (one for one in told if isinstance(one, DocumentError))
        models = [one for one in told if isinstance(one, Found)]
        yield from sorted(models, key=lambda one: one.newest_first)[:limit]

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Ask the platform for the models that fit together with their documents."""
        for entry in self._entries(query, documents=True):
            try:
                if isinstance(entry, DocumentError):
                    raise entry
                yield self._remembered(entry_documents(entry, "the platform's list"))
            except DocumentError as error:
                yield error

    def categories(self) -> dict[str, int]:
        """Count the categories of the platform's whole list."""
        counts: dict[str, int] = {}
        for one in map(_told, self._entries(Query())):
            if isinstance(one, DocumentError):
                self._notice(f"left out: {one}")
            else:
                name = one.category or "unknown"
                counts[name] = counts.get(name, 0) + 1
        return counts

    def _entries(
        self, query: Query, limit: int | None = None, *, documents: bool = False
    ) -> Iterator[Entry | DocumentError]:
        if query.abilities:
            raise UsageError(
                "usage",
                "--input, --choice and --output-kind search what is on this machine: add "
                "--offline, after `falsmith catalog sync` has fetched all models",
            )
        status = None if query.status == "all" else query.status
        words = " ".join(query.words)
        return self.platform.search(words, query.category, status, limit, documents=documents)

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


class Cached:
    """The local cache alone."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def documents(self, model_id: str) -> Documents:
        """Return a model's documents as the platform told them when they were cached."""
        documents = self._cache.documents(check_model_id(model_id))
        if documents is None:
            raise ModelNotFoundError(
                f"the cache has no document of {model_id}.{_close(model_id, self._cache.ids())} "
                "`falsmith catalog sync` fetches all models, --source live asks the platform"
            )
        return documents

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every cached model."""
        return self.matching(EVERYTHING)

    def search(self, query: Query, limit: int | None = None) -> Iterator[Found | DocumentError]:
        """Search the cache; raises ModelNotFoundError where nothing is in it."""
        self._refuse_empty()
        return iter(self._cache.search(query)[:limit])

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Yield the cached models that fit."""
        return each_match(self, query)

    def categories(self) -> dict[str, int]:
        """Count the categories of the cached models."""
        self._refuse_empty()
        return self._cache.categories()

    def _refuse_empty(self) -> None:
        if not self._cache.contents().models:
            raise ModelNotFoundError(
                f"the cache {self._cache.path} is empty: fill it with `falsmith catalog sync`, "
                "or search with --source live or --source bundled"
            )


class Offline:
    """The cache, then the bundled catalogue; a cache that cannot be read is told and left out.

    A cache that was never synced holds what was looked up by chance: the bundled models count
    beside it then, and do not once it has been complete.
    """

    def __init__(self, cache: Cache, notice: Notice) -> None:
        self._cache: Cache | None = cache
        self._bundled = Indexed(Bundled())
        self._notice = notice

    def documents(self, model_id: str) -> Documents:
        """Return a model's documents from the cache, else from the bundled catalogue."""
        check_model_id(model_id)
        cached = self._try(lambda cache: cache.documents(model_id), None)
        documents = cached or bundled_documents(model_id)
        if documents is None:
            ids = (*self._ids(), *bundled_ids())
            raise ModelNotFoundError(
                f"neither the cache nor the bundled catalogue has a document of {model_id}."
                f"{_close(model_id, ids)} `falsmith catalog sync` fetches all models, and without "
                "--offline the platform is asked"
            )
        return documents

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model that is cached or bundled."""
        return self.matching(EVERYTHING)

    def search(self, query: Query, limit: int | None = None) -> Iterator[Found | DocumentError]:
        """Search the cache, and the bundled models that are not in it unless it is complete."""
        models: list[Found] = self._try(lambda cache: cache.search(query), [])
        if not self._try(lambda cache: cache.contents().synced, ""):
            known = self._ids()
            models += [one for one in self._bundled.models(query) if one.model_id not in known]
        if not query.words:
            models.sort(key=lambda one: one.newest_first)
        return iter(models[:limit])

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Yield the models that fit."""
        return each_match(self, query)

    def categories(self) -> dict[str, int]:
        """Count the categories of the models that a search finds."""
        models = (one for one in self.search(Query()) if isinstance(one, Found))
        return dict(Counter(one.category or "unknown" for one in models))

    def _ids(self) -> tuple[str, ...]:
        return self._try(lambda cache: cache.ids(), ())

    def _try(self, read: Callable[[Cache], T], otherwise: T) -> T:
        if self._cache is None:
            return otherwise
        try:
            return read(self._cache)
        except LocalError as error:
            self._notice(f"{error}. Only the bundled catalogue is read")
            self._cache = None
            return otherwise


def _told(entry: Entry | DocumentError) -> Found | DocumentError:
    return found(entry) if isinstance(entry, Entry) else entry


def _close(model_id: str, ids: Collection[str]) -> str:
    """Return a sentence with the IDs that are close to one that is not there, or nothing."""
    if model_id in ids:
        return " It was listed without one when the cache was filled."
    close = get_close_matches(model_id, sorted(set(ids)), n=3)
    return f" Close to it: {', '.join(close)}." if close else ""
