"""references/provenance.json: what it must hold, and which files are not as it lists them."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from falsmith.verify.folder import MOST_SHOWN, Finding, Folder, quoted
from falsmith.verify.record import (
    COLLECTION,
    CREATOR,
    PROVENANCE,
    VERSION,
    is_collection,
    is_creator,
    is_of_this_version,
    listed_files,
    listed_models,
    mode,
    model_folders,
    model_id,
    recorded_options,
    shared,
)

__all__ = ["check_edited", "check_provenance"]

DIGEST = re.compile(r"[0-9a-f]{64}")
MODES = ("default", "standalone", "public")


def check_provenance(folder: Folder) -> list[Finding]:
    """Check the fields of provenance.json."""
    record = folder.json_object(PROVENANCE)
    if record is None:
        return folder.json_problems(PROVENANCE)
    if "writing" in record:
        message = "is the record of a write that was interrupted: generate the skill again"
        return [Finding(PROVENANCE, message)]
    of = (
        _of_creator
        if is_creator(folder)
        else _of_collection
        if is_collection(folder)
        else _of_model
    )
    own = of(record, folder)
    messages = [*_version(record), *own, *_files(record.get("files"))]
    return [Finding(PROVENANCE, message) for message in messages[:MOST_SHOWN]]


def check_edited(folder: Folder, *, allowed: bool) -> list[Finding]:
    """List every file that was changed after it was generated.

    Texts are the user's to edit, and other checks look at what they say: a notice, unless they are
    not allowed. Code that was edited is a problem; that of this version is compared with what it
    writes instead.
    """
    message = "was edited after it was generated (its SHA-256 is not the one in provenance.json)"
    anew = "write it anew: falsmith generate --force"
    edited = [
        path
        for path, digest in (listed_files(folder) or {}).items()
        if path in folder.files and DIGEST.fullmatch(str(digest))
        if hashlib.sha256(folder.files[path]).hexdigest() != digest
    ]
    texts = [path for path in edited if not path.startswith("scripts/")]
    code = [] if is_of_this_version(folder) else [path for path in edited if path not in texts]
    if allowed:
        notices = [Finding(path, message, "notice") for path in texts]
    else:
        notices = [Finding(path, f"{message}: say --allow-edited, or {anew}") for path in texts]
    return notices + [Finding(path, f"{message}; {anew}") for path in code]


def _of_creator(record: Mapping[str, Any], folder: Folder) -> list[str]:
    found = []
    if folder.name != CREATOR:
        found.append(f"skill is {quoted(CREATOR)}, the folder {quoted(folder.name)}")
    if "links" in record:
        found.append(
            "records symbolic links, and a creator skill must hold copies: generate it again, with "
            "falsmith generate -m ID"
        )
    return found


def _of_collection(record: Mapping[str, Any], folder: Folder) -> list[str]:
    found = _option_objections(record.get("options"), folder.name)
    name = recorded_options(folder).get("name")
    if record["collection"] != name:
        found.append(f"collection is {quoted(record['collection'])}, options.name {quoted(name)}")
    models = record.get("models")
    sources = models if isinstance(models, dict) else {}
    found += [
        f"models: {quoted(short)} must have a model_id, and in sha256 the 64 hex digits of the "
        "digest of its document"
        for short, source in sources.items()
        if not isinstance(source, dict) or not DIGEST.fullmatch(str(source.get("sha256")))
    ]
    recorded = {
        short: source.get("model_id")
        for short, source in sources.items()
        if isinstance(source, dict)
    }
    listed = listed_models(folder)
    if listed is not None and recorded != listed:
        found.append("models are not those that collection.json lists")
    default = (folder.json_object(COLLECTION) or record).get("default")
    if record.get("default") != default:
        found.append(f"default is not {quoted(default)}, as collection.json has it")
    return found + _links(record, mode(folder))


def _of_model(record: Mapping[str, Any], folder: Folder) -> list[str]:
    found = _text(record, "model_id")
    for model in model_folders(folder):
        expected = model_id(folder, model)
        if expected is not None and record.get("model_id") != expected:
            found.append(f"model_id is not {quoted(expected)}, as model_config.json has it")
    found += _option_objections(record.get("options"), folder.name)
    source = record.get("source")
    if not (isinstance(source, dict) and DIGEST.fullmatch(str(source.get("sha256")))):
        found.append("source.sha256 must be 64 hex digits: the digest of the model's document")
    return found + _links(record, mode(folder))


def _text(record: Mapping[str, Any], name: str) -> list[str]:
    if isinstance(record.get(name), str):
        return []
    return [f"{name} must be text, not {quoted(record.get(name))}"]


def _version(record: Mapping[str, Any]) -> list[str]:
    version = record.get("falsmith")
    if isinstance(version, str) and not VERSION.fullmatch(version):
        return [f"falsmith must be a version such as 0.1.0, not {quoted(version)}"]
    return _text(record, "falsmith")


def _option_objections(value: object, folder_name: str) -> list[str]:
    if not isinstance(value, dict):
        return ["options must be an object"]
    found = []
    if value.get("mode") not in MODES:
        found.append(f"options.mode must be one of {', '.join(MODES)}")
    if not isinstance(value.get("lazy"), bool):
        found.append("options.lazy must be true or false")
    if not isinstance(value.get("license"), str):
        found.append("options.license must be text")
    if isinstance(value.get("name"), str) and value["name"] != folder_name:
        found.append(f"options.name is {quoted(value['name'])}, the folder {quoted(folder_name)}")
    return found + [
        f"options.{name} must be text or null"
        for name in ("name", "description")
        if not isinstance(value.get(name), str | None)
    ]


def _links(record: Mapping[str, Any], kind: object) -> list[str]:
    links = record.get("links", {})
    if not isinstance(links, dict):
        return ["links must be an object that gives each link's target"]
    if links and kind != "default":
        return [f"links: a skill in the mode {quoted(kind)} has none"]
    return [
        f"links: {quoted(path)} must lead to {quoted(shared(path))}, not to {quoted(target)}"
        for path, target in links.items()
        if target != shared(path)
    ]


def _files(value: object) -> list[str]:
    if not isinstance(value, dict) or not value:
        return ["files must be an object that gives each file's SHA-256"]
    return [
        f"files: the digest of {quoted(path)} must be 64 hex digits"
        for path, digest in value.items()
        if not DIGEST.fullmatch(str(digest))
    ]
