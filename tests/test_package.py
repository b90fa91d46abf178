"""What is built is what is here: wheel, sdist, and a skill made from the installed wheel."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import fal_runtime
import falsmith
from falsmith.render import CREATOR_PACKAGES

CHECKOUT = Path(__file__).parents[1]
WHERE = {
    "falsmith": CHECKOUT / "generator" / "falsmith",
    "fal_runtime": CHECKOUT / "generator" / "fal_runtime",
    "falsmith/templates": CHECKOUT / "templates",
}
# Tells ruff how to read the runtime in a checkout; an installed package has no use for it.
LEFT_OUT = {"ruff.toml", ".DS_Store"}
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache"}
METADATA = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
MODEL = "fal-ai/flux/schnell"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    return build(CHECKOUT, tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built straight from the checkout."""
    return only(build(CHECKOUT, tmp_path_factory.mktemp("wheel"), "--wheel"), "*.whl")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh environment with the wheel in it.

    Its dependencies are those of the environment that runs the tests, so that no network is needed;
    a line in a `.pth` file adds that folder, and leaves out its own `.pth` files: the editable
    falsmith among them.
    """
    folder = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    packages = only(folder, "lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_holds_exactly_the_packages_and_the_templates(wheel: Path) -> None:
    information = f"falsmith-{falsmith.__version__}.dist-info"
    expected = {f"{information}/{name}" for name in METADATA}
    for inside, folder in WHERE.items():
        expected |= {f"{inside}/{path}" for path in files(folder)}
    assert set(contents(wheel)) == expected


def test_every_file_of_the_wheel_is_the_one_of_the_checkout(wheel: Path) -> None:
    inside = contents(wheel)
    for package, folder in WHERE.items():
        for path in files(folder):
            assert inside[f"{package}/{path}"] == (folder / path).read_bytes()


def test_the_wheel_from_the_sdist_is_the_wheel_from_the_checkout(built: Path, wheel: Path) -> None:
    assert contents(only(built, "*.whl")) == contents(wheel)


def test_the_sdist_holds_what_the_tests_need(built: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        names = {PurePosixPath(name) for name in archive.getnames()}
    inside = {str(PurePosixPath(*name.parts[1:])) for name in names}
    here = PurePosixPath(Path(__file__).relative_to(CHECKOUT).as_posix())
    assert {str(here), "Makefile", "CHANGELOG.md", "pyproject.toml"} <= inside
    assert not {name for name in inside if "__pycache__" in name or name.startswith(".venv")}


def test_the_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    told = "import falsmith, fal_runtime; print(falsmith.__file__); print(fal_runtime.__file__)"
    places = run(installed / "python", "-c", told, folder=tmp_path).splitlines()
    assert [Path(place).is_relative_to(installed.parent) for place in places] == [True, True]
    version = run(installed / "falsmith", "--version", folder=tmp_path)
    assert version == f"falsmith {falsmith.__version__}\n"


def test_the_installed_wheel_makes_the_same_skill_as_the_checkout(
    installed: Path, tmp_path: Path
) -> None:
    generate = ("generate", "--offline", "--model-id", MODEL, "--output", "skills")
    for name, command in (
        ("wheel", (installed / "falsmith",)),
        ("checkout", (sys.executable, "-m", "falsmith")),
    ):
        (tmp_path / name).mkdir()
        run(*command, *generate, folder=tmp_path / name)
    skill = tree(tmp_path / "wheel")
    assert "skills/fal-ai-flux-schnell/SKILL.md" in skill
    assert skill == tree(tmp_path / "checkout")


def test_a_skill_from_the_wheel_runs(installed: Path, tmp_path: Path) -> None:
    run(installed / "falsmith", "generate", "--offline", "-m", MODEL, "-o", ".", folder=tmp_path)
    wrapper = only(tmp_path, "fal-ai-flux-schnell/scripts/fal_ai_*.py")
    assert "DRY_RUN" in run(sys.executable, wrapper, "--prompt", "a fox", "--dry-run")


def test_this_environment_finds_the_templates_and_the_runtime_of_the_checkout() -> None:
    assert Path(falsmith.__file__).parent == WHERE["falsmith"]
    assert Path(fal_runtime.__file__).parent == WHERE["fal_runtime"]


def build(source: Path, folder: Path, *options: str) -> Path:
    """Build into `folder` with what this environment has, and return it."""
    where = ("--no-isolation", "--outdir", folder)
    run(sys.executable, "-m", "build", *where, *options, source, folder=folder)
    return folder


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Return the stdout of a command that must succeed; its stderr is shown when it fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder: Path) -> list[str]:
    """Return the files of a source folder that belong in a package."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in found
        if CACHES.isdisjoint(path.parts) and path.name not in LEFT_OUT
    ]


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the mode of every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_the_creator_skill_asks_for_what_the_package_depends_on() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]

    assert sorted(CREATOR_PACKAGES.values()) == sorted(project["dependencies"])
