"""Bring the files of a result to this machine: streamed, limited, safely named."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urljoin

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.fal.http import Connection, TooLargeError, exchange
from fal_runtime.file_kinds import VAGUE, content_type_of, extension_for, kind_of
from fal_runtime.output.find import ResultFile
from fal_runtime.output.folder import OutputFolder, keep, names
from fal_runtime.output.result import SavedFile
from fal_runtime.paths import safe_name
from fal_runtime.text import one_line

__all__ = ["Naming", "save_files"]

_TRIES = 4
_REDIRECTS = 5
_MEDIA = ("image", "video", "audio", "3d", "archive")


@dataclass(frozen=True, slots=True)
class Naming:
    """How the files of one job are named: after the time where `stamp` is set, else by field."""

    request_id: str
    stamp: str | None = None


class _FileLostError(Exception):
    """One file cannot be had; the others may."""


def save_files(
    connection: Connection, files: Sequence[ResultFile], folder: OutputFolder, naming: Naming
) -> tuple[tuple[SavedFile, ...], tuple[str, ...]]:
    """Save every file and return those that were saved and, as lines, those that were not.

    No key is sent, and nothing is overwritten: a file of an earlier run with the same bytes is
    kept as it is. Raises LocalError when this machine cannot write.
    """
    saved: list[SavedFile] = []
    lost: list[str] = []
    for index, file in enumerate(files):
        try:
            taken = [one.path for one in saved]
            saved.append(
                _save(connection, file, folder, _places(files, index, folder, naming), taken)
            )
            connection.report(f"Saved {saved[-1].path}")
        except _FileLostError as error:
            lost.append(f"{file.field}: {error}")
    return tuple(saved), tuple(lost)


def _save(
    connection: Connection,
    file: ResultFile,
    folder: OutputFolder,
    places: Callable[[str], Iterable[Path]],
    taken: Sequence[Path],
) -> SavedFile:
    limit = int(connection.config.settings.max_download_mb * (1 << 20))
    with folder.part() as (part, opened):
        told = _receive(connection, file, opened, limit)
        size = opened.tell()
        opened.flush()
        with part.open("rb") as finished:
            sha256 = hashlib.file_digest(finished, "sha256").hexdigest()
        kind = file.kind if file.kind != "file" else kind_of(told, file.url, file.file_name)
        extension = _extension(file, told, kind)
        place = keep(part, places(extension), taken)
    vague = told.partition(";")[0].strip().lower() in VAGUE
    content_type = content_type_of(place.name) if vague else told.partition(";")[0].strip()
    return SavedFile(
        field=file.field,
        kind=kind,
        path=place,
        url=None if file.url.startswith("data:") else file.url,
        size=size,
        sha256=sha256,
        content_type=content_type,
        width=file.width,
        height=file.height,
        duration=file.duration,
    )


def _extension(file: ResultFile, told: str, kind: str) -> str:
    if file.url.startswith("data:"):
        return extension_for(told, kind=kind)
    best = told if told.partition(";")[0].strip().lower() not in VAGUE else file.content_type
    return extension_for(best, file.file_name, file.url, kind=kind)


def _places(
    files: Sequence[ResultFile], index: int, folder: OutputFolder, naming: Naming
) -> Callable[[str], Iterator[Path]]:
    """Return the places for one file of a result, given its extension."""
    number = index + 1 if index else None
    wanted = folder.wanted
    if wanted is not None:
        stem, own, parent = wanted.stem, wanted.suffix.lstrip("."), folder.path / wanted.parent
        return lambda told: (
            parent / name for name in names(stem, told if index or not own else own, number)
        )
    if naming.stamp is not None:
        stem = f"{safe_name(naming.request_id)}_{naming.stamp}"
    else:
        stem, number = _stem_by_field(files, index, naming)
    return lambda told: (folder.path / name for name in names(stem, told, number))


def _stem_by_field(
    files: Sequence[ResultFile], index: int, naming: Naming
) -> tuple[str, int | None]:
    fields = [_field_name(file) for file in files]
    alike = [at for at, name in enumerate(fields) if name == fields[index]]
    stem = f"{fields[index]}_{safe_name(naming.request_id)}"
    return stem, alike.index(index) + 1 if len(alike) > 1 else None


def _field_name(file: ResultFile) -> str:
    return safe_name(re.sub(r"\[\d+\]", "", file.field).replace(".", "_"))[:60]


def _receive(connection: Connection, file: ResultFile, opened: BinaryIO, limit: int) -> str:
    """Write the file's bytes and return the content type that came with them."""
    if file.url.startswith("data:"):
        return _receive_data(file.url, opened, limit)
    url, headers = file.url, {"Accept": "*/*", "Accept-Encoding": "identity"}
    for _ in range(_REDIRECTS):
        try:
            response = exchange(
                connection, "GET", url, headers=headers, into=opened, limit=limit, attempts=_TRIES
            )
            target = urljoin(url, response.headers.get("location", ""))
        except TooLargeError:
            raise _too_large(limit) from None
        except (httpx.RequestError, ValueError) as error:
            raise _FileLostError(f"{one_line(url, 200)} cannot be fetched ({error})") from None
        told: str = response.headers.get("content-type", "")
        if response.is_success and "html" in told.lower() and file.kind in _MEDIA:
            raise _FileLostError(f"{one_line(url, 200)} answered with a web page")
        if response.is_success:
            return told
        if not response.is_redirect:
            raise _FileLostError(f"{one_line(url, 200)} answered {response.status_code}")
        if not is_web_url(target):
            raise _FileLostError(f"it leads to {one_line(target, 200)}, which is no http(s) link")
        url = target
    raise _FileLostError("it is redirected without end")


def _receive_data(url: str, opened: BinaryIO, limit: int) -> str:
    header, _, payload = url[5:].partition(",")
    if len(payload) * 3 // 4 > limit:
        raise _too_large(limit)
    try:
        content = unquote_to_bytes(payload)
        if header.strip().lower().endswith(";base64"):
            content = base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise _FileLostError("its data: URI cannot be decoded") from None
    opened.write(content)
    return header.removesuffix(";base64") or "text/plain"


def _too_large(limit: int) -> _FileLostError:
    return _FileLostError(
        f"larger than max_download_mb ({limit / (1 << 20):g} MB): raise it in queue_config.yaml "
        "or by FAL_QUEUE_MAX_DOWNLOAD_MB"
    )
