"""What a response of fal means: to a submit, a synchronous run, a status, a result, a cancel.

Pure: no network, no clock. Sources: fal's pages on asynchronous inference, model errors, request
errors and platform headers (https://docs.fal.ai), and the official clients.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from fal_runtime.config import rewritten
from fal_runtime.errors import (
    Charged,
    FalError,
    JobError,
    KeyMissingError,
    NotAcceptedError,
    NotCollectedError,
    Problem,
    Retry,
    UnconfirmedError,
    UsageError,
)
from fal_runtime.json_text import ReceivedJson, read_json
from fal_runtime.model_id import app_of
from fal_runtime.text import one_line, short_json

if TYPE_CHECKING:
    import httpx

ReplyState = Literal[
    "queued", "running", "completed", "failed", "cancelled", "missing", "closed", "unclear"
]

# fal itself has the first three words only; the others are what gateways make of a job's end.
_STATE_OF_WORD: Mapping[str, ReplyState] = {
    "IN_QUEUE": "queued",
    "IN_PROGRESS": "running",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "ERROR": "failed",
    "TIMEOUT": "failed",
    "CANCELLED": "cancelled",
    "CANCELED": "cancelled",
}
_STATE_OF_CANCEL: Mapping[str, ReplyState] = {
    "OK": "cancelled",
    "CANCELLATION_REQUESTED": "running",
    "ALREADY_COMPLETED": "completed",
    "NOT_FOUND": "missing",
}

# The types for which fal's table of request errors says "retry".
_PASSING = (
    r"\d+ (request_timeout|startup_timeout|runner_\w+|internal_error|internal_server_error"
    r"|generation_timeout|downstream_service_\w+)$"
)
# A failed job by its status and type, first match: the code, who pays, whether to try again. fal
# bills no failure of its own and may bill what a model refused. The response's own headers overrule
# both columns.
_FAILURES: tuple[tuple[str, str, Charged, Retry], ...] = (
    (r"499 |\d+ client_cancelled$", "cancelled", "no", "never"),
    (r"(5\d\d|408|429) ", "job_failed", "no", "later"),
    (_PASSING, "job_failed", "unknown", "later"),
    ("", "job_failed", "unknown", "after_fix"),
)

# The presets of fal's own ImageSize type.
IMAGE_SIZES = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
# 408 and 499 speak of a broken connection, not of a decision.
_UNDECIDED = (408, 499)
# A result that answers 5xx so many times in a row is the job's own failure, though its status named
# none; one that comes so many times as no JSON is the model's answer.
_REPLAYED = 4


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """The POST that runs a model; `headers` hold no key.

    With `digests` the body's values are known by their digests only: it cannot be sent.
    """

    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    digests: bool = False


@dataclass(frozen=True, slots=True)
class RequestUrls:
    """The three addresses of one job, all below the configured queue."""

    status: str
    result: str
    cancel: str

    @classmethod
    def of_id(cls, queue: str, model_id: str, request_id: str) -> "RequestUrls":
        """Return the addresses of a bare request ID: below the app, never the whole model ID."""
        result = f"{queue}/{app_of(model_id)}/requests/{quote(request_id, safe='')}"
        return cls(f"{result}/status", result, f"{result}/cancel")

    @classmethod
    def of_reply(
        cls, queue: str, model_id: str, request_id: str, body: Mapping[str, ReceivedJson]
    ) -> "RequestUrls":
        """Return the addresses that a submit's reply names, each where it is usable.

        A model ID can be another app's second name: then only the returned links are right.
        """
        urls = cls.of_id(queue, model_id, request_id)
        links = {
            name: rewritten(url, queue)
            for name in ("status_url", "response_url", "cancel_url")
            if isinstance(url := body.get(name), str)
        }
        result = links.get("response_url")
        if result is not None:
            stem = result.removesuffix("/response")
            urls = cls(f"{stem}/status", result, f"{stem}/cancel")
        status, cancel = links.get("status_url"), links.get("cancel_url")
        return cls(status or urls.status, urls.result, cancel or urls.cancel)


@dataclass(frozen=True, slots=True)
class SubmitReply:
    """What became of a request that runs a model.

    accepted: `request_id` and `urls` are there. completed: a synchronous run has its result, as
    `content`. failed: it ran, and `error` says why there is none. refused: surely nothing runs.
    busy: the same, and the request may be sent again. undecided: nobody can say; `request_id`,
    where there is one, can be asked for, and `error` holds if fal does not know it.
    """

    decision: Literal["accepted", "completed", "failed", "refused", "busy", "undecided"]
    request_id: str | None = None
    urls: RequestUrls | None = None
    error: FalError | None = None
    content: bytes | None = None
    billable_units: float | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class JobReply:
    """What fal says of a job that it accepted.

    `error` goes with every state but queued, running and completed. missing: fal has no such job.
    closed: fal does not hand it out (to this key, or by the queue). unclear: not an answer about
    the job at all; the job stands. `logs` are all lines so far, `content` is the result where that
    was asked for, `retry_after` is in seconds.
    """

    state: ReplyState
    error: FalError | None = None
    queue_position: int | None = None
    logs: tuple[str, ...] = ()
    content: bytes | None = None
    billable_units: float | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What one `unit` of a model costs."""

    unit_price: float
    unit: str
    currency: str

    def __str__(self) -> str:
        number = f"{self.unit_price:.8f}".rstrip("0").rstrip(".")
        return f"{number} {self.currency} per {self.unit}"


