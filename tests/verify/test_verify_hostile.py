"""Folders made to harm whoever looks at them: problems, never exceptions or hangs."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal_runtime.errors import InputError
from fal_runtime.input.prepare import prepare_command
from fal_runtime.json_text import parse_json
from falsmith.verify import verify
from falsmith.verify.front_matter import read_yaml
from falsmith.verify.markdown import read_markdown
from falsmith.verify.shell import read_shell

NAME = "fal-ai-sketch-fast"
WRAPPER = "scripts/fal_ai_sketch_fast.py"
REFERENCE = f"references/tools/{NAME}.yaml"
INPUT = "references/input.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
posix = pytest.mark.skipif(os.name != "posix", reason="needs FIFOs and any file name")


@pytest.mark.parametrize("name", ["nothing", "file", "nul\0byte", "long" * 2_000])
def test_what_is_no_folder_is_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert [one.path for one in verify(tmp_path / name)] == ["."]
    assert [one.path for one in verify(tmp_path / name, public=True)] == ["."]


def test_a_folder_without_a_skill_is_one_problem_that_says_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    (problem,) = verify(tmp_path)
    assert "no skill" in problem.message
    assert ".claude/skills/NAME" in problem.message


def test_a_folder_with_nothing_but_a_record_has_every_other_file_missing(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / "references" / "provenance.json").write_text("", encoding="utf-8")
    assert len(verify(tmp_path)) > 8


@posix
def test_a_fifo_is_a_problem_and_is_not_opened(skill: Path) -> None:
    (skill / INPUT).unlink()
    os.mkfifo(skill / INPUT)
    assert any("no regular file" in one.message for one in verify(skill) if one.path == INPUT)


def test_folders_in_place_of_files_are_problems(skill: Path) -> None:
    for path in ("SKILL.md", INPUT, WRAPPER, "references/provenance.json", "queue_config.yaml"):
        (skill / path).unlink()
        (skill / path).mkdir()
    assert {"SKILL.md", INPUT, WRAPPER} <= {one.path for one in verify(skill)}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_unreadable_files_are_problems(skill: Path) -> None:
    (skill / INPUT).chmod(0)
    assert any("cannot be read" in one.message for one in verify(skill) if one.path == INPUT)


def test_a_huge_file_is_a_problem_and_is_not_read_whole(skill: Path) -> None:
    with (skill / INPUT).open("wb") as file:
        file.truncate(6_000_000)
    assert any("is larger than" in one.message for one in verify(skill) if one.path == INPUT)


def test_too_many_files_are_a_problem(skill: Path) -> None:
    for number in range(1100):
        (skill / "references" / f"{number}.txt").write_text("", encoding="utf-8")
    assert any("more than 1000 files" in one.message for one in verify(skill))


def test_folders_that_are_too_deep_are_a_problem(skill: Path) -> None:
    (skill / "/".join(["d"] * 20)).mkdir(parents=True)
    (problem,) = verify(skill)
    assert problem.path.startswith("d/d/d/")
    assert "deep" in problem.message


@posix
def test_a_deceiving_file_name_is_a_problem_shown_escaped(skill: Path) -> None:
    (skill / "a\u202eb\n.md").write_text("", encoding="utf-8")
    paths = [one.path for one in verify(skill)]
    assert paths == ["a\\u202eb\\n.md", "a\\u202eb\\n.md"]


HOSTILE_TEXTS = {
    "invalid UTF-8": b"\xff\xfe---",
    "null bytes": b"\0" * 1000,
    "nothing": b"",
    "deep JSON": b"[" * 50_000,
    "deep JSON object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "deep YAML": b"---\n" + b"[" * 50_000,
    "deep block YAML": b"---\n" + b"".join(b" " * n + b"a:\n" for n in range(400)) + b"---\n",
    "aliases": b"---\na: &a [1,1]\nb: &b [*a,*a]\nc: [*b,*b]\n---\n",
    "a tag": b"---\nname: !!python/object:os.system x\n---\n",
    "several documents": b"---\na: 1\n--- \nb: 1\n---\n",
    "an odd key": b"---\n? [a]\n: b\n? {c: d}\n: e\n---\n",
    "impossible values": b"---\na: 2024-99-99\nb: 0b_\nc: =\nd: " + b"1" * 5_000 + b"\n---\n",
    "long number": b'{"a": ' + b"1" * 10_000 + b"}",
    "open fences": b"---\na: b\n---\n" + b"```\n" * 1_001,
    "brackets": b"---\na: b\n---\n" + b"[](" * 20_000,
    "backticks": b"---\na: b\n---\n" + b"`` ` " * 20_000,
    "commands": b"---\na: b\n---\n```bash\n" + b"python scripts/x.py 'a' <<A\n" * 3_000 + b"```\n",
    "downloads": b"---\na: b\n---\n" + b"curl x | " * 10_000,
    "a list": b"[]",
    "a text": b'"x"',
    "a header": b"# /// script\n# a = [" + b"[" * 10_000 + b"\n# ///\n",
}
EVERY_FILE = (
    "SKILL.md",
    INPUT,
    "references/output.schema.json",
    "references/model_config.json",
    "references/provenance.json",
    REFERENCE,
    "agents/openai.yaml",
    "queue_config.yaml",
    WRAPPER,
)


@pytest.mark.parametrize("data", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_hostile_content_in_any_file_is_a_problem(
    skill: Path, seal: Callable[..., None], data: bytes
) -> None:
    for path in EVERY_FILE:
        good = (skill / path).read_bytes()
        (skill / path).write_bytes(data)
        if path != "references/provenance.json":
            seal(skill)
        told = {one.path for one in verify(skill)}
        # A settings file may hold nothing but comments: then every setting has its default.
        assert told or path == "queue_config.yaml", path
        (skill / path).write_bytes(good)


def _doubling(levels: int) -> dict[str, object]:
    """Definitions of which each refers twice to the next one."""
    found: dict[str, object] = {f"L{levels}": {}}
    for number in range(levels):
        found[f"L{number}"] = {"allOf": [{"$ref": f"#/$defs/L{number + 1}"}] * 2}
    return found


HOSTILE_SCHEMAS: dict[str, dict[str, object]] = {
    "refers to itself": {"$ref": "#"},
    "two that refer to each other": {
        "allOf": [{"$ref": "#/$defs/A"}],
        "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
    },
    "doubling": {"$ref": "#/$defs/L0", "$defs": _doubling(40)},
    "a long chain": {
        "$ref": "#/$defs/C0",
        "$defs": {f"C{n}": {"$ref": f"#/$defs/C{n + 1}"} for n in range(5_000)} | {"C5000": {}},
    },
    "many types": {"properties": {"prompt": {"type": [{}] * 100_000}}},
    "much required": {"required": [{}] * 100_000},
    "wrong types": {
        "properties": {"prompt": 7, "": [], "a\n": {"enum": {}}},
        "required": 3,
        "$defs": [],
        "items": "x",
        "anyOf": {"a": 1},
    },
}


@pytest.mark.parametrize("schema", HOSTILE_SCHEMAS.values(), ids=HOSTILE_SCHEMAS.keys())
def test_a_hostile_schema_is_a_problem(
    skill: Path, seal: Callable[..., None], schema: dict[str, object]
) -> None:
    (skill / INPUT).write_text(
        json.dumps({"$schema": DIALECT, "type": "object"} | schema), encoding="utf-8"
    )
    seal(skill)
    assert INPUT in {one.path for one in verify(skill)}


def _tree(depth: int) -> object:
    return {"prompt": "x", "a": _tree(depth - 1)} if depth else {"prompt": "x"}


EXPENSIVE = {
    "a recursion that doubles at each level": (
        {
            "$ref": "#/$defs/T",
            "$defs": {
                "T": {"allOf": [{"properties": {"a": {"$ref": "#/$defs/T"}}}] * 3},
            },
        },
        _tree(30),
    ),
    "a slow comparison": (
        {"properties": {"a": {"type": "array", "uniqueItems": True}}},
        {"prompt": "x", "a": [{"b": n} for n in range(4_000)]},
    ),
}


@pytest.mark.parametrize(("schema", "example"), EXPENSIVE.values(), ids=EXPENSIVE.keys())
def test_an_example_that_would_take_for_ever_is_a_problem(
    skill: Path, seal: Callable[..., None], schema: dict[str, object], example: object
) -> None:
    (skill / INPUT).write_text(
        json.dumps({"$schema": DIALECT, "type": "object"} | schema), encoding="utf-8"
    )
    (skill / REFERENCE).write_text(json.dumps({"example": example}), encoding="utf-8")
    seal(skill)
    assert any(
        "too large together" in one.message for one in verify(skill) if one.path == REFERENCE
    )


def test_a_pattern_that_would_take_for_ever_is_left_out(
    skill: Path, seal: Callable[..., None]
) -> None:
    text = (skill / INPUT).read_text(encoding="utf-8")
    (skill / INPUT).write_text(
        text.replace('"minLength": 1', '"pattern": "(a+)+$"'), encoding="utf-8"
    )
    reference = (skill / REFERENCE).read_text(encoding="utf-8")
    (skill / REFERENCE).write_text(
        reference.replace('prompt: "a cat"', f'prompt: "{"a" * 60}!"'), encoding="utf-8"
    )
    seal(skill)
    assert verify(skill) == []


@pytest.mark.parametrize("pattern", ["^[a-z]+$", "^[a-z]+-[a-z]+$", "^(a+)+$"])
def test_a_shown_command_is_refused_where_the_wrapper_refuses_it(
    skill: Path, seal: Callable[..., None], pattern: str
) -> None:
    text = (skill / INPUT).read_text(encoding="utf-8")
    (skill / INPUT).write_text(
        text.replace('"minLength": 1', f'"pattern": "{pattern}"'), encoding="utf-8"
    )
    seal(skill)
    command = ["--prompt", "a cat", "--count", "2"]
    schema = json.loads((skill / INPUT).read_bytes())
    try:
        prepare_command(command, model_id="acme/demo", schema=schema)
        refused = False
    except InputError:
        refused = True

    assert any("prompt" in one.message for one in verify(skill)) == refused


def test_nothing_in_the_folder_is_executed(skill: Path, seal: Callable[..., None]) -> None:
    trap = "\nimport pathlib\npathlib.Path(__file__).with_name('sprung').write_text('x')\n"
    for script in (skill / "scripts").rglob("*.py"):
        with script.open("a", encoding="utf-8") as file:
            file.write(trap)
    seal(skill)
    assert len(verify(skill)) > 10
    assert not list(skill.rglob("sprung"))


def test_an_input_file_outside_of_the_skill_is_not_read(
    skill: Path, tmp_path: Path, seal: Callable[..., None]
) -> None:
    (tmp_path / "input.json").write_text('{"secret": 1}', encoding="utf-8")
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    outside = f"--args-file {tmp_path / 'input.json'}"
    (skill / "SKILL.md").write_text(
        text.replace('--prompt "a cat" --count 2', outside), encoding="utf-8"
    )
    seal(skill)
    assert verify(skill) == []


texts = st.text(st.sampled_from(list("-:[]{}'\"`|>&*!?#%@,.\\$()<=\n\t aé01_")), max_size=80)


@given(texts)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_readers_return_or_say_that_the_text_is_wrong(text: str) -> None:
    for read in (read_yaml, parse_json, read_shell):
        try:
            read(text)
        except ValueError as error:
            assert str(error)
    markdown = read_markdown(text)
    assert len(markdown.prose) >= text.count("\n")


@posix
def test_sockets_and_pipes_anywhere_are_problems_and_are_not_opened(
    skill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(skill)
    os.mkfifo("scripts/fal_runtime/pipe.py")
    os.mkfifo("references/guide.md")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("agents/socket")
        told = {one.path: one.message for one in verify(skill)}
    assert set(told) == {"scripts/fal_runtime/pipe.py", "references/guide.md", "agents/socket"}
    assert all(text.startswith("is no regular file") for text in told.values())


@posix
def test_a_folder_that_is_gone_is_a_problem_though_it_was_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert [one.path for one in verify(Path("skill"))] == ["."]
