"""What a command line asks a model to do, as one validated value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LocalFile", "PreparedInput"]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of this machine that an input names: where in the input, its path, its `x-file` kind."""

    location: tuple[str | int, ...]
    path: Path
    kind: str


@dataclass(frozen=True, slots=True)
class PreparedInput:
    """A complete input; at each local file stands `<upload:/absolute/path>` until it is uploaded."""

    value: dict[str, Any]
    local_files: tuple[LocalFile, ...] = ()
    notices: tuple[str, ...] = ()