def checked_request_id(request_id: str) -> str:
    """Return the request ID; raises UsageError for a text that cannot be one."""
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise UsageError("usage", f"{short_json(request_id, 100)} is no request ID of fal")
    return request_id


def request_id_of(response: "httpx.Response") -> str | None:
    """Return the ID that fal's servers give every response, None where there is no usable one."""
    return _usable_id(response.headers.get("x-fal-request-id"))


def is_page(response: "httpx.Response") -> bool:
    """Whether the response is a web page: no API of fal sends one, proxies do."""
    kind = response.headers.get("content-type", "").lower()
    return "html" in kind or response.content[:1000].lstrip()[:1] == b"<"


def json_object(response: "httpx.Response") -> dict[str, ReceivedJson] | None:
    """Return the body where it is a JSON object."""
    try:
        value = read_json(response.content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def described(response: "httpx.Response") -> str:
    """Return an error response in words: its status, then `detail`, `error` or `message`."""
    status = one_line(f"{response.status_code} {response.reason_phrase}", 100)
    if is_page(response):
        return f"{status}, with a web page instead of JSON"
    body = json_object(response) or {}
    error = body.get("error")
    nested = error.get("message") if isinstance(error, dict) else error
    for text in (body.get("detail"), nested, body.get("message"), body.get("status")):
        if isinstance(text, str) and text.strip():
            return f"{status}: {one_line(text, 600)}"
    complaints = "; ".join(f"{each.path}: {each.expected}" for each in _problems(response))
    return f"{status}: {one_line(complaints, 600)}" if complaints else status


def billable_units(response: "httpx.Response") -> float | None:
    """Return what fal bills for the response, None where it does not say."""
    try:
        units = float(response.headers["x-fal-billable-units"])
    except (KeyError, ValueError):
        return None
    return units if math.isfinite(units) and units >= 0 else None


def key_error(response: "httpx.Response") -> FalError | None:
    """Return the error of a 401 or 403 to a request that started nothing, None for others."""
    text = described(response)
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


def read_submit(response: "httpx.Response", queue: str, model_id: str) -> SubmitReply:
    """Return what became of a submit to the queue, whose origin is `queue`."""
    body = json_object(response) or {}
    request_id = _usable_id(body.get("request_id"))
    if response.is_success and request_id is not None:
        urls = RequestUrls.of_reply(queue, model_id, request_id, body)
        return SubmitReply("accepted", request_id, urls)
    if response.is_success:
        shown = short_json(body.get("request_id"), 100) if "request_id" in body else "none"
        why = f"{described(response)}; the request ID is {shown}"
        return SubmitReply("undecided", request_id_of(response), error=unconfirmed(why))
    return _not_accepted(response)


def read_sync(response: "httpx.Response") -> SubmitReply:
    """Return what became of a synchronous run: its answer is the model's own, or nobody's."""
    request_id = request_id_of(response)
    from_fal = "x-fal-request-id" in response.headers and not is_page(response)
    if response.is_success:
        if from_fal or _is_json(response):
            content, units = response.content, billable_units(response)
            return SubmitReply("completed", request_id, content=content, billable_units=units)
        page = unconfirmed(f"not fal, but a page or a proxy answered {described(response)}")
        return SubmitReply("undecided", request_id, error=page)
    refused = response.is_redirect or response.status_code in (401, 403, 404, 405, 407, 429)
    if from_fal and not refused:
        return SubmitReply("failed", request_id, error=failure(response))
    return _not_accepted(response)


def read_status(response: "httpx.Response") -> JobReply:
    """Return how a job stands by the response to a status request."""
    body = json_object(response)
    if not response.is_success or body is None:
        # A job whose status is not handed out may still run.
        return _no_answer(response, charged="unknown")
    word = body.get("status")
    state = _STATE_OF_WORD.get(word.upper()) if isinstance(word, str) else None
    if state is None:
        text = f"fal's answer has no status that is known ({short_json(body, 200)})"
        return JobReply("unclear", NotCollectedError("wait_over", text))
    logs, reason = tuple(_log_lines(body.get("logs"))), body.get("error")
    if state in ("queued", "running"):
        position = body.get("queue_position") if state == "queued" else None
        return JobReply(state, None, position if isinstance(position, int) else None, logs)
    if state == "completed" and not reason:
        return JobReply("completed", logs=logs)
    kind = body.get("error_type")
    code, charged, retry = _judged(200, "client_cancelled" if state == "cancelled" else kind)
    text = one_line(str(reason), 600) if reason else f"its status is {one_line(str(word), 40)}"
    message = f"the job {'was cancelled' if code == 'cancelled' else 'failed'} ({text})"
    error = JobError(code, message, charged=charged, retry=retry)
    return JobReply("cancelled" if code == "cancelled" else "failed", error, logs=logs)


def read_result(response: "httpx.Response", *, failed: bool = False, errors: int = 0) -> JobReply:
    """Return what the response to a result request says of the job.

    `failed` is set where the status named an error: the result then repeats the failure, so that
    its 5xx is no passing trouble. Else it is taken for one the first times, as what is no JSON is:
    `errors` counts them.
    """
    status, own = response.status_code, request_id_of(response) is not None
    if status == 202 or (not response.is_success and "still in progress" in described(response)):
        return JobReply("running")
    if response.is_success and not is_page(response):
        if _is_json(response) or (own and errors + 1 >= _REPLAYED):
            content, units = response.content, billable_units(response)
            return JobReply("completed", content=content, billable_units=units)
        text = f"the result cannot be read ({described(response)})"
        return JobReply("unclear", NotCollectedError("download_failed", text))
    replayed = status >= 500 and own and (failed or errors + 1 >= _REPLAYED)
    path_not_found = status == 404 and "x-fal-billable-units" in response.headers
    refused = status in (401, 403, 404, 405, 407, 408, 429) or status >= 500 or status < 400
    if not is_page(response) and (
        replayed or path_not_found or (not refused and (own or json_object(response) is not None))
    ):
        error = failure(response)
        return JobReply("cancelled" if error.code == "cancelled" else "failed", error)
    return _no_answer(response)


def read_cancel(response: "httpx.Response") -> JobReply:
    """Return what cancelling did: cancelled, running (it may still complete), completed.

    The body decides. Where it does not, the state is unclear: the job's status says more.
    """
    body = json_object(response) or {}
    word = body.get("status")
    state = _STATE_OF_CANCEL.get(word.upper()) if isinstance(word, str) else None
    # The answer that the models' own documents describe.
    if state is None and response.is_success and body.get("success") is True:
        state = "running" if response.status_code == 202 else "cancelled"
    if state == "completed":
        text = "too late to cancel: the job is completed"
        return JobReply("completed", NotCollectedError("already_completed", text))
    if state == "missing":
        return JobReply("missing", _unknown_job(response))
    if state is not None and response.is_success:
        return JobReply(state)
    reply = _no_answer(response)
    refused = reply.state == "missing" or isinstance(reply.error, KeyMissingError)
    return reply if refused else JobReply("unclear", reply.error)


def failure(response: "httpx.Response") -> JobError:
    """Return the error of a job whose own answer is an error."""
    body, text = json_object(response) or {}, described(response)
    kind, detail = (
        body.get("error_type") or response.headers.get("x-fal-error-type"),
        body.get("detail"),
    )
    if not kind and isinstance(detail, list) and detail and isinstance(detail[0], dict):
        kind = detail[0].get("type")
    code, charged, retry = _judged(response.status_code, kind)
    if response.headers.get("x-fal-request-timeout-type", "").lower() == "user":
        text += ": it did not start within --start-timeout"
    units = billable_units(response)
    if units is not None:
        charged = "yes" if units > 0 else "no"
    if code == "cancelled":
        return JobError(code, f"the job was cancelled ({text})", charged=charged, retry=retry)
    for name in ("x-fal-needs-retry", "x-fal-retryable"):
        word = response.headers.get(name, "").lower()
        if word:
            retry = "later" if word in ("1", "true") else "after_fix"
            break
    problems = _problems(response)
    return JobError(code, f"the job failed ({text})", problems, charged=charged, retry=retry)


def unconfirmed(why: str) -> UnconfirmedError:
    """Return the error of a request that was sent and whose fate nobody can tell."""
    return UnconfirmedError(
        "unconfirmed",
        f"the job was sent and fal did not confirm it ({why}): it may run and be billed. It is not "
        "sent again; look at https://fal.ai/dashboard/requests before you do",
    )


def _usable_id(value: ReceivedJson) -> str | None:
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def _is_json(response: "httpx.Response") -> bool:
    try:
        read_json(response.content)
    except ValueError:
        return False
    return True


def _judged(status: int, error_type: ReceivedJson) -> tuple[str, Charged, Retry]:
    """Return the code of a failure, who pays for it and whether to try again."""
    kind = f"{status} {error_type if isinstance(error_type, str) else ''}"
    return next(row[1:] for row in _FAILURES if re.match(row[0], kind))


def _not_accepted(response: "httpx.Response") -> SubmitReply:
    """Return what an error says of a request to run a model: refused, or nobody can say."""
    status = response.status_code
    if status >= 500 or status in _UNDECIDED:
        error: FalError = unconfirmed(described(response))
        return SubmitReply("undecided", request_id_of(response), error=error)
    error = _refused(response)
    if status == 405:
        # Seen for jobs that run all the same: only fal's not knowing of it makes it a refusal.
        return SubmitReply("undecided", request_id_of(response), error=error)
    return SubmitReply("busy" if status == 429 else "refused", error=error)


def _refused(response: "httpx.Response") -> FalError:
    """Return the error of a request to run a model that was surely not accepted."""
    error = key_error(response)
    if error is not None:
        return error
    text = described(response)
    if is_page(response) or response.is_redirect or response.status_code == 407:
        return NotAcceptedError(
            "network_blocked", f"not fal, but a proxy or a wrong address answered ({text})"
        )
    if response.status_code == 404:
        return UsageError(
            "model_not_found",
            f"fal does not know this model ({text}): check the ID at "
            "https://fal.ai/models, or find it with `falsmith search`",
        )
    if response.status_code in (405, 429):
        return NotAcceptedError("platform_down", f"fal did not accept the job ({text})")
    return replace(failure(response), charged="no")


def _no_answer(response: "httpx.Response", charged: Charged | None = None) -> JobReply:
    """Return what a response says that holds neither a job's state nor its result.

    `charged` is who pays for a job that the queue does not hand out.
    """
    status, text = response.status_code, described(response)
    from_fal = not is_page(response) and (
        request_id_of(response) is not None or json_object(response) is not None
    )
    if from_fal and (refusal := key_error(response)) is not None:
        return JobReply("closed", replace(refusal, charged="unknown", retry="same_job"))
    if from_fal and status == 404:
        return JobReply("missing", _unknown_job(response))
    if from_fal and status == 405:
        message = f"the queue does not hand out this job ({text})"
        error = NotCollectedError("result_endpoint_only", message, charged=charged)
        return JobReply("closed", error)
    return JobReply(
        "unclear", NotCollectedError("wait_over", f"fal did not answer about the job: {text}")
    )


def _unknown_job(response: "httpx.Response") -> UsageError:
    return UsageError(
        "usage",
        f"fal has no such job ({described(response)}): the model and the ID must belong together, "
        "and a result is kept for about an hour",
        charged="unknown",
        retry="never",
    )


def _problems(response: "httpx.Response") -> tuple[Problem, ...]:
    """Return the model's complaints about its input: the items of a `detail` list."""
    detail = (json_object(response) or {}).get("detail")
    items = [item for item in detail if isinstance(item, dict)] if isinstance(detail, list) else []
    return tuple(
        Problem(
            _input_path(item.get("loc")),
            short_json(item["input"], 120) if "input" in item else "",
            one_line(str(item.get("msg", "")), 300),
        )
        for item in items
    )


def _input_path(loc: ReceivedJson) -> str:
    steps = loc if isinstance(loc, list) else []
    inside = steps[1:] if steps[:1] == ["body"] else steps
    texts = (f"[{s}]" if isinstance(s, int) else f".{one_line(str(s), 100)}" for s in inside)
    return "".join(texts).lstrip(".") or "(input)"


def _log_lines(logs: ReceivedJson) -> Iterator[str]:
    """Yield each entry as one line: `timestamp level message`, as far as they are there."""
    for entry in logs if isinstance(logs, list) else []:
        if isinstance(entry, dict):
            parts = [entry.get(name) for name in ("timestamp", "level", "message")]
            yield one_line(" ".join(str(part) for part in parts if part is not None), 2000)
        else:
            yield one_line(str(entry), 2000)
