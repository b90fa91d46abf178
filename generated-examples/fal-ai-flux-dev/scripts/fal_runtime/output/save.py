"""A saved result: its files on this machine, and what of it a caller is shown."""

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes, urljoin

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.fal.http import Connection, Download, TooLargeError, TransferProgress, exchange
from fal_runtime.file_headers import FileHeaders, read_headers
from fal_runtime.file_kinds import MEDIA_KINDS, VAGUE, content_type_of, extension_for, kind_of
from fal_runtime.json_text import ReceivedJson, read_json
from fal_runtime.output.files import ResultFile, result_files
from fal_runtime.output.folder import OutputFolder, keep, names, save_lines
from fal_runtime.output.result import SavedFile, SavedResult, printable
from fal_runtime.paths import safe_name
from fal_runtime.text import cut, one_line

_ATTEMPTS = 4
_REDIRECTS = 5
# What one result may bring: so many files, and together so many times the size of one.
_MOST_FILES = 200
_MOST_SIZES = 20
_MEGABYTE = 1 << 20
_TEXT_FIELDS = ("text", "output", "transcript", "transcription", "caption", "answer", "response")
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Naming:
    """How the files of one job are named: after the time where `stamp` is set, else by field."""

    request_id: str
    stamp: str | None = None


class _FileLostError(Exception):
    """One file cannot be had; the others may."""


class _FileLateError(_FileLostError):
    """One file cannot be had now; a later try may bring it."""


def save_result(
    connection: Connection,
    folder: OutputFolder,
    naming: Naming,
    content: bytes,
    sent: Collection[str] = (),
    *,
    earlier: Sequence[SavedFile] = (),
) -> SavedResult:
    """Save the files of a result.

    `content` is the body of fal's response; `sent` are the links of the input, which are nobody's
    output; `earlier` are the files that another try has saved. A file that cannot be had costs no
    other file, and a body that is not read as JSON is a file itself: it was paid for. Raises
    LocalError where this machine cannot write.
    """
    try:
        result = read_json(content)
        found = result_files(result, _output_schema(connection.config.model_folder), sent)
    except ValueError as error:
        connection.report(
            f"notice: the result is saved as it came, for {one_line(str(error), 200)}"
        )
        result, found = None, (_as_file(content),) if content else ()
    files, lost, may_come = save_files(connection, found, folder, naming, earlier)
    shown, seed, text = printable(result), _seed(result), _text(result)
    return SavedResult(shown, None, files, lost, seed, text, may_come)


def in_a_file(saved: SavedResult, folder: OutputFolder, naming: Naming) -> SavedResult:
    """Return the saved result with its JSON in a file; raises LocalError."""
    lines = json.dumps(saved.result, indent=2).splitlines()
    stem = f"result_{safe_name(naming.request_id)}"
    path = save_lines(folder, folder.path, stem, "json", lines)
    return replace(saved, result=None, path=path)


