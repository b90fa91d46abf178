"""Writes that were killed: what is left is ours, and the next run repairs it."""

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
from falsmith.skill.provenance import PROVENANCE, read_provenance
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
