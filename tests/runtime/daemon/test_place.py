"""Where a daemon is, and where there can be none."""

import os
import socket
import time
from pathlib import Path

import pytest

from fal_runtime.daemon.place import DaemonError, DaemonPlace, Marker, daemon_folders

MODEL = "acme/demo/fast"


def test_folder_is_named_by_skill_model_and_version(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, tmp_path / "acme-demo", MODEL)
    assert place.folder == tmp_path / "acme-demo__acme_demo_fast__v2"
    anyone = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, MODEL)
    assert anyone.folder == tmp_path / "fal-api-call__acme_demo_fast__v2"


def test_folders_stand_in_the_home_folder_unless_they_are_given(tmp_path: Path) -> None:
    place = DaemonPlace.of({"HOME": str(tmp_path)}, None, MODEL)
    assert place.folder.parent == tmp_path / ".cache" / "fal-queue"


@pytest.mark.parametrize("text", ["../../x", "a" * 300, "con", "\u98de/\u98de"])
def test_no_name_leads_out_of_the_folder_or_is_too_long_for_one(tmp_path: Path, text: str) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, tmp_path / text, text)
    place.open()
    assert [found.parent for found in daemon_folders({"FAL_QUEUE_DIR": str(tmp_path)})] == [
        tmp_path
    ]


def test_folder_is_the_user_s_alone(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path / "new")}, None, MODEL)
    place.open()
    assert place.folder.stat().st_mode & 0o777 == 0o700
    assert place.folder.parent.stat().st_mode & 0o777 == 0o700


def test_folder_that_others_can_open_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, MODEL)
    place.folder.mkdir(mode=0o755)
    with pytest.raises(DaemonError, match="open to other users: `chmod 700` it"):
        place.open()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, MODEL)
    place.folder.mkdir(mode=0o700)
    os.chown(place.folder, 12345, 12345)
    with pytest.raises(DaemonError, match="belongs to another user"):
        place.open()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_link_or_file_in_the_folder_s_place_is_refused(tmp_path: Path, kind: str) -> None:
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, None, MODEL)
    (tmp_path / "mine").mkdir(mode=0o700)
    if kind == "link":
        place.folder.symlink_to(tmp_path / "mine")
    else:
        place.folder.write_text("")
    with pytest.raises(DaemonError):
        place.open()


def test_socket_stands_in_the_session_s_folder(tmp_path: Path, short: Path) -> None:
    environ = {"FAL_QUEUE_DIR": str(tmp_path), "XDG_RUNTIME_DIR": str(short)}
    path = DaemonPlace.of(environ, None, MODEL).new_socket()
    assert path.parent == short
    assert len(path.stem) == 16


@pytest.mark.parametrize("session", ["", "relative", "long", "open"])
def test_socket_stands_below_the_temporary_files_where_the_session_s_folder_is_no_good(
    tmp_path: Path, short: Path, session: str
) -> None:
    (short / "open").mkdir(mode=0o755)
    folders = {"long": str(short / ("x" * 100)), "open": str(short / "open")}
    environ = {
        "FAL_QUEUE_DIR": str(tmp_path),
        "XDG_RUNTIME_DIR": folders.get(session, session),
        "TMPDIR": str(short),
    }
    path = DaemonPlace.of(environ, None, MODEL).new_socket()
    assert path.parent == short / f"fal-queue-{os.getuid()}"
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_folder_of_three_hundred_characters_has_a_short_socket(tmp_path: Path, short: Path) -> None:
    deep = tmp_path / ("x" * 200) / ("y" * 100)
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(deep), "TMPDIR": str(short)}, None, MODEL)
    place.open()
    path = place.new_socket()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert path.is_socket()


def test_where_no_folder_is_short_enough_it_says_so(tmp_path: Path) -> None:
    environ = {"FAL_QUEUE_DIR": str(tmp_path), "TMPDIR": str(tmp_path / ("x" * 200))}
    with pytest.raises(DaemonError, match="too long for a socket"):
        DaemonPlace.of(environ, None, MODEL).new_socket()


def test_system_without_unix_sockets_has_no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(DaemonError, match="no Unix sockets"):
        DaemonPlace.of({"HOME": "/tmp"}, None, MODEL)


def test_read_only_home_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("nobody can make a folder here")
    place = DaemonPlace.of({"HOME": str(tmp_path / "home")}, None, MODEL)
    with pytest.raises(DaemonError, match="cannot be made"):
        place.open()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"socket": 5}'])
def test_broken_marker_is_no_marker(tmp_path: Path, text: str) -> None:
    (tmp_path / "marker").write_text(text)
    assert Marker.read(tmp_path) is None


def test_marker_comes_back_as_it_was(tmp_path: Path) -> None:
    marker = Marker(1, 2.5, "/run/x.sock", MODEL, None)
    marker.write(tmp_path)
    assert Marker.read(tmp_path) == marker


@pytest.mark.parametrize(("seconds", "counts"), [(0, True), (3600, False)])
def test_change_of_the_settings_is_one_of_the_skill_unless_its_time_is_yet_to_come(
    tmp_path: Path, seconds: float, counts: bool
) -> None:
    skill = tmp_path / "scripts-are-older"
    skill.mkdir()
    place = DaemonPlace.of({"FAL_QUEUE_DIR": str(tmp_path)}, skill, MODEL)
    before, changed = place.newest_change(), time.time() + seconds
    (skill / "queue_config.yaml").write_text("max_concurrent: 3\n")
    os.utime(skill / "queue_config.yaml", (changed, changed))
    assert place.newest_change() == pytest.approx(changed if counts else before)
