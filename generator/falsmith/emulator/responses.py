"""What a request ends with: the model's result with real files, or the error that fal replays."""

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fal_runtime.file_headers import FileHeaders, read_headers
from fal_runtime.file_kinds import extension_of
from fal_runtime.schema.document import SchemaObject as Schema
from falsmith.documents import Json
from falsmith.emulator.billing import units_of
from falsmith.emulator.endpoints import ERROR_PAGE, Endpoint
from falsmith.emulator.faults import MODEL_ERRORS, REQUEST_ERRORS
from falsmith.emulator.media import MediaFile, produce
from falsmith.emulator.order import order_of
from falsmith.example.sample import Sampler
from falsmith.schema.branches import follow
from falsmith.schema.file_kind import output_file_kind

__all__ = ["Reply", "cancelled", "completed", "failed", "invalid", "timed_out"]

DEPTH = 12
# What real answers leave open of a picture, by what was recorded of several models.
UNSAID = (
    (),
    ("width", "height"),
    ("file_size", "width", "height"),
    ("file_name", "file_size"),
)
LINK = {"type": "string"}
# Files that go along with a result; others, such as `drums`, are of the kind of the category.
DOCUMENT = re.compile(r"file|config|json|lora|weights|embedding|latents|caption|notes")
KINDS = {"image": "image", "video": "video", "audio": "audio", "speech": "audio", "3d": "3d"}
# Models whose document says nothing of the output still return what their category promises.
UNDESCRIBED = {
    "image": "images",
    "video": "video",
    "audio": "audio",
    "speech": "audio",
    "3d": "model_mesh",
}


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
    told = endpoint.with_defaults(inputs)
    relevant = {name: value for name, value in inputs.items() if name != "sync_mode"}
    digest = hashlib.sha256(json.dumps([endpoint.model_id, relevant], sort_keys=True).encode())
    if told.get("seed") in (None, -1):
        digest.update(chance)
    given = _given(told, load)
    composer = _Composer(endpoint, told, digest.digest(), publish, given)
    body = composer.result()
    units = units_of(endpoint.model_id, endpoint.category, told, composer.files, given.duration)
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


