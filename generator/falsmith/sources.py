"""Where a model's documents come from: the Platform API, the bundled catalogue, or saved files."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from falsmith.catalog.bundled import bundled_all, bundled_documents, bundled_ids
from falsmith.documents import Documents
from falsmith.errors import DocumentError, ModelNotFoundError
from falsmith.platform import Platform

__all__ = ["Bundled", "Live", "Source"]


class Source(Protocol):
    """One place that knows models; never falls back to another by itself."""

    def documents(self, model_id: str) -> Documents:
        """Return the model's documents; raises a FalError where it cannot."""

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, and an error for each that cannot be read."""


@dataclass(frozen=True, slots=True)
class Live:
    """The Platform API."""

    platform: Platform

    def documents(self, model_id: str) -> Documents:
        """Ask the platform for one model."""
        return self.platform.find(model_id)

    def all(self) -> Iterator[Documents | DocumentError]:
        """Refuse: the whole platform is not read model by model."""
        raise ModelNotFoundError(
            "all models cannot be taken from the live platform: name them with -m, "
            "or choose --source PATH or --offline"
        )


@dataclass(frozen=True, slots=True)
class Bundled:
    """The catalogue that ships with falsmith."""

    def documents(self, model_id: str) -> Documents:
        """Return a bundled model's documents."""
        documents = bundled_documents(model_id)
        if documents is None:
            raise ModelNotFoundError(
                f"{model_id} is not in the bundled catalogue, which has "
                f"{', '.join(bundled_ids())}: leave out --offline to ask the platform"
            )
        return documents

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every bundled model."""
        return bundled_all()
