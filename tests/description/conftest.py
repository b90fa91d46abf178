"""Models as small as a line needs them: an ID, fields, an answer, the platform's words."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from falsmith.documents import Documents
from falsmith.model import Model
from falsmith.parse import parse


@pytest.fixture
def described(model_documents: Callable[..., Documents]) -> Callable[..., Model]:
    """Return the reader of a model: its ID, fields, those that must be given, its answer.

    An answer of one word is a file of that name.
    """
    link = {"type": "string", "format": "uri"}
    file = {"type": "object", "properties": {"url": link}}

    def build(
        model_id: str,
        fields: Mapping[str, Any],
        required: str,
        output: str | Mapping[str, Any],
        **metadata: Any,
    ) -> Model:
        schema = {"type": "object", "properties": fields, "required": required.split()}
        told = (
            {"type": "object", "properties": {output: file}} if isinstance(output, str) else output
        )
        return parse(model_documents(schema, told, model_id=model_id, metadata=metadata))

    return build
