"""What is known of one model, and the door through which every JSON from outside comes in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from fal_runtime.json_text import JsonTextError, parse_json
from fal_runtime.text import cut
from falsmith.errors import DocumentError, SkillNameError
from falsmith.names import check_model_id

__all__ = [
    "SIZE_LIMIT",
    "CollectionDocuments",
    "Documents",
    "Json",
    "ListEntry",
    "entry_documents",
    "list_entries",
    "load_json",
    "only_post",
    "openapi_documents",
    "skill_documents",
]

# Any, because the shape of upstream JSON is never known: who uses a value checks it there.
Json: TypeAlias = Any

# The largest document of the catalogue has 66 KB, a list page of 50 documents less than 1 MB.
SIZE_LIMIT = 32 * 1024 * 1024
# Real documents nest about 20 levels; the limit keeps every recursive reader behind it safe.
DEPTH_LIMIT = 100
# Of one model; larger files hold many.
DOCUMENT_LIMIT = 4 * 1024 * 1024
# Parts of an OpenAPI document that are objects where they are there at all, outer ones first.
OBJECTS = (
    ("info",),
    ("info", "x-fal-metadata"),
    ("paths",),
    ("components",),
    ("components", "schemas"),
)
KINDS = {
    type(None): "null",
    bool: "a truth value",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True, slots=True)
class _NoNumber:
    """Stands in a list where its text has a number that is none in JSON, and then for its entry."""

    digits: str
    model_id: str = ""


@dataclass(frozen=True, slots=True)
class Documents:
    """A model's two documents: its list metadata, which may be empty, and its OpenAPI document."""

    model_id: str
    metadata: Mapping[str, Json]
    openapi: Mapping[str, Json]

    def read(self) -> "Documents":
        """Return themselves, where others are still to be read."""
        return self


@dataclass(frozen=True, slots=True)
class CollectionDocuments:
    """The documents of several models that become one skill, by the models' short names.

    `default` is the short name of the model that is called where none is named, if there is one.
    """

    models: Mapping[str, Documents]
    default: str | None = None

    def read(self) -> "CollectionDocuments":
        """Return themselves, where others are still to be read."""
        return self


def skill_documents(
    models: Mapping[str, Documents], default: str | None
) -> Documents | CollectionDocuments:
    """Return what a skill is made of: by short name, '' is the model that has it to itself."""
    return models[""] if "" in models else CollectionDocuments(models, default)


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One model of a list: its metadata, and its document (or an error) if the list has them."""

    model_id: str
    metadata: Mapping[str, Json]
    openapi: Json

    @property
    def has_document(self) -> bool:
        """Return whether the list carries the model's document, not an error or nothing."""
        return isinstance(self.openapi, dict) and "paths" in self.openapi


def load_json(data: bytes, origin: str) -> Json:
    """Return the value of a JSON text, or raise DocumentError saying what is wrong with `origin`.

    UTF-8 with or without a byte order mark; 100 levels, finite numbers only;
    at most 32 MiB, and 4 MiB where it is the document of one model. Where only some entries of a
    list have other numbers, `list_entries` gives an error for each of them.
    """
    if len(data) > SIZE_LIMIT:
        raise _refusal(origin, f"it is larger than {SIZE_LIMIT >> 20} MiB")
    try:
        value = parse_json(data, deepest=DEPTH_LIMIT, duplicates=True)
    except JsonTextError as error:
        page = _sound_page(data)
        if page is None:
            raise _refusal(origin, error.reason) from None
        return page
    if len(data) > DOCUMENT_LIMIT and isinstance(value, dict) and "paths" in value:
        raise _refusal(origin, f"the document of a model has at most {DOCUMENT_LIMIT >> 20} MiB")
    return value


def _sound_page(data: bytes) -> Json:
    """Return a list in which a `_NoNumber` stands for each model that holds one, else None."""
    try:
        page = parse_json(data, deepest=DEPTH_LIMIT, duplicates=True, outside=_NoNumber)
    except JsonTextError:
        return None
    models = page.get("models") if isinstance(page, dict) else page
    if not isinstance(models, list):
        return None
    entries = [_named_no_number(entry) or entry for entry in models]
    sound = {**page, "models": entries} if isinstance(page, dict) else entries
    named = [one for one in entries if isinstance(one, _NoNumber) and one.model_id]
    return sound if len(list(_no_numbers(sound))) == len(named) else None


def _named_no_number(entry: Json) -> _NoNumber | None:
    match entry:
        case {"endpoint_id": str(model_id)} if model_id:
            found = next(_no_numbers(entry), None)
            return found and replace(found, model_id=model_id)
    return None


