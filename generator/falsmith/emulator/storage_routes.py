"""The REST host's uploads and the CDN: both ways in of the official clients, and the way out."""

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from falsmith.documents import Json
from falsmith.emulator.access import Access, detail
from falsmith.emulator.files import FileStore, StoredFile
from falsmith.emulator.inference import not_done

__all__ = ["CdnHost", "RestHost"]

STORAGE_TYPES = ("fal-cdn-v3", "fal-cdn", "gcs")
TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RestHost:
    """Answers rest.fal.ai: hands out upload links and CDN tokens."""

    access: Access
    files: FileStore
    tokens: set[str] = field(default_factory=set)

    async def answer(self, request: Request) -> Response:
        """Return the answer to any request on this host."""
        path = request.url.path.rstrip("/")
        if path not in ("/storage/upload/initiate", "/storage/auth/token"):
            return not_done(f"{path} of the REST host")
        refusal = self.access.refuse_storage(request)
        if refusal is not None:
            return refusal
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        if request.query_params.get("storage_type") not in STORAGE_TYPES:
            return detail(400, f"storage_type must be one of {', '.join(STORAGE_TYPES)}")
        if path == "/storage/auth/token":
            return self._token()
        return self._initiate(await _object_of(request))

    def _initiate(self, body: dict[str, Json]) -> Response:
        name, kind = body.get("file_name"), body.get("content_type")
        if not isinstance(name, str) or not isinstance(kind, str):
            return detail(422, "file_name and content_type are required, both as text")
        path = self.files.new_path(name)
        links = {"upload_url": self.files.open_upload(path), "file_url": self.files.origin + path}
        return JSONResponse(links)

    def _token(self) -> Response:
        token = uuid.uuid4().hex
        self.tokens.add(token)
        expires = (datetime.now(UTC) + TOKEN_LIFE).isoformat(timespec="seconds")
        told = {"token": token, "token_type": "Bearer", "base_url": self.files.origin}
        return JSONResponse(told | {"expires_at": expires})


@dataclass(frozen=True, slots=True)
class CdnHost:
    """Answers the CDN: takes the bytes of uploads, serves files to everybody."""

    files: FileStore
    tokens: set[str]

    async def answer(self, request: Request) -> Response:
        """Return the answer to any request on this host."""
        path = request.url.path
        if path == "/files/upload":
            return await self._upload(request)
        if path.startswith("/upload/"):
            return await self._put(request, path.removeprefix("/upload/"))
        if "/multipart" in path:
            return not_done("uploads in parts")
        if request.method not in ("GET", "HEAD"):
            return detail(405, "Method Not Allowed")
        stored = self.files.by_path.get(path)
        return _served(request, stored) if stored else detail(404, "File not found")

    async def _upload(self, request: Request) -> Response:
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token not in self.tokens:
            return detail(401, "Invalid token")
        path = self.files.new_path(request.headers.get("x-fal-file-name", "file"))
        kind = request.headers.get("content-type", "")
        return JSONResponse({"access_url": self.files.store(path, kind, await request.body())})

    async def _put(self, request: Request, ticket: str) -> Response:
        if request.method != "PUT":
            return (
                not_done("uploads in parts") if "/" in ticket else detail(405, "Method Not Allowed")
            )
        path = self.files.pending.pop(ticket, None)
        if path is None:
            return detail(403, "The upload link is unknown or used up")
        self.files.store(path, request.headers.get("content-type", ""), await request.body())
        return Response(status_code=200)


async def _object_of(request: Request) -> dict[str, Json]:
    try:
        body = await request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _served(request: Request, stored: StoredFile) -> Response:
    """Return the file, or the one range of it that was asked for (RFC 9110, section 14)."""
    headers = {"Accept-Ranges": "bytes", "Content-Type": stored.content_type}
    size = len(stored.data)
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").replace(" ", ""))
    if found is None or not any(found.groups()):
        return Response(stored.data, headers=headers)
    start, end = _bounds(found[1], found[2], size)
    if start >= size or end < start:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(stored.data[start : end + 1], 206, headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0) if int(last) else size, size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
