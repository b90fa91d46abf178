"""Local files in fal's storage, uploaded before a job: each content once while its link lives."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.errors import FalError, LocalError, NotAcceptedError
from fal_runtime.fal.http import Connection, FileSlice, TransferProgress, exchange, unreachable
from fal_runtime.fal.protocol import described, json_object, key_error
from fal_runtime.file_kinds import content_type_of
from fal_runtime.paths import local_trouble, safe_name
from fal_runtime.text import one_line

_INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
_INITIATE_PARTS = "/storage/upload/initiate-multipart?storage_type=fal-cdn-v3"
# What is larger goes in parts, as fal's own clients send it.
_LARGEST_WHOLE = 100 << 20
_PART = 10 << 20
# Storing the same file twice harms nobody.
_ATTEMPTS = 4
_SILENCE = 120.0


class KnownLinks(Protocol):
    """The links of earlier uploads, by user and origin (`Config.identity`) and by content."""

    def link(self, identity: str, content: str) -> str | None:
        """Return the link of this content."""

    def keep_link(self, identity: str, content: str, link: str) -> None:
        """Remember the link of this content."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds, and when it was changed last."""

    path: Path
    size: int
    changed: int
    sha256: str
    content_type: str

    @property
    def name(self) -> str:
        """What tells this content from every other; a link is served with its content type."""
        return f"{self.sha256} {self.size} {self.content_type}"


def upload_all(connection: Connection, paths: Iterable[Path], links: KnownLinks) -> dict[Path, str]:
    """Upload each distinct file, unless its content is at fal already, and return the links.

    Raises NotAcceptedError, KeyMissingError or LocalError: nothing has been submitted
    then.
    """
    # Without a key nothing begins.
    connection.config.authorization(connection.config.origins.rest)
    return {path: _link(connection, path, links) for path in dict.fromkeys(paths)}


def lives(connection: Connection, link: str) -> bool:
    """Return whether the link of a file that was stored earlier still answers."""
    try:
        return exchange(connection, "HEAD", link, attempts=2, silence=10.0).is_success
    except httpx.RequestError:
        return False


def _link(connection: Connection, path: Path, links: KnownLinks) -> str:
    content, identity = _content(path), connection.config.identity
    known = links.link(identity, content.name)
    if known is not None and lives(connection, known):
        connection.report(f"{one_line(str(path))} is at fal already: not uploaded again")
        return known
    connection.report(f"Uploading {one_line(str(path))} ({content.size:,} bytes)")
    link = _send(connection, content)
    with local_trouble(path):
        now = path.stat()
    if (now.st_size, now.st_mtime_ns) != (content.size, content.changed):
        raise LocalError(
            "local_trouble", f"{one_line(str(path))} was changed while it was uploaded: try again"
        )
    links.keep_link(identity, content.name, link)
    return link


def _content(path: Path) -> _Content:
    with local_trouble(path), path.open("rb") as file:
        stat = path.stat()
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if not stat.st_size:
        raise LocalError("local_trouble", f"{one_line(str(path))} is empty (0 bytes)")
    return _Content(path, stat.st_size, stat.st_mtime_ns, sha256, content_type_of(path.name))


def _send(connection: Connection, content: _Content) -> str:
    """Ask for a place, send the file there, return its link."""
    path, whole = content.path, content.size <= _LARGEST_WHOLE
    url = connection.config.origins.rest + (_INITIATE if whole else _INITIATE_PARTS)
    about = {"content_type": content.content_type, "file_name": safe_name(path.name)}
    key = connection.config.authorization(connection.config.origins.rest)
    response = _exchange(connection, path, "POST", url, content=about, headers=key)
    links = json_object(response) or {}
    place, link = (str(links.get(name, "")) for name in ("upload_url", "file_url"))
    if not is_web_url(place) or not is_web_url(link):
        raise _failed(path, "fal named no address to send it to")
    progress = TransferProgress(connection, f"Uploading {one_line(path.name)}", content.size)
    if whole:
        file, about_file = FileSlice(path, 0, content.size), {"Content-Type": content.content_type}
        _exchange(
            connection, path, "PUT", place, content=file, headers=about_file, progress=progress
        )
        return link
    parts = _send_parts(connection, content, place, progress)
    try:
        end = _below(place, "complete")
        _exchange(connection, path, "POST", end, content={"parts": parts})
    except NotAcceptedError:
        # The answer to a first try may have been lost: the next one finds nothing to complete.
        if not lives(connection, link):
            raise
    return link


def _send_parts(
    connection: Connection, content: _Content, place: str, progress: TransferProgress
) -> list[dict[str, Any]]:
    """Send the file part by part, and return how each was confirmed."""
    path, parts = content.path, []
    for number, start in enumerate(range(0, content.size, _PART), 1):
        part = FileSlice(path, start, min(_PART, content.size - start))
        url = _below(place, str(number))
        response = _exchange(connection, path, "PUT", url, content=part, progress=progress)
        confirmed = json_object(response) or {}
        etag = confirmed.get("etag") or response.headers.get("etag")
        if not isinstance(etag, str):
            raise _failed(path, f"fal did not confirm part {number}")
        parts.append({"partNumber": number, "etag": etag})
    return parts


def _exchange(
    connection: Connection,
    path: Path,
    method: str,
    url: str,
    *,
    content: FileSlice | dict[str, Any],
    headers: dict[str, str] | None = None,
    progress: TransferProgress | None = None,
) -> httpx.Response:
    """Make one request of an upload; raises for everything but success."""
    sent = {**(headers or {})}
    if isinstance(content, dict):
        sent["Content-Type"] = "application/json"
    try:
        response = exchange(
            connection,
            method,
            url,
            headers=sent,
            content=json.dumps(content).encode() if isinstance(content, dict) else content,
            progress=progress,
            attempts=_ATTEMPTS,
            silence=_SILENCE,
        )
    except httpx.RequestError as error:
        raise unreachable(error, url) from None
    if response.is_success:
        return response
    about_key = key_error(response) if "Authorization" in sent else None
    raise about_key or _failed(path, described(response))


def _below(place: str, name: str) -> str:
    """Return the address of a part: the name follows the path, the signature stays behind it."""
    parts = urlsplit(place)
    return parts._replace(path=f"{parts.path}/{name}").geturl()


def _failed(path: Path, why: str) -> FalError:
    return NotAcceptedError(
        "platform_down",
        f"{one_line(str(path))} could not be uploaded ({why}): nothing was submitted",
    )
