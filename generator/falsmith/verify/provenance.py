"""references/provenance.json: what was generated, by which falsmith, how."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from falsmith import __version__
from falsmith.verify.folder import Folder, Problem, quoted

__all__ = [
    "CREATOR",
    "MODEL_CONFIG",
    "PROVENANCE",
    "check_edited",
    "check_provenance",
    "is_creator",
    "is_lazy",
    "is_of_this_version",
    "listed_files",
    "listed_links",
    "mode",
    "was_generated",
]

PROVENANCE = "references/provenance.json"
MODEL_CONFIG = "references/model_config.json"
DIGEST = re.compile(r"[0-9a-f]{64}")
VERSION = re.compile(r"\d+(?:\.\d+)+[A-Za-z0-9.+-]*")
MODES = ("default", "standalone", "public")
# The skill that makes skills: other skills beside it may link to its runtime.
CREATOR = "fal-skill-creator"


def was_generated(folder: Folder) -> bool:
    """Return whether falsmith wrote the skill, though the record of that may be lost by now."""
    return folder.has(PROVENANCE) or folder.has(MODEL_CONFIG)


def is_of_this_version(folder: Folder) -> bool:
    """Return whether the record names this falsmith, or no version that could be another one."""
    version = _record(folder).get("falsmith")
    return version == __version__ or not VERSION.fullmatch(str(version))


def is_creator(folder: Folder) -> bool:
    """Return whether this is the creator skill, which is of no model."""
    return _record(folder).get("skill") == CREATOR


def mode(folder: Folder) -> object:
    """Return the mode that the skill was generated in, None where the record has none."""
    return _options(_record(folder)).get("mode")


def is_lazy(folder: Folder) -> bool:
    """Return whether the skill was generated with --lazy."""
    return _options(_record(folder)).get("lazy") is True


def listed_files(folder: Folder) -> Mapping[str, Any] | None:
    """Return the digest of each file that falsmith wrote, None where the record lists none."""
    files = _record(folder).get("files")
    return files if isinstance(files, dict) else None


def listed_links(folder: Folder) -> dict[str, str]:
    """Return the links that the skill is to have, by path; the value is where each one points."""
    links = _record(folder).get("links")
    if not isinstance(links, dict) or mode(folder) != "default":
        return {}
    return {path: target for path, target in links.items() if target == _shared(path)}


def check_provenance(folder: Folder) -> list[Problem]:
    """Check the fields of provenance.json."""
    record = folder.json_object(PROVENANCE)
    if record is None:
        return folder.json_problems(PROVENANCE)
    if "writing" in record:
        message = "is the record of a write that was interrupted: generate the skill again"
        return [Problem(PROVENANCE, message)]
    own = _of_creator(record, folder) if is_creator(folder) else _of_model(record, folder)
    messages = [*_version(record), *own, *_files(record.get("files"))]
    return [Problem(PROVENANCE, message) for message in messages]


def check_edited(folder: Folder, *, allowed: bool) -> list[Problem]:
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
        notices = [Problem(path, message, "notice") for path in texts]
    else:
        notices = [Problem(path, f"{message}: say --allow-edited, or {anew}") for path in texts]
    return notices + [Problem(path, f"{message}; {anew}") for path in code]


def _record(folder: Folder) -> Mapping[str, Any]:
    return folder.json_object(PROVENANCE) or {}


def _options(record: Mapping[str, Any]) -> Mapping[str, Any]:
    options = record.get("options")
    return options if isinstance(options, dict) else {}


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


def _of_model(record: Mapping[str, Any], folder: Folder) -> list[str]:
    found = _text(record, "model_id")
    expected = (folder.json_object(MODEL_CONFIG) or {}).get("model_id")
    if expected is not None and record.get("model_id") != expected:
        found.append(f"model_id is not {quoted(expected)}, as model_config.json has it")
    found += _option_objections(record.get("options"), folder.name)
    source = record.get("source")
    if not (isinstance(source, dict) and DIGEST.fullmatch(str(source.get("sha256")))):
        found.append("source.sha256 must be 64 hex digits: the digest of the model's document")
    return found + _links(record)


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


def _links(record: Mapping[str, Any]) -> list[str]:
    links = record.get("links", {})
    if not isinstance(links, dict):
        return ["links must be an object that gives each link's target"]
    kind = _options(record).get("mode")
    if links and kind != "default":
        return [f"links: a skill in the mode {quoted(kind)} has none"]
    return [
        f"links: {quoted(path)} must lead to {quoted(_shared(path))}, not to {quoted(target)}"
        for path, target in links.items()
        if target != _shared(path)
    ]


def _shared(path: str) -> str:
    """Return where a link at this path finds the same file in the creator skill beside it."""
    return "../" * (path.count("/") + 1) + f"{CREATOR}/{path}"


def _files(value: object) -> list[str]:
    if not isinstance(value, dict) or not value:
        return ["files must be an object that gives each file's SHA-256"]
    return [
        f"files: the digest of {quoted(path)} must be 64 hex digits"
        for path, digest in value.items()
        if not DIGEST.fullmatch(str(digest))
    ]
