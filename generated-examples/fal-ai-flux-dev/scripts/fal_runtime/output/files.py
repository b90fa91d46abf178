"""The files of a result: found by its values and by the marks of the output schema."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fal_runtime.config import is_web_url
from fal_runtime.file_kinds import extension_of, kind_of
from fal_runtime.json_text import ReceivedJson, walk
from fal_runtime.schema.document import AnySchema, SchemaDocument

# An object with one of these and a link is a citation or a complaint, unless it names a file.
_ABOUT_A_PAGE = ("title", "snippet", "msg")
_ABOUT_A_FILE = ("content_type", "file_name", "file_size")


@dataclass(frozen=True, slots=True)
class ResultFile:
    """One file of a result: its place, its link or `data:` URI, what the result says of it.

    `repeated` are the other places that have the same link.
    """

    field: str
    kind: str
    url: str
    content_type: str = ""
    file_name: str = ""
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    repeated: tuple[str, ...] = ()


def result_files(
    result: ReceivedJson, output_schema: Mapping[str, Any] | None, sent: Collection[str] = ()
) -> tuple[ResultFile, ...]:
    """Return every file of a result, in its order, each link once.

    A file is an object with a string `url`, a plain link under a key that ends in `url` or `urls`,
    or one that the output schema marks with `x-file`. Links of the input (`sent`) are no files.
    """
    document = SchemaDocument(output_schema or {})
    files: dict[str, ResultFile] = {}
    for file in _walk(result, "", [document.root], document):
        if file.url in sent:
            continue
        first = files.setdefault(file.url, file)
        if first is not file:
            files[file.url] = replace(first, repeated=(*first.repeated, file.field))
    return tuple(files.values())


def links(value: ReceivedJson) -> frozenset[str]:
    """Return every string of a value that is a link or a `data:` URI."""
    return frozenset(part for part in walk(value) if isinstance(part, str) and _is_link(part))


def _walk(
    value: ReceivedJson, path: str, schemas: list[AnySchema], document: SchemaDocument
) -> Iterator[ResultFile]:
    """Yield the files in a value for which these schemas hold."""
    if isinstance(value, str) and _is_link(value):
        mark = document.file_kind(schemas) or ""
        if mark or _key(path).endswith(("url", "urls")):
            yield ResultFile(path, _kind(mark, "", value, _key(path)), value)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", document.members(schemas, index), document)
    if isinstance(value, dict):
        url = value.get("url")
        if isinstance(url, str) and _is_link(url):
            mark = document.file_kind(document.members(schemas, "url")) or ""
            is_file = any(name in value for name in _ABOUT_A_FILE)
            if mark or is_file or not any(name in value for name in _ABOUT_A_PAGE):
                yield _file(value, url, path or "url", mark)
        for name, item in value.items():
            if name != "url" or not isinstance(item, str):
                step = f"{path}.{name}" if path else name
                yield from _walk(item, step, document.members(schemas, name), document)


def _file(value: dict[str, ReceivedJson], url: str, path: str, mark: str) -> ResultFile:
    content_type, name = _text(value.get("content_type")), _text(value.get("file_name"))
    width, height, duration = (_number(value.get(key)) for key in ("width", "height", "duration"))
    return ResultFile(
        path,
        _kind(mark, content_type, url, name, path),
        url,
        content_type,
        name,
        int(width) if width is not None else None,
        int(height) if height is not None else None,
        duration,
    )


def _kind(mark: str, content_type: str, url: str, *names: str) -> str:
    """Return the kind by what the file itself says, else by the schema's mark."""
    if url.startswith("data:"):
        return kind_of(url[5:200].partition(",")[0])
    by_name = next((name for name in (url, *names) if extension_of(name)), "")
    if content_type or by_name or mark in ("", "file"):
        kind = kind_of(content_type, url, *names)
        return kind if kind != "file" or mark in ("", "file") else mark
    return mark


def _is_link(text: str) -> bool:
    if text.startswith("data:"):
        return "," in text[:200]
    return text.startswith(("http://", "https://")) and is_web_url(text)


def _key(path: str) -> str:
    return path.rpartition(".")[2].partition("[")[0].lower()


def _text(value: ReceivedJson) -> str:
    return value if isinstance(value, str) else ""


def _number(value: ReceivedJson) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return float(value)
    return None
