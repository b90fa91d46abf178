"""The creator skill's scripts, run as subprocesses from a copy of the skills' folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.skill.conftest import Project


WHISPER = ["-m", "fal-ai/whisper", "--offline"]
Contents = Callable[[Path], dict[str, bytes | str]]


# What the packages of this environment are without falsmith, which `site` would make importable.
ISOLATED = {"PYTHONPATH": str(Path(pytest.__file__).parents[1])}
COMMANDS = ["catalog", "categories", "generate", "list", "remove", "search", "show"]


def script(skills: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = str(skills.parent / "home")
    return subprocess.run(
        [sys.executable, "-S", str(skills / "fal-skill-creator/scripts" / name), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": home, **ISOLATED},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def unchanged(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the skills for commands that change nothing in it but the bytecode."""
    skills = tmp_path_factory.mktemp("unchanged") / "skills"
    shutil.copytree(pristine, skills, symlinks=True)
    return skills


@pytest.fixture
def skills(project: "Project") -> Path:
    """Return the folder of the skills; the current folder is another one."""
    return project.creator.parent


def test_without_its_packages_it_names_them_in_one_object(
    skills: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jinja2.py").write_text("raise ImportError")
    packages = f"{tmp_path}{os.pathsep}{ISOLATED['PYTHONPATH']}"
    monkeypatch.setitem(ISOLATED, "PYTHONPATH", packages)
    monkeypatch.setenv("PATH", "/nowhere")
    ran = script(skills, "generate_fal_skill.py", *WHISPER)

    error = json.loads(ran.stdout)["error"]
    assert (ran.returncode, error["code"]) == (9, "local_trouble")
    assert "jinja2>=3.1.4,<4" in error["message"]
    assert "-m pip install" in error["next"]
    assert "jinja2>=3.1.4,<4" in ran.stderr


@pytest.mark.parametrize("symlinks", [True, False])
def test_a_copy_of_the_folder_makes_skills_beside_it(
    skills: Path, tmp_path: Path, symlinks: bool
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(skills, copy, symlinks=symlinks)
    made = script(copy, "generate_fal_skill.py", *WHISPER)

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["skills"][0]["path"] == str(copy / "fal-ai-whisper")
    assert "creator" not in json.loads(made.stdout)
    assert (copy / "fal-ai-whisper/scripts/fal_runtime").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["-lo", "chosen"], "chosen"),
        (["--agent", "codex"], ".agents/skills"),
        (["--description", "-o is an option"], ".claude/skills"),
        (["--"], ".claude/skills"),
    ],
)
def test_an_option_chooses_another_folder(
    project: "Project", skills: Path, arguments: list[str], place: str
) -> None:
    made = script(skills, "generate_fal_skill.py", *WHISPER, *arguments)

    assert made.returncode == 0, made.stderr
    assert list(project.folder.rglob("fal-ai-whisper")) == [
        project.folder / place / "fal-ai-whisper"
    ]


def test_any_model_can_be_called_without_a_skill_of_its_own(skills: Path) -> None:
    chosen = ["-m", "acme/unheard-of", "--args", '{"a": 1}', "--dry-run"]
    called = script(skills, "fal_api_call.py", *chosen)

    assert called.returncode == 0, called.stderr
    assert json.loads(called.stdout)["platform_request"]["body"] == {"a": 1}
    assert "not checked" in called.stderr


