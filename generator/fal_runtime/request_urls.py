"""Where a job is asked about: the links that fal returned, else those of its owner and app."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from .errors import UsageError
from .json_value import Json
from .origins import rewritten

__all__ = ["RequestUrls", "checked_model_id", "checked_request_id"]

_NAMESPACES = ("workflows", "comfy")
_MODEL_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*(/[A-Za-z0-9_][A-Za-z0-9_.~-]*)+")
_OLD_MODEL_ID = re.compile(r"(\d+)-([A-Za-z0-9_][A-Za-z0-9_.~-]*)")
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


@dataclass(frozen=True, slots=True)
class RequestUrls:
    """The three addresses of one job, all below the configured queue."""

    status: str
    result: str
    cancel: str

    @classmethod
    def of_id(cls, queue: str, model_id: str, request_id: str) -> "RequestUrls":
        """Return the addresses of a bare request ID: below owner and app, never the whole model ID.

        The namespaces `workflows` and `comfy` stand before the owner.
        """
        parts = model_id.split("/")
        app = "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])
        result = f"{queue}/{app}/requests/{quote(request_id, safe='')}"
        return cls(f"{result}/status", result, f"{result}/cancel")

    @classmethod
    def of_answer(
        cls, queue: str, model_id: str, request_id: str, answer: dict[str, Json]
    ) -> "RequestUrls":
        """Return the addresses that a submit's answer names, each where it is usable.

        A model ID can be another app's second name: then only the returned links are right.
        """
        built = cls.of_id(queue, model_id, request_id)
        result = _link(answer, "response_url", queue)
        if result is not None:
            stem = result.removesuffix("/response")
            built = cls(f"{stem}/status", result, f"{stem}/cancel")
        return cls(
            _link(answer, "status_url", queue) or built.status,
            built.result,
            _link(answer, "cancel_url", queue) or built.cancel,
        )


def checked_model_id(model_id: str) -> str:
    """Return the ID as a path below fal's hosts, or raise UsageError for a malformed one."""
    old = _OLD_MODEL_ID.fullmatch(model_id)
    if old is not None:
        return f"{old[1]}/{old[2]}"
    if _MODEL_ID.fullmatch(model_id) is None:
        raise UsageError(
            "usage", f"{model_id[:200]!r} is no model ID: it reads owner/app or owner/app/variant"
        )
    return model_id


def checked_request_id(request_id: str) -> str:
    """Return the request ID, or raise UsageError for a text that cannot be one."""
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise UsageError("usage", f"{request_id[:200]!r} is no request ID of fal")
    return request_id


def _link(answer: dict[str, Json], name: str, queue: str) -> str | None:
    url = answer.get(name)
    return rewritten(url, queue) if isinstance(url, str) else None
