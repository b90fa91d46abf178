"""The example is a call that gives a good result with this very model."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from falsmith.documents import Documents
from falsmith.example.call import cut_text
from falsmith.example.sample import Sampler
from falsmith.model import Model
from falsmith.parse import parse

Build = Callable[..., Documents]
Parsed = Callable[..., Model]

LINK = "https://v3.fal.media/files/a.png"
TEXT: dict[str, Any] = {"type": "string"}
IMAGE: dict[str, Any] = {"type": "string", "examples": [LINK]}
LIST: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


@pytest.fixture
def parsed(model_documents: Build) -> Parsed:
    """Return the parser of a model of a category whose input has these fields."""

    def build(
        category: str, model_id: str, fields: Mapping[str, Any], *required: str, **more: Any
    ) -> Model:
        schema = {"type": "object", "properties": fields, "required": list(required)}
        metadata = {"category": category}
        return parse(model_documents(schema, metadata=metadata, model_id=model_id, **more))

    return build


@pytest.mark.parametrize(
    ("category", "model_id", "fields", "shown"),
    [
        ("image-to-image", "acme/demo/edit", {"image_url": TEXT, "seed": {"type": "integer"}},
         ["image_url"]),
        ("image-to-image", "acme/demo", {"mask_url": TEXT, "photo_url": TEXT}, ["photo_url"]),
        ("image-to-image", "acme/demo/inpaint", {"image_url": TEXT, "mask_url": TEXT},
         ["image_url", "mask_url"]),
        ("image-to-image", "acme/demo/edit",
         {"image_url": TEXT, "mask_url": TEXT | {"examples": [LINK]}}, ["image_url"]),
        ("image-to-video", "acme/demo/reference-to-video",
         {"image_url": TEXT, "reference_image_urls": LIST}, ["reference_image_urls"]),
        ("image-to-video", "acme/demo/first-last-frame-to-video",
         {"first_frame_url": TEXT, "last_frame_url": TEXT}, ["first_frame_url", "last_frame_url"]),
        ("video-to-video", "acme/lipsync", {"video_url": TEXT, "audio_url": TEXT},
         ["video_url", "audio_url"]),
        ("image-to-image", "acme/demo/outpaint",
         {"image_url": TEXT, "expand_left": {"type": "integer", "default": 0},
          "expand_right": {"type": "integer", "default": 0}}, ["image_url", "expand_right"]),
        ("text-to-image", "acme/demo", {"prompt": TEXT, "image_url": TEXT}, ["prompt"]),
        ("text-to-video", "acme/dance", {"image_url": {"type": "string", "default": LINK}},
         ["image_url"]),
        ("video-to-video", "acme/frames",
         {"pictures": {"type": "array", "examples": [[{"image_url": LINK}]],
                       "items": {"type": "object", "properties": {"image_url": TEXT}}}},
         ["pictures"]),
        ("image-to-image", "acme/segment",
         {"image_url": TEXT, "points": {"type": "array", "items": {"type": "object"},
                                        "default": [], "examples": [[{"x": 5}]]}},
         ["image_url", "points"]),
        ("training", "acme/trainer",
         {"images_data_url": TEXT,
          "default_caption": TEXT | {"description": "If None, missing captions are an error."}},
         ["images_data_url", "default_caption"]),
        ("training", "acme/trainer", {"images_data_url": TEXT, "trigger_word": TEXT},
         ["images_data_url", "trigger_word"]),
    ],
)  # fmt: skip
def test_what_a_model_of_this_kind_needs_is_shown(
    category: str, model_id: str, fields: Mapping[str, Any], shown: list[str], parsed: Parsed
) -> None:
    assert list(parsed(category, model_id, fields).brief_example) == shown


def test_a_mask_alone_is_no_picture(parsed: Parsed) -> None:
    fields = {"image_url": TEXT, "mask_url": TEXT, "hook_url": TEXT}
    model = parsed("image-to-image", "acme/demo/inpaint", fields, "mask_url")

    assert list(model.brief_example) == ["image_url", "mask_url"]


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (TEXT | {"default": ""}, True),
        (TEXT | {"default": "wheel"}, True),
        (TEXT | {"default": "A restoration of the picture with care for all its details."}, False),
        (TEXT | {"description": "Optional. The model describes the picture if empty."}, False),
        (TEXT | {"examples": ["make it blue"]}, True),
        (TEXT | {"deprecated": True}, False),
    ],
    ids=str,
)
def test_a_prompt_is_left_out_only_where_the_model_has_a_better_one(
    field: Mapping[str, Any], shown: bool, parsed: Parsed
) -> None:
    fields = {"image_url": IMAGE, "prompt": field}
    model = parsed("image-to-image", "acme/demo", fields, "image_url")

    assert ("prompt" in model.brief_example) == shown


@pytest.mark.parametrize(
    "sentence",
    [
        "At least one of ref_url or scene must be provided.",
        "Either `scene` or `ref_url` must be provided, but not both.",
        "Either ref_url or scene.",
        "Exactly one of scene, ref_url is required.",
        "You must provide one of scene / ref_url.",
        "scene or ref_url must be set.",
        "Required unless ref_url is given.",
        "Required if ref_url is not provided.",
        "What it shows. If not given, ref_url is required.",
    ],
)
def test_of_fields_that_stand_for_each_other_one_is_shown(sentence: str, parsed: Parsed) -> None:
    fields = {"style": TEXT, "scene": TEXT | {"description": sentence}, "ref_url": TEXT}
    model = parsed("text-to-image", "acme/demo", fields, "style")

    assert list(model.brief_example) == ["style", "ref_url"]


@pytest.mark.parametrize(
    "sentence",
    [
        "If a scene is given, ref_url or style is required.",
        "Cannot be used with ref_url.",
        "The scene, or a style of it.",
        "At most one of scene and ref_url.",
    ],
)
def test_fields_that_none_needs_are_left_out(sentence: str, parsed: Parsed) -> None:
    fields = {"style": TEXT, "scene": TEXT | {"description": sentence}, "ref_url": TEXT}

    assert list(parsed("text-to-image", "acme/demo", fields, "style").brief_example) == ["style"]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (
            {
                "width": {"type": "integer", "description": "At least one of width or height."},
                "height": {"type": "integer", "examples": [512]},
            },
            ["height"],
        ),
        (
            {
                "scene": TEXT | {"description": "Either `scene` or `ref_url` must be provided."},
                "ref_url": TEXT | {"description": "Either `scene` or `ref_url` must be provided."},
            },
            ["ref_url"],
        ),
        (
            {
                "ref_url": TEXT | {"description": "Required for image-to-3D mode."},
                "prompt": TEXT | {"description": "Optional."},
            },
            ["ref_url"],
        ),
        (
            {"mood": TEXT | {"description": "Required unless tone is given."}, "tone": TEXT},
            ["mood"],
        ),
        (
            {
                "words": TEXT | {"description": "Required when silent is false."},
                "silent": {"type": "boolean", "default": False},
            },
            ["words"],
        ),
        (
            {
                "light": TEXT | {"description": "Required for mode='warm'."},
                "mode": {"type": "string", "default": "warm"},
            },
            ["light"],
        ),
        (
            {
                "words": TEXT | {"description": "Required when silent is true."},
                "silent": {"type": "boolean", "default": False},
            },
            [],
        ),
    ],
    ids=str,
)
def test_fields_of_which_one_is_needed_are_shown_once(
    fields: Mapping[str, Any], shown: list[str], parsed: Parsed
) -> None:
    model = parsed("text-to-image", "acme/demo", {"style": TEXT, **fields}, "style")

    assert sorted(model.brief_example) == sorted(["style", *shown])


def test_what_a_prompt_speaks_of_is_shown_as_well(parsed: Parsed) -> None:
    fields = {"prompt": TEXT | {"examples": ["@Image2 as seen by @Image1"]}}
    fields |= {"image_urls": LIST | {"examples": [[LINK, LINK]]}}
    model = parsed("text-to-image", "acme/demo", fields, "prompt")

    assert model.brief_example["image_urls"] == ["input_1.png", "input_2.png"]
    assert model.example["image_urls"] == [LINK, LINK]


def test_an_order_to_change_something_has_a_picture(parsed: Parsed) -> None:
    fields = {"prompt": TEXT | {"examples": ["Make the dress blue"]}, "photo_urls": LIST}

    assert "photo_urls" in parsed("text-to-image", "acme/demo", fields, "prompt").brief_example


def test_words_that_only_look_like_a_mention_add_nothing(parsed: Parsed) -> None:
    size = {"type": "object", "properties": {"width": {"type": "integer"}}}
    fields = {"prompt": TEXT | {"examples": ["A sign that says 'Image 2'"]}, "image_size": size}

    assert list(parsed("text-to-image", "acme/demo", fields, "prompt").brief_example) == ["prompt"]


def test_two_fields_never_name_the_same_file(parsed: Parsed) -> None:
    fields = {"image_url": IMAGE, "photo_url": IMAGE}
    model = parsed("image-to-image", "acme/demo", fields, *fields)

    assert model.brief_example == {"image_url": "input.png", "photo_url": "input_2.png"}


def test_parts_of_a_value_are_the_documents_with_local_files(parsed: Parsed) -> None:
    part = {"type": "object", "properties": {"front_image_url": TEXT, "name": TEXT}}
    value = [{"front_image_url": LINK, "name": "Ann"}]
    fields = {"parts": {"type": "array", "items": part, "examples": [value]}}
    model = parsed("image-to-image", "acme/demo", fields, "parts")

    assert model.brief_example == {"parts": [{"front_image_url": "front.png", "name": "Ann"}]}


def test_no_example_shows_a_file_or_word_of_nobody(parsed: Parsed) -> None:
    names = ("image_url", "audio_url", "images_data_url", "model_url", "prompt", "voice", "note")
    model = parsed("image-to-image", "acme/demo", dict.fromkeys(names, TEXT), *names)

    for shown in (model.example, model.brief_example):
        assert "example" not in json.dumps(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A cat.", "A cat."),
        ("A cat\n on a  mat", "A cat on a mat"),
        (f"{'It sits still on the mat. ' * 4}{'and ' * 40}", "It sits still on the mat. " * 4),
        (f"{'a cat, ' * 20}{'and ' * 40}", "a cat, " * 20),
        ("word " * 100, "word " * 40),
        ('{"scene": "' + "a" * 300 + '"}', ""),
        ("猫" * 150 + "。" + "猫" * 100, "猫" * 150 + "。"),
    ],
    ids=len,
)
def test_a_long_text_is_cut_where_it_pauses(text: str, shown: str) -> None:
    assert cut_text(text, in_lines=False) == shown.strip(" ,")


def test_a_long_list_of_parts_is_shown_by_its_first(parsed: Parsed) -> None:
    shots = [
        {"prompt": f"Shot {number}: a cat walks through a very quiet house."} for number in "12345"
    ]
    part = {"type": "object", "properties": {"prompt": TEXT}}
    fields = {"shots": {"type": "array", "items": part, "examples": [shots * 3]}}

    model = parsed("text-to-video", "acme/demo", fields, "shots")
    assert model.brief_example == {"shots": shots[:4]}
    assert model.example == {"shots": shots * 3}


def test_an_empty_example_is_none(parsed: Parsed) -> None:
    fields = {"prompt": TEXT | {"examples": [""]}}

    assert parsed("video-to-video", "acme/extend-video", fields, "prompt").example["prompt"]


def test_a_file_has_a_format_that_the_field_takes() -> None:
    field = {"type": "string", "x-file": "3d", "x-file-limits": {"formats": ["fbx"]}}

    assert Sampler({}, subject="").value(field, "input_file_url") == "input.fbx"


def test_lyrics_keep_their_lines(parsed: Parsed) -> None:
    fields = {"lyrics": TEXT | {"examples": ["[verse]\nOne\nTwo"]}}
    model = parsed("text-to-audio", "acme/song", fields, "lyrics")

    assert model.brief_example == {"lyrics": "[verse]\nOne\nTwo"}


def test_a_field_that_takes_files_and_names_is_given_a_name() -> None:
    field = {"type": "string", "x-file": "file", "x-words": True}

    assert Sampler({}, subject="").value(field, "path") == "your-name/your-lora"


NONE: dict[str, Any] = {"type": "integer", "default": 0}


@pytest.mark.parametrize(
    ("category", "model_id", "fields", "shown"),
    [
        ("audio-to-audio", "acme/audio-outpainting",
         {"audio_url": TEXT, "extend_seconds_before": NONE,
          "extend_seconds_after": NONE | {"examples": [30]}}, {"extend_seconds_after": 30}),
        ("video-to-video", "acme/reframe",
         {"video_url": TEXT, "aspect_ratio": {"enum": ["auto", "9:16"], "default": "auto"}},
         {"aspect_ratio": "9:16"}),
        ("video-to-video", "acme/birefnet/video",
         {"video_url": TEXT, "output_type": {"enum": ["mp4", "webm"], "default": "mp4"}},
         {"output_type": "webm"}),
        ("video-to-video", "acme/background-removal",
         {"video_url": TEXT,
          "background_color": {"enum": ["Black", "Transparent"], "default": "Black"}},
         {"background_color": "Transparent"}),
        ("video-to-video", "acme/trim-video",
         {"video_url": TEXT, "start_time": {"type": "number", "default": 1},
          "end_time": {"type": "number", "examples": [3]}}, {"start_time": 1, "end_time": 3}),
        ("audio-to-audio", "acme/inpaint",
         {"audio_url": TEXT, "mask_start": {"type": "number", "examples": [15]}},
         {"mask_start": 15}),
        ("speech-to-speech", "acme/speech-to-speech",
         {"source_audio_url": TEXT, "target_voice_audio_url": IMAGE},
         {"target_voice_audio_url": "target.wav"}),
        ("audio-to-video", "acme/avatar/multi",
         {"image_url": TEXT, "first_audio_url": IMAGE, "second_audio_url": IMAGE},
         {"second_audio_url": "second.wav"}),
        ("image-to-image", "acme/kontext-trainer",
         {"images_data_url": TEXT, "default_caption": TEXT | {"description": "None is an error."}},
         {}),
    ],
)  # fmt: skip
def test_a_call_changes_something_where_all_defaults_change_nothing(
    category: str,
    model_id: str,
    fields: Mapping[str, Any],
    shown: Mapping[str, Any],
    parsed: Parsed,
) -> None:
    example = parsed(category, model_id, fields).brief_example

    assert {name: example.get(name) for name in shown} == shown


def test_who_speaks_in_a_dialogue_is_shown_with_it(parsed: Parsed) -> None:
    speakers = {
        "type": "array",
        "items": {"type": "object", "properties": {"voice": TEXT, "speaker_id": TEXT}},
        "examples": [
            [{"voice": "Low", "speaker_id": "Ann"}, {"voice": "High", "speaker_id": "Bo"}]
        ],
    }
    prompt = TEXT | {"examples": ["Ann: Good morning! Bo: Good morning to you."]}
    alone = TEXT | {"examples": ["Note: good morning."]}
    both = parsed("text-to-audio", "acme/tts", {"prompt": prompt, "speakers": speakers}, "prompt")
    one = parsed("text-to-audio", "acme/tts", {"prompt": alone, "speakers": speakers}, "prompt")

    assert both.brief_example["speakers"][1]["speaker_id"] == "Bo"
    assert "speakers" not in one.brief_example


def test_media_that_only_the_cut_part_of_a_text_names_are_left_out(parsed: Parsed) -> None:
    prompt = f"Start from @Image1, a calm bay at dawn. {'The boat drifts on. ' * 12}Add @Element1."
    fields = {
        "prompt": TEXT | {"examples": [prompt]},
        "image_urls": LIST,
        "elements": {
            "type": "array",
            "items": {"type": "object", "properties": {"image_url": TEXT}},
        },
    }
    model = parsed("image-to-video", "acme/reference-to-video", fields, "prompt")

    assert list(model.brief_example) == ["prompt", "image_urls"]
    assert "elements" in model.example


def test_a_batch_has_two_texts_with_a_voice_each(parsed: Parsed) -> None:
    texts = LIST | {"description": "Texts to be spoken."}
    voices = LIST | {"description": "A voice description for each text."}
    fields = {"texts": texts, "prompts": voices}
    example = parsed("text-to-speech", "acme/batch", fields, "texts", "prompts").brief_example

    assert [len(set(value)) for value in example.values()] == [2, 2]


def test_several_long_parts_are_shown_as_two_short_ones(parsed: Parsed) -> None:
    shot = {"prompt": "A gull lands on the pier. " * 8}
    shots = {"type": "array", "items": {"type": "object", "properties": {"prompt": TEXT}}}
    model = parsed(
        "text-to-video", "acme/shots", {"shots": shots | {"examples": [[shot] * 3]}}, "shots"
    )

    assert len(model.brief_example["shots"]) == 2


@pytest.mark.parametrize("model_id", ["acme/v1/chat/completions", "acme/openai/v1/embeddings"])
def test_a_public_interface_without_a_schema_shows_its_usual_call(
    model_id: str, model_documents: Build
) -> None:
    documents = model_documents({"$ref": "#/components/schemas/Nowhere"}, model_id=model_id)

    assert parse(documents).brief_example["model"] == "YOUR_MODEL"


def test_a_cut_text_sends_no_more_pictures_than_it_names(parsed: Parsed) -> None:
    prompt = f"Start from @Image1, a calm bay. {'The boat drifts on. ' * 12}End at @Image2."
    fields = {
        "prompt": TEXT | {"examples": [prompt]},
        "image_urls": LIST | {"examples": [[LINK, LINK]]},
    }
    model = parsed("image-to-video", "acme/reference-to-video", fields, "prompt", "image_urls")

    assert model.brief_example["image_urls"] == ["input_1.png"]


@pytest.mark.parametrize("label", ["Shot 1 [0-4s] Go on.", "Opening script", "## The layout"])
def test_a_cut_text_ends_in_no_label_of_what_does_not_follow(label: str) -> None:
    text = f"A film of a calm bay at dawn, in five shots.\n\n{label}\nThe boat {'drifts ' * 40}."

    assert cut_text(text, in_lines=True) == "A film of a calm bay at dawn, in five shots."


def test_what_a_field_is_used_with_is_given_with_it(parsed: Parsed) -> None:
    fields = {
        "background_type": {"enum": ["color", "image"], "default": "color"},
        "blur": {"enum": ["low", "high"], "default": "low"},
        "background_image_url": TEXT
        | {"description": "The background (used when background_type is 'image')."},
    }
    model_id = "acme/background-removal/realtime"
    example = parsed("video-to-video", model_id, fields).brief_example

    assert example == {"background_type": "image", "background_image_url": "background.png"}


@pytest.mark.parametrize(
    ("category", "text", "is_shown"),
    [
        ("audio-to-text", "Summarize what a multimodal agent is good for.", False),
        ("image-to-text", "Summarize what a multimodal agent is good for.", False),
        ("image-to-text", "Which car is trying to park?", True),
        ("audio-to-text", "Summarize this recording.", True),
        ("llm", "Summarize what a multimodal agent is good for.", True),
    ],
)
def test_a_question_that_says_nothing_of_the_medium_is_no_example(
    category: str, text: str, is_shown: bool, parsed: Parsed
) -> None:
    fields = {"prompt": TEXT | {"examples": [text]}, "image_url": TEXT}
    model = parsed(category, "acme/reader", fields, "prompt", "image_url")

    assert (model.example["prompt"] == text) is is_shown
