"""Bring the files of a result to this machine: streamed, limited, safely named."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes, urljoin

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.fal.http import Connection, is_transient, pause_before_retry
from fal_runtime.file_kinds import VAGUE, content_type_of, extension_for, kind_of
from fal_runtime.output.find import ResultFile
from fal_runtime.output.folder import OutputFolder, keep, names
from fal_runtime.output.result import SavedFile
from fal_runtime.paths import safe_name
from fal_runtime.text import one_line

__all__ = ["Naming", "save_files"]

_CHUNK = 1 << 18
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


@dataclass(slots=True)
class _Received:
    """The bytes that came for one file so far, already on disk."""

    file: BinaryIO
    limit: int
    size: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def start_again(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.size, self.sha256 = 0, hashlib.sha256()

    def expect(self, size: int) -> None:
        if size > self.limit:
            raise _FileLostError(
                f"larger than max_download_mb ({self.limit / (1 << 20):g} MB): raise it in "
                "queue_config.yaml or by FAL_QUEUE_MAX_DOWNLOAD_MB"
            )

    def add(self, chunk: bytes) -> None:
        self.expect(self.size + len(chunk))
        self.file.write(chunk)
        self.sha256.update(chunk)
        self.size += len(chunk)


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
        received = _Received(opened, limit)
        told = _receive(connection, file, received)
        opened.flush()
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
        size=received.size,
        sha256=received.sha256.hexdigest(),
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


def _receive(connection: Connection, file: ResultFile, received: _Received) -> str:
    """Write the file's bytes and return the content type that came with them."""
    if file.url.startswith("data:"):
        return _receive_data(file.url, received)
    for tries in count(1):
        answer: httpx.Response | httpx.RequestError
        try:
            with _opened(connection.client, file.url) as answer:
                if answer.is_success:
                    return _receive_stream(answer, file, received)
        except httpx.RequestError as error:
            answer = error
        if isinstance(answer, httpx.Response) and not is_transient(answer):
            raise _FileLostError(f"{one_line(file.url, 200)} answered {answer.status_code}")
        if tries == _TRIES:
            break
        received.start_again()
        connection.clock.sleep(pause_before_retry(tries, answer, connection.clock))
    why = answer.status_code if isinstance(answer, httpx.Response) else answer
    raise _FileLostError(f"{one_line(file.url, 200)} cannot be fetched ({why!s})")


def _receive_stream(response: httpx.Response, file: ResultFile, received: _Received) -> str:
    told: str = response.headers.get("content-type", "")
    if "html" in told.lower() and file.kind in _MEDIA:
        raise _FileLostError(f"{one_line(file.url, 200)} answered with a web page")
    declared = response.headers.get("content-length", "")
    received.expect(int(declared) if declared.isdigit() else 0)
    for chunk in response.iter_bytes(_CHUNK):
        received.add(chunk)
    return told


def _receive_data(url: str, received: _Received) -> str:
    header, _, payload = url[5:].partition(",")
    received.expect(len(payload) * 3 // 4)
    try:
        content = unquote_to_bytes(payload)
        if header.strip().lower().endswith(";base64"):
            content = base64.b64decode(content)
    except (binascii.Error, ValueError):
        raise _FileLostError("its data: URI cannot be decoded") from None
    received.add(content)
    return header.removesuffix(";base64") or "text/plain"


@contextmanager
def _opened(client: httpx.Client, url: str) -> Iterator[httpx.Response]:
    """Open a link for reading, through redirects to http(s) links, without any credentials."""
    headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
    for _ in range(_REDIRECTS):
        if not is_web_url(url):
            raise _FileLostError(f"it leads to {one_line(url, 200)}, which is no http(s) link")
        try:
            request = client.build_request("GET", url, headers=headers)
        except httpx.InvalidURL:
            raise _FileLostError(f"{one_line(url, 200)} is no valid link") from None
        with closing(client.send(request, stream=True, follow_redirects=False)) as response:
            if not response.is_redirect:
                yield response
                return
            url = urljoin(url, response.headers.get("location", ""))
    raise _FileLostError("it is redirected without end")
