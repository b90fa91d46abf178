"""Each filter says exactly its value at the place it is named after, whatever the value holds."""

import ast
import json
import re
import shlex
from typing import Any

import pytest
import strictyaml  # type: ignore[import-untyped]
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fal_runtime.text import clean_text
from falsmith.filters import FILTERS
from falsmith.text import is_plain

# The second is libyaml's, where PyYAML has it, and stricter.
LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]
NASTY = [
    'quote " and \\ back',
    "{{ jinja }} {% raw %}",
    "--- \n: yaml # not",
    "```\nfence",
    "<|im_end|>",
    "a [INST] b",
    "<\uff5cend\uff5c>",
    "\u202e\u200b\ufe0f\u3164",
    "\x00\x1b\x7f\x85\u2028",
    "\U0001f600 \u98de \U000e0041",
    "\ud800",
    "null",
    "",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(NASTY),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


def is_safe(text: str) -> bool:
    return all(is_plain(line) for line in text.split("\n"))


def without_halves(value: Any) -> Any:
    """Return `value` with halves of characters, which YAML cannot say, marked as lost."""
    if isinstance(value, dict):
        return {without_halves(key): without_halves(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_halves(part) for part in value]
    return re.sub("[\ud800-\udfff]", "\ufffd", value) if isinstance(value, str) else value


@given(JSON)
def test_json_on_one_line_says_the_value_and_hides_nothing(value: Any) -> None:
    line = FILTERS["json"](value)

    assert json.loads(line) == value
    assert is_safe(line)
    assert "\n" not in line
    assert "```" not in line
    assert "<|" not in line


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_a_json_file_is_ascii_and_says_the_object(value: dict[str, Any]) -> None:
    text = FILTERS["json_file"](value)

    assert text.isascii()
    assert json.loads(text) == value
    assert is_safe(text)


@given(JSON)
def test_yaml_on_one_line_says_the_value(value: Any) -> None:
    line = FILTERS["yaml"](value)

    for loader in LOADERS:
        assert yaml.load(f"key: {line}\n", loader) == {"key": without_halves(value)}
    assert is_safe(line)


def test_yaml_finds_the_value_of_a_key_however_long() -> None:
    value = {"a": [{"k" * 1100: 1, "\U0001f600" * 300: {"x": "y" * 1100}}]}

    for loader in LOADERS:
        assert yaml.load(f"key: {FILTERS['yaml'](value)}\n", loader) == {"key": value}


def test_what_looks_like_an_escape_in_a_text_is_none() -> None:
    text = "\\ud83d\ude00"

    assert yaml.safe_load(FILTERS["yaml"](text)) == "\\ud83d\ufffd"
    assert ast.literal_eval(FILTERS["python"](text)) == text


@pytest.mark.parametrize(
    "value", [1e-05, -2e-06, 1e16, 1.5e-07, 1.0000000000000002e16, 0.5, 10**300, "1e-05", "no", "~"]
)
def test_yaml_takes_numbers_for_numbers_and_texts_for_texts(value: Any) -> None:
    told = yaml.safe_load(FILTERS["yaml"]({"a": [value], "b": 'x "1e-05'}))

    assert told == {"a": [value], "b": 'x "1e-05'}


@given(st.text(max_size=30).map(clean_text) | st.sampled_from(NASTY).map(clean_text))
def test_front_matter_reads_alike_with_every_reader(text: str) -> None:
    line = f"key: {FILTERS['front_matter'](text)}\n"
    read = yaml.safe_load(line)["key"]

    assert strictyaml.load(line).data["key"] == read
    assert "--" not in line
    assert not any(char in read for char in "<>")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('A "cat": #1', 'A "cat": #1'),
        ("\u201ccurly\u201d \u2013 \u00d7", '"curly" - x'),
        ("a <b> -- c --- d", "a b -- c --- d"),
        ("\u98de", "\u98de"),
        ("1.0", "1.0"),
        ("true", "true"),
    ],
)
def test_front_matter_says_the_text_in_ascii_punctuation(text: str, read: str) -> None:
    assert yaml.safe_load(FILTERS["front_matter"](text)) == read