def save_files(
    connection: Connection,
    files: Sequence[ResultFile],
    folder: OutputFolder,
    naming: Naming,
    earlier: Sequence[SavedFile] = (),
) -> tuple[tuple[SavedFile, ...], tuple[str, ...], bool]:
    """Save every file and return those that were saved and, as lines, those that were not.

    Also returned is whether a later try may bring more. No key is sent, and nothing is overwritten:
    a file of an earlier run with the same bytes is kept as it is, and those of `earlier` are not
    fetched again. Raises LocalError when this machine cannot write.
    """
    known = {file.field: file for file in earlier}
    limit = int(connection.config.settings.max_download_mb * _MEGABYTE)
    left = _MOST_SIZES * limit
    saved: list[SavedFile] = []
    lost: list[str] = []
    may_come = False
    wanted, surplus = files[:_MOST_FILES], files[_MOST_FILES:]
    for index, file in enumerate(wanted):
        if file.field in known:
            left -= known[file.field].size
            saved += [known[field] for field in (file.field, *file.repeated)]
            continue
        try:
            if left <= 0:
                raise _FileLostError(
                    f"the files of this result are together larger than {_MOST_SIZES} times "
                    f"max_download_mb ({limit / _MEGABYTE:g} MB)"
                )
            with folder.part() as (part, opened):
                content_type, came = _receive(connection, file, opened, min(limit, left))
                opened.seek(0)
                new = _described(file, part, read_headers(opened), content_type, came)
                extension = _extension(file, new.content_type, new.kind)
                places = _places(wanted, index, folder, naming, extension)
                new = replace(new, path=keep(part, places, [one.path for one in saved]))
        except (_FileLostError, TooLargeError) as error:
            why = str(error)
            if isinstance(error, TooLargeError):
                why = (
                    f"larger than max_download_mb, or than what is left of {_MOST_SIZES} times as "
                    f"much for all files ({min(limit, left) / _MEGABYTE:g} MB): raise it in "
                    "queue_config.yaml or by FAL_QUEUE_MAX_DOWNLOAD_MB"
                )
            lost.append(f"{one_line(file.field, 100)}: {why}")
            may_come |= isinstance(error, _FileLateError)
            continue
        left -= new.size
        empty = "" if new.size else ", which is empty (0 bytes)"
        connection.report(f"Saved {one_line(str(new.path))}{empty}")
        if new.content_type in VAGUE:
            new = replace(new, content_type=content_type_of(new.path.name))
        saved.append(new)
        saved += [replace(new, field=field, same_as=new.field) for field in file.repeated]
    if surplus:
        left_out = one_line(", ".join(file.field for file in surplus[:20]), 500)
        lost.append(
            f"{len(surplus)} more files than the {_MOST_FILES} that one result may have, which "
            f"were left out: {left_out}{' ...' if len(surplus) > 20 else ''}"
        )
    return tuple(saved), tuple(lost), may_come


def _described(
    file: ResultFile, part: Path, headers: FileHeaders, content_type: str, came: Download
) -> SavedFile:
    """Return what a file that has come is, by its own headers first; its place is temporary."""
    content_type, kind = headers.content_type or content_type, file.kind
    if kind == "file" or headers.content_type:
        kind = kind_of(content_type, file.url, file.file_name)
    if came.size == 0 and kind in MEDIA_KINDS:
        raise _FileLateError(f"{_shown(file.url)} is empty (0 bytes)")
    return SavedFile(
        field=file.field,
        kind=kind,
        path=part,
        url=None if file.url.startswith("data:") else file.url,
        size=came.size,
        sha256=came.sha256,
        content_type=content_type,
        width=headers.width or file.width,
        height=headers.height or file.height,
        duration=headers.duration or file.duration,
    )


def _receive(
    connection: Connection, file: ResultFile, opened: BinaryIO, limit: int
) -> tuple[str, Download]:
    """Write the file's bytes; return the content type that came with them, and how they came.

    The type is "" where none came. Redirects to http(s) links are followed, without any
    credentials. Raises _FileLostError and TooLargeError.
    """
    if file.url.startswith("data:"):
        content_type, content = _embedded(file.url)
        download = Download(opened, limit)
        download.write([content])
        return content_type, download
    url, headers = file.url, {"Accept": "*/*", "Accept-Encoding": "identity"}
    progress = TransferProgress(connection, f"Fetching {one_line(file.field, 100)}")
    for _ in range(_REDIRECTS):
        shown, download = _shown(url), Download(opened, limit, progress)
        if not connection.config.origins.may_lead_to(url):
            raise _FileLostError(
                f"{shown} leads into this machine or its network, where fal is not"
            )
        try:
            response = exchange(
                connection, "GET", url, headers=headers, into=download, attempts=_ATTEMPTS
            )
        except TooLargeError:
            raise
        except httpx.RequestError as error:
            raise _FileLateError(f"{shown} cannot be fetched ({error})") from None
        content_type = _plain_type(response.headers.get("content-type", ""))
        if response.is_success and "html" in content_type and file.kind in MEDIA_KINDS:
            raise _FileLateError(f"{shown} answered with a web page")
        if response.is_success:
            return content_type, download
        if not response.is_redirect:
            raise _FileLateError(f"{shown} answered {response.status_code}")
        location = response.headers.get("location", "")
        try:
            url = urljoin(url, location)
        except ValueError:
            url = location
        if not is_web_url(url):
            raise _FileLostError(f"it leads to {one_line(url, 200)}, which is no http(s) link")
    raise _FileLostError("it is redirected without end")


