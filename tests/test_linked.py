"""Skills in default mode link to the creator skill: written, updated, refused, and left behind."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from falsmith.catalog.bundled import bundled_documents
from falsmith.cli import run
from falsmith.documents import Documents
from falsmith.errors import TargetError
from falsmith.generate import generate, share_runtime
from falsmith.render import CREATOR, SHARED, Options
from falsmith.verify import verify

FLUX = "fal-ai/flux/schnell"


@pytest.fixture
def flux() -> Documents:
    """Return a bundled model."""
    documents = bundled_documents(FLUX)
    assert documents is not None
    return documents


@pytest.fixture
def skills(flux: Documents, tmp_path: Path) -> Path:
    """Return a folder with one linked skill and the creator skill beside it."""
    share_runtime(tmp_path / "skills")
    generate(flux, Options(), tmp_path / "skills")
    return tmp_path / "skills"


def links(folder: Path) -> list[Path]:
    return [place for place in folder.rglob("*") if place.is_symlink()]


def edit_provenance(skills: Path, version: str) -> None:
    place = skills / CREATOR / "references" / "provenance.json"
    place.write_text(json.dumps(json.loads(place.read_bytes()) | {"falsmith": version}))


def dry_run(skill: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    script = skill / "scripts" / "fal_ai_flux_schnell.py"
    return subprocess.run(
        [sys.executable, str(script), "--dry-run", "--prompt", "x"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_linked_skill_and_the_creator_skill_are_sound_and_work(
    skills: Path, tmp_path: Path
) -> None:
    skill = skills / "fal-ai-flux-schnell"
    ran = dry_run(skill, tmp_path)

    assert verify(skill) == []
    assert verify(skills / CREATOR) == []
    assert len(links(skill)) == len(SHARED)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["status"] == "DRY_RUN"


def test_a_second_run_changes_nothing(flux: Documents, skills: Path) -> None:
    creator = share_runtime(skills)

    assert creator is not None
    assert creator.drift == ()
    assert generate(flux, Options(), skills).drift == ()


def test_an_older_creator_skill_is_updated(skills: Path) -> None:
    edit_provenance(skills, "0.0.1")

    share_runtime(skills)

    assert verify(skills / CREATOR) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_newer_creator_skill_is_kept_unless_forced(skills: Path, force: bool) -> None:
    edit_provenance(skills, "99.0.0")

    if force:
        share_runtime(skills, force=True)
        assert verify(skills / CREATOR) == []
    else:
        with pytest.raises(TargetError, match=r"99\.0\.0.*--standalone"):
            share_runtime(skills)


def test_an_edited_creator_skill_stops_generation_and_names_the_way_out(skills: Path) -> None:
    edited = skills / CREATOR / "scripts" / "fal_runtime" / "model.py"
    edited.write_text("mine = True\n")

    with pytest.raises(TargetError, match=r"scripts/fal_runtime/model\.py.*--standalone"):
        share_runtime(skills)
    assert edited.read_text() == "mine = True\n"


def test_a_foreign_folder_of_its_name_stops_generation(tmp_path: Path) -> None:
    (tmp_path / CREATOR).mkdir()
    (tmp_path / CREATOR / "SKILL.md").write_text("mine\n")

    with pytest.raises(TargetError, match=r"not a skill of falsmith.*--standalone"):
        share_runtime(tmp_path)


def test_a_model_that_fails_leaves_no_creator_skill_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run(["generate", "--offline", "-m", "acme/unknown", "-o", str(tmp_path / "skills")])

    assert status == 2
    assert "acme/unknown" in capsys.readouterr().err
    assert list(tmp_path.glob("skills/*")) == []


def test_where_links_cannot_be_made_copies_are_made_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links on this file system")

    monkeypatch.setattr(os, "symlink", refuse)
    status = run(["generate", "--offline", "-m", FLUX, "-o", str(tmp_path / "skills")])

    assert status == 0
    assert "copy of the runtime" in capsys.readouterr().err
    assert links(tmp_path / "skills") == []
    assert [place.name for place in (tmp_path / "skills").iterdir()] == ["fal-ai-flux-schnell"]


@pytest.mark.parametrize("mode", ["standalone", "public"])
def test_a_skill_turns_from_links_to_copies_and_back(
    flux: Documents, skills: Path, tmp_path: Path, mode: str
) -> None:
    skill = skills / "fal-ai-flux-schnell"
    generate(flux, Options("public" if mode == "public" else "standalone"), skills)
    copied = links(skill)
    (skill / "scripts" / "fal_runtime" / "__pycache__").mkdir()
    (skill / "scripts" / "fal_runtime" / "__pycache__" / "api.pyc").touch()
    generate(flux, Options(), skills)

    assert copied == []
    assert len(links(skill)) == len(SHARED)
    assert verify(skill) == []
    assert dry_run(skill, tmp_path).returncode == 0


def test_a_users_file_among_the_copies_is_not_lost_to_a_link(flux: Documents, skills: Path) -> None:
    generate(flux, Options("standalone"), skills)
    mine = skills / "fal-ai-flux-schnell" / "scripts" / "fal_runtime" / "mine.py"
    mine.write_text("mine = True\n")

    with pytest.raises(TargetError, match="scripts/fal_runtime"):
        generate(flux, Options(), skills)
    assert mine.read_text() == "mine = True\n"


def test_the_creator_skill_makes_skills_from_a_copy_without_falsmith(
    skills: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / ".claude" / "skills"
    shutil.copytree(skills, copy, symlinks=True)
    # Without `site`, the path file that makes falsmith importable here is not read.
    packages = str(Path(pytest.__file__).parents[1])
    done = subprocess.run(
        [
            *(sys.executable, "-S"),
            str(copy / CREATOR / "scripts" / "generate_fal_skill.py"),
            *("--offline", "-m", "fal-ai/whisper", "-o", str(copy), "--json"),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": packages},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) == {"skills", "failed"}
    assert verify(copy / "fal-ai-whisper") == []


def test_a_folder_in_the_place_of_a_link_is_replaced_when_it_holds_nothing(
    flux: Documents, skills: Path
) -> None:
    place = skills / "fal-ai-flux-schnell" / "scripts" / "fal_runtime"
    place.unlink()
    (place / "__pycache__").mkdir(parents=True)

    generate(flux, Options(), skills)

    assert place.is_symlink()
    assert verify(skills / "fal-ai-flux-schnell") == []


def test_force_never_removes_what_is_not_falsmiths(flux: Documents, skills: Path) -> None:
    generate(flux, Options("standalone"), skills)
    runtime = skills / "fal-ai-flux-schnell" / "scripts" / "fal_runtime"
    (runtime / "mine.txt").write_text("mine")
    before = sorted(runtime.iterdir())

    with pytest.raises(TargetError, match=r"not falsmith's: scripts/fal_runtime/mine\.txt"):
        generate(flux, Options(), skills, force=True)
    assert sorted(runtime.iterdir()) == before


def test_a_public_skill_is_refused_before_anything_is_written(
    flux: Documents, skills: Path
) -> None:
    skill = skills / "fal-ai-flux-schnell"
    (skill / "notes").symlink_to("/etc/hostname")

    with pytest.raises(TargetError, match=r"no symbolic links.*notes"):
        generate(flux, Options("public"), skills)
    assert (skill / "scripts" / "fal_runtime").is_symlink()


def test_leftovers_of_a_killed_write_are_not_handed_on(flux: Documents, skills: Path) -> None:
    leftover = skills / CREATOR / "scripts" / "fal_runtime" / ".falsmith-1-api.py"
    leftover.write_text("half")
    os.utime(leftover, (0, 0))

    creator = share_runtime(skills)

    assert creator is not None
    assert creator.drift == ()
    assert not leftover.exists()


def test_a_full_disk_leaves_no_half_written_file_behind(tmp_path: Path) -> None:
    limited = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        "from falsmith.cli import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    arguments = ["generate", "--source", "bundled", "-m", FLUX, "--standalone", "-o", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", limited, *arguments], capture_output=True, text=True, check=False
    )

    assert done.returncode == 9, done.stderr
    assert run(arguments) == 0
    assert verify(tmp_path / "fal-ai-flux-schnell") == []


@pytest.mark.parametrize("options", [Options(), Options("standalone")])
def test_a_copy_without_links_is_written_like_one_with_them(
    flux: Documents, skills: Path, tmp_path: Path, options: Options
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(skills, copy)
    made = generate(flux, options, copy)

    assert "edited" not in {one.kind for one in made.drift}
    assert (len(links(made.folder)), verify(made.folder)) == (
        len(SHARED) * (options == Options()),
        [],
    )
