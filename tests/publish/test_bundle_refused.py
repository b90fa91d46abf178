"""What is not handed on: each is named at once, and nothing is written."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fal_runtime.errors import UsageError
from falsmith.documents import CollectionDocuments, Documents
from falsmith.generate import generate
from falsmith.publish.bundle import BundleRequest, bundle, write_bundle
from falsmith.publish.details import Details, read_details
from falsmith.publish.formats import FORMATS
from falsmith.render import Options
from falsmith.skill.tree import temporary_name
from falsmith.verify import Finding

LINKED, ALONE = "acme-linked", "acme-alone"
PROVENANCE = "references/provenance.json"
GUIDE = "references/guide.md"
# Of the form of a key of fal, and none.
KEY = "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f:" + "0a1b2c3d" * 4


def problems(request: BundleRequest) -> dict[str, str]:
    """Return what keeps the bundle from being made, by path."""
    made = bundle(request)
    found = [one for each in made.judged for one in each.found if one.severity == "problem"]
    assert bool(made.files) == (not found)
    return {one.path: one.message for one in found}


def refusal(request: BundleRequest) -> UsageError:
    with pytest.raises(UsageError) as refused:
        bundle(request)
    assert refused.value.exit_status == 2
    return refused.value


def edit(skill: Path, path: str, text: str) -> None:
    with (skill / path).open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_folder_that_is_no_skill_is_named(
    request_for: Callable[..., BundleRequest], skills: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").symlink_to(skills / ALONE)
    shutil.copytree(skills / ALONE, tmp_path / "lost")
    (tmp_path / "lost" / PROVENANCE).unlink()
    for name, told in {
        "none": "there is no folder",
        "empty": "is no skill of falsmith",
        "linked": f"is a symbolic link: name the folder that it leads to, {skills / ALONE}",
        "lost": "is no skill of falsmith, or its references/provenance.json is lost",
    }.items():
        message = refusal(request_for("folder", folders=(tmp_path / name,))).message
        assert told in message
        assert str(tmp_path / name) in message


def test_two_skills_of_one_name_are_named(
    request_for: Callable[..., BundleRequest], skills: Path, tmp_path: Path
) -> None:
    shutil.copytree(skills / ALONE, tmp_path / ALONE)
    request = request_for("folder", folders=(skills / ALONE, tmp_path / ALONE))
    message = refusal(request).message
    assert f"one skill {ALONE}" in message
    assert str(tmp_path / ALONE) in message


@pytest.mark.parametrize("kind", ["file", "folder", "broken link"])
def test_an_output_that_is_there_is_left_alone(
    request_for: Callable[..., BundleRequest], tmp_path: Path, kind: str
) -> None:
    output = tmp_path / "dist"
    if kind == "file":
        output.write_text("mine", encoding="utf-8")
    elif kind == "folder":
        output.mkdir()
    else:
        output.symlink_to("nowhere")
    assert "exists already" in refusal(request_for("folder")).message
    assert kind != "file" or output.read_text(encoding="utf-8") == "mine"


def test_an_output_inside_a_skill_is_refused(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    request = request_for("folder", output=skills / ALONE / "dist")
    assert "is inside the skill" in refusal(request).message


DETAILS: dict[str, tuple[str, str]] = {
    "a version that is none": ("version", "1.0"),
    "a version with a letter before it": ("version", "v1.0.0"),
    "a version with a leading zero": ("version", "1.02.0"),
    "a name with a capital": ("name", "Acme"),
    "a name of a host": ("name", "claude-media"),
    "a name that a host keeps": ("name", "agent-skills"),
    "a name that is long": ("name", "a" * 65),
    "an author of blanks": ("author", "  "),
    "an author that hides": ("author", "Ac\u200bme"),
    "a key for an author": ("author", KEY),
    "a home page without TLS": ("homepage", "http://acme.example"),
    "a home page that is none": ("homepage", "acme.example"),
    "a description with a tag": ("description", "Makes <b>pictures</b>."),
    "a description that waits": ("description", "[TODO: say what it does]"),
    "a licence over two lines": ("license", "MIT\nand more"),
}


@pytest.mark.parametrize("case", DETAILS)
def test_a_detail_that_a_host_refuses_is_named_by_its_option(
    request_for: Callable[..., BundleRequest], case: str
) -> None:
    name, text = DETAILS[case]
    request = request_for(*FORMATS)
    details = replace(request.details, **{name: text})
    (problem,) = refusal(replace(request, details=details)).problems
    assert problem.path == f"--{name}"


def test_all_details_that_are_missing_are_named_with_who_needs_them(
    request_for: Callable[..., BundleRequest],
) -> None:
    error = refusal(request_for(*FORMATS, details=Details()))
    assert [one.path for one in error.problems] == ["--name", "--version", "--author"]
    assert all("claude-plugin and codex-plugin" in one.expected for one in error.problems)
    assert "[tool.falsmith]" in error.message


def test_one_skill_gives_its_name_and_archives_need_no_details(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    assert problems(request_for("skill", "well-known", "folder", details=Details())) == {}
    details = Details(version="1.0.0", author="Acme")
    one = request_for("claude-plugin", folders=(skills / ALONE,), details=details)
    assert f"plugins/{ALONE}/" in str(bundle(one).files["claude-plugin"][0].path)


def test_edited_texts_are_problems_unless_they_are_allowed(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    edit(skills / LINKED, "SKILL.md", "\nOur house style is warm.\n")
    edit(skills / ALONE, "queue_config.yaml", "\n# Ours.\n")
    assert problems(request_for("folder")).keys() == {"SKILL.md", "queue_config.yaml"}
    made = bundle(request_for("folder", allow_edited=True))
    notices = [one for each in made.judged for one in each.found]
    assert {(one.path, one.severity) for one in notices} == {
        ("SKILL.md", "notice"),
        ("queue_config.yaml", "notice"),
    }
    packed = {str(one.path): one.content for one in made.files["folder"]}
    assert b"house style" in packed[f"skills/{LINKED}/SKILL.md"]


def test_edited_code_and_an_invalid_text_are_problems_also_where_edits_are_allowed(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    edit(skills / "fal-skill-creator", "scripts/fal_runtime/command.py", "\nprint('x')\n")
    edit(skills / ALONE, "scripts/acme_alone.py", "\nprint('x')\n")
    edit(skills / ALONE, "queue_config.yaml", "\nspeed: 1\n")
    found = problems(request_for("folder", allow_edited=True))
    assert found.keys() == {
        "scripts/fal_runtime/command.py", "scripts/acme_alone.py", "queue_config.yaml"
    }  # fmt: skip


def test_code_that_nobody_can_compare_is_a_problem(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    for name in (ALONE, LINKED):
        file = skills / name / PROVENANCE
        record = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(record | {"falsmith": "0.0.1"}), encoding="utf-8")
    assert "was not compared with anything" in problems(request_for("folder"))[PROVENANCE]


BAD: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a key": (
        lambda skill: edit(skill, "SKILL.md", f"\n{KEY}\n"),
        "SKILL.md", "looks like a fal key",
    ),
    "a private path": (
        lambda skill: edit(skill, "SKILL.md", "\nSee /home/jane/brand.\n"),
        "SKILL.md", "a path of somebody's machine",
    ),
    "an address": (
        lambda skill: edit(skill, "queue_config.yaml", "\n# jane@acme.studio\n"),
        "queue_config.yaml", "an e-mail address",
    ),
    "a hidden character": (
        lambda skill: edit(skill, "SKILL.md", "\nWarm\u202e.\n"),
        "SKILL.md", "invisible character",
    ),
    "a stray file": (
        lambda skill: (skill / ".env").write_text("FAL_KEY=\n"),
        ".env", "is no file of falsmith's",
    ),
    "a link": (
        lambda skill: (skill / "references/more.md").symlink_to("/etc/hostname"),
        "references/more.md", "is a symbolic link",
    ),
    "a pipe": (
        lambda skill: os.mkfifo(skill / "pipe"),
        "pipe", "is no regular file",
    ),
    "a hard link": (
        lambda skill: os.link(skill / "SKILL.md", skill.parent / "elsewhere"),
        "SKILL.md", "is a hard link",
    ),
    "a broken runtime": (
        lambda skill: shutil.rmtree(skill.parent / "fal-skill-creator"),
        "scripts/fal_api_call.py", "leads to nothing of fal-skill-creator",
    ),
    "a file that is gone": (
        lambda skill: (skill / "references/input.schema.json").unlink(),
        "references/input.schema.json", "is missing",
    ),
}  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and links")
@pytest.mark.parametrize("case", BAD)
def test_what_is_unsafe_is_named_and_nothing_is_written(
    request_for: Callable[..., BundleRequest], skills: Path, tmp_path: Path, case: str
) -> None:
    spoil, path, told = BAD[case]
    spoil(skills / LINKED)
    assert told in problems(request_for(*FORMATS, allow_edited=True))[path]
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize("path", ["scripts/fal_runtime", "references/models/model-3"])
@pytest.mark.parametrize("end", ["/etc", None])
def test_a_link_that_leads_elsewhere_is_one_problem(
    request_for: Callable[..., BundleRequest], skills: Path, path: str, end: str | None
) -> None:
    place = skills / "acme-twenty" / path
    if place.is_symlink():
        place.unlink()
    else:
        shutil.rmtree(place)
    if end is not None:
        place.symlink_to(end)
    found = problems(request_for("folder"))
    at = path if end is not None or "scripts" in path else "references/collection.json"
    assert found.keys() == {at}


def test_what_the_use_of_a_skill_leaves_stays_behind(
    request_for: Callable[..., BundleRequest], skills: Path
) -> None:
    before = bundle(request_for("folder")).files
    cache = skills / ALONE / "scripts/fal_runtime/__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "command.cpython-311.pyc").write_bytes(b"\0")
    (skills / ALONE / ".DS_Store").write_bytes(b"\0")
    made = bundle(request_for("folder"))
    assert [one for each in made.judged for one in each.found] == []
    assert made.files == before


@pytest.mark.parametrize("lazy", [False, True])
def test_the_users_own_files_and_the_links_to_them_stay_behind_unless_they_are_named(
    request_for: Callable[..., BundleRequest],
    model_documents: Callable[..., Documents],
    skills: Path,
    lazy: bool,
) -> None:
    documents, name = model_documents(model_id="acme/house"), "acme-house"
    options = Options("public", lazy=lazy)
    generate(documents, options, skills)
    request = request_for("folder", folders=(skills / name,))
    without = bundle(request).files
    (skills / name / GUIDE).write_text("Warm pictures.\n", encoding="utf-8")
    (skills / name / "references/defaults.yaml").write_text("{}\n", encoding="utf-8")
    generate(documents, options, skills)
    assert "guide.md" in (skills / name / "SKILL.md").read_text(encoding="utf-8")
    assert problems(request) == {}
    left = {str(one.path): one.content for one in bundle(request).files["folder"]}
    before = {str(one.path): one.content for one in without["folder"]}
    assert left.keys() == before.keys()
    # Where there is no own file, SKILL.md may say so.
    worded = {f"skills/{name}/SKILL.md", f"skills/{name}/references/provenance.json"}
    assert {path for path in left if left[path] != before[path]} <= worded
    assert b"](references/guide.md)" not in left[f"skills/{name}/SKILL.md"]
    assert b"](references/defaults.yaml)" not in left[f"skills/{name}/SKILL.md"]
    assert b"\n\n\n" not in left[f"skills/{name}/SKILL.md"]
    included = bundle(replace(request, handed_on=frozenset({"guide.md"}))).files["folder"]
    packed = {str(one.path).removeprefix(f"skills/{name}/"): one.content for one in included}
    assert packed[GUIDE] == b"Warm pictures.\n"
    assert "references/defaults.yaml" not in packed
    assert b"](references/guide.md)" in packed["SKILL.md"]
    assert b"](references/defaults.yaml)" not in packed["SKILL.md"]


def test_the_defaults_of_a_collections_models_stay_behind_or_go_along_together(
    request_for: Callable[..., BundleRequest], twenty: CollectionDocuments, skills: Path
) -> None:
    name, own = "acme-twenty", ("models/model-3/defaults.yaml", "models/model-7/defaults.yaml")
    request = request_for("folder", folders=(skills / name,))
    without = bundle(request).files
    for path in own:
        (skills / name / "references" / path).write_text("defaults: {}\n", encoding="utf-8")
    generate(twenty, Options(name=name), skills)
    assert problems(request) == {}
    assert {one.path for one in bundle(request).files["folder"]} == {
        one.path for one in without["folder"]
    }
    included = bundle(replace(request, handed_on=frozenset({"defaults.yaml"}))).files["folder"]
    packed = {str(one.path).removeprefix(f"skills/{name}/"): one.content for one in included}
    assert all(f"references/{path}" in packed for path in own)
    assert all(f"](references/{path})".encode() in packed["SKILL.md"] for path in own)


def test_an_own_file_that_no_skill_has_cannot_go_along(
    request_for: Callable[..., BundleRequest],
) -> None:
    request = request_for("folder", handed_on=frozenset({"guide.md"}))
    assert "no skill here has guide.md" in refusal(request).message


def test_an_interruption_leaves_no_output(
    request_for: Callable[..., BundleRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for("folder")
    made = bundle(request)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(made, request)
    assert not request.output.exists()
    assert not (tmp_path / temporary_name("dist")).exists()


PYPROJECT: dict[str, tuple[str, str]] = {
    "no TOML": ("[tool", "cannot be read"),
    "no table": ("[tool]\nfalsmith = 1", "must be a table"),
    "an unknown key": ("[tool.falsmith]\nautor = 'x'", "author"),
    "another type": ("[tool.falsmith]\nversion = 1.0", "1.0"),
}


@pytest.mark.parametrize("case", PYPROJECT)
def test_a_table_that_cannot_be_used_is_named(tmp_path: Path, case: str) -> None:
    text, told = PYPROJECT[case]
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_details(tmp_path)
    assert "pyproject.toml" in refused.value.message
    assert told in f"{refused.value.message} {[str(one) for one in refused.value.problems]}"


def test_options_come_before_the_table_of_the_nearest_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.falsmith]\nname = "acme"\nversion = "1.0.0"\n', encoding="utf-8"
    )
    below = tmp_path / "a/b"
    below.mkdir(parents=True)
    assert Details(version="2.0.0").over(read_details(below)) == Details("acme", "2.0.0")
    (below / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert read_details(below) == Details()


def test_a_problem_is_told_once(request_for: Callable[..., BundleRequest], skills: Path) -> None:
    edit(skills / ALONE, "SKILL.md", "\n[x](none.md)\n")
    made = bundle(request_for("folder", folders=(skills / ALONE,), allow_edited=True))
    found: list[Finding] = [one for one in made.judged[0].found if one.severity == "problem"]
    assert len(found) == 1
