"""The table of tasks: every row can be found, says something, and stands before the general."""

import pytest

from falsmith.description.tasks import FALLBACKS, TASKS, find_task

KINDS = {"image", "video", "audio", "3d", "archive", "file", "text"}


def test_every_row_reads_as_the_beginning_of_a_sentence() -> None:
    for task in TASKS:
        assert task.says[0].isupper()
        assert not task.says.endswith(".")
        assert not task.uses or task.uses.startswith(("to ", "for "))
        assert set(task.takes.split()) | set(task.makes.split()) <= KINDS
    assert all(says and not uses.endswith(".") for says, uses in FALLBACKS.values())


def test_every_row_has_words_by_which_it_alone_is_found() -> None:
    for task in TASKS:
        phrases = {phrase.strip() for phrase in task.words.split(",")}
        found = [
            find_task(set(phrase.split("+")), _kinds(task.takes), _kinds(task.makes))
            for phrase in phrases
        ]
        assert task in found, task


def _kinds(kinds: str) -> set[str]:
    return set(kinds.split()[:1]) or {"text"}


@pytest.mark.parametrize(
    ("words", "takes", "makes", "says"),
    [
        ({"upscale", "video"}, {"video"}, {"video"}, "Upscale and sharpen a {subject}"),
        ({"edit", "trainer"}, {"archive"}, {"file"}, "Train an image-editing LoRA on before-"),
        ({"@mask_url"}, {"image"}, {"image"}, "Repaint a masked area"),
        ({"edit", "object removal"}, {"image"}, {"image"}, "Erase objects or people"),
        ({"sfx", "text to audio"}, {"text"}, {"audio"}, "Make sound effects from text"),
        ({"sfx"}, {"video"}, {"video"}, "Add sound to a video"),
        ({"sfx"}, {"video"}, {"audio"}, "Make a soundtrack that fits a video"),
        ({"rife"}, {"image"}, {"image"}, "Interpolate frames between pictures"),
        ({"rife"}, {"video"}, {"video"}, "Interpolate frames in a video"),
        ({"sfx", "audio to audio"}, {"audio"}, {"audio"}, "Remake a sound effect"),
        ({"music", "audio to audio"}, {"audio"}, {"audio"}, "Remake a music track"),
        ({"pose transfer"}, {"video"}, {"video"}, "Transfer the poses of a video"),
        ({"pose transfer"}, {"image"}, {"image"}, "Put a person into another pose"),
        ({"chain of zoom", "zoom"}, {"image"}, {"image"}, "Zoom deep into a point"),
    ],
)
def test_the_first_row_that_words_and_media_allow_is_taken(
    words: set[str], takes: set[str], makes: set[str], says: str
) -> None:
    task = find_task(words, takes, makes)

    assert task is not None
    assert task.says.startswith(says)


def test_words_without_their_media_mean_no_row() -> None:
    assert find_task({"upscale"}, {"text"}, {"image"}) is None
    assert find_task({"never heard of"}, {"image"}, {"image"}) is None
