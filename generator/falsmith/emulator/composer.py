"""What a model returns: a value by its output schema, true of its files and of its input."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from fal_runtime.file_headers import FileHeaders
from fal_runtime.file_kinds import content_type_of, kind_of
from fal_runtime.schema.document import Schema
from falsmith.documents import Json
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.formats import stated_format
from falsmith.emulator.media import MediaFile, can_make, produce
from falsmith.emulator.order import SAMPLE_RATES, order_of
from falsmith.emulator.truths import ANSWER, Truths
from falsmith.example.sample import Sampler
from falsmith.schema.branches import branches, follow
from falsmith.schema.file_kind import output_file_kind

__all__ = ["Composer"]

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


class Composer:
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
        self._model_id = endpoint.model_id
        self._category = endpoint.category
        self._output = endpoint.output
        self._order = order_of(
            {**_rates(endpoint.output.schema), **inputs}, endpoint.category, given
        )
        self._count = self._order.count
        self._digest = digest
        self._publish = publish
        self._sampler = Sampler(endpoint.output.schema)
        self._truths = self._known(inputs, given)
        # What real answers leave open of a picture, which differs from model to model.
        self._unsaid = UNSAID[hashlib.sha256(endpoint.model_id.encode()).digest()[0] % len(UNSAID)]

    def _known(self, inputs: Mapping[str, Json], given: FileHeaders) -> Truths:
        """Return what is known of the result: what was heard is what the document shows."""
        truths = Truths.of(inputs, self._order, given, self._digest)
        if not self._category.startswith(("speech-to-", "audio-to-")):
            return truths
        text = self._resolved(self._output.schema.get("properties", {}).get("text", {}))
        heard = self._sampler.value(text, "text") if text.get("examples") else ANSWER
        return replace(truths, spoken=heard if isinstance(heard, str) else ANSWER)

    def result(self) -> Json:
        """Return the whole result."""
        if not self._output.known:
            name = UNDESCRIBED.get(self._category.rpartition("-to-")[2])
            if name is None:
                return {"output": ANSWER}
            file = self._file({}, name, 0)
            return {name: [file] if name == "images" else file}
        return self._value(self._output.schema, "", 0)

    def _value(self, schema: Schema, name: str, depth: int) -> Json:
        resolved = self._resolved(schema)
        if "x-file" in resolved:
            return self._publish(self._produce(resolved["x-file"], resolved, name), name)
        if _is_undescribed(resolved) and _names_file(name):
            return self._file(resolved, name, depth)
        if depth > DEPTH or not self._holds_file(resolved, name):
            return self._plain(resolved, name, depth)
        if "properties" in resolved:
            return self._object(resolved, name, depth)
        if "items" in resolved:
            count = max(self._count, resolved.get("minItems", 1))
            count = min(count, resolved.get("maxItems", count))
            examples = resolved.get("examples", ())
            shown = [
                one for part in examples for one in (part if isinstance(part, list) else [part])
            ]
            item = _inherited({**resolved, "examples": shown}, resolved["items"])
            return [self._value(item, name, depth + 1) for _ in range(count)]
        keyword = next(key for key in ("anyOf", "oneOf", "allOf") if key in resolved)
        branch = next(one for one in resolved[keyword] if self._holds_file(one, name))
        return self._value(_inherited(resolved, branch), name, depth + 1)

    def _plain(self, schema: Schema, name: str, depth: int) -> Json:
        """Return a value without files: a known one, else the document's, else one of ours."""
        for value in self._truths.values(name, self.files):
            if self._sampler.fits(value, schema):
                return value
        parts = branches(schema, self._output.schema)
        if not parts or depth > DEPTH or self._is_shown(schema) or self._is_shown(parts[0]):
            return self._sampled(schema, name)
        value = self._made(parts[0], schema, name, depth)
        return value if self._sampler.fits(value, schema) else self._sampled(schema, name)

    def _made(self, part: Schema, schema: Schema, name: str, depth: int) -> Json:
        """Return a value of ours for `part`, the first branch of `schema` that is not null."""
        if "properties" in part:
            return self._object(part, name, depth)
        if part.get("type") == "string":
            if self._sampler.fits(None, schema):
                return None
            # A description can name a value, such as 'h264' for a codec.
            sample = self._sampler.value(part, name)
            about = {**part, **schema}.get("description", "")
            return sample if sample in about else self._truths.text(name)
        item = part.get("items")
        if not isinstance(item, Mapping) or "prefixItems" in part:
            return self._sampled(schema, name)
        lasts = [file.facts["duration"] for file in self.files if "duration" in file.facts]
        seconds = next(iter(lasts), self._order.seconds)
        if _is_undescribed(self._resolved(item)):
            return [self._truths.alignment(seconds)] if name == "timestamps" else []
        properties = self._resolved(item).get("properties", {})
        timed = self._truths.timed(name, properties, seconds)
        count = part.get("minItems", 1) or 1
        made = [self._value(item, name, depth + 1) for _ in range(min(count, 16))]
        return [made[0] | known for known in timed] if timed else made

    def _is_shown(self, schema: Schema) -> bool:
        """Return whether the document gives a value: an example that fits, a default, a choice."""
        if "enum" in schema or "const" in schema or schema.get("default") not in (None, ""):
            return True
        examples = schema.get("examples")
        return isinstance(examples, list) and any(
            self._sampler.fits(one, schema) for one in examples
        )

    def _sampled(self, schema: Schema, name: str) -> Json:
        value = self._sampler.value(schema, name)
        if isinstance(value, list) and value and all(item is False for item in value):
            # One flag a picture.
            return [False] * self._count
        return self._own_files(value, name)

    def _own_files(self, value: Json, name: str) -> Json:
        """Return an example with files of the emulator in place of the files that it links to."""
        if isinstance(value, list):
            return [self._own_files(item, name) for item in value]
        if not isinstance(value, dict):
            return value
        if str(value.get("url", "")).startswith(("http://", "https://")):
            return self._file({}, name, DEPTH)
        return {key: self._own_files(item, key) for key, item in value.items()}

    def _object(self, schema: Schema, name: str, depth: int) -> Json:
        properties: Mapping[str, Schema] = schema["properties"]
        if self._is_link(properties.get("url")):
            return self._file(schema, name, depth)
        required = schema.get("required", ())
        values: dict[str, Json] = {}
        # Files come first: the other fields tell of them.
        for key in sorted(properties, key=lambda key: not self._holds_file(properties[key], key)):
            part = self._resolved(properties[key])
            if self._truths.is_asked(key, part.get("description", "")):
                # The owner's name comes along where only that says what kind of file it is.
                is_owned = _names_file(name) and not _names_file(key)
                values[key] = self._value(part, f"{name}_{key}" if is_owned else key, depth + 1)
            elif self._sampler.fits(None, part):
                values[key] = None
            elif key in required:
                empty = part.get("type") == "array" and not part.get("minItems")
                values[key] = [] if empty else self._value(part, key, depth + 1)
        return {key: values[key] for key in properties if key in values}

    def _file(self, schema: Schema, name: str, depth: int) -> dict[str, Json]:
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
        return shown | {key: self._value(properties[key], key, depth + 1) for key in required}

    def _produce(self, kind: str, schema: Schema, name: str) -> MediaFile:
        """Make one more file; each has bytes of its own."""
        seed = hashlib.sha256(self._digest + len(self.files).to_bytes(2)).digest()
        extension = stated_format(schema, name, self._model_id)
        if extension and not can_make(kind, extension):
            # The document knows better than the name of its field.
            by_format = kind_of(content_type_of(f"file.{extension}"))
            kind = "file" if by_format == "text" else by_format
        file = produce(kind, name, self._order, seed, extension)
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


def _rates(output: Schema) -> dict[str, Json]:
    """Return the sample rate that the document says its sounds to have."""
    said = output.get("properties", {}).get(SAMPLE_RATES[0], {})
    shown = [said.get("default"), *said.get("examples", ())]
    return {SAMPLE_RATES[0]: next((rate for rate in shown if rate is not None), None)}


def _inherited(owner: Schema, part: Schema) -> Schema:
    """Return the item of a list or a branch of a union with what its owner says of it."""
    about = {key: owner[key] for key in ("description", "examples") if key in owner}
    return {**about, **part}


def _is_undescribed(schema: Schema) -> bool:
    """Return whether `schema` says nothing of the value, as where a reference dangles."""
    return not schema.keys() - {"description", "examples", "$schema", "$defs"}


def _names_file(name: str) -> bool:
    return _kind_of_name(name) != "file"


def _kind_of_name(name: str) -> str:
    return output_file_kind(f"{name}.url", "url", LINK) or "file"
