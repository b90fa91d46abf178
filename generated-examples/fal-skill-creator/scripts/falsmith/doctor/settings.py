"""What the environment sets: the key, which is never shown, and the addresses of fal."""

from collections.abc import Mapping

from fal_runtime.config import Config, load_config
from fal_runtime.errors import FalError
from falsmith.doctor.check import Check

__all__ = ["check_addresses", "check_key", "without_key"]

KEYS = ("FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_KEY_VARIABLE", "FAL_AUTH_SCHEME")
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


def check_key(environ: Mapping[str, str]) -> Check:
    """Tell which variable holds the key, in the order in which calls look for it."""
    named = environ.get("FAL_KEY_VARIABLE", "").strip()
    try:
        config = load_config(None, {name: environ.get(name, "") for name in (*KEYS, named)})
    except FalError as error:
        return Check("key", "problem", str(error), "Correct the variable.")
    if config.key is not None:
        return Check("key", "ok", f"found in {_source(environ, named)}, sent as {config.scheme}")
    if named:
        # The value is not shown: a key may have been put there in place of a name.
        found = "FAL_KEY_VARIABLE is set, and no variable of that name holds a key"
        advice = "Set FAL_KEY_VARIABLE to the name of the variable that holds the key."
        return Check("key", "problem", found, advice)
    return Check("key", "warning", "none is set", f"{GET_A_KEY} {HIDDEN_KEYS}")


def check_addresses(environ: Mapping[str, str]) -> Check:
    """Tell whether addresses and queue settings of the environment can be used."""
    try:
        without_key(environ)
    except FalError as error:
        return Check("settings", "problem", str(error), "Correct or unset the variable.")
    changed = [name for name in ADDRESSES if environ.get(name)]
    return Check("settings", "ok", f"set: {', '.join(changed)}" if changed else "fal's own hosts")


def without_key(environ: Mapping[str, str]) -> Config:
    """Return what the environment sets beside the key; raises as `load_config` does."""
    return load_config(None, {name: environ[name] for name in environ if name not in KEYS})


def _source(environ: Mapping[str, str], named: str) -> str:
    if named:
        return named
    return "FAL_KEY" if environ.get("FAL_KEY", "").strip() else "FAL_KEY_ID and FAL_KEY_SECRET"
