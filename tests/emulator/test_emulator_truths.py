"""What an answer says beside its files is true of the request, and made up nowhere."""

import base64
import os
import struct
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.emulator.conftest import FILE, document

from falsmith.documents import Documents
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.responses import completed
from falsmith.emulator.state import open_state
from falsmith.emulator.storage import FileStore

ANSWER = "An answer of the falsmith emulator"
TEXT = {"type": "string"}
NUMBER = {"type": "number"}
SWITCH = {"type": "boolean", "default": False}
LINK = "https://fal.example/one."


def loose(schema: Mapping[str, Any], **told: Any) -> dict[str, Any]:
    """Return a schema that may be null."""
    return {"anyOf": [schema, {"type": "null"}], **told}


def answer(
    outputs: dict[str, Any],
    inputs: dict[str, Any] | None = None,
    category: str = "text-to-image",
    model_id: str = "acme/made",
    **given: Any,
) -> tuple[Any, FileStore]:
    """Return what a model with these fields answers, and the files of it."""
    endpoint = Endpoint(
        Documents(model_id, {"category": category}, document(model_id, inputs or {}, outputs, []))
    )
    files = FileStore(open_state(None), "http://cdn.test")
    body = completed(endpoint, given, files.publish, files.load, os.urandom(8)).body
    Draft202012Validator(endpoint.output.schema).validate(body)
    return body, files


def said(outputs: dict[str, Any], inputs: dict[str, Any] | None = None, **given: Any) -> Any:
    """Return the answer alone."""
    body, files = answer(outputs, inputs, **given)
    files.rows.close()
    return body


@pytest.mark.parametrize(
    ("name", "told", "model_id", "extension"),
    [
        ("image", {"examples": [{"url": f"{LINK}svg"}]}, "acme/made", "svg"),
        ("image", {"description": "The drawing, an SVG file."}, "acme/made", "svg"),
        ("image", {}, "acme/text-to-vector", "svg"),
        ("image", {}, "acme/star-vector", "svg"),
        ("image", {}, "acme/made", "png"),
        ("model", {"examples": [{"url": f"{LINK}zip"}]}, "acme/made", "zip"),
        ("frames_url", {"description": "ZIP archive of PNG frames"}, "acme/made", "zip"),
        ("lottie_file", {"description": "The animation as a JSON file"}, "acme/made", "json"),
        ("speaker_embedding", {"description": "In safetensors format"}, "acme/m", "safetensors"),
        ("depths", {"description": "The depths (.npz)"}, "acme/made", "npz"),
        ("gaussian_splat", {"description": "Gaussian splat (.ply)"}, "acme/made", "ply"),
        ("blend", {}, "acme/made", "blend"),
    ],
)
def test_a_file_has_the_format_that_the_document_tells(
    name: str, told: dict[str, Any], model_id: str, extension: str
) -> None:
    schema = {"$ref": "#/components/schemas/File", **told}
    body = said({name: schema}, model_id=model_id)
    assert body[name]["url"].endswith(f".{extension}")
    assert body[name]["file_name"].endswith(f".{extension}")


def test_the_files_of_a_list_have_the_format_of_its_example() -> None:
    pictures = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Picture"},
        "examples": [[{"url": f"{LINK}svg"}, {"url": f"{LINK}svg"}]],
    }
    (picture,) = said({"images": pictures})["images"]
    assert picture["url"].endswith(".svg")
    assert picture["content_type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("switch", "field", "schema", "without"),
    [
        ("timestamps", "timestamps", loose({"type": "array", "items": {}}), None),
        ("include_scores", "scores", loose({"type": "array", "items": NUMBER}), None),
        ("return_frames_zip", "frames_zip", loose(FILE), None),
        ("enable_animation", "animation_glb", loose(FILE), None),
        ("diarize", "diarization_segments", {"type": "array", "items": TEXT}, []),
        ("thinking", "notes", loose(TEXT, description="Only available if thinking is on"), None),
    ],
)
def test_what_was_not_asked_for_is_not_given(
    switch: str, field: str, schema: dict[str, Any], without: Any
) -> None:
    assert said({field: schema}, {switch: SWITCH})[field] == without
    asked: dict[str, Any] = {switch: True}
    if switch != "thinking":
        assert said({field: schema}, {switch: SWITCH}, **asked)[field]


