"""The creator skill: the rules for every skill, and its own in place of those of a model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.cli.generate import generate
from falsmith.verify import verify

SCRIPT = "scripts/generate_fal_skill.py"
CALL = "scripts/fal_api_call.py"
PROVENANCE = "references/provenance.json"
SHOWN = "--output .. --lazy"


def test_a_good_creator_skill_has_no_problem(creator: Path) -> None:
    assert verify(creator, generate=generate) == []
    assert verify(creator, public=True, generate=generate) == []


CASES: list[tuple[str, str, str, str]] = [
    ("SKILL.md", SHOWN, "--outptu ..", "No such option"),
    ("SKILL.md", SHOWN, "--output", "requires an argument"),
    ("SKILL.md", SHOWN, "fal-ai/whisper", "unexpected extra argument"),
    ("SKILL.md", SHOWN, "--lazy=7", "does not take a value"),
    ("SKILL.md", SHOWN, "--name $NAME", "the shell would replace"),
    ("SKILL.md", SCRIPT, "scripts/generate.py", "is not there"),
    ("SKILL.md", "-m fal-ai/flux/schnell --args", "--args", "--model-id is missing"),
    ("SKILL.md", "--args-file - <<", "--args-fiel - <<", "args-fiel"),
    ("SKILL.md", '{"prompt": "a cat"}', '{"prompt": a cat}', "not valid JSON"),
    ("SKILL.md", " <<'JSON'\n", "\n", "it reads standard input"),
    ("SKILL.md", 'name: "fal-skill-creator"', 'name: "creator"', "not the name of the folder"),
    ("SKILL.md", "# Creator", "[x](references/none.md)", "a file that is not there"),
    ("agents/openai.yaml", "$fal-skill-creator", "it", "must name the skill"),
    (SCRIPT, '"click>=8.1,<9"', '"falsmith>=0.1,<1"', "is not what falsmith"),
    (CALL, "platformdirs>=4.2,<5", "click>=8.1,<9", "is not what falsmith"),
    ("scripts/falsmith/__init__.py", "__version__", "os.system('ls')\n__version__", "os.system"),
    ("scripts/falsmith/templates/skill/SKILL.md.jinja", "name", "na\u200bme", "U+200B"),
    ("scripts/falsmith/templates/skill/SKILL.md.jinja", "{% if", "[INST]{% if", "control token"),
    ("scripts/falsmith/catalog/bundled/models.json", "{", '{"\x1b": 1, ', "control character"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[3]}")
def test_a_mistake_in_the_creator_skill_is_named(
    creator: Path, seal: Callable[..., None], case: tuple[str, str, str, str]
) -> None:
    path, old, new, told = case
    text = (creator / path).read_text(encoding="utf-8")
    assert old in text
    (creator / path).write_text(text.replace(old, new, 1), encoding="utf-8", newline="")
    seal(creator)
    problems = verify(creator, generate=generate)
    assert [one for one in problems if one.path == path and told in one.message], problems


def test_nothing_is_run_and_nothing_is_printed_for_a_shown_help(
    creator: Path, seal: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (creator / "SKILL.md").read_text(encoding="utf-8")
    (creator / "SKILL.md").write_text(text.replace(SHOWN, "--help -o x"), encoding="utf-8")
    seal(creator)
    assert verify(creator, generate=generate) == []
    assert capsys.readouterr() == ("", "")
    assert not (Path.cwd() / "x").exists()


@pytest.mark.parametrize("path", ["SKILL.md", SCRIPT, CALL, "scripts/falsmith/parse.py"])
def test_a_file_that_is_missing_is_a_problem(creator: Path, path: str) -> None:
    (creator / path).unlink()
    assert any(one.path == path and "is missing" in one.message for one in verify(creator))


def test_an_edited_or_unlisted_script_is_a_problem(creator: Path) -> None:
    (creator / "scripts/falsmith/__init__.py").write_text("x = 1\n", encoding="utf-8")
    (creator / "scripts/falsmith/more.py").write_text("", encoding="utf-8")
    told = {one.path: one.message for one in verify(creator)}
    assert set(told) == {"scripts/falsmith/__init__.py", "scripts/falsmith/more.py"}
    assert "is not what falsmith" in told["scripts/falsmith/__init__.py"]


def test_a_third_package_is_a_problem(creator: Path, seal: Callable[..., None]) -> None:
    (creator / "scripts" / "httpx").mkdir()
    (creator / "scripts" / "httpx" / "__init__.py").write_text("", encoding="utf-8")
    seal(creator)
    assert [one.path for one in verify(creator)] == ["scripts/httpx/__init__.py"]


def test_a_link_in_the_creator_skill_is_a_problem(creator: Path) -> None:
    (creator / "scripts" / "more").symlink_to("falsmith")
    assert [one.path for one in verify(creator)] == ["scripts/more"]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("falsmith", None, "falsmith must be text"),
        ("files", {"SKILL.md": "abc"}, "64 hex digits"),
        ("links", {CALL: "../x"}, "records symbolic links, and a creator skill must hold copies"),
    ],
)
def test_a_malformed_record_of_the_creator_is_a_problem(
    creator: Path, field: str, value: object, told: str
) -> None:
    record = json.loads((creator / PROVENANCE).read_text(encoding="utf-8"))
    record[field] = value
    (creator / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    assert any(one.path == PROVENANCE and told in one.message for one in verify(creator))


def test_a_model_skill_that_says_it_is_another_kind_misses_its_files(skill: Path) -> None:
    record = json.loads((skill / PROVENANCE).read_text(encoding="utf-8"))
    record["skill"] = "fal-skill-creator"
    (skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    told = {one.path: one.message for one in verify(skill)}
    assert "skill is 'fal-skill-creator', the folder 'fal-ai-sketch-fast'" in told[PROVENANCE]
    assert SCRIPT in told
