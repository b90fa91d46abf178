"""What each format consists of, the same to the byte wherever and whenever it is made."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from falsmith.documents import CollectionDocuments, Documents
from falsmith.generate import generate
from falsmith.publish.archive import archive, read_archive
from falsmith.publish.bundle import BundleRequest, bundle, write_bundle
from falsmith.publish.details import Details
from falsmith.publish.formats import FORMATS
from falsmith.render import Options
from falsmith.skill.tree import File
from falsmith.verify import verify

LINKED, ALONE, COLLECTION = "acme-linked", "acme-alone", "acme-twenty"
INDEX = ".well-known/agent-skills/index.json"


def written(request: BundleRequest) -> Path:
    """Make and write a bundle that has no problem."""
    made = bundle(request)
    assert [one for each in made.judged for one in each.found] == []
    write_bundle(made, request)
    return request.output


def tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file; there are no links."""
    places = [place for place in folder.rglob("*") if not place.is_dir()]
    assert not any(place.is_symlink() for place in places)
    return {place.relative_to(folder).as_posix(): place.read_bytes() for place in places}


def unpacked(content: bytes) -> dict[str, bytes]:
    return {str(file.path): file.content for file in read_archive(content)}


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture
def public(
    model_documents: Callable[..., Documents], twenty: CollectionDocuments, tmp_path: Path
) -> Mapping[str, bytes]:
    """What `generate --public` makes of the same models."""
    output = tmp_path / "public"
    generate(model_documents(model_id="acme/linked"), Options("public"), output)
    generate(model_documents(model_id="acme/alone"), Options("public", lazy=True), output)
    generate(twenty, Options("public", name=COLLECTION), output)
    return tree(output)


def test_a_folder_holds_the_skills_as_public_generation_would_have_made_them(
    request_for: Callable[..., BundleRequest], public: Mapping[str, bytes]
) -> None:
    output = written(request_for("folder"))
    assert tree(output / "skills") == public
    assert tree(output).keys() == {f"skills/{path}" for path in public}
    assert all(verify(folder, public=True) == [] for folder in (output / "skills").iterdir())


def test_a_skill_archive_has_a_folder_of_its_own(
    request_for: Callable[..., BundleRequest], public: Mapping[str, bytes]
) -> None:
    archives = tree(written(request_for("skill")))
    assert archives.keys() == {f"{name}.skill" for name in (ALONE, LINKED, COLLECTION)}
    assert {k: v for one in archives.values() for k, v in unpacked(one).items()} == public


