"""Saved documents as a source: one file, or a folder of files."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from falsmith.catalog.saved_file import (
    ADVICE,
    Saved,
    Unread,
    glance,
    read_file,
    read_list,
    saved_entry,
)
from falsmith.documents import Documents, Entry, Json
from falsmith.errors import DocumentError, ModelNotFoundError

__all__ = ["SavedSource"]

# In a folder, this file is a list that also supplies the metadata of the documents beside it.
LIST_NAME = "models.json"
FOLDER_NAME = "openapi"


@dataclass(frozen=True, slots=True)
class _Index:
    """Which files hold a document of each model, and why other models have none."""

    files: Mapping[str, tuple[Path, ...]]
    problems: Mapping[str, DocumentError]


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
        return tuple(sorted(self._index.files))

    def documents(self, model_id: str) -> Documents:
        """Return one model's documents.

        Raises ModelNotFoundError where there are none, and DocumentError where the path or the
        document cannot be used, or where two documents are saved for the model.
        """
        files = self._places.get(model_id, ())
        if len(files) > 1:
            raise _twice(model_id, *files[:2])
        for saved in self._reread(*files):
            if saved.model_id == model_id and not isinstance(saved.found, DocumentError):
                return saved.found.read()
        raise self._missing(model_id)

    def all(self) -> Iterator[Documents | DocumentError]:
        """Yield every model's documents, and an error for each file or entry without any.

        One file is held at a time. A second document of a model is an error that names both files.
        Raises DocumentError where the path does not exist or holds nothing that could be one.
        """
        for one in self.unread():
            try:
                yield one if isinstance(one, DocumentError) else one.read()
            except DocumentError as error:
                yield error

    def unread(self) -> Iterator[Documents | Unread | DocumentError]:
        """Yield what `all` does; a file that tells its model at a glance is still to be read."""
        seen: dict[str, Path] = {}
        for saved in self._read(glance):
            if isinstance(saved.found, DocumentError):
                yield saved.found
            elif saved.model_id in seen:
                yield _twice(saved.model_id, seen[saved.model_id], saved.file)
            else:
                seen[saved.model_id] = saved.file
                yield saved.found

    @cached_property
    def _index(self) -> _Index:
        files: dict[str, tuple[Path, ...]] = {}
        problems: dict[str, DocumentError] = {}
        for saved in self._read(read_file):
            if isinstance(saved.found, DocumentError):
                problems[saved.model_id] = saved.found
            else:
                files[saved.model_id] = (*files.get(saved.model_id, ()), saved.file)
        return _Index(files, problems)

    @cached_property
    def _places(self) -> Mapping[str, tuple[Path, ...]]:
        """Return the files that tell they are of each model."""
        places: dict[str, tuple[Path, ...]] = {}
        for saved in self._read(glance):
            if not isinstance(saved.found, DocumentError):
                places[saved.model_id] = (*places.get(saved.model_id, ()), saved.file)
        return places

    @cached_property
    def _list(self) -> tuple[Entry | Saved, ...]:
        file = self.path / LIST_NAME
        return tuple(read_list(file)) if file.is_file() else ()

    @cached_property
    def _metadata(self) -> Mapping[str, Mapping[str, Json]]:
        return {item.model_id: item.metadata for item in self._list if isinstance(item, Entry)}

    def _read(self, read: Callable[[Path], Iterator[Saved]]) -> Iterator[Saved]:
        told: set[str] = set()
        for file in _files(self.path):
            for saved in read(file):
                told.add(saved.model_id)
                yield self._with_metadata(saved)
        yield from self._listed(told)
        if not told and not self._list:
            raise DocumentError(f"{self.path} holds no model document. {ADVICE}")

    def _reread(self, *files: Path) -> Iterator[Saved]:
        for file in files:
            if file == self.path / LIST_NAME:
                yield from self._listed(set())
            else:
                yield from (self._with_metadata(saved) for saved in glance(file))

    def _listed(self, told: set[str]) -> Iterator[Saved]:
        """Yield the list's own documents, and an error for each model that has none anywhere."""
        for item in self._list:
            if isinstance(item, Saved):
                yield item
            elif item.has_document or item.model_id not in told:
                yield saved_entry(item, self.path / LIST_NAME)

    def _with_metadata(self, saved: Saved) -> Saved:
        metadata = self._metadata.get(saved.model_id)
        if metadata is None or isinstance(saved.found, DocumentError) or saved.found.metadata:
            return saved
        return replace(saved, found=replace(saved.found, metadata=metadata))

    def _missing(self, model_id: str) -> DocumentError | ModelNotFoundError:
        problem = self._index.problems.get(model_id)
        if problem is not None:
            return DocumentError(problem.message)
        close = get_close_matches(model_id, self.ids(), n=3)
        hint = f" Close to it: {', '.join(close)}." if close else ""
        broken = len(self._index.problems)
        count = f" {broken} of its documents cannot be used." if broken else ""
        return ModelNotFoundError(f"{self.path} has no document of {model_id}.{hint}{count}")


def _files(path: Path) -> tuple[Path, ...]:
    """Return the files to read, sorted, without the list; only names are looked at."""
    try:
        path.stat()
        return _documents_below(path) if path.is_dir() else (path,)
    except OSError as error:
        raise DocumentError(
            f"{path} cannot be read: {error.strerror}. Name a file or folder of saved documents."
        ) from None


def _documents_below(path: Path) -> tuple[Path, ...]:
    folder = path / FOLDER_NAME
    if not folder.is_dir():
        folder = path
    with os.scandir(folder) as entries:
        # A link that leads nowhere stays, so that reading it says so; a pipe would be waited for.
        found = [entry.name for entry in entries if entry.is_symlink() or entry.is_file()]
    other = LIST_NAME if folder == path else ""
    names = {name for name in found if name.endswith(".json") and not name.startswith(".")}
    return tuple(folder / name for name in sorted(names - {other}))


def _twice(model_id: str, first: Path, second: Path) -> DocumentError:
    return DocumentError(
        f"{model_id} has two documents: {first} and {second}. Remove or move one of them.",
        model_id,
    )
