"""Find the key that pays for a call, without ever showing it."""

from collections.abc import Mapping

from .errors import KeyMissingError, UsageError

__all__ = ["credentials"]

_SCHEMES = {"key": "Key", "bearer": "Bearer"}


def credentials(environ: Mapping[str, str], key: str | None = None) -> tuple[str | None, str]:
    """Return the key (None when there is none) and the authorization scheme.

    Variables are those of fal's own clients (FAL_KEY; FAL_KEY_ID with FAL_KEY_SECRET), and
    FAL_KEY_VARIABLE, which names another variable. Raises KeyMissingError for a key that no HTTP
    header can carry and UsageError for an unknown FAL_AUTH_SCHEME.
    """
    named = environ.get("FAL_AUTH_SCHEME") or "Key"
    if named.lower() not in _SCHEMES:
        raise UsageError("invalid_settings", "FAL_AUTH_SCHEME must be Key or Bearer")
    source, found = ("--api-key", key) if key is not None else _from_environment(environ)
    return _usable(found, source), _SCHEMES[named.lower()]


def _from_environment(environ: Mapping[str, str]) -> tuple[str, str]:
    named = environ.get("FAL_KEY_VARIABLE", "").strip()
    if named:
        return named, environ.get(named, "")
    if environ.get("FAL_KEY", "").strip():
        return "FAL_KEY", environ["FAL_KEY"]
    parts = [environ.get(name, "").strip() for name in ("FAL_KEY_ID", "FAL_KEY_SECRET")]
    return "FAL_KEY_ID and FAL_KEY_SECRET", ":".join(parts) if all(parts) else ""


def _usable(key: str, source: str) -> str | None:
    stripped = key.strip(" \t")
    if not stripped:
        return None
    if not all("!" <= character <= "~" for character in stripped):
        raise KeyMissingError(
            "key_refused",
            f"the key in {source} holds a line break, a space or a character that no key has: "
            "copy it again, without anything before or after it",
        )
    return stripped
