"""Skills made anew around what the user changed: every kind of edit, and killed writes."""

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fal_runtime.settings import load_settings
from falsmith.documents import Documents
from falsmith.generate import generate, share_runtime
from falsmith.render import Options
from falsmith.skill.installed import Installed, find
from falsmith.skill.remove import plan_removal, remove
from falsmith.sources import SearchableSource
from falsmith.update import CheckedSkill, UpdatedSkill, check, update
from falsmith.verify import verify

RECORD = "references/provenance.json"
# Only the runtime, which is the same in all of them, is left out of what is edited.
TEXTS = (
    "SKILL.md",
    "agents/openai.yaml",
    "queue_config.yaml",
    "references/input.schema.json",
    "references/model_config.json",
    "references/output.schema.json",
    "references/tools/drawing.yaml",
    "scripts/drawing.py",
    "scripts/fal_api_call.py",
    "scripts/fal_runtime/model.py",
)
# What is the same for both states of the model.
SAME = (
    "references/output.schema.json",
    "scripts/drawing.py",
    "scripts/fal_api_call.py",
    "scripts/fal_runtime/model.py",
)
ADDED = ("references/guide.md", "notes.txt", "scripts/mine.py", "SKILL.md.new", "agents/x.new")
OPTIONS = Options("standalone", lazy=True, name="drawing", description="Draws for me.")
Contents = dict[str, bytes | str]


def schema(count: int) -> dict[str, Any]:
    number = {"type": "integer", "maximum": count}
    prompt = {"type": "string", "description": "What to draw."}
    return {"type": "object", "properties": {"prompt": prompt, "count": number}}


class One(SearchableSource):
    """A source that has one state of the model, whichever is asked for."""

    def __init__(self, documents: Documents) -> None:
        self.one = documents

    def documents(self, model_id: str) -> Documents:
        return self.one

    def search(self, *_: Any) -> Any:
        return iter(())


@pytest.fixture(scope="session")
def before(model_documents: Callable[..., Documents]) -> Documents:
    """Return the model as it was when its skill was made."""
    return model_documents(schema(4), metadata={"display_name": "Demo", "description": "Draws."})


@pytest.fixture(scope="session")
def after(model_documents: Callable[..., Documents]) -> Documents:
    """Return the model as it is now, under another title."""
    return model_documents(schema(2), metadata={"display_name": "New", "description": "Paints."})


