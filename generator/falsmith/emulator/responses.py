"""What a request ends with: the model's result with real files, or the error that fal replays."""

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fal_runtime.file_headers import FileHeaders, read_headers
from falsmith.documents import Json
from falsmith.emulator.billing import units_of
from falsmith.emulator.composer import Composer
from falsmith.emulator.endpoints import ERROR_PAGE, Endpoint
from falsmith.emulator.faults import MODEL_ERRORS, REQUEST_ERRORS
from falsmith.emulator.media import MediaFile

__all__ = ["Reply", "cancelled", "completed", "failed", "invalid", "timed_out"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response as a value, so that it can be given again; `error` is the status's view."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None
    error_type: str | None = None


def completed(
    endpoint: Endpoint,
    inputs: Mapping[str, Json],
    publish: Callable[[MediaFile, str], str],
    load: Callable[[str], bytes | None],
    chance: bytes,
) -> Reply:
    """Return the model's result for valid `inputs`.

    The same model, inputs and seed give the same files, byte for byte. Where no seed is given, or
    -1, `chance` decides.

    Args:
        endpoint: The model.
        inputs: What it was given, without the defaults.
        publish: Gives a file, made for a field of that name, its link.
        load: Gives the bytes behind a link or a data URI, where they are known here.
        chance: Some bytes that differ from call to call.

    """
    complete = endpoint.with_defaults(inputs)
    relevant = {name: value for name, value in inputs.items() if name != "sync_mode"}
    digest = hashlib.sha256(json.dumps([endpoint.model_id, relevant], sort_keys=True).encode())
    if complete.get("seed") in (None, -1):
        digest.update(chance)
    given = _given(complete, load)
    composer = Composer(endpoint, complete, digest.digest(), publish, given)
    body = composer.result()
    units = units_of(endpoint.model_id, endpoint.category, complete, composer.files, given.duration)
    return Reply(200, body, {"x-fal-billable-units": f"{units:g}"})


def _given(inputs: Mapping[str, Json], load: Callable[[str], bytes | None]) -> FileHeaders:
    """Return the size and the length of what goes in, where they can be seen."""
    values = [one for value in inputs.values() for one in _as_list(value) if isinstance(one, str)]
    seen = [read_headers(io.BytesIO(data)) for one in values if (data := load(one))]
    sized = next((one for one in seen if one.width), FileHeaders())
    return replace(sized, duration=next((one.duration for one in seen if one.duration), None))


def _as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def invalid(problems: list[Json]) -> Reply:
    """Return the 422 of an input that the model refuses; nothing is billed."""
    headers = {"x-fal-billable-units": "0"}
    first = problems[0]
    return Reply(422, {"detail": problems}, headers, first["msg"], first["type"])


def failed(kind: str, instead_of: Reply) -> Reply:
    """Return the error of type `kind` that a model ends with; a refused content may be billed."""
    if kind in REQUEST_ERRORS:
        status, message = REQUEST_ERRORS[kind]
        return _request_error(status, kind, message, {})
    status, message = MODEL_ERRORS[kind]
    retry = status != 422
    units = instead_of.headers.get("x-fal-billable-units", "0") if status == 422 else "0"
    headers = {"x-fal-billable-units": units, "X-Fal-needs-retry": str(retry).lower()}
    item = {"loc": ["body"], "msg": message, "type": kind, "url": f"{ERROR_PAGE}{kind}"}
    return Reply(status, {"detail": [item]}, headers, message, kind)


def cancelled() -> Reply:
    """Return what the result of a cancelled request replays."""
    return _request_error(499, "client_cancelled", "Request was cancelled by the client", {})


def timed_out() -> Reply:
    """Return what a request replays that did not start within the caller's own limit."""
    headers = {"X-Fal-Request-Timeout-Type": "user"}
    return _request_error(504, "request_timeout", "Request timed out", headers)


def _request_error(status: int, kind: str, message: str, headers: dict[str, str]) -> Reply:
    every = {"X-Fal-Error-Type": kind, "x-fal-billable-units": "0"} | headers
    return Reply(status, {"detail": message, "error_type": kind}, every, message, kind)
