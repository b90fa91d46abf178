"""Python packages as files of a skill: the runtime, and falsmith itself for the creator skill."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import fal_runtime
import falsmith
from falsmith.skill.tree import File

__all__ = ["generator_files", "runtime_files", "templates_folder"]

RUNTIME = PurePosixPath("scripts/fal_runtime")
GENERATOR = PurePosixPath("scripts/falsmith")
SUFFIXES = frozenset({".py", ".typed", ".json", ".jinja"})
# The local fal needs packages of its own and is of no use to a skill.
LEFT_OUT = frozenset({"emulator", "emulate.py", "demo.py", "templates", "__pycache__"})


@cache
def runtime_files() -> tuple[File, ...]:
    """Return the runtime package as files below `scripts/fal_runtime/`."""
    return tuple(_files(_folder(fal_runtime.__file__), RUNTIME))


def generator_files() -> tuple[File, ...]:
    """Return falsmith with its templates and its bundled catalogue, below `scripts/falsmith/`."""
    own = _files(_folder(falsmith.__file__), GENERATOR)
    return (*own, *_files(templates_folder(), GENERATOR / "templates"))


def templates_folder() -> Path:
    """Return the templates: in the package once installed, beside `generator/` in a checkout."""
    packaged = Path(__file__).with_name("templates")
    if packaged.is_dir():
        return packaged
    # Resolved, because the checkout's example of the creator skill links to this package.
    return Path(__file__).resolve().parents[2] / "templates"


def _folder(module_file: str | None) -> Path:
    assert module_file is not None
    return Path(module_file).parent


def _files(folder: Path, path: PurePosixPath) -> Iterator[File]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name in LEFT_OUT or entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry, path / entry.name)
        elif entry.suffix in SUFFIXES:
            yield File(path / entry.name, entry.read_bytes())
