"""The third-party packages that a call needs: at hand, or how to get them."""

import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from fal_runtime.errors import LocalError

# Module and requirement; the same ranges stand in every wrapper's PEP 723 header.
PACKAGES: Mapping[str, str] = {
    "httpx": "httpx>=0.27,<1",
    "jsonschema": "jsonschema>=4.21,<5",
    "platformdirs": "platformdirs>=4.2,<5",
    "yaml": "pyyaml>=6.0.1,<7",
}
# Loaded where a command talks to fal, or an input is not plain: that takes longer than handing a
# job to a daemon.
_LATE = ("httpx", "jsonschema")


def require_modules(
    modules: Iterable[str],
    script: Path,
    words: Sequence[str],
    environ: Mapping[str, str],
    packages: Mapping[str, str] = PACKAGES,
) -> None:
    """Return when every module can be imported; else run the same command through uv, once.

    `words` are those after the script's name. Does not return when uv takes over. Raises
    LocalError, whose `next` installs what is missing, where there is no uv or it did not help.
    """
    missing = [module for module in modules if not _importable(module)]
    if not missing:
        return
    if script.is_file():
        from fal_runtime.uv import run_by_uv

        run_by_uv(str(script), words, environ)
    install = [sys.executable or "python3", "-m", "pip", "install", *packages.values()]
    raise LocalError(
        "local_trouble",
        f"this Python cannot import {', '.join(missing)}: install the packages "
        f"{', '.join(packages.values())}, or install uv "
        "(https://docs.astral.sh/uv/), which brings them by itself",
        next=tuple(install),
    )


def _importable(module: str) -> bool:
    if module in _LATE:
        return find_spec(module) is not None
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