def _no_numbers(value: Json) -> Iterator[_NoNumber]:
    if isinstance(value, _NoNumber):
        yield value
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _no_numbers(part)


def list_entries(page: Json, origin: str) -> Iterator[ListEntry | DocumentError]:
    """Yield each model of a list, and an error in place of one that is malformed.

    `page` is what `GET /v1/models` answers, or the bare array of its `models`.
    """
    models = page.get("models") if isinstance(page, dict) else page
    if not isinstance(models, list):
        raise _refusal(origin, "it holds no list of models")
    for number, entry in enumerate(models, 1):
        try:
            yield _entry(entry, f"{origin}, model {number},")
        except DocumentError as error:
            yield error


def entry_documents(entry: ListEntry, origin: str) -> Documents:
    """Return the documents of a list entry, or raise DocumentError where it carries none."""
    origin = f"{origin}: {entry.model_id}"
    if entry.openapi is None:
        reason = "the list has no documents: ask for it with expand=openapi-3.0"
        raise _refusal(origin, reason, entry.model_id)
    try:
        _check_openapi(entry.openapi, origin)
    except DocumentError as error:
        raise DocumentError(error.message, entry.model_id) from None
    return Documents(entry.model_id, entry.metadata, entry.openapi)


def openapi_documents(openapi: Json, origin: str) -> Documents:
    """Return the documents of one OpenAPI document, which names its model itself.

    The ID is `info.x-fal-metadata.endpointId`, else the path that takes the only POST.
    """
    _check_openapi(openapi, origin)
    endpoint_id = openapi.get("info", {}).get("x-fal-metadata", {}).get("endpointId")
    path = only_post(openapi["paths"])
    posted = path.strip("/") if path is not None else None
    return Documents(_model_id(posted if endpoint_id is None else endpoint_id, origin), {}, openapi)


def only_post(paths: Mapping[str, Json]) -> str | None:
    """Return the path that takes the only POST of a document, None where there is no such one."""
    posts = [path for path, item in paths.items() if isinstance(item, dict) and "post" in item]
    return posts[0] if len(posts) == 1 else None


def _entry(entry: Json, origin: str) -> ListEntry:
    if isinstance(entry, _NoNumber):
        model_id = _model_id(entry.model_id, origin)
        reason = f"{cut(entry.digits, 40)} in the entry of {model_id} is no JSON number"
        raise _refusal(origin, reason, model_id)
    if not isinstance(entry, dict):
        raise _refusal(origin, f"it is {_kind(entry)}, an object was expected")
    model_id = _model_id(entry.get("endpoint_id"), origin)
    metadata = entry.get("metadata") or {}
    if not isinstance(metadata, dict):
        reason = f"the metadata of {model_id} is {_kind(metadata)}, an object was expected"
        raise _refusal(origin, reason, model_id)
    return ListEntry(model_id, metadata, entry.get("openapi"))


def _model_id(value: Json, origin: str) -> str:
    try:
        return check_model_id(value if isinstance(value, str) else "")
    except SkillNameError:
        shown = cut(ascii(value), 80) if isinstance(value, str) else _kind(value)
        reason = "it does not name its model" if value is None else f"{shown} is no model ID"
        raise _refusal(origin, reason) from None


def _check_openapi(openapi: Json, origin: str) -> None:
    if not isinstance(openapi, dict):
        raise _refusal(origin, f"it is {_kind(openapi)}, an OpenAPI document was expected")
    if "error" in openapi and "paths" not in openapi:
        raise _refusal(origin, f"fal answered with an error, {_error_message(openapi['error'])}")
    for keys in OBJECTS:
        part = _part(openapi, keys)
        if not isinstance(part, dict):
            name = ".".join(keys)
            raise _refusal(origin, f"its {name} is {_kind(part)}, an object was expected")
    if not openapi.get("paths"):
        raise _refusal(origin, "it has no paths, an OpenAPI document was expected")


def _error_message(error: Json) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return cut(ascii(message if isinstance(message, str) else error), 200)


def _part(openapi: Mapping[str, Json], keys: tuple[str, ...]) -> Json:
    part: Json = openapi
    for key in keys:
        part = part.get(key, {})
    return part


def _kind(value: Json) -> str:
    return KINDS[type(value)]


def _refusal(origin: str, reason: str, model_id: str = "") -> DocumentError:
    return DocumentError(f"{origin} cannot be used: {reason}.", model_id)
