"""Which texts are links to files, and of what kind."""

from typing import Any

import pytest

from fal_runtime.file_kinds import word_kind
from falsmith.schema.file_kind import (
    extension_kind,
    input_file,
    is_word,
    output_file_kind,
)

TEXT = {"type": "string"}


def input_kind(where: str, name: str, said: dict[str, Any]) -> str | None:
    return input_file(where, name, said).get("x-file")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image_url", "image"),
        ("image_urls", "image"),
        ("end_image_url", "image"),
        ("video_url", "video"),
        ("mask_video_url", "video"),
        ("audio_url", "audio"),
        ("ref_audio_url", "audio"),
        ("training_data_url", "archive"),
        ("images_data_url", "archive"),
        ("model_mesh_url", "3d"),
        ("url", "file"),
        ("config_url", "file"),
        ("image_url_2", "image"),
        ("audio_url_person1", "audio"),
        ("image_url_left", "image"),
        ("control_lora_image_url", "image"),
        ("lora_url", "file"),
        ("voice_embedding_file_url", "file"),
    ],
)
def test_a_text_whose_name_ends_in_url_is_a_file_of_the_kind_its_words_name(
    name: str, kind: str
) -> None:
    assert input_kind(f"input.{name}", name, TEXT) == kind


@pytest.mark.parametrize("name", ["prompt", "webhook_url", "base_url", "curl", "url_style", "path"])
def test_other_texts_and_addresses_of_services_are_no_files(name: str) -> None:
    assert input_kind(f"input.{name}", name, TEXT) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "string", "enum": ["a"]},
        {"type": "string", "const": "a"},
        {"type": "string", "format": "binary"},
        {},
    ],
)
def test_only_a_free_text_can_be_a_link(schema: dict[str, Any]) -> None:
    assert input_kind("input.image_url", "image_url", schema) is None
    assert output_file_kind("output.url", "url", schema) is None


def test_a_type_list_with_string_is_a_free_text() -> None:
    assert input_kind("x", "video_url", {"type": ["string", "null"]}) == "video"


def test_an_example_link_shows_a_file_without_the_name() -> None:
    linked = TEXT | {"examples": ["https://example.com/a/shirt.PNG?x=1"]}

    assert input_kind("input.garment", "garment", linked) == "image"
    assert input_kind("input.lora_path", "lora_path", linked) is None


@pytest.mark.parametrize(
    ("name", "description", "kind"),
    [
        ("hypothesis", "The image to measure.", "image"),
        ("guess", "The rendered image to use for it.", "image"),
        ("weights", "URL or path to a LoRA.", "file"),
        ("garment_image", "The public URL of the shirt.", "image"),
        ("face_model_path", "URL of the weights.", "file"),
        ("font", "A font's name, or a URL of a font.", "file"),
        ("input_image", "What to work on.", "image"),
        ("reference_audios", "Voices to follow.", "audio"),
        ("face_image", "Base64 encoded face.", None),
        ("background_image", "Describe what stands behind.", None),
        ("prompt", "The image to make.", None),
        ("hook", "Where to send the url.", None),
    ],
)
def test_a_description_shows_a_file_without_the_name(
    name: str, description: str, kind: str | None
) -> None:
    assert input_kind(f"input.{name}", name, TEXT | {"description": description}) == kind


@pytest.mark.parametrize(
    "more",
    [
        {"description": "A link. Can also be one of `edges`, `depth`."},
        {"description": "URL, or a Hugging Face repository."},
        {"description": "URL or hex code."},
        {"description": "A plain colour, or a picture."},
    ],
    ids=["choices", "repository", "code", "colour"],
)
def test_a_file_field_that_takes_words_says_so(more: dict[str, Any]) -> None:
    assert input_file("input.style_url", "style_url", TEXT | more)["x-words"] is True


def test_the_name_or_the_default_shows_that_words_are_taken() -> None:
    link = {"description": "The URL to the base model."}
    assert input_file("input.base_repo", "base_repo", TEXT | link)["x-words"] is True
    default = {"default": "owner/base-v1.5"}
    assert input_file("input.base", "base", TEXT | link | default)["x-words"] is True
    shown = {"examples": ["https://example.com/a.png", "#ffaa00"]}
    assert input_file("input.background.value", "value", TEXT | shown)["x-words"] is True
    assert "x-words" not in input_file("input.base_url", "base_model_url", TEXT | link | default)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"description": "Needed when at least one of `video_url` or `audio_url` is given."},
        {"description": "Can be a public URL or a data URI.", "default": ""},
        {"examples": ["https://example.com/a.png", "photo.png"]},
    ],
)
def test_any_other_file_field_takes_files_only(more: dict[str, Any]) -> None:
    assert "x-words" not in input_file("input.image_url", "image_url", TEXT | more)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("edges", True),
        ("owner/model-v1.5", True),
        ("photo.png", False),
        ("./model", False),
        ("~/model", False),
        ("a/b/c", False),
        ("../b", False),
        ("a/key.pem", False),
        ("", False),
    ],
)
def test_a_word_is_no_path(text: str, word: bool) -> None:
    assert is_word(text) is word


def test_an_example_of_no_known_kind_shows_nothing() -> None:
    for link in ("https://example.com/page", "https://example.com/a.safetensors", "photo.png"):
        schema = TEXT | {"examples": [link]}
        assert input_kind("input.source", "source", schema) is None


@pytest.mark.parametrize(
    ("hint", "kind"),
    [("image_mask", "image"), ("archive", "archive"), ("video", "video"), ("colour", None)],
)
def test_the_forms_hint_names_the_kind(hint: str, kind: str | None) -> None:
    assert input_kind("input.source", "source", TEXT | {"ui": {"field": hint}}) == kind
    assert input_kind("input.source", "source", TEXT | {"_fal_ui_field": hint}) == kind


def test_the_url_of_an_object_takes_the_objects_words() -> None:
    assert output_file_kind("output.video.url", "url", TEXT) == "video"
    assert output_file_kind("output.images[].url", "url", TEXT) == "image"
    assert output_file_kind("output.things.url", "url", TEXT) == "file"


def test_an_output_text_is_a_file_by_its_name_only() -> None:
    assert output_file_kind("output.video_url", "video_url", TEXT) == "video"
    linked = TEXT | {"examples": ["https://example.com/a.png"]}
    assert output_file_kind("output.note", "note", linked) is None


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ("https://x.test/a.MP4#t=1", "video"),
        ("https://x.test/a.tar.gz", "archive"),
        ("https://x.test/a.glb", "3d"),
        ("https://x.test/no-extension", None),
        ("https://x.test/a.unknown", None),
        ("", None),
    ],
)
def test_an_extension_names_a_kind(link: str, kind: str | None) -> None:
    assert extension_kind(link) == kind


def test_words_name_a_kind_and_other_words_none() -> None:
    assert word_kind("model_glb") == "3d"
    assert word_kind("Thumbnail") == "image"
    assert word_kind("object") is None
