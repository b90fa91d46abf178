"""Uploads on both ways of the official clients, and the files that come back."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from falsmith.emulator import Emulator

DATA = bytes(range(256)) * 4


def initiate(client: httpx.Client, emulator: Emulator, **body: Any) -> httpx.Response:
    url = f"{emulator.origins.rest}/storage/upload/initiate"
    return client.post(url, params={"storage_type": "fal-cdn-v3"}, json=body)


@pytest.fixture
def link(emulator: Emulator, client: httpx.Client, stranger: httpx.Client) -> str:
    """Return the link of an uploaded file."""
    told = initiate(client, emulator, file_name="a b.bin", content_type="image/png").json()
    put = stranger.put(told["upload_url"], content=DATA, headers={"Content-Type": "image/png"})
    assert put.status_code == 200
    return str(told["file_url"])


def test_a_file_put_to_the_upload_link_can_be_downloaded_by_everybody(
    link: str, stranger: httpx.Client
) -> None:
    served = stranger.get(link)
    assert served.content == DATA
    assert served.headers["content-type"] == "image/png"
    assert served.headers["content-length"] == str(len(DATA))
    assert link.endswith("_a_b.bin")


def test_head_gives_type_and_length_without_the_bytes(link: str, stranger: httpx.Client) -> None:
    served = stranger.head(link)
    assert (served.status_code, served.content) == (200, b"")
    assert served.headers["content-length"] == str(len(DATA))
    assert served.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("asked", "expected", "told"),
    [
        ("bytes=0-9", DATA[:10], (206, "bytes 0-9/1024")),
        ("bytes=1000-", DATA[1000:], (206, "bytes 1000-1023/1024")),
        ("bytes=1000-5000", DATA[1000:], (206, "bytes 1000-1023/1024")),
        ("bytes=-24", DATA[-24:], (206, "bytes 1000-1023/1024")),
        ("bytes=1024-", b"", (416, "bytes */1024")),
        ("bytes=-0", b"", (416, "bytes */1024")),
        ("bytes=0-1,4-5", DATA, (200, None)),
    ],
)
def test_ranges_are_served(
    link: str,
    stranger: httpx.Client,
    asked: str,
    expected: bytes,
    told: tuple[int, str | None],
) -> None:
    served = stranger.get(link, headers={"Range": asked})
    assert served.content == expected
    assert (served.status_code, served.headers.get("content-range")) == told


def test_an_upload_link_works_once(emulator: Emulator, client: httpx.Client) -> None:
    told = initiate(client, emulator, file_name="a.txt", content_type="text/plain").json()
    statuses = [client.put(told["upload_url"], content=b"x").status_code for _ in range(2)]
    assert statuses == [200, 403]


def test_before_the_upload_there_is_no_file(emulator: Emulator, client: httpx.Client) -> None:
    told = initiate(client, emulator, file_name="a.txt", content_type="text/plain").json()
    assert client.get(told["file_url"]).status_code == 404


def test_the_token_way_of_the_python_client(emulator: Emulator, client: httpx.Client) -> None:
    url = f"{emulator.origins.rest}/storage/auth/token"
    told = client.post(url, params={"storage_type": "fal-cdn-v3"}, json={}).json()
    assert told["base_url"] == emulator.origins.cdn
    assert datetime.fromisoformat(told["expires_at"]) > datetime.now(UTC)
    headers = {
        "Authorization": f"{told['token_type']} {told['token']}",
        "Content-Type": "audio/wav",
        "X-Fal-File-Name": "voice.wav",
    }
    uploaded = client.post(f"{emulator.origins.cdn}/files/upload", content=DATA, headers=headers)
    served = client.get(uploaded.json()["access_url"])
    assert (served.content, served.headers["content-type"]) == (DATA, "audio/wav")


def test_uploads_need_the_key_and_the_token(
    emulator: Emulator, client: httpx.Client, stranger: httpx.Client
) -> None:
    url = f"{emulator.origins.rest}/storage/upload/initiate?storage_type=fal-cdn-v3"
    assert stranger.post(url, json={}).status_code == 401
    # The client's own header is its fal key, which is no CDN token.
    assert client.post(f"{emulator.origins.cdn}/files/upload", content=DATA).status_code == 401


def test_bad_parameters_are_refused(emulator: Emulator, client: httpx.Client) -> None:
    assert initiate(client, emulator, file_name="a.txt").status_code == 422
    url = f"{emulator.origins.rest}/storage/upload/initiate?storage_type=tape"
    assert client.post(url, json={"file_name": "a", "content_type": "b"}).status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/storage/upload/initiate-multipart",
        "/tokens/",
        "/tokens/realtime",
        "/.well-known/jwks.json",
    ],
)
def test_the_rest_of_the_rest_host_is_501(
    emulator: Emulator, client: httpx.Client, path: str
) -> None:
    answer = client.post(emulator.origins.rest + path, json={})
    assert answer.status_code == 501
    assert path.rstrip("/") in answer.json()["detail"]


def test_uploads_in_parts_are_501(emulator: Emulator, client: httpx.Client) -> None:
    answer = client.post(f"{emulator.origins.cdn}/files/upload/multipart", content=b"")
    assert answer.status_code == 501
