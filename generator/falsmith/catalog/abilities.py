"""What a model can do, in words that can be searched for: its fields, choices and kinds of files.

An ability is `input:FIELD`, `choice:FIELD=VALUE` or `output:KIND`.
"""

import json
from collections.abc import Iterator, Mapping

from fal_runtime.text import one_line
from falsmith.documents import Documents, Json
from falsmith.schema.file_kind import word_kind
from falsmith.schema.labels import choices
from falsmith.schema.references import Schema, branches
from falsmith.schema.resolve import input_schema, output_schema

__all__ = ["abilities"]

OUTPUT_DEPTH = 4


def abilities(documents: Documents) -> frozenset[str]:
    """Return what the model takes and makes, by its document."""
    inputs = input_schema(documents.openapi, documents.model_id).schema
    outputs = output_schema(documents.openapi, documents.model_id).schema
    told = (*_inputs(inputs), *_kinds("", outputs, outputs, 0))
    return frozenset(one_line(ability) for ability in told)


def _inputs(schema: Schema) -> Iterator[str]:
    for branch in branches(schema, schema):
        for name, part in branch.get("properties", {}).items():
            yield f"input:{name}"
            yield from (
                f"choice:{name}={_word(value)}" for value in choices(branches(part, schema), schema)
            )


def _word(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kinds(path: str, part: Schema, root: Schema, depth: int) -> Iterator[str]:
    """Yield the kind of each file below `part`; the names on the way to it tell more than it."""
    for branch in branches(part, root):
        if "x-file" in branch:
            yield f"output:{word_kind(path) or branch['x-file']}"
        elif depth < OUTPUT_DEPTH:
            for name, child in branch.get("properties", {}).items():
                yield from _kinds(f"{path}.{name}", child, root, depth + 1)
            if isinstance(branch.get("items"), Mapping):
                yield from _kinds(path, branch["items"], root, depth + 1)
