"""Cleaning of upstream text: what stays as it is, and what never comes through."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fal_runtime.text import clean_text, has_control_token, one_line
from falsmith.text import clean_data, is_plain

TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|IM_START|>",
    "<\uff5cend of sentence\uff5c>",
    "[INST]",
    "[/inst]",
    "<<SYS>>",
    "<</SYS>>",
    "</s>",
    "<s>",
    "</S>",
    "<bos>",
    "<EOS>",
    "<start_of_turn>",
    "</system>",
)


@pytest.mark.parametrize(
    "text",
    [
        "A cat.",
        'He said "no" & left',
        "{{ x }} {% y %}",
        "50 % of <b>it</b>",
        "\u98de \u2264 2\xb0",
        "a|b",
    ],
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize("token", TOKENS)
def test_chat_control_tokens_go(token: str) -> None:
    assert clean_text(f"a {token}b") == "a b"


def test_a_models_own_speech_marks_are_no_control_tokens() -> None:
    for text in ("She says <S>hello<E>.", "[Verse], [Inst], [Outro]"):
        assert clean_text(text) == text


def test_a_token_that_only_a_removal_would_form_goes_too() -> None:
    assert clean_text("<|im_<|x|>end|>") == ""
    assert clean_text("[IN\u200bST]") == ""
    assert clean_text("[IN[INST]ST]") == ""


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00",
        "\x1b",
        "\x7f",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\xad",
        "\ud800",
        "\ue000",
        "\U000e0041",
        "\u034f",
        "\u3164",
        "\ufe0f",
        "\U000e0101",
        "\u2800",
        "\u115f",
        "\U00016fe4",
        "\U0001d159",
    ],
    ids=ascii,
)
def test_what_shows_as_nothing_goes(hidden: str) -> None:
    assert clean_text(f"a{hidden}b") == "ab"


@pytest.mark.parametrize(
    "nested", ["[IN" * 20_000 + "ST]" * 20_000, "<|x" * 20_000 + "|>" * 20_000]
)
def test_tokens_nested_thousands_deep_are_read_once(nested: str) -> None:
    cleaned = clean_text(nested)

    assert not has_control_token(cleaned)
    assert clean_text("[IN" * 50 + "[INST]" + "ST]" * 50) == ""


def test_every_kind_of_line_end_becomes_a_newline_and_indentation_goes() -> None:
    text = "\n    One.\r\n        Two.\u2028 Three.\x85Four.\rFive.\t\n"

    assert clean_text(text) == "One.\nTwo.\nThree.\nFour.\nFive."


def test_data_is_cleaned_in_every_text_and_in_no_name() -> None:
    value = {"a<|x|>": ["b<|x|>", {"c": "d\x00"}], "n": 2**60, "t": True, "z": None, "f": 0.5}

    assert clean_data(value) == {
        "a<|x|>": ["b", {"c": "d"}],
        "n": 2**60,
        "t": True,
        "z": None,
        "f": 0.5,
    }


def test_one_line_is_one_line() -> None:
    assert one_line("  a\n\n b\t c ") == "a b c"


def test_plain_is_what_can_be_shown_as_it_is() -> None:
    assert is_plain("a cat, 50 %")
    for text in ("a\nb", "\ufe0f", "[INST]", "a\x00", "\u202e"):
        assert not is_plain(text)


PIECES = st.sampled_from([*TOKENS, "<", "|", ">", "[", "]", "im_end", "INST", "\u200b", "\n", " "])


@given(st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join))
def test_cleaned_text_holds_nothing_hidden_and_is_clean_already(text: str) -> None:
    cleaned = clean_text(text)

    assert clean_text(cleaned) == cleaned
    for line in cleaned.split("\n"):
        assert not any(unicodedata.category(char)[0] == "C" for char in line)
        assert line == line.strip()
    assert not any(token in cleaned for token in TOKENS)
