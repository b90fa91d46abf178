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


# How the platform's documents begin, with whose they are; an object of another shape is read whole.
DOCUMENT = re.compile(
    rb'\s*\{\s*"openapi"\s*:\s*"[^"\\]*"\s*,\s*"info"\s*:\s*\{[^{}]*'
    rb'"x-fal-metadata"\s*:\s*\{\s*"endpointId"\s*:\s*"([\w./-]+)"',
    re.ASCII,
)
# Bytes; the catalogue's documents say whose they are within 700.
BEGINNING = 4096


@dataclass(frozen=True, slots=True)
class Unread:
    """The document of one model in a file of its own, to be read where it is needed."""

    model_id: str
    file: Path
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def read(self) -> Documents:
        """Return the documents, or raise DocumentError where the file cannot be used."""
        for saved in read_file(self.file):
            if isinstance(saved.found, DocumentError):
                raise DocumentError(saved.found.message, self.model_id)
            if isinstance(saved.found, Documents) and saved.model_id == self.model_id:
                return replace(saved.found, metadata=self.metadata)
        told = f"{self.file} was changed while it was read, and is not of {self.model_id} any more"
        raise DocumentError(f"{told}. Run the command again.", self.model_id)


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
    told = DOCUMENT.match(_beginning(file))
    if told is None:
        yield from read_file(file)
    else:
        model_id = told[1].decode()
        yield Saved(model_id, file, Unread(model_id, file))


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


def _beginning(file: Path) -> bytes:
    """Return how a file begins; nothing of a pipe, which can be read once only."""
    try:
        if not file.is_file():
            return b""
        with file.open("rb") as stream:
            return stream.read(BEGINNING)
    except OSError:
        return b""


def _load(file: Path) -> Json:
    try:
        with file.open("rb") as stream:
            # A pipe tells no size. One byte more than allowed is enough to be refused.
            size = os.fstat(stream.fileno()).st_size or SIZE_LIMIT
            data = stream.read(min(size, SIZE_LIMIT) + 1)
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from None
    return load_json(data, str(file))


def _is_list(value: Json) -> bool:
    return isinstance(value, list) or (isinstance(value, dict) and "models" in value)
