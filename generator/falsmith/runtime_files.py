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
# What the creator skill has no use for: the commands that judge skills and machines, the local
# fal, which needs packages of its own, and calls and jobs, which have scripts of their own.
_LEFT_OUT = (
    *("doctor", "drift.py", "emulator", "publish", "skill/edits.py", "templates", "text_rules.py"),
    *("update.py", "verify"),
    *("cli/bundle.py", "cli/call.py", "cli/check.py", "cli/demo.py", "cli/doctor.py"),
    *("cli/emulate.py", "cli/price.py", "cli/problems.py", "cli/queue.py", "cli/update.py"),
    *("cli/upload.py", "cli/verify.py"),
)
LEFT_OUT = frozenset(GENERATOR / name for name in _LEFT_OUT)


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
    """Yield the files in `folder` as files below `path`, but for those that are left out."""
    for place in sorted(folder.iterdir()):
        inside = path / place.name
        if place.name.startswith((".", "__pycache__")) or inside in LEFT_OUT:
            continue
        if place.is_dir():
            yield from _files(place, inside)
        elif place.suffix in SUFFIXES and place.is_file():
            yield File(inside, place.read_bytes())
