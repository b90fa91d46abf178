"""`falsmith catalog`: fetched once from a platform, then everything works without it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from falsmith.catalog.bundled import bundled_ids
from falsmith.catalog.cache import default_path
from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.catalog.conftest import FakePlatform, Server

Falsmith = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def models(make_documents: Callable[..., Documents]) -> list[Documents]:
    """Return the documents of models, more than fit on a page of the list."""
    prompt = {"prompt": {"type": "string"}}
    return [
        make_documents(f"acme/model-{number}", prompt | {f"field_{number % 3}": {"type": "string"}})
        for number in range(120)
    ]


@pytest.fixture
def falsmith(capsys: pytest.CaptureFixture[str]) -> Falsmith:
    def call(*arguments: str) -> tuple[int, Any, str]:
        status = run(arguments)
        printed = capsys.readouterr()
        return status, json.loads(printed.out), printed.err

    return call


@pytest.fixture
def synced(
    models: list[Documents], falsmith: Falsmith, monkeypatch: pytest.MonkeyPatch
) -> Falsmith:
    """Return the command line on a machine that was synced and has no network any more."""
    with Emulator(models) as platform:
        monkeypatch.setenv("FAL_PLATFORM_URL", platform.environment["FAL_PLATFORM_URL"])
        status, answer, _ = falsmith("catalog", "sync")
        assert (status, answer["models"], answer["documents"]) == (0, 120, 120)
    return falsmith


def test_after_a_sync_everything_works_with_the_platform_gone(
    synced: Falsmith, tmp_path: Path
) -> None:
    status, answer, told = synced("search", "--offline", "--input", "field_2", "--all")
    assert (status, len(answer["models"]), told) == (0, 40, "")
    assert synced("search", "model 77", "--offline")[1]["models"][0]["model_id"] == "acme/model-77"
    assert len(synced("search", "--source", "cache", "--all")[1]["models"]) == 120
    assert synced("categories")[1]["categories"] == {"text-to-image": 120}
    assert synced("show", "acme/model-5", "--offline")[1]["model_id"] == "acme/model-5"
    skills = ["-o", str(tmp_path / "skills")]
    assert synced("generate", "-m", "acme/model-5", "--offline", *skills)[0] == 0


def test_bundled_models_are_still_there_after_a_sync(synced: Falsmith) -> None:
    assert synced("show", bundled_ids()[0], "--offline")[0] == 0
    status, answer, _ = synced("show", "acme/model-500", "--offline")
    assert status == 2
    assert "Close to it: acme/model-50" in answer["error"]["message"]


def test_info_gives_count_age_size_and_path(synced: Falsmith) -> None:
    status, answer, _ = synced("catalog", "info")
    assert status == 0
    assert (answer["models"], answer["documents"], answer["unfinished_pages"]) == (120, 120, 0)
    assert answer["path"] == str(default_path(os.environ["FAL_PLATFORM_URL"]))
    assert answer["size"] == Path(answer["path"]).stat().st_size
    assert 0 <= answer["age_s"] < 600


def test_info_of_nothing_is_no_error(falsmith: Falsmith) -> None:
    status, answer, _ = falsmith("catalog", "info")
    assert (status, answer["models"], answer["synced"], answer["age_s"]) == (0, 0, None, None)


def test_a_sync_that_is_refused_says_so(
    falsmith: Falsmith, models: list[Documents], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_KEY", "refused")
    with Emulator(models) as platform:
        monkeypatch.setenv("FAL_PLATFORM_URL", platform.environment["FAL_PLATFORM_URL"])
        status, answer, told = falsmith("catalog", "sync")
    assert (status, answer["error"]["code"]) == (3, "key_refused")
    assert "models are stored" not in told


def test_a_cache_that_is_removed_while_it_is_filled_is_reported(
    fake: "FakePlatform", server: "Server", make_entry: Callable[..., dict[str, Any]]
) -> None:
    fake.models = [make_entry(f"acme/m{number}") for number in range(3)]
    server.hold = "at-2"
    command = [sys.executable, "-m", "falsmith", "catalog", "sync"]
    environment = os.environ | {"FAL_PLATFORM_URL": server.url}
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, env=environment) as process:
        assert server.asked.wait(30)
        shutil.rmtree(default_path(server.url).parent)
        server.release()
        answer, _ = process.communicate(timeout=60)
    assert process.returncode == 9
    assert "was removed while it was filled" in json.loads(answer)["error"]["message"]


def test_a_sync_onto_a_disk_in_the_way_is_reported(
    falsmith: Falsmith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    status, answer, _ = falsmith("catalog", "sync")
    assert (status, answer["error"]["code"]) == (9, "local_trouble")


def test_a_damaged_cache_is_reported_and_filled_anew(
    synced: Falsmith, models: list[Documents], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(synced("catalog", "info")[1]["path"])
    path.write_bytes(b"not a database" * 500)
    status, answer, told = synced("search", "--offline", "--all")
    assert (status, len(answer["models"])) == (0, len(bundled_ids()))
    assert told.count(f"the cache {path} could not be used") == 1
    with Emulator(models) as platform:
        monkeypatch.setenv("FAL_PLATFORM_URL", platform.environment["FAL_PLATFORM_URL"])
        assert synced("catalog", "sync")[1]["models"] == 120


def test_no_progress_bar_is_drawn_where_nobody_sees_it(models: list[Documents]) -> None:
    with Emulator(models) as platform:
        command = [sys.executable, "-m", "falsmith", "catalog", "sync"]
        environment = {**os.environ, **platform.environment}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr == ""
    assert json.loads(done.stdout)["models"] == 120
