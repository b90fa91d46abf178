"""Whom a skill talks to, with which key and settings: read from environment and file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .credentials import credentials
from .errors import KeyMissingError
from .origins import Origins, origins
from .settings import Settings, load_settings

__all__ = ["Config", "load_config"]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is set from outside a command line; the key never shows in its repr."""

    key: str | None = field(repr=False)
    scheme: str
    origins: Origins
    settings: Settings
    skill: Path | None = None

    def authorization(self) -> dict[str, str]:
        """Return the header that carries the key, or raise KeyMissingError when there is none."""
        if self.key is None:
            raise KeyMissingError(
                "key_missing",
                "no key is set: set FAL_KEY to a key from https://fal.ai/dashboard/keys. Some "
                "hosts hide variables named *KEY* from the commands they run: there, put the key "
                "into a variable of another name and set FAL_KEY_VARIABLE to that name",
            )
        return {"Authorization": f"{self.scheme} {self.key}"}


def load_config(
    skill: Path | None, environ: Mapping[str, str], *, key: str | None = None
) -> Config:
    """Read key, origins and settings; `key`, from the command line, beats the environment's.

    `skill` is a skill's folder, or None for a call without one. Raises UsageError for a setting
    and KeyMissingError for a key that cannot be used; a missing key is no error yet.
    """
    found, scheme = credentials(environ, key)
    return Config(found, scheme, origins(environ), load_settings(skill, environ), skill)
