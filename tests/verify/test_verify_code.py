"""The code of a skill: what this falsmith writes and nothing else, or a notice says so."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from falsmith import __version__
from falsmith.verify import Finding, verify

NAME = "fal-ai-sketch-fast"
WRAPPER = "scripts/fal_ai_sketch_fast.py"
CALL = "scripts/fal_api_call.py"
COMMAND = "scripts/fal_runtime/command.py"
PROVENANCE = "references/provenance.json"
CONFIG = "references/model_config.json"
CACHE = "scripts/fal_runtime/__pycache__"

# What to replace in which file, and what the problem must say.
EDITS: dict[str, tuple[str, str, str, str]] = {
    "another model": (WRAPPER, '"fal-ai/sketch/fast"', '"fal-ai/x"', """MODEL_ID = "fal-ai/x"'"""),
    "an ID that is code": (WRAPPER, '"fal-ai/sketch/fast"', "str(1)", "'MODEL_ID = str(1)'"),
    "another body": (WRAPPER, "sys.exit(main(", "print('x')\n    sys.exit(main(", "print("),
    "a line at the end": (WRAPPER, "skill=SKILL))\n", "skill=SKILL))\nmain()\n", "'main()'"),
    "the end cut off": (WRAPPER, 'if __name__ == "__main__":', "", "not 'if __name__"),
    "one more dependency": (WRAPPER, "# ]", '#     "evil>=1,<2",\n# ]', "evil>=1,<2"),
    "another dependency": (CALL, "httpx>=", "httpxx>=", "httpxx>="),
    "another Python": (CALL, ">=3.11", ">=3.8", ">=3.8"),
    "an index of packages": (WRAPPER, "# ///\n", "# [tool.uv]\n# ///\n", "# [tool.uv]"),
    "no header": (CALL, "# /// script", "# /// python", "# /// python"),
    "another encoding": (CALL, "# /// script", "# coding: utf-7\n# /// script", "utf-7"),
    "a byte order mark": (CALL, "#!", "\ufeff#!", "line 1 is"),
    "an edited module": (COMMAND, "import", "import os; import", "line "),
    "a comment": (COMMAND, "\n", "\n# Harmless.\n", "'# Harmless.'"),
    "an invisible character": (COMMAND, "\n", "\n# \u200b\n", "'# \\u200b'"),
}


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


def _record(skill: Path, **fields: object) -> None:
    record = json.loads((skill / PROVENANCE).read_text(encoding="utf-8"))
    (skill / PROVENANCE).write_text(json.dumps(record | fields), encoding="utf-8")


def _told(skill: Path, severity: str = "problem", *, public: bool = False) -> dict[str, str]:
    found = verify(skill, public=True if public else None)
    return {one.path: one.message for one in found if one.severity == severity}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_script_is_named_with_the_line_that_differs(
    skill: Path, seal: Callable[..., None], edit: str
) -> None:
    path, old, new, told = EDITS[edit]
    _replace(skill / path, old, new)
    seal(skill)
    start = f"is not what falsmith {__version__} writes: line "
    (message,) = (one.message for one in verify(skill) if one.message.startswith(start))
    assert {one.path for one in verify(skill)} == {path}
    assert told in message
    assert message.endswith("falsmith generate --force writes it anew")


@pytest.mark.parametrize("path", [WRAPPER, COMMAND])
def test_line_ends_of_windows_are_named_as_such(
    skill: Path, seal: Callable[..., None], path: str
) -> None:
    (skill / path).write_bytes((skill / path).read_bytes().replace(b"\n", b"\r\n"))
    seal(skill)
    (told,) = _told(skill).items()
    assert told[0] == path
    assert "carriage returns" in told[1]
    assert "core.autocrlf=false" in told[1]


ADDED = {
    "scripts/run.sh": "nobody judged it",
    "scripts/more.py": "nobody judged it",
    "scripts/httpx/__init__.py": "it may hide a module",
    "scripts/fal_runtime/extra.py": "it may hide a module",
    "scripts/queue_server.py": "nobody judged it",
    "scripts/__pycache__/x.py": "nobody judged it",
    "references/notes.md": "keep notes in references/guide.md",
    "references/tools/other.yaml": "keep notes in references/guide.md",
    "assets/icon.svg": "keep notes in references/guide.md",
    "notes.md": "keep notes in references/guide.md",
    ".claude/settings.json": "hosts may take it for settings",
    "references/.claude/settings.json": "hosts may take it for settings",
    ".mcp.json": "hosts may take it for settings",
    ".env": "hosts may take it for settings",
    ".DS_Store/x.md": "hosts may take it for settings",
}


@pytest.mark.parametrize(("path", "told"), ADDED.items())
def test_a_file_that_falsmith_does_not_write_is_a_problem_though_it_is_listed(
    skill: Path, seal: Callable[..., None], path: str, told: str
) -> None:
    (skill / path).parent.mkdir(parents=True, exist_ok=True)
    (skill / path).write_text("{}\n", encoding="utf-8")
    seal(skill)
    (problem,) = verify(skill)
    assert problem.path == path
    assert told in problem.message


