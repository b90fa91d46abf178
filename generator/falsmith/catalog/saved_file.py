"""One file of saved documents: an OpenAPI document, or a list page with the documents in it."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from falsmith.documents import (
    SIZE_LIMIT,
    Documents,
    Entry,
    Json,
    entry_documents,
    list_entries,
    load_json,
    openapi_documents,
)
from falsmith.errors import DocumentError

__all__ = ["ADVICE", "Saved", "Unread", "glance", "read_file", "read_list", "saved_entry"]

ADVICE = (
    "Save what fal answers to https://fal.ai/api/openapi/queue/openapi.json?endpoint_id=ID, "
    "or a list page: https://api.fal.ai/v1/models?expand=openapi-3.0"
)


# How the platform's documents begin, and where they say, once, whose they are.
DOCUMENT = re.compile(rb'\s*\{\s*"openapi"\s*:')
ENDPOINT = re.compile(rb'"endpointId"\s*:\s*"([\w./-]+)"', re.ASCII)


@dataclass(frozen=True, slots=True)
class Unread:
    """The document of one model in a file of its own, to be read where it is needed."""

    model_id: str
    file: Path
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def read(self) -> Documents:
        """Return the documents, or raise DocumentError where the file cannot be used."""
        try:
            documents = openapi_documents(_load(self.file), str(self.file))
        except DocumentError as error:
            raise DocumentError(f"{error.message} {ADVICE}", self.model_id) from None
        if documents.model_id != self.model_id:
            told = f"{self.file} names two models, {self.model_id} and {documents.model_id}"
            raise DocumentError(f"{told}. {ADVICE}", self.model_id)
        return replace(documents, metadata=self.metadata)


@dataclass(frozen=True, slots=True)
class Saved:
    """A model's documents, or why it has none; `model_id` is then what the file's name says."""

    model_id: str
    file: Path
    found: Documents | Unread | DocumentError


def glance(file: Path) -> Iterator[Saved]:
    """Yield what a file holds; a document that tells its model at a glance stays unread.

    Any other file is read whole. Never raises.
    """
    try:
        text = _bytes(file)
    except DocumentError as error:
        yield _unusable(file, error)
        return
    told = ENDPOINT.search(text) if DOCUMENT.match(text) else None
    if told is not None and text.count(b'"endpointId"') == 1 and len(text) <= SIZE_LIMIT:
        model_id = told[1].decode()
        yield Saved(model_id, file, Unread(model_id, file))
    else:
        yield from read_file(file)


def read_file(file: Path) -> Iterator[Saved]:
    """Yield what a file holds: one model, or every model of a list page. Never raises."""
    try:
        value = _load(file)
        if _is_list(value):
            yield from [_saved(item, file) for item in list_entries(value, str(file))]
        else:
            documents = openapi_documents(value, str(file))
            yield Saved(documents.model_id, file, documents)
    except DocumentError as error:
        yield _unusable(file, error)


def read_list(file: Path) -> Iterator[Entry | Saved]:
    """Yield the entries of a list, whether they carry documents or not, and what is unusable."""
    try:
        for item in [*list_entries(_load(file), str(file))]:
            yield item if isinstance(item, Entry) else _saved(item, file)
    except DocumentError as error:
        yield _unusable(file, error)


def saved_entry(entry: Entry, file: Path) -> Saved:
    """Return the documents of a list entry, or the error of one that carries none."""
    try:
        return Saved(entry.model_id, file, entry_documents(entry, str(file)))
    except DocumentError as error:
        return Saved(entry.model_id, file, error)


def _saved(item: Entry | DocumentError, file: Path) -> Saved:
    return saved_entry(item, file) if isinstance(item, Entry) else _unusable(file, item)


def _unusable(file: Path, error: DocumentError) -> Saved:
    told = DocumentError(f"{error.message} {ADVICE}", error.model_id)
    return Saved(file.stem.replace("__", "/"), file, told)


def _load(file: Path) -> Json:
    return load_json(_bytes(file), str(file))


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            # A pipe tells no size. One byte more than allowed is enough to be refused.
            size = os.fstat(stream.fileno()).st_size or SIZE_LIMIT
            return stream.read(min(size, SIZE_LIMIT) + 1)
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from None


def _is_list(value: Json) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and "models" in value)
