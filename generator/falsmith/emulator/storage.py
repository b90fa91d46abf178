"""The files: uploads as both official clients do them, and the CDN that serves everything."""

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from falsmith.documents import Json
from falsmith.emulator.access import Access, detail, not_done
from falsmith.emulator.media import MediaFile

__all__ = ["CdnHost", "FileStore", "RestHost"]

STORAGE_TYPES = ("fal-cdn-v3", "fal-cdn", "gcs")
TOKEN_LIFE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: its bytes and the content type that it is served with."""

    content_type: str
    data: bytes


@dataclass(slots=True)
class FileStore:
    """All files by path; `origin` is the CDN's address, `pending` the paths of open uploads."""

    origin: str
    by_path: dict[str, StoredFile] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)

    def publish(self, file: MediaFile) -> str:
        """Store a produced file and return its link; the same bytes get the same link."""
        digest = hashlib.sha256(file.data).hexdigest()
        path = f"/files/b/{digest[:8]}/{digest[8:32]}.{file.extension}"
        self.by_path[path] = StoredFile(file.content_type, file.data)
        return self.origin + path

    def as_data(self, file: MediaFile) -> str:
        """Return a produced file as a data URI, which is what `sync_mode` asks for."""
        return f"data:{file.content_type};base64,{base64.b64encode(file.data).decode()}"

    def new_path(self, file_name: str) -> str:
        """Return an unguessable path for an upload called `file_name`."""
        unique = uuid.uuid4().hex
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", file_name).lstrip(".")[-100:] or "file"
        return f"/files/b/{unique[:8]}/{unique[8:]}_{name}"

    def open_upload(self, path: str) -> str:
        """Return the link to PUT the bytes of `path` to; it works once."""
        ticket = uuid.uuid4().hex
        self.pending[ticket] = path
        return f"{self.origin}/upload/{ticket}?signature={uuid.uuid4().hex}"

    def store(self, path: str, content_type: str, data: bytes) -> str:
        """Store uploaded bytes under `path` and return their link."""
        self.by_path[path] = StoredFile(content_type or "application/octet-stream", data)
        return self.origin + path


@dataclass(frozen=True, slots=True)
class RestHost:
    """rest.fal.ai: hands out upload links and CDN tokens."""

    access: Access
    files: FileStore
    tokens: set[str] = field(default_factory=set)

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
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
        body = {"token": token, "token_type": "Bearer", "base_url": self.files.origin}
        return JSONResponse(body | {"expires_at": expires})


@dataclass(frozen=True, slots=True)
class CdnHost:
    """The CDN: takes the bytes of uploads, serves files to everybody."""

    files: FileStore
    tokens: set[str]

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
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
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("range", "").replace(" ", ""))
    if match is None or not any(match.groups()):
        return Response(stored.data, headers=headers)
    start, end = _bounds(match[1], match[2], size)
    if start >= size or end < start:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(stored.data[start : end + 1], 206, headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(size - int(last), 0) if int(last) else size, size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
