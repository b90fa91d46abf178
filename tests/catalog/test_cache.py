"""The cache: what goes in comes out, is found, and no broken file or full disk is fatal."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fal_runtime.errors import LocalError, UsageError
from falsmith.catalog.cache import Cache
from falsmith.catalog.query import Query, close_categories
from falsmith.documents import Documents
from falsmith.errors import DocumentError

MakeDocuments = Callable[..., Documents]
FILE = {"$ref": "#/components/schemas/File"}


def ids(cache: Cache, *words: str, **query: Any) -> list[str]:
    return [one.model_id for one in cache.search(Query(" ".join(words), **query))]


@pytest.fixture
def filled(cache: Cache, make_documents: MakeDocuments) -> Cache:
    frames = {"end_image_url": {"type": "string"}, "resolution": {"enum": ["720p", "1080p"]}}
    steps = {"steps": {"enum": [4, 8]}, "voices": {"type": "array", "items": {"enum": ["Ann"]}}}
    clip = {"video": FILE}
    cache.add(
        [
            make_documents("acme/paint", date="2025-01-01", description="Paints a red bicycle"),
            make_documents("acme/film", frames, clip, category="image-to-video", date="2026-01-01"),
            make_documents("acme/bicycle", steps, {"images": {"type": "array", "items": FILE}}),
            make_documents("acme/old", status="deprecated", date="2020-01-01"),
        ]
    )
    return cache


def test_documents_come_back_exactly(path: Path, make_documents: MakeDocuments) -> None:
    inputs = {"b": {"default": 1.0}, "a": {"default": 12345678901234567890}, "c": {"x": "\ud800"}}
    documents = make_documents("acme/paint", inputs, tags=["x"])
    Cache(path, print).remember(documents)
    found = Cache(path, print).documents("acme/paint")
    assert found == documents
    assert list(found.openapi["components"]["schemas"]["In"]["properties"]) == ["b", "a", "c"]


def test_reading_makes_no_file(cache: Cache, path: Path) -> None:
    assert cache.documents("acme/paint") is None
    assert cache.search(Query()) == []
    assert cache.contents().models == 0
    assert not path.parent.exists()


def test_a_document_is_stored_once(cache: Cache, path: Path, make_documents: MakeDocuments) -> None:
    same = make_documents("acme/one").openapi
    cache.add([Documents(f"acme/{name}", {}, same) for name in ("one", "two", "three")])
    changed = make_documents("acme/one", {"new": {}}).openapi
    cache.add([Documents("acme/one", {}, changed), Documents("acme/two", {}, changed)])
    cache.close()
    rows = sqlite3.connect(path)
    assert rows.execute("SELECT count(*) FROM documents").fetchone() == (2,)
    cache.add([Documents("acme/three", {}, changed)])
    assert rows.execute("SELECT count(*) FROM documents").fetchone() == (1,)
    rows.close()


def test_what_is_written_together_is_written_whole_or_not_at_all(
    cache: Cache, path: Path, make_documents: MakeDocuments
) -> None:
    def broken() -> Iterator[Documents]:
        yield make_documents("acme/one")
        raise DocumentError("the second one is broken")

    with pytest.raises(DocumentError):
        cache.add(broken())
    assert ids(cache) == []
    cache.remember(make_documents("acme/two"))
    assert ids(Cache(path, print)) == ["acme/two"]


def test_a_changed_document_is_found_by_what_it_can_do_now(
    cache: Cache, make_documents: MakeDocuments
) -> None:
    cache.remember(make_documents("acme/one", {"before": {}}))
    cache.remember(make_documents("acme/one", {"after": {}}))
    assert ids(cache, inputs=("before",)) == []
    assert ids(cache, inputs=("after",)) == ["acme/one"]


def test_without_words_the_newest_comes_first(filled: Cache) -> None:
    assert ids(filled) == ["acme/film", "acme/paint", "acme/bicycle"]
    assert ids(filled, status="all")[-2:] == ["acme/old", "acme/bicycle"]
    assert ids(filled, status="deprecated") == ["acme/old"]


def test_words_rank_names_before_sentences(filled: Cache) -> None:
    assert ids(filled, "bicycle") == ["acme/bicycle", "acme/paint"]


@pytest.mark.parametrize("word", ["painting", "PAINT", "pai", "acme/paint", "red bicycle"])
def test_words_are_found_in_any_form(filled: Cache, word: str) -> None:
    assert ids(filled, word)[0] == "acme/paint"


def test_models_with_some_of_the_words_are_found_where_none_has_all(filled: Cache) -> None:
    assert ids(filled, "yellow bicycle film") == ["acme/film", "acme/bicycle", "acme/paint"]


@pytest.mark.parametrize(
    "text", ['"', "a OR", "(", "NEAR(", "*", "-", "!!!", "\x00", "\udc80x", "%"]
)
def test_signs_are_no_query_language(filled: Cache, text: str) -> None:
    assert isinstance(ids(filled, text), list)


def test_signs_alone_find_nothing(filled: Cache) -> None:
    assert ids(filled, "!!!") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"inputs": ("end_image_url",)}, ["acme/film"]),
        ({"choices": (("resolution", "1080p"),)}, ["acme/film"]),
        ({"choices": (("resolution", "4k"),)}, []),
        ({"choices": (("steps", "8"),)}, ["acme/bicycle"]),
        ({"choices": (("voices", "Ann"),)}, ["acme/bicycle"]),
        ({"output_kinds": ("video",)}, ["acme/film"]),
        ({"output_kinds": ("image",)}, ["acme/bicycle"]),
        ({"inputs": ("end_image_url",), "output_kinds": ("image",)}, []),
        ({"category": "image-to-video"}, ["acme/film"]),
        ({"category": "nonsense"}, []),
    ],
)
def test_models_are_found_by_what_they_can_do(
    filled: Cache, query: dict[str, Any], found: list[str]
) -> None:
    assert ids(filled, **query) == found


def test_the_category_of_the_document_stands_in(
    cache: Cache, make_documents: MakeDocuments
) -> None:
    openapi = dict(make_documents("acme/one").openapi)
    openapi["info"] = {"x-fal-metadata": {"category": "vision"}}
    cache.add(
        [Documents("acme/one", {}, openapi), Documents("acme/two", {}, {"paths": {"/x": {}}})]
    )
    assert ids(cache, category="vision") == ["acme/one"]
    assert ids(cache, category="unknown") == ["acme/two"]
    assert cache.categories() == {"unknown": 1, "vision": 1}


@pytest.mark.parametrize("query", [{"text": "x" * 10_000}, {"category": "x" * 10_000}])
def test_a_search_without_end_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="10000 characters"):
        Query(**query)  # type: ignore[arg-type]


def test_close_categories_are_named_for_an_unknown_one_only() -> None:
    assert close_categories("text-to-image", ()) is None
    assert close_categories("brand-new", ["brand-new"]) is None
    assert "text-to-image" in (close_categories("Text-to-imgae", ()) or ())
    assert close_categories("qqqq", ()) == []


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
def test_a_file_that_cannot_be_used_is_told_and_set_aside(
    filled: Cache,
    path: Path,
    notices: list[str],
    how: str,
    first: str,
) -> None:
    filled.close()
    spoil(path, how)
    kept = path.read_bytes()
    cache = Cache(path, notices.append)
    if first == "read":
        assert cache.search(Query("bicycle")) == []
        assert cache.documents("acme/paint") is None
    cache.remember(Documents("acme/new", {}, {"paths": {"/x": {}}}))
    word = "newer" if how == "newer" else "damaged"
    assert [notice.partition(word)[1] for notice in notices] == [word]
    assert path.with_name(f"catalog.db.{word}").read_bytes()[:4096] == kept[:4096]
    assert ids(Cache(path, notices.append)) == ["acme/new"]


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
    assert ids(filled, status="all") == ["acme/film", "acme/paint", "acme/old", "acme/bicycle"]


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
