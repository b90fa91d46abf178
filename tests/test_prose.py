"""Which sentences of a description are kept, and what a shortened one shows of that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falsmith.prose import SENTENCE_LIMIT, binds, condense, conditions, remarks, sentences
from falsmith.text import CUT

# In the manner of real descriptions, by what they bind the caller to.
BINDING = {
    "an obligation": "The clip must show a single speaker.",
    "a requirement": "Required for the linear mode.",
    "a requirement on another field": "Either a picture or a scene text has to be given, not both.",
    "a need": "Turning this on needs a texture as well.",
    "a prohibition": "Cannot be combined with a start frame.",
    "a prohibition in short": "Won't work with vector styles.",
    "a restriction": "English only.",
    "a condition": "If no caption is provided, the run will fail.",
    "a condition on a switch": "Ignored when turbo mode is enabled.",
    "a condition in code marks": "Taken into account if `rigging` is true.",
    "a precedence": "This takes precedence over the duration.",
    "no effect": "It has no effect on still pictures.",
    "a single choice": "One of (draft, final).",
    "an upper bound": "Up to three pictures.",
    "a lower bound": "At least one of width or height.",
    "a range": "Works best from 2 to 10 seconds.",
    "a bound in signs": "Sides of >= 64.",
    "a multiple": "Both sides in multiples of 32.",
    "a size of a file": "The file may have 5MB.",
    "a size in pixels": "Each side has 128px.",
    "a count of characters": "It holds 500 characters.",
    "a format": "WAV, MP3 and FLAC.",
    "a format in quotes": "Pick 'png' where it matters.",
    "the form of a value": "Can be an RGB tuple or a colour's name.",
    "a special value": "Use -1 for a new one each time.",
    "the sense of a zero": "A value of 0 keeps it as it is.",
    "the sense of a word": "If 'auto', the size is that of the input.",
    "the sense of a number": "Channels (1=mono).",
    "the order of inputs": "The first image is the person.",
    "a way to write": "Names in uppercase.",
    "the sense of a value": "0.5 keeps half of it.",
    "an empty value": "An empty string gives an instrumental piece.",
    "a way to refer to inputs": "Name the second picture @Image2.",
    "a tag in a text": "Mark parts with [verse] and [bridge].",
    "a sound in a text": "Add <laugh> where it fits.",
    "the sense of a mask": "White areas are painted anew.",
    "where a value comes from": "Voices are made at https://fal.ai/models/example/voice.",
    "a loss": "The source is permanently deleted afterwards.",
    "a change of the input": "Pictures of another shape are cropped.",
    "a price": "4K bills at double the rate.",
    "a price in words": "Charged by the token.",
    "a price in credits": "Textures take 10 credits more.",
    "a multiplier": "Dynamic styles (2x).",
    "what happens by default": "Defaults to the size of the input.",
    "what happens without": "Leave blank to let it choose.",
    "what happens to a medium": "The longer side caps what is taken from the clip.",
    "what wins over a choice": "It is translated regardless of the language.",
    "what comes of a choice": "Then none will produce a single chunk.",
    "the place of a file": "A repository of weights.",
    "a choice of another field": "That holds when turbo_mode is quick.",
    "a way to mark": "Camera moves can be put into square brackets.",
    "the unit of a number": "Where it begins, in milliseconds.",
    "what a number counts": "The picks multiplied by the turns.",
    "a factor": "It has ~16× the faces.",
    "a sign of one's own": "You can use a double hash for a pause.",
    "words for a text": "Write these tokens in your prompts.",
    "another script": "最大で三枚まで使えます。",
}
FREE = (
    "Higher values give more contrast.",
    "A gentle breeze moves the curtains.",
    "Controls how closely the picture follows the text.",
    "The style of the generated track.",
    "Classifier-free guidance scale.",
    "Un café très agréable.",
    "Defaults to null.",
)


@pytest.mark.parametrize("sentence", BINDING.values(), ids=BINDING)
def test_a_sentence_that_binds_is_known_as_such(sentence: str) -> None:
    assert binds(sentence)


@pytest.mark.parametrize("sentence", FREE)
def test_a_sentence_that_only_explains_does_not_bind(sentence: str) -> None:
    assert not binds(sentence)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Sizes, e.g. 4K. Then more.", ["Sizes, e.g. 4K.", "Then more."]),
        ("Steps of 0.5 only. Use Sync.so there.", ["Steps of 0.5 only.", "Use Sync.so there."]),
        ('It says "stop." Then it ends.', ['It says "stop."', "Then it ends."]),
        ("A line that\nwas broken.\n\nAnother.", ["A line that was broken.", "Another."]),
        ("Modes:\n- fast: 1 s\n- slow: 9 s", ["Modes:", "fast: 1 s", "slow: 9 s"]),
        ("1. First step\n2. Second step", ["1. First step", "2. Second step"]),
        ("一つ目です。二つ目です。", ["一つ目です。", "二つ目です。"]),
        ("A voice. ann: low. ben: high.", ["A voice.", "ann: low.", "ben: high."]),
        ("no full stop at all", ["no full stop at all"]),
        ("   \n \n", []),
    ],
)
def test_a_description_is_read_sentence_by_sentence(text: str, expected: list[str]) -> None:
    assert list(sentences(text)) == expected


def test_the_first_sentence_and_all_that_bind_are_kept_in_order() -> None:
    text = "The clip. It sways gently. It must have a face. It glows. At most 30 seconds."
    assert condense(text, 9) == f"The clip. It must have a face. At most 30 seconds. {CUT}"


def test_what_ends_without_a_mark_is_told_apart_from_what_follows() -> None:
    assert condense("The clip\n\nMax 5MB\n- At most 3", 99) == "The clip; Max 5MB; At most 3"
    assert condense("Modes:\n\nOnly one.\n\nMax 5MB", 99) == "Modes: Only one. Max 5MB"


def test_without_room_only_what_binds_is_kept() -> None:
    assert condense("The clip. It must have a face.", 0) == f"It must have a face. {CUT}"
    assert condense("The clip. It glows.", 0) == ""


def test_others_follow_while_there_is_room() -> None:
    assert condense("The clip. It sways. It glows.", 20) == f"The clip. It sways. {CUT}"
    assert condense("The clip. It glows all night. So does it.", 20) == f"The clip. {CUT}"
    assert condense("The clip. It sways. It glows.", 200) == "The clip. It sways. It glows."


@pytest.mark.parametrize("word", ["must", "sways"], ids=["binding", "free"])
def test_a_sentence_that_is_cut_says_so(word: str) -> None:
    shown = condense(f"It {word} " + "hold " * 200 + "on.", 100)
    assert SENTENCE_LIMIT - 10 < len(shown) <= SENTENCE_LIMIT
    assert shown.endswith(CUT)


def test_a_first_sentence_that_repeats_the_name_gives_its_room_to_the_next() -> None:
    text = "Whether to use turbo mode. Skips half of the frames. So it is done."
    assert condense(text, 30, "turbo_mode") == f"Skips half of the frames. {CUT}"
    assert condense(text, 30, "speed") == f"Whether to use turbo mode. {CUT}"
    text = "The turbo mode to use. This skips half of the frames. So it is done."
    assert condense(text, 30, "turbo_mode") == text.replace("So it is done.", CUT)


def test_the_markup_of_other_pages_goes_and_their_pointers_too() -> None:
    assert (
        condense("Sides **must be even**, see ``mode``.", 99) == "Sides must be even, see `mode`."
    )
    assert condense("The base style, this topic is covered above.", 99) == "The base style."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Input model of an effect. Give a clip instead of a picture to go on with it.",
            "Give a clip instead of a picture to go on with it.",
        ),
        ("Input for text-to-video 2.7 generation.", ""),
        ("A gentle effect.", ""),
    ],
)
def test_of_a_whole_input_what_binds_is_told_and_not_what_it_calls_itself(
    text: str, told: str
) -> None:
    assert remarks(text) == told


def test_one_word_of_ten_thousand_characters_is_cut() -> None:
    assert len(condense("あ" * 10_000, 100)) == SENTENCE_LIMIT


def test_of_nothing_nothing_is_kept() -> None:
    assert condense(" \n ", 100) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "The shape in GLB format. Only there when rigging is on.",
            "Only there when rigging is on.",
        ),
        ("None if nothing was found.", "None if nothing was found."),
        ("The picture in PNG format, 512px wide.", ""),
        ("1 for finished, 0 for not.", "1 for finished, 0 for not."),
        ("Languages that were heard. Defaults to null.", ""),
    ],
)
def test_of_a_value_of_the_answer_it_is_told_when_it_is_there(text: str, told: str) -> None:
    assert conditions(text) == told


@given(st.text(), st.integers(0, 200))
def test_whatever_is_kept_stands_on_one_line_and_what_is_cut_says_so(text: str, room: int) -> None:
    shown = condense(text, room)

    assert shown == " ".join(shown.split())
    whole = [one for one in sentences(text) if one.rstrip(";") not in shown]
    assert shown == "" or not whole or shown.endswith(CUT)
