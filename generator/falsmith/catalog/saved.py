"""Saved documents as a source: one file, or a folder of files."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from falsmith.documents import (
    SIZE_LIMIT,
    Documents,
    Json,
    ListEntry,
    entry_documents,
    list_entries,
    load_json,
    openapi_documents,
)
from falsmith.errors import DocumentError, ModelNotFoundError
from falsmith.names import close_ids

__all__ = ["DocumentFile", "SavedSource"]

# In a folder, this file is a list that also supplies the metadata of the documents beside it.
LIST_NAME = "models.json"
FOLDER_NAME = "openapi"
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
class DocumentFile:
    """The document of one model in a file of its own, to be read where it is needed."""

    model_id: str
    file: Path
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def read(self) -> Documents:
        """Return the documents, or raise DocumentError where the file cannot be used."""
        for saved in _read_file(self.file):
            if isinstance(saved.content, DocumentError):
                raise DocumentError(saved.content.message, self.model_id)
            if isinstance(saved.content, Documents) and saved.model_id == self.model_id:
                return replace(saved.content, metadata=self.metadata)
        raise DocumentError(
            f"{self.file} was changed while it was read, and is not of {self.model_id} any more. "
            "Run the command again.",
            self.model_id,
        )


@dataclass(frozen=True, slots=True)
class _Saved:
    """A model's documents, or why it has none; `model_id` is then what the file's name says."""

    model_id: str
    file: Path
    content: Documents | DocumentFile | DocumentError


class SavedSource:
    """The documents saved in a file or a folder; nothing is read before it is asked for.

    Of a folder, the `.json` files are read, or, where it has a folder `openapi`, the files of
    that; `models.json` in it is a list whose entries supply the metadata.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ids(self) -> tuple[str, ...]:
        """Return the IDs of all models that have a usable document, sorted.

        Raises DocumentError where the path does not exist or holds nothing that could be one.
        """
        everything = self._each(peek=False)
        usable = {one.model_id for one in everything if not isinstance(one.content, DocumentError)}
        return tuple(sorted(usable))

    def documents(self, model_id: str) -> Documents:
        """Return one model's documents.

        Raises ModelNotFoundError where there are none, and DocumentError where the path or the
        document cannot be used, or where two documents are saved for the model.
        """
        files = self._files_by_model.get(model_id, ())
        if len(files) > 1:
            raise _two_documents(model_id, *files[:2])
        for file in files:
            listed = file == self.path / LIST_NAME
            for saved in self._listed(set()) if listed else _peek(file):
                if saved.model_id == model_id and not isinstance(saved.content, DocumentError):
                    return self._with_metadata(saved.content).read()
        raise self._missing(model_id)

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, and an error for each file or entry without any.

        One file is held at a time. A second document of a model is an error that names both files.
        Raises DocumentError where the path does not exist or holds nothing that could be one.
        """
        for one in self.files():
            try:
                yield one if isinstance(one, DocumentError) else one.read()
            except DocumentError as error:
                yield error

    def files(self) -> Iterator[Documents | DocumentFile | DocumentError]:
        """Yield what `all` does; a file whose first bytes name its model is not read yet."""
        seen: dict[str, Path] = {}
        for saved in self._each(peek=True):
            if isinstance(saved.content, DocumentError):
                yield saved.content
            elif saved.model_id in seen:
                yield _two_documents(saved.model_id, seen[saved.model_id], saved.file)
            else:
                seen[saved.model_id] = saved.file
                yield self._with_metadata(saved.content)

    @cached_property
    def _files_by_model(self) -> Mapping[str, tuple[Path, ...]]:
        files: dict[str, tuple[Path, ...]] = {}
        for saved in self._each(peek=True):
            if not isinstance(saved.content, DocumentError):
                files[saved.model_id] = (*files.get(saved.model_id, ()), saved.file)
        return files

    @cached_property
    def _list(self) -> tuple[ListEntry | _Saved, ...]:
        """The entries of the list, with documents or without, and what of it is unusable."""
        file = self.path / LIST_NAME
        if not file.is_file():
            return ()
        try:
            items = list(list_entries(_load(file), str(file)))
        except DocumentError as error:
            items = [error]
        return tuple(one if isinstance(one, ListEntry) else _unusable(file, one) for one in items)

    @cached_property
    def _metadata(self) -> Mapping[str, Mapping[str, Json]]:
        return {item.model_id: item.metadata for item in self._list if isinstance(item, ListEntry)}

    def _each(self, *, peek: bool) -> Iterator[_Saved]:
        """Yield what every file holds, then what only the list does."""
        seen: set[str] = set()
        for file in _document_files(self.path):
            for saved in _peek(file) if peek else _read_file(file):
                seen.add(saved.model_id)
                yield saved
        yield from self._listed(seen)
        if not seen and not self._list:
            raise DocumentError(f"{self.path} holds no model document. {ADVICE}")

    def _listed(self, seen: set[str]) -> Iterator[_Saved]:
        """Yield the list's own documents, and an error for each model that has none anywhere."""
        for item in self._list:
            if isinstance(item, _Saved):
                yield item
            elif item.has_document or item.model_id not in seen:
                yield _saved_entry(item, self.path / LIST_NAME)

    def _with_metadata(self, content: Documents | DocumentFile) -> Documents | DocumentFile:
        if content.metadata or content.model_id not in self._metadata:
            return content
        return replace(content, metadata=self._metadata[content.model_id])

    def _missing(self, model_id: str) -> DocumentError | ModelNotFoundError:
        """Return why there is no document of the model, with the close ones that there are."""
        broken: dict[str, DocumentError] = {}
        usable: set[str] = set()
        for saved in self._each(peek=False):
            if isinstance(saved.content, DocumentError):
                broken[saved.model_id] = saved.content
            else:
                usable.add(saved.model_id)
        if model_id in broken:
            return DocumentError(broken[model_id].message)
        hint = close_ids(model_id, usable)
        count = f" {len(broken)} of its documents cannot be used." if broken else ""
        return ModelNotFoundError(f"{self.path} has no document of {model_id}.{hint}{count}")


