"""What a field is for: by its name, its description and the kind of the model."""

import pytest

from falsmith.example.roles import file_for, is_own_file, number_for, text_for

LINE = "Hello! Your order"
EDIT = "Change the background"


@pytest.mark.parametrize(
    ("field", "about", "subject", "begins"),
    [
        ("negative_prompt", "", "text-to-image acme/demo", "blurry"),
        ("text", "Words to be spoken", "text-to-speech acme/demo", LINE),
        ("text", "", "text-to-speech acme/demo", LINE),
        ("gen_text", "", "text-to-audio acme/tts", LINE),
        ("prompt", "Description of the voice", "text-to-speech acme/demo", "A calm, warm voice"),
        ("prompt", "", "text-to-speech acme/voice-design", "A calm, warm voice"),
        ("lyrics", "", "text-to-audio acme/song", "[Verse]\n"),
        ("prompt", "", "text-to-audio acme/music", "A calm lo-fi track"),
        ("prompt", "", "text-to-audio acme/sound-effects", "Rain on a tin roof"),
        ("prompt", "", "video-to-audio acme/demo", "Rain on a tin roof"),
        ("prompt", "", "vision acme/demo", "What is in this picture"),
        ("question", "", "image-to-text acme/demo", "What is in this picture"),
        ("prompt", "", "video-to-text acme/demo", "What happens"),
        ("prompt", "", "llm acme/demo", "Explain"),
        ("prompt", "", "image-to-image acme/sam-9", "person"),
        ("object", "Object to find", "vision acme/demo", "person"),
        ("object_to_remove", "", "image-to-image acme/demo/remove", "the people"),
        ("prompt", "", "image-to-image acme/demo/edit", EDIT),
        ("instruction", "", "image-to-image acme/demo", EDIT),
        ("prompt", "", "image-to-image acme/demo/inpaint", "A wooden bench"),
        ("prompt", "", "image-to-video acme/demo", "Slow push-in"),
        ("prompt", "", "image-to-video acme/avatar", "A person talks"),
        ("prompt", "", "video-to-video acme/demo", "Turn the scene"),
        ("prompt", "", "video-to-video acme/extend-video", "The camera keeps"),
        ("prompt", "", "text-to-video acme/demo", "A sailboat"),
        ("prompt", "", "text-to-3d acme/demo", "A small wooden chest"),
        ("prompt", "", "text-to-image acme/demo", "A lighthouse"),
        ("trigger_word", "", "training acme/trainer", "MYSTYLE"),
        ("target_lang", "", "audio-to-video acme/dubbing", "es"),
        ("text", "", "text-to-video acme/avatar", LINE),
        ("text_prompt", "", "video-to-video acme/foley", "Rain on a tin roof"),
        ("prompt", "", "text-to-audio acme/demo +voice", LINE),
        ("prompt", "", "text-to-video acme/demo +voice", "A sailboat"),
        ("prompt", "", "vision acme/demo +video", "What happens"),
        ("prompt", "", "image-to-image acme/demo/replace-background", "A sunlit wooden"),
        ("prompt", "Prompt for the background", "image-to-image acme/replace", "A sunlit wooden"),
        ("prompt", "", "text-to-image acme/ballpoint-playground", "A lighthouse"),
        ("source_prompt", "", "image-to-image acme/demo", "A white cat"),
        ("finetune_id", "", "text-to-image acme/demo", ""),
        ("mood", "", "text-to-image acme/demo", ""),
    ],
)
def test_a_text_suits_its_field_and_its_model(
    field: str, about: str, subject: str, begins: str
) -> None:
    text = text_for(field, about, subject)

    assert text.startswith(begins)
    assert bool(text) == bool(begins)


@pytest.mark.parametrize(
    "about",
    [
        "What to find (e.g. 'a blue chair', 'lamp').",
        'What to find, such as "a blue chair".',
        "For example: `a blue chair` or `lamp`.",
    ],
)
def test_a_sample_in_the_description_comes_before_ours(about: str) -> None:
    assert text_for("prompt", about, "text-to-image acme/demo") == "a blue chair"


@pytest.mark.parametrize(
    ("field", "kind", "about", "subject", "file"),
    [
        ("image_url", "image", "", "image-to-image acme/demo", "input.png"),
        ("end_image_url", "image", "", "image-to-video acme/demo", "last.png"),
        ("first_frame_url", "image", "", "image-to-video acme/demo", "first.png"),
        ("mask_url", "image", "", "image-to-image acme/demo", "mask.png"),
        ("mask_video_url", "video", "", "video-to-video acme/demo", "mask.mp4"),
        ("garment_image_url", "image", "", "image-to-image acme/demo", "garment.png"),
        ("input_image_url", "image", "", "image-to-3d acme/sketch-to-3d", "sketch.png"),
        ("audio_url", "audio", "", "video-to-video acme/lipsync", "speech.wav"),
        ("audio_url", "audio", "", "audio-to-audio acme/stems", "song.mp3"),
        ("audio_url_person2", "audio", "", "audio-to-video acme/demo", "person_2.wav"),
        ("images_data_url", "archive", "A zip of images", "training acme/demo", "images.zip"),
        ("training_data_url", "archive", "A zip of videos or images", "training a/b", "videos.zip"),
        ("model_url", "3d", "", "3d-to-3d acme/demo", "input.glb"),
        ("pdf_url", "file", "", "vision acme/demo", "document.pdf"),
        ("media_url", "file", "A video or audio file", "json acme/demo", "input.mp4"),
    ],
)
def test_a_file_is_named_after_its_part(
    field: str, kind: str, about: str, subject: str, file: str
) -> None:
    assert file_for(field, kind, about, subject) == file
    assert is_own_file(file)


@pytest.mark.parametrize("name", ["secret.png", "../input.png", "input.pem", "input_a.png", ""])
def test_a_file_that_is_none_of_ours_is_told(name: str) -> None:
    assert not is_own_file(name)


@pytest.mark.parametrize(
    ("field", "number"),
    [("x_min", 100), ("y2", 400), ("bottom", 400), ("width", 512), ("exposure", None)],
)
def test_a_corner_has_a_place(field: str, number: int | None) -> None:
    assert number_for(field) == number