class _Composer:
    """Composes one result by the output schema; `files` are those that it made on the way."""

    def __init__(
        self,
        endpoint: Endpoint,
        inputs: Mapping[str, Json],
        digest: bytes,
        publish: Callable[[MediaFile, str], str],
        given: FileHeaders,
    ) -> None:
        self.files: list[MediaFile] = []
        self._category = endpoint.category
        self._output = endpoint.output
        self._inputs = inputs
        self._order = order_of(inputs, endpoint.category, given)
        self._count = self._order.count
        self._digest = digest
        self._publish = publish
        self._sampler = Sampler(endpoint.output.schema)
        # What real answers leave open of a picture, which differs from model to model.
        self._unsaid = UNSAID[hashlib.sha256(endpoint.model_id.encode()).digest()[0] % len(UNSAID)]

    def result(self) -> Json:
        """Return the whole result."""
        if not self._output.known:
            name = UNDESCRIBED.get(self._category.rpartition("-to-")[2])
            if name is None:
                return {"output": "An answer of the falsmith emulator"}
            file = self._file({}, name)
            return {name: [file] if name == "images" else file}
        root = self._resolved(self._output.schema)
        value = self._value(root, "", 0)
        return self._echoed(root, value) if isinstance(value, dict) else value

    def _echoed(self, root: Schema, value: dict[str, Json]) -> dict[str, Json]:
        """Return the result with the prompt and the seed that were used, and how long it took."""
        given = {name: self._inputs.get(name) for name in ("prompt", "seed")}
        given["timings"] = {"inference": round(0.5 + self._digest[4] / 256, 3)}
        if given["seed"] in (None, -1):
            given["seed"] = int.from_bytes(self._digest[:4]) >> 1
        properties: Schema = root.get("properties", {})
        fitting = {
            name: given[name]
            for name in given
            if name in properties and self._sampler.fits(given[name], properties[name])
        }
        return value | fitting

    def _value(self, schema: Schema, name: str, depth: int) -> Json:
        resolved = self._resolved(schema)
        if "x-file" in resolved:
            return self._publish(self._produce(resolved["x-file"], resolved, name), name)
        if _is_undescribed(resolved) and _names_file(name):
            return self._file({}, name)
        if depth > DEPTH or not self._holds_file(resolved, name):
            return self._plain(resolved, name)
        if "properties" in resolved:
            return self._object(resolved, name, depth)
        if "items" in resolved:
            count = max(self._count, resolved.get("minItems", 1))
            count = min(count, resolved.get("maxItems", count))
            return [self._value(resolved["items"], name, depth + 1) for _ in range(count)]
        keyword = next(key for key in ("anyOf", "oneOf", "allOf") if key in resolved)
        branch = next(one for one in resolved[keyword] if self._holds_file(one, name))
        return self._value(branch, name, depth + 1)

    def _plain(self, schema: Schema, name: str) -> Json:
        value = self._sampler.value(schema, name)
        if isinstance(value, list) and value and all(item is False for item in value):
            # One flag a picture, such as has_nsfw_concepts.
            return [False] * self._count
        return self._own_files(value, name)

    def _own_files(self, value: Json, name: str) -> Json:
        """Return an example with files of the emulator in place of the files that it links to."""
        if isinstance(value, list):
            return [self._own_files(item, name) for item in value]
        if not isinstance(value, dict):
            return value
        if str(value.get("url", "")).startswith(("http://", "https://")):
            return self._file({}, name)
        return {key: self._own_files(item, key) for key, item in value.items()}

    def _object(self, schema: Schema, name: str, depth: int) -> Json:
        properties: Mapping[str, Schema] = schema["properties"]
        if self._is_link(properties.get("url")):
            return self._file(schema, name)
        return {
            # The owner's name comes along where only that says what kind of file it is.
            key: self._value(
                part,
                f"{name}_{key}" if _names_file(name) and not _names_file(key) else key,
                depth + 1,
            )
            for key, part in properties.items()
        }

    def _file(self, schema: Schema, name: str) -> dict[str, Json]:
        """Return a file object; all that it says of its file is true of the bytes."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        link = self._resolved(properties.get("url", {}))
        file = self._produce(self._kind(link, name), schema, name)
        url = self._publish(file, name)
        facts: dict[str, Json] = {
            "url": url,
            "content_type": file.content_type,
            "file_name": f"{name or 'output'}.{file.extension}",
            "file_size": len(file.data),
            **file.facts,
        }
        if not url.startswith("data:"):
            facts["file_name"] = url.rpartition("/")[2]
        if not properties:
            return facts
        shown = {
            key: value
            for key, value in facts.items()
            if key in properties and self._sampler.fits(value, properties[key])
        }
        if file.kind == "image":
            unsaid = [key for key in self._unsaid if key in shown]
            shown |= {key: None for key in unsaid if self._sampler.fits(None, properties[key])}
        required = [key for key in schema.get("required", ()) if key in properties.keys() - shown]
        return shown | {key: self._value(properties[key], key, DEPTH + 1) for key in required}

    def _produce(self, kind: str, schema: Schema, name: str) -> MediaFile:
        """Make one more file; each has bytes of its own."""
        seed = hashlib.sha256(self._digest + len(self.files).to_bytes(2)).digest()
        file = produce(kind, name, self._order, seed, _usual_format(schema))
        self.files.append(file)
        return file

    def _kind(self, link: Schema, name: str) -> str:
        """Return the file's kind; a plain File says it by the name of the field that holds it."""
        kinds = link.get("x-file", "file"), _kind_of_name(name)
        kind: str = next((kind for kind in kinds if kind != "file"), "file")
        if kind != "file" or DOCUMENT.search(name):
            return kind
        return KINDS.get(self._category.rpartition("-to-")[2], kind)

    def _is_link(self, schema: Schema | None) -> bool:
        resolved = self._resolved(schema or {})
        branches = resolved.get("anyOf", [resolved])
        return any(branch.get("type") == "string" for branch in branches)

    def _holds_file(self, schema: Schema, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Return whether a file link is in `schema`, at any depth; recursion ends the search."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                return False
            seen |= {reference}
        resolved = self._resolved(schema)
        if _is_undescribed(resolved):
            return _names_file(name)
        if "x-file" in resolved or self._is_link(resolved.get("properties", {}).get("url")):
            return True
        inner = [(part, key) for key, part in resolved.get("properties", {}).items()]
        for keyword in ("anyOf", "oneOf", "allOf"):
            inner += [(branch, name) for branch in resolved.get(keyword, ())]
        inner += [(resolved["items"], name)] if isinstance(resolved.get("items"), Mapping) else []
        return any(self._holds_file(part, key, seen) for part, key in inner)

    def _resolved(self, schema: Schema) -> Schema:
        return follow(schema, self._output.schema)


def _usual_format(schema: Schema) -> str:
    """Return the extension of the first link among the examples of an output field."""
    examples = schema.get("examples")
    for example in examples if isinstance(examples, list) else ():
        link = example.get("url") if isinstance(example, dict) else example
        if isinstance(link, str) and extension_of(link):
            return extension_of(link)
    return ""


def _is_undescribed(schema: Schema) -> bool:
    """Return whether `schema` says nothing of the value, as where a reference dangles."""
    return not schema.keys() - {"description", "$schema", "$defs"}


def _names_file(name: str) -> bool:
    return _kind_of_name(name) != "file"


def _kind_of_name(name: str) -> str:
    return output_file_kind(f"{name}.url", "url", LINK) or "file"
