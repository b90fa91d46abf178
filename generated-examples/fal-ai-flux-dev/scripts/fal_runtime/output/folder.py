"""The folder that results go to: checked before money is spent, never written over or left."""

import filecmp
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import BinaryIO

from fal_runtime.errors import LocalError, UsageError
from fal_runtime.paths import is_below, local_trouble, take_lock
from fal_runtime.text import one_line

_PART = ".falsmith-"
# File systems take 255; a number and an extension may follow.
_LONGEST_STEP = 240
# Elsewhere an open file cannot be removed, so it needs no lock.
_IS_POSIX = os.name == "posix"


@dataclass(frozen=True, slots=True)
class OutputFolder:
    """A folder that exists and can be written; `path` is absolute and without links.

    `wanted` is the path below it that the user gave to the first file, if any.
    """

    path: Path
    wanted: Path | None = None

    def below(self, folder: str | Path) -> Path:
        """Create a folder in this one and return it; raises LocalError where a link leads out."""
        place = self.path / folder
        with local_trouble(place):
            place.mkdir(parents=True, exist_ok=True)
            inside = place.resolve().is_relative_to(self.path)
        if not inside:
            raise LocalError("local_trouble", f"{place} leads out of {self.path}: remove the link")
        return place

    def make_ready(self) -> None:
        """Remove the temporary files of killed processes; raises LocalError where none can be made.

        It is for who begins something: a folder may have thousands of files.
        """
        _remove_left_parts(self.path)
        with self.part():
            pass

    @contextmanager
    def part(self) -> Iterator[tuple[Path, BinaryIO]]:
        """Open a temporary file in the folder, which is removed afterwards.

        It is locked meanwhile: what nobody has locked was left by a process that was killed.
        """
        with local_trouble(self.path):
            place, opened = _new_part(self.path)
            try:
                with opened as file:
                    yield place, file
            finally:
                place.unlink(missing_ok=True)


def open_output_folder(output: Path, wanted: str | None = None) -> OutputFolder:
    """Create the folder where it is missing.

    Raises LocalError, and UsageError for a wanted file name that leaves the folder or that file
    systems do not take.
    """
    if wanted is not None and not is_below(wanted):
        raise UsageError("usage", f"--output-file must be a file below --output ({output})")
    if wanted is not None and any(
        len(os.fsencode(step)) > _LONGEST_STEP for step in Path(wanted).parts
    ):
        raise UsageError(
            "usage", f"--output-file: a name in it is longer than {_LONGEST_STEP} bytes"
        )
    if output.is_file():
        place = one_line(str(output.absolute()))
        raise LocalError(
            "local_trouble", f"{place} is a file: give --output a folder, which is made if need be"
        )
    with local_trouble(output):
        output.mkdir(parents=True, exist_ok=True)
        folder = OutputFolder(output.resolve())
    if wanted is None:
        return folder
    folder.below(Path(wanted).parent)
    return OutputFolder(folder.path, Path(wanted))


def names(stem: str, extension: str, number: int | None = None) -> Iterator[str]:
    """Yield names for a file, best first: `stem[_number].extension`, then higher numbers."""
    yield f"{stem}_{number}.{extension}" if number else f"{stem}.{extension}"
    for further in count(max(2, (number or 0) + 1)):
        yield f"{stem}_{further}.{extension}"


def keep(part: Path, places: Iterable[Path], taken: Collection[Path] = ()) -> Path:
    """Give a finished temporary file the first free place and return it; nothing is overwritten.

    A file that is there already with the same bytes, from an earlier run, is the same file; those
    in `taken` belong to this run.
    """
    for place in places:
        if _placed(part, place):
            return place
        earlier = place not in taken and place.is_file() and not place.is_symlink()
        if earlier and filecmp.cmp(part, place, shallow=False):
            return place
    raise LocalError("local_trouble", f"no free name for {part}")


def save_lines(
    folder: OutputFolder, parent: Path, stem: str, extension: str, lines: Sequence[str]
) -> Path:
    """Save lines of text as a new file in `parent`, which is the folder or below it."""
    with folder.part() as (part, file):
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        file.flush()
        return keep(part, (parent / name for name in names(stem, extension)))


def _new_part(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file and lock it; one that is taken away before that is made anew."""
    while True:
        place = folder / f"{_PART}{secrets.token_hex(8)}.part"
        file = place.open("x+b")
        if _IS_POSIX:
            with suppress(OSError):  # a file system without locks
                take_lock(file, wait=True)
        if os.fstat(file.fileno()).st_nlink:
            return place, file
        file.close()


def _remove_left_parts(folder: Path) -> None:
    for place in folder.glob(f"{_PART}*.part"):
        with suppress(OSError):
            if place.is_file() and not place.is_symlink():
                with place.open("rb") as file:
                    # Gone before the lock is: whoever made it just now and waits for it sees that.
                    if _IS_POSIX and take_lock(file, wait=False, shared=True):
                        place.unlink()
                if not _IS_POSIX:
                    place.unlink()  # one that is open elsewhere stays there


def _placed(part: Path, place: Path) -> bool:
    try:
        os.link(part, place, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links: the name is claimed first.
        try:
            place.open("xb").close()
        except FileExistsError:
            return False
        part.replace(place)
    return True