def _document_files(path: Path) -> tuple[Path, ...]:
    """Return the files to read, sorted, without the list; only names are looked at."""
    try:
        path.stat()
        if not path.is_dir():
            return (path,)
        folder = path / FOLDER_NAME if (path / FOLDER_NAME).is_dir() else path
        with os.scandir(folder) as entries:
            files = sorted(one.name for one in entries if _is_document(one))
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}. Name a file or folder of saved documents."
        ) from None
    return tuple(folder / name for name in files if folder != path or name != LIST_NAME)


def _is_document(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith(".json") or entry.name.startswith("."):
        return False
    if not entry.is_symlink():
        return entry.is_file()
    # A link that leads nowhere is one, so that reading it says so; a pipe would be waited for.
    return Path(entry).is_file() or not Path(entry).exists()


def _peek(file: Path) -> Iterator[_Saved]:
    """Yield what a file holds; a document whose first bytes name its model is not read. No errors.

    A pipe, which can be read once only, is read whole at once.
    """
    beginning = b""
    try:
        if file.is_file():
            with file.open("rb") as stream:
                beginning = stream.read(BEGINNING)
    except OSError:
        pass  # Reading it whole says what is wrong with it.
    named = DOCUMENT.match(beginning)
    if named is None:
        yield from _read_file(file)
    else:
        model_id = named[1].decode()
        yield _Saved(model_id, file, DocumentFile(model_id, file))


def _read_file(file: Path) -> Iterator[_Saved]:
    """Yield what a file holds: one model, or every model of a list page. Never raises."""
    try:
        value = _load(file)
        if isinstance(value, list) or (isinstance(value, dict) and "models" in value):
            for item in list_entries(value, str(file)):
                yield (
                    _saved_entry(item, file)
                    if isinstance(item, ListEntry)
                    else _unusable(file, item)
                )
        else:
            documents = openapi_documents(value, str(file))
            yield _Saved(documents.model_id, file, documents)
    except DocumentError as error:
        yield _unusable(file, error)


def _saved_entry(entry: ListEntry, file: Path) -> _Saved:
    try:
        return _Saved(entry.model_id, file, entry_documents(entry, str(file)))
    except DocumentError as error:
        return _Saved(entry.model_id, file, error)


def _unusable(file: Path, error: DocumentError) -> _Saved:
    advised = DocumentError(f"{error.message} {ADVICE}", error.model_id)
    return _Saved(file.stem.replace("__", "/"), file, advised)


def _load(file: Path) -> Json:
    try:
        with file.open("rb") as stream:
            # A pipe has no size. One byte more than allowed is enough to be refused.
            size = os.fstat(stream.fileno()).st_size or SIZE_LIMIT
            data = stream.read(min(size, SIZE_LIMIT) + 1)
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from None
    return load_json(data, str(file))


def _two_documents(model_id: str, first: Path, second: Path) -> DocumentError:
    return DocumentError(
        f"{model_id} has two documents: {first} and {second}. Remove or move one of them.",
        model_id,
    )
