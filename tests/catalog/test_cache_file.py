"""The cache's file: no damage, no full or read-only disk and no second process is fatal."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fal_runtime.errors import LocalError
from falsmith.catalog.cache import Cache, default_path
from falsmith.catalog.query import Query
from falsmith.documents import Documents

MakeDocuments = Callable[..., Documents]


def ids(cache: Cache, text: str = "") -> list[str]:
    return [one.model_id for one in cache.search(Query(text, status="all"))]


def spoil(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "newer":
        rows = sqlite3.connect(path)
        rows.execute("PRAGMA user_version = 99")
        rows.close()
    elif how == "foreign":
        path.unlink()
        rows = sqlite3.connect(path)
        rows.execute("CREATE TABLE mine (x)")
        rows.close()
    else:
        path.write_bytes({"garbage": b"x" * 5000, "cut": data[:5000], "holes": _holes(data)}[how])


def _holes(data: bytes) -> bytes:
    return data[:4096] + b"\x5a" * (len(data) - 4096)


@pytest.mark.parametrize("how", ["garbage", "cut", "holes", "newer", "foreign"])
@pytest.mark.parametrize("first", ["read", "write"])
def test_a_damaged_file_is_deleted_with_a_notice_and_filled_again(
    filled: Cache,
    path: Path,
    notices: list[str],
    how: str,
    first: str,
) -> None:
    filled.close()
    spoil(path, how)
    cache = Cache(path, notices.append)
    if first == "read":
        assert cache.search(Query("bicycle")) == []
        assert cache.documents("acme/paint") is None
    cache.remember(Documents("acme/new", {}, {"paths": {"/x": {}}}))
    assert ["was deleted; `falsmith catalog sync`" in notice for notice in notices] == [True]
    assert ids(Cache(path, notices.append)) == ["acme/new"]
    cache.close()
    assert {file.name for file in path.parent.iterdir()} == {path.name}


def test_a_document_that_cannot_be_read_back_is_damage(
    filled: Cache, path: Path, notices: list[str]
) -> None:
    filled.close()
    rows = sqlite3.connect(path)
    rows.execute("UPDATE documents SET body = x'00'")
    rows.commit()
    rows.close()
    assert filled.documents("acme/paint") is None
    assert "acme/paint is damaged" in notices[0]


@pytest.mark.parametrize("column", ["model_id", "metadata", "category"])
def test_a_text_that_is_no_utf8_is_damage(
    filled: Cache, path: Path, notices: list[str], column: str
) -> None:
    filled.close()
    rows = sqlite3.connect(path)
    rows.execute(f"UPDATE models SET {column} = CAST(x'ff' AS TEXT) WHERE id = 1")
    rows.commit()
    rows.close()
    assert ids(filled) == []
    assert ["could not be used" in notice for notice in notices] == [True]


def test_a_damaged_file_that_cannot_be_deleted_is_an_error_with_both_reasons(
    filled: Cache, path: Path, notices: list[str]
) -> None:
    filled.close()
    spoil(path, "garbage")
    path.with_name("catalog.db-shm").mkdir()
    with pytest.raises(LocalError, match=r"not a database, and it cannot be deleted"):
        ids(filled)
    assert notices == []


def test_a_file_that_another_process_has_replaced_is_taken_as_it_is(
    filled: Cache, path: Path, notices: list[str], make_documents: MakeDocuments
) -> None:
    assert ids(filled, "film") == ["acme/film"]
    filled.close()
    spoil(path, "garbage")
    other = Cache(path, notices.append)
    other.remember(make_documents("acme/new"))
    assert ids(filled) == ["acme/new"]
    assert len(notices) == 1


def test_a_folder_that_cannot_be_made_is_trouble_of_this_machine(
    tmp_path: Path, notices: list[str], make_documents: MakeDocuments
) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "catalog.db", notices.append)
    with pytest.raises(LocalError, match="File exists") as raised:
        cache.remember(make_documents("acme/one"))
    assert raised.value.exit_status == 9


def test_a_folder_in_the_place_of_the_file_is_trouble_of_this_machine(
    path: Path, cache: Cache
) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LocalError, match="XDG_CACHE_HOME"):
        cache.contents()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read_and_not_written(
    filled: Cache, path: Path, make_documents: MakeDocuments
) -> None:
    filled.close()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        cache = Cache(path, print)
        assert ids(cache, "film") == ["acme/film"]
        with pytest.raises(LocalError):
            cache.remember(make_documents("acme/one"))
    finally:
        path.parent.chmod(0o700)


def test_a_full_disk_keeps_what_was_there(filled: Cache, path: Path) -> None:
    filled.close()
    code = (
        "import sys, resource; from pathlib import Path\n"
        "from fal_runtime.errors import LocalError\n"
        "from falsmith.catalog.cache import Cache; from falsmith.documents import Documents\n"
        "size = Path(sys.argv[1]).stat().st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "big = {'paths': {'/x': {}}, 'noise': [str(hash((n, 1))) for n in range(99999)]}\n"
        "try: Cache(Path(sys.argv[1]), print).remember(Documents('acme/big', {}, big))\n"
        "except LocalError as error: sys.exit(f'{error.exit_status}: {error}')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert run.stderr.startswith("9: the cache")
    assert ids(filled) == ["acme/film", "acme/paint", "acme/old", "acme/bicycle"]


def test_a_full_disk_is_no_reason_not_to_read(filled: Cache, path: Path) -> None:
    filled.close()
    code = (
        "import sys, resource; from pathlib import Path\n"
        "from falsmith.catalog.cache import Cache; from falsmith.catalog.query import Query\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "print(len(Cache(Path(sys.argv[1]), sys.exit).search(Query(status='all'))))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("4\n", "")


def test_a_file_that_found_no_room_when_it_was_made_is_an_empty_cache(
    cache: Cache, path: Path, make_documents: MakeDocuments
) -> None:
    path.parent.mkdir()
    path.touch()
    assert cache.contents().models == 0
    assert path.stat().st_size == 0
    cache.remember(make_documents("acme/one"))
    assert ids(cache) == ["acme/one"]


def test_two_processes_write_at_once(path: Path, notices: list[str]) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from falsmith.catalog.cache import Cache; from falsmith.documents import Documents\n"
        "for number in range(25):\n"
        "    openapi = {'paths': {'/x': {}}, 'number': number}\n"
        "    documents = Documents(f'{sys.argv[2]}/m{number}', {}, openapi)\n"
        "    Cache(Path(sys.argv[1]), sys.exit).remember(documents)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("one", "two")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert Cache(path, notices.append).contents().models == 50
    assert notices == []


def test_platforms_of_this_machine_share_one_cache_and_others_have_their_own() -> None:
    local = {default_path(f"http://{host}") for host in ("127.0.0.1:1", "localhost:2", "[::1]:3")}
    others = {default_path(), default_path("https://gateway.example"), default_path("https://b.c")}
    assert len(local) == 1
    assert len(others) == 3
    assert local.isdisjoint(others)
