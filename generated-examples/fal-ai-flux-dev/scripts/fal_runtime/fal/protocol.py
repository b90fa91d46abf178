"""Read what fal answered: a status, an error's text and problems, who pays."""

import re
from collections.abc import Iterator

import httpx

from fal_runtime.errors import (
    Charged,
    FalError,
    JobError,
    KeyMissingError,
    NotAcceptedError,
    Problem,
    Retry,
)
from fal_runtime.json_text import Json, read_json
from fal_runtime.text import one_line

__all__ = [
    "billable_units",
    "failure",
    "is_page",
    "json_object",
    "problems",
    "refusal",
    "told",
]

# The table of request errors in fal's documentation says "retry" for these.
_PASSING_ERRORS = re.compile(
    r"request_timeout|startup_timeout|runner_\w+|internal_error|internal_server_error"
    r"|generation_timeout|downstream_service_\w+"
)


def is_page(response: httpx.Response) -> bool:
    """Tell whether the answer is a web page: no API of fal sends one, proxies do."""
    kind = response.headers.get("content-type", "").lower()
    return "html" in kind or response.text.lstrip()[:1] == "<"


def json_object(response: httpx.Response) -> dict[str, Json] | None:
    """Return the body where it is a JSON object."""
    try:
        value = read_json(response.content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def told(response: httpx.Response) -> str:
    """Return what an error answer says: its status, then `detail`, `error` or `message`."""
    status = f"{response.status_code} {response.reason_phrase}".strip()
    if is_page(response):
        return f"{status}, with a web page instead of JSON"
    body = json_object(response) or {}
    error = body.get("error")
    nested = error.get("message") if isinstance(error, dict) else error
    for text in (body.get("detail"), nested, body.get("message"), body.get("status")):
        if isinstance(text, str) and text.strip():
            return f"{status}: {one_line(text, 600)}"
    found = "; ".join(f"{problem.path}: {problem.expected}" for problem in problems(response))
    return f"{status}: {one_line(found, 600)}" if found else status


def problems(response: httpx.Response) -> tuple[Problem, ...]:
    """Return the model's complaints about its input: the items of a `detail` list."""
    detail = (json_object(response) or {}).get("detail")
    items = detail if isinstance(detail, list) else []
    return tuple(_problem(item) for item in items if isinstance(item, dict))


def billable_units(response: httpx.Response) -> float | None:
    """Return what fal bills for the answer, where it says so."""
    try:
        return float(response.headers["x-fal-billable-units"])
    except (KeyError, ValueError):
        return None


def refusal(response: httpx.Response) -> FalError | None:
    """Return the error of an answer that refuses the key, else None (401 and 403)."""
    text = told(response)
    if response.status_code not in (401, 403):
        return None
    if is_page(response):
        return NotAcceptedError(
            "network_blocked", f"a proxy between this machine and fal answered {text}"
        )
    if "locked" in text.lower() or "balance" in text.lower():
        return KeyMissingError("key_refused", f"fal has locked the account of this key ({text})")
    return KeyMissingError(
        "key_refused",
        f"fal refuses the key ({text}): check FAL_KEY, and make a new key at "
        "https://fal.ai/dashboard/keys if this one was revoked",
    )


def failure(response: httpx.Response) -> JobError:
    """Return the error of a job whose own answer is an error."""
    error_type = _error_type(response)
    if response.status_code == 499 or error_type == "client_cancelled":
        return JobError("cancelled", f"the job was cancelled ({told(response)})")
    return JobError(
        "job_failed",
        f"the job failed ({told(response)})",
        problems(response),
        charged=_charged(response),
        retry=_retry(response, error_type),
    )


def _problem(item: dict[str, Json]) -> Problem:
    got = item.get("input")
    shown = one_line(str(got), 120) if got is not None else ""
    return Problem(_path(item.get("loc")), shown, one_line(str(item.get("msg", "")), 300))


def _path(loc: Json) -> str:
    steps = loc if isinstance(loc, list) else []
    inside = steps[1:] if steps[:1] == ["body"] else steps
    return "".join(_steps(inside)).lstrip(".") or "(input)"


def _steps(steps: list[Json]) -> Iterator[str]:
    for step in steps:
        yield f"[{step}]" if isinstance(step, int) else f".{one_line(str(step), 100)}"


def _error_type(response: httpx.Response) -> str:
    body = json_object(response) or {}
    named = body.get("error_type") or response.headers.get("x-fal-error-type", "")
    detail = body.get("detail")
    if not named and isinstance(detail, list) and detail and isinstance(detail[0], dict):
        named = detail[0].get("type")
    return named if isinstance(named, str) else ""


def _charged(response: httpx.Response) -> Charged:
    """Tell who pays: fal bills no failure of its own, and may bill what a model refused."""
    units = billable_units(response)
    if units is not None:
        return "yes" if units > 0 else "no"
    return "no" if response.status_code >= 500 else "unknown"


def _retry(response: httpx.Response, error_type: str) -> Retry:
    for name in ("x-fal-needs-retry", "x-fal-retryable"):
        word = response.headers.get(name, "").lower()
        if word:
            return "later" if word in ("1", "true") else "after_fix"
    return "later" if _PASSING_ERRORS.fullmatch(error_type) else "after_fix"
