"""The addresses that a key may go to, and the check that it goes nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .errors import UsageError

__all__ = ["Origins", "is_loopback", "is_web_url", "origins", "rewritten"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Origins:
    """Where fal is: each a URL without a slash at its end, with a path where a gateway has one."""

    run: str = "https://fal.run"
    queue: str = "https://queue.fal.run"
    rest: str = "https://rest.fal.ai"
    platform: str = "https://api.fal.ai"


def origins(environ: Mapping[str, str]) -> Origins:
    """Return the origins of FAL_*_URL, then of FAL_RUN_HOST and FAL_QUEUE_RUN_HOST, else fal's own.

    The two hosts work as in fal's own clients: a host with an optional port, always over https,
    and the queue's is `queue.` before the other's unless it is given. Raises UsageError.
    """
    run_host = environ.get("FAL_RUN_HOST") or "fal.run"
    queue_host = environ.get("FAL_QUEUE_RUN_HOST") or f"queue.{run_host}"
    return Origins(
        run=_origin(environ, "FAL_RUN_URL", _of_host("FAL_RUN_HOST", run_host)),
        queue=_origin(environ, "FAL_QUEUE_URL", _of_host("FAL_QUEUE_RUN_HOST", queue_host)),
        rest=_origin(environ, "FAL_REST_URL", Origins().rest),
        platform=_origin(environ, "FAL_PLATFORM_URL", Origins().platform),
    )


def is_loopback(url: str) -> bool:
    """Tell whether the URL's host is this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def is_web_url(url: str) -> bool:
    """Tell whether the text is an http or https URL with a host, without a user or a password."""
    if any(character <= " " or character == "\\" for character in url):
        return False
    try:
        parts = urlsplit(url)
        return bool(
            parts.scheme in ("http", "https")
            and parts.hostname
            and "@" not in parts.netloc
            and parts.port != 0
        )
    except ValueError:
        return False


def rewritten(url: str, origin: str) -> str | None:
    """Return where a URL that fal returned is asked for: always below the configured origin.

    A gateway hands on fal's own links, so a link of another host keeps its path and query and
    moves to the origin, whose path prefix stays. None means that no request can be read from it.
    """
    if not is_web_url(url) or "/requests/" not in urlsplit(url).path:
        return None
    theirs, ours = urlsplit(url), urlsplit(origin)
    if {".", ".."} & set(theirs.path.replace("%2e", ".").replace("%2E", ".").split("/")):
        return None
    inside = theirs.path.startswith(f"{ours.path}/") and _place(url) == _place(origin)
    path = theirs.path if inside else f"{ours.path}{theirs.path}"
    query = f"?{theirs.query}" if theirs.query else ""
    return f"{ours.scheme}://{ours.netloc}{path}{query}"


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    host = "loopback" if is_loopback(url) else parts.hostname or ""
    return host, parts.port or (443 if parts.scheme == "https" else 80)


def _of_host(name: str, host: str) -> str:
    if "/" in host or "@" in host:
        raise UsageError(
            "invalid_settings", f"{name} is a host with an optional port, such as fal.run"
        )
    return f"https://{host}"


def _origin(environ: Mapping[str, str], name: str, otherwise: str) -> str:
    url = (environ.get(name) or otherwise).strip().rstrip("/")
    if not is_web_url(url) or urlsplit(url).query or urlsplit(url).fragment:
        raise UsageError("invalid_settings", f"{name} must be an http or https URL without a query")
    if urlsplit(url).scheme == "http" and not is_loopback(url):
        raise UsageError(
            "invalid_settings",
            f"{name} must be an https URL: plain http would show the key to the network, and is "
            "taken for this machine only (localhost, 127.0.0.1)",
        )
    return url