CHANGES: dict[str, Callable[[Path], object]] = {
    "scripts/fal_runtime/model.py": lambda file: file.write_text("# mine\n"),
    "scripts/falsmith/templates/skill/SKILL.md.jinja": Path.unlink,
    "scripts/falsmith/mine.py": lambda file: file.write_text(""),
    "scripts/httpx.pyc": lambda file: file.write_bytes(b""),
    "references/provenance.json": lambda file: file.write_text("["),
    "scripts/fal_runtime/__init__.py": lambda file: shutil.rmtree(file.parent),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_changed_program_is_not_handed_on(skills: Path, contents: Contents, changed: str) -> None:
    CHANGES[changed](skills / "fal-skill-creator" / changed)
    before = contents(skills)
    for arguments in (WHISPER, [*WHISPER, "--standalone"], [*WHISPER, "--force"]):
        made = script(skills, "generate_fal_skill.py", *arguments)

        assert (made.returncode, made.stdout) == (9, "")
        assert f"not as falsmith wrote it: {changed}" in made.stderr
    assert contents(skills) == before


def test_a_creator_whose_writing_was_cut_short_makes_nothing(skills: Path) -> None:
    record = skills / "fal-skill-creator/references/provenance.json"
    provenance = json.loads(record.read_text())
    record.write_text(json.dumps(provenance | {"writing": provenance["files"]}))
    made = script(skills, "generate_fal_skill.py", *WHISPER)

    assert made.returncode == 9
    assert "references/provenance.json" in made.stderr


def test_ends_of_lines_and_files_of_no_program_change_nothing(skills: Path) -> None:
    module = skills / "fal-skill-creator/scripts/fal_runtime/model.py"
    module.write_bytes(module.read_bytes().replace(b"\n", b"\r\n"))
    (module.parent / "notes.txt").write_text("Mine.")
    made = script(skills, "generate_fal_skill.py", *WHISPER, "--standalone")

    assert made.returncode == 0, made.stderr


@pytest.fixture
def other_modules(project: "Project") -> None:
    """Put modules into the current folder that must not be imported in the place of others."""
    for name in ("falsmith", "fal_runtime", "click", "json", "runpy"):
        (project.folder / f"{name}.py").write_text("raise SystemExit('not this one')\n")


@pytest.mark.usefixtures("other_modules")
def test_the_creator_gives_the_commands_that_it_carries_and_help_names_it(
    unchanged: Path,
) -> None:
    helped = script(unchanged, "falsmith.py", "--help")
    listed = helped.stdout.partition("Commands:")[2].partition("Example:")[0]
    called = f"python {unchanged}/fal-skill-creator/scripts/falsmith.py"

    assert helped.returncode == 0, helped.stderr
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].isalpha()] == COMMANDS
    for command in COMMANDS:
        page = script(unchanged, "falsmith.py", command, "--help")
        assert page.stdout.startswith(f"Usage: {called} {command} "), page.stderr
        assert not re.search(rf"(?<!/)\bfalsmith ({'|'.join(COMMANDS)})", page.stdout)


@pytest.mark.usefixtures("other_modules")
def test_the_creator_searches_lists_and_removes(skills: Path) -> None:
    found = script(skills, "falsmith.py", "search", "flux", "--source", "bundled", "--json")
    listed = script(skills, "falsmith.py", "list")
    removed = script(skills, "falsmith.py", "remove", "acme-alone")

    assert "fal-ai/flux/dev" in found.stdout, found.stderr
    names = [one["name"] for one in json.loads(listed.stdout)["skills"]]
    assert names == ["acme-alone", "acme-linked", "fal-skill-creator"]
    assert removed.returncode == 0, removed.stderr
    assert not (skills / "acme-alone").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "hint"),
    [
        ("falsmith.py", ["show", "acme/unknown", "--offline"], "falsmith.py catalog sync`"),
        ("falsmith.py", ["shwo"], "Did you mean show?"),
        ("falsmith.py", ["verify"], "falsmith.py [OPTIONS] COMMAND"),
        ("falsmith.py", ["generate", "-m", "flux"], "falsmith.py search TEXT`"),
        ("falsmith.py", ["generate", "--offline"], "name models with -m ID"),
        ("generate_fal_skill.py", ["-m", "flux"], "falsmith.py search TEXT`"),
        ("generate_fal_skill.py", ["-n", "json", *WHISPER], "generate_fal_skill.py -m"),
        ("generate_fal_skill.py", ["--nonsense"], "generate_fal_skill.py [OPTIONS]"),
    ],
)
def test_a_hint_names_a_command_that_is_there(
    unchanged: Path, name: str, arguments: list[str], hint: str
) -> None:
    made = script(unchanged, name, *arguments)

    assert made.returncode == 2
    assert hint in made.stderr
    assert not re.search(r"(?<!/)\bfalsmith [a-z]", made.stderr + made.stdout)


def test_what_the_creator_carries_imports_nothing_that_it_lacks(skills: Path) -> None:
    scripts = skills / "fal-skill-creator/scripts"
    lacking = ("verify", "doctor", "emulator", "cli/verify.py", "cli/doctor.py", "cli/demo.py")
    assert [one for one in lacking if (scripts / "falsmith" / one).exists()] == []
    for module in (scripts / "falsmith").rglob("*.py"):
        for name in re.findall(
            r"^ *from (falsmith[\w.]*) import", module.read_text(), re.MULTILINE
        ):
            place = scripts / name.replace(".", "/")
            assert place.with_suffix(".py").is_file() or (place / "__init__.py").is_file(), name


def test_the_creators_check_looks_at_each_skill_beside_it(skills: Path) -> None:
    script(skills, "generate_fal_skill.py", *WHISPER)
    (skills / "fal-ai-whisper/SKILL.md").write_text("Mine.")
    checked = script(skills, "generate_fal_skill.py", "--check", "--offline")
    answer = json.loads(checked.stdout)

    assert checked.returncode == 1, checked.stderr
    assert [one["name"] for one in answer["skills"]] == ["fal-ai-whisper"]
    assert [one["model_id"] for one in answer["failed"]] == ["acme/alone", "acme/linked"]
