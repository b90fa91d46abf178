"""What stands between this machine and fal: key, addresses, hosts; the key is never shown."""

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fal_runtime.config import KEY_VARIABLES, Config, load_config
from fal_runtime.errors import FalError
from falsmith.doctor.machine import Check

# Imported where the network is used: this module also runs where httpx is missing.
if TYPE_CHECKING:
    import httpx

    from fal_runtime.fal.http import Connection

__all__ = ["check_addresses", "check_hosts", "check_key", "check_key_at_fal", "without_key"]

ADDRESSES = (
    "FAL_RUN_URL",
    "FAL_QUEUE_URL",
    "FAL_REST_URL",
    "FAL_PLATFORM_URL",
    "FAL_RUN_HOST",
    "FAL_QUEUE_RUN_HOST",
)
GET_A_KEY = (
    "Calls of models need one: set FAL_KEY to a key from https://fal.ai/dashboard/keys. "
    "Searching and generating work without."
)
# Some hosts of agents take such variables from the commands that they run.
HIDDEN_KEYS = (
    "Where a host hides variables named *KEY*, put the key into a variable of another name and "
    "set FAL_KEY_VARIABLE to that name. For a key in .env: uv run --env-file .env ..."
)
NETWORK_TIMEOUT = 8.0
# Any app will do: a request that nobody ever made is asked for.
APP = "fal-ai/flux"
DOWN = frozenset({502, 503, 504})


def check_key(environ: Mapping[str, str]) -> Check:
    """Look for the variable that holds the key, in the order in which calls look for it."""
    named = environ.get("FAL_KEY_VARIABLE", "").strip()
    try:
        config = load_config(
            None, {name: environ.get(name, "") for name in (*KEY_VARIABLES, named)}
        )
    except FalError as error:
        return Check("key", "problem", str(error), "Correct the variable.")
    if config.key is not None:
        plain = "FAL_KEY" if environ.get("FAL_KEY", "").strip() else "FAL_KEY_ID and FAL_KEY_SECRET"
        return Check("key", "ok", f"found in {named or plain}, sent as {config.scheme}")
    if named:
        # The value is not shown: a key may have been put there in place of a name.
        found = "FAL_KEY_VARIABLE is set, and no variable of that name holds a key"
        advice = "Set FAL_KEY_VARIABLE to the name of the variable that holds the key."
        return Check("key", "problem", found, advice)
    return Check("key", "warning", "none is set", f"{GET_A_KEY} {HIDDEN_KEYS}")


def check_addresses(environ: Mapping[str, str]) -> Check:
    """Look whether addresses and queue settings of the environment can be used."""
    try:
        without_key(environ)
    except FalError as error:
        return Check("settings", "problem", str(error), "Correct or unset the variable.")
    changed = [name for name in ADDRESSES if environ.get(name)]
    return Check("settings", "ok", f"set: {', '.join(changed)}" if changed else "fal's own hosts")


def without_key(environ: Mapping[str, str]) -> Config:
    """Return what the environment sets beside the key; raises as `load_config` does."""
    return load_config(None, {name: environ[name] for name in environ if name not in KEY_VARIABLES})


def check_hosts(client: "httpx.Client", environ: Mapping[str, str]) -> Iterator[Check]:
    """Ask each configured host for its front page, all at once and without a key.

    Any answer but a gateway's error will do. `environ` is one that `check_addresses` finds good.
    """
    from fal_runtime.fal.http import Connection

    config = without_key(environ)
    connection = Connection(client, config)
    origins = {name: url for name, url in asdict(config.origins).items() if isinstance(url, str)}
    with ThreadPoolExecutor(len(origins)) as pool:
        yield from pool.map(lambda name: _host(connection, name, origins[name]), origins)


def check_key_at_fal(client: "httpx.Client", environ: Mapping[str, str]) -> Check:
    """Ask for the status of a request that does not exist, which fal says to a good key only.

    fal answers 404 to a key that it knows and 401 to any other; no model is called.
    """
    import httpx

    from fal_runtime.fal.http import Connection, unreachable

    config = load_config(None, environ)
    connection = Connection(client, config)
    url = f"{config.origins.queue}/{APP}/requests/{uuid.uuid4()}/status"
    try:
        response = _get(connection, url, config.authorization(url))
    except httpx.RequestError as error:
        return Check("key at fal", "warning", f"not tested: {unreachable(error, url)}")
    return _verdict_on_key(response, urlsplit(url).hostname or url)


def _verdict_on_key(response: "httpx.Response", host: str) -> Check:
    status = response.status_code
    is_json = "json" in response.headers.get("content-type", "")
    if status == 404 and is_json:
        return Check("key at fal", "ok", f"{host} accepts it")
    if status == 401:
        advice = "Make a new one at https://fal.ai/dashboard/keys, and copy all of it."
        return Check("key at fal", "problem", f"{host} refuses it (401)", advice)
    if status == 403:
        advice = "Look at scope and balance: https://fal.ai/dashboard/billing"
        found = f"{host} knows it and lets it call no models (403)"
        return Check("key at fal", "problem", found, advice)
    kind = "" if is_json else " without JSON"
    found = f"{host} answered {status}{kind}, which leaves the key untested"
    advice = "A proxy or a login page may have answered in fal's place; else try again later."
    return Check("key at fal", "warning", found, advice)


def _host(connection: "Connection", name: str, origin: str) -> Check:
    import httpx

    from fal_runtime.fal.http import unreachable

    host = urlsplit(origin).hostname or origin
    try:
        status = _get(connection, f"{origin}/", {}).status_code
    except httpx.RequestError as error:
        # The message says what happened, then what to do.
        found, _, advice = str(unreachable(error, origin)).rpartition(": ")
        return Check(f"host {name}", "problem", found, f"{advice[:1].upper()}{advice[1:]}.")
    if status == 407:
        advice = "Give HTTPS_PROXY the name and password that the proxy asks for."
        return Check(f"host {name}", "problem", f"a proxy before {host} asks who you are", advice)
    if status in DOWN:
        advice = "Try again later; see https://status.fal.ai"
        return Check(f"host {name}", "warning", f"{host} answers {status}: it is down", advice)
    return Check(f"host {name}", "ok", f"{host} answers")


def _get(connection: "Connection", url: str, headers: Mapping[str, str]) -> "httpx.Response":
    """Ask once, for a few seconds, and hand on whatever comes."""
    from fal_runtime.fal.http import exchange

    deadline = connection.clock.now() + NETWORK_TIMEOUT
    return exchange(connection, "GET", url, headers=headers, attempts=1, deadline=deadline)
