"""Uploads on both ways of the official clients, and the files that come back."""

from collections.abc import Callable
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


def test_only_the_signed_link_takes_bytes(emulator: Emulator, client: httpx.Client) -> None:
    told = initiate(client, emulator, file_name="a.txt", content_type="text/plain").json()
    other = initiate(client, emulator, file_name="b.txt", content_type="text/plain").json()
    signature = told["upload_url"].partition("?")[2]
    statuses = [
        client.put(link, content=b"x").status_code
        for link in (told["file_url"], f"{other['file_url']}?{signature}", told["upload_url"])
    ]
    assert statuses == [403, 403, 200]


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


def test_a_file_can_come_in_parts_by_the_signed_link(
    emulator: Emulator, client: httpx.Client, stranger: httpx.Client
) -> None:
    url = f"{emulator.origins.rest}/storage/upload/initiate-multipart?storage_type=fal-cdn-v3"
    body = {"file_name": "a.mp4", "content_type": "video/mp4"}
    told = client.post(url, json=body).json()
    base, _, query = told["upload_url"].partition("?")
    pieces = {2: DATA[600:], 1: DATA[:600]}
    parts = [stranger.put(f"{base}/{n}?{query}", content=data) for n, data in pieces.items()]
    assert stranger.get(told["file_url"]).status_code == 404
    listed = [part.json() for part in parts]
    complete = f"{base}/complete?{query}"
    assert stranger.post(complete, json={"parts": listed[:1]}).status_code == 400
    assert [stranger.post(complete, json={"parts": listed}).status_code for _ in "12"] == [200, 200]
    served = stranger.get(told["file_url"])
    assert (served.content, served.headers["content-type"]) == (DATA, "video/mp4")


def test_parts_by_token_need_it_each_time(
    emulator: Emulator, client: httpx.Client, stranger: httpx.Client
) -> None:
    url = f"{emulator.origins.rest}/storage/auth/token?storage_type=fal-cdn-v3"
    token = {"Authorization": f"Bearer {client.post(url, json={}).json()['token']}"}
    opened = stranger.post(f"{emulator.origins.cdn}/files/upload/multipart", headers=token).json()
    base = f"{opened['access_url']}/multipart/{opened['uploadId']}"
    assert stranger.put(f"{base}/1", content=DATA).status_code == 401
    part = stranger.put(f"{base}/1", content=DATA, headers=token)
    listed = {"parts": [{"partNumber": 1, "etag": part.headers["etag"]}]}
    assert stranger.post(f"{base}/complete", json=listed, headers=token).status_code == 200
    assert stranger.get(opened["access_url"]).content == DATA


def test_a_token_ends_after_an_hour(start: Callable[..., Emulator], client: httpx.Client) -> None:
    with start() as emulator:
        url = f"{emulator.origins.rest}/storage/auth/token?storage_type=fal-cdn-v3"
        token = {"Authorization": f"Bearer {client.post(url, json={}).json()['token']}"}
        emulator.clock.advance(3601)
        upload = f"{emulator.origins.cdn}/files/upload"
        assert client.post(upload, content=DATA, headers=token).status_code == 401


def test_tokens_of_streams_come_as_text_or_in_an_object(
    emulator: Emulator, client: httpx.Client, stranger: httpx.Client
) -> None:
    body = {"allowed_apps": ["paint"], "token_expiration": 120}
    assert isinstance(client.post(f"{emulator.origins.rest}/tokens/", json=body).json(), str)
    told = client.post(f"{emulator.origins.rest}/tokens/realtime", json=body).json()
    assert set(told) == {"token"}
    assert client.post(f"{emulator.origins.rest}/tokens/", json={}).status_code == 422
    assert stranger.post(f"{emulator.origins.rest}/tokens/", json=body).status_code == 401
    upload = {"Authorization": f"Bearer {told['token']}"}
    url = f"{emulator.origins.cdn}/files/upload"
    assert stranger.post(url, content=DATA, headers=upload).status_code == 401
    status = f"{emulator.origins.queue}/acme/paint/requests/{'0' * 8}/status/stream"
    answers = [
        stranger.get(status, params={"fal_jwt_token": token}).status_code
        for token in (told["token"], "streams.wrong")
    ]
    assert answers == [404, 401]


def test_what_is_not_served_is_501_and_what_fal_has_not_404(
    emulator: Emulator, client: httpx.Client
) -> None:
    webhooks = client.get(f"{emulator.origins.rest}/.well-known/jwks.json")
    assert (webhooks.status_code, "webhooks" in webhooks.json()["detail"]) == (501, True)
    assert client.get(f"{emulator.origins.rest}/no/such").status_code == 404
    assert client.get(f"{emulator.origins.cdn}/no/such").status_code == 404
