"""The words of a search: which count, what else they are called, and what is asked for instead."""

import pytest

from falsmith.catalog.words import relaxed, search_terms


def counting(text: str) -> list[str]:
    return [word.text for word in search_terms(text).words]


def others(text: str) -> dict[str, tuple[str, ...]]:
    return {word.text: word.others for word in search_terms(text).words}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("remove the background of a video", ["remove", "background", "video"]),
        ("I want a model that makes songs", ["songs"]),
        ("end_image_url", ["end", "image", "url"]),
        ("Lip-Sync", ["lip", "sync"]),
        ("the model", ["model"]),
        ("to the", ["to", "the"]),
        ("blue red blue", ["blue", "red"]),
        ("\u56fe\u50cf", ["\u56fe\u50cf"]),
        ("!!!", []),
    ],
)
def test_words_that_say_nothing_count_only_where_there_are_no_others(
    text: str, words: list[str]
) -> None:
    assert counting(text) == words


def test_two_words_are_also_one_and_one_is_also_two() -> None:
    assert "lipsync" in others("lip sync")["lip"]
    assert "lip sync" in others("lipsync")["lipsync"]


@pytest.mark.parametrize(
    ("text", "word", "name"),
    [
        ("talking head", "head", "avatar"),
        ("remove the background", "background", "background removal"),
        ("background remover", "remover", "rembg"),
        ("cut out", "cut", "background removal"),
        ("start and end image", "end", "first last frame"),
        ("try on clothes", "clothes", "virtual try on"),
        ("transcribe a meeting", "transcribe", "speech to text"),
        ("fine-tune on my photos", "fine", "trainer"),
    ],
)
def test_a_task_is_found_by_what_the_catalogue_calls_it(text: str, word: str, name: str) -> None:
    assert name in others(text)[word]


def test_a_name_of_one_task_is_not_given_to_another() -> None:
    assert "background removal" not in others("background music")["background"]


@pytest.mark.parametrize(
    ("text", "conversion"),
    [
        ("turn a photo into a video", "image to video"),
        ("music from text", "text to audio"),
        ("text to speech", "text to speech"),
        ("4k image", "to image"),
    ],
)
def test_what_becomes_of_what_is_read(text: str, conversion: str) -> None:
    assert conversion in search_terms(text).conversions


def test_what_is_asked_for_instead_comes_closer_first() -> None:
    assert relaxed("make a talking head")[:2] == ("talking head", "avatar")
    assert relaxed("zebra stripes") == ("stripes", "zebra")
    assert relaxed("zebra") == ()
