"""Who may call: the keys that the emulator accepts, and how each host of fal refuses a request."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["KEY", "LOCKED", "LOCKED_KEY", "Access", "detail", "not_done", "platform_error"]

# The only key that passes: a real one that is sent here by mistake is refused.
KEY = "emulator:local"
# With this key every call of a model answers 403, as for an account without funds.
LOCKED_KEY = "emulator:locked"
LOCKED = (
    "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
)


def detail(status: int, message: str, **headers: str) -> Response:
    """Return an error of the inference and storage hosts: `{"detail": message}`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"detail": message}, status, named)


def not_done(what: str) -> Response:
    """Return the 501 of something that fal has and the emulator does not."""
    return detail(501, f"The falsmith emulator does not serve {what}.")


def platform_error(status: int, kind: str, message: str) -> Response:
    """Return an error of the Platform API: `{"error": {"type": …, "message": …}}`."""
    return JSONResponse({"error": {"type": kind, "message": message}}, status)


@dataclass(frozen=True, slots=True)
class Access:
    """The rule whether calls need a key; a wrong key is refused in any case.

    Attributes:
        is_stream_token: Whether a text is a good token, which streams take in place of a key.

    """

    is_stream_token: Callable[[str], bool]
    require_key: bool = True

    def refuse_inference(self, request: Request, app: str) -> Response | None:
        """Return the refusal of queue and run hosts, or None where the call may pass."""
        scheme, key = _credentials(request)
        token = request.query_params.get("fal_jwt_token")
        if not scheme and token is not None:
            return None if self.is_stream_token(token) else detail(401, "Unauthorized")
        if not scheme:
            refusal = f'Cannot access application "{app}". Authentication is required.'
            return detail(401, refusal) if self.require_key else None
        if scheme == "bearer":
            return detail(401, "bearer: unable to decode issuer")
        if scheme == "key" and key == LOCKED_KEY:
            return detail(403, LOCKED)
        if scheme != "key" or key != KEY:
            return detail(401, "invalid key credentials")
        return None

    def refuse_storage(self, request: Request) -> Response | None:
        """Return the refusal of the storage host, which always needs a key."""
        allowed = _credentials(request) == ("key", KEY)
        return None if allowed else detail(401, "invalid key credentials")

    def refuse_platform(self, request: Request, *, optional: bool) -> Response | None:
        """Return the refusal of the Platform API, where some calls pass without a key."""
        given = _credentials(request)
        if given == ("key", KEY) or (optional and not given[0]):
            return None
        message = "Invalid API key" if given[0] else "Authentication required"
        return platform_error(401, "authorization_error", message)


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, key = request.headers.get("authorization", "").strip().partition(" ")
    return scheme.lower(), key.strip()
