from typing import Any

import pytest

from fal_runtime.file_kinds import content_type_of, extension_for, extension_of, kind_of
from fal_runtime.output.files import links, result_files

CDN = "https://cdn.example"


def found(result: Any, schema: dict[str, Any] | None = None, *sent: str) -> list[tuple[str, str]]:
    return [(file.field, file.kind) for file in result_files(result, schema, sent)]


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"images": [{"url": f"{CDN}/a.png"}]}, [("images[0]", "image")]),
        ({"video": {"url": f"{CDN}/a", "content_type": "video/mp4"}}, [("video", "video")]),
        ({"audio_url": {"url": f"{CDN}/a.wav"}}, [("audio_url", "audio")]),
        ({"video_url": f"{CDN}/a.mp4"}, [("video_url", "video")]),
        ({"model_urls": {"obj": {"url": f"{CDN}/m.obj"}}}, [("model_urls.obj", "3d")]),
        (
            {"image_urls": [f"{CDN}/1", f"{CDN}/2"]},
            [("image_urls[0]", "image"), ("image_urls[1]", "image")],
        ),
        (
            {"diffusers_lora_file": {"url": f"{CDN}/l.safetensors"}},
            [("diffusers_lora_file", "file")],
        ),
        ({"a": {"b": [{"c": {"url": f"{CDN}/x.zip"}}]}}, [("a.b[0].c", "archive")]),
        ([{"url": f"{CDN}/x.png"}], [("[0]", "image")]),
        ({"url": f"{CDN}/x.png"}, [("url", "image")]),
        ({"image": {"url": "data:image/webp;base64,AAAA"}}, [("image", "image")]),
        (
            {"media": {"url": f"{CDN}/a.mp4", "end_frame_url": f"{CDN}/b.jpg"}},
            [("media", "video"), ("media.end_frame_url", "image")],
        ),
        ({"mesh": None, "images": [], "seed": 3}, []),
        ({"text": f"see {CDN}/a.png", "prompt": f"{CDN}/a.png"}, []),
        ({"image": {"url": "file:///etc/passwd"}}, []),
        ({"image": {"url": "/etc/passwd"}}, []),
        ({"image": {"url": 7}}, []),
        ({"sources": [{"title": "T", "url": "https://example.org/page"}]}, []),
        (None, []),
        ("https://cdn.example/a.png", []),
    ],
)
def test_files_are_found_by_the_values(result: Any, expected: list[tuple[str, str]]) -> None:
    assert found(result) == expected


def test_marks_of_the_schema_find_what_no_name_shows() -> None:
    schema = {
        "type": "object",
        "properties": {
            "result": {"$ref": "#/$defs/Thing"},
            "plain": {"type": "string", "x-file": "audio"},
            "many": {"type": "array", "items": {"anyOf": [{"type": "null"}, {"x-file": "video"}]}},
        },
        "$defs": {
            "Thing": {
                "properties": {
                    "url": {"type": "string", "x-file": "3d"},
                    "next": {"$ref": "#/$defs/Thing"},
                }
            }
        },
    }
    result = {
        "result": {"url": f"{CDN}/1", "next": {"url": f"{CDN}/2", "title": "named"}},
        "plain": f"{CDN}/3",
        "many": [f"{CDN}/4"],
        "other": f"{CDN}/5",
    }
    assert found(result, schema) == [
        ("result", "3d"), ("result.next", "3d"), ("plain", "audio"), ("many[0]", "video"),
    ]  # fmt: skip


def test_links_of_the_input_are_no_output() -> None:
    echoed = {"media": {"url": f"{CDN}/in.mp4"}, "start_frame_url": f"{CDN}/first.jpg"}
    assert found(echoed, None, f"{CDN}/in.mp4") == [("start_frame_url", "image")]


def test_link_that_stands_twice_is_one_file() -> None:
    file = {"url": f"{CDN}/a.png"}
    assert found({"image": file, "images": [file]}) == [("image", "image")]


def test_links_of_an_input_are_listed_at_any_depth() -> None:
    value: Any = {"a": f"{CDN}/1", "b": [{"url": "data:image/png;base64,AA"}, "text", 3, None]}
    assert links(value) == {f"{CDN}/1", "data:image/png;base64,AA"}


@pytest.mark.parametrize("size", [True, "4", -1, float("inf"), None])
def test_measure_that_is_none_is_left_out(size: Any) -> None:
    (file,) = result_files({"image": {"url": f"{CDN}/a.png", "width": size}}, None)
    assert file.width is None


@pytest.mark.parametrize(
    ("content_type", "names", "extension"),
    [
        ("image/jpeg", (), "jpg"),
        ("image/jpeg; charset=binary", ("a.jpeg",), "jpg"),
        ("image/webp", ("a.png",), "webp"),
        ("application/octet-stream", ("https://cdn/m.glb?x=1.png",), "glb"),
        ("application/octet-stream", ("lora.safetensors",), "safetensors"),
        ("text/plain", ("a.srt",), "srt"),
        ("application/zip", ("a.zip",), "zip"),
        ("", ("a.exe",), "bin"),
        ("application/x-msdownload", ("a.exe",), "bin"),
        ("audio/x-wav", (), "wav"),
        ("", ("a.tar.gz",), "gz"),
        ("nonsense", (), "bin"),
    ],
)
def test_extension_follows_the_content_type_unless_it_is_vague(
    content_type: str, names: tuple[str, ...], extension: str
) -> None:
    assert extension_for(content_type, *names) == extension


def test_kind_helps_where_nothing_else_does() -> None:
    assert extension_for("application/octet-stream", "file", kind="video") == "mp4"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.PNG", "image/png"),
        ("a.jpeg", "image/jpeg"),
        ("a.mp3", "audio/mpeg"),
        ("a.wav", "audio/wav"),
        ("a.webp", "image/webp"),
        ("a.glb", "model/gltf-binary"),
        ("a.mkv", "video/x-matroska"),
        ("a.unknown", "application/octet-stream"),
        ("a", "application/octet-stream"),
    ],
)
def test_content_type_of_an_upload_does_not_depend_on_the_machine(
    name: str, content_type: str
) -> None:
    assert content_type_of(name) == content_type


def test_names_are_read_from_links_without_their_query() -> None:
    assert extension_of(f"{CDN}/a%2Epng?x=.exe#y.zip") == "png"
    assert extension_of("https://[broken/a.png") == ""


@pytest.mark.parametrize(
    ("content_type", "names", "kind"),
    [
        ("video/x-new", (), "video"),
        ("application/json", (), "text"),
        ("", ("music_file",), "audio"),
        ("", ("anything",), "file"),
        ("application/octet-stream", ("model_glb",), "3d"),
    ],
)
def test_kind_is_known_by_type_name_or_field(
    content_type: str, names: tuple[str, ...], kind: str
) -> None:
    assert kind_of(content_type, *names) == kind
