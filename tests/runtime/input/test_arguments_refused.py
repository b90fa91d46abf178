"""What a command line cannot mean is refused, clearly, before anything is sent."""

import os
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import FalError, InputError, UsageError
from fal_runtime.input.prepare import check_input, prepare_command
from fal_runtime.schema.document import SchemaDocument

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "seed": {"type": "integer"},
        "strength": {"type": "number"},
        "safe": {"type": "boolean"},
        "loras": {"type": "array", "items": {"type": "object"}},
        "extra": {},
    },
}


def refusal(*argv: str) -> FalError:
    with pytest.raises(FalError) as caught:
        prepare_command(argv, model_id="acme/demo", schema=SCHEMA)
    return caught.value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"prompt": "a",\n "seed": nope}', "line 2, column 10"),
        ("{'prompt': 1}", "double quotes"),
        ('{"seed": 1, "seed": 2}', '"seed" stands twice'),
        ('{"seed": NaN}', "NaN"),
        ('{"strength": 1e999}', "too large"),
        ('["prompt"]', "must be a JSON object"),
        ("[" * 100_000, "levels deep"),
        ('{"extra": ' + "[" * 70 + "]" * 70 + "}", "levels deep"),
        ('{"seed": ' + "9" * 5000 + "}", "5,000 digits"),
        ('{"prompt": "\\ud800"}', "surrogate"),
    ],
)
def test_json_that_cannot_be_sent_is_refused_and_says_where(text: str, shown: str) -> None:
    error = refusal("--args", text)
    assert isinstance(error, InputError)
    assert shown in str(error)


def test_broken_json_is_shown_with_a_caret_under_the_place() -> None:
    lines = str(refusal("--args", '{"prompt": "a", "seed": nope}')).splitlines()
    assert lines[1][lines[2].index("^") :].startswith("nope")


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": 1\n', '{\n"a": 1 \n\n'])
def test_json_that_is_cut_off_is_shown_where_it_ends(text: str) -> None:
    told, shown, caret = str(refusal("--args", text)).splitlines()
    assert (
        f"cut off: Expecting ',' delimiter at line {text.strip().count(chr(10)) + 1}, column"
        in told
    )
    assert shown[: caret.index("^")] == shown
    assert shown.endswith('"a": 1')


@pytest.mark.parametrize(
    "argv",
    [
        ["--set", "seed"],
        ["--set", "=1"],
        ["--set", "a..b=1"],
        ["--prompt"],
        ["--prompt", "--seed", "1"],
        ["--no-safe=1"],
        ["stray"],
        ["--wait", "nan"],
        ["--wait", "-1"],
        ["--poll-interval", "0"],
        ["--max-polls", "1.5"],
        ["--start-timeout", "1"],
        ["--priority", "high"],
        ["--print", "text"],
        ["--output-file", "../a.png"],
        ["--output-file", "/a.png"],
        ["--output-file", "C:\\a.png"],
        ["--output-file", "folder/"],
        ["--status", ""],
    ],
)
def test_options_that_cannot_be_read_are_bad_usage(argv: list[str]) -> None:
    assert isinstance(refusal(*argv), UsageError)


def test_set_refuses_a_place_that_is_not_there() -> None:
    for assignment in ("loras.3.path=x", "loras.x.path=y", "prompt.a=1"):
        error = refusal("--args", '{"loras": [], "prompt": "x"}', "--set", assignment)
        assert error.code == "invalid_input"
        assert "--set" in str(error)


def test_options_and_fields_are_never_abbreviated() -> None:
    for flag, closest in (("--promp", "prompt"), ("--dry-ru", "--dry-run")):
        assert [each.closest for each in refusal(flag, "x").problems] == [closest]


def test_a_second_word_is_led_to_quotes_and_to_the_option_once_more() -> None:
    for argv in (["--prompt", "a", "fox"], ["--loras", "{}", "fox"]):
        told = str(refusal(*argv))
        assert "'fox'" in told
        assert "quote one with blanks, and repeat the option for each item of a list" in told


def test_an_unknown_flag_is_not_repeated_with_its_value() -> None:
    error = refusal("--secret-key=abc123", "--other", "xyz789")
    assert "abc123" not in str(error.as_json())
    assert "xyz789" not in str(error.as_json())


def test_a_field_given_twice_takes_one_value() -> None:
    assert refusal("--prompt", "a", "--prompt", "b").problems[0].path == "prompt"
    (problem,) = refusal("--seed", "1", "--seed", "2").problems
    assert problem.got == "2 values"
    assert "one value" in problem.expected


