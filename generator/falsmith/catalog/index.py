"""A search over models of which no index is stored: the bundled ones, and saved documents."""

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

from falsmith.catalog.cache import Cache
from falsmith.catalog.query import Found, Query
from falsmith.catalog.saved import SavedSource
from falsmith.catalog.saved_file import Unread
from falsmith.documents import Documents
from falsmith.errors import DocumentError, ModelNotFoundError

__all__ = ["Indexed", "Source", "each_match"]


class Source(Protocol):
    """One place that knows models; never falls back to another by itself."""

    def documents(self, model_id: str) -> Documents:
        """Return the model's documents; raises a FalError where it cannot."""

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, and an error for each that cannot be read."""


class Indexed:
    """A source that can be searched: its models are read once, then found by the cache's rules."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._problems: list[DocumentError] = []

    def documents(self, model_id: str) -> Documents:
        """Return the model's documents, as the source does."""
        return self._source.documents(model_id)

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, as the source does."""
        return self._source.all()

    def unread(self) -> Iterator[Documents | Unread | DocumentError]:
        """Yield what `all` does; saved files that tell their model are still to be read."""
        return self._source.unread() if isinstance(self._source, SavedSource) else self.all()

    def search(self, query: Query, limit: int | None = None) -> Iterator[Found | DocumentError]:
        """Yield what could not be read, then the models that fit, at most `limit`."""
        models = self.models(query)[:limit]
        yield from self._problems
        yield from models

    def matching(self, query: Query) -> Iterator[Documents | DocumentError]:
        """Yield the documents of every model that fits."""
        return each_match(self, query)

    def models(self, query: Query) -> list[Found]:
        """Return the models that fit, the best first where words rank them, else the newest."""
        return self._cache.search(query)

    def categories(self) -> dict[str, int]:
        """Return how many active models each category has."""
        return self._cache.categories()

    @cached_property
    def _cache(self) -> Cache:
        in_memory = Cache(None, lambda _: None)
        in_memory.add(self._usable())
        return in_memory

    def _usable(self) -> Iterator[Documents]:
        for one in self._source.all():
            if isinstance(one, Documents):
                yield one
            else:
                self._problems.append(one)


class _Searched(Protocol):
    def documents(self, model_id: str) -> Documents: ...
    def search(self, query: Query) -> Iterator[Found | DocumentError]: ...


def each_match(source: _Searched, query: Query) -> Iterator[Documents | DocumentError]:
    """Yield the documents of what a search of `source` finds, one at a time."""
    for one in source.search(query):
        try:
            yield one if isinstance(one, DocumentError) else source.documents(one.model_id)
        except (DocumentError, ModelNotFoundError) as error:
            yield DocumentError(error.message, one.model_id)
