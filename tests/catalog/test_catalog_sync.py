"""A sync: complete, resumed after any interruption, alone, and careful with what it removes."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from fal_runtime.errors import LocalError, NotAcceptedError
from falsmith.catalog.cache import Cache
from falsmith.catalog.query import Query
from falsmith.catalog.sync import SyncProgress, sync
from falsmith.documents import Documents
from falsmith.errors import PlatformError
from falsmith.platform import CursorError

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform, Server


@pytest.fixture
def run(five: "FakePlatform", cache: Cache, notices: list[str]) -> Callable[[], SyncProgress]:
    """Return what syncs once and returns how it ended."""
    return lambda: [*sync(five.platform(), cache, notices.append)][-1]


def ids(cache: Cache) -> list[str]:
    return sorted(one.model_id for one in cache.search(Query(status="all")))


def interrupt(fake: "FakePlatform", run: Callable[[], SyncProgress], at: str) -> None:
    """Let a sync end for want of a network at the page of a cursor."""
    fake.unreachable = at
    with pytest.raises(NotAcceptedError):
        run()
    fake.unreachable = ""
    fake.requests.clear()


def test_every_model_and_document_is_stored(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    last = run()
    assert (last.done, last.pages, last.models) == (True, 3, 5)
    assert ids(cache) == [f"acme/m{number}" for number in range(5)]
    stored = cache.documents("acme/m3")
    assert stored == Documents("acme/m3", five.models[3]["metadata"], five.models[3]["openapi"])
    contents = cache.contents()
    assert (contents.models, contents.documents, contents.pages) == (5, 5, 0)
    assert contents.synced == five.now.isoformat()


@pytest.mark.parametrize("at", ["at-2", "at-4"])
def test_an_interrupted_sync_goes_on_where_it_ended(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache, at: str
) -> None:
    interrupt(five, run, at)
    assert cache.contents().pages == int(at[-1]) // 2
    assert cache.contents().synced == ""
    assert run().models == 5
    assert five.cursors == ["at-2", "at-4"][at == "at-4" :]
    assert len(ids(cache)) == 5


def test_after_a_day_it_begins_anew(run: Callable[[], SyncProgress], five: "FakePlatform") -> None:
    interrupt(five, run, "at-4")
    five.later(hours=25)
    run()
    assert five.cursors == [None, "at-2", "at-4"]


def test_a_cursor_that_is_not_taken_any_more_begins_it_anew(
    run: Callable[[], SyncProgress], five: "FakePlatform", notices: list[str]
) -> None:
    interrupt(five, run, "at-4")
    five.answers["at-4"] = httpx.Response(400)
    assert run().models == 5
    assert five.cursors == ["at-4", None, "at-2", "at-4"]
    assert "begins anew" in notices[0]


def test_a_list_that_goes_in_a_circle_is_an_error(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    circle = {"models": [], "next_cursor": "at-2", "has_more": True}
    five.answers["at-4"] = httpx.Response(200, json=circle)
    with pytest.raises(CursorError):
        run()
    assert cache.contents().synced == ""


def test_a_model_that_vanished_is_removed_when_the_whole_list_was_read(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    run()
    del five.models[1]
    interrupt(five, run, "at-2")
    assert "acme/m1" in ids(cache)
    assert run().removed == 1
    assert ids(cache) == ["acme/m0", "acme/m2", "acme/m3", "acme/m4"]
    assert cache.search(Query("m1")) == []
    assert cache.documents("acme/m1") is None


def test_a_model_that_was_looked_up_since_it_was_listed_can_vanish_too(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    run()
    gone = five.models.pop(1)
    cache.remember(Documents("acme/m1", gone["metadata"], gone["openapi"]))
    assert run().removed == 1


def test_a_model_that_was_only_looked_up_is_not_taken_for_vanished(
    run: Callable[[], SyncProgress], cache: Cache, make_documents: Callable[[str], Documents]
) -> None:
    cache.remember(make_documents("me/private"))
    run()
    assert run().removed == 0
    assert cache.documents("me/private") is not None


def test_a_broken_entry_is_named_and_removes_nothing(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache, notices: list[str]
) -> None:
    run()
    five.models[1] = {"endpoint_id": "acme/m1", "metadata": 7}
    last = run()
    assert (last.done, last.broken, last.removed, last.kept) == (True, 1, 0, 1)
    assert len(ids(cache)) == 5
    assert "model 2, cannot be used: the metadata of acme/m1 is a number" in notices[0]


def test_an_error_in_place_of_a_document_keeps_the_former_one(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    run()
    five.models[1]["openapi"] = {"error": {"code": "expansion_failed", "message": "no"}}
    five.models[1]["metadata"]["display_name"] = "Changed"
    run()
    found = cache.documents("acme/m1")
    assert found is not None
    assert found.metadata["display_name"] == "Changed"
    assert "/acme/m1" in found.openapi["paths"]


@pytest.mark.parametrize(
    "document",
    [{"error": {"message": "no such text"}}, {"paths": []}, {"paths": {"/x": {}}, "info": 7}],
)
def test_a_broken_document_is_named_and_the_former_one_stays(
    run: Callable[[], SyncProgress],
    five: "FakePlatform",
    cache: Cache,
    notices: list[str],
    document: Any,
) -> None:
    run()
    five.models[1]["openapi"] = document
    assert run().done
    found = cache.documents("acme/m1")
    assert found is not None
    assert "/acme/m1" in found.openapi["paths"]
    assert [notice.startswith("without a document: ") for notice in notices] == [True]
    assert "acme/m1" in notices[0]


def test_a_cache_that_is_replaced_on_the_way_is_never_called_complete(
    run: Callable[[], SyncProgress],
    five: "FakePlatform",
    cache: Cache,
    path: Path,
    notices: list[str],
) -> None:
    steps = sync(five.platform(), cache, notices.append)
    next(steps), next(steps)
    cache.close()
    path.write_bytes(b"x" * 5000)
    with pytest.raises(LocalError, match="was replaced while it was filled"):
        list(steps)
    assert cache.contents().synced == ""
    assert run().done
    assert len(ids(cache)) == 5


def test_a_model_without_a_document_is_counted_and_found(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    five.models[1]["openapi"] = {"error": {"code": "expansion_failed", "message": "no"}}
    run()
    assert (cache.contents().models, cache.contents().documents) == (5, 4)
    assert cache.search(Query("m1"))[0].model_id == "acme/m1"
    assert cache.documents("acme/m1") is None


def test_a_list_without_any_model_empties_nothing(
    run: Callable[[], SyncProgress], five: "FakePlatform", cache: Cache
) -> None:
    run()
    five.models = []
    with pytest.raises(PlatformError, match="lists no model at all"):
        run()
    assert len(ids(cache)) == 5


def test_two_syncs_at_once_are_one_too_many(
    five: "FakePlatform", cache: Cache, path: Path, notices: list[str]
) -> None:
    first = sync(five.platform(), cache, notices.append)
    next(first)
    with pytest.raises(LocalError, match="another `falsmith catalog sync`"):
        next(sync(five.platform(), Cache(path, notices.append), notices.append))
    assert [*first][-1].done
    assert [*sync(five.platform(), Cache(path, notices.append), notices.append)][-1].done


def test_of_two_syncs_that_begin_at_the_same_moment_one_goes_on(
    run: Callable[[], SyncProgress], path: Path
) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(f"{path}.lock")
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    assert run().done
    other.close()


def test_a_lookup_during_a_sync_is_remembered(
    five: "FakePlatform",
    cache: Cache,
    path: Path,
    make_documents: Callable[[str], Documents],
) -> None:
    steps = sync(five.platform(), cache, print)
    next(steps), next(steps)
    Cache(path, print).remember(make_documents("me/own"))
    assert [*steps][-1].done
    assert "me/own" in ids(cache)


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL here")
def test_a_killed_sync_loses_no_page_and_blocks_no_other(
    five: "FakePlatform", server: "Server", path: Path
) -> None:
    code = (
        "import os, sys; from pathlib import Path; import httpx\n"
        "from fal_runtime.config import load_config; from falsmith.platform import Platform\n"
        "from falsmith.catalog.cache import Cache; from falsmith.catalog.sync import sync\n"
        "config = load_config(None, {'FAL_PLATFORM_URL': sys.argv[2]})\n"
        "platform = Platform(httpx.Client(trust_env=False), config)\n"
        "print([*sync(platform, Cache(Path(sys.argv[1]), print), print)][-1].models)\n"
    )
    server.hold = "at-2"
    command = [sys.executable, "-c", code, str(path), server.url]
    with subprocess.Popen(command) as process:
        assert server.asked.wait(30)
        process.send_signal(signal.SIGKILL)
    server.hold = ""
    assert Cache(path, print).contents().pages == 1
    rerun = subprocess.run(command, capture_output=True, text=True, check=True)
    assert rerun.stdout == "5\n"
    assert five.cursors == [None, "at-2", "at-2", "at-4"]
    assert len(ids(Cache(path, print))) == 5