def test_an_args_file_is_a_regular_file_of_bounded_size(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    assert "33,554,432 bytes" in str(refusal("--args-file", str(large)))
    for place in (os.devnull, str(tmp_path)):
        error = refusal("--args-file", place)
        assert error.code == "file_missing"
        assert "no regular file" in str(error)


def test_a_device_or_a_folder_is_no_file_to_upload(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "x-file": "audio"}}}
    for place, told in ((os.devnull, "is no regular file"), (str(tmp_path), "is a folder")):
        with pytest.raises(InputError) as caught:
            check_input({"a": place}, SchemaDocument(schema))
        assert caught.value.problems[0].expected.endswith(f"machine; {place} {told}")
        assert caught.value.problems[0].expected.count("machine") == 1


def test_a_folder_for_an_archive_is_led_to_a_zip(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "x-file": "archive"}}}
    with pytest.raises(InputError) as caught:
        check_input({"a": str(tmp_path)}, SchemaDocument(schema))
    assert "is a folder: pack its files into a zip" in caught.value.problems[0].expected


@pytest.mark.parametrize(
    "bad",
    [float("nan"), {1: 2}, Path("x"), (1, 2), 10**5000],
    ids=["nan", "number as name", "path", "tuple", "5,000 digits"],
)
def test_a_python_value_that_json_cannot_say_is_refused(bad: object) -> None:
    with pytest.raises(InputError) as caught:
        check_input({"extra": bad}, SchemaDocument(SCHEMA))
    assert caught.value.problems[0].path == "extra"


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("image", "a.PNG a.gif a.bin a", "a.mp3 a.mp4 a.glb a.zip a.txt"),
        ("video", "a.mp4 a.gif a.mp3", "a.png a.glb a.zip a.json"),
        ("audio", "a.wav a.mp4 a.webm a.raw", "a.png a.glb a.zip"),
        ("3d", "a.glb a.zip", "a.png a.mp3 a.mp4"),
        ("file", "a.png a.zip a.mp3", ""),
    ],
)
def test_a_local_file_of_an_obviously_wrong_kind_is_refused(kind: str, good: str, bad: str) -> None:
    field = {"type": "string", "x-file": kind}
    document = SchemaDocument({"type": "object", "properties": {"a": field}})
    for name in good.split():
        assert check_input({"a": name}, document, check_files=False).local_files
    for name in bad.split():
        assert check_input({"a": f"https://x.test/{name}"}, document).local_files == ()
        with pytest.raises(InputError, match=f"a file of kind {kind}"):
            check_input({"a": name}, document, check_files=False)


@pytest.mark.parametrize(
    ("kind", "content", "sent"),
    [
        ("image", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", False),
        ("audio", "NAME=\u00e9t\u00e9\n".encode(), False),
        ("image", b"\x89PNG\r\n\x1a\n\0\0", True),
        ("video", b"\xff\xd8\xfe", True),
        ("file", b"NAME=summer\n", True),
    ],
)
def test_a_text_without_a_known_ending_is_no_picture_film_or_sound(
    kind: str, content: bytes, sent: bool, tmp_path: Path
) -> None:
    field = {"type": "string", "x-file": kind}
    document = SchemaDocument({"type": "object", "properties": {"a": field}})
    (tmp_path / "id_rsa").write_bytes(content)
    value = {"a": str(tmp_path / "id_rsa")}
    if sent:
        assert check_input(value, document).local_files
    else:
        with pytest.raises(InputError, match=f"a file of kind {kind}; id_rsa is a text"):
            check_input(value, document)


def test_a_file_is_good_where_one_of_a_fields_kinds_takes_it() -> None:
    kinds = [{"type": "string", "x-file": kind} for kind in ("image", "video")]
    document = SchemaDocument({"type": "object", "properties": {"a": {"anyOf": kinds}}})
    assert check_input({"a": "a.mp4"}, document, check_files=False).local_files


@pytest.mark.parametrize(
    "argv",
    [
        ["--poll-interval", "1e-310"],
        ["--poll-interval", "1e308"],
        ["--wait", "1e308"],
        ["--start-timeout", "1e308"],
        ["--max-polls", "999999999"],
    ],
)
def test_a_time_that_no_clock_shows_is_bad_usage(argv: list[str]) -> None:
    assert isinstance(refusal(*argv, "--prompt", "x"), UsageError)
