"""Whether fal's hosts answer from here, and whether fal takes the key; nothing is charged."""

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from urllib.parse import urlsplit

import httpx

from fal_runtime.config import load_config
from fal_runtime.fal.http import unreachable
from fal_runtime.fal.protocol import RequestUrls
from falsmith.doctor.check import Check
from falsmith.doctor.settings import without_key

__all__ = ["check_hosts", "check_key_at_fal"]

PATIENCE = httpx.Timeout(8.0, connect=5.0)
# Any model will do: a request that nobody ever made is asked for.
MODEL_ID = "fal-ai/flux/dev"
DOWN = frozenset({502, 503, 504})


def check_hosts(client: httpx.Client, environ: Mapping[str, str]) -> Iterator[Check]:
    """Ask each configured host for its front page, all at once and without a key.

    Any answer but a gateway's error will do. `environ` is sound, as `check_addresses` tells.
    """
    named = asdict(without_key(environ).origins)
    with ThreadPoolExecutor(len(named)) as pool:
        yield from pool.map(lambda name: _host(client, name, named[name]), named)


def check_key_at_fal(client: httpx.Client, environ: Mapping[str, str]) -> Check:
    """Ask for the status of a request that does not exist, which only a good key is told.

    fal answers 404 to a key that it knows and 401 to any other; no model is called.
    """
    config = load_config(None, environ)
    url = RequestUrls.of_id(config.origins.queue, MODEL_ID, str(uuid.uuid4())).status
    try:
        answer = client.get(url, headers=config.authorization(), timeout=PATIENCE)
    except httpx.RequestError as error:
        return Check("key at fal", "warning", f"not asked: {unreachable(error, url)}")
    return _judged(answer, urlsplit(url).hostname or url)


def _judged(answer: httpx.Response, host: str) -> Check:
    status = answer.status_code
    is_json = "json" in answer.headers.get("content-type", "")
    if status == 404 and is_json:
        return Check("key at fal", "ok", f"{host} accepts it")
    if status == 401:
        advice = "Make a new one at https://fal.ai/dashboard/keys, and copy all of it."
        return Check("key at fal", "problem", f"{host} refuses it (401)", advice)
    if status == 403:
        advice = "Look at scope and balance: https://fal.ai/dashboard/billing"
        told = f"{host} knows it and lets it call no models (403)"
        return Check("key at fal", "problem", told, advice)
    found = f"{host} answered {status}{'' if is_json else ' without JSON'}, which tells nothing"
    advice = "A proxy or a login page may have answered in fal's place; else try again later."
    return Check("key at fal", "warning", found, advice)


def _host(client: httpx.Client, name: str, origin: str) -> Check:
    host = urlsplit(origin).hostname or origin
    try:
        status = client.get(f"{origin}/", timeout=PATIENCE).status_code
    except httpx.RequestError as error:
        return Check(f"host {name}", "problem", *_split(str(unreachable(error, origin))))
    if status == 407:
        advice = "Give HTTPS_PROXY the name and password that the proxy asks for."
        return Check(f"host {name}", "problem", f"a proxy before {host} asks who you are", advice)
    if status in DOWN:
        advice = "Try again later; see https://status.fal.ai"
        return Check(f"host {name}", "warning", f"{host} answers {status}: it is down", advice)
    return Check(f"host {name}", "ok", f"{host} answers")


def _split(message: str) -> tuple[str, str]:
    """Return what happened and what to do, of a message that tells both."""
    found, _, advice = message.rpartition(": ")
    return found, f"{advice[:1].upper()}{advice[1:]}."
