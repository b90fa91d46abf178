"""The JSON that a request carries."""

from starlette.requests import Request

from fal_runtime.json_text import parse_json, unsendable
from falsmith.documents import Json

__all__ = ["sent_json"]


async def sent_json(request: Request) -> Json:
    """Return the value in the body of a request, `{}` where there is no body.

    Raises:
        ValueError: It is no JSON, or none that could be sent back.

    """
    value = parse_json(await request.body() or b"{}", duplicates=True)
    problem = unsendable(value)
    if problem is not None:
        raise ValueError(problem)
    return value
