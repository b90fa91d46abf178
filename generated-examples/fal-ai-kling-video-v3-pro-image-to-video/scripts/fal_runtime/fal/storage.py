"""Bring local files to fal's storage before a job."""

from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.errors import NotAcceptedError
from fal_runtime.fal.http import Connection, is_transient, pause_before_retry, unreachable
from fal_runtime.fal.protocol import json_object, refusal, told
from fal_runtime.file_kinds import content_type_of
from fal_runtime.paths import local_trouble, safe_name

__all__ = ["upload_all"]

_INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
_TRIES = 4
# For one write of the connection, not for the whole file.
_TIMEOUT = 120.0


def upload_all(connection: Connection, paths: Iterable[Path]) -> dict[Path, str]:
    """Upload each distinct file once and return its link.

    Raises NotAcceptedError, KeyMissingError or LocalError: nothing has been submitted then.
    """
    return {path: _upload(connection, path) for path in dict.fromkeys(paths)}


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
