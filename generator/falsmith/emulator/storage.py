"""The files: uploads as both official clients do them, and the CDN that serves everything."""

import base64
import hashlib
import re
import sqlite3
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from falsmith.documents import Json
from falsmith.emulator.access import Access, detail, not_done
from falsmith.emulator.bodies import sent_json
from falsmith.emulator.clock import Clock
from falsmith.emulator.media import MediaFile

__all__ = ["CdnHost", "FileStore", "RestHost"]

STORAGE_TYPES = ("fal-cdn-v3", "fal-cdn", "gcs")
# Whole and in parts: the link that both give out serves either way.
UPLOADS = ("/storage/upload/initiate", "/storage/upload/initiate-multipart")
TOKEN_LIFE, STREAM_TOKEN_LIFE = 3600.0, 120.0
# A file, the signed or numbered upload below it, and a part of that.
FILE_PATH = re.compile(
    r"(?P<path>/files/b/[^/]+/[^/]+)(?:/multipart/(?P<id>[^/]+))?(?:/(?P<part>\d{1,5}|complete))?"
)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: its bytes and the content type that it is served with."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FileStore:
    """All files and open uploads, in the database; `origin` is the CDN's address."""

    rows: sqlite3.Connection
    origin: str

    def publish(self, file: MediaFile, name: str) -> str:
        """Store a file made for a field of this name and return its link; there is no second."""
        path = self.new_path(f"{name or 'output'}.{file.extension}")
        return self.store(path, file.content_type, file.data)

    def as_data(self, file: MediaFile, _name: str) -> str:
        """Return a produced file as a data URI, which is what `sync_mode` asks for."""
        return f"data:{file.content_type};base64,{base64.b64encode(file.data).decode()}"

    def new_path(self, file_name: str) -> str:
        """Return an unguessable path for a file called `file_name`."""
        unique = uuid.uuid4().hex
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", file_name).lstrip(".")[-100:] or "file"
        return f"/files/b/{unique[:8]}/{unique[8:]}_{name}"

    def find(self, path: str) -> StoredFile | None:
        """Return the file under this path, if all of it was uploaded."""
        asked = "SELECT content_type, data FROM files WHERE path = ?"
        row = self.rows.execute(asked, (path,)).fetchone()
        return StoredFile(*row) if row else None

    def load(self, link: str) -> bytes | None:
        """Return the bytes behind a data URI or a link of ours; None where there are none."""
        if link.startswith("data:"):
            return _data_of(link)
        stored = self.find(urlsplit(link).path) if link.startswith(self.origin + "/") else None
        return stored.data if stored is not None else None

    def can_load(self, link: str) -> bool:
        """Return whether a model could load a file from this link or data URI.

        Of other hosts it is taken for granted: nothing leaves this machine.
        """
        if link.startswith("data:") or link.startswith(self.origin + "/"):
            return bool(self.load(link))
        return link.startswith(("http://", "https://"))

    def store(self, path: str, content_type: str, data: bytes) -> str:
        """Store the bytes of `path` and return their link."""
        row = path, content_type or "application/octet-stream", data
        self.rows.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", row)
        return self.origin + path

    def open_upload(self, path: str, content_type: str) -> str:
        """Return the ticket that lets its holder store `path`."""
        ticket = uuid.uuid4().hex
        self.rows.execute("INSERT INTO uploads VALUES (?, ?, ?)", (ticket, path, content_type))
        return ticket

    def upload_type(self, ticket: str, path: str) -> str | None:
        """Return the content type that an upload was opened with; None where it was not."""
        asked = "SELECT content_type FROM uploads WHERE ticket = ? AND path = ?"
        row = self.rows.execute(asked, (ticket, path)).fetchone()
        return str(row[0]) if row else None

    def store_part(self, ticket: str, number: int, data: bytes) -> str:
        """Store a part of an upload, in place of one of the same number; return its ETag."""
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        row = ticket, number, etag, data
        self.rows.execute("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", row)
        return etag

    def parts(self, ticket: str) -> dict[int, str]:
        """Return the ETag of each part by its number."""
        asked = "SELECT number, etag FROM parts WHERE ticket = ?"
        return dict(self.rows.execute(asked, (ticket,)).fetchall())

    def join(self, ticket: str, path: str, content_type: str) -> None:
        """Store the parts of an upload, in the order of their numbers, as one file."""
        asked = "SELECT data FROM parts WHERE ticket = ? ORDER BY number"
        pieces = self.rows.execute(asked, (ticket,)).fetchall()
        self.store(path, content_type, b"".join(data for (data,) in pieces))
        self.rows.execute("DELETE FROM parts WHERE ticket = ?", (ticket,))

    def issue_token(self, purpose: str, expires: float) -> str:
        """Return a new token for `uploads` or `streams`, good until then."""
        token = f"{purpose}.{uuid.uuid4().hex}"
        self.rows.execute("INSERT INTO tokens VALUES (?, ?)", (token, expires))
        return token

    def knows_token(self, purpose: str, token: str, now: float) -> bool:
        """Return whether a token was issued for this purpose and is still good."""
        if not token.startswith(f"{purpose}."):
            return False
        asked = "SELECT 1 FROM tokens WHERE token = ? AND expires > ?"
        return self.rows.execute(asked, (token, now)).fetchone() is not None