def _as_file(content: bytes) -> ResultFile:
    """Return a result that is no JSON, or more of it than is read, as its one file."""
    content_type = "application/octet-stream"
    with suppress(UnicodeDecodeError):
        is_data = content.decode().lstrip().startswith(("{", "["))
        content_type = "application/json" if is_data else "text/plain"
    uri = f"data:{content_type};base64,{base64.b64encode(content).decode()}"
    return ResultFile("result", kind_of(content_type), uri)


def _embedded(uri: str) -> tuple[str, bytes]:
    """Return the content type and the bytes of a `data:` URI (RFC 2397)."""
    header, _, payload = uri[5:].partition(",")
    try:
        content = unquote_to_bytes(payload)
        if header.strip().lower().endswith(";base64"):
            content = base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise _FileLostError("its data: URI cannot be decoded") from None
    return _plain_type(header) or "text/plain", content


def _shown(url: str) -> str:
    """Return a link as messages name it, without the content of a `data:` URI."""
    return "its data: URI" if url.startswith("data:") else one_line(url, 200)


def _plain_type(value: str) -> str:
    return one_line(value.partition(";")[0], 100).lower()


def _extension(file: ResultFile, content_type: str, kind: str) -> str:
    if file.url.startswith("data:"):
        return extension_for(content_type, kind=kind)
    best = content_type if content_type not in VAGUE else file.content_type
    return extension_for(best, file.file_name, file.url, kind=kind)


def _places(
    files: Sequence[ResultFile], index: int, folder: OutputFolder, naming: Naming, extension: str
) -> Iterator[Path]:
    """Yield the places for one file of a result, best first."""
    parent, number = folder.path, index + 1 if index else None
    if folder.wanted is not None:
        parent, stem = folder.path / folder.wanted.parent, folder.wanted.stem
        extension = (folder.wanted.suffix.lstrip(".") if index == 0 else "") or extension
    elif naming.stamp is not None:
        stem = f"{safe_name(naming.request_id)}_{naming.stamp}"
    else:
        plain = (re.sub(r"\[\d+\]", "", file.field).replace(".", "_") for file in files)
        fields = [safe_name(field)[:60] for field in plain]
        stem = f"{fields[index]}_{safe_name(naming.request_id)}"
        alike = fields.count(fields[index])
        number = fields[: index + 1].count(fields[index]) if alike > 1 else None
    for name in names(stem, extension, number):
        yield parent / name


def _output_schema(model_folder: Path | None) -> Mapping[str, Any] | None:
    """Return what the skill knows of the output; without it, files are found by value alone."""
    if model_folder is None:
        return None
    try:
        schema = read_json((model_folder / "output.schema.json").read_bytes())
    except (OSError, ValueError):
        return None
    return schema if isinstance(schema, dict) else None


def _seed(result: ReceivedJson) -> int | None:
    seed = result.get("seed") if isinstance(result, dict) else None
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else None


def _text(result: ReceivedJson) -> str | None:
    if not isinstance(result, dict):
        return None
    for name in _TEXT_FIELDS:
        text = result.get(name)
        if isinstance(text, str) and text.strip() and not text.startswith(("http", "data:")):
            return cut(text, _LONGEST_TEXT)
    return None
