"""`falsmith generate` from every source; the failure of one model stops no other."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from falsmith.catalog.bundled import bundled_all
from falsmith.emulator import Emulator

if TYPE_CHECKING:
    from tests.cli.conftest import Ran


class LoginPage(BaseHTTPRequestHandler):
    """Answers everything with a page, as a proxy does that wants to be paid attention."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Sign in</html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


FLUX = "fal-ai/flux/dev"


WHISPER = "fal-ai/whisper"


@pytest.fixture
def saved(tmp_path: Path, openapi_document: Callable[..., dict[str, Any]]) -> Path:
    """Return a folder of two good documents and a broken one."""
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("one", "two"):
        document = openapi_document(model_id=f"acme/{name}")
        (folder / f"acme__{name}.json").write_text(json.dumps(document))
    (folder / "acme__broken.json").write_text('{"openapi": "3.0.4", "paths": {')
    return folder


def skills() -> list[str]:
    names = {path.name for path in Path(".claude/skills").glob("*")}
    return sorted(names - {"fal-skill-creator"})


def test_a_bundled_model_becomes_a_skill_in_the_hosts_folder(
    falsmith: Callable[..., "Ran"],
) -> None:
    ran = falsmith("generate", "--offline", "-m", FLUX)

    assert ran.status == 0
    assert skills() == ["fal-ai-flux-dev"]
    (told,) = ran.answer["skills"]
    assert told["model_id"] == FLUX
    assert told["status"] == "wrote"
    assert told["path"] == str(Path(".claude/skills/fal-ai-flux-dev").absolute())
    assert Path(told["path"], "SKILL.md").is_file()
    assert ran.answer["failed"] == []
    assert "error" not in ran.answer


def test_one_failure_of_several_stops_nothing_and_exits_1(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("generate", "--offline", "-m", "acme/unknown", "-m", FLUX, "-m", WHISPER)

    assert ran.status == 1
    assert skills() == ["fal-ai-flux-dev", "fal-ai-whisper"]
    (failed,) = ran.answer["failed"]
    assert failed["model_id"] == "acme/unknown"
    assert failed["error"]["code"] == "model_not_found"
    assert ran.answer["error"]["code"] == "some_failed"
    assert "acme/unknown" in ran.err


def test_the_same_model_twice_is_one_model(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("generate", "--offline", "-m", FLUX, "-m", FLUX)

    assert len(ran.answer["skills"]) == 1


def test_the_whole_bundled_catalogue_is_generated(falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("generate", "--offline", "--all", "--quiet", "-o", "out")

    assert ran.status == 0
    assert ran.err == ""
    assert len(ran.answer["skills"]) == len(list(Path("out").glob("fal-ai-*"))) >= 6


def test_a_folder_of_saved_documents_is_generated_around_its_broken_one(
    saved: Path, falsmith: Callable[..., "Ran"]
) -> None:
    ran = falsmith("generate", "--source", str(saved), "--all")

    assert ran.status == 1
    assert skills() == ["acme-one", "acme-two"]
    (failed,) = ran.answer["failed"]
    assert "acme__broken.json" in failed["error"]["message"]
    assert "cut off" in failed["error"]["message"]


def test_one_saved_document_is_a_source(saved: Path, falsmith: Callable[..., "Ran"]) -> None:
    ran = falsmith("generate", "--source", str(saved / "acme__one.json"), "-m", "acme/one")

    assert ran.status == 0
    assert skills() == ["acme-one"]


def test_a_broken_document_alone_gives_its_own_error(
    saved: Path, falsmith: Callable[..., "Ran"]
) -> None:
    ran = falsmith("generate", "--source", str(saved), "-m", "acme/broken")

    assert ran.status == 2
    assert ran.answer["error"]["code"] == "invalid_document"
    assert skills() == []


def test_two_models_of_one_name_are_told_apart_by_a_refusal(
    tmp_path: Path, openapi_document: Callable[..., dict[str, Any]], falsmith: Callable[..., "Ran"]
) -> None:
    folder = tmp_path / "clash"
    folder.mkdir()
    for number, model_id in enumerate(("acme/a.b", "acme/a-b")):
        document = json.dumps(openapi_document(model_id=model_id))
        (folder / f"{number}.json").write_text(document)
    ran = falsmith("generate", "--source", str(folder), "--all")

    assert ran.status == 1
    assert skills() == ["acme-a-b"]
    assert "acme/a.b and acme/a-b" in ran.answer["failed"][0]["error"]["message"]
    assert "--name" in ran.answer["failed"][0]["error"]["message"]


def test_the_live_platform_is_asked_by_default_and_never_replaced(
    falsmith: Callable[..., "Ran"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Emulator(bundled_all()) as emulator:
        monkeypatch.setenv("FAL_PLATFORM_URL", emulator.environment["FAL_PLATFORM_URL"])
        found = falsmith("generate", "-m", FLUX)
        unknown = falsmith("generate", "-m", "acme/unknown")
        mistyped = falsmith("generate", "-m", "fal-ai/flux/schnel")

    assert found.status == 0
    assert skills() == ["fal-ai-flux-dev"]
    assert unknown.status == 2
    assert "fal knows no model acme/unknown" in unknown.message
    assert "Close to it" not in unknown.message
    assert "Close to it: fal-ai/flux/schnell" in mistyped.message


def test_a_proxys_page_in_place_of_the_platform_exits_6_and_makes_nothing(
    falsmith: Callable[..., "Ran"], monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), LoginPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("FAL_PLATFORM_URL", f"http://127.0.0.1:{server.server_port}")
        ran = falsmith("generate", "-m", FLUX)
        server.shutdown()
        thread.join()

    assert ran.status == 6
    assert "a proxy or a login page" in ran.message
    assert not Path(".claude").exists()


def test_a_wrong_setting_of_the_platform_is_reported(
    falsmith: Callable[..., "Ran"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_PLATFORM_URL", "not a link")
    ran = falsmith("generate", "-m", FLUX)

    assert ran.status == 2
    assert "FAL_PLATFORM_URL" in ran.message