@pytest.fixture(scope="session")
def pristine(before: Documents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a skill that nobody changed, of a name and a description of its own."""
    return generate(before, OPTIONS, tmp_path_factory.mktemp("pristine")).folder


@pytest.fixture
def skill(pristine: Path, tmp_path: Path) -> Path:
    """Return a copy of the skill."""
    shutil.copytree(pristine, tmp_path / "skills/drawing")
    return tmp_path / "skills/drawing"


def updated(folder: Path, documents: Documents, *, dry_run: bool = False) -> UpdatedSkill:
    """Return what becomes of the only skill of a model there."""
    skills = [one for one in find([folder]) if isinstance(one, Installed)]
    (one,) = (
        each
        for each in update(skills, One(documents), dry_run=dry_run)
        if each.models.get("") is not None
    )
    return one


@pytest.fixture(scope="session")
def fresh(after: Documents, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """Return what the skill would hold if it were made today, and nobody had changed it."""
    return contents(generate(after, OPTIONS, tmp_path_factory.mktemp("fresh")).folder)


def checked(folder: Path, documents: Documents) -> list[CheckedSkill]:
    skills = [one for one in find([folder]) if isinstance(one, Installed)]
    return list(check(skills, One(documents)))


def contents(folder: Path) -> Contents:
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def without_record(found: Contents) -> Contents:
    return {path: content for path, content in found.items() if path != RECORD}


def edit(place: Path) -> bytes:
    """Add a line to a file, and return all of it."""
    mine = place.read_bytes() + b"changed by the user\n"
    place.write_bytes(mine)
    return mine


def test_a_stale_skill_is_made_anew_with_the_options_it_was_made_with(
    skill: Path, fresh: Contents, after: Documents
) -> None:
    done = updated(skill, after)
    assert contents(skill) == fresh
    assert "Draws for me." in (skill / "SKILL.md").read_text()
    assert [one.message for one in done.changes if one.kind == "breaking"] == [
        "takes at most 2 now, at most 4 before"
    ]
    assert (done.edits, done.error) == ((), None)
    assert updated(skill, after).files == ()


def test_a_document_without_a_title_keeps_the_title(
    skill: Path, before: Documents, after: Documents
) -> None:
    assert updated(skill, Documents(before.model_id, {}, before.openapi)).files == ()
    updated(skill, Documents(after.model_id, {}, after.openapi))
    config = json.loads((skill / "references/model_config.json").read_text())
    assert config["display_name"] == "Demo"


@pytest.mark.parametrize("metadata", [{}, {"display_name": "Demo Lite Fast"}])
def test_a_title_with_words_of_the_id_does_not_grow(
    model_documents: Callable[..., Documents], tmp_path: Path, metadata: dict[str, str]
) -> None:
    documents = model_documents(model_id="acme/demo-lite/fast/lite", metadata=metadata)
    folder = generate(documents, Options("standalone"), tmp_path).folder
    assert updated(folder, Documents(documents.model_id, {}, documents.openapi)).files == ()


@pytest.mark.parametrize("path", [one for one in TEXTS if one != "queue_config.yaml"])
def test_an_edited_file_stays_and_what_is_new_of_it_stands_beside_it(
    skill: Path, fresh: Contents, pristine: Path, after: Documents, path: str
) -> None:
    mine = edit(skill / path)
    done = updated(skill, after)

    has_news = fresh[path] != (pristine / path).read_bytes()
    assert has_news == (path not in SAME)
    new = {f"{path}.new": fresh[path]} if has_news else {}
    assert without_record(contents(skill)) == without_record(fresh) | {path: mine} | new
    (kept,) = done.edits
    assert (str(kept.path), kept.new is not None) == (path, has_news)
    for public, severity in ((None, "notice"), (True, "problem")):
        found = [one for one in verify(skill, public=public) if one.path == f"{path}.new"]
        assert [one.severity for one in found] == [severity] * has_news
    assert updated(skill, after).files == ()


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
@pytest.mark.parametrize("path", ["SKILL.md", "scripts/drawing.py"])
def test_whatever_stands_in_the_place_of_a_file_stays(
    skill: Path, after: Documents, tmp_path: Path, kind: str, path: str
) -> None:
    place = skill / path
    place.unlink()
    (tmp_path / "mine.md").write_text("mine")
    if kind == "link":
        place.symlink_to(tmp_path / "mine.md")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
        (place / "mine.md").write_text("mine")
    updated(skill, after)

    assert (place.is_symlink(), place.is_fifo(), place.is_dir()) == (
        kind == "link",
        kind == "pipe",
        kind == "folder",
    )
    assert kind != "folder" or (place / "mine.md").read_text() == "mine"
    assert (tmp_path / "mine.md").read_text() == "mine"
    assert ((skill / "SKILL.md.new").exists()) == (path == "SKILL.md")


def test_what_the_user_deleted_comes_back(skill: Path, fresh: Contents, after: Documents) -> None:
    for path in ("SKILL.md", "queue_config.yaml", "scripts/fal_runtime/model.py"):
        (skill / path).unlink()
    updated(skill, after)
    assert contents(skill) == fresh


def test_the_user_s_own_files_are_not_touched(skill: Path, after: Documents) -> None:
    own = ("references/guide.md", "references/defaults.yaml", "notes.txt", "scripts/mine.py")
    for path in own:
        (skill / path).write_text("mine")
    updated(skill, after)
    assert {(skill / path).read_text() for path in own} == {"mine"}
    assert "references/guide.md" in (skill / "SKILL.md").read_text()


def test_settings_of_the_user_that_the_model_no_longer_takes_are_told(
    skill: Path, after: Documents
) -> None:
    (skill / "references/defaults.yaml").write_text("defaults: {count: 4}\n")

    (warning,) = updated(skill, after).warnings

    assert warning.startswith("references/defaults.yaml: line 1: defaults.count")
    assert "no call goes" in warning


def forget_settings(skill: Path) -> None:
    """Make the record say that falsmith wrote other settings then, as an older one did."""
    record = json.loads((skill / RECORD).read_text())
    record["files"]["queue_config.yaml"] = "0" * 64
    (skill / RECORD).write_text(json.dumps(record))


@pytest.mark.parametrize(
    "mine",
    [
        "max_concurrent: 7",
        "# mine\r\nsync_only: true\r\n",
        "",
        "model_rates:\n  a: {rate_per_min: 1, burst: 2}",
    ],
)
def test_edited_settings_keep_their_values_and_gain_what_is_new(
    skill: Path, after: Documents, mine: str
) -> None:
    place = skill / "queue_config.yaml"
    place.write_bytes(mine.encode())
    assert [one.gained for one in updated(skill, after).edits] == []
    assert place.read_bytes() == mine.encode()

    forget_settings(skill)
    held = load_settings(skill, {})
    (kept,) = updated(skill, after).edits
    text = place.read_bytes().decode()
    assert text.startswith(mine)
    assert len(kept.gained) == (9 if mine else 10)
    assert "\n# Jobs that run at a time.\nmax_concurrent: 2\n" in text or "7" in mine
    assert load_settings(skill, {}) == held
    assert updated(skill, after).files == ()
    assert not (skill / "queue_config.yaml.new").exists()


@pytest.mark.parametrize(("was", "gained"), [(None, 0), ("0" * 64, 9)])
def test_edited_settings_gain_after_a_killed_update_only_what_that_update_brought(
    skill: Path, after: Documents, was: str | None, gained: int
) -> None:
    (skill / "queue_config.yaml").write_text("max_concurrent: 7\n")
    record = json.loads((skill / RECORD).read_text())
    record["writing"] = dict(record["files"])
    record["files"]["queue_config.yaml"] = was or record["files"]["queue_config.yaml"]
    (skill / RECORD).write_text(json.dumps(record))

    done = updated(skill, after)

    assert sum(len(one.gained) for one in done.edits) == gained
    assert RECORD in map(str, done.files)


@pytest.mark.parametrize(
    "mine", ["{max_concurrent: 7}", "no_setting: 1\n", "a: [\n", "  sync_only: true"]
)
def test_settings_that_cannot_gain_anything_are_as_any_edited_file(
    skill: Path, fresh: Contents, after: Documents, mine: str
) -> None:
    (skill / "queue_config.yaml").write_text(mine)
    forget_settings(skill)
    (kept,) = updated(skill, after).edits
    assert (skill / "queue_config.yaml").read_text() == mine
    assert str(kept.new) == "queue_config.yaml.new"
    assert (skill / "queue_config.yaml.new").read_bytes() == fresh["queue_config.yaml"]


def test_the_record_is_written_for_another_version_and_not_for_another_digest_alone(
    skill: Path, before: Documents
) -> None:
    record = json.loads((skill / RECORD).read_text())
    for part, files in (({"source": {"sha256": "0" * 64}}, []), ({"falsmith": "0.0.1"}, [RECORD])):
        (skill / RECORD).write_text(json.dumps(record | part))
        assert list(map(str, updated(skill, before).files)) == files


def test_a_new_version_that_was_merged_and_removed_does_not_come_again(
    skill: Path, after: Documents, before: Documents
) -> None:
    edit(skill / "SKILL.md")
    updated(skill, after)
    (found,) = find([skill])
    assert isinstance(found, Installed)
    assert found.unmerged == (PurePosixPath("SKILL.md.new"),)
    (skill / "SKILL.md.new").unlink()
    (found,) = find([skill])
    assert isinstance(found, Installed)
    assert (found.freshness, found.unmerged) == ("edited", ())
    assert updated(skill, after).files == ()
    updated(skill, before)
    assert (skill / "SKILL.md.new").is_file()


def test_a_new_version_that_was_taken_over_goes(
    skill: Path, fresh: Contents, after: Documents
) -> None:
    edit(skill / "SKILL.md")
    updated(skill, after)
    shutil.copy(skill / "SKILL.md.new", skill / "SKILL.md")
    done = updated(skill, after)
    assert [str(one) for one in done.retired] == ["SKILL.md.new"]
    assert contents(skill) == fresh


def test_removal_takes_the_new_version_and_leaves_the_edited_one(
    skill: Path, after: Documents
) -> None:
    edit(skill / "SKILL.md")
    updated(skill, after)
    remove(plan_removal(skill))
    assert [one.name for one in skill.iterdir()] == ["SKILL.md"]


def own_new_file(skill: Path) -> None:
    edit(skill / "SKILL.md")
    (skill / "SKILL.md.new").write_text("mine")


def link_for_a_folder(skill: Path) -> None:
    (skill / "agents").rename(skill.parent / "mine")
    (skill / "agents").symlink_to(skill.parent / "mine")


def file_for_a_folder(skill: Path) -> None:
    shutil.rmtree(skill / "agents")
    (skill / "agents").write_text("mine")


def newer_falsmith(skill: Path) -> None:
    record = json.loads((skill / RECORD).read_text()) | {"falsmith": "99.0.0"}
    (skill / RECORD).write_text(json.dumps(record))


def options_lost(skill: Path) -> None:
    record = json.loads((skill / RECORD).read_text())
    del record["options"]["mode"]
    (skill / RECORD).write_text(json.dumps(record))


def link_in_a_public_skill(skill: Path) -> None:
    record = json.loads((skill / RECORD).read_text())
    record["options"]["mode"] = "public"
    (skill / RECORD).write_text(json.dumps(record))
    (skill / "mine").symlink_to("SKILL.md")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (own_new_file, "SKILL.md.new in .* is your own"),
        (link_for_a_folder, "in the place of a folder"),
        (file_for_a_folder, "in the place of a folder"),
        (newer_falsmith, "was made by falsmith 99.0.0"),
        (options_lost, "does not say how the skill was made"),
        (link_in_a_public_skill, "holds no symbolic links"),
    ],
)
def test_what_stops_a_skill_is_seen_before_anything_of_it_is_written(
    skill: Path, after: Documents, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(skill)
    found = contents(skill.parent)
    done = updated(skill, after)
    assert done.error is not None
    assert re.search(message, done.error.message)
    assert contents(skill.parent) == found


def test_what_nobody_foresaw_is_one_failure(skill: Path, after: Documents) -> None:
    odd: Any = {"display_name": "Demo"}.items()
    done = updated(skill, Documents(after.model_id, odd, after.openapi))
    assert done.error is not None
    assert done.error.code == "internal_error"
    assert updated(skill, after).error is None


def test_a_linked_skill_gets_its_runtime_anew_around_the_edits_in_it(
    before: Documents, after: Documents, tmp_path: Path
) -> None:
    share_runtime(tmp_path)
    folder = generate(before, Options(), tmp_path).folder
    creator = tmp_path / "fal-skill-creator"
    mine = edit(creator / "SKILL.md")
    (creator / "scripts/fal_runtime/model.py").unlink()
    assert updated(folder, after).error is None
    assert (creator / "SKILL.md").read_bytes() == mine
    assert (folder / "scripts/fal_runtime/model.py").is_file()

    newer_falsmith(creator)
    stopped = updated(folder, before)
    assert stopped.error is not None
    assert "99.0.0" in stopped.error.message


def test_a_dry_run_tells_what_would_change_and_writes_nothing(
    skill: Path, after: Documents
) -> None:
    edit(skill / "SKILL.md")
    shutil.rmtree(skill / "scripts/fal_runtime")
    found = contents(skill)
    done = updated(skill, after, dry_run=True)
    assert contents(skill) == found
    assert done.diff[:2] == ("--- SKILL.md", "+++ SKILL.md.new")
    assert "-changed by the user" in done.diff
    assert len(done.diff) == 201
    assert done.diff[-1].endswith("lines more")


KILLED = """
import os, pathlib, pickle, signal, sys
from falsmith.skill import installed
from falsmith.update import update
real, left = os.replace, int(sys.argv[2])
def replace(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    real(source, target)
os.replace = replace
source = pickle.loads(sys.stdin.buffer.read())
class One:
    def each(self, ids):
        return ((one, source) for one in ids)
list(update(list(installed.find([pathlib.Path(sys.argv[1])])), One()))
"""


def test_an_update_that_was_killed_anywhere_is_finished_by_the_next_one(
    skill: Path, after: Documents, tmp_path: Path
) -> None:
    mine = {path: edit(skill / path) for path in ("SKILL.md", "agents/openai.yaml")}
    (skill / "queue_config.yaml").write_text("max_concurrent: 7\n")
    forget_settings(skill)
    whole = tmp_path / "whole/drawing"
    shutil.copytree(skill, whole)
    replaced = len(updated(whole, after).files)
    assert replaced > 5
    for count in range(replaced + 1):
        killed = tmp_path / f"{count}/drawing"
        shutil.copytree(skill, killed)
        command = [sys.executable, "-c", KILLED, str(killed), str(count)]
        for again in (False, True):
            run = subprocess.run(command, input=pickle.dumps(after), check=False)
            # The second one may have less left to write than that.
            assert run.returncode == -signal.SIGKILL or again
            assert {path: (killed / path).read_bytes() for path in mine} == mine
            assert [one.status for one in checked(killed, after)] == ["stale"] or again
            assert (killed / "queue_config.yaml").read_text().startswith("max_concurrent: 7\n")
        updated(killed, after)
        left = {one.name for one in killed.rglob(".falsmith-*")}
        remains = {k: v for k, v in contents(killed).items() if Path(k).name not in left}
        assert remains == contents(whole), count


@pytest.fixture(scope="session")
def states(before: Documents, after: Documents) -> tuple[Documents, Documents]:
    """Return the model as it was and as it is."""
    return before, after


EDITS = st.sampled_from(["text", "emptied", "binary", "deleted", "folder", "link"])


@settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    edits=st.dictionaries(st.sampled_from(TEXTS), EDITS, max_size=5),
    added=st.sets(st.sampled_from(ADDED), max_size=3),
)
def test_any_edit_of_any_file_survives(
    pristine: Path,
    states: tuple[Documents, Documents],
    tmp_path_factory: pytest.TempPathFactory,
    edits: dict[str, str],
    added: set[str],
) -> None:
    skill = tmp_path_factory.mktemp("any") / "drawing"
    shutil.copytree(pristine, skill)
    for path, kind in edits.items():
        make(skill / path, kind)
    for path in added:
        (skill / path).write_text(f"mine: {path}")
    stays = {path for path, kind in edits.items() if kind != "deleted"}
    found = contents(skill)
    for documents in (states[1], states[0], states[1]):
        done = updated(skill, documents)
        now = contents(skill)
        if done.error is not None:
            assert now == found
            continue
        for path, content in found.items():
            if path in added or any(path == one or path.startswith(f"{one}/") for one in stays):
                if path == "queue_config.yaml" and isinstance(content, bytes):
                    assert now[path][: len(content)] == content
                else:
                    assert now[path] == content
        found = now


def make(place: Path, kind: str) -> None:
    content = place.read_bytes()
    place.unlink()
    if kind == "folder":
        place.mkdir()
        (place / "mine").write_text("mine")
    elif kind == "link":
        place.symlink_to("elsewhere")
    elif kind != "deleted":
        place.write_bytes(
            {"text": content + b"\n# mine\n", "emptied": b"", "binary": b"\xff\0"}[kind]
        )
