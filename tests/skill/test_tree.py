"""Trees as values: compared with a folder, written file by file, repaired after an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

import pytest

from falsmith.errors import TargetError
from falsmith.skill.ownership import Drift, compare, holds_files
from falsmith.skill.provenance import PROVENANCE, is_damaged, read_provenance
from falsmith.skill.tree import File, digest
from falsmith.skill.write import remove_leftovers, write

KILLED = """
import os, pathlib, signal, sys
from falsmith.skill import ownership, tree, write
real, left = os.replace, int(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def replace(source, target):
    global left
    if left == 0:
        die()
    left -= 1
    real(source, target)
os.replace, os.rename = replace, die
files = [tree.File(pathlib.PurePosixPath(p), c.encode()) for p, c in eval(sys.argv[3])]
folder = pathlib.Path(sys.argv[1])
write.write(files, folder, ownership.compare(files, folder))
"""


def tree(*names: str, version: str = "1", **contents: str) -> tuple[File, ...]:
    """Return files of one skill, provenance last."""
    told = dict.fromkeys(names, f"version {version}\n") | contents
    files = [File(PurePosixPath(path), text.encode()) for path, text in sorted(told.items())]
    digests = {str(file.path): digest(file.content) for file in files}
    provenance = {"model_id": "acme/demo", "version": version, "files": digests}
    return (*files, File(PROVENANCE, json.dumps(provenance).encode()))


def written(files: Sequence[File], folder: Path) -> list[Drift]:
    drift = compare(files, folder)
    write(files, folder, drift)
    return drift


def kinds(files: Sequence[File], folder: Path) -> dict[str, str]:
    return {str(one.path): one.kind for one in compare(files, folder)}


def test_a_written_tree_does_not_differ(tmp_path: Path) -> None:
    files = tree("SKILL.md", "scripts/a.py")

    assert {one.kind for one in written(files, tmp_path / "skill")} == {"missing"}
    assert compare(files, tmp_path / "skill") == []
    assert (tmp_path / "skill/scripts/a.py").read_bytes() == b"version 1\n"
    assert not list(tmp_path.rglob(".falsmith-*"))


def test_only_files_that_differ_are_replaced(tmp_path: Path) -> None:
    written(tree("a", "b"), tmp_path)
    before = (tmp_path / "a").stat().st_ino
    written(tree("a", "b", b="new"), tmp_path)

    assert (tmp_path / "a").stat().st_ino == before
    assert (tmp_path / "b").read_text() == "new"


def test_what_is_up_to_date_is_not_written_at_all(tmp_path: Path) -> None:
    files = tree("a", "b")
    written(files, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    written(files, tmp_path)

    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_each_kind_of_difference_is_reported(tmp_path: Path) -> None:
    written(tree("a", "b", "c"), tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_text("edited")
    (tmp_path / "mine.txt").touch()
    script = File(PurePosixPath("c"), b"version 1\n", executable=True)
    files = [file for file in tree("a", "b", "c") if file.path != script.path]

    assert kinds([*files, script], tmp_path) == {
        "a": "missing",
        "b": "edited",
        "c": "mode",
        "mine.txt": "extra",
    }


def test_an_older_file_of_ours_is_stale_and_a_foreign_one_is_edited(tmp_path: Path) -> None:
    written(tree("a"), tmp_path)
    (tmp_path / "b").write_text("not ours")

    assert kinds(tree("a", "b", version="2"), tmp_path) == {
        "a": "stale",
        "b": "edited",
        "references/provenance.json": "stale",
    }


def test_a_mode_is_mended(tmp_path: Path) -> None:
    script = File(PurePosixPath("run.py"), b"x", executable=True)
    files = [script, *tree()]
    written(files, tmp_path)
    (tmp_path / "run.py").chmod(0o600)

    assert {one.kind for one in written(files, tmp_path)} == {"mode"}
    assert (tmp_path / "run.py").stat().st_mode & 0o100
    assert not (tmp_path / PROVENANCE).stat().st_mode & 0o100


def test_traces_of_other_programs_and_the_users_own_files_are_nobodys_drift(
    tmp_path: Path,
) -> None:
    files = tree("scripts/a.py")
    written(files, tmp_path)
    (tmp_path / "scripts/__pycache__").mkdir()
    (tmp_path / "scripts/__pycache__/a.pyc").touch()
    for name in (".DS_Store", "scripts/.DS_Store", "references/guide.md"):
        (tmp_path / name).touch()
    (tmp_path / "references/defaults.yaml").touch()

    assert compare(files, tmp_path) == []


def test_files_that_are_no_longer_made_are_removed_unless_edited(tmp_path: Path) -> None:
    written(tree("old", "edited", "kept"), tmp_path)
    (tmp_path / "edited").write_text("mine")
    (tmp_path / "mine.txt").touch()
    written(tree("kept", version="2"), tmp_path)

    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "edited",
        "kept",
        "mine.txt",
        "provenance.json",
    }


@pytest.mark.parametrize("listed", ["../victim", "/victim", "linked/victim"])
def test_nothing_outside_is_removed_whatever_provenance_lists(tmp_path: Path, listed: str) -> None:
    folder, outside = tmp_path / "skill", tmp_path / "outside"
    outside.mkdir()
    for victim in (tmp_path / "victim", outside / "victim"):
        victim.write_text("precious")
    written(tree("a"), folder)
    (folder / "linked").symlink_to(outside)
    provenance = json.loads((folder / PROVENANCE).read_bytes())
    path = str(tmp_path / "victim") if listed.startswith("/") else listed
    provenance["files"][path] = digest(b"precious")
    (folder / PROVENANCE).write_text(json.dumps(provenance))

    written(tree("a", version="2"), folder)

    assert (tmp_path / "victim").read_text() == "precious"
    assert (outside / "victim").read_text() == "precious"


def test_a_link_in_the_place_of_a_file_is_reported_as_edited_and_never_written_through(
    tmp_path: Path,
) -> None:
    folder, outside = tmp_path / "skill", tmp_path / "outside.txt"
    files = tree("a")
    written(files, folder)
    outside.write_bytes((folder / "a").read_bytes())
    (folder / "a").unlink()
    (folder / "a").symlink_to(outside)

    assert kinds(files, folder) == {"a": "edited"}
    written(tree("a", version="2"), folder)
    assert outside.read_text() == "version 1\n"
    assert not (folder / "a").is_symlink()


def test_a_linked_folder_is_reported_as_edited_and_never_written_through(tmp_path: Path) -> None:
    folder, outside = tmp_path / "skill", tmp_path / "outside"
    files = tree("scripts/deep/a")
    written(files, folder)
    outside.mkdir()
    (folder / "scripts").rename(tmp_path / "gone")
    (folder / "scripts").symlink_to(outside, target_is_directory=True)

    assert kinds(files, folder) == {"scripts": "extra", "scripts/deep/a": "edited"}
    written(files, folder)
    assert list(outside.iterdir()) == []
    assert compare(files, folder) == []


def test_a_folder_where_a_file_belongs_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a/inside").mkdir(parents=True)
    (tmp_path / "a/inside/mine").touch()

    assert kinds(tree("a"), tmp_path)["a"] == "edited"
    with pytest.raises(TargetError, match="a/inside/mine") as caught:
        written(tree("a"), tmp_path)
    assert caught.value.code == "edited"
    assert (tmp_path / "a/inside/mine").exists()


def test_a_file_where_a_folder_belongs_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "scripts").write_text("mine")

    assert kinds(tree("scripts/a"), tmp_path)["scripts/a"] == "edited"
    with pytest.raises(TargetError, match="cannot write"):
        written(tree("scripts/a"), tmp_path)
    assert (tmp_path / "scripts").read_text() == "mine"


@pytest.mark.parametrize("place", ["file/skill", "file/deeper/skill"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(TargetError) as caught:
        written(tree("a"), tmp_path / place)
    assert caught.value.code == "local_trouble"
    assert "--output DIR" in caught.value.message


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"model_id": 5}', b'{"files": {}}', b"\xff", b'"model_id"'],
    ids=range(7),
)
def test_a_broken_provenance_owns_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "references").mkdir()
    (tmp_path / PROVENANCE).write_bytes(content)

    assert read_provenance(tmp_path) is None


def test_wrong_types_in_a_provenance_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "references").mkdir()
    told = {"model_id": "a/b", "files": {"a": 5, "b": ["x", 3], "c": "y"}, "writing": [1]}
    (tmp_path / PROVENANCE).write_text(json.dumps(told))
    found = read_provenance(tmp_path)

    assert found is not None
    assert {path: set(digests) for path, digests in found.contents.items()} == {
        "b": {"x"},
        "c": {"y"},
    }


def test_a_default_of_a_wrong_type_in_the_provenance_of_a_collection_is_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "references").mkdir()
    told = {"collection": "c", "default": {}, "models": {"a": {"model_id": "x/a"}}}
    (tmp_path / PROVENANCE).write_text(json.dumps(told))
    found = read_provenance(tmp_path)

    assert found is not None
    assert (set(found.models), found.default) == ({"a"}, None)


def test_a_collection_that_names_a_model_as_none_can_be_is_not_taken_for_its_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "references").mkdir()
    told = {"falsmith": "1", "collection": "c", "models": {"a": {"model_id": "x/a"}, "b": 5}}
    (tmp_path / PROVENANCE).write_text(json.dumps(told))

    assert read_provenance(tmp_path) is None
    assert is_damaged(tmp_path)


def killed_after(replaced: int, files: Sequence[File], folder: Path) -> None:
    """Write in a process of its own that dies before its next replacement, or before any move."""
    told = [(str(file.path), file.content.decode()) for file in files]
    command = [sys.executable, "-c", KILLED, str(folder), str(replaced), repr(told)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("replaced", range(5))
def test_a_first_write_that_was_killed_is_repaired(tmp_path: Path, replaced: int) -> None:
    files = tree("a", "b", "scripts/c")
    killed_after(replaced, files, tmp_path)

    assert holds_files(tmp_path) == (replaced > 0)
    assert "edited" not in kinds(files, tmp_path).values()
    written(files, tmp_path)
    assert compare(files, tmp_path) == []


@pytest.mark.parametrize("replaced", range(5))
def test_an_update_that_was_killed_is_repaired(tmp_path: Path, replaced: int) -> None:
    old, new = tree("a", "b", "gone"), tree("a", "b", "new", version="2")
    written(old, tmp_path)
    killed_after(replaced, new, tmp_path)

    assert "edited" not in kinds(new, tmp_path).values()
    written(new, tmp_path)
    assert compare(new, tmp_path) == []
    assert not (tmp_path / "gone").exists()


def test_no_empty_folder_is_left_of_an_update_that_was_killed(tmp_path: Path) -> None:
    written(tree("a", "gone/file"), tmp_path)
    killed_after(1, tree("a", "new/file", version="2"), tmp_path)
    # It may also be killed after the last file of a folder went and before the folder.
    (tmp_path / "gone").mkdir(exist_ok=True)

    written(tree("a", version="3"), tmp_path)

    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["references"]


def test_updates_that_were_killed_one_after_another_are_repaired(tmp_path: Path) -> None:
    names = [f"file{number}" for number in range(6)]
    written(tree(*names), tmp_path)
    for version, replaced in (("2", 6), ("3", 4), ("2", 3), ("4", 2)):
        killed_after(replaced, tree(*names, version=version), tmp_path)
        assert "edited" not in kinds(tree(*names, version="5"), tmp_path).values()

    written(tree(*names, version="5"), tmp_path)

    assert compare(tree(*names, version="5"), tmp_path) == []
    found = read_provenance(tmp_path)
    assert found is not None
    assert all(len(digests) == 1 for digests in found.contents.values())


def test_an_edit_during_an_interrupted_update_is_still_an_edit(tmp_path: Path) -> None:
    written(tree("a", "b"), tmp_path)
    killed_after(2, tree("a", "b", version="2"), tmp_path)
    (tmp_path / "b").write_text("mine")

    assert kinds(tree("a", "b", version="2"), tmp_path)["b"] == "edited"


def test_a_new_tree_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    files = tree("a", "scripts/b")
    killed_after(0, files, tmp_path / "new")
    assert not (tmp_path / "new").exists()

    written(files, tmp_path / "new")
    assert compare(files, tmp_path / "new") == []
    (left,) = tmp_path.glob(".falsmith-*-new")
    remove_leftovers(tmp_path)
    assert left.exists()

    os.utime(left, (0, 0))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"new"}


def test_what_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"cannot write .*x{300}"):
        written(tree("a", "x" * 300), tmp_path / "new")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_others_make_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    mine, theirs = tree("a"), tree("a", version=version)
    real = Path.rename

    def rename(source: Path, target: Path) -> Path:
        monkeypatch.undo()
        target.mkdir()
        written(theirs, target)
        return real(source, target)

    monkeypatch.setattr(Path, "rename", rename)
    expected = nullcontext() if version == "1" else pytest.raises(TargetError, match="came to be")
    with expected:
        written(mine, tmp_path / "new")

    assert compare(theirs, tmp_path / "new") == []
    assert {path.name for path in tmp_path.iterdir()} == {"new"}


def test_old_leftovers_of_killed_writes_are_removed_and_fresh_ones_left(tmp_path: Path) -> None:
    written(tree("a"), tmp_path)
    for name, age in ((".falsmith-1-a", 7200), (".falsmith-2-a", 0)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / ".falsmith-3-folder").mkdir()
    os.utime(tmp_path / ".falsmith-3-folder", (0, 0))
    written(tree("a", version="2"), tmp_path)

    assert {path.name for path in tmp_path.glob(".falsmith-*")} == {
        ".falsmith-2-a",
        ".falsmith-3-folder",
    }


def test_a_missing_folder_misses_everything(tmp_path: Path) -> None:
    assert set(kinds(tree("a"), tmp_path / "none").values()) == {"missing"}
    assert not holds_files(tmp_path / "none")
