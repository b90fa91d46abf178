"""Whom a skill talks to, with which key and settings: read from environment and file."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from socket import inet_aton
from urllib.parse import quote, urlsplit

from fal_runtime.errors import KeyMissingError, UsageError
from fal_runtime.settings import Settings, load_settings

# The variables that say with which key fal is called.
KEY_VARIABLES = (
    "FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_VARIABLE", "FAL_AUTH_SCHEME"
)  # fmt: skip
_SCHEMES = {"key": "Key", "bearer": "Bearer"}
# What httpx reads of the environment, in capitals or not.
_OF_NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origins:
    """Where fal is: each a URL without a slash at its end, with a path where a gateway has one.

    `gateway`: FAL_QUEUE_URL names one, whose key is not fal's.
    """

    run: str = "https://fal.run"
    queue: str = "https://queue.fal.run"
    rest: str = "https://rest.fal.ai"
    platform: str = "https://api.fal.ai"
    gateway: bool = False

    def take_key(self, url: str) -> bool:
        """Return whether the key may go to a URL: below an origin that its owner chose for it."""
        chosen = set(self.urls) - (set(Origins().urls) if self.gateway else set())
        return any(url == origin or url.startswith(f"{origin}/") for origin in chosen)

    @property
    def urls(self) -> tuple[str, str, str, str]:
        """All four."""
        return self.run, self.queue, self.rest, self.platform

    def may_lead_to(self, url: str) -> bool:
        """Return whether a link that fal handed out may be followed to this address.

        Nothing of fal's lies on this machine or in its own network, where a cloud hands its
        credentials to whoever asks, unless fal itself is configured to be there.
        """
        return not _is_private(url) or any(map(_is_private, self.urls))

    def loopback_hosts(self) -> list[str]:
        """Return the hosts that are this machine, as a URL writes them."""
        hosts = {urlsplit(url).hostname or "" for url in self.urls if is_loopback(url)}
        return sorted(f"[{host}]" if ":" in host else host for host in hosts)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that is set from outside a command line; the key never shows in its repr.

    `model_folder` is the folder of the skill that describes the model, if one does; `network` is
    the variables of proxies and certificates, which httpx reads by itself.
    """

    key: str | None = field(repr=False)
    scheme: str
    origins: Origins
    settings: Settings
    skill: Path | None = None
    model_folder: Path | None = None
    network: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def authorization(self, url: str) -> dict[str, str]:
        """Return the header that carries the key to this address.

        Raises KeyMissingError where there is none, or it is none for the address: a gateway's key
        is no business of fal's own addresses, nor of any that was not configured.
        """
        if not self.origins.take_key(url):
            host = urlsplit(url).hostname
            raise KeyMissingError(
                "key_missing",
                f"the key is for {urlsplit(self.origins.queue).hostname} and is not sent to {host}:"
                " a gateway's other addresses are set by FAL_RUN_URL, FAL_REST_URL and "
                "FAL_PLATFORM_URL",
            )
        return {"Authorization": f"{self.scheme} {self.required_key()}"}

    def required_key(self) -> str:
        """Return the key; raises KeyMissingError where there is none."""
        if self.key is None:
            raise KeyMissingError(
                "key_missing",
                "no key is set: set FAL_KEY to a key from https://fal.ai/dashboard/keys. Some "
                "hosts hide variables named *KEY* from the commands they run: there, put the key "
                "into a variable of another name and set FAL_KEY_VARIABLE to that name",
            )
        return self.key

    @property
    def identity(self) -> str:
        """A digest of whom jobs are made for: key, scheme, addresses. It gives none of them away.

        It is keyed by the key itself, whose 128 random bits nobody finds by trying.
        """
        text = "\n".join((self.scheme, *self.origins.urls))
        return hmac.new((self.key or "").encode(), text.encode(), hashlib.sha256).hexdigest()[:32]

    def redact(self, received: bytes) -> bytes:
        """Return what a server sent with the key replaced, in each form that echoes take.

        The secret half of a key counts as one. What is shorter is no key of fal, and may well be
        a word of a result.
        """
        key = self.key or ""
        for secret, shortest in ((key, 8), (key.partition(":")[2], 16)):
            if len(secret) >= shortest:
                for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                    received = received.replace(form.encode(), b"[key]")
        return received


def key_of_argument(
    key: str | None, environ: Mapping[str, str], warn: Callable[[str], None]
) -> str | None:
    """Return the key of a command line, which is deprecated: it is refused unless allowed."""
    if key is None:
        return None
    if environ.get("FAL_ALLOW_API_KEY_ARG") != "1":
        raise UsageError(
            "usage",
            "--api-key is refused, for command lines are seen and logged: set FAL_KEY instead "
            "(FAL_ALLOW_API_KEY_ARG=1 allows it all the same)",
        )
    warn("warning: --api-key is deprecated, set FAL_KEY instead")
    return key


