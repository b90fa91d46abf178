"""The models that the emulator serves, and which of them a path of the real fal means."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fal_runtime.model_id import app_of
from falsmith.documents import Documents, Json
from falsmith.schema.resolve import ResolvedSchema, input_schema, output_schema

__all__ = ["Endpoint", "Endpoints"]


class Endpoint:
    """One model: its documents, and its schemas once they are needed."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.model_id = documents.model_id
        self.app = app_of(documents.model_id)

    @cached_property
    def input(self) -> ResolvedSchema:
        """The schema of what the model takes."""
        return input_schema(self.documents.openapi, self.model_id)

    @cached_property
    def output(self) -> ResolvedSchema:
        """The schema of what the model returns."""
        return output_schema(self.documents.openapi, self.model_id)

    @property
    def category(self) -> str:
        """The model's category, from its list entry or from its document; may be empty."""
        told = self.documents.metadata.get("category") or self._about().get("category")
        return told if isinstance(told, str) else ""

    def with_defaults(self, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """Return `inputs` as the model sees them: with the defaults of the fields left out."""
        properties: Mapping[str, Any] = self.input.schema.get("properties", {})
        defaults = {name: part["default"] for name, part in properties.items() if "default" in part}
        return defaults | dict(inputs)

    def _about(self) -> Mapping[str, Json]:
        info = self.documents.openapi.get("info")
        about = info.get("x-fal-metadata") if isinstance(info, Mapping) else None
        return about if isinstance(about, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All models by ID, in the order in which they came."""

    by_id: Mapping[str, Endpoint]
    apps: frozenset[str]

    @classmethod
    def of(cls, documents: Iterable[Documents]) -> "Endpoints":
        """Return the endpoints of `documents`; of two with one ID the later counts."""
        by_id = {one.model_id: Endpoint(one) for one in documents}
        return cls(by_id, frozenset(endpoint.app for endpoint in by_id.values()))

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self.by_id.values())

    def get(self, model_id: str) -> Endpoint | None:
        """Return the endpoint with exactly this ID; IDs are case-sensitive."""
        return self.by_id.get(model_id)
