"""An answer that follows a model's output schema, with a real file wherever it promises one."""

import re
from collections.abc import Callable, Mapping

from falsmith.documents import Json
from falsmith.emulator.endpoints import Endpoint
from falsmith.emulator.media import Product, Wish, produce
from falsmith.emulator.wishes import count_of
from falsmith.sample import Sampler
from falsmith.schema.file_kind import output_file_kind
from falsmith.schema.references import Schema, follow

__all__ = ["Composer"]

DEPTH = 12
LINK = {"type": "string"}
# Files that go along with a result; others, such as `drums`, are of the kind of the category.
DOCUMENT = re.compile(r"file|config|json|lora|weights|embedding|latents|caption|notes")
KINDS = {"image": "image", "video": "video", "audio": "audio", "speech": "audio", "3d": "3d"}
# Models whose document says nothing of the output still return what their category promises.
UNTOLD = {
    "image": "images",
    "video": "video",
    "audio": "audio",
    "speech": "audio",
    "3d": "model_mesh",
}


class Composer:
    """Composes one answer; `products` are the files that it made on the way."""

    def __init__(
        self,
        endpoint: Endpoint,
        inputs: Mapping[str, Json],
        wish: Wish,
        digest: bytes,
        publish: Callable[[Product], str],
    ) -> None:
        self.products: list[Product] = []
        self._category = endpoint.category
        self._output = endpoint.output
        self._inputs = inputs
        self._wish = wish
        self._digest = digest
        self._publish = publish
        self._sampler = Sampler(endpoint.output.schema)

    def answer(self) -> Json:
        """Return the whole answer."""
        if not self._output.known:
            return self._untold()
        root = self._resolved(self._output.schema)
        value = self._value(root, "", 0)
        return self._echoed(root, value) if isinstance(value, dict) else value

    def _echoed(self, root: Schema, value: dict[str, Json]) -> dict[str, Json]:
        """Return the answer with what models repeat from the input: the seed and the prompt."""
        given = {name: self._inputs.get(name) for name in ("prompt", "seed")}
        if given["seed"] is None:
            given["seed"] = int.from_bytes(self._digest[:4]) >> 1
        properties: Schema = root.get("properties", {})
        fitting = {
            name: given[name]
            for name in given
            if name in properties and self._sampler.fits(given[name], properties[name])
        }
        return value | fitting

    def _untold(self) -> Json:
        target = self._category.rpartition("-to-")[2]
        name = UNTOLD.get(target)
        if name is None:
            return {"output": "An answer of the falsmith emulator"}
        made = self._file({}, name)
        return {name: [made] if name == "images" else made}

    def _value(self, schema: Schema, name: str, depth: int) -> Json:
        resolved = self._resolved(schema)
        if "x-file" in resolved:
            return self._publish(self._product(resolved["x-file"], name))
        if _is_untold(resolved) and _names_file(name):
            return self._file({}, name)
        if depth > DEPTH or not self._holds_file(resolved, name):
            return self._plain(resolved, name)
        if "properties" in resolved:
            return self._object(resolved, name, depth)
        if "items" in resolved:
            return self._list(resolved, name, depth)
        return self._value(self._file_branch(resolved, name), name, depth + 1)

    def _plain(self, schema: Schema, name: str) -> Json:
        value = self._sampler.value(schema, name)
        if isinstance(value, list) and value and all(item is False for item in value):
            # One flag a picture, such as has_nsfw_concepts.
            return [False] * count_of(self._inputs)
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
            key: self._value(part, _full_name(name, key), depth + 1)
            for key, part in properties.items()
        }

    def _list(self, schema: Schema, name: str, depth: int) -> Json:
        count = max(count_of(self._inputs), schema.get("minItems", 1))
        count = min(count, schema.get("maxItems", count))
        return [self._value(schema["items"], name, depth + 1) for _ in range(count)]

    def _file_branch(self, schema: Schema, name: str) -> Schema:
        keyword = next(key for key in ("anyOf", "oneOf", "allOf") if key in schema)
        return next(branch for branch in schema[keyword] if self._holds_file(branch, name))

    def _file(self, schema: Schema, name: str) -> dict[str, Json]:
        """Return a file object; all that it says of its file is true of the bytes."""
        properties: Mapping[str, Schema] = schema.get("properties", {})
        link = self._resolved(properties.get("url", {}))
        product = self._product(self._kind(link, name), name)
        told: dict[str, Json] = {
            "url": self._publish(product),
            "content_type": product.content_type,
        }
        told |= {"file_name": f"{name or 'output'}.{product.extension}"}
        told |= {"file_size": len(product.data)} | dict(product.facts)
        if not properties:
            return told
        required = schema.get("required", ())
        others = [key for key in properties if key not in told and key in required]
        told = {key: value for key, value in told.items() if key in properties}
        return told | {key: self._value(properties[key], key, DEPTH + 1) for key in others}

    def _product(self, kind: str, name: str) -> Product:
        seed = self._digest[:30] + len(self.products).to_bytes(2)
        product = produce(kind, name, self._wish, seed)
        self.products.append(product)
        return product

    def _kind(self, link: Schema, name: str) -> str:
        """Return the file's kind; a plain File says it by the name of the field that holds it."""
        told = link.get("x-file", "file"), _kind_of_name(name)
        kind: str = next((kind for kind in told if kind != "file"), "file")
        if kind != "file" or DOCUMENT.search(name):
            return kind
        return KINDS.get(self._category.rpartition("-to-")[2], kind)

    def _is_link(self, schema: Schema | None) -> bool:
        resolved = self._resolved(schema or {})
        branches = resolved.get("anyOf", [resolved])
        return any(branch.get("type") == "string" for branch in branches)

    def _holds_file(self, schema: Schema, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Tell whether a file link is in `schema`, at any depth; recursion ends the search."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if reference in seen:
                return False
            seen |= {reference}
        resolved = self._resolved(schema)
        if _is_untold(resolved):
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


def _is_untold(schema: Schema) -> bool:
    """Tell whether `schema` says nothing of the value, as where a reference dangles."""
    return not schema.keys() - {"description", "$schema", "$defs"}


def _full_name(owner: str, name: str) -> str:
    """Return `name`, after its owner's where only that says what kind of file it is."""
    return f"{owner}_{name}" if _names_file(owner) and not _names_file(name) else name


def _names_file(name: str) -> bool:
    return _kind_of_name(name) != "file"


def _kind_of_name(name: str) -> str:
    return output_file_kind(f"{name}.url", "url", LINK, "") or "file"
