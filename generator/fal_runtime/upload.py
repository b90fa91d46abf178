"""Bring local files to fal before a job that needs them: nothing here costs money."""

import copy
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from .answers import json_object, refusal, told
from .connection import Connection
from .errors import NotAcceptedError
from .file_types import content_type_of
from .http import is_transient, pause_before_retry, unreachable
from .origins import is_web_url
from .output_folder import local_trouble, safe_name

if TYPE_CHECKING:
    from .arguments import PreparedInput

__all__ = ["upload_all", "with_links"]

_INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
_TRIES = 4
# For one write of the connection, not for the whole file.
_TIMEOUT = 120.0


def upload_all(connection: Connection, paths: Iterable[Path]) -> dict[Path, str]:
    """Upload each distinct file once and return its link.

    Raises NotAcceptedError, KeyMissingError or LocalError: nothing has been submitted then.
    """
    return {path: _upload(connection, path) for path in dict.fromkeys(paths)}


def with_links(prepared: "PreparedInput", links: Mapping[Path, str]) -> dict[str, Any]:
    """Return the input with the link of each local file in its place."""
    value = copy.deepcopy(prepared.value)
    for file in prepared.local_files:
        place: Any = value
        for step in file.location[:-1]:
            place = place[step]
        place[file.location[-1]] = links[file.path]
    return value


def _upload(connection: Connection, path: Path) -> str:
    with local_trouble(path):
        size = path.stat().st_size
    connection.report(f"Uploading {path} ({size:,} bytes)")
    content_type = content_type_of(path.name)
    upload_url, file_url = _initiate(connection, path, content_type)
    _put(connection, path, upload_url, content_type)
    return file_url


def _initiate(connection: Connection, path: Path, content_type: str) -> tuple[str, str]:
    url = connection.config.origins.rest + _INITIATE
    headers = connection.config.authorization()
    body = {"content_type": content_type, "file_name": safe_name(path.name)}
    response = _answered(
        connection, lambda: connection.client.post(url, json=body, headers=headers)
    )
    if not response.is_success:
        raise refusal(response) or _failed(path, told(response))
    answer = json_object(response) or {}
    links = [answer.get(name) for name in ("upload_url", "file_url")]
    upload_url, file_url = (link if isinstance(link, str) else "" for link in links)
    if not is_web_url(upload_url) or not is_web_url(file_url):
        raise _failed(path, "fal named no address to send it to")
    return upload_url, file_url


def _put(connection: Connection, path: Path, url: str, content_type: str) -> None:
    def send() -> httpx.Response:
        with local_trouble(path), path.open("rb") as file:
            return connection.client.put(
                url, content=file, headers={"Content-Type": content_type}, timeout=_TIMEOUT
            )

    response = _answered(connection, send)
    if not response.is_success:
        raise _failed(path, told(response))


def _answered(connection: Connection, send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send until fal takes it: storing the same file twice harms nobody."""
    for tries in count(1):
        answer: httpx.Response | httpx.RequestError
        try:
            answer = send()
        except httpx.RequestError as error:
            answer = error
        if isinstance(answer, httpx.Response) and not is_transient(answer):
            break
        if tries == _TRIES:
            break
        connection.clock.sleep(pause_before_retry(tries, answer, connection.clock))
    if isinstance(answer, httpx.RequestError):
        raise unreachable(answer, str(answer.request.url))
    return answer


def _failed(path: Path, why: str) -> NotAcceptedError:
    return NotAcceptedError(
        "platform_down", f"{path} could not be uploaded ({why}): nothing was submitted"
    )
