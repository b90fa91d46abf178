"""Local files in fal's storage, uploaded before a job."""

import json
from collections.abc import Iterable
from pathlib import Path

import httpx

from fal_runtime.config import is_web_url
from fal_runtime.errors import NotAcceptedError
from fal_runtime.fal.http import Connection, exchange, unreachable
from fal_runtime.fal.protocol import described, json_object, key_error
from fal_runtime.file_kinds import content_type_of
from fal_runtime.paths import local_trouble, safe_name
from fal_runtime.text import one_line

__all__ = ["upload_all"]

_INITIATE = "/storage/upload/initiate?storage_type=fal-cdn-v3"
# Storing the same file twice harms nobody.
_ATTEMPTS = 4
_SILENCE = 120.0


def upload_all(connection: Connection, paths: Iterable[Path]) -> dict[Path, str]:
    """Upload each distinct file once and return its link.

    Raises NotAcceptedError, KeyMissingError or LocalError: nothing has been submitted then.
    """
    return {path: _upload(connection, path) for path in dict.fromkeys(paths)}


def _upload(connection: Connection, path: Path) -> str:
    """Ask for a place, send the file there, return its link."""
    with local_trouble(path):
        size = path.stat().st_size
    authorization = connection.config.authorization()
    connection.report(f"Uploading {one_line(str(path))} ({size:,} bytes)")
    content_type = content_type_of(path.name)
    about = {"content_type": content_type, "file_name": safe_name(path.name)}
    url = connection.config.origins.rest + _INITIATE
    try:
        response = exchange(
            connection,
            "POST",
            url,
            headers={"Content-Type": "application/json", **authorization},
            content=json.dumps(about).encode(),
            attempts=_ATTEMPTS,
            silence=_SILENCE,
        )
        if not response.is_success:
            raise key_error(response) or _failed(path, described(response))
        links = json_object(response) or {}
        url, file_url = (str(links.get(name, "")) for name in ("upload_url", "file_url"))
        if not is_web_url(url) or not is_web_url(file_url):
            raise _failed(path, "fal named no address to send it to")
        headers = {"Content-Type": content_type}
        response = exchange(
            connection,
            "PUT",
            url,
            headers=headers,
            content=path,
            attempts=_ATTEMPTS,
            silence=_SILENCE,
        )
    except httpx.RequestError as error:
        raise unreachable(error, url) from None
    if not response.is_success:
        raise _failed(path, described(response))
    return file_url


def _failed(path: Path, why: str) -> NotAcceptedError:
    return NotAcceptedError(
        "platform_down",
        f"{one_line(str(path))} could not be uploaded ({why}): nothing was submitted",
    )
