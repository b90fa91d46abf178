"""From a model's OpenAPI document to the self-contained JSON Schemas of its input and its output.

The schemas are found by following the references of the POST body and of the GET result, never by
name, and come out as JSON Schema 2020-12: local `$defs`, no OpenAPI spellings, no broken keyword.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from falsmith.documents import Json, only_post
from falsmith.schema.branches import follow
from falsmith.schema.file_kind import input_file, output_file
from falsmith.schema.loops import expands_without_end
from falsmith.schema.reader import FileMarks, Schema, SchemaReader

__all__ = ["ResolvedSchema", "dig", "input_schema", "output_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class ResolvedSchema:
    """A self-contained schema; `known` is false where the document says nothing about the value.

    `warnings` say what the document got wrong and how it was read, for people.
    """

    schema: Schema
    known: bool
    warnings: tuple[str, ...]


def input_schema(openapi: Mapping[str, Json], model_id: str) -> ResolvedSchema:
    """Return the schema of what the model takes: the body of the POST on the model's own path."""
    operation = dig(openapi, "paths", f"/{model_id}", "post") or _only_post(openapi)
    body = dig(operation, "requestBody", "content", "application/json", "schema")
    return _resolve(openapi, body, "input", input_file)


def output_schema(openapi: Mapping[str, Json], model_id: str) -> ResolvedSchema:
    """Return the schema of what comes back: the 200 answer of the request's result path."""
    operation = dig(openapi, "paths", f"/{model_id}/requests/{{request_id}}", "get")
    answer = operation or _only_result(openapi)
    body = dig(answer, "responses", "200", "content", "application/json", "schema")
    return _resolve(openapi, body, "output", output_file)


def dig(value: Json, *names: str) -> Json:
    """Follow `names` through nested objects; None where anything on the way is not an object."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _only_post(openapi: Mapping[str, Json]) -> Json:
    paths = dig(openapi, "paths")
    path = only_post(paths) if isinstance(paths, Mapping) else None
    return dig(paths, path, "post") if path is not None else None


def _only_result(openapi: Mapping[str, Json]) -> Json:
    paths = dig(openapi, "paths")
    ending = "/requests/{request_id}"
    known = paths if isinstance(paths, Mapping) else ()
    names = [name for name in known if str(name).endswith(ending)]
    return dig(paths, names[0], "get") if len(names) == 1 else None


def _resolve(
    openapi: Mapping[str, Json], body: Json, side: str, file_marks: FileMarks
) -> ResolvedSchema:
    components = dig(openapi, "components", "schemas")
    reader = SchemaReader(components if isinstance(components, Mapping) else {}, file_marks)
    root = dict(follow(reader.root(body, side), {"$defs": reader.defs}))
    if expands_without_end(root, reader.defs):
        reader.note(side, "its unions hold one another too often to be read; anything is allowed")
        root, reader.defs = {}, {}
    known = any(key in root for key in ("properties", "anyOf", "oneOf", "allOf", "type"))
    schema = {"$schema": DIALECT, **root} | ({"$defs": reader.defs} if reader.defs else {})
    return ResolvedSchema(schema, known, tuple(reader.warnings))
