"""Looks at what falsmith and its skills need on this machine, and says what to do about it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from fal_runtime.errors import UsageError
from falsmith.doctor.fal import (
    check_addresses,
    check_hosts,
    check_key,
    check_key_at_fal,
    without_key,
)
from falsmith.doctor.machine import (
    Check,
    Verdict,
    check_cache,
    check_links,
    check_packages,
    check_project,
    check_python,
    check_skill_python,
    check_sockets,
    check_state,
    check_uv,
)

__all__ = ["Check", "Verdict", "examine"]


def examine(
    environ: Mapping[str, str],
    project: Path,
    *,
    offline: bool = False,
) -> Iterator[Check]:
    """Yield each check of this machine; what is wrong is a verdict and never raised.

    Args:
        environ: The environment, with key and addresses.
        project: The folder in which skills and results are written.
        offline: Leave out the hosts, and the question whether fal takes the key.

    """
    yield check_python()
    yield check_uv()
    yield check_packages()
    yield check_skill_python()
    key, addresses = check_key(environ), check_addresses(environ)
    yield key
    yield addresses
    if addresses.verdict == "ok" and not offline:
        yield from _network(environ, with_key=key.verdict == "ok")
    yield check_cache()
    yield check_state(environ)
    yield check_project(project)
    yield check_sockets()
    yield check_links(project)


def _network(environ: Mapping[str, str], *, with_key: bool) -> Iterator[Check]:
    try:
        from fal_runtime.fal.http import new_client

        client = new_client(without_key(environ))
    except ImportError as error:
        yield Check("hosts", "problem", f"not tested: this Python cannot import {error.name}")
        return
    except UsageError as error:
        yield Check("hosts", "problem", str(error), "Correct or unset these variables.")
        return
    with client:
        yield from check_hosts(client, environ)
        if with_key:
            yield check_key_at_fal(client, environ)
