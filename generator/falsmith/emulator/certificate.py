"""A certificate for loopback from an authority of its own, for clients that speak https only."""

from dataclasses import dataclass
from pathlib import Path

from fal_runtime.errors import UsageError

__all__ = ["Certificate", "certificate_in"]

NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Its files: the authority, which clients trust; the chain and its key, which serve."""

    authority: Path
    chain: Path
    key: Path


def certificate_in(folder: Path) -> Certificate:
    """Return the certificate in `folder`, where one is issued if there is none.

    Raises:
        UsageError: The package that issues certificates is missing, or the folder is no use.

    """
    found = Certificate(*(folder / f"{name}.pem" for name in ("authority", "chain", "key")))
    if found.authority.exists():
        return found
    try:
        import trustme
    except ImportError:
        raise UsageError(
            "usage",
            "--tls needs trustme: in the checkout of falsmith, run "
            "python -m pip install '.[emulator]'",
        ) from None
    authority = trustme.CA()
    issued = authority.issue_cert(*NAMES)
    try:
        # Only its owner reads the key.
        found.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(str(found.key))
        chain = [part.bytes() for part in issued.cert_chain_pems]
        found.chain.write_bytes(b"".join(chain))
        # Last, because its presence says that all are there.
        authority.cert_pem.write_to_path(str(found.authority))
    except OSError as error:
        raise UsageError("usage", f"{folder} cannot keep a certificate: {error}") from None
    return found
