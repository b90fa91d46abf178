"""references/provenance.json: what was generated, how, and whether the folder still is that."""

import hashlib
import re
from typing import Any

from falsmith.verify.folder import Folder
from falsmith.verify.json_text import check_json_object, json_object
from falsmith.verify.model_config import MODEL_CONFIG
from falsmith.verify.problem import Problem, shown

__all__ = [
    "PROVENANCE",
    "check_edited",
    "check_listing",
    "check_provenance",
    "is_creator",
    "is_public",
    "listed_links",
    "was_generated",
]

PROVENANCE = "references/provenance.json"
OWN_FILES = frozenset({"references/guide.md", "references/defaults.yaml", PROVENANCE})
DIGEST = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"\d+(?:\.\d+)+[A-Za-z0-9.+-]*")
MODES = ("default", "standalone", "public")
# The skill that makes skills: other skills beside it may link to its runtime.
CREATOR = "fal-skill-creator"


def was_generated(folder: Folder) -> bool:
    """Tell whether falsmith wrote the skill, though the record of that may be lost by now."""
    return folder.has(PROVENANCE) or folder.has(MODEL_CONFIG)


def is_public(folder: Folder) -> bool:
    """Tell whether the skill was generated with --public."""
    return _mode(json_object(folder, PROVENANCE) or {}) == "public"


def is_creator(folder: Folder) -> bool:
    """Tell whether this is the creator skill, which is of no model."""
    return (json_object(folder, PROVENANCE) or {}).get("skill") == CREATOR


def listed_links(folder: Folder) -> dict[str, str]:
    """Return the links that the skill is to have, by path; the value is where each one points."""
    record = json_object(folder, PROVENANCE) or {}
    links = record.get("links")
    if not isinstance(links, dict) or _mode(record) != "default":
        return {}
    return {path: target for path, target in links.items() if target == _shared(path)}


def check_provenance(folder: Folder) -> list[Problem]:
    """Check the fields of provenance.json."""
    record = json_object(folder, PROVENANCE)
    if record is None:
        return check_json_object(folder, PROVENANCE)
    if "writing" in record:
        told = "tells of a write that was interrupted: generate the skill again"
        return [Problem(PROVENANCE, told)]
    own = _of_creator(record, folder) if is_creator(folder) else _of_model(record, folder)
    messages = [*_version(record), *own, *_files(record.get("files"))]
    return [Problem(PROVENANCE, message) for message in messages]


def check_listing(folder: Folder) -> list[Problem]:
    """Compare the files that are there with the files that provenance.json lists."""
    listed = _listed(folder)
    if listed is None:
        return []
    missing = [
        Problem(path, "is missing, though references/provenance.json lists it")
        for path in listed
        if not folder.has(path)
    ]
    told = "is not listed in references/provenance.json: falsmith did not write it"
    extra = folder.files.keys() - listed.keys() - OWN_FILES
    return missing + [Problem(path, told) for path in extra]


def check_edited(folder: Folder) -> list[Problem]:
    """List scripts and references that were changed after they were generated.

    SKILL.md, queue_config.yaml and agents/openai.yaml are for the user to edit; other checks look
    at what they say. An edited script or schema is no longer what falsmith wrote.
    """
    told = (
        "was edited after it was generated (its SHA-256 is not the one in provenance.json); "
        "write it anew: falsmith generate --force"
    )
    return [
        Problem(path, told)
        for path, digest in (_listed(folder) or {}).items()
        if path.startswith(("scripts/", "references/")) and path in folder.files
        if DIGEST.fullmatch(str(digest))
        and hashlib.sha256(folder.files[path]).hexdigest() != digest
    ]


def _listed(folder: Folder) -> dict[str, Any] | None:
    files = (json_object(folder, PROVENANCE) or {}).get("files")
    return files if isinstance(files, dict) else None


def _of_creator(record: dict[str, Any], folder: Folder) -> list[str]:
    found = []
    if folder.name != CREATOR:
        found.append(f"skill is {shown(CREATOR)}, the folder {shown(folder.name)}")
    if "links" in record:
        found.append("links: the creator skill has none, others link to it")
    return found


def _of_model(record: dict[str, Any], folder: Folder) -> list[str]:
    return [
        *_text(record, "model_id"),
        *_options(record.get("options"), folder.name),
        *_source(record.get("source")),
        *_links(record),
        *_lazy(record, folder),
    ]


def _text(record: dict[str, Any], name: str) -> list[str]:
    if isinstance(record.get(name), str):
        return []
    return [f"{name} must be text, not {shown(record.get(name))}"]


def _version(record: dict[str, Any]) -> list[str]:
    told = record.get("falsmith")
    if isinstance(told, str) and not VERSION.fullmatch(told):
        return [f"falsmith must be a version such as 0.1.0, not {shown(told)}"]
    return _text(record, "falsmith")


def _options(value: object, folder_name: str) -> list[str]:
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
        found.append(f"options.name is {shown(value['name'])}, the folder {shown(folder_name)}")
    return found + [
        f"options.{name} must be text or null"
        for name in ("name", "description")
        if not isinstance(value.get(name), str | None)
    ]


def _source(value: object) -> list[str]:
    digest = value.get("sha256") if isinstance(value, dict) else None
    if isinstance(digest, str) and DIGEST.fullmatch(digest):
        return []
    return ["source.sha256 must be 64 hex digits: the digest of the model's document"]


def _links(record: dict[str, Any]) -> list[str]:
    links = record.get("links", {})
    if not isinstance(links, dict):
        return ["links must be an object that gives each link's target"]
    if links and _mode(record) != "default":
        return [f"links: a skill in the mode {shown(_mode(record))} has none"]
    return [
        f"links: {shown(path)} must lead to {shown(_shared(path))}, not to {shown(target)}"
        for path, target in links.items()
        if target != _shared(path)
    ]


def _mode(record: dict[str, Any]) -> object:
    options = record.get("options")
    return options.get("mode") if isinstance(options, dict) else None


def _shared(path: str) -> str:
    """Return where a link at this path finds the same file in the creator skill beside it."""
    return "../" * (path.count("/") + 1) + f"{CREATOR}/{path}"


def _files(value: object) -> list[str]:
    if not isinstance(value, dict) or not value:
        return ["files must be an object that gives each file's SHA-256"]
    return [
        f"files: the digest of {shown(path)} must be 64 hex digits"
        for path, digest in value.items()
        if not (isinstance(digest, str) and DIGEST.fullmatch(digest))
    ]


def _lazy(record: dict[str, Any], folder: Folder) -> list[str]:
    messages = []
    expected = (json_object(folder, MODEL_CONFIG) or {}).get("model_id")
    if expected is not None and record.get("model_id") != expected:
        messages.append(f"model_id is not {shown(expected)}, as model_config.json has it")
    options = record.get("options")
    lazy = isinstance(options, dict) and options.get("lazy") is True
    if lazy and not folder.has(f"references/tools/{folder.name}.yaml"):
        messages.append(f"options.lazy is true, but references/tools/{folder.name}.yaml is missing")
    return messages