@dataclass(frozen=True, slots=True)
class RestHost:
    """rest.fal.ai: hands out upload links and tokens."""

    access: Access
    files: FileStore
    clock: Clock

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path = request.url.path.rstrip("/")
        if path not in (*UPLOADS, "/storage/auth/token", "/tokens", "/tokens/realtime"):
            is_known = path == "/.well-known/jwks.json"
            return not_done("the keys of webhooks") if is_known else _not_found(path)
        refusal = self.access.refuse_storage(request)
        if refusal is not None:
            return refusal
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        body = await _object_of(request)
        if path in ("/tokens", "/tokens/realtime"):
            return self._stream_token(path, body)
        return self._storage(request, path, body)

    def _storage(self, request: Request, path: str, body: dict[str, Json]) -> Response:
        if request.query_params.get("storage_type") not in STORAGE_TYPES:
            return detail(400, f"storage_type must be one of {', '.join(STORAGE_TYPES)}")
        return self._token() if path == "/storage/auth/token" else self._initiate(body)

    def _initiate(self, body: dict[str, Json]) -> Response:
        name, kind = body.get("file_name"), body.get("content_type")
        if not isinstance(name, str) or not isinstance(kind, str):
            return detail(422, "file_name and content_type are required, both as text")
        path = self.files.new_path(name)
        link = self.files.origin + path
        signed = f"{link}?signature={self.files.open_upload(path, kind)}"
        return JSONResponse({"upload_url": signed, "file_url": link})

    def _stream_token(self, path: str, body: dict[str, Json]) -> Response:
        """Return a token for streams, as text or in an object, as the path wants it."""
        apps, seconds = body.get("allowed_apps"), body.get("token_expiration", body.get("duration"))
        if not isinstance(apps, list) or not all(isinstance(app, str) for app in apps) or not apps:
            return detail(422, "allowed_apps must be a list of apps")
        life = STREAM_TOKEN_LIFE
        if isinstance(seconds, int | float) and 0 < seconds <= TOKEN_LIFE:
            life = seconds
        token = self.files.issue_token("streams", self.clock.now() + life)
        return JSONResponse(token if path == "/tokens" else {"token": token})

    def _token(self) -> Response:
        expires = self.clock.now() + TOKEN_LIFE
        return JSONResponse(
            {
                "token": self.files.issue_token("uploads", expires),
                "token_type": "Bearer",
                "base_url": self.files.origin,
                "expires_at": datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds"),
            }
        )


def _not_found(path: str) -> Response:
    return detail(404, f"Path {path or '/'} not found")


@dataclass(frozen=True, slots=True)
class CdnHost:
    """The CDN: takes the bytes of uploads, serves files to everybody."""

    files: FileStore
    clock: Clock

    async def respond(self, request: Request) -> Response:
        """Return the response to any request on this host."""
        path, method = request.url.path, request.method
        if path in ("/files/upload", "/files/upload/multipart"):
            return await self._receive(request, in_parts=path.endswith("multipart"))
        match = FILE_PATH.fullmatch(path)
        if match is None or (match["part"] is None and method in ("GET", "HEAD")):
            stored = self.files.find(path)
            return _served(request, stored) if stored else detail(404, "File not found")
        return await self._take(request, match)

    async def _take(self, request: Request, match: re.Match[str]) -> Response:
        """Take a file, or a part of one, from whoever holds the ticket of its upload."""
        is_end = match["part"] == "complete"
        if request.method != ("POST" if is_end else "PUT"):
            return detail(405, "Method Not Allowed")
        ticket = match["id"] or request.query_params.get("signature", "")
        if match["id"] is not None and not self._has_token(request):
            return detail(401, "Invalid token")
        kind = self.files.upload_type(ticket, match["path"])
        if kind is None:
            return detail(403, "The upload is unknown")
        if is_end:
            return await self._complete(request, match["path"], ticket, kind)
        data = await request.body()
        if match["part"] is None:
            self.files.store(match["path"], request.headers.get("content-type", kind), data)
            return Response(status_code=200)
        number = int(match["part"])
        etag = self.files.store_part(ticket, number, data)
        # One client reads the header, the other the body.
        return JSONResponse({"partNumber": number, "etag": etag}, headers={"ETag": etag})

    async def _receive(self, request: Request, *, in_parts: bool) -> Response:
        """Take a file from the Python client, or open the upload of one in parts."""
        if request.method != "POST":
            return detail(405, "Method Not Allowed")
        if not self._has_token(request):
            return detail(401, "Invalid token")
        path = self.files.new_path(request.headers.get("x-fal-file-name", "file"))
        kind = request.headers.get("content-type", "")
        if in_parts:
            ticket = self.files.open_upload(path, kind)
            return JSONResponse({"access_url": self.files.origin + path, "uploadId": ticket})
        return JSONResponse({"access_url": self.files.store(path, kind, await request.body())})

    async def _complete(self, request: Request, path: str, ticket: str, kind: str) -> Response:
        listed = (await _object_of(request)).get("parts")
        parts = (
            [part for part in listed if isinstance(part, dict)] if isinstance(listed, list) else []
        )
        told = {str(part.get("partNumber")): part.get("etag") for part in parts}
        here = {str(number): etag for number, etag in self.files.parts(ticket).items()}
        if here and told == here:
            self.files.join(ticket, path, kind)
        elif here or self.files.find(path) is None:
            # Once more, after an answer that was lost, is no mistake.
            return detail(400, "One or more of the specified parts could not be found")
        return JSONResponse({"access_url": self.files.origin + path})

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.files.knows_token(
            "uploads", token, self.clock.now()
        )


def _data_of(uri: str) -> bytes | None:
    """Return what a data URI (RFC 2397) holds; None where it cannot be read."""
    head, _, data = uri.partition(",")
    try:
        if head.endswith(";base64"):
            return base64.b64decode(unquote(data), validate=True)
    except ValueError:
        return None
    return unquote_to_bytes(data)


async def _object_of(request: Request) -> dict[str, Json]:
    try:
        body = await sent_json(request)
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
