"""Folders, sockets and links: tried for real, in places that allow it and in some that do not."""

import socket
import tempfile
from pathlib import Path

import pytest

from falsmith.doctor.machine import (
    check_cache,
    check_links,
    check_project,
    check_sockets,
    check_state,
)


def test_folders_that_can_be_written_are_named_and_left_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    state = {"FAL_STATE_DIR": str(tmp_path / "state/of/jobs")}
    checks = [check_cache(), check_state(state), check_state({}), check_project(tmp_path)]
    checks += [check_links(tmp_path / "project"), check_sockets()]

    assert {check.verdict for check in checks} == {"ok"}
    assert str(tmp_path / "home/.cache/falsmith") in checks[0].found
    assert str(tmp_path / "state/of/jobs") in checks[1].found
    assert str(tmp_path / "home/.local/state/falsmith") in checks[2].found
    assert [path.name for path in tmp_path.rglob("*")] == ["project"]


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    # A file where a folder is needed stops every user, also one with all permissions.
    blocked = tmp_path / "file"
    blocked.write_text("")
    state = check_state({"FAL_STATE_DIR": str(blocked / "state")})
    project = check_project(blocked)

    assert (state.verdict, "FAL_STATE_DIR" in state.advice) == ("warning", True)
    assert (project.verdict, "--output" in project.advice) == ("problem", True)
    assert f"{blocked} cannot be written: Not a directory" in project.found


def test_a_current_folder_that_is_gone_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert check_project(Path()).verdict == "problem"
    assert check_links(Path()).verdict == "warning"


def test_without_links_skills_carry_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    check = check_links(tmp_path)
    assert (check.verdict, "--standalone" in check.advice) == ("warning", True)


def test_without_unix_sockets_calls_go_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    assert (check_sockets().verdict, "too long" in check_sockets().found) == ("warning", True)
    monkeypatch.delattr(socket, "AF_UNIX")
    assert "this system has none" in check_sockets().found