def test_a_site_has_an_index_with_digests_of_archives_that_begin_with_the_skill(
    request_for: Callable[..., BundleRequest], public: Mapping[str, bytes]
) -> None:
    output = written(request_for("well-known"))
    index = read(output / INDEX)
    assert index["$schema"] == "https://schemas.agentskills.io/discovery/0.2.0/schema.json"
    assert [one["name"] for one in index["skills"]] == [ALONE, LINKED, COLLECTION]
    for one in index["skills"]:
        assert one["type"] == "archive"
        assert "demo" in one["description"].lower() or one["description"]
        content = (output / INDEX).with_name(one["url"]).read_bytes()
        assert one["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        inside = {f"{one['name']}/{path}": data for path, data in unpacked(content).items()}
        assert inside == {k: v for k, v in public.items() if k.startswith(f"{one['name']}/")}


@pytest.mark.parametrize(
    ("form", "manifest", "marketplace"),
    [
        ("claude-plugin", ".claude-plugin/plugin.json", ".claude-plugin/marketplace.json"),
        ("codex-plugin", ".codex-plugin/plugin.json", ".agents/plugins/marketplace.json"),
    ],
)
def test_a_plugin_holds_all_skills_and_stands_in_a_marketplace(
    request_for: Callable[..., BundleRequest],
    public: Mapping[str, bytes],
    form: str,
    manifest: str,
    marketplace: str,
) -> None:
    details = Details("acme-media", "1.2.0", "Acme", "MIT", "https://acme.example/x", "Makes.")
    output = written(request_for(form, details=details))
    plugin = output / "plugins/acme-media"
    assert tree(plugin / "skills") == public
    told = read(plugin / manifest)
    assert {key: told[key] for key in ("name", "version", "description", "author", "license")} == {
        "name": "acme-media",
        "version": "1.2.0",
        "description": "Makes.",
        "author": {"name": "Acme"},
        "license": "MIT",
    }
    assert told["homepage"] == "https://acme.example/x"
    market = read(output / marketplace)
    (listed,) = market["plugins"]
    source = listed["source"]
    assert market["name"] == listed["name"] == "acme-media"
    assert (source if isinstance(source, str) else source["path"]) == "./plugins/acme-media"


def test_a_plugin_says_of_itself_what_its_skills_say(
    request_for: Callable[..., BundleRequest],
) -> None:
    output = written(request_for("codex-plugin"))
    told = read(output / "plugins/acme-media/.codex-plugin/plugin.json")
    assert told["license"] == "MIT-0"
    assert "homepage" not in told
    assert all(len(one) <= 128 for one in told["interface"]["defaultPrompt"])
    assert told["interface"]["developerName"] == "Acme Studio"


def test_all_formats_stand_in_folders_of_their_names(
    request_for: Callable[..., BundleRequest],
) -> None:
    output = written(request_for(*FORMATS))
    assert {place.name for place in output.iterdir()} == set(FORMATS)


def test_two_runs_in_different_folders_on_different_days_give_the_same_bytes(
    request_for: Callable[..., BundleRequest], skills: Path, tmp_path: Path
) -> None:
    first = tree(written(request_for(*FORMATS)))
    moved = skills.rename(tmp_path / "elsewhere")
    for place in moved.rglob("*"):
        os.utime(place, (10**9, 10**9), follow_symlinks=False)
    folders = (moved / LINKED, moved / COLLECTION, moved / ALONE)
    again = request_for(*FORMATS, folders=folders, output=tmp_path / "again")
    second = tree(written(again))
    assert second == first


def test_an_archive_is_stored_with_fixed_dates_and_modes(
    request_for: Callable[..., BundleRequest],
) -> None:
    output = written(request_for("skill"))
    with zipfile.ZipFile(output / f"{LINKED}.skill") as packed:
        entries = packed.infolist()
    assert [one.filename for one in entries] == sorted(one.filename for one in entries)
    assert {one.date_time for one in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {one.compress_type for one in entries} == {zipfile.ZIP_STORED}
    assert {one.create_system for one in entries} == {3}
    modes = {one.filename.split("/", 1)[1]: one.external_attr >> 16 for one in entries}
    assert modes["SKILL.md"] == 0o100644
    assert modes["scripts/acme_linked.py"] == 0o100755


def test_an_archive_that_lost_something_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    content = archive([File(Path("a"), b"1"), File(Path("b"), b"2")])  # type: ignore[arg-type]
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        assert packed.namelist() == ["a", "b"]
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *_: None)
    with pytest.raises(Exception, match="does not hold what was put into it"):
        archive([File(Path("a"), b"1")])  # type: ignore[arg-type]


def test_a_skill_runs_where_its_archive_is_unpacked(
    request_for: Callable[..., BundleRequest], tmp_path: Path
) -> None:
    output = written(request_for("skill"))
    with zipfile.ZipFile(output / f"{LINKED}.skill") as packed:
        packed.extractall(tmp_path / "unpacked")
    script = tmp_path / "unpacked" / LINKED / "scripts/acme_linked.py"
    done = subprocess.run(
        [sys.executable, script, "--prompt", "a fox", "--dry-run"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(done.stdout)["status"] == "DRY_RUN", done.stderr


def test_many_long_descriptions_are_told(
    request_for: Callable[..., BundleRequest],
    model_documents: Callable[..., Documents],
    skills: Path,
) -> None:
    for number in range(9):
        options = Options("public", lazy=True, description="Makes pictures. " * 60)
        generate(model_documents(model_id=f"acme/long-{number}"), options, skills)
    made = bundle(request_for("folder", folders=tuple(sorted(skills.glob("acme-long-*")))))
    (note,) = made.notes
    assert "these 9 skills have 8," in note
