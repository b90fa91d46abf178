"""The files of the CDN: what clients uploaded and what models produced, in memory."""

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass, field

from falsmith.emulator.media import Product

__all__ = ["FileStore", "StoredFile"]


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

    def publish(self, product: Product) -> str:
        """Store a produced file and return its link; the same bytes get the same link."""
        digest = hashlib.sha256(product.data).hexdigest()
        path = f"/files/b/{digest[:8]}/{digest[8:32]}.{product.extension}"
        self.by_path[path] = StoredFile(product.content_type, product.data)
        return self.origin + path

    def as_data(self, product: Product) -> str:
        """Return a produced file as a data URI, which is what `sync_mode` asks for."""
        return f"data:{product.content_type};base64,{base64.b64encode(product.data).decode()}"

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