def test_the_times_of_characters_are_those_of_the_text_that_is_spoken() -> None:
    outputs = {"audio": FILE, "timestamps": loose({"type": "array", "items": {}})}
    told = {"text": TEXT, "timestamps": SWITCH}
    body = said(outputs, told, category="text-to-speech", text="Hello there", timestamps=True)
    (times,) = body["timestamps"]
    assert "".join(times["characters"]) == "Hello there"
    assert len(times["character_start_times_seconds"]) == 11
    assert times["character_end_times_seconds"][-1] == pytest.approx(11 / 15, abs=0.01)


def test_the_words_and_parts_of_a_recording_are_its_text_in_order() -> None:
    word = {"text": TEXT, "start": NUMBER, "end": NUMBER, "type": TEXT}
    part = {"text": TEXT, "timestamp": {"type": "array", "items": NUMBER, "minItems": 2}}
    outputs = {
        "text": {**TEXT, "examples": ["Hey, this is a test"]},
        "words": {"type": "array", "items": {"type": "object", "properties": word}},
        "chunks": {"type": "array", "items": {"type": "object", "properties": part}},
        "languages": {"type": "array", "items": {"type": "string", "enum": ["af", "en"]}},
    }
    body = said(outputs, {"audio_url": TEXT}, category="speech-to-text")
    assert [one["text"] for one in body["words"]] == body["text"].split()
    assert [one["type"] for one in body["words"]] == ["word"] * 5
    for before, after in zip(body["words"], body["words"][1:], strict=False):
        assert before["start"] < before["end"] == after["start"]
    (chunk,) = body["chunks"]
    assert chunk["text"] == body["text"]
    assert chunk["timestamp"] == [0.0, body["words"][-1]["end"]]
    assert body["languages"] == ["en"]


def test_what_is_known_of_the_request_and_its_files_is_said_of_them() -> None:
    whole = {"type": "integer"}
    outputs = {
        "audio": FILE,
        "duration": NUMBER,
        "duration_ms": whole,
        "sample_rate": {**whole, "default": 16000},
        "seed": whole,
        "lyrics": TEXT,
        "actual_prompt": {**TEXT, "examples": ["A fox"]},
    }
    told = {"lyrics": TEXT, "prompt": TEXT, "seed": whole, "seconds_total": NUMBER}
    given: dict[str, Any] = {"lyrics": "La la", "prompt": "a song", "seed": 7, "seconds_total": 3}
    body, files = answer(outputs, told, "text-to-audio", **given)
    with closing(files.rows):
        stored = files.find(body["audio"]["url"].removeprefix("http://cdn.test"))
        assert stored is not None
        (rate,) = struct.unpack("<I", stored.data[24:28])
    del body["audio"]
    assert body == {
        "duration": 3,
        "duration_ms": 3000,
        "sample_rate": rate,
        "seed": 7,
        "lyrics": "La la",
        "actual_prompt": "a song",
    }
    assert rate == 16000
    assert isinstance(body["duration_ms"], int)


def test_flags_of_content_are_false_and_nothing_is_invented() -> None:
    outputs = {
        "nsfw_probability": NUMBER,
        "nsfw_content_detected": {"type": "array", "items": {"type": "boolean"}},
        "error": loose(TEXT),
        "description": TEXT,
        "codec": {**TEXT, "description": "How it is coded (e.g. 'h264')"},
        "task_id": TEXT,
        "request_id": {**TEXT, "default": ""},
        "embedding_b64": TEXT,
        "aspect_ratio": TEXT,
        "labels": {"type": "array", "items": {}},
    }
    body = said(outputs, {"num_images": {"type": "integer"}}, num_images=2)
    assert body["nsfw_probability"] == 0
    assert body["nsfw_content_detected"] == [False, False]
    assert body["error"] is None
    assert (body["description"], body["codec"]) == (ANSWER, "h264")
    assert len(body["task_id"]) == len(body["request_id"]) == 36
    assert base64.b64decode(body["embedding_b64"])
    assert (body["aspect_ratio"], body["labels"]) == ("1:1", [])
