"""JSON as it comes over a wire: a type for it, and one careful way to read it."""

import json
from typing import TypeAlias, Union

__all__ = ["Json", "read_json"]

Json: TypeAlias = Union[bool, int, float, str, "list[Json]", "dict[str, Json]", None]

# Far deeper than any answer, and shallow enough for every recursive walk of this package.
_DEEPEST = 200


def read_json(text: str | bytes) -> Json:
    """Return the value of a JSON text; NaN and the infinities, which JSON lacks, become None.

    Raises ValueError for a text that is no JSON or is nested deeper than any real answer.
    """
    try:
        value: Json = json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _deeper_than(value, _DEEPEST):
        raise ValueError("nested too deeply")
    return value


def _deeper_than(value: Json, limit: int) -> bool:
    layer = [value]
    for _ in range(limit):
        layer = [inner for item in layer for inner in _inside(item)]
        if not layer:
            return False
    return True


def _inside(value: Json) -> list[Json]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
