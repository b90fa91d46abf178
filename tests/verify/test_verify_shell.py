"""Shell text as examples use it."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from falsmith.verify.shell import read_shell


def test_words_quotes_continuations_and_comments() -> None:
    text = '# first\npython x.py --a \'b c\' \\\n  --d "e\\"f" g\\ h # end\n\nuv run y.py; z\n'
    commands = read_shell(text)
    assert [(one.line, one.words) for one in commands] == [
        (2, ["python", "x.py", "--a", "b c", "--d", 'e"f', "g h"]),
        (5, ["uv", "run", "y.py"]),
        (5, ["z"]),
    ]
    assert not any(one.expands for one in commands)


def test_here_documents_belong_to_their_command_and_lines_go_on_after_them() -> None:
    text = "a --f - <<'E' > out.json\n{\"x\": \"$y\"}\nE\nb <<< 'text'\nc 2>&1 | d\n"
    first, second, *rest = read_shell(text)
    assert (first.words, first.stdin, first.expands) == (["a", "--f", "-"], '{"x": "$y"}\n', False)
    assert (second.line, second.stdin) == (4, "text\n")
    assert [one.words for one in rest] == [["c"], ["d"]]


@pytest.mark.parametrize("text", ['a "$x"', 'a "`x`"', "a $x", "a b*", "a <<E\n$x\nE", "a {b,c}"])
def test_what_the_shell_would_replace_is_reported(text: str) -> None:
    assert read_shell(text)[0].expands


@pytest.mark.parametrize("text", ["a 'b", 'a "b', "a <<'E'\nb\n", "a \\"])
def test_what_is_left_open_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_shell(text)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1))
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    (command,) = read_shell(shlex.join(words))
    assert command.words == words
    assert not command.expands