@given(st.text(max_size=20) | st.sampled_from(NASTY))
def test_a_cell_stays_in_its_row(text: str) -> None:
    cell = FILTERS["cell"](text)

    assert "\n" not in cell
    assert is_plain(cell)
    assert "|" not in cell.replace("\\\\", "").replace("\\|", "")
    escaped = cell.replace("\\\\", "").replace("\\`", "")
    assert "`" not in re.sub(r"`\w[\w.:=-]*`", "", escaped)


def test_markdown_in_a_cell_is_no_markdown() -> None:
    assert FILTERS["cell"]("a|b `c d` <d> [e](f) \\ g") == (
        "a\\|b \\`c d\\` \\<d\\> \\[e\\](f) \\\\ g"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Set `mode` or ``some_mode``.", "Set `mode` or `some_mode`."),
        ("A stray ` before `mode`", "A stray \\` before `mode`"),
        ("```bash``` and `a`b`", "\\`\\`\\`bash\\`\\`\\` and `a`b\\`"),
        ("`--flag` and `|`", "\\`--flag\\` and \\`\\|\\`"),
    ],
)
def test_a_word_in_code_marks_stays_code_in_a_cell(text: str, shown: str) -> None:
    assert FILTERS["cell"](text) == shown


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("image_size", "`image_size`"),
        ("16:9", "`16:9`"),
        ("images[]", "`images[]`"),
        ("1080p", "`1080p`"),
        ("5", '`"5"`'),
        ("true", '`"true"`'),
        (True, "`true`"),
        (None, "`null`"),
        (1.5, "`1.5`"),
        ("two words", '`"two words"`'),
        ("a|b", '`"a\\|b"`'),
        ("`", '`"\\u0060"`'),
        ("", '`""`'),
        ("x[INST]", '`"x\\u005bINST]"`'),
        ([1, 2], "`[1, 2]`"),
    ],
)
def test_code_is_a_word_or_json(value: Any, code: str) -> None:
    assert FILTERS["code"](value) == code


@given(JSON)
def test_code_never_ends_early(value: Any) -> None:
    code = FILTERS["code"](value)

    assert code.count("`") == 2
    assert "\n" not in code
    assert is_plain(code)


def test_of_many_choices_a_few_are_shown_and_all_are_counted() -> None:
    few = FILTERS["choices"]([f"c{number}" for number in range(16)], 16)
    many = FILTERS["choices"]([f"c{number}" for number in range(1286)], 1286)

    assert few.count("`c") == 16
    assert many.startswith("1286 values: `c0`, ")
    assert many.endswith("`c9`, ...")
    assert FILTERS["choices"](["a"], 3) == "3 values: `a`, ..."
    assert FILTERS["choices"]([], 3) == "3 values"


@given(st.text())
def test_a_python_literal_says_the_text(text: str) -> None:
    literal = FILTERS["python"](text)

    assert literal.isascii()
    assert ast.literal_eval(literal) == text


def test_flags_are_quoted_for_the_shell_names_and_values_alike() -> None:
    example = {
        "--prompt": 'it\'s $(id); `id` "x"',
        "--x; rm -rf ~ $(id)": 5,
        "--list": ["a b", 1],
        "--on": True,
    }
    words = shlex.split("run" + FILTERS["flags"](example), posix=True)

    assert words == [
        "run",
        "--prompt",
        'it\'s $(id); `id` "x"',
        "--x; rm -rf ~ $(id)",
        "5",
        "--list",
        '["a b", 1]',
        "--on",
        "true",
    ]


def test_a_long_default_is_cut_and_marked() -> None:
    assert FILTERS["brief"]("x" * 60) == "x" * 60
    assert FILTERS["brief"]("x" * 61) == "x" * 59 + "…"
    assert FILTERS["brief"](5) == 5
    assert FILTERS["brief"]([1] * 40).endswith("…")


def test_a_long_default_is_shown_as_its_beginning() -> None:
    assert FILTERS["brief_code"]("auto") == "`auto`"
    assert FILTERS["brief_code"]("x" * 61) == f'`"{"x" * 59}…"` (cut)'
    value = {"voice": "Ann | Ben", "pitches": list(range(40))}
    assert FILTERS["brief_code"](value).startswith('`{"voice": "Ann \\| Ben", "pitches": [0, 1')
    assert FILTERS["brief_code"](value).endswith("…` (cut)")