@pytest.mark.parametrize("path", [WRAPPER, COMMAND, CALL, f"references/tools/{NAME}.yaml"])
def test_a_file_that_is_missing_or_renamed_is_a_problem(
    skill: Path, seal: Callable[..., None], path: str
) -> None:
    (skill / path).rename(skill / f"{path}.old")
    seal(skill)
    told = _told(skill)
    assert "is missing" in told[path]
    assert f"{path}.old" in told


def test_a_file_that_the_record_does_not_list_is_a_problem(skill: Path) -> None:
    record = json.loads((skill / PROVENANCE).read_text(encoding="utf-8"))
    del record["files"][COMMAND]
    (skill / PROVENANCE).write_text(json.dumps(record), encoding="utf-8")
    (told,) = _told(skill).items()
    assert told[0] == COMMAND
    assert "is not listed in references/provenance.json" in told[1]


@pytest.mark.parametrize("version", ["0.0.1", "99.1"])
def test_the_code_of_another_version_is_not_compared_and_a_notice_says_so(
    skill: Path, seal: Callable[..., None], version: str
) -> None:
    (skill / COMMAND).write_text("# As it was then.\n", encoding="utf-8")
    (skill / "scripts/fal_runtime/then.py").write_text("# Gone now.\n", encoding="utf-8")
    seal(skill)
    _record(skill, falsmith=version)
    (notice,) = verify(skill)
    assert (notice.path, notice.severity) == (PROVENANCE, "notice")
    assert f"names falsmith '{version}', this is {__version__}" in notice.message
    assert "generate the skill again, or verify it with that version" in notice.message


def test_a_skill_of_another_version_must_be_what_its_record_lists(skill: Path) -> None:
    _record(skill, falsmith="0.0.1")
    (skill / COMMAND).write_text("# Edited since.\n", encoding="utf-8")
    (skill / "scripts/fal_runtime/help.py").unlink()
    (skill / "scripts/more.py").write_text("", encoding="utf-8")
    told = _told(skill)
    assert set(told) == {COMMAND, "scripts/fal_runtime/help.py", "scripts/more.py"}
    assert "was edited after it was generated" in told[COMMAND]


@pytest.mark.parametrize("version", [None, 7, "latest"])
def test_a_record_without_a_version_saves_no_code_from_being_compared(
    skill: Path, version: object
) -> None:
    _record(skill, falsmith=version)
    (skill / COMMAND).write_text("# Edited.\n", encoding="utf-8")
    assert set(_told(skill)) == {PROVENANCE, COMMAND}


def test_a_lost_record_saves_no_code_from_being_compared(skill: Path) -> None:
    (skill / PROVENANCE).unlink()
    (skill / COMMAND).write_text("# Edited.\n", encoding="utf-8")
    assert {PROVENANCE, COMMAND} <= set(_told(skill))


@pytest.mark.parametrize("model_id", ["fal-ai/other", "../x", 7])
def test_the_wrapper_presets_the_model_of_the_model_config(skill: Path, model_id: object) -> None:
    config = json.loads((skill / CONFIG).read_text(encoding="utf-8"))
    (skill / CONFIG).write_text(json.dumps(config | {"model_id": model_id}), encoding="utf-8")
    told = _told(skill)
    assert (WRAPPER in told) == isinstance(model_id, str)
    assert (PROVENANCE if isinstance(model_id, str) else CONFIG) in told
    assert "was edited" in _told(skill, "notice")[CONFIG]


def test_what_the_use_of_a_skill_leaves_is_no_problem_until_it_is_handed_on(skill: Path) -> None:
    (skill / "references" / "guide.md").write_text("My notes.\n", encoding="utf-8")
    (skill / "references" / "defaults.yaml").write_text("defaults: {count: 2}\n", encoding="utf-8")
    (skill / CACHE).mkdir()
    (skill / CACHE / "command.cpython-311.pyc").write_bytes(b"\xff\x00")
    (skill / ".DS_Store").write_bytes(b"\x00\xff")
    told = _told(skill, public=True)
    assert _told(skill) == {}
    assert set(told) == {
        ".DS_Store", CACHE, "references/defaults.yaml", "references/guide.md"
    }  # fmt: skip
    assert "remove it before handing it on" in told[CACHE]
    assert "is your own" in told["references/guide.md"]


def test_compiled_python_is_named_because_python_may_run_it_in_place_of_the_source(
    skill: Path, seal: Callable[..., None]
) -> None:
    seal(skill, mode="public")
    (skill / CACHE).mkdir()
    (skill / CACHE / "command.cpython-311.pyc").write_bytes(b"\xff\x00")
    told = "holds compiled Python that nobody compared: remove it if you did not run the skill"
    assert verify(skill) == [Finding(CACHE, told, "notice")]


@pytest.mark.skipif(os.name != "posix", reason="executable bits are a matter of POSIX")
def test_a_script_that_cannot_be_executed_is_told_and_no_fault(skill: Path) -> None:
    (skill / WRAPPER).chmod(0o644)
    (found,) = verify(skill)
    assert (found.path, found.severity) == (WRAPPER, "notice")
    assert "chmod +x" in found.message
