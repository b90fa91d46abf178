"""The run host: the answer on the same connection, with files that are what they say."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from falsmith.emulator import Emulator

PAINT = "acme/paint/turbo"


@pytest.fixture
def run(emulator: Emulator, client: httpx.Client) -> Callable[..., httpx.Response]:
    def post(model_id: str = PAINT, **inputs: Any) -> httpx.Response:
        return client.post(f"{emulator.origins.run}/{model_id}", json=inputs)

    return post


def test_the_answer_is_the_bare_output(run: Callable[..., httpx.Response]) -> None:
    answer = run(prompt="a fox", seed=7)
    assert answer.status_code == 200
    assert answer.headers["x-fal-billable-units"] == "1"
    body = answer.json()
    assert set(body) == {"images", "has_nsfw_concepts", "prompt", "seed"}
    assert (body["prompt"], body["seed"], body["has_nsfw_concepts"]) == ("a fox", 7, [False])


def test_what_an_answer_says_of_a_file_is_true_of_it(
    run: Callable[..., httpx.Response], client: httpx.Client
) -> None:
    asked = {"prompt": "a fox", "num_images": 3, "image_size": "square", "output_format": "png"}
    for picture in run(**asked).json()["images"]:
        served = client.get(picture["url"])
        assert served.headers["content-type"] == picture["content_type"] == "image/png"
        assert picture["url"].endswith("/" + picture["file_name"])
        assert len(served.content) == picture["file_size"]
        assert (picture["width"], picture["height"]) == (512, 512)


@pytest.mark.parametrize(
    ("inputs", "size"),
    [
        ({}, (1024, 768)),
        ({"image_size": "square_hd"}, (1024, 1024)),
        ({"image_size": {"width": 300, "height": 200}}, (300, 200)),
    ],
)
def test_the_picture_has_the_size_that_was_asked_for(
    run: Callable[..., httpx.Response], inputs: dict[str, Any], size: tuple[int, int]
) -> None:
    (picture,) = run(prompt="a fox", **inputs).json()["images"]
    assert (picture["width"], picture["height"]) == size


def test_the_number_of_pictures_follows_the_input_and_they_differ(
    run: Callable[..., httpx.Response], client: httpx.Client
) -> None:
    answer = run(prompt="a fox", num_images=4)
    links = {picture["url"] for picture in answer.json()["images"]}
    assert len(links) == len({client.get(link).content for link in links}) == 4
    assert len(answer.json()["has_nsfw_concepts"]) == 4
    assert answer.headers["x-fal-billable-units"] == "4"


def test_the_same_input_and_seed_give_the_same_bytes_under_another_link(
    run: Callable[..., httpx.Response], client: httpx.Client
) -> None:
    links = [run(prompt="a fox", seed=seed).json()["images"][0]["url"] for seed in (1, 1, 2)]
    first, again, other = (client.get(link).content for link in links)
    assert first == again != other
    assert len(set(links)) == 3


def test_sync_mode_puts_the_files_into_the_answer(run: Callable[..., httpx.Response]) -> None:
    (inline,) = run(prompt="a fox", sync_mode=True).json()["images"]
    head, _, data = inline["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert len(base64.b64decode(data)) == inline["file_size"]


def test_each_kind_of_file_is_served_with_its_own_type(
    run: Callable[..., httpx.Response], client: httpx.Client
) -> None:
    answer = run("acme/studio", duration="5")
    served = {name: client.get(file["url"]) for name, file in answer.json().items()}
    beginnings = {name: one.content[:12] for name, one in served.items()}
    types = {name: one.headers["content-type"].partition(";")[0] for name, one in served.items()}
    assert types == {
        "video": "video/mp4",
        "audio": "audio/wav",
        "model_mesh": "model/gltf-binary",
        "archive_zip": "application/zip",
        "lora_file": "application/octet-stream",
        "config_file": "application/json",
        "notes": "text/plain",
    }
    assert beginnings["video"][4:12] == b"ftypisom"
    assert beginnings["audio"].startswith(b"RIFF")
    assert beginnings["model_mesh"].startswith(b"glTF")
    assert beginnings["archive_zip"].startswith(b"PK\x03\x04")
    assert json.loads(served["config_file"].content)["source"] == "falsmith emulator"
    assert answer.headers["x-fal-billable-units"] == "5"
    for name, file in answer.json().items():
        assert file["content_type"] == types[name]
        assert file["file_size"] == len(served[name].content)


def test_a_model_without_a_document_still_returns_what_its_category_promises(
    run: Callable[..., httpx.Response], client: httpx.Client
) -> None:
    (picture,) = run("acme/lost", anything="goes").json()["images"]
    assert client.get(picture["url"]).content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({}, (["body", "prompt"], "missing")),
        ({"prompt": 5}, (["body", "prompt"], "string_type")),
        ({"prompt": "x", "num_images": 0}, (["body", "num_images"], "greater_than_equal")),
        ({"prompt": "x", "output_format": "gif"}, (["body", "output_format"], "literal_error")),
        ({"prompt": "x", "image_size": "tiny"}, (["body", "image_size"], "value_error")),
        ({"prompt": "x", "seed": "one"}, (["body", "seed"], "int_type")),
        ({"prompt": "x", "num_images": "5"}, (["body", "num_images"], "less_than_equal")),
        ({"prompt": "x", "num_images": "2.5"}, (["body", "num_images"], "int_type")),
        ({"prompt": "x", "sync_mode": "maybe"}, (["body", "sync_mode"], "bool_type")),
        ({"prompt": "x", "image_url": "fox.png"}, (["body", "image_url"], "file_download_error")),
        (
            {"prompt": "x", "image_url": "data:image/png;base64,rubbish!"},
            (["body", "image_url"], "image_load_error"),
        ),
        (
            {"prompt": "x", "image_url": "data:image/png"},
            (["body", "image_url"], "image_load_error"),
        ),
        (
            {"prompt": "x", "loras": [{}, {"mask_url": "<upload:/fox.png>"}]},
            (["body", "loras", 1, "mask_url"], "file_download_error"),
        ),
    ],
)
def test_an_invalid_input_is_422_at_once_with_one_item_a_problem(
    run: Callable[..., httpx.Response], inputs: dict[str, Any], problem: tuple[list[Any], str]
) -> None:
    answer = run(**inputs)
    assert answer.status_code == 422
    assert answer.headers["x-fal-billable-units"] == "0"
    assert [(item["loc"], item["type"]) for item in answer.json()["detail"]] == [problem]
    (item,) = answer.json()["detail"]
    assert item["msg"]
    assert item["url"].startswith("https://") and item["url"].endswith(item["type"])


def test_every_problem_of_an_input_is_listed(run: Callable[..., httpx.Response]) -> None:
    items = run(num_images=9, output_format="gif").json()["detail"]
    assert {item["loc"][1] for item in items} == {"prompt", "num_images", "output_format"}


@pytest.mark.parametrize(
    "inputs",
    [
        {"num_images": "3", "seed": "7"},
        {"num_images": 3.0, "seed": " 7.0 "},
        {"num_images": "3", "seed": 7, "sync_mode": "off"},
        {"num_images": "3", "seed": 7, "sync_mode": 0},
        {"num_images": 3, "seed": 7, "image_size": {"width": "64", "height": "48"}},
    ],
)
def test_numbers_and_truth_values_may_stand_in_texts(
    run: Callable[..., httpx.Response], emulator: Emulator, inputs: dict[str, Any]
) -> None:
    body = run(prompt="a fox", **inputs).json()
    assert (len(body["images"]), body["seed"]) == (3, 7)
    if "image_size" in inputs:
        assert {(one["width"], one["height"]) for one in body["images"]} == {(64, 48)}
    assert emulator.books[-1].inputs == {"prompt": "a fox", **inputs}


def test_a_link_to_a_file_that_was_never_uploaded_is_refused(
    run: Callable[..., httpx.Response], emulator: Emulator, client: httpx.Client
) -> None:
    url = f"{emulator.origins.rest}/storage/upload/initiate?storage_type=fal-cdn-v3"
    told = client.post(url, json={"file_name": "a.png", "content_type": "image/png"}).json()
    link = told["file_url"]
    (item,) = run(prompt="a fox", image_url=link).json()["detail"]
    assert (item["type"], item["input"]) == ("file_download_error", link)
    client.put(told["upload_url"], content=b"")
    assert run(prompt="a fox", image_url=link).status_code == 422
    client.put(told["upload_url"], content=b"\x89PNG")
    assert run(prompt="a fox", image_url=link).status_code == 200
    assert run(prompt="a fox", image_url="https://fal.example/fox.png").status_code == 200
    assert run(prompt="a fox", image_url="data:image/png;base64,iVBORw0=").status_code == 200


def test_unknown_fields_are_ignored(run: Callable[..., httpx.Response]) -> None:
    assert run(prompt="a fox", promt="a fox").status_code == 200


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "json_invalid"),
        (b"[1]", "dict_type"),
        (b'{"prompt": NaN}', "json_invalid"),
        (b'{"prompt": "\\ud800"}', "json_invalid"),
        (b"[" * 100_000, "json_invalid"),
    ],
)
def test_a_body_that_is_no_object_is_422(
    emulator: Emulator, client: httpx.Client, body: bytes, kind: str
) -> None:
    answer = client.post(f"{emulator.origins.run}/{PAINT}", content=body)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, kind)


def test_unknown_models_are_404_and_other_methods_405(
    emulator: Emulator, client: httpx.Client
) -> None:
    unknown = client.post(f"{emulator.origins.run}/no/such", json={})
    assert unknown.json() == {"detail": 'Application "no/such" not found'}
    assert unknown.status_code == 404
    assert client.get(f"{emulator.origins.run}/{PAINT}").status_code == 405


def test_streams_and_realtime_are_501(emulator: Emulator, client: httpx.Client) -> None:
    for path in ("stream", "realtime"):
        answer = client.post(f"{emulator.origins.run}/{PAINT}/{path}", json={})
        assert answer.status_code == 501
        assert f"/{path}" in answer.json()["detail"]


def test_a_page_of_another_origin_may_call(emulator: Emulator, client: httpx.Client) -> None:
    asked = {
        "Origin": "https://example.com",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-fal-queue-priority",
    }
    answer = client.options(f"{emulator.origins.run}/{PAINT}", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_choice_beside_a_link_is_no_bad_link(run: Callable[..., httpx.Response]) -> None:
    assert run(prompt="a fox", cover_url="auto").status_code == 200
    assert run(prompt="a fox", cover_url="cover.png").status_code == 422
