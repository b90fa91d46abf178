"""Each rule, broken once: the problem is named where it is, and nothing else is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith.verify import verify

NAME = "fal-ai-sketch-fast"
WRAPPER = "scripts/fal_ai_sketch_fast.py"
REFERENCE = f"references/tools/{NAME}.yaml"
INPUT = "references/input.schema.json"
CONFIG = "references/model_config.json"
OPENAI = "agents/openai.yaml"
QUEUE = "queue_config.yaml"
PROVENANCE = "references/provenance.json"
KEY = "12345678-1234-1234-1234-123456789abc" + ":" + "0123456789abcdef" * 2
TOOLS = "dependencies:\n  tools:\n    - type: "
COMMAND = f"python {WRAPPER}"


def test_a_good_skill_has_no_problem(skill: Path) -> None:
    assert verify(skill) == []
    assert verify(skill, public=True) == []


def test_all_problems_are_listed_at_once_and_sorted(skill: Path) -> None:
    (skill / "SKILL.md").unlink()
    (skill / QUEUE).write_text("speed: 3\n", encoding="utf-8")
    (skill / "scripts" / "extra.py").write_text("def (:\n", encoding="utf-8")
    problems = verify(skill)
    assert problems == sorted(problems)
    assert {"SKILL.md", QUEUE, "scripts/extra.py"} <= {one.path for one in problems}


@pytest.mark.parametrize("text", [r"\[x\](javascript:x)", r"\<a href='/x'>", r"\[x\]: /x"])
def test_escaped_brackets_make_no_link(skill: Path, seal: Callable[..., None], text: str) -> None:
    _add_line(skill, text)
    seal(skill)
    assert verify(skill) == []


@pytest.mark.parametrize("text", [r"[x\\](javascript:x)", r"\\<a href='/x'>", r"[x](a\b.md)"])
def test_a_backslash_hides_no_link(skill: Path, seal: Callable[..., None], text: str) -> None:
    _add_line(skill, text)
    seal(skill)
    assert ["must be a relative path" in one.message for one in verify(skill)] == [True]


def _add_line(skill: Path, text: str) -> None:
    with (skill / "SKILL.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


# What to replace in which file, and what the problem must say.
TEXT_CASES: list[tuple[str, str, str, str]] = [
    ("SKILL.md", f'name: "{NAME}"', 'name: "other"', "is not the name of the folder"),
    ("SKILL.md", f'name: "{NAME}"', 'name: "Fal_AI"', "a-z, 0-9 and single hyphens"),
    ("SKILL.md", f'name: "{NAME}"', 'name: "a--b"', "a-z, 0-9 and single hyphens"),
    ("SKILL.md", f'name: "{NAME}"', f'name: "{"a" * 65}"', "65 characters, 64 are allowed"),
    ("SKILL.md", f'name: "{NAME}"', 'name: "my-claude"', "reserved word 'claude'"),
    ("SKILL.md", f'name: "{NAME}"', "name: 7", "must be text"),
    ("SKILL.md", f'name: "{NAME}"\n', "", "name is missing"),
    ("SKILL.md", 'description: "Draw', f'description: "{"x" * 1025}', "1024 are allowed"),
    ("SKILL.md", 'description: "Draw', 'description: "<b>Draw', "holds < or >"),
    ("SKILL.md", 'description: "Draw', 'about: "Draw', "description is missing"),
    ("SKILL.md", 'description: "Draw', "description: Draw: many #", "mapping values"),
    ("SKILL.md", 'description: "Draw', 'description: " "  # "', "description is blank"),
    ("SKILL.md", 'license: "MIT-0"', 'version: "1"', "'version' is no field"),
    ("SKILL.md", 'license: "MIT-0"', 'license: "a --- b"', '"---" inside a value'),
    ("SKILL.md", 'license: "MIT-0"', "license: 2", "license must be text"),
    ("SKILL.md", 'license: "MIT-0"', 'license: "a"\nlicense: "b"', "given twice"),
    ("SKILL.md", 'license: "MIT-0"', "license: &a x", "write out in full"),
    ("SKILL.md", 'license: "MIT-0"', "license: !!str x", "leave out the tag"),
    ("SKILL.md", 'license: "MIT-0"', "license: [", "front matter"),
    ("SKILL.md", 'license: "MIT-0"', "allowed-tools: [Bash]", "block style"),
    ("SKILL.md", 'compatibility: "', f'compatibility: "{"x" * 500}', "500 are allowed"),
    ("SKILL.md", '  category: "text-to-image"', "  category: 1", "text with a text value"),
    ("SKILL.md", '  model-id: "fal-ai/sketch/fast"', '  model-id: "x/y"', "model-id is not"),
    ("SKILL.md", "metadata:\n", 'metadata: {a: "b"}\nx:\n', "block style"),
    ("SKILL.md", "---\nname", "name", "has no front matter"),
    ("SKILL.md", "---\nname", "\ufeff---\nname", "byte order mark"),
    ("SKILL.md", "# Sketch\n", "# Sketch\r\n", "carriage returns"),
    ("SKILL.md", "# Sketch\n", "# Sketch\n" + "line\n" * 500, "500 at most"),
    ("SKILL.md", "# Sketch\n", "# Sketch\n" + "x" * 20_000, "20,000 are allowed"),
    ("SKILL.md", "# Sketch\n", "[TODO: more]\n", "a left-over"),
    ("SKILL.md", ", an API key in FAL_KEY", "", "needs the internet and a key in FAL_KEY"),
    ("SKILL.md", "internet access, ", "", "needs the internet and a key in FAL_KEY"),
    ("SKILL.md", "# Sketch\n", "<|im_end|>\n", "line 10: a control token"),
    ("SKILL.md", "# Sketch\n", "[INST]\n", "control token"),
    ("SKILL.md", "# Sketch\n", "a\u202eb\n", "U+202E"),
    ("SKILL.md", "# Sketch\n", "a\u200bb\n", "U+200B"),
    ("SKILL.md", "# Sketch\n", "a\U000e0041b\n", "U+E0041"),
    ("SKILL.md", "# Sketch\n", "a\x1bb\n", "U+001B"),
    ("SKILL.md", "# Sketch\n", f"{KEY}\n", "looks like a fal key"),
    ("SKILL.md", "# Sketch\n", "[x](references/none.md)\n", "a file that is not there"),
    ("SKILL.md", "# Sketch\n", "`references/none.md`\n", "a file that is not there"),
    ("SKILL.md", "# Sketch\n", "[x](../other/SKILL.md)\n", "leaves the skill folder"),
    ("SKILL.md", "# Sketch\n", "[x](%2e%2e/other)\n", "leaves the skill folder"),
    ("SKILL.md", "# Sketch\n", "[x](/etc/hosts)\n", "relative path"),
    ("SKILL.md", "# Sketch\n", "[x](references\\a.md)\n", "relative path"),
    ("SKILL.md", "# Sketch\n", "[x](javascript:alert)\n", "or a web address"),
    ("SKILL.md", "# Sketch\n", "[x]()\n", "is empty"),
    ("SKILL.md", "# Sketch\n", "[x]: references/none.md\n", "a file that is not there"),
    ("SKILL.md", "# Sketch\n", '<a href="none.md">x</a>\n', "a file that is not there"),
    ("SKILL.md", "--count 2", "--count 9", "count: '9', expected"),
    ("SKILL.md", "--count 2", "--cuont 2", "cuont"),
    ("SKILL.md", "--count 2", "--wait soon", "refused"),
    ("SKILL.md", '--prompt "a cat"', "", "prompt"),
    ("SKILL.md", '--prompt "a cat"', '--prompt "$HOME"', "the shell would replace"),
    ("SKILL.md", '--prompt "a cat"', "--prompt a?", "the shell would replace"),
    ("SKILL.md", "<<'JSON'", "<<JSON", "the shell would replace"),
    ("SKILL.md", '--prompt "a cat"', '--prompt "a cat', "a quote is not closed"),
    ("SKILL.md", '}\nJSON\n', '}\n', "no last line 'JSON'"),
    ("SKILL.md", '{"width": 64}', '{"width": "wide"}', "size.width"),
    ("SKILL.md", '{"width": 64}', '{"depth": 64}', "size.depth"),
    ("SKILL.md", " <<'JSON'\n", "\n", "it reads standard input"),
    ("SKILL.md", "--schema size", "--scheme size", "scheme"),
    ("SKILL.md", "scripts/fal_api_call.py -m fal-ai/sketch/fast", "scripts/fal_api_call.py", "id"),
    ("SKILL.md", "-m fal-ai/sketch/fast --prompt cat --dry-run", "-m", "expected one"),
    ("SKILL.md", "-m fal-ai/sketch/fast --prompt cat --dry-run", "--result JOB", "id is missing"),
    ("SKILL.md", f"{COMMAND} --result", "python scripts/none.py --result", "is not there"),
    ("SKILL.md", f"{COMMAND} --result", f"python /skills/{WRAPPER} --result", "is not there"),
    (REFERENCE, "count: 1", "count: 9", "the example would be refused"),
    (REFERENCE, "count: 1", "count: 2020-01-01", "JSON cannot carry"),
    (REFERENCE, "--prompt 'a cat'", "--prompt 'a cat' --count many", "refused"),
    (REFERENCE, "--dry-run", "--dry-rnu", "refused"),
    (REFERENCE, "fal-ai/sketch/fast", "fal-ai/other", "model_id is 'fal-ai/other'"),
    (REFERENCE, "input:", "input: [", "is not usable YAML"),
    (REFERENCE, "input:", "example: {}\ninput:", "given twice"),
    (CONFIG, '"fal-ai/sketch/fast"', '"../sketch"', "is no model ID"),
    (CONFIG, f'"{NAME}"', '"other"', "name is 'other'"),
    (CONFIG, '"slow": false', '"slow": "no"', "slow is 'no', must be true or false"),
    (CONFIG, '"category": "text-to-image"', '"category": null', "category is None"),
    (CONFIG, '"slow": false', '"slow": false, "slow": true', "stands twice"),
    (CONFIG, "{", "[", "is not valid JSON"),
    (INPUT, "2020-12", "2019-09", "$schema is"),
    (INPUT, '"type": "integer"', '"type": "whole"', "is no valid JSON Schema"),
    (INPUT, '"minimum": 1', '"minimum": "1"', "is no valid JSON Schema"),
    (INPUT, "#/$defs/Size", "#/$defs/Gone", "leads to no schema"),
    (INPUT, "#/$defs/Size", "other.json#/x", "leads to no schema"),
    (INPUT, '"minLength": 1', '"$id": "https://x.test/"', "$id is not allowed"),
    (INPUT, '"minLength": 1', '"pattern": "("', "is no regular expression"),
    (INPUT, '"minLength": 1', '"minLength": NaN', "NaN is no JSON number"),
    (INPUT, '"minLength": 1', '"minLength": 1e999', "is too large"),
    (INPUT, '"x-file": "image"', '"x-file": "picture"', "x-file is 'picture'"),
    (INPUT, '{"Size": {', '{"Size": {"$ref": "#/$defs/Size", ', "refers to itself without end"),
    ("references/output.schema.json", '"string"', '"text"', "is no valid JSON Schema"),
    (OPENAI, "display_name", "display", "'display' is no known key"),
    (OPENAI, '"Sketch"', f'"{"x" * 65}"', "display_name must have 1 to 64"),
    (OPENAI, '"Draw images from text on fal.ai"', '"Draw"', "25 to 64 characters, not 4"),
    (OPENAI, '"Draw images from text on fal.ai"', f'"{"x" * 24}"', "25 to 64 characters, not 24"),
    (OPENAI, '"Draw images from text on fal.ai"', f'"{"x" * 65}"', "25 to 64 characters, not 65"),
    (OPENAI, f"${NAME}", "$other", "must name the skill"),
    (OPENAI, f"${NAME} to", f"${NAME}-x to", "must name the skill"),
    (OPENAI, "my text.", "my text. Then stop.", "one sentence"),
    (OPENAI, '"Sketch"', "Sketch", "in double quotes"),
    (OPENAI, "interface:", 'icon: "a"\ninterface:', "'icon' is no known key"),
    (OPENAI, "interface:\n", 'interface:\n  icon_small: "../a.png"\n', "a file in ./assets/"),
    (OPENAI, "interface:\n", 'interface:\n  icon_small: "', "is not usable YAML"),
    (OPENAI, "interface:\n", 'interface:\n  colour: "red"\n', "'colour' is no known key"),
    (OPENAI, "interface:\n", 'interface:\n  brand_color: "red"\n', "brand_color"),
    (OPENAI, "interface:\n", "policy:\n  x: 1\ninterface:\n", "policy may hold only"),
    (OPENAI, "interface:", "- interface:", "agents/openai.yaml"),
    (OPENAI, "interface:", "dependencies:\n  other: 1\ninterface:", "may hold only tools"),
    (OPENAI, "interface:", f"{TOOLS}'api'\ninterface:", 'type: "mcp"'),
    (OPENAI, "interface:", f"{TOOLS}'mcp'\n      port: 1\ninterface:", "'port' is no known key"),
    (OPENAI, "interface:", f"{TOOLS}'mcp'\n      url: ''\ninterface:", "url must have 1 to 1024"),
    (QUEUE, "max_concurrent: 2", "max_speed: 2", "max_speed is no setting"),
    (QUEUE, "max_concurrent: 2", "max_concurrent: two", "max_concurrent must be"),
    (QUEUE, "max_concurrent: 2", "max_concurrent: 2\nmax_concurrent: 3", "given twice"),
    (QUEUE, "max_concurrent: 2", "max_concurrent: [", "queue_config.yaml"),
]  # fmt: skip


@pytest.mark.parametrize("case", TEXT_CASES, ids=lambda case: f"{case[0]}: {case[3]}")
def test_a_broken_text_is_a_problem_that_names_it(
    skill: Path, seal: Callable[..., None], case: tuple[str, str, str, str]
) -> None:
    path, old, new, told = case
    text = (skill / path).read_text(encoding="utf-8")
    assert old in text
    (skill / path).write_text(text.replace(old, new, 1), encoding="utf-8", newline="")
    seal(skill)
    problems = verify(skill)
    assert [one for one in problems if one.path == path and told in f"{path}: {one.message}"], (
        problems
    )


@pytest.mark.parametrize(
    "name", ["Sketch", "sketch_fast", "sketch--fast", "claude-sketch", "a" * 65]
)
def test_a_name_that_hosts_refuse_is_a_problem_though_the_folder_has_it_too(
    skill: Path, seal: Callable[..., None], name: str
) -> None:
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    (skill / "SKILL.md").write_text(text.replace(f'"{NAME}"', f'"{name}"'), encoding="utf-8")
    folder = skill.rename(skill.parent / name)
    seal(folder)
    messages = [one.message for one in verify(folder) if one.path == "SKILL.md"]
    assert any(message.startswith("front matter: name ") for message in messages)


@pytest.mark.parametrize(
    "path",
    ["SKILL.md", OPENAI, QUEUE, INPUT, CONFIG, PROVENANCE, "scripts/fal_runtime/command.py"],
)
def test_a_missing_file_is_a_problem(skill: Path, path: str) -> None:
    (skill / path).unlink()
    assert any(one.path == path and "is missing" in one.message for one in verify(skill))


def test_a_reference_may_not_lead_on_to_files_that_the_skill_does_not_name(
    skill: Path, seal: Callable[..., None]
) -> None:
    guide = skill / "references" / "guide.md"
    guide.write_text(
        "See [in](input.schema.json) and [that](model_config.json).\n", encoding="utf-8"
    )
    seal(skill)
    (problem,) = verify(skill)
    assert problem.path == "references/guide.md"
    assert "'model_config.json' makes a chain" in problem.message


def test_an_unknown_input_schema_takes_any_example(skill: Path, seal: Callable[..., None]) -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "description": "Unknown."}
    (skill / INPUT).write_text(json.dumps(schema), encoding="utf-8")
    text = (skill / "SKILL.md").read_text(encoding="utf-8")
    heredoc = text[text.index("```bash\n# Quotes") : text.index("```bash\nuv")]
    front = text[: text.index("```bash")]
    (skill / "SKILL.md").write_text(front + heredoc, encoding="utf-8")
    told = "python scripts/fal_ai_sketch_fast.py --prompt 'a cat'"
    reference = (skill / REFERENCE).read_text(encoding="utf-8").replace(f'  - "{told}"\n', "")
    (skill / REFERENCE).write_text(reference, encoding="utf-8")
    config = json.loads((skill / CONFIG).read_text(encoding="utf-8"))
    (skill / CONFIG).write_text(
        json.dumps(config | {"input_schema_known": False}), encoding="utf-8"
    )
    seal(skill)
    assert verify(skill) == []


def test_a_schema_that_contradicts_the_model_config_is_a_problem(
    skill: Path, seal: Callable[..., None]
) -> None:
    config = json.loads((skill / CONFIG).read_text(encoding="utf-8"))
    (skill / CONFIG).write_text(
        json.dumps(config | {"input_schema_known": False}), encoding="utf-8"
    )
    seal(skill)
    (problem,) = verify(skill)
    assert problem.path == INPUT
    assert "says none are known" in problem.message