def load_config(
    skill: Path | None,
    environ: Mapping[str, str],
    *,
    key: str | None = None,
    model_folder: Path | None = None,
) -> Config:
    """Read key, origins and settings; `key`, from the command line, beats the environment's.

    `skill` is a skill's folder, or None for a call without one, `model_folder` the one in there
    that describes the model. Raises UsageError for a setting and KeyMissingError for a key that
    cannot be used; a missing key is no error yet.
    """
    usable, scheme = _credentials(environ, key)
    settings = load_settings(skill, environ)
    network = sorted(each for each in environ.items() if each[0].upper() in _OF_NETWORK)
    return Config(usable, scheme, _origins(environ), settings, skill, model_folder, tuple(network))


def is_loopback(url: str) -> bool:
    """Return whether the URL's host is this machine: localhost, 127.0.0.0/8 or ::1."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(url: str) -> bool:
    """Return whether the URL's host is, by its name or number, no host of the Internet."""
    host = ""
    with suppress(ValueError):
        host = (urlsplit(url).hostname or "").rstrip(".")
        return not ip_address(host).is_global
    try:
        # What a resolver takes for a number as well: 127.1, 0x7f000001, 2852039166.
        return not IPv4Address(inet_aton(host)).is_global
    except OSError:
        return host == "localhost" or host.endswith(".localhost")


def is_web_url(url: str) -> bool:
    """Return whether the text is an http(s) URL with a host, without a user or a password."""
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
    """Return a URL that fal returned as a request may use it: below the configured origin.

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


def _credentials(environ: Mapping[str, str], key: str | None) -> tuple[str | None, str]:
    """Return the key (None when there is none) and the authorization scheme.

    Variables are those of fal's own clients (FAL_KEY; FAL_KEY_ID with FAL_KEY_SECRET), and
    FAL_KEY_VARIABLE, which names another variable. Raises KeyMissingError for a key that no HTTP
    header can carry and UsageError for an unknown FAL_AUTH_SCHEME.
    """
    scheme = (environ.get("FAL_AUTH_SCHEME") or "Key").lower()
    if scheme not in _SCHEMES:
        raise UsageError("invalid_settings", "FAL_AUTH_SCHEME must be Key or Bearer")
    variable = environ.get("FAL_KEY_VARIABLE", "").strip()
    if key is not None:
        source = "--api-key"
    elif variable or environ.get("FAL_KEY", "").strip():
        source = variable or "FAL_KEY"
        key = environ.get(source, "")
    else:
        source = "FAL_KEY_ID and FAL_KEY_SECRET"
        parts = [environ.get(name, "").strip() for name in ("FAL_KEY_ID", "FAL_KEY_SECRET")]
        key = ":".join(parts) if all(parts) else ""
    usable = key.strip(" \t")
    if not all("!" <= character <= "~" for character in usable):
        raise KeyMissingError(
            "key_refused",
            f"the key in {source} holds a line break, a space or a character that no key has: "
            "copy it again, without anything before or after it",
        )
    return usable or None, _SCHEMES[scheme]


def _origins(environ: Mapping[str, str]) -> Origins:
    """Return the origins of FAL_*_URL, then of FAL_RUN_HOST and FAL_QUEUE_RUN_HOST, else fal's own.

    The two hosts work as in fal's own clients: a host with an optional port, always over https,
    and the queue's is `queue.` before the other's unless it is given. Raises UsageError.
    """
    run_host = environ.get("FAL_RUN_HOST") or "fal.run"
    queue_host = environ.get("FAL_QUEUE_RUN_HOST") or f"queue.{run_host}"
    queue = _of_host("FAL_QUEUE_RUN_HOST", queue_host)
    return Origins(
        run=_origin(environ, "FAL_RUN_URL", _of_host("FAL_RUN_HOST", run_host)),
        queue=_origin(environ, "FAL_QUEUE_URL", queue),
        rest=_origin(environ, "FAL_REST_URL", Origins().rest),
        platform=_origin(environ, "FAL_PLATFORM_URL", Origins().platform),
        gateway=_origin(environ, "FAL_QUEUE_URL", queue) not in (queue, Origins().queue),
    )


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    host = "loopback" if is_loopback(url) else parts.hostname or ""
    return host, parts.port or (443 if parts.scheme == "https" else 80)


def _of_host(name: str, host: str) -> str:
    if "/" in host or "@" in host:
        text = f"{name} is a host with an optional port, such as fal.run"
        raise UsageError("invalid_settings", text)
    return f"https://{host}"


def _origin(environ: Mapping[str, str], name: str, otherwise: str) -> str:
    url = (environ.get(name) or otherwise).strip().rstrip("/")
    if not is_web_url(url) or urlsplit(url).query or urlsplit(url).fragment:
        raise UsageError(
            "invalid_settings", f"{name} must be an http or https URL without password and query"
        )
    if urlsplit(url).scheme == "http" and not is_loopback(url):
        raise UsageError(
            "invalid_settings",
            f"{name} must be an https URL: plain http would show the key to the network, and is "
            "taken for this machine only (localhost, 127.0.0.1)",
        )
    return url
